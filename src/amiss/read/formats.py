r"""Header formats of log lines, as data.

A format is a pattern with named groups, in the syntax that Python's ``re`` and Rust's ``regex``
share. It is matched once a *kind* of line, in which every run of digits is written ``0``; so it
says ``\d+``, never ``\d{6}``. The groups ``message`` (required) and ``level`` mean something to
the rest of the program; the others are fields one can group sessions by.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from amiss.errors import UsageError


@dataclass(frozen=True, slots=True)
class Format:
    """One header format.

    Attributes
    ----------
    name, title : str
        What the user types, and what the user reads.
    header : str
        The pattern of a whole line.
    time : str
        The ``strptime`` form of the time; empty where lines carry none.
    time_width : int
        How many characters at the start of a line hold the time.
    session_key : str
        The pattern of the usual session key of such logs; empty where there is none.
    """

    name: str
    title: str
    header: str
    time: str = ""
    time_width: int = 0
    session_key: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the header fields, the message left out."""
        return tuple(name for name in re.compile(self.header).groupindex if name != "message")


FORMATS = (
    Format(
        name="hdfs",
        title="HDFS",
        header=(
            r"^(?P<date>\d+) (?P<time>\d+) (?P<pid>\d+) (?P<level>[A-Z]+) "
            r"(?P<component>[^\s:]+): ?(?P<message>.*)$"
        ),
        time="%y%m%d %H%M%S",
        time_width=13,
        session_key=r"blk_-?\d+",
    ),
    # The fallback: every line is a message. It stays last, since it matches everything.
    Format(name="plain", title="plain lines", header=r"^(?P<message>.*)$"),
)

#: Layouts of tables, which `amiss.read.tables` reads: a row a line, a row a session, event numbers.
TABLES = STRUCTURED, SESSIONS, EVENTS = "structured", "sessions", "events"


def get_format(name: str) -> Format:
    """Return the format called `name`.

    Raises
    ------
    UsageError
        There is none of that name; the message lists those there are.

    Examples
    --------
    >>> get_format("hdfs").fields
    ('date', 'time', 'pid', 'level', 'component')
    """
    for known in FORMATS:
        if known.name == name.lower():
            return known
    names = ", ".join([*(f.name for f in FORMATS), *TABLES])
    raise UsageError(f"unknown log format {name!r}; expected one of: {names}")
