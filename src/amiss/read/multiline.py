"""Records of several lines: a stack trace belongs to the line that it follows.

A line continues the record before it if it does not look like the head of one. Of a continuation,
the first line that names an exception says what happened: it goes into the record's message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import CSV, GIVEN, HEADER, JSON, LOGFMT, Format
from amiss.read.header_parts import TIMES
from amiss.read.lines import Lines
from amiss.read.named_values import in_quotes

MAX_RECORD = 10_000
"""Lines of a record; what comes after begins another one."""
_CELL = 100
"""Lines of a cell of a table."""
_MAX_BYTES = 1 << 26
"""Bytes of a record that are held back until its end is seen."""

#: What continues a record in any format: indented lines, and lines of stack traces.
CONTINUES = (
    r"^(?:\s+\S|at [\w$.<]+|Caused by:|Suppressed:|\.\.\. \d+ |[\])}]+[;,]?\s*$"
    r"|Stack trace:|\[stacktrace\]|#\d+ +[/{\w\[(])"
)
_OTHERS = rf"^(?:[\[(<]?(?:{TIMES})|\{{\".*\}}\s*$)"
_FREE = 50
"""Lines of a record that look like nothing that continues one; further ones are records."""
#: A line that says what happened.
_TRACE_HEAD = r"^(?:Traceback \(|goroutine \d+ \[)"
_SAYS = (
    r"^\s*(?:Caused by: |Exception in thread \"[^\"]*\" )?"
    r"(?:(?:[\w$]+[./:])*[\w$]*(?:Exception|Error|Throwable|Fault|Interrupt|Exit)(?:$|[:\s(])"
    r"|panic: |fatal error: )"
)


@dataclass(frozen=True, slots=True)
class Joined:
    """Which lines are records.

    Attributes
    ----------
    head : ndarray of int64, shape (n,)
        Rows of the first line of each record.
    extent : ndarray of int64, shape (n,)
        Lines of each record, from its first to its last.
    first : ndarray of int64, shape (n,)
        Row of the first line below the head, −1 where there is none.
    said : ndarray of int64, shape (n,)
        Row of the line that says what happened, −1 where none does.
    """

    head: NDArray[np.int64]
    extent: NDArray[np.int64]
    first: NDArray[np.int64]
    said: NDArray[np.int64]


def continues(lines: pl.Series, fmt: Format) -> NDArray[np.bool_]:
    """Return which lines, or kinds of line, continue the record before them; blank ones do.

    Parameters
    ----------
    lines : polars.Series of str, shape (n,)
    fmt : Format

    Examples
    --------
    >>> from amiss.read.formats import get_format
    >>> lines = pl.Series(["started", "  at Main.run", "Caused by: x", "done"])
    >>> continues(lines, get_format("plain"))
    array([False,  True,  True, False])
    """
    if fmt.layout == CSV:
        odd = lines.str.count_matches('"', literal=True) % 2 == 1
        border = "\\" + fmt.separator
        opens = odd & lines.str.contains(f'(?:^|{border})"')
        closes = odd & lines.str.contains(f'"(?:$|{border})')
        return in_quotes(opens.to_numpy(), closes.to_numpy(), _CELL)
    blank: NDArray[np.bool_] = (lines.str.strip_chars() == "").to_numpy()
    if not fmt.multiline:
        return blank
    if fmt.layout == HEADER and not fmt.fields:
        blank |= lines.str.contains(CONTINUES).to_numpy()
        return blank
    rest: NDArray[np.bool_] = ~lines.str.contains(fmt.header).to_numpy()
    if fmt.layout in (JSON, LOGFMT):  # each line is whole, but a trace comes between
        rest &= of_traces(lines)
    if rest.any() and fmt.layout in (HEADER, GIVEN) and not fmt.blocks:
        # A line with a time of its own, or an object, was written by somebody else.
        others = lines.filter(pl.Series(rest))
        rest[rest] = ~others.str.contains(_OTHERS).to_numpy()
    rest |= blank
    return rest


def go_on_parts(kinds: pl.Series, kind: NDArray[np.int64], fmt: Format) -> NDArray[np.bool_]:
    """Return which lines go on with the part of a line that stands above them.

    Parameters
    ----------
    kinds : polars.Series of str
    kind : ndarray of int64, shape (n,)
        Row of `kinds` that each line belongs to.
    fmt : Format
        Of whose `partial` the first group names what must be the same in both.

    Examples
    --------
    >>> from amiss.read.formats import get_format
    >>> lines = ["0-0-0T0:0:0Z stdout P a", "0-0-0T0:0:0Z stdout F b", "0-0-0T0:0:0Z stdout F c"]
    >>> go_on_parts(pl.Series(lines), np.arange(3), get_format("cri"))
    array([False,  True, False])
    """
    stream = kinds.str.extract(fmt.partial)
    goes_on = np.zeros(len(kind), dtype=np.bool_)
    for name in stream.drop_nulls().unique(maintain_order=True):
        part = (stream == name).fill_null(value=False).to_numpy()[kind]
        same = kinds.str.contains(f" {name} [FP] ").to_numpy()[kind]
        goes_on[1:] |= part[:-1] & same[1:]
    return goes_on


def join(
    line: NDArray[np.int64],
    goes_on: NDArray[np.bool_],
    says: NDArray[np.bool_],
    first_line: int,
    free: NDArray[np.bool_] | None = None,
) -> Joined:
    """Return the records of lines, the first of which begins one.

    Parameters
    ----------
    line : ndarray of int64, shape (n,)
        Numbers of the lines, blank ones left out.
    goes_on, says : ndarray of bool, shape (n,)
        Which continue a record, and which say what happened.
    first_line : int
        Number of the first line that was read with them, blank or not.
    free : ndarray of bool, shape (n,), optional
        Which continue a record for no better reason than that they are no heads: of these a record
        has only a few, since a log may go on in another format.
    """
    begins = ~goes_on
    begins[0] = True
    row = np.arange(len(line))
    head = np.maximum.accumulate(np.where(begins, row, 0))
    start = np.where(head == 0, first_line if goes_on[0] else line[0], line[head])
    part = (line - start) // MAX_RECORD
    begins[1:] |= (head[1:] == head[:-1]) & (part[1:] > part[:-1])
    if free is not None:
        so_far = np.cumsum(free & ~begins)
        head = np.maximum.accumulate(np.where(begins, row, 0))
        begins |= free & (so_far - so_far[head] > _FREE)
    heads = np.flatnonzero(begins)
    last = np.append(heads[1:], len(line)) - 1
    said = np.full(len(heads), -1)
    found = np.flatnonzero(says & ~begins)
    record, at = np.unique(np.searchsorted(heads, found, side="right") - 1, return_index=True)
    said[record] = found[at]
    first = np.where(last > heads, heads + 1, -1)
    return Joined(heads, line[last] - line[heads] + 1, first, said)


def joined_texts(raw: pl.Series, joined: Joined) -> pl.Series:
    """Return the text of each record, all its lines, of the lines of a block."""
    record = np.searchsorted(joined.head, np.arange(len(raw)), side="right")
    lines = pl.DataFrame({"record": record, "text": raw})
    return lines.group_by("record", maintain_order=True).agg(pl.col("text").str.join("\n"))["text"]


def move_heads(line: NDArray[np.int64], raw: pl.Series, joined: Joined) -> Joined:
    """Return records of a journal that begin with the line of their message."""
    found = np.flatnonzero(raw.str.contains(r"^[ \t]*MESSAGE=").to_numpy())
    record, at = np.unique(np.searchsorted(joined.head, found, side="right") - 1, return_index=True)
    head = joined.head.copy()
    head[record] = found[at]
    return replace(joined, head=head, extent=joined.extent - (line[head] - line[joined.head]))


def tell_what(lines: pl.Series, fmt: Format | None = None) -> NDArray[np.bool_]:
    """Return which lines, or kinds of line, say what happened: they name an exception."""
    says: NDArray[np.bool_] = lines.str.contains((fmt and fmt.tells) or _SAYS).to_numpy()
    return says


def of_traces(lines: pl.Series) -> NDArray[np.bool_]:
    """Return which lines, or kinds of line, look like lines of a stack trace."""
    of: NDArray[np.bool_] = lines.str.contains(CONTINUES).to_numpy()
    of |= tell_what(lines) | lines.str.contains(_TRACE_HEAD).to_numpy()
    return of


def whole_records(
    parts: Iterable[Lines],
    goes_on: Callable[[Lines], NDArray[np.bool_]],
    begins: Callable[[Lines], bool],
) -> Iterator[tuple[int, Lines]]:
    """Regroup lines so that no record is in two parts: the last one is held back.

    Parameters
    ----------
    parts : iterable of Lines
        A part without lines says that nothing more is there for now: what was held back comes.
    goes_on : callable
        From lines to which of them do not begin a record.
    begins : callable
        Whether the first of lines begins a record, whatever stands above it; False if unknown.

    Yields
    ------
    first_line : int
        The number of the first line of a part.
    lines : Lines
        Its first line begins a record, whatever it looks like.
    """
    held: Lines | None = None
    first = 1
    for lines in parts:
        size = len(lines.raw)
        if held is not None and size and begins(lines):
            yield first, held
            first += len(held.raw)
            held = None
        if held is not None:
            heads = np.flatnonzero(~goes_on(held))
            cut = len(held.raw) if not size else int(heads[-1]) if len(heads) else 0
            cut = cut or _beyond(held)
            if cut:
                yield first, _slice(held, 0, cut)
                first += cut
                held = _slice(held, cut, len(held.raw))
        if not size:
            yield first, lines
        held = lines if held is None or not len(held.raw) else _append(held, lines)
    if held is not None and len(held.raw):
        yield first, held


def _beyond(held: Lines) -> int:
    """Return how many lines are handed on though the end of their record was not seen, or 0."""
    if len(held.raw) > MAX_RECORD:
        return len(held.raw) // MAX_RECORD * MAX_RECORD
    return len(held.raw) if held.raw.str.len_bytes().sum() > _MAX_BYTES else 0


def _slice(lines: Lines, start: int, stop: int) -> Lines:
    return lines._replace(
        raw=lines.raw.slice(start, stop - start),
        kind=lines.kind[start:stop],
        form=lines.form[start:stop],
    )


def _append(held: Lines, lines: Lines) -> Lines:
    kind, kinds = _appended(held.kind, held.kinds, lines.kind, lines.kinds)
    form, forms = _appended(held.form, held.forms, lines.form, lines.forms)
    raw = pl.concat([held.raw, lines.raw], rechunk=True)
    return Lines(raw, kind, kinds, form, forms)


def _appended(
    held: NDArray[np.int64], held_texts: pl.Series, code: NDArray[np.int64], texts: pl.Series
) -> tuple[NDArray[np.int64], pl.Series]:
    """Return codes, and the texts that they stand for, behind those that were held back."""
    used, own = np.unique(held, return_inverse=True)
    both = pl.concat([texts, held_texts.gather(used)], rechunk=True)
    return np.concatenate([own + len(texts), code]), both
