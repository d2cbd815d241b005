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

# What all formats below have in common: messages are requests, and say less than the fields.
_SAID = rf'"(?P<message>{_QUOTED})"'
_MOMENT = r"[0-9]+-[0-9]+-[0-9]+T[0-9:.]+(?:Z|[+-][0-9:]+)"
_SYSLOG = r"(?:[A-Z][a-z][a-z] +[0-9]+ [0-9:]+ (?P<host>[^ ]+) )?"


def _requests(
    name: str, title: str, header: str, time: str, derived: tuple[Derived, ...] = _REQUEST
) -> Format:
    return Format(
        name=name,
        title=title,
        header=header,
        time=time,
        absent="-",
        derived=derived,
        counted=_REQUEST_COUNTED[1:],
        numeric=("bytes",) if "(?P<bytes>" in header else (),
        free_text=False,
        multiline=False,
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
    _requests(
        "vhost",
        "access log with the host that was asked first",
        rf"^(?P<vhost>[A-Za-z0-9_.:-]+) (?P<client>[^ ]+) (?P<ident>-) (?P<user>[^ ]+) "
        rf"\[(?P<time>{_STAMP})\] {_SAID} {_RESULT}"
        rf'(?: "(?P<referrer>{_QUOTED})" "(?P<agent>{_QUOTED})")?(?: .*)?$',
        "%d/%b/%Y:%H:%M:%S %z",
    ),
    _requests(
        "s3",
        "Amazon S3 access log",
        rf"^(?P<owner>[^ ]+) (?P<bucket>[^ ]+) \[(?P<time>{_STAMP})\] (?P<client>[^ ]+) "
        rf"(?P<user>[^ ]+) (?P<request>[^ ]+) (?P<operation>[A-Z][A-Z.]+[^ ]*) (?P<object>[^ ]+) "
        rf'"?(?P<message>{_QUOTED})"? (?P<status>[0-9]+|-) (?P<error>[^ ]+) (?P<bytes>[0-9]+|-) '
        r".*$",
        "%d/%b/%Y:%H:%M:%S %z",
    ),
    _requests(
        "elb",
        "load balancers of AWS",
        rf"^(?:(?P<type>[a-z0-9]+) )?(?P<time>{_MOMENT}) (?P<balancer>[^ ]+) "
        r"(?P<client>[0-9A-Fa-f.:]+?)(?::[0-9]+)? (?P<target>[^ ]+) [0-9.-]+ [0-9.-]+ [0-9.-]+ "
        rf"(?P<status>[0-9]+|-) (?P<backend_status>[0-9]+|-) [0-9]+ (?P<bytes>[0-9]+) {_SAID}"
        rf'(?: "(?P<agent>{_QUOTED})" .*)?$',
        "iso",
    ),
    _requests(
        "envoy",
        "Envoy",
        rf"^\[(?P<time>{_MOMENT})\] {_SAID} (?P<status>[0-9]+) (?P<flags>[^ ]+)"
        r'(?: (?P<details>[a-z][^ ]*|-) [^ ]+ "[^"]*")? [0-9]+ (?P<bytes>[0-9]+|-) [0-9-]+ [0-9-]+ '
        rf'"(?P<forwarded_for>[^"]*)" "(?P<agent>{_QUOTED})" "(?P<request>[^"]*)" '
        r'"(?P<authority>[^"]*)" "(?P<upstream>[^"]*)".*$',
        "iso",
    ),
    _requests(
        "haproxy",
        "HAProxy",
        rf"^{_SYSLOG}(?:haproxy\[(?P<pid>[0-9]+)\]: )?(?P<client>[0-9A-Fa-f.:]+):[0-9]+ "
        r"\[(?P<time>[0-9]+/[A-Za-z]+/[0-9]+:[0-9:.]+)\] (?P<frontend>[^ ]+) "
        r"(?P<backend>[^ /]+)/(?P<server>[^ ]+) [0-9/+-]+ (?P<status>[0-9-]+) \+?(?P<bytes>[0-9]+) "
        rf"[^ ]+ [^ ]+ (?P<termination>[^ ]{{4}}) [0-9/]+ [0-9/]+ (?:\{{.*\}} )*{_SAID}.*$",
        "day, month's name, year",
    ),
    _requests(
        "squid",
        "Squid",
        r"^(?P<time>[0-9]+\.[0-9]+) +(?P<elapsed>[0-9]+) (?P<client>[^ ]+) "
        r"(?P<result>[A-Z_]+)/(?P<status>[0-9]+) (?P<bytes>[0-9]+) "
        r"(?P<message>[A-Z_:-]+ [^ ]+) (?P<user>[^ ]+) (?P<peer>[A-Z_]+/[^ ]+) (?P<type>[^ ]+).*$",
        "epoch",
    ),
    _requests(
        "gin",
        "Gin",
        r"^\[GIN\] (?P<time>[0-9/]+ - [0-9:]+) \|\s*(?P<status>[0-9]+) \|"
        r'\s*(?P<elapsed>[^ |]+) *\| +(?P<client>[^ |]+) *\| *(?P<message>[A-Z]+ +"[^"]*")\s*$',
        "iso",
        (_REQUEST[0], Derived("path", "message", '^[A-Z]+ +"(.*)"$'), *_REQUEST[2:]),
    ),
    _requests(
        "uwsgi",
        "uWSGI",
        r"^\[pid: (?P<pid>[0-9]+)\|app: [^|]*\|req: [^\]]*\] (?P<client>[^ ]+) \((?P<user>[^)]*)\) "
        r"\{[^}]*\} \[(?P<time>[^\]]*)\] (?P<message>[A-Z]+ [^ ]+) => generated (?P<bytes>[0-9]+) "
        r"bytes in (?P<elapsed>[0-9]+) [a-z]+ \(HTTP/[0-9.]+ (?P<status>[0-9]+)\).*$",
        "ctime",
    ),
    _requests(
        "request",
        "time, client, request",
        rf"^\[?(?P<time>{_STAMP}|{_MOMENT})\]? (?P<client>[0-9A-Fa-f.:]+|-) (?:[^\" ]+ )*?{_SAID} "
        rf"{_RESULT}.*$",
        "auto",
    ),
)
