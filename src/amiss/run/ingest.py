"""From files to sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from amiss.errors import LabelError, UsageError
from amiss.read.formats import Format
from amiss.read.records import RecordReader
from amiss.read.sources import PathLike
from amiss.represent.grouping import ByCount, ByField, ByGap, ByKey, Grouping
from amiss.represent.sessions import Sessions, group_records


def read_sessions(
    inputs: PathLike | Sequence[PathLike],
    *,
    session_key: str | None = None,
    session_field: str | None = None,
    gap: float | None = None,
    window: int | None = None,
    format: str | None = None,  # noqa: A002 - the field's word, and the option's name
    progress: Callable[[int], None] | None = None,
) -> Sessions:
    r"""Read logs and group their lines into sessions.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files (plain, gzip or zstandard), folders, glob patterns, or ``-`` for standard input.
    session_key : str, optional
        Regular expression; lines with the same match are a session.
    session_field : str, optional
        Header field, such as ``pid``; lines with the same value are a session.
    gap : float, optional
        Seconds of silence after which a new window begins.
    window : int, optional
        Lines of a window.
    format : str, optional
        Name of the header format; by default it is recognised.
    progress : callable, optional
        Told the number of bytes read so far.

    Raises
    ------
    UsageError
        More than one of the four groupings is given, or none is and the format has no usual one.
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
    given: list[Callable[[], Grouping]] = []
    if session_key is not None:
        given.append(lambda: ByKey(session_key))
    if session_field is not None:
        given.append(lambda: ByField(session_field))
    if gap is not None:
        given.append(lambda: ByGap(gap))
    if window is not None:
        given.append(lambda: ByCount(window))
    if len(given) > 1:
        raise UsageError("give only one of session key, session field, gap and window")
    grouping = given[0]() if given else None
    reader = RecordReader(
        inputs,
        format=format,
        fields=[session_field] if session_field is not None else [],
        progress=progress,
    )
    batches = iter(reader)
    first = next(batches, None)
    head = [] if first is None else [first]
    if grouping is None:
        grouping = _usual_grouping(reader.format)
    sessions = group_records(chain(head, batches), grouping)
    return _with_provenance(sessions, reader)


def _usual_grouping(found: Format | None) -> Grouping:
    if found is not None and found.session_key:
        return ByKey(found.session_key)
    title = found.title if found else "empty"
    raise UsageError(
        f"no usual session key is known for this log ({title}); say what belongs together: "
        "--session-key PATTERN, --session-field NAME, --gap SECONDS or --window LINES"
    )


def _with_provenance(sessions: Sessions, reader: RecordReader) -> Sessions:
    notes = [f"{what}: {count:,}" for what, count in reader.report.counts.items()]
    log = replace(
        sessions.log,
        sources=tuple(source.name for source in reader.sources),
        paths=tuple(str(source.path) for source in reader.sources),
        format=reader.format.name if reader.format else "",
        lines=reader.report.lines,
        notes=(*notes, *reader.report.damage),
    )
    return replace(sessions, log=log)


def match_labels(
    sessions: Sessions, labels: Mapping[str, bool]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return (anomalous, labelled) for each session, both of shape (n,).

    Raises
    ------
    LabelError
        No label names any of the sessions.
    """
    ids = sessions.ids.to_list()
    labelled = np.array([session in labels for session in ids], dtype=np.bool_)
    if not labelled.any():
        example = next(iter(labels), "")
        raise LabelError(
            f"none of {len(labels):,} labels names a session of this log: labels name such as "
            f"{example[:60]!r}, sessions are such as {ids[0][:60]!r}; check the session key"
        )
    anomalous = np.array([labels.get(session, False) for session in ids], dtype=np.bool_)
    return anomalous, labelled
