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
_IPV4 = r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"
_MAC = (
    r"\b[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\b"
)
# A token is a run of what identifiers are made of; addresses have dots and colons as well.
_TOKEN = re.compile(
    rf"(?P<uuid>{_UUID})|(?P<mac>{_MAC})|(?P<ip>(?<![\w.]){_IPV4}(?!\.))"
    "|[0-9A-Za-z_-]*[0-9][0-9A-Za-z_-]*"
)
_VALUE_END = "\\s\"',;)}\\]&"
# The word before a token and what stands between: "TID ", "instance: ", "sshd[".
_NAME = re.compile(r"""([A-Za-z_][A-Za-z_.-]{0,40})((?:["']?\s?[:=#]\s?["'\[(]?)|[\[(]|\s#?\[?)$""")
# The same before what no number is: "servers/", "shop,".
_NEAR = re.compile("([A-Za-z_][A-Za-z_.-]{0,40})[,;|/<]$")
_PAIR = re.compile(r"""(?:^|[\s,;({\[&?|])([A-Za-z_][A-Za-z_.-]{0,40})=(["']?)([^\s"',;)}\]&=]+)""")
# A word and digits: behind a joint, as in blk_-7 and attempt_1_m_2, or at once, as in conn7.
_PREFIX = re.compile("([A-Za-z]+(?:[_-][A-Za-z]+)*[_-])(?=-?[0-9])|([A-Za-z]{2,})(?=[0-9]+$)")
# As Exim names messages: in base 62, of three parts.
_QUEUED = re.compile("[0-9A-Za-z]{6}-[0-9A-Za-z]{6,11}-[0-9A-Za-z]{2,4}")
_HEX = re.compile("0x[0-9a-fA-F]+")
# Words that say how a number relates, or how much of something there is: they name no one.
_UNNAMED = frozenset(
    ["a", "after", "an", "and", "are", "as", "at", "before", "by", "for", "from", "in", "is", "of",
     "on", "or", "the", "to", "was", "with",
     "bytes", "code", "count", "duration", "elapsed", "latency", "len", "length", "ms", "size",
     "status", "took", "total", "version",
     "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
)  # fmt: skip


@dataclass(slots=True)
class Candidate:
    """What might be a session key.

    Attributes
    ----------
    option, value : str
        The argument of `amiss.read_sessions`, ``session_key`` or ``session_field``, and its value.
    title : str
        What to call it.
    name : str
        The name of the field, or the word that names it in messages; empty: it stands for itself.
    example : str
        One value, as it stood in the log.
    lines : int
        Lines of the sample that were seen to hold it; what it is ranked by before it is measured.
    """

    option: str
    value: str
    title: str
    name: str = ""
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
    ['blk_-?\\d+', '\\b\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\b']
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
            pattern,
            Candidate("session_key", pattern, kind.title, _named_by(key), kind.example),
        )
        known.lines = max(known.lines, kind.lines)
    return list(candidates.values())[:most]


def _identifiers(before: str, message: str) -> Iterable[tuple[tuple[str, str], str, str]]:
    """Yield (form and what names it, what to call it, the identifier) of each in a message."""
    for pair in _PAIR.finditer(message):
        if pair[1].lower() not in _UNNAMED:
            yield ("quoted" if pair[2] else "pair", pair[1]), f"{pair[1]}=…", pair[3]
    for match in _TOKEN.finditer(message):
        front = message[max(0, match.start() - 48) : match.start()]
        name = _NAME.search(front)
        if name and name[1].lower() in _UNNAMED:
            name = None
        if match["ip"] or match["mac"]:
            yield ("ip" if match["ip"] else "mac", ""), "address", match[0]
        elif match["uuid"]:
            yield ("uuid", ""), "UUID", match[0]
            if name := name or _NEAR.search(front):
                yield ("uuid", name[0]), f"{name[1]} UUID", match[0]
        else:
            after = message[match.end() : match.end() + 2]
            token = match[0].strip("-_")
            yield from _word(token, front, name, after, before if not match.start() else "")


def _word(
    token: str, front: str, name: re.Match[str] | None, after: str, before: str
) -> Iterable[tuple[tuple[str, str], str, str]]:
    """Yield what a word with digits may be, by what stands before and after it."""
    if _HEX.fullmatch(token):
        yield ("hex", ""), "0x…", token
    elif prefixed := _PREFIX.match(token):
        prefix = prefixed[0]
        uuid = re.fullmatch(_UUID, token[len(prefix) :])
        yield ("uuid-of" if uuid else "prefix", prefix), f"{prefix}…", token
    elif _QUEUED.fullmatch(token):
        yield ("queued", ""), "message id", token
    elif token.isdecimal():
        part = (after[:1] == "." and after[1:].isdecimal()) or re.search("[0-9]\\.$", front)
        if part:  # of a number with a point: an amount
            return
        if front.endswith("["):
            yield ("bracket", ""), "[number]", token
        if name and not name[0].endswith("="):
            yield ("number", name[0]), f"{name[1]} {token}", token
    elif len(token) >= 5 and re.fullmatch("[0-9A-Za-z]+", token):
        if (named := name or _NEAR.search(front)) and not named[0].endswith("="):
            yield ("word", named[0]), f"{named[1]} …", token
        elif not front and after[:1] == ":":
            yield ("first", before), "first word", token
        if len(token) >= 16:
            yield ("hash", str(len(token))), f"word of {len(token)} characters", token


def _named_by(key: tuple[str, str]) -> str:
    form, name = key
    return name if form in ("pair", "quoted", "number", "word", "uuid", "prefix", "uuid-of") else ""


def _tail(token: str, key: tuple[str, str]) -> str:
    """Return the form of what follows a prefix: digits as 0."""
    return re.sub("[0-9]+", "0", token[len(key[1]) :]) if key[0] == "prefix" else ""


def _pattern(key: tuple[str, str], kind: _Found) -> str:
    """Return the session key, in the syntax that Python's ``re`` and Rust's ``regex`` share."""
    form, name = key
    named = (r"\b" if name[:1].isalnum() else "") + name.translate(_SYNTAX)
    shortest = min(kind.lengths)
    if form == "prefix":
        return _prefixed(name, kind.tails)
    if form == "uuid":
        return f"{named}({_UUID})" if name else _UUID
    patterns = {
        "ip": _IPV4,
        "mac": _MAC,
        "uuid-of": f"{named}{_UUID}",
        "hex": r"\b0x[0-9a-fA-F]+",
        "bracket": r"\[(\d+)\]",
        "queued": rf"\b{_QUEUED.pattern}\b",
        "number": rf"{named}(\d+)",
        "word": rf"{named}([0-9A-Za-z]{{{min(shortest, 8)},}})",
        "first": rf"{name.translate(_SYNTAX)}([0-9A-Za-z]{{{shortest},}}):",
        "hash": rf"\b[0-9A-Za-z]{{{name}}}\b",
        "pair": rf"{named}=([^{_VALUE_END}]+)",
        "quoted": rf"""{named}=["']?([^{_VALUE_END}]+)""",
    }
    return patterns[form]


def _prefixed(prefix: str, tails: set[str]) -> str:
    """Return the pattern of words with a prefix, by what follows it."""
    plain = prefix.translate(_SYNTAX)
    if tails <= {"0", "-0"}:
        bound = "" if plain[-1] in "_-" and len(plain) > 3 else r"\b"
        return f"{bound}{plain}{'-?' if '-0' in tails else ''}" + r"\d+"
    joints = "".join(sorted({c for tail in tails for c in tail if c in "_-"}, reverse=True))
    return rf"\b{plain}[0-9A-Za-z{joints}]+"
