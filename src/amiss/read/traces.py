"""Traces of an operating system's kernel: one file a trace, one row an event.

An event is its class and its name, such as ``COMM SND_MESSAGE``: names recur over classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.read.formats import TRACES
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

CLASS_COLUMNS, EVENT_COLUMNS = ("class", "event_class"), ("event", "event_name")


class TraceReader:
    """Read traces into batches of records, one record an event.

    Line numbers are row numbers, the header not counted.

    Parameters
    ----------
    sources : sequence of Source
        Tables with a column ``class`` and a column ``event``, in any case.
    progress : callable, optional
        Told the number of bytes read so far.

    Attributes
    ----------
    report : ReadReport
    """

    format_name = TRACES
    templates_given = True

    def __init__(
        self, sources: Sequence[Source], *, progress: Callable[[int], None] | None = None
    ) -> None:
        self.sources = list(sources)
        self.report = ReadReport()
        self._progress = progress

    def __iter__(self) -> Iterator[RecordBatch]:
        empty = True
        for index, source in enumerate(self.sources):
            nothing = True
            columns = column_names(source)
            named = [find_column(columns, names) for names in (CLASS_COLUMNS, EVENT_COLUMNS)]
            if None in named:
                raise no_column(source, columns, "classes and one of events: class, event")
            for rows, frame in read_frames(source, self.report, self._progress):
                batch = self._batch(index, rows, *(frame[name] for name in named if name))
                if len(batch):
                    empty = nothing = False
                    yield batch
            if nothing:
                self.report.damage.append(f"{source.name}: no events (left out)")
        if empty:
            raise no_rows(self.sources, self.report, "rows with a class and an event")

    def _batch(
        self, source: int, rows: NDArray[np.int64], group: pl.Series, event: pl.Series
    ) -> RecordBatch:
        event = _as_words(event)
        # Classes are one word, so that they can be told from events again.
        group = _as_words(group).str.replace_all(r"\s+", "_").fill_null("")
        torn = (event.is_null() | (event == "")).fill_null(True)
        if torn.any():
            self.report.counts["rows without an event (skipped)"] += int(torn.sum())
            event, group, rows = event.filter(~torn), group.filter(~torn), rows[(~torn).to_numpy()]
        alone = event.str.replace_all(r"\s+", "_")
        named = pl.select(
            pl.when(group == "").then(alone).otherwise(group + " " + event)
        ).to_series()
        kind, kinds = event_kinds(named, pl.Series([""]).new_from_index(0, len(named)))
        return RecordBatch(
            source=source,
            line=rows,
            raw=named,
            kind=kind,
            kinds=kinds,
            time=np.full(len(named), NO_TIME),
        )


def _as_words(column: pl.Series) -> pl.Series:
    if column.dtype.is_nested():
        raise InputError(
            f"column {column.name!r} holds {column.dtype}; expected the name of one event a row"
        )
    return column.cast(pl.String).str.strip_chars()
