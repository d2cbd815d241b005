"""Blocks of bytes to batches of records: line numbers, kinds, levels, times, fields."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.read.clock import Clock
from amiss.read.format_type import CSV, GIVEN, HASHED, HEADER, JOURNAL, Format
from amiss.read.formats import get_format
from amiss.read.header_fields import KindHeaders, match_headers, read_headers, read_kind_headers
from amiss.read.header_places import HeaderPlaces
from amiss.read.lines import KindsOfForms, Lines, WhileSame, read_kinds, split_kinds
from amiss.read.multiline import (
    continues,
    go_on_parts,
    join,
    joined_texts,
    move_heads,
    of_traces,
    tell_what,
    whole_records,
)
from amiss.read.named_values import read_values, values_messages
from amiss.read.privacy import make_masker
from amiss.read.recognition import bind, find_format, have_colours, share_of, without_colours
from amiss.read.record_kinds import add_below
from amiss.read.sources import PathLike, ReadReport, Source, find_sources
from amiss.read.time_values import period_of
from amiss.types import NO_TIME, RecordBatch

_PLAIN = "plain"
_IN_IT = 0.5
"""Share of the lines of a further file that makes it one of the first file's format."""


def match_header(raw: pl.Series, fmt: Format) -> pl.DataFrame:
    """Return the messages of lines, and what else a header captures; null where it does not fit.

    Parameters
    ----------
    raw : polars.Series of str, shape (n,)
    fmt : Format
        As a reader has it once it looked at the log.
    """
    if fmt.layout == HEADER:
        return match_headers(raw, fmt)
    return pl.DataFrame({"message": values_messages(raw, fmt)})


