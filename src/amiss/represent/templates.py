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

from amiss.errors import UsageError
from amiss.represent.shapes import WILDCARD
from amiss.represent.template_index import TemplateIndex
from amiss.represent.template_keys import Item, items_of
from amiss.represent.template_mining import Keys, may_cover, merge_rows
from amiss.represent.template_state import checked_state

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
    counts : ndarray of int64, shape (n_templates,), or None
        Events of each in what a model learnt from, where they were counted.
    names : dict of int to str
        What users call templates.
    aliases : dict of int to int
        Templates that a user merged into another.
    divided : set of int
        Templates that a user split: each shape that they cover is a template of its own.

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
        self.counts: NDArray[np.int64] | None = None
        self.names: dict[int, str] = {}
        self.aliases: dict[int, int] = {}
        self.divided: set[int] = set()

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
            fresh = (new[shapes[i]] for i in unknown)
            ids[unknown] = [self.aliases.get(i, i) for i in fresh]
            if self.counts is not None:
                self.counts = np.pad(self.counts, (0, len(self) - len(self.counts)))
        return ids

    def match(self, shapes: Iterable[str]) -> NDArray[np.int64]:
        """Return the template id of each shape, -1 where no template covers it; learns nothing."""
        found = self._find(list(shapes))
        return np.array([self.aliases.get(i, i) for i in found], dtype=np.int64)

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

    def _find(self, shapes: list[str]) -> list[int]:
        if self.is_exact:
            return [self._by_text.get(shape, -1) for shape in shapes]
        ids = [self._known.get(shape, -1) for shape in shapes]
        unknown = [i for i, template in enumerate(ids) if template < 0]
        for i, items in zip(unknown, items_of(shapes[i] for i in unknown), strict=True):
            ids[i] = self._covering([item.key for item in items])
        return ids

    def _covering(self, keys: Sequence[str]) -> int:
        for index in self._indexes:
            found = index.find(keys)
            if found >= 0:
                return -1 if found in self.divided else found
        return -1

    def _mine(self, shapes: list[str]) -> dict[str, int]:
        """Add the templates of distinct shapes that none covers; return the id of each."""
        if self.is_exact:
            return {shape: self._append(shape) for shape in shapes}
        members: dict[Keys, list[tuple[str, list[Item]]]] = {}
        for shape, items in zip(shapes, items_of(shapes), strict=True):
            keys = tuple(item.key for item in items)
            if self.divided and any(index.find(keys) >= 0 for index in self._indexes):
                self._known[shape] = self._append(shape)
            else:
                members.setdefault(keys, []).append((shape, items))
        rows = list(members)
        merged = merge_rows(rows)
        # Wildcards that came to stand side by side are a list, whatever its length.
        joined = items_of(" ".join(keys) for keys in merged)
        groups: dict[Keys, dict[Keys, list[Keys]]] = {}
        for row, keys, items in zip(rows, merged, joined, strict=True):
            listed = tuple(item.key for item in items)
            groups.setdefault(listed, {}).setdefault(keys, []).append(row)
        index = TemplateIndex()
        ids: dict[Keys, int] = {}
        for listed, variants in groups.items():
            rows = [row for of_variant in variants.values() for row in of_variant]
            alike = [items for row in rows for _, items in members[row]]
            only = next(iter(variants)) if len(variants) == 1 else listed
            template = self._append(_text_of(only, alike))
            ids.update((row, template) for row in rows)
            for keys in variants:
                index.add(keys, template, wide=keys not in members or may_cover(keys))
        self._indexes.append(index)
        for row, template in ids.items():
            if index.find(row) != template:
                self._known.update((shape, template) for shape, _ in members[row])
        mined = {shape: ids[row] for row, pairs in members.items() for shape, _ in pairs}
        return {shape: mined.get(shape, self._known.get(shape, -1)) for shape in shapes}

    def _append(self, text: str) -> int:
        known = self._by_text.setdefault(text, len(self._texts))
        if known == len(self._texts):
            self._texts.append(text)
        return known

    def count(self, events: NDArray[np.int64]) -> None:
        """Keep how many of `events`, template ids, are of each template."""
        self.counts = np.bincount(events, minlength=len(self))

    def merge(self, ids: Sequence[int]) -> int:
        """Make templates one: all of their shapes have the lowest of the ids from now on.

        Raises
        ------
        UsageError
            An id is unknown or was split, or they are one template already.

        Examples
        --------
        >>> miner = TemplateMiner()
        >>> _ = miner.add(["link up", "link down"])
        >>> miner.merge([0, 1]), miner.match(["link down"]).tolist()
        (0, [0])
        """
        targets = {self._checked_id(i) for i in ids}
        if len(targets) < 2:
            raise UsageError(f"templates {_listed(ids)} are one already; name two at least")
        lowest = min(targets)
        for i in targets - {lowest}:
            for alias, target in self.aliases.items():
                if target == i:
                    self.aliases[alias] = lowest
            self.aliases[i] = lowest
        if self.counts is not None:
            self.counts[lowest] = self.counts[list(targets)].sum()
        return lowest

    def split(self, template: int) -> None:
        """Undo what was merged into a template, or else let each of its shapes be a template.

        Raises
        ------
        UsageError
            The id is unknown or was split before, or there is nothing to split.

        Examples
        --------
        >>> miner = TemplateMiner()
        >>> shapes = [f"link of {name} down" for name in ("eth", "lo", "tun", "wlan")]
        >>> _ = miner.add(shapes)
        >>> miner.split(0)
        >>> miner.add(shapes).tolist()
        [1, 2, 3, 4]
        """
        target = self._checked_id(template)
        merged = [alias for alias, into in self.aliases.items() if into == target]
        if merged:
            for alias in merged:
                del self.aliases[alias]
            self.counts = None  # which of them the events were of is not known any more
        elif self.is_exact or WILDCARD not in self._texts[target]:
            raise UsageError(f"template {template} is of one shape; there is nothing to split")
        else:
            self.divided.add(target)

    def name(self, template: int, name: str) -> None:
        """Give a template a name; an empty one takes it away.

        Raises
        ------
        UsageError
            The id is unknown or was split.
        """
        target = self._checked_id(template)
        if name.strip():
            self.names[target] = name.strip()
        else:
            self.names.pop(target, None)

    def _checked_id(self, template: int) -> int:
        if not 0 <= template < len(self):
            raise UsageError(
                f"there is no template {template}; ids are 0 to {len(self) - 1}"
                if len(self)
                else f"there is no template {template}: the model has none"
            )
        if template in self.divided:
            raise UsageError(f"template {template} was split; what it covered has ids of its own")
        return self.aliases.get(template, template)

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
        if self.counts is not None:
            state["counts"] = self.counts.tolist()
        if self.names or self.aliases or self.divided:
            state["names"] = {str(i): name for i, name in sorted(self.names.items())}
            state["aliases"] = {str(i): into for i, into in sorted(self.aliases.items())}
            state["split"] = sorted(self.divided)
        return state

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> TemplateMiner:
        """Build a miner from `to_state`.

        Raises
        ------
        ModelError
            The state does not have the form that `to_state` gives.
        """
        return cls()._restored(checked_state(state))

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
        self.names, self.aliases = state["names"], state["aliases"]
        self.divided = set(state["split"])
        self.counts = None if state["counts"] is None else np.array(state["counts"], np.int64)
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


def _listed(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids))


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
