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
    dotted = {match.end(): match for match in _V4.finditer(text)} if "." in text else {}
    found = [("address", match[0]) for match in dotted.values() if _is_v4(match, text)]
    if "::" in text or text.count(":") >= 7:
        found += [("address", match[0]) for match in _V6.finditer(text) if _is_v6(match[0])]
    for match in _PORT.finditer(text):
        start = match.start()
        if start in dotted:
            continue
        name = _HOST.fullmatch(text[max(0, start - _LONGEST) : start])
        if name and not _SOURCE_FILE.search(name[1]):
            found.append(("host", name[1]))
    yield from found[:_MOST]


def _is_v4(match: re.Match[str], text: str) -> bool:
    before = text[match.start() - 1] if match.start() else " "
    if before.isalnum() or before == ".":
        return False
    return all(len(part) < 3 or part <= "255" for part in match[0].split("."))


def _is_v6(value: str) -> bool:
    try:
        IPv6Address(value)
    except ValueError:  # a time of day, for one
        return False
    return True
