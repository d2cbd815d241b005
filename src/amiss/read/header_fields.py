"""What headers of lines say: messages, levels, times, fields, and those derived from them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import Derived, Format
from amiss.read.record_kinds import Values, priority_level, split_by_level
from amiss.read.time_values import as_written, stamps_of
from amiss.types import NO_TIME, distinct_codes


def match_headers(lines: pl.Series, fmt: Format) -> pl.DataFrame:
    """Return what the groups of a header capture in each line, null where it does not fit."""
    groups = lines.str.extract_groups(fmt.header).struct.unnest()
    if not fmt.loose or not (unfit := groups["message"].is_null()).any():
        return groups
    rest = lines.filter(unfit).str.extract_groups(fmt.loose).struct.unnest()
    row = np.arange(len(lines))
    row[unfit.to_numpy()] = len(lines) + np.arange(len(rest))
    return pl.concat([groups, rest])[row]


class KindHeaders(NamedTuple):
    """What headers of kinds of line say.

    Attributes
    ----------
    groups : polars.DataFrame
        What the header captures in each kind, null where it does not fit.
    fits : ndarray of bool, shape (n_kinds,)
    kinds : polars.DataFrame
        Columns ``level``, ``message`` and ``line``.
    """

    groups: pl.DataFrame
    fits: NDArray[np.bool_]
    kinds: pl.DataFrame


def read_kind_headers(distinct: pl.Series, fmt: Format) -> KindHeaders:
    """Return what the headers of kinds of line say."""
    groups = match_headers(distinct, fmt)
    level = groups["level"].fill_null("") if "level" in groups.columns else pl.lit("")
    message = pl.coalesce("message", distinct).str.replace_all("00+", "0")
    kinds = groups.select(level=level, message=message, line=distinct)
    return KindHeaders(groups, groups["message"].is_not_null().to_numpy(), kinds)


def read_headers(
    raw: pl.Series,
    kind: NDArray[np.int64],
    headers: KindHeaders,
    names: list[str],
    fmt: Format,
    cells_of: Callable[[str], pl.Series | None],
) -> Values:
    """Return what the headers of lines say.

    Parameters
    ----------
    raw : polars.Series of str, shape (n,)
    kind : ndarray of int64, shape (n,)
        Row of the kinds that each line belongs to.
    headers : KindHeaders
    names : list of str
        Fields to read.
    fmt : Format
    cells_of : callable
        What a group of the header captures in the lines, if that is known without looking at them.
    """
    groups, kinds = headers.groups, headers.kinds
    fits = headers.fits[kind]
    needed = dict.fromkeys(names)
    if fmt.time and fmt.loose:
        needed["time"] = None
    ranked = "pri" in groups.columns and "level" not in groups.columns
    if ranked := ranked and bool(groups["pri"].is_not_null().any()):
        needed["pri"] = None
    cells = header_fields(raw, kind, groups, needed, fmt, cells_of)
    if ranked:
        kind, kinds = split_by_level(kind, kinds, priority_level(cells["pri"], 8))
    time = np.full(len(raw), NO_TIME)
    if fmt.time:
        stamps = cells["time"] if fmt.loose else None if fmt.time_width else cells_of("time")
        stamps = stamps_of(raw, fmt) if stamps is None else stamps
        time = np.where(fits, as_written(stamps, fmt), NO_TIME)
    return Values(kind, kinds, time, cells, fits)


def header_fields(
    raw: pl.Series,
    kind: NDArray[np.int64],
    groups: pl.DataFrame,
    names: Iterable[str],
    fmt: Format,
    cells_of: Callable[[str], pl.Series | None],
) -> dict[str, pl.Series]:
    """Return the fields `names` of each line, and those they are made from.

    `groups` are the fields of the kinds; the others are as in `read_headers`.
    """
    made = {field.name: field for field in fmt.derived}
    needed: dict[str, None] = {}
    for name in names:
        chain = [name]
        while chain[-1] in made:
            chain.append(made[chain[-1]].source)
        needed.update(dict.fromkeys(reversed(chain)))
    cells = _captures(raw, kind, groups, [n for n in needed if n not in made], fmt, cells_of)
    if fmt.absent:
        cells = {name: values.replace(fmt.absent, None) for name, values in cells.items()}
    for source in dict.fromkeys(made[name].source for name in needed if name in made):
        fields = [made[name] for name in needed if name in made and made[name].source == source]
        cells.update(_derive(cells[source], fields))
    return cells


def _captures(
    raw: pl.Series,
    kind: NDArray[np.int64],
    groups: pl.DataFrame,
    names: list[str],
    fmt: Format,
    cells_of: Callable[[str], pl.Series | None],
) -> dict[str, pl.Series]:
    """Return what groups of the header capture in each line.

    Only what holds digits in its kind differs between lines of one kind; what does is cut from the
    lines, or found in them in one pass.
    """
    if not names:
        return {}
    varies = groups.select(pl.col(names).str.contains("0", literal=True).fill_null(False).any())
    cells = {name: groups[name].gather(kind) for name in names if not varies[name].item()}
    rest = [name for name in names if name not in cells]
    cut = {name: found for name in rest if (found := cells_of(name)) is not None}
    cells.update(cut)
    rest = [name for name in rest if name not in cut]
    if rest:
        cells.update(match_headers(raw, fmt).select(rest).to_dict())
    return cells


def _derive(source: pl.Series, fields: list[Derived]) -> dict[str, pl.Series]:
    """Return fields made from `source`, each distinct value looked at once."""
    codes, distinct = distinct_codes(source.fill_null(""))
    value = pl.lit(distinct)
    made = pl.select(
        pl.when(value.str.contains(field.pattern))
        .then(value.str.replace(field.pattern, field.form))
        .otherwise(pl.lit(field.otherwise, dtype=pl.String))
        .alias(field.name)
        for field in fields
    )[codes]
    if source.has_nulls():
        made = made.select(pl.when(source.is_not_null()).then(pl.all()))
    return made.to_dict()
