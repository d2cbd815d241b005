"""Which values the records of a file have, and which of them say what happened and when."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from amiss.errors import InputError
from amiss.read.format_type import CSV, HASHED, JOURNAL, JSON, Format
from amiss.read.formats_named import PAIR
from amiss.read.multiline import of_traces
from amiss.read.named_values import cells_of, object_of
from amiss.read.stamps import find_layout
from amiss.read.value_names import (
    INSTEAD,
    LEVEL,
    MESSAGE,
    TIME,
    is_log,
    named,
    named_within,
    what_happened,
)

_MOST = 300
"""Names that are kept; a record may hold what its sender liked."""
_DEPTH = 4
_ENOUGH = 20
"""Records that show that a message is always the same."""
_MOST_ROWS = 0.3  # a message in quotes has lines of its own
_NAME = re.compile(r"""[^'"\\\[\]]{1,100}""")
_FIELDS = re.compile(r"^#[Ff]ields:?[\t ](.+)$")
_SEPARATORS = ",;\t|"


def share_named(raw: pl.Series, fmt: Format) -> float:
    """Return which share of lines from the start of a file is in a format of named values."""
    if fmt.layout == HASHED:
        if not _fields_line(raw, fmt):
            return 0.0
        rows = raw.filter(~raw.str.starts_with("#"))
        width = len(_columns(raw, fmt))
        between = _row_separator(raw, fmt, width)
        return _mean(rows.str.count_matches(between, literal=True) == width - 1)
    if fmt.layout == CSV:
        header, separator = _header(raw)
        if not is_log(header):
            return 0.0
        least = len(header) - 1
        return _mean(raw.str.count_matches(separator, literal=True) >= least)
    if fmt.layout == JOURNAL:
        return _mean(raw.str.contains(r"^\s*[A-Z_][A-Z0-9_]*=")) if _any(raw, fmt.header) else 0.0
    raw = raw.filter(pl.Series(~of_traces(raw)))
    if fmt.layout == JSON:
        return _mean(
            pl.Series(
                [object_of(line) is not None for line in raw.gather_every(len(raw) // 100 + 1)]
            )
        )
    return _mean(raw.str.contains(fmt.header))


def bind_named(fmt: Format, raw: pl.Series) -> Format:
    """Return a format with the names that a file has, and how its times are written.

    Parameters
    ----------
    fmt : Format
    raw : polars.Series of str
        Lines from the start of the file.

    Raises
    ------
    InputError
        There is no line that names the values.
    """
    columns = _columns(raw, fmt)
    if not columns and fmt.layout in (CSV, HASHED):
        raise InputError(
            f"no names of values found where {fmt.title} has them; expected such as a header, or "
            "leave the format out"
        )
    separator = _header(raw)[1] if fmt.layout == CSV else fmt.separator
    if fmt.layout == HASHED:
        separator = _row_separator(raw, fmt, len(columns))
    fmt = replace(fmt, columns=columns, separator=separator)
    message = named_within(columns)
    rows = raw.filter(~raw.str.starts_with("#")) if fmt.layout == HASHED else raw
    # What an object in a text says goes before the text.
    within = [name for name in message if name.rpartition(".")[0] in message]
    message = tuple(dict.fromkeys((*within, *message)))
    message, composed = _told(rows, fmt, message)
    level = tuple(name for name in named(columns, LEVEL) if name not in message)
    stamp = named(columns, TIME)
    instead = () if composed else tuple(n for n in named(columns, INSTEAD) if n not in message)
    fmt = replace(fmt, message=message, level=level, composed=composed, instead=instead)
    if fmt.layout == HASHED:
        raw = raw.filter(~raw.str.starts_with("#"))
    if fmt.layout == CSV:
        raw = raw.slice(1)
    return _timed(fmt, raw, stamp)


def _told(raw: pl.Series, fmt: Format, message: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    """Return which values say what happened, and whether the message is made of them.

    A message that is the same in all records, such as of an access log, says nothing by itself.
    """
    happened = what_happened(fmt.columns)
    if not message:
        return happened, True
    requests = [n for n in happened if n.lower().endswith(("method", "status"))]
    if fmt.layout == JSON and len(requests) > 1 and len(raw) >= _ENOUGH:
        cells = cells_of(raw, message, fmt)
        said = pl.concat([cells[name].drop_nulls() for name in message])
        if said.n_unique() <= 1:
            return tuple(requests), True
    return message, False


def _timed(fmt: Format, raw: pl.Series, stamp: tuple[str, ...]) -> Format:
    """Return a format with the first values that are times, all of one layout."""
    cells = cells_of(raw, stamp, fmt) if stamp else {}
    pair = named(stamp, ("date", "time"))
    if len(pair) == 2:
        layout = find_layout(cells[pair[0]] + " " + cells[pair[1]])
        if layout and "(?P<H>" in layout.pattern and "(?P<d>" in layout.pattern:
            return replace(fmt, stamp=pair, time=layout.name, split_time=True)
    found: list[str] = []
    time = ""
    for name in stamp:
        layout = find_layout(cells[name])
        if layout and time in ("", layout.name):
            found.append(name)
            time = layout.name
    return replace(fmt, stamp=tuple(found), time=time)


def _columns(raw: pl.Series, fmt: Format) -> tuple[str, ...]:
    if fmt.layout == HASHED:
        line = _fields_line(raw, fmt)
        names = line.split("\t" if "\t" in line else " ") if line else []
    elif fmt.layout == CSV:
        names, separator = _header(raw)
        wide = raw.slice(1).str.count_matches(separator, literal=True) >= len(names)
        if names and not named(names, MESSAGE) and _mean(wide) >= _MOST_ROWS:
            names = [*names, "message"]  # Windows names all columns but the last
    elif fmt.layout == JSON:
        objects = (object_of(line) for line in raw.to_list())
        names = [name for value in objects if value is not None for name in _paths(value, "", 0)]
    elif fmt.layout == JOURNAL:
        names = raw.str.extract(r"^\s*([A-Z_][A-Z0-9_]*)=").drop_nulls().to_list()
        if "__REALTIME_TIMESTAMP" not in names:  # it stands on the line above
            names = ["time", *names]
    else:
        pairs = raw.filter(raw.str.contains(fmt.header)).str.extract_all(PAIR).explode()
        names = pairs.str.extract(r"^([^=]+)=").drop_nulls().to_list()
    return tuple(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))[:_MOST]


def _fields_line(raw: pl.Series, fmt: Format) -> str:
    for line in raw.head(50).to_list():
        found = _FIELDS.match(line)
        if found and (fmt.columns or fmt.separator in found[1]):
            return found[1].strip()
    return ""


def _row_separator(raw: pl.Series, fmt: Format, width: int) -> str:
    """Return what stands between cells: names may stand apart by blanks, and cells by tabs."""
    rows = raw.filter(~raw.str.starts_with("#"))
    tabbed = _mean(rows.str.count_matches("\t", literal=True) == width - 1)
    return "\t" if tabbed > _MOST_ROWS else fmt.separator


def _header(raw: pl.Series) -> tuple[list[str], str]:
    """Return the names of a CSV's first line and what stands between them."""
    first = raw[0] if len(raw) else ""
    separator = max(_SEPARATORS, key=first.count)
    try:
        names = [name.strip() for name in next(csv.reader([first], delimiter=separator), [])]
    except csv.Error:
        return [], separator
    if len(names) < 2 or len(set(names)) < len(names) or not all(map(_NAME.fullmatch, names)):
        return [], separator
    return names, separator


def _paths(value: dict[str, object], before: str, depth: int) -> Iterator[str]:
    for name, held in value.items():
        inner = held
        if isinstance(held, str) and held.startswith("{"):  # a line that a container logged
            inner = object_of(held) or held
        if isinstance(inner, dict) and inner and depth < _DEPTH:
            yield from _paths(inner, f"{before}{name}.", depth + 1)
        else:
            yield f"{before}{name}"


def _any(raw: pl.Series, pattern: str) -> bool:
    return bool(raw.str.contains(pattern).any())


def _mean(fits: pl.Series) -> float:
    return float(fits.mean() or 0.0) if len(fits) else 0.0  # type: ignore[arg-type]
