"""From logs to what each entity did in each window of time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from amiss.errors import UsageError
from amiss.read.formats import EVENTS, FORMATS, SESSIONS, STRUCTURED, TRACES, Format
from amiss.read.records import RecordReader
from amiss.read.sources import PathLike, Source, find_sources
from amiss.read.structured import StructuredReader
from amiss.read.tables import recognise_table
from amiss.represent.activity import TEMPLATE, Activity, count_records
from amiss.run.raw_lines import read_again
from amiss.run.row_data import find_row
from amiss.run.spans import parse_every


def read_activity(
    inputs: PathLike | Sequence[PathLike],
    *,
    by: str,
    every: str | float = "5m",
    format: str | None = None,  # noqa: A002 - the field's word, and the option's name
    fields: Sequence[str] | None = None,
    since: int | None = None,
    until: int | None = None,
    mask: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Activity:
    r"""Read logs and count what each entity did in each window of time.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files (plain or packed), folders, glob patterns, or ``-`` for standard input.
        Lines need not be in the order of time.
    by : str
        The field that names entities, such as ``client`` of an access log.
    every : str or float
        Length of a window: ``"10s"``, ``"5m"``, ``"1h"``, ``"1d"``, or seconds.
    format : str, optional
        Name of the header format; by default it is recognised.
    fields : sequence of str, optional
        Fields to count, ``template`` among them for messages; by default those that the format
        has for it.
    since, until, mask
        As `amiss.read_sessions` has them.
    progress : callable, optional
        Told the number of bytes read so far.

    Raises
    ------
    UsageError
        There is no such field, or `every` is no length of time.
    InputError
        No file, nothing in it, or no line that has a time and an entity.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> log = pathlib.Path(tempfile.mkdtemp(), "access.log")
    >>> line = '10.0.0.{} - - [17/May/2015:10:05:0{} +0200] "GET / HTTP/1.1" 200 512\n'
    >>> _ = log.write_text(line.format(1, 3) + line.format(2, 4) + line.format(1, 9))
    >>> activity = read_activity(log, by="client", every="10s")
    >>> activity
    <Activity: 2 rows by client, 3 lines>
    >>> activity.numbers["bytes"].total.tolist()
    [1024.0, 512.0]
    """
    length = parse_every(every)
    sources = find_sources(inputs)
    layout = recognise_table(sources[0], format, grouped=True)
    if layout in (SESSIONS, EVENTS, TRACES):
        raise UsageError(
            f"{sources[0].name}: its events carry no times ({layout} format); windows of time need "
            "a log with a time in each line"
        )
    if layout is not None and (since is not None or until is not None or mask):
        raise UsageError(
            f"{sources[0].name}: since, until and mask are for raw logs, not for {layout}: leave "
            "them out"
        )
    reader: RecordReader | StructuredReader
    if layout == STRUCTURED:
        # Which of its columns mean something, a table does not tell.
        wanted = (TEMPLATE,) if fields is None else _checked(tuple(dict.fromkeys(fields)))
        numeric: tuple[str, ...] = ()
        reader = StructuredReader(sources, fields=_headers(by, wanted), progress=progress)
        templates_given = reader.templates_given
    else:
        found = recognised_format(sources, format)
        by = found.field_name(by)
        wanted = _counted(found, by) if fields is None else _named(found, fields)
        numeric = tuple(name for name in wanted if name in found.numeric)
        reader = RecordReader(
            sources,
            format=found.name,
            fields=_headers(by, wanted),
            since=since,
            until=until,
            mask=mask,
            progress=progress,
        )
        templates_given = False
    activity = count_records(
        reader, by, length, fields=wanted, numeric=numeric, templates_given=templates_given
    )
    activity = replace(activity, log=replace(activity.log, mask=tuple(mask)))
    return _with_provenance(activity, reader, layout)


class RawLine(NamedTuple):
    """A line of a log as it stands there: hostile input, to be escaped where it is shown."""

    file: str
    line: int
    text: str


def read_raw_lines(activity: Activity, row_id: str, most: int = 10) -> tuple[list[RawLine], int]:
    """Read the lines of one row once more: what an entity did in a window.

    Parameters
    ----------
    activity : Activity
        Of `read_activity`; a data frame has no lines.
    row_id : str
        As in findings: the start of the window, and the entity.
    most : int
        Lines to read, the first ones.

    Returns
    -------
    lines : list of RawLine
    count : int
        How many there are in all.

    Raises
    ------
    InputError
        There is no such row; or the files are no longer there.
    """
    at = find_row(activity, row_id)
    start, stop = activity.index.offsets[at : at + 2].tolist()
    log = activity.log
    if not log.paths:
        return [], stop - start
    first = slice(start, min(stop, start + most))
    places = list(
        zip(activity.index.file[first].tolist(), activity.index.line[first].tolist(), strict=True)
    )
    wanted: dict[int, set[int]] = {}
    for file, line in places:
        wanted.setdefault(file, set()).add(line)
    texts = read_again(log, wanted)
    found = [RawLine(log.sources[f], line, texts.get((f, line), "")) for f, line in places]
    return found, stop - start


def recognised_format(sources: list[Source], name: str | None) -> Format:
    """Return the header format; which fields can be read goes by it."""
    reader = RecordReader(sources, format=name)
    if reader.format is None:
        next(iter(reader))
    return reader.format or FORMATS[-1]


def _counted(found: Format, by: str) -> tuple[str, ...]:
    messages = (TEMPLATE,) if found.free_text else ()
    return (*(name for name in found.counted if name != by), *found.numeric, *messages)


def _named(found: Format, fields: Sequence[str]) -> tuple[str, ...]:
    names = (TEMPLATE if n.lower() == TEMPLATE else found.field_name(n) for n in fields)
    return _checked(tuple(dict.fromkeys(names)))


def _checked(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise UsageError("no fields to count; name some, or leave them out for the usual ones")
    return names


def _headers(by: str, wanted: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([by, *(name for name in wanted if name != TEMPLATE)]))


def _with_provenance(
    activity: Activity, reader: RecordReader | StructuredReader, layout: str | None
) -> Activity:
    mended = [f"{what}: {count:,}" for what, count in reader.report.counts.items()]
    log = replace(
        activity.log,
        sources=tuple(source.name for source in reader.sources),
        paths=tuple(str(source.path) for source in reader.sources),
        format=layout or reader.format_name,
        lines=reader.report.lines,
        notes=(*activity.log.notes, *mended, *reader.report.notes, *reader.report.damage),
    )
    return replace(activity, log=log)
