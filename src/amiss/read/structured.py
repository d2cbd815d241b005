"""Logs that were parsed before, one row a line, as loglizer and Loghub have them.

The columns are ``LineId, …, Content, EventId, EventTemplate``; those between are the fields of the
header.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import UsageError
from amiss.read.formats import FORMATS, STRUCTURED, Format
from amiss.read.frames import (
    column_names,
    event_kinds,
    find_column,
    no_column,
    no_rows,
    read_frames,
)
from amiss.read.sources import ReadReport, Source
from amiss.types import NO_TIME, RecordBatch

TEMPLATE_COLUMNS = ("EventTemplate", "EventId")


class StructuredReader:
    """Read logs that were parsed before, one row a line, into batches of records.

    Events are the column EventTemplate, or EventId where there is none; a table that has neither
    is mined from its column Content, as raw lines are.

    Parameters
    ----------
    sources : sequence of Source
    fields : sequence of str
        Columns to keep for each line, in any case.
    progress : callable, optional
        Told the number of bytes read so far.

    Attributes
    ----------
    report : ReadReport
    templates_given : bool
    """

    def __init__(
        self,
        sources: Sequence[Source],
        *,
        fields: Sequence[str] = (),
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self.sources = list(sources)
        self.report = ReadReport()
        self._fields = tuple(fields)
        self._progress = progress
        columns = column_names(self.sources[0])
        event = find_column(columns, (*TEMPLATE_COLUMNS, "Content"))
        if event is None:
            raise no_column(self.sources[0], columns, "EventTemplate, EventId or Content")
        self._event = event
        self.templates_given = event.lower() != "content"

    @property
    def format_name(self) -> str:
        """What a model has to be fitted on to be applied to such a log."""
        return STRUCTURED if self.templates_given else f"{STRUCTURED} content"

    def __iter__(self) -> Iterator[RecordBatch]:
        empty = True
        for index, source in enumerate(self.sources):
            columns = column_names(source)
            event = find_column(columns, [self._event])
            if event is None:
                raise no_column(source, columns, f"{self._event}, as in {self.sources[0].name}")
            stamps = _Stamps(columns)
            for rows, frame in read_frames(source, self.report, self._progress):
                batch = self._batch(index, rows, frame.select(pl.all().cast(pl.String)), stamps)
                if len(batch):
                    empty = False
                    yield batch
        if empty:
            raise no_rows(self.sources, self.report, "rows with an event")

    def _batch(
        self, source: int, rows: NDArray[np.int64], frame: pl.DataFrame, stamps: _Stamps
    ) -> RecordBatch:
        # A message may be empty, and so may its template; an event without either is a torn row.
        present = pl.any_horizontal(
            pl.col(name).is_not_null()
            for name in frame.columns
            if name.lower() in {"content", "eventtemplate", "eventid"}
            and (not self.templates_given or name.lower() != "content")
        )
        torn = ~frame.select(present).to_series()
        if torn.any():
            self.report.counts["rows without an event (skipped)"] += int(torn.sum())
            frame, rows = frame.filter(~torn), rows[(~torn).to_numpy()]
        event = _column(frame, self._event).fill_null("")
        if not self.templates_given:
            event = event.str.replace_all("[0-9]+", "0")
        kind, kinds = event_kinds(event, _column(frame, "Level").fill_null(""))
        content = find_column(frame.columns, ["Content"])
        return RecordBatch(
            source=source,
            line=_line_ids(frame, rows),
            raw=frame[content].fill_null("") if content else event,
            kind=kind,
            kinds=kinds,
            time=stamps.times(frame),
            fields={name: self._field(frame, name) for name in self._fields},
        )

    def _field(self, frame: pl.DataFrame, name: str) -> pl.Series:
        column = find_column(frame.columns, [name])
        if column is None:
            raise UsageError(
                f"no column {name!r} in this structured log; its columns: "
                f"{', '.join(frame.columns)}"
            )
        return frame[column]


class _Stamps:
    """Times from the columns Date and Time, where these are of a known header format."""

    def __init__(self, columns: list[str]) -> None:
        stamped = [known for known in FORMATS if known.time_width]
        self._format = next(
            (f for f in stamped if all(find_column(columns, [name]) for name in f.fields)), None
        )
        self._padded: bool | None = None

    def times(self, frame: pl.DataFrame) -> NDArray[np.int64]:
        if self._format is None:
            return np.full(len(frame), NO_TIME)
        date, time = _column(frame, "Date"), _column(frame, "Time")
        if self._padded is None and len(frame):
            # Tables that went through pandas have lost their leading zeros: 81109 for 081109.
            zeros = r"^0[0-9]"
            self._padded = not (date.str.contains(zeros) | time.str.contains(zeros)).any()
        if self._padded:
            date, time = date.str.zfill(6), time.str.zfill(6)
        stamps = pl.select(pl.concat_str([date, time], separator=" ")).to_series()
        millis = stamps.str.slice(0, self._format.time_width).str.to_datetime(
            self._format.time, time_unit="ms", strict=False
        )
        return millis.to_physical().fill_null(NO_TIME).to_numpy()


def usual_key(batch: RecordBatch | None) -> Format | None:
    """Return the known format whose session key most lines of a batch hold."""
    for known in FORMATS:
        if batch is not None and known.session_key:
            holds = batch.raw.str.contains(known.session_key)
            if 2 * int(holds.sum()) >= len(batch):
                return known
    return None


def read_contents(
    sources: Sequence[Source], wanted: dict[int, set[int]]
) -> dict[tuple[int, int], str]:
    """Read single lines of structured logs again: (source, line) → what was logged.

    Parameters
    ----------
    sources : sequence of Source
    wanted : dict of int to set of int
        Line numbers by source.
    """
    found: dict[tuple[int, int], str] = {}
    for index, numbers in wanted.items():
        lines = np.array(sorted(numbers), dtype=np.int64)
        for batch in StructuredReader([sources[index]]):
            at = np.flatnonzero(np.isin(batch.line, lines))
            texts = batch.raw.gather(at).to_list()
            found.update(zip(((index, n) for n in batch.line[at].tolist()), texts, strict=True))
    return found


def _column(frame: pl.DataFrame, name: str) -> pl.Series:
    found = find_column(frame.columns, [name])
    return frame[found] if found else pl.Series([None], dtype=pl.String).new_from_index(
        0, len(frame)
    )  # fmt: skip


def _line_ids(frame: pl.DataFrame, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    ids = _column(frame, "LineId").cast(pl.Int64, strict=False)
    return pl.select(pl.coalesce(ids, pl.Series(rows))).to_series().to_numpy()
