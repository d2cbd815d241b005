"""A raw log to the table that other log tools read: header fields, message, event, template."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.read.formats import Format
from amiss.read.records import RecordReader, match_header
from amiss.read.sources import Source, find_sources
from amiss.represent.shapes import ShapeTable
from amiss.represent.templates import TemplateMiner
from amiss.types import RecordBatch


@dataclass(frozen=True, slots=True)
class ParsedLog:
    """What `parse_log` wrote.

    Attributes
    ----------
    output : str
        The structured log; ``-`` for standard output.
    templates_output : str or None
    format : str
        Header format of the log.
    lines, templates : int
        Rows of the two tables.
    notes : tuple of str
        What was mended or skipped while reading.
    """

    output: str
    templates_output: str | None
    format: str
    lines: int
    templates: int
    notes: tuple[str, ...]


def parse_log(
    inputs: str | PathLike[str] | Sequence[str | PathLike[str]],
    output: str | PathLike[str],
    *,
    templates: str | PathLike[str] | None = None,
    format: str | None = None,  # noqa: A002 - the field's word, and the option's name
    since: int | None = None,
    until: int | None = None,
    mask: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> ParsedLog:
    r"""Write a log as a CSV of one row a record, in the layout of loglizer and Loghub.

    The columns are LineId, the fields of the header, Content, EventId, EventTemplate and LineCount.
    The log is read twice, so that each row has the template its event ended up with; memory is
    bounded. Of a record of several lines, such as one with a stack trace, the first is in the
    table, and LineCount says how many they are.
    `amiss.read_sessions` reads the table as it would read the log. Cells are exactly what was
    logged: they are not made safe for spreadsheets, which take a leading ``=`` for a formula.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        As `amiss.read_sessions` takes them. Lines of a second file are numbered on.
    output : path-like
        The CSV; compressed if its name ends in ``.gz``; ``-`` for standard output.
    templates : path-like, optional
        Where to write EventId, EventTemplate and Occurrences.
    format : str, optional
        Name of the header format; by default it is recognised.
    since, until, mask
        As `amiss.read_sessions` has them.
    progress : callable, optional
        Told the number of bytes read so far, both times together.

    Raises
    ------
    UsageError
        An output is one of the inputs, or the format is unknown.
    InputError
        Nothing to read, or an output cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> log = pathlib.Path(tempfile.mkdtemp(), "app.log")
    >>> _ = log.write_text("open id=1\nopen id=2\n")
    >>> parse_log(log, log.with_suffix(".csv")).templates
    1
    >>> print(log.with_suffix(".csv").read_text().splitlines()[1])
    1,open id=1,E1,open id=<*>,1
    """
    sources = find_sources(inputs)
    targets = [output] if templates is None else [output, templates]
    _check_targets(targets, sources)
    selection: dict[str, Any] = {"since": since, "until": until, "mask": mask}
    first = RecordReader(sources, format=format, one_format=True, progress=progress, **selection)
    shapes = ShapeTable()
    occurrences: NDArray[np.int64] = np.zeros(0, dtype=np.int64)
    starts = np.zeros(len(sources) + 1, dtype=np.int64)  # the last line of each file, then summed
    for batch in first:
        shape = shapes.add(batch.kinds)[batch.kind]
        counts = np.bincount(shape, minlength=len(shapes))
        counts[: len(occurrences)] += occurrences
        occurrences = counts
        starts[batch.source + 1] = batch.line[-1]
    found = cast("Format", first.format)
    events = _name_events(shapes)
    again = RecordReader(
        sources,
        format=found.name,
        fields=found.fields,
        progress=None if progress is None else _further(progress, first.report.bytes),
        **selection,
    )
    with _written(output) as file:
        header = True
        for batch in again:
            rows = events[shapes.add(batch.kinds)[batch.kind]]
            frame = _structured(batch, found, int(starts[: batch.source + 1].sum()), rows)
            file.write(frame.write_csv(include_header=header).encode())
            header = False
    table = (
        events.with_columns(Occurrences=pl.Series(occurrences))
        .group_by("EventId", "EventTemplate", maintain_order=True)
        .agg(pl.col("Occurrences").sum())
    )
    if templates is not None:
        with _written(templates) as file:
            file.write(table.write_csv().encode())
    counted = [f"{what}: {count:,}" for what, count in first.report.counts.items()]
    return ParsedLog(
        output=str(output),
        templates_output=None if templates is None else str(templates),
        format=found.name,
        lines=int(occurrences.sum()),
        templates=len(table),
        notes=(*counted, *first.report.damage),
    )


def _name_events(shapes: ShapeTable) -> pl.DataFrame:
    """Return EventId and EventTemplate of each shape, numbered by first appearance."""
    miner = TemplateMiner()
    ids = miner.add(shapes.texts)
    texts = pl.Series(miner.templates, dtype=pl.String).gather(pl.Series(ids))
    # Two templates that were widened to the same text are one event to who reads the table.
    number = {text: f"E{i}" for i, text in enumerate(texts.unique(maintain_order=True), 1)}
    names = pl.Series([number[text] for text in texts], dtype=pl.String)
    return pl.DataFrame({"EventId": names, "EventTemplate": texts})


def _structured(
    batch: RecordBatch, found: Format, start: int, events: pl.DataFrame
) -> pl.DataFrame:
    content = match_header(batch.raw, found)["message"]
    extent = np.ones(len(batch), dtype=np.int64) if batch.extent is None else batch.extent
    return pl.DataFrame(
        {
            "LineId": batch.line + start,
            **{name.capitalize(): batch.fields[name] for name in found.fields},
            "Content": pl.select(pl.coalesce(content, batch.raw)).to_series(),
            **events.to_dict(),
            "LineCount": extent,
        }
    )


def _further(progress: Callable[[int], None], before: int) -> Callable[[int], None]:
    return lambda done: progress(before + done)


def _check_targets(targets: Sequence[str | PathLike[str]], sources: Sequence[Source]) -> None:
    paths = [Path(target) for target in targets if str(target) != "-"]
    if len({path.absolute() for path in paths}) < len(targets) - ("-" in map(str, targets)):
        raise UsageError(f"{targets[0]}: given for both tables; name two files")
    for path in paths:
        if path.exists() and any(path.samefile(source.path) for source in sources):
            raise UsageError(f"{path}: is the log itself; name another file to write to")


@contextmanager
def _written(target: str | PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file that appears under its name only when it is whole."""
    if str(target) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            if path.suffix == ".gz":  # no name or time in it: the same log gives the same bytes
                with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                    yield cast("BinaryIO", packed)
            else:
                yield file
        partial.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with suppress(OSError):  # it is gone if all went well
            partial.unlink()
