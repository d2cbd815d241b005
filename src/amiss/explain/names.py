"""Hosts and addresses that a line names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address

_SEEN = 2000
"""Characters of a line that are looked at."""
_MOST = 8
"""Names of one line: a line with more lists them."""
_NAMES = re.compile(
    r"(?<![\w.:])(?:"
    r"(?P<v4>(?:\d{1,3}\.){3}\d{1,3})(?![\w.]*\.\d)(?:/\d{1,2})?"
    r"|(?P<v6>[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7})(?![\w:])"
    r"|(?P<host>[A-Za-z][\w-]{0,60}(?:\.[\w-]{1,60}){0,6}):\d{2,5}(?![\w:.])"
    r")"
)
_SOURCE_FILE = re.compile(r"\.(?:c|cc|cpp|cs|go|h|hpp|java|js|kt|php|pl|py|rb|rs|scala|ts)$")


def names_in(text: str) -> Iterator[tuple[str, str]]:
    """Yield the addresses and the hosts with a port that stand in a line: kind and value.

    Examples
    --------
    >>> list(names_in("src: /10.250.7.5:50010 dest: db-1.example.org:5432 at Run.java:120"))
    [('address', '10.250.7.5'), ('host', 'db-1.example.org')]
    >>> list(names_in("at 12:30:45 from fe80::1:2"))
    [('address', 'fe80::1:2')]
    """
    found = 0
    for match in _NAMES.finditer(text[:_SEEN]):
        kind, value = match.lastgroup, match[match.lastgroup or 0]
        if kind == "v4" and any(int(part) > 255 for part in value.split(".")):
            continue
        if kind == "v6" and not _is_v6(value):
            continue
        if kind == "host" and _SOURCE_FILE.search(value):
            continue
        yield ("host" if kind == "host" else "address"), value
        found += 1
        if found == _MOST:
            return


def _is_v6(value: str) -> bool:
    try:
        IPv6Address(value)
    except ValueError:  # a time of day, for one
        return False
    return True
