"""From files to sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import LabelError, UsageError
from amiss.read.formats import EVENTS, FORMATS, SESSIONS, STRUCTURED, TRACES
from amiss.read.labels import read_labels
from amiss.read.records import RecordReader
from amiss.read.sources import PathLike, Source, find_sources
from amiss.read.structured import StructuredReader, usual_key
from amiss.read.tables import EventLinesReader, SessionTableReader, recognise_table
from amiss.read.traces import TraceReader
from amiss.represent.grouping import GROUPINGS, ByField, ByKey, BySegment, Grouping
from amiss.represent.numbers import find_numbers
from amiss.represent.sessions import Sessions, group_records
from amiss.run.discovery import Choice, discover_keys, usual_choice
from amiss.run.row_ingest import looks_like
from amiss.run.sample import take_sample
from amiss.run.spans import parse_every
from amiss.types import RecordBatch

Reader = RecordReader | StructuredReader | SessionTableReader | EventLinesReader | TraceReader

SEGMENT = 1000
"""Events of a segment of a kernel trace, unless told."""

Labels = Mapping[str, bool] | PathLike
"""Session id to whether it is an anomaly, or the file that says so."""


def read_sessions(
    inputs: PathLike | Sequence[PathLike],
    *,
    session_key: str | None = None,
    session_field: str | None = None,
    gap: float | None = None,
    every: str | float | None = None,
    window: int | None = None,
    segment: int | None = None,
    format: str | None = None,  # noqa: A002 - the field's word, and the option's name
    since: int | None = None,
    until: int | None = None,
    mask: Sequence[str] = (),
    numbers: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Sessions:
    r"""Read logs, or tables of events, and group their lines into sessions.

    Tables are recognised: a row a line, as loglizer and Loghub have it (``structured``); a row a
    session with a column of its events (``sessions``: Parquet, Arrow, CSV or JSON lines); a line
    of event numbers a session, as DeepLog has it (``events``); a row an event with columns
    ``class`` and ``event``, one file a kernel trace (``traces``). Their events are taken as they
    are.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files (plain or packed), folders, glob patterns, or ``-`` for standard input.
        Several logs are one: where all lines have a time, the events of a session are in its order.
    session_key : str, optional
        Regular expression; lines with the same match are a session.
    session_field : str, optional
        Header field, such as ``pid``, or column of a table; lines with the same value are a
        session.
    gap : float, optional
        Seconds of silence after which a new window begins.
    every : str or float, optional
        Length of a window of time, such as ``"5m"``, or seconds; it may hold no line.
    window : int, optional
        Lines of a window.
    segment : int, optional
        Events of a segment of a trace: of each file, or of each row of a table of sessions. The
        last one takes what is left, if it is less than half a segment. By default 1,000 for
        ``traces``.
    format : str, optional
        Name of the header format, or of the layout of a table; by default it is recognised. With
        ``events`` any words are events where a file does not begin with numbers.
    since, until : int, optional
        Milliseconds since 1970, UTC: lines before the one, or from the other on, are left out.
    mask : sequence of str
        What private words become pseudonyms before anything is kept or shown: ``addresses``,
        ``emails``, ``users``, ``secrets``, or ``all`` (see `amiss.read.privacy.Masker`).
    numbers : bool
        Keep the numbers in messages, so that models learn what is usual of them. Of logs read as
        lines; on HDFS, where half the lines have numbers, reading takes half as long again.
    progress : callable, optional
        Told the number of bytes read so far; if it has a method ``add_lines``, that is told how
        many lines each batch has.

    Raises
    ------
    UsageError
        More than one of the six groupings is given; or none is for a structured log that has no
        usual one, or for what is no log.
    InputError
        No file, nothing in it, or no line that belongs to a session.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> log = pathlib.Path(tempfile.mkdtemp(), "app.log")
    >>> _ = log.write_text("open id=1\nopen id=2\nclose id=1\n")
    >>> read_sessions(log, session_key=r"id=\d+")
    <Sessions: 2 sessions of 3 events, 2 shapes>
    """
    sources = find_sources(inputs)
    options = {
        "session_key": session_key,
        "session_field": session_field,
        "gap": gap,
        "every": every,
        "window": window,
        "segment": segment,
    }
    given = [(name, value) for name, value in options.items() if value is not None]
    if len(given) > 1:
        raise UsageError(
            "give only one of session key, session field, gap, every, window and segment"
        )
    grouping = _grouping(*given[0], sources) if given else None
    layout = recognise_table(sources[0], format, grouped=grouping is not None)
    selection: dict[str, Any] = {"since": since, "until": until, "mask": mask}
    why = ""
    if grouping is None and layout is None:
        choice = _chosen(sources, format, mask)
        why, (option, value) = choice.reason, choice[:2]
        # Whoever reads sessions has them by entity, whatever window it would be counted in.
        grouping = _grouping("session_field" if option == "by" else option, value, sources)
        session_field = grouping.field if isinstance(grouping, ByField) else None
    reader = _open(sources, layout, format, session_field, progress, selection)
    if isinstance(reader, SessionTableReader | EventLinesReader) and grouping is not None:
        if isinstance(grouping, BySegment):  # a row is a trace
            names = [source.name for source in sources]
            grouping = BySegment(grouping.size, names, reader.session_column)
        else:
            _check_rows_grouping(reader, grouping)
            grouping = None
    batches = iter(reader)
    first = next(batches, None)
    if grouping is None:
        grouping = _usual_grouping(reader, first)
    head = [] if first is None else [first]
    mined = isinstance(reader, RecordReader) or not reader.templates_given
    sessions = group_records(
        _told(chain(head, batches), progress),
        grouping,
        templates_given=not mined,
        by_time=len(sources) > 1
        and isinstance(reader, RecordReader)
        and not isinstance(grouping, BySegment),
        numbers=find_numbers if numbers and isinstance(reader, RecordReader) else None,
    )
    sessions = replace(sessions, log=replace(sessions.log, mask=tuple(mask), why=why))
    return _with_provenance(sessions, reader)


def _told(
    batches: Iterable[RecordBatch], progress: Callable[[int], None] | None
) -> Iterator[RecordBatch]:
    add_lines = getattr(progress, "add_lines", None)
    for batch in batches:
        if add_lines is not None:
            add_lines(len(batch))
        yield batch


def _grouping(option: str, value: Any, sources: list[Source]) -> Grouping:
    if option == "segment":
        return BySegment(value, [source.name for source in sources])
    return GROUPINGS[option](parse_every(value) / 1000 if option == "every" else value)


def _chosen(
    sources: list[Source],
    format: str | None,  # noqa: A002 - the option's name
    mask: Sequence[str],
) -> Choice:
    """Return what ties the lines of a log together, found out."""
    sample = take_sample(sources, format, mask=mask)
    if sample.format.name == FORMATS[-1].name and format is None:
        what = looks_like([source.path for source in sources])
        if what is not None:
            raise UsageError(
                f"{sources[0].name}: holds {what}, not a log; take amiss.read_table or "
                "amiss.read_series for it, or say how its lines belong together, such as window=100"
            )
    return usual_choice(sample) or discover_keys(sample).choice


def _open(
    sources: list[Source],
    layout: str | None,
    format: str | None,  # noqa: A002 - the option's name
    field: str | None,
    progress: Callable[[int], None] | None,
    selection: dict[str, Any],
) -> Reader:
    if layout is not None:
        for name, value in selection.items():
            if value:
                raise UsageError(
                    f"{name} is for raw logs; {sources[0].name} is a table ({layout} format): "
                    "leave it out"
                )
    fields = [] if field is None else [field]
    if layout == STRUCTURED:
        return StructuredReader(sources, fields=fields, progress=progress)
    if layout == SESSIONS:
        return SessionTableReader(sources, session_column=field, progress=progress)
    if layout == EVENTS:
        numbers = recognise_table(sources[0], None, grouped=False) == EVENTS
        return EventLinesReader(sources, words=not numbers, progress=progress)
    if layout == TRACES:
        return TraceReader(sources, progress=progress)
    return RecordReader(sources, format=format, fields=fields, progress=progress, **selection)


def _check_rows_grouping(reader: SessionTableReader | EventLinesReader, grouping: Grouping) -> None:
    """Refuse to group what is grouped already."""
    if isinstance(reader, SessionTableReader) and isinstance(grouping, ByField):
        return
    name = reader.sources[0].name
    also = "; --session-field names its column of ids" if reader.format_name == SESSIONS else ""
    raise UsageError(
        f"{name}: each row is a session already ({reader.format_name} format), so no session key, "
        f"gap or window is needed; leave it out{also}"
    )


def _usual_grouping(reader: Reader, first: RecordBatch | None) -> Grouping:
    if isinstance(reader, SessionTableReader):
        return ByField(reader.session_column)
    if isinstance(reader, EventLinesReader):
        by_line = ByField(reader.session_column)
        by_line.description, by_line.option = "line", ("", "")
        return by_line
    if isinstance(reader, TraceReader):
        return BySegment(SEGMENT, [source.name for source in reader.sources])
    found = usual_key(first)
    if found is not None and found.session_key:
        return ByKey(found.session_key)
    raise UsageError(
        f"no usual session key is known for this log ({reader.format_name}); say what belongs "
        "together: --session-key PATTERN, --session-field NAME, --gap SECONDS, --every TIME, "
        "--window LINES or --segment EVENTS"
    )


def _with_provenance(sessions: Sessions, reader: Reader) -> Sessions:
    notes = [f"{what}: {count:,}" for what, count in reader.report.counts.items()]
    shown = isinstance(reader, RecordReader | StructuredReader)
    log = replace(
        sessions.log,
        sources=tuple(source.name for source in reader.sources),
        # A row of a session table holds all its events: there is no line of one to show.
        paths=tuple(str(source.path) for source in reader.sources) if shown else (),
        format=reader.format_name,
        lines=reader.report.lines,
        notes=(*notes, *reader.report.notes, *reader.report.damage),
    )
    return replace(sessions, log=log)


def match_labels(sessions: Sessions, labels: Labels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (anomalous, labelled) for each session, both of shape (n,).

    Of segments, a label may also name their trace, by its path or the last part of it: it is one
    of all its segments that have none of their own.

    Raises
    ------
    LabelError
        No label names any of the sessions.
    """
    given = labels if isinstance(labels, Mapping) else read_labels(labels)
    known = {str(key): bool(value) for key, value in given.items() if _is_label(key, value)}
    ids = sessions.ids.to_list()
    if sessions.trace is not None:
        _check_short_names(sessions.trace, known)
        named = zip(ids, sessions.trace, strict=True)
        ids = [_labelled_name(segment, trace, known) for segment, trace in named]
    labelled = np.array([session in known for session in ids], dtype=np.bool_)
    if not labelled.any():
        example = next(iter(known), "")
        raise LabelError(
            f"none of {len(known):,} labels names a session of this log: labels name such as "
            f"{example[:60]!r}, sessions are such as {ids[0][:60]!r}; check the session key"
        )
    anomalous = np.array([known.get(session, False) for session in ids], dtype=np.bool_)
    return anomalous, labelled


def _check_short_names(trace: pl.Series, known: Mapping[str, bool]) -> None:
    """Refuse a label that names a file by its last part, where two of them are called so."""
    traces = trace.unique(maintain_order=True).to_list()
    for name, times in Counter(t.rsplit("/", 1)[-1] for t in traces).items():
        if times > 1 and name in known and name not in traces:
            raise LabelError(
                f"label of {name[:60]!r}: {times} files are called so; name them by their paths"
            )


def _labelled_name(segment: str, trace: str, known: Mapping[str, bool]) -> str:
    """Return the name that a segment is labelled by: its own, or that of its trace."""
    short = trace.rsplit("/", 1)[-1]
    names = (segment, f"{short}{segment.removeprefix(trace)}", trace, short)
    return next((name for name in names if name in known), segment)


def _is_label(key: object, value: object) -> bool:
    """Return whether a session is labelled; −1 and None say that it is not."""
    if value is None or value == -1:
        return False
    if isinstance(value, bool | np.bool_ | int | np.integer) and value in (0, 1):
        return True
    raise LabelError(
        f"label {value!r} of session {str(key)[:60]!r}; expected True or 1 for an anomaly, False "
        "or 0 for a normal session"
    )
