"""The template miner: shapes that differ in what varies are one template.

What varies by its form is left out of a shape's keys (`amiss.represent.template_keys`); what varies
by the values it takes is found from all shapes together (`amiss.represent.template_mining`). The
result is a frozen map: a fitted model matches shapes to it, and a shape that no template covers is
new, not a reason to widen one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import ModelError
from amiss.represent.shapes import WILDCARD
from amiss.represent.template_index import TemplateIndex
from amiss.represent.template_keys import Item, items_of
from amiss.represent.template_mining import Keys, may_cover, merge_rows

_SYNTAX = str.maketrans({c: "\\" + c for c in r"\.+*?()|[]{}^$#&-~/"})


class TemplateMiner:
    """Group shapes into templates with ids that never change their meaning.

    Parameters
    ----------
    exact : bool
        Each distinct text, taken as it is, is a template.

    Attributes
    ----------
    templates : list of str
        Text of each template, by id: the words that all its shapes have, wildcards elsewhere.

    Notes
    -----
    Shapes that are added together are compared with each other, in no order: templates do not
    depend on how a log was cut into batches, only their numbers do. Shapes added later join a
    template that covers them or make new ones.

    References
    ----------
    P. He, J. Zhu, Z. Zheng, M. R. Lyu: Drain: An Online Log Parsing Approach with Fixed Depth
    Tree. ICWS 2017. H. Dai, H. Li, C.-S. Chen, W. Shang, T.-H. Chen: Logram: Efficient Log Parsing
    Using n-Gram Dictionaries. IEEE TSE 2022.

    Examples
    --------
    >>> miner = TemplateMiner()
    >>> miner.add([f"session opened for {name}" for name in "abcd"] + ["session closed"])
    array([0, 0, 0, 0, 1])
    >>> miner.templates
    ['session opened for <*>', 'session closed']
    """

    def __init__(self, *, exact: bool = False) -> None:
        self.is_exact = exact
        self._texts: list[str] = []
        self._by_text: dict[str, int] = {}
        # One for each call of `add`: what was there before covers first.
        self._indexes: list[TemplateIndex] = []
        # What the index alone would match to another template.
        self._known: dict[str, int] = {}

    @classmethod
    def exact(cls) -> TemplateMiner:
        """Return a miner for texts that are templates already: it keeps them all apart.

        Examples
        --------
        >>> miner = TemplateMiner.exact()
        >>> miner.add(["open <*>", "open file", "open  file", "open <*>"])
        array([0, 1, 2, 0])
        """
        return cls(exact=True)

    @property
    def templates(self) -> list[str]:
        """Text of each template, by id."""
        return list(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, shapes: Iterable[str]) -> NDArray[np.int64]:
        """Return the template id of each shape, adding templates as needed.

        The templates there are keep their ids and texts, and what they cover.
        """
        shapes = list(shapes)
        ids = self.match(shapes)
        unknown = np.flatnonzero(ids < 0).tolist()
        if unknown:
            new = self._mine(list(dict.fromkeys(shapes[i] for i in unknown)))
            ids[unknown] = [new[shapes[i]] for i in unknown]
        return ids

    def match(self, shapes: Iterable[str]) -> NDArray[np.int64]:
        """Return the template id of each shape, -1 where no template covers it; learns nothing."""
        return np.array([self._find(shape) for shape in shapes], dtype=np.int64)

    def extended(self, shapes: Sequence[str]) -> tuple[NDArray[np.int64], TemplateMiner]:
        """Match `shapes`; those not covered get ids beyond the known ones, in a copy.

        Returns
        -------
        ids : ndarray of int64
        miner : TemplateMiner
            Knows the new templates too; the known ones are untouched.
        """
        copy = TemplateMiner.from_state(self.to_state())
        return copy.add(shapes), copy

    def _find(self, shape: str) -> int:
        known = self._known.get(shape)
        if known is not None:
            return known
        if self.is_exact:
            return self._by_text.get(shape, -1)
        return self._covering([item.key for item in items_of(shape)])

    def _covering(self, keys: Sequence[str]) -> int:
        for index in self._indexes:
            found = index.find(keys)
            if found >= 0:
                return found
        return -1

    def _mine(self, shapes: list[str]) -> dict[str, int]:
        """Add the templates of distinct shapes that none covers; return the id of each."""
        if self.is_exact:
            return {shape: self._append(shape) for shape in shapes}
        members: dict[Keys, list[tuple[str, list[Item]]]] = {}
        for shape in shapes:
            items = items_of(shape)
            members.setdefault(tuple(item.key for item in items), []).append((shape, items))
        # Wildcards that came to stand side by side are a list, whatever its length.
        groups: dict[Keys, dict[Keys, list[Keys]]] = {}
        for row, merged in zip(members, merge_rows(list(members)), strict=True):
            listed = merged
            if merged != row:
                listed = tuple(item.key for item in items_of(" ".join(merged)))
            groups.setdefault(listed, {}).setdefault(merged, []).append(row)
        index = TemplateIndex()
        ids: dict[Keys, int] = {}
        for listed, variants in groups.items():
            rows = [row for of_variant in variants.values() for row in of_variant]
            mine = [items for row in rows for _, items in members[row]]
            only = next(iter(variants)) if len(variants) == 1 else listed
            template = self._append(_text_of(only, mine))
            ids.update((row, template) for row in rows)
            for keys in variants:
                index.add(keys, template, wide=keys not in members or may_cover(keys))
        self._indexes.append(index)
        for row, template in ids.items():
            if index.find(row) != template:
                self._known.update((shape, template) for shape, _ in members[row])
        return {shape: ids[row] for row, mine in members.items() for shape, _ in mine}

    def _append(self, text: str) -> int:
        known = self._by_text.setdefault(text, len(self._texts))
        if known == len(self._texts):
            self._texts.append(text)
        return known

    def to_state(self) -> dict[str, Any]:
        """Return all that is needed to build this miner again, as plain JSON values."""
        # Only shapes that the templates alone would not tell: the log's words stay out of a model.
        state: dict[str, Any] = {
            "exact": self.is_exact,
            "templates": self.templates,
            "joined": dict(self._known),
        }
        if not self.is_exact:
            state["keys"] = [
                [[list(keys), i, wide] for keys, i, wide in index.rows()] for index in self._indexes
            ]
        return state

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TemplateMiner:
        """Build a miner from `to_state`.

        Raises
        ------
        ModelError
            The state does not have the form that `to_state` gives.
        """
        return cls()._restored(_checked(state))

    def _restored(self, state: dict[str, Any]) -> TemplateMiner:
        self.is_exact = state["exact"]
        for text in state["templates"]:
            # Older models may have two templates of one text: both keep their ids.
            self._by_text.setdefault(text, len(self._texts))
            self._texts.append(text)
        for rows in state["keys"]:
            self._indexes.append(TemplateIndex())
            for keys, template, wide in rows:
                self._indexes[-1].add(keys, template, wide=wide)
        self._known.update(state["joined"])
        return self


def _text_of(keys: Keys, shapes: list[list[Item]]) -> str:
    """Return the words that all `shapes` have, those of `keys` where they differ."""
    if any(len(items) != len(keys) for items in shapes):
        return " ".join(keys)
    words = []
    for key, *items in zip(keys, *shapes, strict=True):
        texts = {item.text for item in items}
        words.append(texts.pop() if len(texts) == 1 else key)
    return " ".join(words)


def _checked(state: Any) -> dict[str, Any]:
    """Return a state as it is written today; it may be of a model of an earlier version.

    Raises
    ------
    ModelError
        It is not one.
    """
    try:
        texts, joined = state["templates"], state["joined"]
        exact = state["exact"] if "exact" in state else state["similarity"] > 1
        keys = state.get("keys")
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the templates in this model are malformed ({error!r})") from None

    def is_id(value: Any) -> bool:
        return isinstance(value, int) and 0 <= value < len(texts)

    def are_texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)

    def is_row(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == 3
            and are_texts(value[0])
            and is_id(value[1])
            and isinstance(value[2], bool)
        )

    well_formed = (
        isinstance(exact, bool)
        and are_texts(texts)
        and isinstance(joined, dict)
        and all(is_id(i) for i in joined.values())
        and (keys is None or isinstance(keys, list))
        and all(isinstance(rows, list) and all(map(is_row, rows)) for rows in keys or [])
    )
    if not well_formed:
        raise ModelError("the templates in this model are malformed; expected texts and ids")
    if keys is None and not exact:
        # Before there were keys, they were the words of the text, and each wildcard covered.
        keys = [[[[item.key for item in items_of(text)], i, True] for i, text in enumerate(texts)]]
    return {"exact": exact, "templates": texts, "joined": joined, "keys": keys or []}


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
