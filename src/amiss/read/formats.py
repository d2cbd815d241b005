r"""Header formats of log lines, as data.

A format is a pattern with named groups, in the syntax that Python's ``re`` and Rust's ``regex``
share. It is matched once a *kind* of line, in which every run of digits is written ``0``; so it
says ``\d+``, never ``\d{6}``. The groups ``message`` (required) and ``level`` mean something to
the rest of the program; the others are fields one can group sessions by. What a field says beside
its value (the class of a status, the extension of a path) is a *derived* field, by a pattern too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from amiss.errors import UsageError


@dataclass(frozen=True, slots=True)
class Derived:
    """A field made from another one.

    Attributes
    ----------
    name, source : str
        The field, and the one it is made from, which may be derived itself.
    pattern : str
        What a whole value of the source looks like.
    form : str
        What becomes of it; ``${1}`` is the first group.
    otherwise : str or None
        What becomes of other values; None: such a line has no such field.
    """

    name: str
    source: str
    pattern: str
    form: str = "${1}"
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One header format.

    Attributes
    ----------
    name, title : str
        What the user types, and what the user reads.
    header : str
        The pattern of a whole line.
    loose : str
        A pattern of the same groups for lines that `header` does not fit; empty: there is none.
    time : str
        The ``strptime`` form of the time; empty where lines carry none.
    time_width : int
        How many characters at the start of a line hold the time; 0: the group ``time`` does.
    session_key : str
        The pattern of the usual session key of such logs; empty where there is none.
    absent : str
        What stands in a field that has no value.
    derived : tuple of Derived
    counted : tuple of str
        Fields whose values say what an entity did.
    numeric : tuple of str
        Fields that are numbers to add up.
    free_text : bool
        Messages say more than the fields that are counted.
    """

    name: str
    title: str
    header: str
    loose: str = ""
    time: str = ""
    time_width: int = 0
    session_key: str = ""
    absent: str = ""
    derived: tuple[Derived, ...] = ()
    counted: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    free_text: bool = True

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the header fields, the message left out."""
        return tuple(name for name in re.compile(self.header).groupindex if name != "message")

    @property
    def all_fields(self) -> tuple[str, ...]:
        """Names of the header fields and of those derived from them."""
        return (*self.fields, *(field.name for field in self.derived))

    def field_name(self, name: str) -> str:
        """Return the field that is called `name` in any case.

        Raises
        ------
        UsageError
            There is none; the message lists those there are.
        """
        known = {field.lower(): field for field in self.all_fields}
        if name.lower() not in known:
            raise UsageError(
                f"no header field {name!r} in the {self.title} format; its fields: "
                f"{', '.join(known.values()) or 'none'}"
            )
        return known[name.lower()]


# What access logs quote: a quote or a backslash inside is escaped.
_QUOTED = r'(?:[^"\\]|\\.)*'
_STAMP = "[0-9]+/[A-Za-z]+/[0-9]+:[0-9]+:[0-9]+:[0-9]+ [+-][0-9]+"
_RESULT = r"(?P<status>[0-9]+|-) (?P<bytes>[0-9]+|-)"
# Where each character says how to go on, a pattern is matched in one pass, three times faster.
# Apache's vhost_combined has the host that was asked before the client: a name and a port, which no
# address looks like.
_CLIENT = r"(?:(?P<vhost>[A-Za-z0-9_.-]+:[0-9]+) )?(?P<client>[^ ]+)"
_COMMON = (
    rf"^{_CLIENT} (?P<ident>[^ ]+) (?P<user>[^ ]+) \[(?P<time>{_STAMP})\] "
    rf'"(?P<message>{_QUOTED})" {_RESULT}'
)
# A line cut short, a user with spaces in their name, a quote that is not escaped: whoever sends
# such requests must not be lost for it.
_LOOSE = (
    rf"^{_CLIENT} (?P<ident>[^ ]+) (?P<user>.+?) \[(?P<time>{_STAMP})\] "
    rf'"(?P<message>.*?)(?:" {_RESULT}'
)
_METHOD = "[A-Za-z][A-Za-z0-9_-]*"
# What is no request (a TLS handshake, a dash) has no method and no path.
_REQUEST = (
    Derived("method", "message", rf"^({_METHOD}) .+$"),
    Derived("path", "message", rf"^{_METHOD} (.+?)(?: HTTP/[0-9.]+)?$"),
    Derived("protocol", "message", rf"^{_METHOD} .+ (HTTP/[0-9.]+)$"),
    Derived("status_class", "status", "^([0-9])[0-9][0-9]$", "${1}xx", "other"),
    Derived("extension", "path", r"^[^?#]*/[^/?#]*\.([A-Za-z0-9]+)(?:[?#].*)?$", otherwise="none"),
    Derived("query", "path", r"^[^?]*\?.*$", "yes", "no"),
)
_REQUEST_COUNTED = (
    *("user", "method", "path", "protocol", "status"),
    *("status_class", "extension", "query"),
)

# In the order in which they are tried.
FORMATS = (
    Format(
        name="combined",
        title="combined access log",
        header=rf'{_COMMON} "(?P<referrer>{_QUOTED})" "(?P<agent>{_QUOTED})"(?: .*)?$',
        loose=rf'{_LOOSE}(?: "(?P<referrer>{_QUOTED})(?:" "(?P<agent>{_QUOTED}))?)?.*)?$',
        time="%d/%b/%Y:%H:%M:%S %z",
        absent="-",
        derived=(
            *_REQUEST,
            Derived("referrer_host", "referrer", "^[A-Za-z]+://([^/?#]+).*$", otherwise="other"),
            Derived("agent_product", "agent", "^([A-Za-z][A-Za-z0-9_.+-]*).*$", otherwise="other"),
        ),
        counted=(*_REQUEST_COUNTED, "referrer", "referrer_host", "agent", "agent_product"),
        numeric=("bytes",),
        free_text=False,
    ),
    Format(
        name="common",
        title="common access log",
        header=rf"{_COMMON}(?: .*)?$",
        loose=rf"{_LOOSE}.*)?$",
        time="%d/%b/%Y:%H:%M:%S %z",
        absent="-",
        derived=_REQUEST,
        counted=_REQUEST_COUNTED,
        numeric=("bytes",),
        free_text=False,
    ),
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
        counted=("level", "component"),
    ),
    # The fallback: every line is a message. It stays last, since it matches everything.
    Format(name="plain", title="plain lines", header=r"^(?P<message>.*)$"),
)

#: Layouts of tables: a row a line, a row a session, event numbers, a row an event of a trace.
TABLES = STRUCTURED, SESSIONS, EVENTS, TRACES = "structured", "sessions", "events", "traces"


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
