"""Shapes: distinct masked messages.

A shape is a pure function of one line: its message with every variable part that can be told from
the line alone (numbers, addresses, identifiers) written ``<*>``. Shapes are few where lines are
many, so everything after this works on shapes; templates are groups of shapes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

WILDCARD = "<*>"

# What follows is applied to messages in which each run of digits is one 0 (see
# `amiss.types.RecordBatch`), in this order. Rust's regex is linear in the message and has no
# look-around: what stands beside a match is captured and put back.
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?"
_WEEKDAY = r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6}[,.]?"
_CLOCK = r"0:0(?::0)?(?:[.,]0)?"
_DATE = (
    rf"\b(?:{_WEEKDAY}\s+)?(?:{_MONTH}\s+0|0\s+{_MONTH}\s+0)"
    rf"(?:(?:,?\s+0)?,?\s+{_CLOCK}(?:\s+(?:[A-Z]{{3,4}}\s+)?0\b)?|,?\s+0\b)?"
)
_HEXADECIMAL = "|".join(
    (
        r"\b[0a-fA-F]{1,4}(?::[0a-fA-F]{1,4}){5,}\b",  # hardware or IPv6 address
        r"\b[0a-fA-F]{1,8}(?:-[0a-fA-F]{1,4}){3}-[0a-fA-F]{1,12}\b",  # UUID
        r"\b[a-f]{8,}\b|\b[A-F]{8,}\b",  # a number that happens to have no digit
    )
)
_ADDRESS_WITH_PORT = r"\b0\.0\.0\.0:0\b"
_QUOTED_VALUE = r"=\"[^\"]*\""
# One regex for all of them, since each match hides what is behind it; but none in it that could
# match without a digit: the last alternative would look for one to the end of the line each time.
# A word ends at blanks, quotes, brackets and at , ; = |. A colon is in it only behind a digit
# (12:34:56), and no full stop or colon ends it, so that "port:", "at" and "12:" keep theirs.
_INSIDE = r"[^\s\"'()\[\]{}<>,;=:|]"
_BEHIND = r"(?:(?:[^\s\"'()\[\]{}<>,;=|:]|:0)*(?:[^\s\"'()\[\]{}<>,;=|:.!?/]|:0))?"
_IN_PATH = r"[^\s\"'()\[\]<>,;]"
_WORD = "|".join(
    (
        r"(/)0\.0\.0\.0\b",  # address as Java writes it
        rf"[\w.~@%+-]*/{_IN_PATH}*0(?:{_IN_PATH}*[^\s\"'()\[\]<>,;.:])?",  # path with a digit
        r"\b([A-Za-z]{2,}(?:_[A-Za-z]{2,})*_)-?0" + _BEHIND,  # identifier such as blk_-0
        r"\b([A-Za-z]{2,}[-.])0(\s|$)",  # core.0, part-0
        r"([A-Za-z][\w-]*(?:\.{3,}|-{3,}))0\b",  # label, leader, value
        r"\b0(\s?(?:[KMGT]i?B|[kKMGT]b|[mun]s|secs?|[KMGT])\b)",  # quantity with its unit
        r"(^|\s)-?0(?:,0)+\b",  # 1,024
        rf"{_INSIDE}*0{_BEHIND}",  # any other word with a digit in it
    )
)


def mask(messages: pl.Series) -> pl.Series:
    r"""Write ``<*>`` for what varies in `messages` by its form alone.

    Dates, addresses, UUIDs, hexadecimal strings, and words with a digit in them; of identifiers
    such as ``blk_38`` the prefix stays. White space is written as single blanks.

    Parameters
    ----------
    messages : polars.Series of str
        Messages with each run of digits written as one ``0``.

    Examples
    --------
    >>> mask(pl.Series(["Received block blk_-0 of size 0 from /0.0.0.0:0"])).to_list()
    ['Received block blk_<*> of size <*> from /<*>:<*>']
    """
    return (
        messages.str.replace_all(_DATE, "0")
        .str.replace_all(_HEXADECIMAL, "0")
        .str.replace_all(_ADDRESS_WITH_PORT, WILDCARD + ":" + WILDCARD)
        .str.replace_all(_QUOTED_VALUE, '="' + WILDCARD + '"')
        .str.replace_all(_WORD, "${1}${2}${3}${5}${7}" + WILDCARD + "${4}${6}")
        .str.replace_all(r"[\s\x1c-\x1f]+", " ")
        .str.strip_chars(" ")
    )


@dataclass(slots=True)
class ShapeTable:
    """Shapes by id, append-only: an id never changes its meaning.

    Attributes
    ----------
    texts, levels : list of str
        The masked message and the log level of each shape.
    """

    texts: list[str] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)
    _ids: dict[tuple[str, str], int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.texts)

    def add(self, kinds: pl.DataFrame, *, masked: bool = False) -> NDArray[np.int32]:
        """Return the shape id of each row of `kinds`, adding shapes not seen before.

        Parameters
        ----------
        kinds : polars.DataFrame
            Columns ``level`` and ``message``.
        masked : bool
            The messages are shapes already, and taken as they are.
        """
        texts = kinds["message"] if masked else mask(kinds["message"])
        frame = pl.DataFrame({"level": kinds["level"], "text": texts})
        # Kinds are many where shapes are few (identifiers of letters): Python sees the distinct.
        distinct = frame.unique(maintain_order=True)
        known = np.empty(len(distinct), dtype=np.int32)
        for row, shape in enumerate(distinct.iter_rows()):
            known[row] = self._ids.setdefault(shape, len(self.texts))
            if known[row] == len(self.texts):
                self.levels.append(shape[0])
                self.texts.append(shape[1])
        found = frame.join(
            distinct.with_columns(id=pl.Series(known)),
            on=["level", "text"],
            how="left",
            nulls_equal=True,
            maintain_order="left",
        )
        return found["id"].to_numpy()
