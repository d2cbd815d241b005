"""Sets of symptoms that are alike: what tells one cause from another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from amiss.types import Symptom

Signature = frozenset[Symptom]

NEWS, _STRONG, _CONSEQUENCE = 1.0, 0.25, 0.06
"""Weights of symptoms: events that training had not, others, what is missing or surplus."""
_WEIGHTS = {"unseen": NEWS, "missing": _CONSEQUENCE, "surplus": _CONSEQUENCE}
_APART = 0.5
"""Signatures that share less than half of what weighs are of different causes."""
_MOST = 1500
"""Distinct signatures that are compared with each other: all pairs of them are held."""
_AT_ONCE = 500


def weight(symptom: Symptom) -> float:
    """Return how much a symptom tells of the cause.

    An event that normal logs have not is mostly the cause itself or said by who saw it; what is
    then missing or too many follows from it, and follows from other causes just as well.

    Examples
    --------
    >>> weight(Symptom("unseen", "disk failed")) > weight(Symptom("ends"))
    True
    """
    return _WEIGHTS.get(symptom.kind, _STRONG)


def group_signatures(signatures: Sequence[Signature]) -> NDArray[np.int64]:
    """Return the group of each signature: those of one group share most of what weighs.

    Their distance is one less the weighted share of symptoms that both have; groups are those of
    average linkage. Neither order nor repetitions matter.

    Parameters
    ----------
    signatures : sequence of frozenset of Symptom

    Returns
    -------
    ndarray of int64, shape (n,)
        Numbered by the signatures that are in a group, not by where these stand.

    Examples
    --------
    >>> failed, ends = Symptom("unseen", "disk failed"), Symptom("ends")
    >>> group_signatures([frozenset({failed}), frozenset({ends}), frozenset({failed, ends})])
    array([1, 0, 1])
    """
    counts = Counter(signatures)
    shown = Counter(symptom for signature in signatures for symptom in signature)
    reduced = {signature: _telling(signature, shown) for signature in counts}
    sizes: Counter[Signature] = Counter()
    for signature, count in counts.items():
        sizes[reduced[signature]] += count
    distinct = sorted(
        sizes, key=lambda signature: (-sizes[signature], sorted(map(_key, signature)))
    )
    group_of = dict(zip(distinct, _linked(distinct).tolist(), strict=True))
    return np.array([group_of[reduced[signature]] for signature in signatures], dtype=np.int64)


def _key(symptom: Symptom) -> tuple[str, str, str]:
    return symptom.kind, symptom.template or "", symptom.detail


def _telling(signature: Signature, shown: Counter[Symptom]) -> Signature:
    """Leave out what one finding alone has, unless it is news: it ties it to no other."""
    kept = frozenset(s for s in signature if shown[s] > 1 or weight(s) == NEWS)
    return kept or signature


def _linked(distinct: list[Signature]) -> NDArray[np.int64]:
    compared = distinct[:_MOST]
    column = {symptom: i for i, symptom in enumerate(dict.fromkeys(s for d in distinct for s in d))}
    weights = np.array([weight(symptom) for symptom in column])
    shows = sparse.csr_array(_incidence(distinct, column))
    heavy = shows @ weights
    groups = np.ones(len(compared), dtype=np.int64)
    if len(compared) > 1:
        near = _overlap(shows[: len(compared)], shows[: len(compared)], weights, heavy, heavy)
        pairs = squareform(np.clip(1 - near, 0, 1), checks=False)
        groups = fcluster(linkage(pairs, "average"), _APART, "distance").astype(np.int64)
    if len(distinct) > len(compared):
        rest = _attached(shows, weights, heavy, groups, distinct)
        groups = np.concatenate([groups, rest])
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[number.reshape(-1)]


def _incidence(distinct: list[Signature], column: dict[Symptom, int]) -> sparse.coo_array:
    at = [(i, column[s]) for i, signature in enumerate(distinct) for s in signature]
    rows, columns = np.array(at, dtype=np.int64).reshape(-1, 2).T
    return sparse.coo_array((np.ones(len(at)), (rows, columns)), (len(distinct), len(column)))


def _overlap(
    some: sparse.csr_array,
    others: sparse.csr_array,
    weights: NDArray[np.float64],
    heavy: NDArray[np.float64],
    heavy_others: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weighted Jaccard index of each pair."""
    common = (some @ sparse.diags_array(weights) @ others.T).toarray()
    either = heavy[: some.shape[0], None] + heavy_others[None, : others.shape[0]] - common
    return np.asarray(common / either)


def _attached(
    shows: sparse.csr_array,
    weights: NDArray[np.float64],
    heavy: NDArray[np.float64],
    groups: NDArray[np.int64],
    distinct: list[Signature],
) -> NDArray[np.int64]:
    """Return the groups of the rarest signatures of many: that of the one nearest to it.

    Those near to none go by their strongest symptom.
    """
    n = len(groups)
    found = np.empty(len(distinct) - n, dtype=np.int64)
    alone: dict[Symptom, int] = {}
    for begin in range(n, len(distinct), _AT_ONCE):
        part = shows[begin : begin + _AT_ONCE]
        near = _overlap(part, shows[:n], weights, heavy[begin:], heavy)
        nearest = near.argmax(axis=1)
        for i, (best, at) in enumerate(zip(near.max(axis=1), nearest, strict=True)):
            group = int(groups[at])
            if best < 1 - _APART:
                strongest = min(distinct[begin + i], key=lambda s: (-weight(s), _key(s)))
                group = alone.setdefault(strongest, int(groups.max()) + 1 + len(alone))
            found[begin + i - n] = group
    return found