class RecordReader:
    r"""Read log files into batches of records of bounded size.

    A record is a line and those that continue it, such as a stack trace; it is never in two
    batches. Its raw text is its first line.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files, folders, globs, or ``-`` (see `amiss.read.sources.find_sources`).
    format : str, optional
        Name of the format, or an own pattern (see `amiss.read.formats.get_format`); by default it
        is recognised by the start of each file.
    fields : sequence of str
        Header fields to keep for each line, in any case.
    since, until : int, optional
        Milliseconds; records before the one or from the other on are left out. Those without a
        time follow the one above.
    mask : sequence of str
        What private words become pseudonyms: some of `amiss.read.privacy.MASKS`, or ``all``.
    progress : callable, optional
        Told the number of bytes read so far.
    one_format : bool
        Files after the first are read as it is, whatever they look like.
    blocks : callable, optional
        From a source to its blocks of whole lines, instead of reading the file. An empty block
        says that nothing more is there for now: what was held back is given out, and a batch of
        no records after it.

    Attributes
    ----------
    sources : list of Source
    format : Format or None
        That of the first file, known once the first batch was read.
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
        since: int | None = None,
        until: int | None = None,
        mask: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
        one_format: bool = False,
        blocks: Callable[[Source], Iterator[bytes]] | None = None,
    ) -> None:
        if since is not None and until is not None and since >= until:
            raise UsageError("since is not before until: no line can lie between; swap them")
        self.sources = find_sources(inputs)
        named = get_format(format) if format else None
        self._named = named
        # What fields there are, only a file can tell where they have names in it.
        self.format: Format | None = (
            named if named is not None and named.layout in (HEADER, GIVEN) else None
        )
        self.report = ReadReport()
        self._one_format = one_format
        self._format: Format = self.format or get_format(_PLAIN)  # of the file that is read
        self._bound = False
        # Which kinds go on: of a part, of the next one, and of the two put together.
        self._seen: deque[tuple[pl.Series, NDArray[np.bool_]]] = deque(maxlen=3)
        self._header = ""
        self._fields = tuple(fields)
        self._since, self._until = since, until
        self._span = [-NO_TIME - 1, NO_TIME]
        self._masker = make_masker(mask)
        self._progress = progress
        self._blocks = blocks

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
            clock: Clock | None = None
            self._bound = False
            self._seen.clear()
            self._headers = WhileSame(self._read_kind_headers)
            self._blank = WhileSame(_are_blank)
            kept = self._since is None
            for first_line, lines in whole_records(
                self._lines(source), self._goes_on, self._begins
            ):
                self.report.lines += len(lines.raw)
                batch = self._batch(index, first_line, lines)
                if batch is None:
                    if self._blocks and not len(lines.raw):
                        yield _no_records(index, self._fields)
                    continue
                if clock is None:
                    clock = Clock(source, period_of(self._format))
                    self._say_format(source)
                batch = replace(batch, time=clock.tell(batch.time))
                batch, kept = self._within(batch, kept=kept)
                if len(batch):
                    empty = False
                    yield batch
            if clock is not None:
                clock.add_notes(self.report)
        if empty:
            raise self._nothing()

    def _lines(self, source: Source) -> Iterator[Lines]:
        if self._blocks is None:
            parts = read_kinds(source, self.report, self._progress, self._masker)
        else:
            blocks = self._blocks(source)
            known = KindsOfForms()
            parts = (split_kinds(block, self.report, self._masker, known) for block in blocks)
        coloured = WhileSame(have_colours)
        for lines in parts:
            yield without_colours(lines) if coloured(lines.kinds) else lines

    def _say_format(self, source: Source) -> None:
        if self.format is not None and self._format.name != self.format.name:
            self.report.notes.append(f"{source.name}: read as {self._format.title}")
        if self._format.unknown_zone:
            self.report.notes.append(
                f"{source.name}: times of the zone {self._format.unknown_zone}, which is none of "
                "numbers: taken for UTC"
            )

    def _goes_on(self, lines: Lines) -> NDArray[np.bool_]:
        """Return which lines do not begin a record."""
        if not self._know_format(lines):
            return np.ones(len(lines.raw), dtype=np.bool_)
        if self._format.layout in (GIVEN, CSV):
            return continues(lines.raw, self._format)
        seen = next((seen for kinds, seen in self._seen if kinds is lines.kinds), None)
        if seen is None:
            seen = continues(lines.kinds, self._format)
            self._seen.append((lines.kinds, seen))
        if not self._format.partial:
            return seen[lines.kind]
        return seen[lines.kind] | go_on_parts(lines.kinds, lines.kind, self._format)

    def _begins(self, lines: Lines) -> bool:
        """Return whether the first of lines begins a record, whatever stands above it."""
        # Quotes may have been opened above, or a part of a line may stand there.
        if not self._bound or self._format.layout == CSV or self._format.partial:
            return False
        if self._format.layout == GIVEN:
            return not continues(lines.raw.head(1), self._format)[0]
        return not self._goes_on(lines)[0]

    def _know_format(self, lines: Lines) -> bool:
        """Recognise the format of a file by `lines` if it is not known; return whether it is."""
        if self._bound:
            return True
        said = (lines.kinds.str.strip_chars() != "").to_numpy()[lines.kind]
        if not said.any():
            return False
        known = self._named or self._kept_format(lines)
        if known is None:
            self._format = find_format(lines)
        else:
            self._format = bind(known, lines.raw.filter(pl.Series(said)))
            if self._format.layout != GIVEN and not share_of(self._format, lines):
                self.report.notes.append(f"no line looked at is in the {known.title} format")
        if self.format is None or self.format is self._named:
            self.format = self._format
        self._places = HeaderPlaces(self._format)
        self._bound = True
        return True

    def _kept_format(self, lines: Lines) -> Format | None:
        """Return the format of the first file, if lines of a later one are in it."""
        if self.format is None or (self.format.name == _PLAIN and not self._one_format):
            return None
        first = get_format(self.format.name)
        if self._one_format or share_of(first, lines) >= _IN_IT:
            return first
        return None

    def _batch(self, source: int, first_line: int, lines: Lines) -> RecordBatch | None:
        raw, kind, distinct, form, forms = lines
        line = np.arange(first_line, first_line + len(raw), dtype=np.int64)
        self._know_format(lines)
        none = self._are_none(first_line, lines)
        if none.any() and not (keep := ~none[kind]).all():
            raw, line, form = raw.filter(pl.Series(keep)), line[keep], form[keep]
            kind = kind[keep]
        if not len(raw):
            return None
        goes_on = self._goes_on(Lines(raw, kind, distinct, form, forms))
        fmt = self._format
        joined, texts, of_line = None, None, kind
        if goes_on[1:].any():
            free = ~of_traces(distinct)[kind] if fmt.layout in (HEADER, GIVEN) else None
            joined = join(line, goes_on, tell_what(distinct, fmt)[kind], first_line, free)
            more = len(line) - len(joined.head)
            self.report.counts["lines that continue a record (joined)"] += more
            texts = joined_texts(raw, joined) if fmt.layout in (CSV, JOURNAL) else None
            if fmt.layout == JOURNAL:
                joined = move_heads(line, raw, joined)  # what was said says more than a cursor
            line, kind, raw = line[joined.head], kind[joined.head], raw.gather(joined.head)
            form = form[joined.head]
        # What other files call their fields is their own affair.
        other = self.format is not None and fmt.name != self.format.name
        known = {name.lower() for name in fmt.all_fields}
        names = [
            fmt.field_name(name) for name in self._fields if not other or name.lower() in known
        ]
        if fmt.layout == HEADER:
            cells_of = partial(self._places.cells, raw=raw, form=form, forms=forms)
            read = read_headers(raw, kind, self._headers(distinct), names, fmt, cells_of)
        else:
            read = read_values(raw if texts is None else texts, names, fmt)
        kind, kinds = read.kind, read.kinds
        if joined is not None and fmt.layout not in (CSV, JOURNAL):
            kind, kinds = add_below(
                kind,
                kinds,
                joined.first,
                joined.said,
                of_line,
                distinct,
                said_first=bool(fmt.tells),
            )
        kind, kinds = _used(kind, kinds)
        if unparsed := int((~read.fits).sum()):
            self.report.counts[f"lines not in the {fmt.title} format (kept)"] += unparsed
        return RecordBatch(
            source=source,
            line=line,
            raw=raw,
            kind=kind,
            kinds=kinds,
            time=read.time,
            fields=_fields(self._fields, names, read.cells, len(raw)),
            extent=None if joined is None else joined.extent,
            form=form,
            forms=forms,
        )

    def _are_none(self, first_line: int, lines: Lines) -> NDArray[np.bool_]:
        """Return which kinds of line are no records, counted: blank ones, comments, names."""
        layout = self._format.layout
        blank = self._blank(lines.kinds)
        kinds = {"blank lines (skipped)": blank}
        if layout == HASHED:
            texts = lines.kinds.str.strip_chars()
            kinds["comment lines (skipped)"] = texts.str.starts_with("#").to_numpy()
        if layout == CSV:
            if first_line == 1:
                self._header = lines.kinds[int(lines.kind[int(np.argmin(blank[lines.kind]))])]
            kinds["headers (skipped)"] = (lines.kinds == self._header).to_numpy() & ~blank
        none = np.zeros(len(blank), dtype=np.bool_)
        for what, mask in kinds.items():
            none |= mask
            if count := int(mask[lines.kind].sum()):
                self.report.counts[what] += count
        return none

    def _read_kind_headers(self, kinds: pl.Series) -> KindHeaders:
        return read_kind_headers(kinds, self._format)

    def _within(self, batch: RecordBatch, *, kept: bool) -> tuple[RecordBatch, bool]:
        """Return the records between `since` and `until`, and whether the last one is.

        `kept` says whether the one above the first was: those without a time follow it.
        """
        if self._since is None and self._until is None:
            return batch, kept
        if not self._format.time and not self._format.stamp:
            raise UsageError(
                f"{self.sources[batch.source].name}: lines of the {self._format.title} format "
                "carry no time that is known; leave out since and until"
            )
        known = batch.time != NO_TIME
        if known.any():
            self._span = [
                int(batch.time[known].min(initial=self._span[0])),
                int(batch.time[known].max(initial=self._span[1])),
            ]
        inside = known.copy()
        if self._since is not None:
            inside &= batch.time >= self._since
        if self._until is not None:
            inside &= batch.time < self._until
        row = np.maximum.accumulate(np.where(known, np.arange(len(batch)), -1))
        inside = np.where(row < 0, kept, inside[np.maximum(row, 0)])
        last = bool(inside[-1])
        if inside.all():
            return batch, last
        self.report.counts["records before since or after until (left out)"] += int((~inside).sum())
        return _take(batch, inside), last

    def _nothing(self) -> InputError:
        """Return the error of a log without a record."""
        names = ", ".join(source.name for source in self.sources[:3])
        if self._span[0] <= self._span[1]:
            first, last = (_text(moment) for moment in self._span)
            return InputError(
                f"{names}: no record between since and until; its times go from {first} to {last}"
            )
        what = f"{names}: only blank lines" if self.report.lines else f"{names}: empty"
        what = "; ".join(self.report.damage[:3]) or what
        return InputError(f"{what}; expected a log with at least one line")


def _are_blank(texts: pl.Series) -> NDArray[np.bool_]:
    blank: NDArray[np.bool_] = (texts.str.strip_chars() == "").to_numpy()
    return blank


def _used(kind: NDArray[np.int64], kinds: pl.DataFrame) -> tuple[NDArray[np.int64], pl.DataFrame]:
    """Return kinds without those that no record is of."""
    used = np.bincount(kind, minlength=len(kinds)) > 0
    if used.all():
        return kind, kinds
    return (np.cumsum(used) - 1)[kind], kinds.filter(pl.Series(used))


def _text(moment: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment)).isoformat()


def _take(batch: RecordBatch, rows: NDArray[np.bool_]) -> RecordBatch:
    mask = pl.Series(rows)
    return replace(
        batch,
        line=batch.line[rows],
        raw=batch.raw.filter(mask),
        kind=batch.kind[rows],
        time=batch.time[rows],
        fields={name: values.filter(mask) for name, values in batch.fields.items()},
        extent=None if batch.extent is None else batch.extent[rows],
        form=None if batch.form is None else batch.form[rows],
    )


def _fields(
    wanted: Sequence[str], names: Sequence[str], cells: Mapping[str, pl.Series], size: int
) -> dict[str, pl.Series]:
    """Return fields by the names they were asked for by, without values where there are none."""
    found = {name.lower(): cells[name] for name in names}
    none = pl.Series([None], dtype=pl.String).new_from_index(0, size)
    return {name: found.get(name.lower(), none) for name in wanted}


def _no_records(source: int, fields: Sequence[str]) -> RecordBatch:
    none = np.zeros(0, dtype=np.int64)
    text = pl.Series([], dtype=pl.String)
    kinds = pl.DataFrame({"level": text, "message": text})
    return RecordBatch(source, none, text, none, kinds, none, dict.fromkeys(fields, text))
