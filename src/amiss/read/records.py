"""Blocks of bytes to batches of records: line numbers, kinds, levels, times, fields."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.read.formats import FORMATS, Derived, Format, get_format
from amiss.read.lines import split_lines
from amiss.read.sources import PathLike, ReadReport, Source, find_sources, read_blocks
from amiss.types import NO_TIME, RecordBatch, distinct_codes


class RecordReader:
    r"""Read log files into batches of records of bounded size.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files, folders, globs, or ``-`` (see `amiss.read.sources.find_sources`).
    format : str, optional
        Name of the header format; by default the first that fits half the lines of the start.
    fields : sequence of str
        Header fields to keep for each line, in any case.
    progress : callable, optional
        Told the number of bytes read so far.

    Attributes
    ----------
    sources : list of Source
    format : Format or None
        Known once the first batch was read.
    report : ReadReport

    Examples
    --------
    >>> import tempfile, pathlib
    >>> log = pathlib.Path(tempfile.mkdtemp(), "a.log")
    >>> _ = log.write_text("081109 203518 143 INFO dfs.DataNode: Receiving block blk_7\n")
    >>> reader = RecordReader(log)
    >>> batch = next(iter(reader))
    >>> reader.format.name, batch.line, batch.kinds["message"].to_list()
    ('hdfs', array([1]), ['Receiving block blk_0'])
    """

    def __init__(
        self,
        inputs: PathLike | Sequence[PathLike | Source],
        *,
        format: str | None = None,  # noqa: A002 - the field's word, and the option's name
        fields: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.sources = find_sources(inputs)
        self.format: Format | None = get_format(format) if format else None
        self.report = ReadReport()
        self._fields = tuple(fields)
        self._progress = progress

    @property
    def total_bytes(self) -> int:
        """Size on disk of all sources."""
        return sum(source.path.stat().st_size for source in self.sources)

    @property
    def format_name(self) -> str:
        """The name of the format, once it is known."""
        return self.format.name if self.format else ""

    def __iter__(self) -> Iterator[RecordBatch]:
        empty = True
        for index, source in enumerate(self.sources):
            first_line = 1
            for block in read_blocks(source, self.report, self._progress):
                raw, keys = split_lines(block, self.report)
                self.report.lines += len(raw)
                batch = self._batch(index, first_line, raw, keys)
                first_line += len(raw)
                if batch is not None:
                    empty = False
                    yield batch
        if empty:
            names = ", ".join(source.name for source in self.sources[:3])
            what = f"{names}: only blank lines" if self.report.lines else f"{names}: empty"
            what = "; ".join(self.report.damage[:3]) or what
            raise InputError(f"{what}; expected a log with at least one line")

    def _batch(
        self, source: int, first_line: int, raw: pl.Series, keys: pl.Series
    ) -> RecordBatch | None:
        line = np.arange(first_line, first_line + len(raw), dtype=np.int64)
        kind, distinct = distinct_codes(keys)
        blank = (distinct.str.strip_chars() == "").to_numpy()
        if blank.any():
            keep = ~blank[kind]
            self.report.counts["blank lines (skipped)"] += int((~keep).sum())
            if not keep.any():
                return None  # nothing to recognise a format by
            raw, line = raw.filter(pl.Series(keep)), line[keep]
            kind, distinct = distinct_codes(keys.filter(pl.Series(keep)))
        if self.format is None:
            self.format = _recognise(distinct, np.bincount(kind, minlength=len(distinct)))
        groups = match_header(distinct, self.format)
        parsed = groups["message"].is_not_null()
        line_parsed = parsed.to_numpy()[kind]
        unparsed = int((~line_parsed).sum())
        if unparsed:
            self.report.counts[f"lines not in the {self.format.title} format (kept)"] += unparsed
        names = [self.format.field_name(name) for name in self._fields]
        cells = _header_fields(raw, kind, groups, names, self.format)
        level = groups["level"].fill_null("") if "level" in groups.columns else pl.lit("")
        return RecordBatch(
            source=source,
            line=line,
            raw=raw,
            kind=kind,
            kinds=groups.select(level=level, message=pl.coalesce("message", distinct)),
            time=_times(raw, line_parsed, cells.get("time"), self.format),
            fields=dict(zip(self._fields, (cells[name] for name in names), strict=True)),
        )


def _recognise(distinct: pl.Series, lines: NDArray[np.int64]) -> Format:
    for known in FORMATS[:-1]:
        fits = distinct.str.contains(known.header).to_numpy()
        if 2 * lines[fits].sum() >= lines.sum() > 0:
            return known
    return FORMATS[-1]


def match_header(lines: pl.Series, fmt: Format) -> pl.DataFrame:
    """Return what the groups of a header capture in each line, null where it does not fit."""
    groups = lines.str.extract_groups(fmt.header).struct.unnest()
    if not fmt.loose or not (unfit := groups["message"].is_null()).any():
        return groups
    rest = lines.filter(unfit).str.extract_groups(fmt.loose).struct.unnest()
    row = np.arange(len(lines))
    row[unfit.to_numpy()] = len(lines) + np.arange(len(rest))
    return pl.concat([groups, rest])[row]


def _times(
    raw: pl.Series, parsed: NDArray[np.bool_], stamps: pl.Series | None, fmt: Format
) -> NDArray[np.int64]:
    """Return the time of each line in milliseconds; `stamps` is the header's group ``time``."""
    if not fmt.time:
        return np.full(len(raw), NO_TIME)
    if fmt.time_width or stamps is None:
        stamps = raw.str.slice(0, fmt.time_width)
    # A form with a time zone gives times in UTC; times without are taken for such.
    moments = stamps.str.to_datetime(fmt.time, time_unit="ms", strict=False)
    millis = moments.to_physical().fill_null(NO_TIME).to_numpy()
    return np.where(parsed, millis, NO_TIME)


def _header_fields(
    raw: pl.Series,
    kind: NDArray[np.int64],
    groups: pl.DataFrame,
    names: Iterable[str],
    fmt: Format,
) -> dict[str, pl.Series]:
    """Return the fields `names` of each line, those they are made from, and ``time`` if needed.

    `groups` are the fields of the kinds.
    """
    made = {field.name: field for field in fmt.derived}
    needed: dict[str, None] = {}
    for name in names:
        chain = [name]
        while chain[-1] in made:
            chain.append(made[chain[-1]].source)
        needed.update(dict.fromkeys(reversed(chain)))
    if fmt.time and not fmt.time_width:
        needed["time"] = None
    cells = _captures(raw, kind, groups, [n for n in needed if n not in made], fmt)
    if fmt.absent:
        cells = {name: values.replace(fmt.absent, None) for name, values in cells.items()}
    for source in dict.fromkeys(made[name].source for name in needed if name in made):
        fields = [made[name] for name in needed if name in made and made[name].source == source]
        cells.update(_derive(cells[source], fields))
    return cells


def _captures(
    raw: pl.Series, kind: NDArray[np.int64], groups: pl.DataFrame, names: list[str], fmt: Format
) -> dict[str, pl.Series]:
    """Return what groups of the header capture in each line.

    Only what holds digits in its kind differs between lines of one kind; all that does is taken
    from the lines in one pass.
    """
    varies = groups.select(pl.col(names).str.contains("0", literal=True).fill_null(False).any())
    cells = {name: groups[name].gather(kind) for name in names if not varies[name].item()}
    rest = [name for name in names if name not in cells]
    if rest:
        cells.update(match_header(raw, fmt).select(rest).to_dict())
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
