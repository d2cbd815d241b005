"""What two shapes must share to be one template whatever the statistics say: their keys.

A shape keeps what its template's text is better with – the prefix of an identifier, a path without
a digit, the value behind ``user=`` – and a key leaves it out: all that varies by its form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import polars as pl

from amiss.represent.shapes import WILDCARD

# Rust's regex, as in `amiss.represent.shapes`: linear in the word, however long a line has made it.
_MARK = "0"  # stands for the wildcard here: shapes have no digits
_DOTS, _DASHES = "…", "—"  # stand for leaders between a label and its value
_OUTSIDE_OF_WORD = rf"""\s"'()\[\]{{}}<>,;=|{_DOTS}{_DASHES}"""
# From the root, or of several folders, or behind the name of a protocol.
_PATH = (
    r"""(^|["'(\[=,:])(?:(?:[A-Za-z]+:/)?[\w.~@-]*/[^"',;()\[\]<>]*/|/)"""
    r"""[^"',;)\]<>]*[^"',;)\]<>.:]"""
)
_WITH_MARK = (
    rf"[^{_OUTSIDE_OF_WORD}:]*0"
    rf"(?:(?:[^{_OUTSIDE_OF_WORD}:]|:0)*(?:[^{_OUTSIDE_OF_WORD}:.]|:0))?"
)
_VALUES = (
    (r'([A-Za-z_][\w.-]*)=(?:"[^"]*"|[^\s,;&)\]"]+)', "${1}=0"),
    (r"([A-Za-z_][\w.-]*)=([,;&)\]])", "${1}=0${2}"),
    (r"([A-Za-z_][\w.-]*)=$", "${1}=0"),
)
"""What stands behind ``name=``."""
_STEPS = (
    (r"\.{3,}", _DOTS),
    (r"-{3,}", _DASHES),
    (r"^[<>]=?0([^>]|$)", "0${1}"),  # <1 sec
    (
        r"""(^|["'(\[{=,:])(?:true|false|null|True|False|None|TRUE|FALSE|NULL)($|["')\]},;.])""",
        "${1}0${2}",
    ),
    (_PATH, "${1}0"),
    *_VALUES,
    (r"""(^|["'(\[=,])(?:[A-Za-z]:)?\\[^"',;)\]<>]+""", "${1}0"),
    (r"[\w-]+(?:\.[\w-]+)+:0", "0"),  # host and port
    (_WITH_MARK, "0"),
    (r"0(?:,0)+", "0"),
    (_DOTS, "..."),
    (_DASHES, "---"),
    (_MARK, WILDCARD),
    (r"^\(\)$", f"({WILDCARD})"),  # a name that was not found out
)
_UNIT = re.compile(r"(?:[KMGT]?i?B|[mun]?s|secs?)([,;.:)\]]*)")
_QUANTITY = re.compile(r"[\[({\"']*<\*>")
_RUN = (WILDCARD, WILDCARD + ",")
_OPENING = "[{(<\"'"
_CLOSING = "]})>\"',;:.!?"


class Item(NamedTuple):
    """One word of a shape, or several that vary in number: its key, and its text."""

    key: str
    text: str


def items_of(shapes: Iterable[str]) -> list[list[Item]]:
    """Return the items of each shape, in order.

    Wildcards that follow each other are one item, since lists vary in length, and so is a number
    with the unit of a size or a time.

    Examples
    --------
    >>> (items,) = items_of(["session <*> <*> opened by user=bob"])
    >>> items[1:3]
    [Item(key='<*>', text='<*> <*>'), Item(key='opened', text='opened')]
    >>> items[4]
    Item(key='user=<*>', text='user=bob')
    """
    words = [shape.split() for shape in shapes]
    distinct = list(dict.fromkeys(word for row in words for word in row))
    key = dict(zip(distinct, keys_of(distinct), strict=True))
    # Where there is nothing but named values, what happened is one of them.
    named = [all(WILDCARD in key[word] for word in row) and "=" in "".join(row) for row in words]
    kept = list(
        dict.fromkeys(w for row, is_so in zip(words, named, strict=True) if is_so for w in row)
    )
    with_values = dict(zip(kept, keys_of(kept, values=True), strict=True))
    return [
        _joined([Item((with_values if is_so else key)[word], word) for word in row])
        for row, is_so in zip(words, named, strict=True)
    ]


def keys_of(words: Sequence[str], *, values: bool = False) -> list[str]:
    """Return words of shapes with all of them that varies by its form as a wildcard.

    With `values` what stands behind ``name=`` stays, unless it varies by its form.

    Examples
    --------
    >>> keys_of(["blk_<*>", "/etc/passwd:", "uid=<*>,", "opened"])
    ['<*>', '<*>:', 'uid=<*>,', 'opened']
    """
    keys = pl.Series(words, dtype=pl.String).str.replace_all(WILDCARD, _MARK, literal=True)
    for pattern, replacement in _STEPS:
        if values and (pattern, replacement) in _VALUES:
            continue
        keys = keys.str.replace_all(pattern, replacement)
    return keys.to_list()


def _joined(items: list[Item]) -> list[Item]:
    joined: list[Item] = []
    for item in items:
        if joined and WILDCARD in joined[-1].key:
            key, text = joined[-1]
            if key in _RUN and item.key in _RUN:
                joined[-1] = Item(item.key, f"{text} {item.text}")
                continue
            unit = _UNIT.fullmatch(item.key)
            if unit and _QUANTITY.fullmatch(key):
                joined[-1] = Item(key + unit[1], f"{text} {item.text}")
                continue
        joined.append(item)
    return joined


@lru_cache(maxsize=1 << 16)
def blank_of(key: str) -> str:
    """Return a wildcard with what is around `key`, its name or punctuation: a word that varies.

    Examples
    --------
    >>> blank_of("(alice),")
    '(<*>),'
    >>> blank_of("method=GET")
    'method=<*>'
    """
    name, equals, value = key.partition("=")
    if name and equals and value and WILDCARD not in key:
        return f"{name}={WILDCARD}"
    marked = key.replace(WILDCARD, _MARK)
    inside = marked.lstrip(_OPENING)
    opening = marked[: len(marked) - len(inside)]
    core = inside.rstrip(_CLOSING)
    return opening + WILDCARD + inside[len(core) :] if core else WILDCARD
