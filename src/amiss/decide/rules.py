"""Rules that turn the scores of normal items into a threshold."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.types import Threshold

_TAIL_SHARE, _TAIL_LEAST = 0.01, 20


def quantile_threshold(scores: NDArray[np.float64], rate: float) -> Threshold:
    """Cut so that a new normal item is flagged with probability at most `rate`.

    The conformal quantile: the ⌊rate · (n + 1)⌋-th largest score. It holds whatever the scores'
    distribution, as long as new normal items are like the calibration items, and is a matter of
    few items where `rate` is small.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Scores of normal items that the detector was not fitted to.
    rate : float
        Share of normal items, in (0, 1).

    Raises
    ------
    UsageError
        `rate` is not in (0, 1).
    InputError
        There are no scores.

    Examples
    --------
    >>> quantile_threshold(np.arange(999.0), 0.01).value
    989.0
    """
    descending = _descending(scores, rate)
    n = len(descending)
    allowed = math.floor(rate * (n + 1) + 1e-9)
    note = "" if allowed else _too_few(n, rate)
    value = float(descending[max(allowed, 1) - 1])
    return _threshold("quantile", value, rate, descending, note)


def tail_threshold(scores: NDArray[np.float64], rate: float) -> Threshold:
    """Cut at the predictive quantile of an exponential tail of the highest 1 % of the scores.

    Where `rate` leaves but one or two calibration items, the quantile hangs on a single odd one
    among them; the tail asks twenty or more. Where there are too few items to resolve `rate` at
    all, the largest score is the threshold, and `Threshold.note` says so.

    Parameters, Raises
    ------------------
    As `quantile_threshold`.

    Examples
    --------
    >>> exponential = -np.log(1 - (np.arange(10_000) + 0.5) / 10_000)
    >>> round(tail_threshold(exponential, 0.0005).value, 1)  # −ln 0.0005 is 7.6
    7.7
    """
    descending = _descending(scores, rate)
    n = len(descending)
    if rate * (n + 1) < 1:
        return _threshold("maximum", float(descending[0]), rate, descending, _too_few(n, rate))
    count = min(n, max(_TAIL_LEAST, int(_TAIL_SHARE * n)))
    if rate >= count / n:
        return quantile_threshold(scores, rate)
    start = float(descending[count - 1])
    excesses = count - 1
    scale = float((descending[:excesses] - start).mean())
    # The scale is estimated: the predictive quantile, a little beyond the fitted one, keeps the
    # rate on average over calibration sets.
    reach = excesses * ((count / ((n + 1) * rate)) ** (1 / excesses) - 1)
    value = start + scale * reach
    return _threshold("tail", value, rate, descending, "")


def best_f1_threshold(scores: NDArray[np.float64], anomalous: NDArray[np.bool_]) -> Threshold:
    """Cut labelled items where F1 is best, in the widest gap that is as good as the best.

    With few labelled anomalies, the best F1 is a matter of one or two items, and the cut beside
    them may split a kind of anomaly on other data. So of neighbouring cuts whose F1 is within half
    a standard error of the best, the one with the widest gap to the next score is taken.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Scores of items that the detector was not fitted to, normal and anomalous.
    anomalous : ndarray of bool, shape (n,)

    Raises
    ------
    InputError
        No item is anomalous, or none is normal.

    Examples
    --------
    >>> best_f1_threshold(np.array([0.0, 1.0, 5.0]), np.array([False, False, True])).value
    3.0
    """
    scores, anomalous = np.asarray(scores, dtype=np.float64), np.asarray(anomalous, dtype=np.bool_)
    positives = int(anomalous.sum())
    if anomalous.all() or not positives:
        raise InputError(
            f"{positives} of {len(anomalous)} labelled items are anomalies; the best F1 "
            "needs both kinds: label some of the other, or use a rule that asks a rate"
        )
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)  # items of one score are cut together
    f1 = (2 * np.cumsum(anomalous[order]) / (np.arange(1, len(scores) + 1) + positives))[last]
    cut = scores[order][last]
    below = np.append(cut[1:], np.nextafter(cut[-1], -np.inf))  # to flag all is no gap
    best = int(f1.argmax())
    slack = 0.5 * math.sqrt(f1[best] * (1 - f1[best]) / positives)
    worse = np.flatnonzero(f1 < f1[best] - slack)
    first = int(worse[worse < best].max(initial=-1)) + 1
    end = int(worse[worse > best].min(initial=len(f1)))
    at = first + int((cut - below)[first:end].argmax())
    value = float(below[at] if at == len(cut) - 1 else (cut[at] + below[at]) / 2)
    return Threshold("f1", value, None, float((scores[~anomalous] > value).mean()))


def sigma_threshold(scores: NDArray[np.float64], k: float) -> Threshold:
    """Cut at the mean plus `k` standard deviations of the scores of normal items.

    The usual rule for misclassification rates of segments. It asks no rate, and where scores are
    skewed, as most are, it flags more of the normal items than a Gaussian would have beyond it:
    `realised` says how many.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Scores of normal items that the detector was not fitted to.
    k : float
        Standard deviations, 0 or more.

    Raises
    ------
    UsageError
        `k` is negative, or not a number.
    InputError
        There are no scores.

    Examples
    --------
    >>> sigma_threshold(np.array([1.0, 3.0]), 3).value
    5.0
    """
    if not (0 <= k < math.inf):
        raise UsageError(f"sigma-{k}; expected standard deviations, 0 or more, such as sigma-3")
    scores = np.asarray(scores, dtype=np.float64)
    if not len(scores):
        raise InputError("no calibration scores; expected those of at least one normal item")
    value = float(scores.mean() + k * scores.std())
    return Threshold(f"sigma-{k:g}", value, None, float((scores > value).mean()))


def equal_precision_recall_threshold(
    scores: NDArray[np.float64], anomalous: NDArray[np.bool_]
) -> Threshold:
    """Cut where precision equals recall, or comes nearest to it.

    The two are equal where as many items are flagged as are anomalous. Where scores tie there, no
    cut flags just as many: the nearest is taken, the higher cut of two as near.
    `precision_recall_curve` has the curve to it.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
    anomalous : ndarray of bool, shape (n,)
        What is held anomalous, by labels or by another stage.

    Raises
    ------
    InputError
        No item is anomalous, or none is normal.

    Examples
    --------
    >>> odd = np.array([False, False, True, False, True])
    >>> equal_precision_recall_threshold(np.array([0.0, 1.0, 2.0, 3.0, 4.0]), odd).value
    2.5
    """
    scores, anomalous = np.asarray(scores, dtype=np.float64), np.asarray(anomalous, dtype=np.bool_)
    positives = int(anomalous.sum())
    if anomalous.all() or not positives:
        raise InputError(
            f"{positives} of {len(anomalous)} items are held anomalous; precision and recall need "
            "both kinds"
        )
    distinct, counts = np.unique(scores, return_counts=True)
    flagged = np.cumsum(counts[::-1])[::-1]  # by a cut just below each distinct score
    at = len(distinct) - 1 - int(np.abs(flagged - positives)[::-1].argmin())
    below = distinct[at - 1] if at else np.nextafter(distinct[0], -np.inf)
    value = float((below + distinct[at]) / 2)
    return Threshold("precision = recall", value, None, float((scores[~anomalous] > value).mean()))


def precision_recall_curve(
    scores: NDArray[np.float64], anomalous: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return (threshold, precision, recall) of every cut that flags something else.

    Returns
    -------
    threshold, precision, recall : ndarray of float64, shape (n_distinct_scores,)
        Thresholds ascend. A score at or above its threshold counts as flagged.

    Examples
    --------
    >>> curve = precision_recall_curve(np.array([0.0, 1.0]), np.array([False, True]))
    >>> [values.tolist() for values in curve]
    [[0.0, 1.0], [0.5, 1.0], [1.0, 1.0]]
    """
    scores, anomalous = np.asarray(scores, dtype=np.float64), np.asarray(anomalous, dtype=np.bool_)
    distinct, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    flagged = np.cumsum(counts[::-1])[::-1]
    hits = np.cumsum(np.bincount(inverse[anomalous], minlength=len(distinct))[::-1])[::-1]
    return distinct, hits / flagged, hits / max(1, int(anomalous.sum()))


