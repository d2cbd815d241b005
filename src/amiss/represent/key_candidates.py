r"""Identifiers in messages that might tie lines together, as patterns.

What is looked at, in general and for no system: words with digits behind a prefix (``blk_-7``,
``attempt_1_m_2``), UUIDs with or without one (``req-…``), addresses, numbers and hash-like words
that a word before them names (``TID 7``, ``[instance: 5f…]``), values of ``key=value``, numbers in
brackets (``[24200]``), and a hash-like word that a message begins with. Each becomes the pattern
that would be given as a session key, so that what is measured is what a user gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_LONGEST = 1000
"""Characters of a message that are looked at: whoever writes more does not make this slow."""
_SYNTAX = str.maketrans({c: f"\\{c}" for c in r"\.+*?()|[]{}^$#&~"})

_UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
_IPV4 = r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"
_ADDRESS = rf"\b{_IPV4}\b"
# A token is a run of what identifiers are made of; addresses have dots as well.
_TOKEN = re.compile(
    rf"(?P<uuid>{_UUID})|(?P<ip>(?<![\w.]){_IPV4}(?![\w.]))|[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*"
)
# The word before a token and what stands between: "TID ", "instance: ", "child=", "sshd[".
_NAME = re.compile(r"""([A-Za-z_][A-Za-z_.-]{0,40})((?:["']?\s?[:=#]\s?["'\[(]?)|[\[(]|\s#?\[?)$""")
_PAIR = re.compile(r"""(?:^|[\s,;({\[&?|])([A-Za-z_][A-Za-z_.-]{0,40})=["']?(?=[^\s"'=,;)}\]&])""")
_PREFIX = re.compile(r"([A-Za-z]+(?:[_-][A-Za-z]+)*[_-])(?=-?[0-9])")
_VALUE = r"""["']?([^\s"',;)}\]&]+)"""


@dataclass(slots=True)
class Candidate:
    """What might be a session key.

    Attributes
    ----------
    option, value : str
        The argument of `amiss.read_sessions`, ``session_key`` or ``session_field``, and its value.
    title : str
        What to call it.
    example : str
        One value, as it stood in the log.
    lines : int
        Lines of the sample that were seen to hold it; what it is ranked by before it is measured.
    """

    option: str
    value: str
    title: str
    example: str = ""
    lines: int = 0


@dataclass(slots=True)
class _Found:
    """One kind of identifier while messages are looked through."""

    title: str
    example: str
    lines: int = 0
    tails: set[str] = field(default_factory=set)
    lengths: set[int] = field(default_factory=set)


def find_candidates(messages: Iterable[tuple[str, str, int]], *, most: int = 40) -> list[Candidate]:
    r"""Return patterns of identifiers in `messages`, those that most lines hold first.

    Parameters
    ----------
    messages : iterable of (str, str, int)
        For each kind of message: the last characters of the header before it, one message of the
        kind as logged, and the number of lines of the kind.
    most : int
        How many to return.

    Examples
    --------
    >>> found = find_candidates([("", "Received block blk_-77 of size 9 from /10.0.0.1", 5)])
    >>> [candidate.value for candidate in found]
    ['blk_-?\\d+', '\\bsize (\\d+)', '\\b\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\b']
    """
    found: dict[tuple[str, str], _Found] = {}
    for before, message, lines in messages:
        seen: set[tuple[str, str]] = set()
        for key, title, token in _identifiers(before, message[:_LONGEST]):
            kind = found.setdefault(key, _Found(title, token))
            kind.tails.add(_tail(token, key))
            kind.lengths.add(len(token))
            if key not in seen:
                seen.add(key)
                kind.lines += lines
    candidates: dict[str, Candidate] = {}
    for key, kind in sorted(found.items(), key=lambda item: -item[1].lines):
        pattern = _pattern(key, kind)
        known = candidates.setdefault(
            pattern, Candidate("session_key", pattern, kind.title, kind.example)
        )
        known.lines = max(known.lines, kind.lines)
    return list(candidates.values())[:most]


def _identifiers(before: str, message: str) -> Iterable[tuple[tuple[str, str], str, str]]:
    """Yield (form and what names it, what to call it, the identifier) of each in a message."""
    for pair in _PAIR.finditer(message):
        end = re.compile(r"""[^\s"',;)}\]&]+""").match(message, pair.end())
        if end:
            yield ("pair", pair[1]), f"{pair[1]}=…", end[0]
    for match in _TOKEN.finditer(message):
        token = match[0].strip("-_") if match["uuid"] is None else match[0]
        front = message[max(0, match.start() - 48) : match.start()]
        name = _NAME.search(front)
        if match["ip"]:
            yield ("ip", ""), "address", token
        elif match["uuid"]:
            yield ("uuid", ""), "UUID", token
            if name:
                yield ("uuid", name[0]), f"{name[1]} UUID", token
        elif prefixed := _PREFIX.match(token):
            tail = token[prefixed.end() :]
            if re.fullmatch(_UUID, tail):
                yield ("uuid-of", prefixed[1]), f"{prefixed[1]}…", token
            else:
                yield ("prefix", prefixed[1]), f"{prefixed[1]}…", token
        elif token.isdecimal():
            if front.endswith("["):
                yield ("bracket", ""), "[number]", token
            if name and not name[0].endswith("="):
                yield ("number", name[0]), f"{name[1]} {token}", token
        elif len(token) >= 5 and re.fullmatch("[0-9A-Za-z]+", token):
            if name and not name[0].endswith("="):
                yield ("word", name[0]), f"{name[1]} …", token
            elif not front and message[match.end() : match.end() + 1] == ":":
                yield ("first", before), "first word", token
            if len(token) >= 16:
                yield ("hash", str(len(token))), f"word of {len(token)} characters", token


def _tail(token: str, key: tuple[str, str]) -> str:
    """Return the form of what follows a prefix: digits as 0."""
    return re.sub("[0-9]+", "0", token[len(key[1]) :]) if key[0] == "prefix" else ""


def _pattern(key: tuple[str, str], kind: _Found) -> str:
    """Return the session key, in the syntax that Python's ``re`` and Rust's ``regex`` share."""
    form, name = key
    named = (r"\b" if name[:1].isalnum() else "") + name.translate(_SYNTAX)
    shortest = min(kind.lengths)
    if form == "ip":
        return _ADDRESS
    if form == "uuid":
        return f"{named}({_UUID})" if name else _UUID
    if form == "uuid-of":
        return f"{named}{_UUID}"
    if form == "prefix":
        plain = name.translate(_SYNTAX)
        if kind.tails <= {"0", "-0"}:
            return plain + ("-?" if "-0" in kind.tails else "") + r"\d+"
        joints = "".join(
            sorted({c for tail in kind.tails for c in tail if c in "_-"}, reverse=True)
        )
        return rf"\b{plain}[0-9A-Za-z{joints}]+"
    if form == "bracket":
        return r"\[(\d+)\]"
    if form == "number":
        return rf"{named}(\d+)"
    if form == "word":
        return rf"{named}([0-9A-Za-z]{{{min(shortest, 8)},}})"
    if form == "first":
        return rf"{name.translate(_SYNTAX)}([0-9A-Za-z]{{{shortest},}}):"
    if form == "hash":
        return rf"\b[0-9A-Za-z]{{{name}}}\b"
    return rf"\b{name.translate(_SYNTAX)}={_VALUE}"
