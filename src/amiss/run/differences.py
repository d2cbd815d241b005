"""What was found to differ between two logs, with its counts and its lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.decide.one_side import Places
from amiss.decide.rates import RateChanges
from amiss.represent.rate_table import LogLines
from amiss.represent.templates import TemplateMiner
from amiss.run.log_diff import Example, TemplateChange, TransitionChange
from amiss.run.raw_lines import read_again
from amiss.types import LogInfo

_LONGEST = 500
"""Characters of a line that are kept."""
_MOST_EXAMPLES = 200
"""Lines read again of each log for what is within chance; of what is named, all are."""
_MOST_PAIRS = 20


@dataclass(frozen=True, slots=True)
class Judged:
    """In how many places items came, in stretches so long that neighbours are hardly alike.

    Attributes
    ----------
    stretches : tuple of (int, int)
        Of both logs.
    places : Places
    """

    stretches: tuple[int, int]
    places: Places


@dataclass(frozen=True, slots=True)
class Counts:
    """Templates and pairs of templates in two logs; lists are of before and after.

    Attributes
    ----------
    events : list of ndarray of int64, shape (n_lines,)
        Template of each line.
    stretches : tuple of (int, int)
    by_stretch : list of ndarray of int64, shape (n_templates, n_stretches)
    stretches_with : list of ndarray of int64, shape (n_templates,)
    judged : Judged
        In how many places templates came, which is what is judged.
    pairs : ndarray of int64, shape (n_pairs, 2)
        Templates that follow each other in either log.
    pair_codes : list of ndarray of int64
        Row of `pairs` of each transition.
    pair_counts, pairs_with : list of ndarray of int64, shape (n_pairs,)
    pairs_judged : Judged
    """

    events: list[NDArray[np.int64]]
    stretches: tuple[int, int]
    by_stretch: list[NDArray[np.int64]]
    stretches_with: list[NDArray[np.int64]]
    judged: Judged
    pairs: NDArray[np.int64]
    pair_codes: list[NDArray[np.int64]]
    pair_counts: list[NDArray[np.int64]]
    pairs_with: list[NDArray[np.int64]]
    pairs_judged: Judged


@dataclass(frozen=True, slots=True)
class Differences:
    """How odd each template and pair is.

    Attributes
    ----------
    new_p, gone_p : ndarray of float64, shape (n_templates,)
    pair_p : ndarray of float64, shape (n_pairs,)
    shown : ndarray of int64
        The templates that `rates` are of: those of both logs.
    rates : RateChanges
    new, gone : ndarray of bool, shape (n_templates,)
        Which of them came in one log only, beyond chance.
    pairs : ndarray of bool, shape (n_pairs,)
        The same of pairs that came after only.
    expected : dict of str to float
    """

    new_p: NDArray[np.float64]
    gone_p: NDArray[np.float64]
    pair_p: NDArray[np.float64]
    shown: NDArray[np.int64]
    rates: RateChanges
    new: NDArray[np.bool_]
    gone: NDArray[np.bool_]
    pairs: NDArray[np.bool_]
    expected: dict[str, float]


class _Lines:
    """Where to find an example of each template, and its text, read in one pass a log."""

    def __init__(self, logs: list[LogLines], infos: list[LogInfo]) -> None:
        self._logs, self._infos = logs, infos
        self._texts: list[dict[tuple[int, int], str]] = [{}, {}]

    def read(self, rows: list[list[int]]) -> None:
        """Read lines again, by row of each log."""
        for side, (log, info) in enumerate(zip(self._logs, self._infos, strict=True)):
            wanted: dict[int, set[int]] = {}
            for row in rows[side]:
                wanted.setdefault(int(log.source[row]), set()).add(int(log.line[row]))
            self._texts[side] = read_again(info, wanted)

    def at(self, side: int, row: int) -> Example:
        """Return a line of a log."""
        log = self._logs[side]
        key = int(log.source[row]), int(log.line[row])
        text = self._texts[side].get(key, "")
        return Example(self._infos[side].sources[key[0]], key[1], text[:_LONGEST])


def describe_differences(
    found: Differences,
    counts: Counts,
    logs: list[LogLines],
    infos: list[LogInfo],
    miner: TemplateMiner,
    alarming: NDArray[np.bool_],
) -> dict[str, Any]:
    """Return the differences as arguments of `LogDiff`, the most important first."""
    before, after = (own.sum(axis=1) for own in counts.by_stretch)
    new = _ordered(np.flatnonzero(found.new), alarming, after)
    gone = _ordered(np.flatnonzero(found.gone), alarming, before)
    rates = found.rates
    at = np.flatnonzero(rates.changed)
    # What changed most for sure: how far the nearer end of the interval is from no change.
    sure = np.maximum(rates.ratio.low, 1 / np.maximum(rates.ratio.high, 1e-300))
    at = at[np.lexsort((-sure[at], ~alarming[found.shown[at]]))]
    one_log = ((before == 0) | (after == 0)) & (before + after > 0)
    one_log[new] = one_log[gone] = False
    within = _ordered(np.flatnonzero(one_log), alarming, before + after)
    first_of, second_of = counts.pairs.T
    pair_alarm: NDArray[np.bool_] = alarming[first_of] | alarming[second_of]
    pair_new: NDArray[np.bool_] = (before[first_of] == 0) | (before[second_of] == 0)
    only_after = counts.pair_counts[0] == 0
    pairs = np.flatnonzero(found.pairs)
    pairs_within = np.flatnonzero(only_after & ~found.pairs)
    # Those of a new template follow from it.
    pairs = _ordered(pairs, pair_alarm & ~pair_new, counts.pair_counts[1] - (pair_new << 40))
    pairs_within = _ordered(pairs_within, pair_alarm & ~pair_new, counts.pair_counts[1])[
        :_MOST_PAIRS
    ]

    first = [_first_rows(events, len(before)) for events in counts.events]
    # Examples are lines after, where there are any.
    pair_first = _first_rows(counts.pair_codes[1], len(counts.pairs))
    templates = np.concatenate([new, gone, found.shown[at], within[:_MOST_EXAMPLES]])
    rows: list[list[int]] = [[], []]
    for i in templates.tolist():
        rows[int(after[i] > 0)].append(int(first[int(after[i] > 0)][i]))
    for i in np.concatenate([pairs, pairs_within]).tolist():
        rows[1] += [int(logs[1].before[pair_first[i]]), int(logs[1].after[pair_first[i]])]
    lines = _Lines(logs, infos)
    lines.read(rows)
    texts = miner.templates

    def change(i: int, p_value: float, ratio: tuple[float, float, float]) -> TemplateChange:
        side = int(after[i] > 0)
        return TemplateChange(
            texts[i],
            miner.names.get(i),
            bool(alarming[i]),
            int(before[i]),
            int(after[i]),
            int(counts.stretches_with[0][i]),
            int(counts.stretches_with[1][i]),
            *ratio,
            p_value,
            lines.at(side, int(first[side][i])),
        )

    def one_sided(i: int) -> TemplateChange:
        is_new = bool(after[i])
        p_value = float((found.new_p if is_new else found.gone_p)[i])
        ratio = float("inf") if is_new else 0.0
        return change(i, p_value, (ratio, ratio, ratio))

    def transition(i: int) -> TransitionChange:
        one, two = counts.pairs[i].tolist()
        at = int(pair_first[i])
        return TransitionChange(
            miner.names.get(one, texts[one]),
            miner.names.get(two, texts[two]),
            bool(pair_alarm[i]),
            int(counts.pair_counts[1][i]),
            int(counts.pairs_with[1][i]),
            bool(pair_new[i]),
            float(found.pair_p[i]),
            (lines.at(1, int(logs[1].before[at])), lines.at(1, int(logs[1].after[at]))),
        )

    return {
        "new": tuple(map(one_sided, new.tolist())),
        "gone": tuple(map(one_sided, gone.tolist())),
        "changed": tuple(
            change(
                int(found.shown[j]),
                float(rates.p_value[j]),
                (
                    float(rates.ratio.ratio[j]),
                    float(rates.ratio.low[j]),
                    float(rates.ratio.high[j]),
                ),
            )
            for j in at.tolist()
        ),
        "within_chance": tuple(map(one_sided, within.tolist())),
        "transitions": tuple(map(transition, pairs.tolist())),
        "transitions_within_chance": tuple(map(transition, pairs_within.tolist())),
        "expected": found.expected,
        "found": {
            "new": int(((before == 0) & (after > 0)).sum()),
            "gone": int(((after == 0) & (before > 0)).sum()),
            "transitions": int(only_after.sum()),
        },
    }


def _ordered(
    items: NDArray[np.int64], alarming: NDArray[np.bool_], count: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return items with the alarming ones first, then the most frequent."""
    return items[np.lexsort((-count[items], ~alarming[items]))]


def _first_rows(items: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the first row of each item, -1 where it did not come."""
    first = np.full(n, -1, dtype=np.int64)
    first[items[::-1]] = np.arange(len(items) - 1, -1, -1)
    return first
