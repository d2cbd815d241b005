"""Hosts and addresses that a line names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv6Address

_SEEN = 2000
"""Characters of a line that are looked at."""
_MOST = 8
"""Names of one line: a line with more lists them."""
_LONGEST = 80
_V4 = re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.]*\d)")
_V6 = re.compile(r"(?<![\w.:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])")
_PORT = re.compile(r":\d{2,5}(?![\w:.])")
_HOST = re.compile(r"(?:.*[^\w.:-])?([A-Za-z][\w-]*(?:\.[\w-]+)*)", re.DOTALL)
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
    text = text[:_SEEN]
    found = [("address", name) for name in _addresses(text)]
    found += [("host", name) for name in _hosts(text)]
    yield from found[:_MOST]


def _addresses(text: str) -> Iterator[str]:
    for match in _V4.finditer(text):
        before = text[match.start() - 1 : match.start()]
        if not (before.isalnum() or before == ".") and _is_v4(match[0]):
            yield match[0]
    if "::" in text or text.count(":") >= 7:
        yield from (match[0] for match in _V6.finditer(text) if _is_v6(match[0]))


def _hosts(text: str) -> Iterator[str]:
    for match in _PORT.finditer(text):
        name = _HOST.fullmatch(text[max(0, match.start() - _LONGEST) : match.start()])
        if name and not _SOURCE_FILE.search(name[1]):
            yield name[1]


def _is_v4(value: str) -> bool:
    return max(map(int, value.split("."))) < 256


def _is_v6(value: str) -> bool:
    try:
        IPv6Address(value)
    except ValueError:  # a time of day, for one
        return False
    return True
