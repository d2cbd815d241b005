"""What changed between two runs of counts, beyond chance.

Both runs are cut into stretches. Without a change, stretches are exchangeable: which of them are
of the one run and which of the other says nothing about what is in them. All that is told here
follows from that, so bursts, which make counts vary more than a Poisson process does, raise no
alarms if they are over within a stretch. Where they last longer, or rates drift, neighbouring
stretches are alike, and deviations are lowered by what that does to the variance of a mean. That
is an estimate: with first-order drift of a correlation of 0.95 over a hundredth of both runs, it
holds the rate roughly only, and a trend over all of both runs is a change like any other.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

_AT_ONCE = 1 << 22
"""Numbers of a product that are held at a time."""
_FEWEST_BEYOND = 10
"""Of the permutations, so many at least reach what is taken for beyond chance."""
_LEAST_LEFT = 0.02
"""Of all counts, this share at least is what rates are compared with."""
_FEWEST_TO_CORRELATE = 3
"""Stretches of a run, of more than which neighbours are compared."""
_ALIKE = 0.05
"""Neighbours that are less alike than that, on average over all items, are independent."""
_MOST_ALIKE = 0.97
"""Largest autocorrelation that is believed."""


def permutations_for(rate: float) -> int:
    """Return how many permutations tell whether something is as rare as `rate`.

    Examples
    --------
    >>> permutations_for(0.0025)
    4000
    """
    return int(np.ceil(_FEWEST_BEYOND / rate))


def rate_p_values(
    counts: NDArray[np.integer],
    exposure: NDArray[np.float64],
    after: NDArray[np.bool_],
    permutations: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return how often chance alone makes any rate differ as much as each one does.

    The statistic of an item is how much more of it came after than its rate over both runs lets
    expect, in standard deviations. The largest of all items, over random choices of the stretches
    that are after, is what each is compared with (Westfall and Young's maxT): the p-values hold for
    all items together, however dependent these are. Where neighbouring stretches are alike, there
    are fewer independent ones than stretches, and the statistic is lowered by that.

    Parameters
    ----------
    counts : ndarray of int, shape (n_items, n_stretches)
    exposure : ndarray of float64, shape (n_stretches,)
        What counts are in proportion to, such as lines.
    after : ndarray of bool, shape (n_stretches,)
        Which stretches are of the second run; both runs are in order of time.
    permutations : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of float64, shape (n_items,)

    References
    ----------
    P. H. Westfall, S. S. Young: Resampling-Based Multiple Testing. Wiley 1993.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson([[5.0] * 40, [5.0] * 20 + [15.0] * 20])
    >>> after = np.arange(40) >= 20
    >>> p = rate_p_values(counts, np.ones(40), after, 2000, rng)
    >>> bool(p[0] > 0.05), bool(p[1] < 0.001)
    (True, True)
    """
    n_items, n = counts.shape
    n_after = int(after.sum())
    if not n_items or not 0 < n_after < n or n < 3:
        return np.ones(n_items)
    rate = counts.sum(axis=1) / exposure.sum()
    residual = counts - rate[:, None] * exposure
    # The variance of a sum of n_after residuals over all choices of them; they add up to 0.
    variance = n_after * (n - n_after) / (n * (n - 1)) * (residual**2).sum(axis=1)
    scaled = residual / np.sqrt(np.maximum(variance, 1e-300))[:, None]
    scaled[variance <= 1e-12] = 0.0
    statistic = np.abs(scaled[:, after].sum(axis=1))
    statistic /= np.sqrt(_clustering(counts, exposure, after))
    largest = np.empty(permutations)
    step = max(1, _AT_ONCE // max(n, n_items))
    for start in range(0, permutations, step):
        size = min(step, permutations - start)
        chosen = rng.permuted(np.tile(after.astype(np.float64), (size, 1)), axis=1)
        largest[start : start + size] = np.abs(chosen @ scaled.T).max(axis=1)
    largest.sort()
    reached = permutations - np.searchsorted(largest, statistic * (1 - 1e-9), side="left")
    p_value: NDArray[np.float64] = (1 + reached) / (1 + permutations)
    return p_value


def _clustering(
    counts: NDArray[np.integer], exposure: NDArray[np.float64], after: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return by how much the variance of a mean is larger than if stretches were independent.

    One and twice the autocorrelations up to a lag, as Bartlett weighs them, within each run; or, if
    that is more, what the first of them means for a process of first order that is seen through
    noise, as counts are: its autocorrelations are ``r, r f, r f**2, ...``, so they add up to
    ``r / (1 - f)``. How fast they fall is estimated from all items together, since one item has few
    stretches, and no item counts as less alike than all are on average; what short runs take off
    autocorrelations is put back.
    """
    runs = [_deviations(counts[:, own], exposure[own]) for own in (~after, after)]
    power = np.maximum(sum((run**2).sum(axis=1) for run in runs), 1e-12)
    shortest = min(run.shape[1] for run in runs)
    most = int(np.sqrt(shortest))
    total, known = np.ones(len(counts)), [np.zeros(len(counts))]
    for lag in range(1, most + 1):
        product = sum((run[:, lag:] * run[:, :-lag]).sum(axis=1) for run in runs)
        total += 2 * (1 - lag / (most + 1)) * product / power
        known.append(product / power)
    if shortest <= _FEWEST_TO_CORRELATE:
        return np.maximum(total, 1.0)
    # Deviations from a mean of n values have an autocorrelation of -1 / n without any.
    each = np.array(known[1:]) + 1 / shortest
    pooled = each.mean(axis=1)
    corrected = each[0] / (1 - 3 / shortest)
    stays = 0.0
    sure = 2 / np.sqrt(2 * shortest * max(len(counts), 1))
    if pooled[0] > max(_ALIKE, sure) and most > 1:
        stays = float(np.clip(pooled[1:].sum() / pooled[:-1].sum(), 0.0, _MOST_ALIKE))
        corrected += 2 * pooled[0] / (1 - stays) / shortest
        corrected = np.maximum(corrected, corrected.mean())  # of one item it is a rough guess
    first = np.clip(corrected, 0.0, _MOST_ALIKE)
    clustering: NDArray[np.float64] = np.maximum(
        total, 1 + 2 * first / (1 - np.maximum(first, stays))
    )
    return clustering


def _deviations(counts: NDArray[np.integer], exposure: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = counts.sum(axis=1) / max(float(exposure.sum()), 1e-12)
    deviations: NDArray[np.float64] = counts - rate[:, None] * exposure
    return deviations


class RateRatio(NamedTuple):
    """A rate over another, and between what it lies, each of shape (n_items,)."""

    ratio: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def rate_ratio(
    counts: NDArray[np.integer],
    exposure: NDArray[np.float64],
    after: NDArray[np.bool_],
    confidence: float = 0.95,
) -> RateRatio:
    """Return how the rates of two runs compare, with intervals from how stretches differ.

    The variance of each rate is that of its stretches, and not less than that of a Poisson
    process; the interval is Student's, on the logarithm, with Welch's degrees of freedom.

    Parameters
    ----------
    counts, exposure, after
        As `rate_p_values` takes them.
    confidence : float

    Returns
    -------
    RateRatio
        Half a count is added to both where one is 0.

    Examples
    --------
    >>> counts = np.array([[4, 6, 5, 5, 9, 11, 10, 10]])
    >>> found = rate_ratio(counts, np.ones(8), np.arange(8) >= 4)
    >>> [round(float(value[0]), 2) for value in found]
    [2.0, 1.0, 3.98]
    """
    log_rates, variances, freedoms = [], [], []
    none = (counts[:, ~after].sum(axis=1) == 0) | (counts[:, after].sum(axis=1) == 0)
    for own in (~after, after):
        n, size = int(own.sum()), float(exposure[own].sum())
        total = counts[:, own].sum(axis=1) + 0.5 * none
        spread = (_deviations(counts[:, own], exposure[own]) ** 2).sum(axis=1)
        spread *= n / max(n - 1, 1)
        log_rates.append(np.log(np.maximum(total, 0.5)) - np.log(max(size, 1e-12)))
        variances.append(np.maximum(spread, total) / np.maximum(total, 0.5) ** 2)
        freedoms.append(max(n - 1, 1))
    difference = log_rates[1] - log_rates[0]
    freedom = (variances[0] + variances[1]) ** 2 / (
        variances[0] ** 2 / freedoms[0] + variances[1] ** 2 / freedoms[1]
    )
    reach = student.ppf((1 + confidence) / 2, freedom) * np.sqrt(variances[0] + variances[1])
    with np.errstate(over="ignore"):
        return RateRatio(np.exp(difference), np.exp(difference - reach), np.exp(difference + reach))


class RateChanges(NamedTuple):
    """Which rates changed, each array of shape (n_items,).

    Attributes
    ----------
    changed : ndarray of bool
    p_value : ndarray of float64
        It holds for all items together.
    ratio : RateRatio
    exposure : ndarray of float64, shape (n_stretches,)
        Without what changed.
    """

    changed: NDArray[np.bool_]
    p_value: NDArray[np.float64]
    ratio: RateRatio
    exposure: NDArray[np.float64]


def changed_rates(
    counts: NDArray[np.integer],
    after: NDArray[np.bool_],
    rate: float,
    *,
    min_ratio: float = 1.0,
    tested: NDArray[np.bool_] | None = None,
    rng: np.random.Generator,
) -> RateChanges:
    """Find items whose rate, among all of them, changed beyond chance.

    What one item has more of, all others have less of, as shares. So the change that moves most is
    taken out of what the others are compared with, and these are looked at again, until nothing
    stands out. Without a change nothing stands out the first time, but with the chance `rate`.

    Parameters
    ----------
    counts : ndarray of int, shape (n_items, n_stretches)
    after : ndarray of bool, shape (n_stretches,)
    rate : float
        Chance that anything is named where nothing changed.
    min_ratio : float
        Changes by a smaller factor, up or down, are not named, however sure.
    tested : ndarray of bool, shape (n_items,), optional
        The others count as what is compared with, but are not named.
    rng : numpy.random.Generator

    Examples
    --------
    One item comes three times as often, so the shares of all others fall.

    >>> rng = np.random.default_rng(0)
    >>> counts = rng.poisson(20, (5, 40))
    >>> counts[0, 20:] *= 3
    >>> found = changed_rates(counts, np.arange(40) >= 20, 0.01, rng=rng)
    >>> found.changed.tolist(), round(float(found.ratio.ratio[0]), 1)
    ([True, False, False, False, False], 2.9)
    """
    tested = np.ones(len(counts), dtype=np.bool_) if tested is None else tested
    changed = np.zeros(len(counts), dtype=np.bool_)
    p_value = np.ones(len(counts))
    exposure = counts.sum(axis=0).astype(np.float64)
    least = _LEAST_LEFT * exposure.sum()
    while True:
        left = np.flatnonzero(tested & ~changed)
        now = rate_p_values(counts[left], exposure, after, permutations_for(rate), rng)
        p_value[left] = now
        ratio = rate_ratio(counts[left], exposure, after).ratio
        sure = (now <= rate) & ((ratio >= min_ratio) | (ratio <= 1 / min_ratio))
        if not sure.any():
            break
        shares = [counts[left][:, own].sum(axis=1) / exposure[own].sum() for own in (~after, after)]
        moved = np.where(sure, np.abs(shares[1] - shares[0]), 0.0)
        taken = left[moved >= max(0.5 * moved.max(), 1e-300)]
        rest = exposure - counts[taken].sum(axis=0)
        if min(rest[after].sum(), rest[~after].sum()) <= 0 or rest.sum() < least:
            changed[left[sure]] = True  # nothing would be left to compare with
            break
        changed[taken] = True
        exposure = rest
    return RateChanges(changed, p_value, rate_ratio(counts, exposure, after), exposure)
