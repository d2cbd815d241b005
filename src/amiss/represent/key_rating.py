"""From measures to a verdict: a session key, who logs, or neither, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from amiss.represent.keys import KeyMeasures

RUN, ENTITY, NEITHER = "run", "entity", "neither"

MIN_COVERAGE = 0.15
"""Share of the lines that a session key is on: the rest would not be looked at."""
MIN_TEMPLATES = 4
"""Templates that name a session key, unless it is half of all: fewer make pairs, no sequences."""
MIN_FREEDOM = 0.5
"""What a template must leave open of a value: else it says what kind of line it is, not whose."""
LONG_LIFE, LONGEST_LIFE = 0.75, 0.95
"""Of the life that values would have at random: what lives so long is no run of anything; and
values that are made to be told apart, which may be runs that the log is cut from."""
FULL = 0.8
"""Share of lines and templates that an identifier is on which the log is about, though the sample
be too thin to see its values twice."""
MIN_SCORE = 0.02
MOST_GAIN = 1.5
"""What it adds to a score at most if sequences are more predictable than the log is in its order:
where sessions interleave they are, where one follows the other they need not be."""
MODEST = 0.1
"""Score of an identifier that is everywhere, of whose sequences nothing is known, or nothing good:
better ones go before."""

# Words of names of fields, as programs of all kinds use them.
_TIMES = frozenset(
    ["time", "date", "datetime", "timestamp", "stamp", "ts", "day", "month", "year", "epoch",
     "hour", "weekday", "clock"]
)  # fmt: skip
_KINDS = frozenset(["level", "severity", "priority", "facility", "message", "msg", "type"])
_AMOUNTS = frozenset(
    ["bytes", "size", "length", "len", "count", "duration", "elapsed", "latency", "ms", "seconds",
     "total", "status", "code", "version", "percent"]
)  # fmt: skip
_ENTITIES = frozenset(
    ["client", "host", "hostname", "node", "machine", "server", "device", "ip", "addr", "address",
     "user", "username", "account", "source", "src", "computer", "pod", "tenant", "customer",
     "peer", "remote"]
)  # fmt: skip
_LOOKS_LIKE_TIME = re.compile(
    r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|(?:^|[^0-9A-Za-z:])[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?![:0-9A-Za-z])"
    r"|^1[0-9]{9}(?:[0-9]{3})?(?:\.[0-9]+)?$"
)
_STRONG = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z_-]).{8,}|-?[0-9]{9,}", re.DOTALL)
_ADDRESS = re.compile(
    r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]+)?|[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*"
)


class Rating(NamedTuple):
    """What an identifier is good for.

    `kind` is ``run`` (its lines are a session), ``entity`` (who logs: it lives as long as the log)
    or ``neither``; `score` ranks those of one kind, and `reason` says why, in words.
    """

    kind: str
    score: float
    reason: str


def words_of(name: str) -> set[str]:
    """Return the words of a field's name.

    Examples
    --------
    >>> sorted(words_of("http.remoteAddr")), sorted(words_of("host_name"))
    (['addr', 'http', 'remote'], ['host', 'name'])
    """
    return {w.lower() for w in re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name)}


def names_no_one(name: str) -> bool:
    """Whether a field is called like a time, an amount, or what says how bad a line is.

    Examples
    --------
    >>> [names_no_one(name) for name in ("timestamp", "level", "durationMs", "pid", "type_id")]
    [True, True, True, False, False]
    """
    return name.lower() in _KINDS or bool(words_of(name) & (_TIMES | _AMOUNTS))


def rate_key(
    measures: KeyMeasures, *, name: str, examples: Sequence[str], mixed: float = 0.0
) -> Rating:
    """Say what an identifier is good for.

    Parameters
    ----------
    measures : KeyMeasures
    name : str
        What it is called in the log: the name of a field, or the word before it in messages.
    examples : sequence of str
        Some of its values.
    mixed : float
        Share of the values which come on several hosts: a small number says nothing without its
        host.
    """
    m = measures
    is_who = bool(words_of(name) & _ENTITIES) or _are_addresses(examples)
    strength = 0.5 if is_who else _strength(examples)
    if reason := _excluded(m, examples):
        return Rating(NEITHER, 0.0, reason)
    longest = LONGEST_LIFE if strength == 1 else LONG_LIFE
    lasting = m.life >= longest * m.life_at_random and m.life > 0.1
    if is_who and m.coverage >= FULL:
        lives = "come back all through the log" if lasting else "name who logged"
        return Rating(
            ENTITY, MODEST * m.coverage * m.template_share, f"{_held(m)}; its values {lives}"
        )
    if m.templates < MIN_TEMPLATES and m.template_share < 0.5:
        return Rating(
            NEITHER, 0.0, f"only {_of_templates(m)} hold it: pairs of lines, no sequences"
        )
    if m.coverage < MIN_COVERAGE:
        return Rating(NEITHER, 0.0, f"on {_percent(m.coverage)} of the lines only")
    if mixed > 0.1 and strength < 1:
        return Rating(
            NEITHER, 0.0, f"{_percent(mixed)} of its values that come back do so on several hosts"
        )
    full = m.coverage >= FULL and m.template_share >= FULL and strength == 1
    if full and m.recurring < 0.2:
        reason = (
            f"{_held(m)}, and its values are made to be told apart; the sample is too thin to see "
            f"sequences: {m.recurring_values:,} of {m.values:,} values come more than once"
        )
        return Rating(RUN, MODEST * m.coverage * m.template_share, reason)
    if lasting:
        return Rating(NEITHER, 0.0, "its values live as long as the log: no run")
    # Squared, since a sample is shorter than its log: a life that fills half of it says little.
    brief = 1 - min(1.0, m.life / max(m.life_at_random, 1e-9)) ** 2
    score = (
        sqrt(m.coverage * m.template_share * m.recurring)
        * (1 - 1 / m.variety)
        * brief
        * (0.5 + 0.5 * m.predictability)
        * strength
    )
    if m.bits_at_random > 0:  # what the order of the log does not tell
        score *= min(MOST_GAIN, max(1.0, m.bits_raw / max(m.bits, 1e-9)))
    life = f"{100 * m.life:.1f} %" if m.life >= 0.001 else "less than 0.1 %"
    reason = (
        f"{_held(m)}; {m.reuse:.1f} lines a value, of {m.variety:.1f} templates; lives for {life} "
        "of the log"
    )
    if m.bits_at_random > 0:
        reason += (
            f"; what comes next costs {m.bits:.2f} bits a line, {m.bits_raw:.2f} in the order of "
            f"the log, {m.bits_at_random:.2f} in random groups"
        )
    if score < MIN_SCORE:
        return Rating(NEITHER, score, f"too weak: {reason}")
    return Rating(RUN, score, reason)


def _excluded(m: KeyMeasures, examples: Sequence[str]) -> str:
    """Return why an identifier is none, whatever it is on; empty if it may be one."""
    if m.values < 2:
        return "the same wherever it stands"
    if sum(bool(_LOOKS_LIKE_TIME.search(e)) for e in examples) > 0.8 * len(examples):
        return "a time"
    if m.freedom < MIN_FREEDOM:
        return "the template tells it: what kind of line it is, not whose"
    if m.recurring_values < 3 and m.recurring < 0.2:
        return "each value comes once: nothing follows"
    if m.variety <= 1.05 and m.recurring >= 0.2 and m.template_share < FULL:
        return "the lines of a value are all alike"
    return ""


def _strength(examples: Sequence[str]) -> float:
    """Return how far a value names one thing: 1 it was made to, less where numbers come again."""
    if not examples:
        return 0.0
    strong = sum(bool(_STRONG.fullmatch(e)) for e in examples)
    return 1.0 if strong > 0.8 * len(examples) else 0.6


def _are_addresses(examples: Sequence[str]) -> bool:
    return 2 * sum(bool(_ADDRESS.fullmatch(e)) for e in examples) > len(examples)


def _held(m: KeyMeasures) -> str:
    return f"on {_percent(m.coverage)} of the lines, in {_of_templates(m)}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _of_templates(m: KeyMeasures) -> str:
    every = round(m.templates / m.template_share) if m.template_share else 0
    return f"{m.templates:,} of {every:,} templates"
