"""What the values of a record are usually called: its message, its level, its time."""

from __future__ import annotations

import re
from collections.abc import Iterable

MESSAGE = (
    "message", "msg", "@message", "log", "short_message", "textpayload", "jsonpayload.message",
    "rendered_message", "renderedmessage", "@m", "@mt", "messagetemplate", "message_template",
    "body", "text", "event.original", "full_message", "event", "eventname", "description",
    "content",
)  # fmt: skip
LEVEL = (
    "level", "severity", "log.level", "loglevel", "log_level", "lvl", "levelname", "level_name",
    "severity_text", "severitytext", "priority", "@l", "level.name", "levelno", "s",
)  # fmt: skip
TIME = (
    "@timestamp", "timestamp", "time", "ts", "datetime", "date_time", "eventtime", "event_time",
    "asctime", "date", "@t", "t.$date", "timemillis", "time_local", "timegenerated", "created_at",
    "__realtime_timestamp", "_source_realtime_timestamp", "t", "start_time", "date and time",
)  # fmt: skip
#: What says what happened where nothing is called a message.
HAPPENED = (
    "eventsource", "eventname", "event_type", "type", "kind", "action", "operation", "method",
    "cs-method", "verb", "proto", "service", "conn_state", "qtype_name", "rcode_name", "note",
    "status", "status_code", "sc-status", "result", "outcome", "state", "name", "mime_type",
)  # fmt: skip

_DEEP = 2
"""Objects in objects that are looked into for what happened: a header is none of it."""
_LAST = frozenset(
    ["method", "status", "action", "operation", "operationname", "resulttype", "outcome", "verb",
     "result", "category"]
)  # fmt: skip


def what_happened(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that say what happened where no message does, by the end of their names.

    Examples
    --------
    >>> what_happened(["ts", "conn_state", "request.method", "DownstreamStatus", "durationMs"])
    ('conn_state', 'request.method', 'DownstreamStatus')
    """
    found = []
    for column in columns:
        last = column.rpartition(".")[2]
        words = re.findall("[A-Z]?[a-z]+|[A-Z]+(?![a-z])", last) or [""]
        names = {last.lower(), words[-1].lower()} if column.count(".") < _DEEP else set()
        names = set() if re.search("[0-9]", column) else names
        if column.lower() in HAPPENED or names & _LAST:
            found.append(column)
    return tuple(found)


#: What says what happened in a record that has no message though others do.
INSTEAD = ("error", "err", "error.message", "exception", "exception.message", "reason", *HAPPENED)


def named(columns: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that are called one of `names`, in the order of these, in any case.

    Examples
    --------
    >>> named(["Time", "id", "MSG", "log.level"], MESSAGE), named(["Time"], TIME)
    (('MSG',), ('Time',))
    """
    known = {column.strip().lower(): column for column in reversed(list(columns))}
    return tuple(known[name] for name in names if name in known)


def named_within(columns: Iterable[str]) -> tuple[str, ...]:
    """Return the columns that hold messages: called so, or within another value.

    Examples
    --------
    >>> named_within(["msg.text", "msg.code", "message"])
    ('message', 'msg.text')
    """
    columns = list(columns)
    inner = [c for c in columns if c.lower().rpartition(".")[2] in ("message", "msg", "text")]
    return tuple(dict.fromkeys([*named(columns, MESSAGE), *inner]))


def is_log(columns: Iterable[str]) -> bool:
    """Return whether a table of these columns is a log: its rows have a time and a message.

    Examples
    --------
    >>> is_log(["time", "level", "message"]), is_log(["time", "value"])
    (True, False)
    """
    columns = list(columns)
    said = named(columns, MESSAGE) or named(columns, ("event id",))  # of Windows, the text last
    return bool(said and named(columns, TIME))
