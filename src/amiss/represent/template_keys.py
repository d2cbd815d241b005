"""What two shapes must share to be one template whatever the statistics say: their keys.

A shape keeps what its template's text is better with – the prefix of an identifier, a path without
a digit, the value behind ``user=`` – and a key leaves it out: all that varies by its form.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from amiss.represent.shapes import WILDCARD

_MARK = "0"  # stands for the wildcard here: shapes have no digits
_VALUE = re.compile(r'([A-Za-z_][\w.-]*)=(?:"[^"]*"|[^\s,;&)\]"]*)')
_PATH = re.compile(
    r"""(^|["'(\[=,:])(?:(?:[A-Za-z]+:/)?[\w.~@-]*/[^"',;()\[\]<>]*/|/)[^"',;)\]<>]*[^"',;)\]<>.:]"""
)
_WINDOWS_PATH = re.compile(r"""(^|["'(\[=,])(?:[A-Za-z]:)?\\[^"',;)\]<>]+""")
_WORD = re.compile(r"""[^"'()\[\]{}<>,;=:|]*0(?:[^"'()\[\]{}<>,;=|]*[^"'()\[\]{}<>,;=|.:])?""")
_LEADER = re.compile(r"(\.{3,}|-{3,})")
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+:0")
_LIST = re.compile(r"0(?:,0)+")
_UNIT = re.compile(r"[KMGT]?i?B([,;.:)\]]*)")
_RUN = (WILDCARD, WILDCARD + ",")
_OPENING = "[{(<\"'"
_CLOSING = "]})>\"',;:.!?"


class Item(NamedTuple):
    """One word of a shape, or several that vary in number: its key, and its text."""

    key: str
    text: str


def items_of(shape: str) -> list[Item]:
    """Return the items of a shape, in order.

    Wildcards that follow each other are one item, since lists vary in length, and so is a number
    with the unit of its size.

    Examples
    --------
    >>> items_of("session <*> <*> opened by user=bob")[1:3]
    [Item(key='<*>', text='<*> <*>'), Item(key='opened', text='opened')]
    >>> items_of("block blk_<*> user=bob")[1:]
    [Item(key='<*>', text='blk_<*>'), Item(key='user=<*>', text='user=bob')]
    """
    items: list[Item] = []
    for word in shape.split():
        key = key_of(word)
        if items and items[-1].key in _RUN:
            before = items[-1]
            if key in _RUN:
                items[-1] = Item(key, f"{before.text} {word}")
                continue
            unit = _UNIT.fullmatch(key)
            if unit and before.key == WILDCARD:
                items[-1] = Item(WILDCARD + unit[1], f"{before.text} {word}")
                continue
        items.append(Item(key, word))
    return items


@lru_cache(maxsize=1 << 16)
def key_of(word: str) -> str:
    """Return a word of a shape with all of it that varies by its form as a wildcard."""
    if word == "()":
        return f"({WILDCARD})"  # a name that was not found out
    marked = word.replace(WILDCARD, _MARK)
    if "/" in marked:
        marked = _PATH.sub(r"\g<1>0", marked)
    if "=" in marked:
        marked = _VALUE.sub(r"\1=0", marked)
    if "\\" in marked:
        marked = _WINDOWS_PATH.sub(r"\g<1>0", marked)
    if _MARK in marked:
        parts = _LEADER.split(_HOST.sub(_MARK, marked))
        marked = _LIST.sub(_MARK, "".join(_WORD.sub(_MARK, part) for part in parts))
    return marked.replace(_MARK, WILDCARD)


@lru_cache(maxsize=1 << 16)
def blank_of(key: str) -> str:
    """Return a wildcard with the punctuation around `key`: the form of a word that varies.

    Examples
    --------
    >>> blank_of("(alice),")
    '(<*>),'
    """
    marked = key.replace(WILDCARD, _MARK)
    inside = marked.lstrip(_OPENING)
    opening = marked[: len(marked) - len(inside)]
    core = inside.rstrip(_CLOSING)
    return opening + WILDCARD + inside[len(core) :] if core else WILDCARD
