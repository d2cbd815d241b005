"""Records whose values have names in the line or in the file: JSON, logfmt, CSV and others.

Each record is looked at for itself: digits tell here what a pattern tells elsewhere.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from io import BytesIO

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import CSV, GIVEN, HASHED, JOURNAL, JSON, LOGFMT, Format
from amiss.read.formats_named import PAIR
from amiss.read.record_kinds import Values, kinds_of, priority_level
from amiss.read.time_values import as_written, stamps_of
from amiss.types import NO_TIME

_RANKS = {10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal"}
"""Numbers of levels as Bunyan and Pino write them."""
_CLASSES = {
    "1": "informational", "2": "success", "3": "redirection", "4": "client-error",
    "5": "server-error",
}  # fmt: skip
_CLOSED = frozenset(
    ["conn_state", "proto", "service", "qtype_name", "rcode_name", "state", "result", "outcome"]
)
_DIGITS, _SMALL_DIGITS = [[chr(first + n) for n in range(10)] for first in (0x30, 0x2080)]
_PYTHON = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}


def read_values(texts: pl.Series, names: list[str], fmt: Format) -> Values:
    """Return what records say, each looked at for itself.

    Parameters
    ----------
    texts : polars.Series of str, shape (n,)
        Whole records, their lines joined.
    names : list of str
        Fields to read.
    fmt : Format
        Bound to a file.
    """
    wanted = [*names, *fmt.message, *fmt.level, *fmt.stamp]
    cells = cells_of(texts, dict.fromkeys(wanted), fmt)
    message = _message(cells, fmt, len(texts))
    fits = message.is_not_null()
    if fmt.instead and not fits.all():
        without = texts.filter(~fits)
        other = _composed(cells_of(without, fmt.instead, fmt), fmt.instead)
        message = message.scatter((~fits).arg_true(), other)
        fits = fits | message.is_not_null()
    # A message of several lines is told by its first.
    said = message.zip_with(fits, texts).str.extract(r"^\s*([^\n]*)").fill_null("")
    if fmt.layout == JSON and not fits.all():
        rest = texts.filter(~fits).to_list()
        fits = fits.scatter((~fits).arg_true(), [object_of(text) is not None for text in rest])
    kind, kinds = kinds_of(said, _levels(cells, fmt, len(texts)))
    time = np.full(len(texts), NO_TIME)
    if fmt.time:
        time = as_written(_stamps(texts, cells, fmt), fmt)
    return Values(kind, kinds, time, cells, fits.to_numpy())


def _stamps(texts: pl.Series, cells: dict[str, pl.Series], fmt: Format) -> pl.Series:
    if fmt.layout == GIVEN:
        return stamps_of(texts, fmt)
    if fmt.split_time:
        return cells[fmt.stamp[0]] + " " + cells[fmt.stamp[1]]
    return _first(cells, fmt.stamp)


def cells_of(texts: pl.Series, names: Iterable[str], fmt: Format) -> dict[str, pl.Series]:
    """Return values of records by name, null where a record has none."""
    cells = _READERS[fmt.layout](texts, list(names), fmt)
    if fmt.absent:
        cells = {name: values.replace(fmt.absent, None) for name, values in cells.items()}
    return cells


def values_messages(texts: pl.Series, fmt: Format) -> pl.Series:
    """Return the messages of records, null where they are not in the format."""
    return _message(cells_of(texts, dict.fromkeys(fmt.message), fmt), fmt, len(texts))


def _message(cells: dict[str, pl.Series], fmt: Format, size: int) -> pl.Series:
    if not fmt.message:
        return pl.Series([None], dtype=pl.String).new_from_index(0, size)
    if not fmt.composed:
        return _first(cells, fmt.message)
    return _composed(cells, fmt.message)


def _composed(cells: dict[str, pl.Series], names: Iterable[str]) -> pl.Series:
    parts = [pl.lit(f"{name}=") + pl.lit(_in_words(cells[name], name)) for name in names]
    said = pl.select(pl.concat_str(parts, separator=" ", ignore_nulls=True)).to_series()
    return said.replace("", None)


def _in_words(values: pl.Series, name: str) -> pl.Series:
    """Return values that are words of a closed set so that their digits stay: kinds have none.

    Statuses of requests become the names of their classes, and S0 is told from S1.
    """
    name = name.lower()
    if "status" in name:
        names = values.str.extract("^([1-5])[0-9][0-9]$").replace(_CLASSES)
        return pl.select(pl.coalesce(names, values)).to_series()
    if name.rpartition(".")[2] in _CLOSED:
        word = values.str.contains("^[A-Za-z]{1,12}[0-9]$").fill_null(value=False)
        if word.any():
            return values.str.replace_many(_DIGITS, _SMALL_DIGITS).zip_with(word, values)
    return values


def _levels(cells: dict[str, pl.Series], fmt: Format, size: int) -> pl.Series:
    if not fmt.level:
        return pl.Series([""]).new_from_index(0, size)
    level = _first(cells, fmt.level).fill_null("")
    numbers = level.str.extract(r"^(\d{1,2})$").cast(pl.Int64)
    if numbers.null_count() == size:
        return level
    # Each number is told by itself: syslog has 0 to 7, loggers have tens.
    ranks = _PYTHON if "levelno" in map(str.lower, fmt.level) else _RANKS
    tens = numbers.replace_strict(ranks, default=None, return_dtype=pl.String)
    small = priority_level(numbers.set(numbers > 7, None), 8).replace("", None)
    return pl.select(pl.coalesce(tens, small, level)).to_series()


def _first(cells: dict[str, pl.Series], names: Iterable[str]) -> pl.Series:
    return pl.select(pl.coalesce(cells[name] for name in names)).to_series()


def _given(texts: pl.Series, names: list[str], fmt: Format) -> dict[str, pl.Series]:
    groups = texts.str.extract_groups(fmt.header).struct.unnest()
    return groups.select(names).to_dict()


def _json(texts: pl.Series, names: list[str], fmt: Format) -> dict[str, pl.Series]:
    cells = {}
    held: dict[str, pl.Series] = {}
    texts = texts.str.strip_chars(" \t,\n")  # an array has its objects on lines of their own
    for name in names:
        paths = [f"$['{name}']"]
        if "." in name:  # of objects in objects
            paths.append("$" + "".join(f"['{part}']" for part in name.split(".")))
        found = [texts.str.json_path_match(path) for path in paths]
        outer, _, rest = name.partition(".")
        if rest and all(values.null_count() == len(values) for values in found):
            if outer not in held:  # a text may hold an object, as the lines of containers do
                held[outer] = texts.str.json_path_match(f"$['{outer}']").fill_null("")
            if held[outer].str.starts_with("{").any():
                within = _json(held[outer], [rest], fmt)
                found.append(within[rest])
        cells[name] = pl.select(pl.coalesce(found)).to_series()
    return cells


def _logfmt(texts: pl.Series, names: list[str], fmt: Format) -> dict[str, pl.Series]:  # noqa: ARG001 - all have it
    cells = {}
    for name in names:
        # Whole pairs are gone over, so that no value is taken for a name.
        before = rf"^(?:{PAIR}\s+)*?{_escaped(name)}="
        quoted = texts.str.extract(rf'{before}"((?:[^"\\]|\\.)*)"')
        plain = texts.str.extract(rf'{before}([^\s"]+)')
        mended = quoted.str.replace_all(r"\\(.)", "${1}")
        cells[name] = pl.select(pl.coalesce(mended, plain)).to_series()
    return cells


def _journal(texts: pl.Series, names: list[str], fmt: Format) -> dict[str, pl.Series]:  # noqa: ARG001 - all have it
    cells = {name: texts.str.extract(rf"(?m)^[ \t]*{_escaped(name)}=(.*)$") for name in names}
    if "time" in cells:
        cells["time"] = texts.str.extract(r"^[A-Z][a-z][a-z] (\S+ \S+ \S+) \[s=")
    return cells


def _hashed(texts: pl.Series, names: list[str], fmt: Format) -> dict[str, pl.Series]:
    parts = texts.str.split(fmt.separator)
    at = {name: place for place, name in enumerate(fmt.columns)}
    return {
        name: parts.list.get(at[name], null_on_oob=True).replace("(empty)", "") for name in names
    }


def _csv(texts: pl.Series, names: list[str], fmt: Format) -> dict[str, pl.Series]:
    """Return columns of rows; those that are no row of the table have no values."""
    width = len(fmt.columns)
    frame = _parsed(texts, fmt)
    if frame is None:  # a quote that is not closed, or the like
        rows = [_split_row(text, fmt.separator, width) for text in texts.to_list()]
        schema = {str(place): pl.String for place in range(width)}
        frame = pl.DataFrame(rows, schema=schema, orient="row")
    at = {name: place for place, name in enumerate(fmt.columns)}
    return {name: frame.to_series(at[name]).replace("", None) for name in names}


def _parsed(texts: pl.Series, fmt: Format) -> pl.DataFrame | None:
    try:
        frame = pl.read_csv(
            BytesIO("\n".join(texts.to_list()).encode()),
            has_header=False,
            separator=fmt.separator,
            schema={str(place): pl.String for place in range(len(fmt.columns))},
            truncate_ragged_lines=True,
        )
    except pl.exceptions.PolarsError:
        return None
    return frame if len(frame) == len(texts) else None


def _split_row(text: str, separator: str, width: int) -> list[str | None]:
    try:
        row: list[str] = next(csv.reader([text], delimiter=separator), [])
    except csv.Error:
        row = []
    cells: list[str | None] = [*row[:width]]
    return cells + [None] * (width - len(cells))


def _escaped(name: str) -> str:
    return "".join(c if c.isalnum() or c == "_" else f"\\x{{{ord(c):x}}}" for c in name)


_READERS: dict[str, Callable[[pl.Series, list[str], Format], dict[str, pl.Series]]] = {
    GIVEN: _given, JSON: _json, LOGFMT: _logfmt, JOURNAL: _journal, HASHED: _hashed, CSV: _csv,
}  # fmt: skip


def object_of(text: str) -> dict[str, object] | None:
    """Return the JSON object that a line is, None if it is none.

    Examples
    --------
    >>> object_of('{"a": 1},'), object_of("[1]")
    ({'a': 1}, None)
    """
    try:
        value = json.loads(text.strip().rstrip(","))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def in_quotes(
    opens: NDArray[np.bool_], closes: NDArray[np.bool_], longest: int
) -> NDArray[np.bool_]:
    """Return which lines of a CSV continue a cell in quotes.

    Parameters
    ----------
    opens, closes : ndarray of bool, shape (n,)
        Which lines, of those with an odd number of quotes, have one where a cell begins or ends.
    longest : int
        A quote that is not closed within so many lines is a character like others.

    Examples
    --------
    >>> opens, closes = np.array([0, 1, 0, 0, 0], bool), np.array([0, 0, 0, 1, 0], bool)
    >>> in_quotes(opens, closes, 100)
    array([False, False,  True,  True, False])
    """
    inside = np.zeros(len(opens), dtype=np.bool_)
    ends = np.flatnonzero(closes)
    done = -1
    for start in np.flatnonzero(opens).tolist():
        if start <= done:
            continue
        at = int(np.searchsorted(ends, start, side="right"))
        close = int(ends[at]) if at < len(ends) else len(opens) - 1
        if close - start <= longest:
            inside[start + 1 : close + 1] = True
            done = close
    return inside
