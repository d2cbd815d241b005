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

# Applied to messages in which each run of digits is one 0 (see `amiss.types.RecordBatch`).
# The first alternative keeps its prefix as group 1; Rust's regex has no look-behind.
_VARIABLE = "|".join(
    (
        r"(^|[\s=:,(\[])-0(?:\.0)*\b",  # negative number
        r"/?\b0(?:\.0){3}(?::0)?\b",  # IPv4 address, with port
        r"(?:/[^\s/]+){2,}/[^\s/0]*0[^\s]*",  # path with a number below its second folder
        r"\b0x[0-9a-fA-F]+\b",  # hexadecimal
        r"\b[0a-fA-F]+(?:-[0a-fA-F]+){4}\b",  # UUID
        r"\b[A-Za-z]+_-?0\b",  # identifier such as blk_-0
        r"\b0(?:[.:,]0)*\b",  # number, version, time
        r"0",  # digits inside a word
    )
)


def mask(messages: pl.Series) -> pl.Series:
    r"""Write ``<*>`` for what varies in `messages` by its form alone.

    Parameters
    ----------
    messages : polars.Series of str
        Messages with each run of digits written as one ``0``.

    Examples
    --------
    >>> mask(pl.Series(["Received block blk_-0 of size 0 from /0.0.0.0"])).to_list()
    ['Received block <*> of size <*> from <*>']
    """
    return messages.str.replace_all(_VARIABLE, "${1}" + WILDCARD).str.strip_chars()


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
        texts = (kinds["message"] if masked else mask(kinds["message"])).to_list()
        ids = np.empty(len(texts), dtype=np.int32)
        for row, shape in enumerate(zip(kinds["level"].to_list(), texts, strict=True)):
            known = self._ids.setdefault(shape, len(self.texts))
            if known == len(self.texts):
                self.levels.append(shape[0])
                self.texts.append(shape[1])
            ids[row] = known
        return ids
