"""The template miner: shapes that differ in a few variable words are one template.

After Drain (He et al., ICWS 2017): shapes are kept apart by their number of words and their first
word, then join the most similar template if enough constant words agree; words that differ become
``<*>``. Unlike Drain it sees each distinct masked message once, not each line, and it is frozen
when a model is applied: a message that no template covers is then new, not a reason to widen one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import ModelError
from amiss.represent.shapes import WILDCARD

_EXACT = 2.0
"""A similarity that no two texts have: nothing joins."""
_SYNTAX = str.maketrans({c: "\\" + c for c in r"\.+*?()|[]{}^$#&-~/"})


class TemplateMiner:
    """Group shapes into templates with ids that never change their meaning.

    Parameters
    ----------
    similarity : float, default 0.6
        Share of words that must be the same constants for a shape to join a template. Above 1
        nothing joins: each distinct text, taken as it is, is a template (see `exact`).

    Attributes
    ----------
    templates : list of str
        Text of each template, by id. A text may gain wildcards while shapes are added; every
        shape that had the id keeps it.

    References
    ----------
    P. He, J. Zhu, Z. Zheng, M. R. Lyu: Drain: An Online Log Parsing Approach with Fixed Depth
    Tree. ICWS 2017.

    Examples
    --------
    >>> miner = TemplateMiner()
    >>> miner.add(["session opened for alice", "session closed", "session opened for bob"])
    array([0, 1, 0])
    >>> miner.templates
    ['session opened for <*>', 'session closed']
    """

    def __init__(self, similarity: float = 0.6) -> None:
        self.similarity = similarity
        self._is_exact = similarity > 1
        self._words: list[tuple[str, ...]] = []
        # A template widened later may cover a shape more closely than the one it has joined.
        self._joined: dict[tuple[str, ...], int] = {}
        self._groups: dict[tuple[int, str], list[int]] = defaultdict(list)

    @classmethod
    def exact(cls) -> TemplateMiner:
        """Return a miner for texts that are templates already: it keeps them all apart.

        Examples
        --------
        >>> miner = TemplateMiner.exact()
        >>> miner.add(["open <*>", "open file", "open  file", "open <*>"])
        array([0, 1, 2, 0])
        """
        return cls(_EXACT)

    @property
    def templates(self) -> list[str]:
        """Text of each template, by id."""
        return [" ".join(words) for words in self._words]

    def __len__(self) -> int:
        return len(self._words)

    def add(self, shapes: Iterable[str]) -> NDArray[np.int64]:
        """Return the template id of each shape, adding and widening templates as needed."""
        return np.array([self._add(self._split(shape)) for shape in shapes], dtype=np.int64)

    def match(self, shapes: Iterable[str]) -> NDArray[np.int64]:
        """Return the template id of each shape, -1 where no template covers it; learns nothing."""
        return np.array([self._find(self._split(shape)) for shape in shapes], dtype=np.int64)

    def extended(self, shapes: Sequence[str]) -> tuple[NDArray[np.int64], TemplateMiner]:
        """Match `shapes`; those not covered get ids beyond the known ones, in a copy.

        Returns
        -------
        ids : ndarray of int64
        miner : TemplateMiner
            Knows the new templates too; the known ones are untouched.
        """
        ids = self.match(shapes)
        unknown = np.flatnonzero(ids < 0).tolist()
        news = TemplateMiner(self.similarity)
        ids[unknown] = len(self) + news.add(shapes[i] for i in unknown)
        copy = TemplateMiner(self.similarity)
        copy._load([*self._words, *news._words])
        copy._joined.update(self._joined)
        copy._joined.update(
            zip((self._split(shape) for shape in shapes), ids.tolist(), strict=True)
        )
        return ids, copy

    def _split(self, shape: str) -> tuple[str, ...]:
        return (shape,) if self._is_exact else tuple(shape.split())

    def _add(self, words: tuple[str, ...]) -> int:
        known = self._find(words)
        self._joined[words] = self._join(words) if known < 0 else known
        return self._joined[words]

    def _find(self, words: tuple[str, ...]) -> int:
        joined = self._joined.get(words)
        return self._match(words) if joined is None else joined

    def _join(self, words: tuple[str, ...]) -> int:
        if self._is_exact:
            return self._append(words)
        best, best_same = -1, self.similarity * len(words)
        for candidate in self._candidates(words):
            same = sum(
                a == b and WILDCARD not in a
                for a, b in zip(self._words[candidate], words, strict=True)
            )
            if same >= best_same and same > 0:
                best, best_same = candidate, same + 1e-9
        if best < 0:
            return self._append(words)
        self._words[best] = tuple(
            a if a == b else WILDCARD for a, b in zip(self._words[best], words, strict=True)
        )
        return best

    def _match(self, words: tuple[str, ...]) -> int:
        if self._is_exact:
            return self._joined.get(words, -1)
        best, most_constants = -1, -1
        for candidate in self._candidates(words):
            template = self._words[candidate]
            if all(a in (b, WILDCARD) for a, b in zip(template, words, strict=True)):
                constants = sum(a != WILDCARD for a in template)
                if constants > most_constants:
                    best, most_constants = candidate, constants
        return best

    def _append(self, words: tuple[str, ...]) -> int:
        if self._is_exact:
            self._joined.setdefault(words, len(self._words))
        else:
            self._groups[_group(words)].append(len(self._words))
        self._words.append(words)
        return len(self._words) - 1

    def _candidates(self, words: tuple[str, ...]) -> list[int]:
        return self._groups.get(_group(words), [])

    def _load(self, templates: Iterable[tuple[str, ...]]) -> None:
        for words in templates:
            self._append(words)

    def to_state(self) -> dict[str, Any]:
        """Return all that is needed to build this miner again, as plain JSON values."""
        # Only shapes that the templates alone would not tell: the log's words stay out of a model.
        joined = {
            " ".join(words): template
            for words, template in self._joined.items()
            if self._match(words) != template
        }
        return {"similarity": self.similarity, "templates": self.templates, "joined": joined}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TemplateMiner:
        """Build a miner from `to_state`.

        Raises
        ------
        ModelError
            The state does not have the form that `to_state` gives.
        """
        try:
            similarity, templates = state["similarity"], state["templates"]
            joined = state["joined"]
        except (KeyError, TypeError) as error:
            raise ModelError(f"the templates in this model are malformed ({error!r})") from None
        well_formed = (
            isinstance(similarity, int | float)
            and isinstance(templates, list)
            and all(isinstance(text, str) for text in templates)
            and isinstance(joined, dict)
            and all(isinstance(i, int) and 0 <= i < len(templates) for i in joined.values())
        )
        if not well_formed:
            raise ModelError("the templates in this model are malformed; expected texts and ids")
        miner = cls(float(similarity))
        miner._load(miner._split(text) for text in templates)
        miner._joined.update((miner._split(text), i) for text, i in joined.items())
        return miner


def _group(words: tuple[str, ...]) -> tuple[int, str]:
    """Return what two shapes must share to be compared: word count and first constant word."""
    first = words[0] if words else ""
    return len(words), "" if WILDCARD in first else first


def parameters(messages: pl.Series, template: str) -> list[list[str] | None]:
    """Return the variable parts of messages of one template, in order; None where it differs.

    Linear in the length of the message, whatever the message.

    Parameters
    ----------
    messages : polars.Series of str
        Messages as logged, without header.
    template : str

    Examples
    --------
    >>> parameters(pl.Series(["Served block blk_7 to /10.0.0.1"]), "Served block <*> to <*>")
    [['blk_7', '/10.0.0.1']]
    """
    space = r"[\s\x1c-\x1f]"  # what str.split takes for white space
    words = (
        "(.*?)".join(part.translate(_SYNTAX) for part in word.split(WILDCARD))
        for word in template.split()
    )
    pattern = f"^{space}*" + f"{space}+".join(words) + f"{space}*$"
    fits = messages.str.contains(pattern).to_list()
    if WILDCARD not in template:
        return [[] if fit else None for fit in fits]
    rows = messages.str.extract_groups(pattern).to_list()
    return [list(row.values()) if fit else None for row, fit in zip(rows, fits, strict=True)]