def top_k_threshold(k: int) -> Threshold:
    """Cut ranks so that an event outside the `k` likeliest is an anomaly (score="rank").

    Raises
    ------
    UsageError
        `k` is less than 1.
    """
    if k < 1:
        raise UsageError(f"top-k with k={k}; expected 1 or more")
    return Threshold(f"top-{k}", float(k - 1))


def probability_threshold(p: float) -> Threshold:
    """Cut −ln p so that an event less likely than `p` is an anomaly (score="probability").

    Raises
    ------
    UsageError
        `p` is not in (0, 1).
    """
    if not 0 < p < 1:
        raise UsageError(f"probability {p}; expected a number between 0 and 1")
    return Threshold(f"probability {p:g}", -math.log(p))


#: Rules that need calibration scores and a rate, by the name users type.
RULES: dict[str, Callable[[NDArray[np.float64], float], Threshold]] = {
    "tail": tail_threshold,
    "quantile": quantile_threshold,
}


def decide(
    scores: NDArray[np.float64], rate: float, rule: str = "tail", resolution: float = 0.0
) -> Threshold:
    """Return the threshold by the rule a user names.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Calibration scores.
    rate : float
        Share of normal items that may be flagged; ``sigma-K``, ``top-K`` and ``p-X`` do not
        ask it.
    rule : str
        ``tail`` or ``quantile``; ``sigma-K`` such as ``sigma-3``, the mean plus 3 standard
        deviations; or, for scores that are ranks or −ln p of single events, ``top-K`` such as
        ``top-9`` and ``p-X`` such as ``p-0.001``.
    resolution : float
        Score differences below this mean nothing: `tail` and `quantile` cut that much higher.

    Raises
    ------
    UsageError
        The rule is unknown, or `rate` is not in (0, 1).

    Examples
    --------
    >>> decide(np.arange(10.0), 0.1, "top-4").realised
    0.6
    """
    if rule in RULES:
        threshold = RULES[rule](scores, rate)
        threshold = threshold._replace(value=threshold.value + resolution)
    elif (k := _sigmas(rule)) is not None:
        threshold = sigma_threshold(scores, k)
    else:
        threshold = _fixed_threshold(rule)
    return threshold._replace(realised=float((scores > threshold.value).mean()))


