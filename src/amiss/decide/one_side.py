"""What came in one of two runs only: is it more than chance puts there.

Both runs are cut into stretches. Without a change, the places where something came are
exchangeable: which of them are of the one run and which of the other says nothing. A place is a
stretch, or several neighbouring ones: what comes in bursts that are longer than a stretch would
else be counted as many times as the burst has stretches. How far neighbours are alike is measured
within each run, so what differs between the runs has no part in it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln


class Places(NamedTuple):
    """In how many stretches items came, and in how many places, counted once a burst.

    Attributes
    ----------
    stretches : ndarray of int64, shape (n_items,)
        Of both runs.
    places : ndarray of float64, shape (n_items,)
        At least 1 for each item that came, and at most `stretches`.
    alike : float
        Mean correlation of neighbouring stretches, in which of them an item came; 0 to 1.
    sure : bool
        That is more than what independent stretches would show.
    """

    stretches: NDArray[np.int64]
    places: NDArray[np.float64]
    alike: float
    sure: bool


def places_of(came: list[NDArray[np.int64]], stretches: tuple[int, int], n_items: int) -> Places:
    """Count in how many places items came, where neighbouring stretches are alike.

    Of an item that came in k of n stretches of a run, ``k (k - 1) / n`` pairs of neighbours have it
    if stretches are independent (a join count), and at most ``k - 1``; each that is beyond chance
    takes one off its places. One item says little of itself, so at least as large a share of what
    is possible is taken off as the mean over all items is.

    Parameters
    ----------
    came : list of ndarray of int64
        Of each run, ``item * n_stretches + stretch``, each once and in order.
    stretches : tuple of (int, int)
        How many there are in each run.
    n_items : int

    Returns
    -------
    Places

    References
    ----------
    A. D. Cliff, J. K. Ord: Spatial Processes. Pion 1981 (join counts).

    Examples
    --------
    Of 20 stretches each, one item came in 5 that follow each other, the other here and there.

    >>> came = [np.array([]), np.array([4, 5, 6, 7, 8, 21, 26, 29, 34, 39])]
    >>> places_of(came, (20, 20), 2).places.round(1).tolist()
    [2.0, 4.0]
    """
    k_all = np.zeros(n_items, dtype=np.int64)
    excess, room = np.zeros(n_items), np.zeros(n_items)
    correlations = []
    for codes, n in zip(came, stretches, strict=True):
        item = np.asarray(codes, dtype=np.int64) // n
        k = np.bincount(item, minlength=n_items)
        joined = (np.diff(codes) == 1) & (np.diff(item) == 0)
        joins = np.bincount(item[1:][joined], minlength=n_items)
        more = joins - k * (k - 1) / n
        # The most there can be is k - 1 joins.
        most = (k - 1) * (1 - k / n)
        known = (k > 1) & (k < n)
        correlations.append(more[known] / most[known])
        excess += np.maximum(more, 0.0)
        room += np.maximum(most, 0.0)
        k_all += k
    each = np.concatenate(correlations)
    alike = float(np.clip(each.mean(), 0.0, 1.0)) if len(each) else 0.0
    error = float(each.std()) / np.sqrt(len(each)) if len(each) else np.inf
    usual = k_all - room * alike
    places = np.clip(np.minimum(k_all - excess, usual), np.minimum(k_all, 1), k_all)
    return Places(k_all, places, alike, alike > 2 * error)


def chance_of_one_side(places: NDArray[np.number], own: int, other: int) -> NDArray[np.float64]:
    """Return how likely it is that what came in so many places came in one run only.

    Parameters
    ----------
    places : ndarray, shape (n,)
        In how many stretches of both runs each item came, whole or not.
    own, other : int
        Stretches of the run that has it, and of the run that has not.

    Returns
    -------
    ndarray of float64, shape (n,)
        Of all ways to choose so many stretches, the share that lies in `own` alone.

    Examples
    --------
    >>> chance_of_one_side(np.array([1, 2, 10]), 20, 20).round(5).tolist()
    [0.5, 0.24359, 0.00022]
    """
    k = np.asarray(places, dtype=np.float64)
    fits = np.minimum(k, own)
    chance = np.exp(
        gammaln(own + 1) - gammaln(own - fits + 1)
        + gammaln(own + other - fits + 1) - gammaln(own + other + 1)
    )  # fmt: skip
    return np.where(k > own, 0.0, np.minimum(chance, 1.0))


class OneSided(NamedTuple):
    """How surprising it is that items came in one run only.

    Attributes
    ----------
    p_value : ndarray of float64, shape (n,)
        Of the items of so many places, or more, that are in this run only, the share that chance
        explains, at most 1; 1 for items that the other run has too. It holds for all together.
    expected : float
        How many items chance alone puts into this run only.
    """

    p_value: NDArray[np.float64]
    expected: float


def one_sided(
    places: NDArray[np.number], only_here: NDArray[np.bool_], own: int, other: int
) -> OneSided:
    """Judge items that came in one run only, by how many others might have, and how many did.

    That something rare comes in one of two runs only is no news: there may be many rare things.
    So the chance of each item that is as frequent as it, or more so, is added up: as many are
    expected in this run only. What is named is where that is a small share of how many there
    are (Benjamini and Hochberg's step-up): of 40 items that each may be there by chance once in a
    thousand times, all are news, though the sum is 0.04.

    Without a change, anything has a p-value of at most a with a chance of about a: by Markov's
    inequality that bounds any one number of places, whatever ties items together, and for all
    numbers at once it holds where items are independent or come together. The worst that is
    possible is a times ``1 + ln(n)``.

    Parameters
    ----------
    places : ndarray, shape (n,)
        In how many places of both runs each item came, at least 1.
    only_here : ndarray of bool, shape (n,)
        Which items the other run has not.
    own, other : int
        Stretches of this run, and of the other one.

    References
    ----------
    Y. Benjamini, Y. Hochberg: Controlling the False Discovery Rate. J. R. Statist. Soc. B 57, 1995.
    Y. Benjamini, D. Yekutieli: The Control of the False Discovery Rate in Multiple Testing under
    Dependency. Annals of Statistics 29, 2001.

    Examples
    --------
    Of a hundred items that come once, fifty are in this run only; another comes in 12 stretches.

    >>> places = np.array([1] * 100 + [12])
    >>> found = one_sided(places, np.array([True, False] * 50 + [True]), 20, 20)
    >>> round(found.expected), found.p_value[[0, -1]].round(5).tolist()
    (50, [0.98039, 2e-05])
    """
    places = np.asarray(places, dtype=np.float64)
    chance = chance_of_one_side(places, own, other)
    order = np.argsort(-places, kind="stable")
    ranked = -places[order]
    # Sums over items of as many places or more.
    last = np.searchsorted(ranked, ranked, side="right") - 1
    expected, found = np.cumsum(chance[order])[last], np.cumsum(only_here[order])[last]
    share = np.where(found > 0, np.minimum(expected / np.maximum(found, 1), 1.0), 1.0)
    # With what came in fewer places a group may be more than chance explains.
    share = np.minimum.accumulate(share[::-1])[::-1]
    p_value = np.empty(len(places))
    p_value[order] = share
    p_value[~only_here] = 1.0
    return OneSided(p_value, float(chance.sum()))


def named_of(p_value: NDArray[np.float64], first: float, others: float) -> NDArray[np.bool_]:
    """Return which items are named: none, unless one is as surprising as the first has to be.

    Parameters
    ----------
    p_value : ndarray of float64
        As `one_sided` returns them.
    first : float
        Chance that anything is named where nothing changed.
    others : float
        Once something did, the share of what is named that chance may explain.

    Examples
    --------
    >>> named_of(np.array([0.0002, 0.008, 0.3]), 0.001, 0.01).tolist()
    [True, True, False]
    >>> named_of(np.array([0.002, 0.008, 0.3]), 0.001, 0.01).tolist()
    [False, False, False]
    """
    named: NDArray[np.bool_] = p_value <= (max(first, others) if (p_value <= first).any() else 0.0)
    return named
