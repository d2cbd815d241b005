"""Access logs of web servers, as data."""

from __future__ import annotations

from amiss.read.format_type import Derived, Format

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

ACCESS = (
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
        multiline=False,
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
        multiline=False,
    ),
)