def score_of_rule(rule: str) -> str | None:
    """Return the kind of score that a rule needs, ``rank`` or ``probability``; None if any.

    Raises
    ------
    UsageError
        The rule is unknown.
    """
    if rule in RULES or rule == "f1" or _sigmas(rule) is not None:
        return None
    return "rank" if _fixed_threshold(rule).rule.startswith("top") else "probability"


def _sigmas(rule: str) -> float | None:
    """Return the K of a rule ``sigma-K``; None if it is another."""
    kind, _, number = rule.partition("-")
    try:
        return float(number) if kind == "sigma" else None
    except ValueError:
        return None


def _fixed_threshold(rule: str) -> Threshold:
    if rule == "f1":
        raise UsageError("rule f1 needs labelled sessions; fit with labels and this rule")
    kind, _, number = rule.partition("-")
    try:
        if kind == "top":
            return top_k_threshold(int(number))
        if kind == "p":
            return probability_threshold(float(number))
    except UsageError:
        raise
    except ValueError:  # not a number: as unknown as any other word
        pass
    raise UsageError(
        f"unknown rule {rule!r}; expected one of: {', '.join(RULES)}, f1, sigma-K, top-K, p-X"
    )


def check_rate(rate: float | None) -> None:
    """Raise `UsageError` unless `rate` is a share between 0 and 1."""
    if rate is None or not 0 < rate < 1:
        raise UsageError(
            f"false-alarm rate {rate}; expected a share between 0 and 1, such as 0.0005"
        )


def _descending(scores: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    check_rate(rate)
    if not len(scores):
        raise InputError("no calibration scores; expected those of at least one normal item")
    return np.sort(np.asarray(scores, dtype=np.float64))[::-1]


def _threshold(
    rule: str, value: float, rate: float, descending: NDArray[np.float64], note: str
) -> Threshold:
    realised = float((descending > value).mean())
    return Threshold(rule, value, rate, realised, note)


def _too_few(n: int, rate: float) -> str:
    needed = math.ceil(1 / rate) - 1
    return (
        f"{n:,} calibration items cannot resolve a false-alarm rate of {100 * rate:g} % "
        f"({needed:,} would); cut at their maximum"
    )
