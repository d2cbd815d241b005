"""Which rows of keys are one template: statistics of the values at one position.

Rows of one length that agree everywhere but at one position, where they have many different
words, are one template with a variable there. All rows are looked at together, so their order does
not matter, and by hashes of what is beside a position, so the work grows with the number of words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.represent.shapes import WILDCARD
from amiss.represent.template_keys import blank_of

Keys = tuple[str, ...]
_Codes = NDArray[np.int64]
_Hashes = NDArray[np.uint64]

_VALUES = 4
"""So many different words at one position are values of a variable; one less where _MUCH agrees."""
_MUCH = 5
"""So many constant words beside a position are much."""
_VERY_MUCH = 8
_STATES = 16
"""So many words that name actions, states, methods or levels are no enumeration any more."""
_CUES = {
    *("now", "state", "status", "mode", "phase", "level", "severity", "result"),
    *("reason", "cause", "because", "error", "failed", "failure"),
}
"""A state or a reason follows, which is what a message says."""
_LINKS = {"to", "is", "was", "from", "as", "of", "by", "=", ""}
_PUNCTUATION = "[]{}()<>\"',;:.!?"
_EVENT_NAMES = frozenset(
    ["event", "event_type", "action", "type", "op", "operation", "method", "kind", "category",
     "verb", "cmd", "command", "status", "state", "result", "outcome", "reason"]
)  # fmt: skip
_CONSTANTS = 3
"""A row covers others that have words where it has wildcards if it has so many constants at least,
and more than wildcards."""
_PATTERNS = 64
"""So many sets of variable positions, of rows of one length, are looked at for rows they cover."""


def merge_rows(rows: Sequence[Keys]) -> list[Keys]:
    """Return the template of each row: the row with wildcards for what varies.

    Parameters
    ----------
    rows : sequence of tuple of str
        Distinct.

    Examples
    --------
    >>> users = ["alice", "bob", "carol", "dave"]
    >>> set(merge_rows([("login", "of", user, "failed") for user in users]))
    {('login', 'of', '<*>', 'failed')}
    """
    merged = list(rows)
    by_length: dict[int, list[int]] = defaultdict(list)
    for i, row in enumerate(rows):
        by_length[len(row)].append(i)
    for length, members in by_length.items():
        if len(members) > 1 and length > 1:
            found = _Rows([rows[i] for i in members]).merged()
            for i, row in zip(members, found, strict=True):
                merged[i] = row
    return merged


def may_cover(keys: Keys) -> bool:
    """Whether words in the place of the wildcards of `keys` may be taken for values."""
    constants = sum(WILDCARD not in key for key in keys)
    wildcards = sum(WILDCARD in key and blank_of(key) == key for key in keys)
    return constants >= _CONSTANTS and constants > wildcards


class _Traits(NamedTuple):
    """What is known of each word, by code."""

    vary: NDArray[np.bool_]
    mixed: NDArray[np.bool_]
    """Wildcards with letters beside them."""
    state: NDArray[np.bool_]
    alone: NDArray[np.bool_]
    """Letters alone, or a name with such a value."""
    bare: NDArray[np.bool_]
    """Letters alone, without a name, or with one that says what happened."""
    cue: NDArray[np.bool_]
    link: NDArray[np.bool_]


class _Rows:
    """Rows of one length, as codes of their words."""

    def __init__(self, rows: Sequence[Keys]) -> None:
        code: dict[str, int] = {}
        self._words: list[str] = []
        self._blank: list[int] = []

        def number(word: str) -> int:
            known = code.setdefault(word, len(self._words))
            if known == len(self._words):
                self._words.append(word)
                self._blank.append(known)
                self._blank[known] = number(blank_of(word))
            return known

        self._codes: _Codes = np.array([[number(w) for w in row] for row in rows], dtype=np.int64)

    def merged(self) -> list[Keys]:
        blank = np.array(self._blank)
        varies = np.array([WILDCARD in word for word in self._words])
        state = np.array([_is_state(word) for word in self._words])
        alone = np.array([_value(word).isalpha() for word in self._words])
        bare = alone & np.array([_says_what(word) for word in self._words])
        mixed = varies & np.array([_is_mixed(word) for word in self._words])
        cue = np.array([word.strip(_PUNCTUATION).lower() in _CUES for word in self._words])
        link = np.array([word.strip(_PUNCTUATION).lower() in _LINKS for word in self._words])
        traits = _Traits(varies, mixed, state, alone, bare, cue, link)
        distinct, of_row = _distinct(self._codes)
        while True:
            changed, at = _variable_positions(distinct, blank, traits)
            if not len(changed):
                break
            distinct[changed, at] = blank[distinct[changed, at]]
            distinct, then = _distinct(distinct)
            of_row = then[of_row]
        into = _covering(distinct, blank, varies)
        return [tuple(self._words[c] for c in row) for row in distinct[into[of_row]].tolist()]


def _says_what(word: str) -> bool:
    """Return whether a word at the start tells what happened, not to whom."""
    name, named, _ = word.partition("=")
    return not named or name.strip(_PUNCTUATION).lower() in _EVENT_NAMES


def _variable_positions(codes: _Codes, blank: _Codes, words: _Traits) -> tuple[_Codes, _Codes]:
    """Return rows, and of each the position at which it has one of many values."""
    constant = ~words.vary[codes]
    others = constant.sum(axis=1, keepdims=True) - constant
    row, at = np.nonzero((constant | words.mixed[codes]) & (others >= 1))
    if not len(row):
        return row, at
    group = _beside(codes)[row, at] + _mix(blank[codes[row, at]], at + codes.shape[1])
    _, group, size = np.unique(group, return_inverse=True, return_counts=True)
    # Rows are distinct, so each row of a group has a value of its own.
    word, beside = codes[row, at], others[row, at]
    states = np.bincount(group, words.state[word])
    needed = np.where((beside >= _MUCH) | words.mixed[word], _VALUES - 1, _VALUES)
    enumerated = (2 * states[group] >= size[group]) | _told(codes, row, at, words)
    enumerated &= beside < _VERY_MUCH
    # The first constant says what happens, as a rule: "open job 7 for alice", "job 7: closed".
    plain = np.bincount(group, words.bare[word])[group]
    enumerated |= (at == constant.argmax(axis=1)[row]) & (2 * plain >= size[group])
    needed = np.where(enumerated, _STATES, needed)
    chosen = size[group] >= needed
    row, at, size = row[chosen], at[chosen], size[group][chosen]
    order = np.lexsort((-at, -size, row))
    row, at = row[order], at[order]
    first = np.diff(row, prepend=-1) > 0
    return row[first], at[first]


def _told(codes: _Codes, row: _Codes, at: _Codes, words: _Traits) -> NDArray[np.bool_]:
    """Whether the words before a place tell that a state or a reason follows."""
    before = codes[row, np.maximum(at - 1, 0)]
    second = codes[row, np.maximum(at - 2, 0)]
    directly = (at >= 1) & words.cue[before]
    linked: NDArray[np.bool_] = (at >= 2) & words.link[before] & words.cue[second]
    return directly | linked


def _covering(codes: _Codes, blank: _Codes, varies: NDArray[np.bool_]) -> _Codes:
    """Return for each row the row that covers it best, itself if none does."""
    n = len(codes)
    into = np.arange(n)
    open_at = varies[codes] & (blank[codes] == codes)
    constants = (~varies[codes]).sum(axis=1)
    first = (~varies[codes]).argmax(axis=1)
    fit = (constants >= _CONSTANTS) & (constants > open_at.sum(axis=1))
    patterns, of_row, count = np.unique(open_at, axis=0, return_inverse=True, return_counts=True)
    of_row = of_row.reshape(-1)
    whole = _hash(codes)
    best = np.full(n, -1)
    # The commonest patterns first, then by the pattern itself: no order of rows in it.
    order = np.lexsort((*patterns.T, -count))[:_PATTERNS]
    for which in order.tolist():
        pattern = patterns[which]
        mine = np.flatnonzero((of_row == which) & fit)
        if not pattern.any() or not len(mine):
            continue
        # Punctuation around a variable does not count.
        hashes = _hash(np.where(pattern, -1, codes))
        sort = mine[np.lexsort((whole[mine], hashes[mine]))]
        place = np.searchsorted(hashes[sort], hashes).clip(max=len(sort) - 1)
        cover = sort[place]
        differing = pattern & ~open_at
        differ = differing.sum(axis=1)
        says = differing[np.arange(n), first]
        better = (
            (hashes[cover] == hashes)
            & (differ > 0)
            & ~says
            & (constants[cover] >= differ)
            & (constants[cover] > best)
        )
        into[better], best[better] = cover[better], constants[cover][better]
    # What covers a row may itself be covered, by fewer constants: no circle.
    while True:
        then = into[into]
        if (then == into).all():
            return into
        into = then


def _distinct(codes: _Codes) -> tuple[_Codes, _Codes]:
    _, first, inverse = np.unique(_hash(codes), return_index=True, return_inverse=True)
    return codes[first], inverse


def _hash(codes: _Codes) -> _Hashes:
    hashes: _Hashes = _mix(codes, np.arange(codes.shape[1])).sum(axis=1, dtype=np.uint64)
    return hashes


def _beside(codes: _Codes) -> _Hashes:
    """Return for each position a hash of the position and of all the others' words."""
    each = _mix(codes, np.arange(codes.shape[1]))
    places = _mix(np.full(codes.shape[1], -1), np.arange(codes.shape[1]))
    hashes: _Hashes = each.sum(axis=1, keepdims=True, dtype=np.uint64) - each + places
    return hashes


def _mix(code: _Codes, place: _Codes) -> _Hashes:
    """Return 64 bits for a word at a place (the finaliser of splitmix64)."""
    x = code.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    x = x + (place.astype(np.uint64) + np.uint64(1)) * np.uint64(0xD1B54A32D192ED03)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _is_state(word: str) -> bool:
    """Whether a word says what happened ("Started", "stopping") or is written as a constant is."""
    letters = _value(word)
    return letters.lower().endswith(("ed", "ing")) or (len(letters) > 2 and letters.isupper())


def _is_mixed(word: str) -> bool:
    """Whether a word with a wildcard has letters beside it, and is no ``name=<*>``."""
    return blank_of(word) != word and "=" not in word


def _value(word: str) -> str:
    """Return a word without punctuation, and without its name if it has one."""
    return word.rpartition("=")[2].strip(_PUNCTUATION)
