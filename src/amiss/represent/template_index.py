"""Which template covers a shape: a tree of keys, walked word by word."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence

from amiss.represent.shapes import WILDCARD
from amiss.represent.template_keys import blank_of

_STEPS = 10_000
"""Nodes looked at for one shape, so that no line takes long; logs as they are need a few dozen."""


class _Node:
    __slots__ = ("below", "open", "template")

    def __init__(self) -> None:
        self.below: dict[str, _Node] = {}
        self.open: list[str] = []
        """Of the keys below, wildcards with no more than punctuation around them."""
        self.template = -1


class TemplateIndex:
    """Templates by their keys.

    A template covers its keys; if it is wide, a wildcard of it also covers any word in its place,
    punctuation or not. Of several such templates the one with the constants furthest ahead is
    found.

    Examples
    --------
    >>> index = TemplateIndex()
    >>> index.add(("session", "of", "<*>"), 0, wide=True)
    >>> index.add(("session", "of", "root"), 1, wide=False)
    >>> index.find(["session", "of", "root"]), index.find(["session", "of", "bob"])
    (1, 0)
    """

    def __init__(self) -> None:
        self._root = _Node()
        self._same: dict[tuple[str, ...], tuple[int, bool]] = {}

    def add(self, keys: Sequence[str], template: int, *, wide: bool) -> None:
        """Let `template` cover what `keys` cover; a template that does already keeps it."""
        self._same.setdefault(tuple(keys), (template, wide))
        if not wide:
            return
        node = self._root
        for key in keys:
            if key not in node.below:
                node.below[key] = _Node()
                if WILDCARD in key and blank_of(key) == key:
                    insort(node.open, key)
            node = node.below[key]
        if node.template < 0:
            node.template = template

    def find(self, keys: Sequence[str]) -> int:
        """Return the template that covers `keys`, -1 if none does."""
        same = self._same.get(tuple(keys))
        if same is not None:
            return same[0]
        steps = _STEPS
        stack = [(self._root, 0)]
        while stack and steps:
            node, depth = stack.pop()
            steps -= 1
            if depth == len(keys):
                if node.template >= 0:
                    return node.template
                continue
            # Depth first: what is pushed last is tried first.
            key = keys[depth]
            choices = dict.fromkeys((key, blank_of(key), *node.open))
            stack.extend(
                (node.below[choice], depth + 1)
                for choice in reversed(choices)
                if choice in node.below
            )
        return -1

    def rows(self) -> Iterator[tuple[tuple[str, ...], int, bool]]:
        """Yield keys, template, and whether it is wide, in the order they were added."""
        for keys, (template, wide) in self._same.items():
            yield keys, template, wide
