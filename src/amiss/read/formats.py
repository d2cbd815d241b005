"""The formats of log lines, by name; and an own one, which is a pattern."""

from __future__ import annotations

import re
import warnings

from amiss.errors import UsageError
from amiss.read.format_type import GIVEN, Derived, Format
from amiss.read.formats_named import NAMED
from amiss.read.headers import AUDIT, HEADERS

__all__ = [
    "EVENTS", "FORMATS", "SESSIONS", "STRUCTURED", "TABLES", "TRACES",
    "Derived", "Format", "get_format",
]  # fmt: skip

# In the order in which they are tried.
FORMATS = (
    AUDIT,
    *NAMED,
    *HEADERS,
    # The fallback: every line is a message. It stays last, since it matches everything.
    Format(name="plain", title="plain lines", header=r"^(?P<message>.*)$"),
)

#: Layouts of tables: a row a line, a row a session, event numbers, a row an event of a trace.
TABLES = STRUCTURED, SESSIONS, EVENTS, TRACES = "structured", "sessions", "events", "traces"

_ALIASES = {"bsd": "syslog", "json_lines": "json", "jsonl": "json", "ndjson": "json", "iis": "w3c"}


def get_format(name: str) -> Format:
    r"""Return the format called `name`, or the one that `name` is the pattern of.

    Parameters
    ----------
    name : str
        A name, in any case; or a regular expression with a group ``message``, whose groups
        ``time`` and ``level`` mean what they say and whose others are fields. How its times are
        written is told by their form; a group ``date`` goes in front of ``time``.

    Raises
    ------
    UsageError
        There is none of that name; the message lists those there are. Or the pattern is none.

    Examples
    --------
    >>> get_format("hdfs").fields
    ('date', 'time', 'pid', 'level', 'component')
    >>> get_format(r"^(?P<time>\S+) (?P<host>\S+) (?P<message>.*)$").fields
    ('time', 'host')
    """
    if "(?P<" in name:
        return _own_format(name)
    wanted = name.lower().replace("-", "_")
    wanted = _ALIASES.get(wanted, wanted)
    for known in FORMATS:
        if known.name == wanted:
            return known
    names = ", ".join([*(f.name for f in FORMATS), *TABLES])
    raise UsageError(
        f"unknown log format {name!r}; expected one of: {names}; or a pattern with a group "
        "(?P<message>…)"
    )


def _own_format(pattern: str) -> Format:
    import polars as pl

    shown = pattern if len(pattern) <= 60 else pattern[:60] + "…"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sets that other engines know
            groups = re.compile(pattern).groupindex
        pl.Series([""]).str.extract_groups(pattern)
    except (re.error, pl.exceptions.PolarsError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise UsageError(
            f"format {shown!r}: not a pattern ({reason}); look-around and back-references are not "
            "supported"
        ) from None
    if "message" not in groups:
        raise UsageError(
            f"format {shown!r}: the pattern has no group (?P<message>…), which says where the "
            "message is"
        )
    return Format(
        name=pattern,
        title="given",
        header=pattern,
        time="auto" if "time" in groups or "date" in groups else "",
        layout=GIVEN,
        message=("message",),
        level=("level",) if "level" in groups else (),
        stamp=tuple(name for name in ("time", "date") if name in groups),
    )
