"""When a whole of many parts is anomalous: more of its parts are flagged than chance explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import betabinom

_FALSE_WHOLES = 0.001
"""Share of normal wholes that may be flagged."""


def share_limits(
    flagged: NDArray[np.int64],
    parts: NDArray[np.int64],
    new_parts: NDArray[np.int64],
    rate: float | None = None,
) -> NDArray[np.float64]:
    """Return the share of flagged parts above which a whole is anomalous.

    A long normal trace has some segments beyond the threshold by chance. How many such a trace may
    have is a beta-binomial, whose mean is the share of flagged parts in the normal wholes, and
    whose spread is as wide as these differ, or as few as they are. One normal whole in a thousand
    has more. One of a few parts is as anomalous as they are, and so flagged more often.

    Parameters
    ----------
    flagged, parts : ndarray of int64, shape (n,)
        Of each normal whole that the detector was not fitted to: parts beyond the threshold, and
        all of them.
    new_parts : ndarray of int64, shape (m,)
        Parts of the wholes to judge.
    rate : float, optional
        Share of normal parts that the threshold was chosen to flag; less was luck.

    Returns
    -------
    ndarray of float64, shape (m,)

    Examples
    --------
    >>> share_limits(np.array([1, 0, 2]), np.array([700, 700, 700]), np.array([700, 10]))
    array([0.01, 0.1 ])
    """
    total = max(1, int(parts.sum()))
    mean = max((int(flagged.sum()) + 0.5) / (total + 1), rate or 0.0)
    mean = min(mean, 1 - 1e-9)
    binomial = mean * (1 - mean)
    precision = float(total)
    if len(parts) > 1:
        shares = flagged / np.maximum(parts, 1)
        between = float(shares.var(ddof=1) - (binomial / np.maximum(parts, 1)).mean())
        if between > 0:
            precision = min(precision, max(binomial / between - 1, 1.0))
    sizes, at = np.unique(new_parts, return_inverse=True)
    most = np.asarray(
        betabinom.isf(_FALSE_WHOLES, sizes, mean * precision, (1 - mean) * precision)
    )[at]
    # Whatever chance says, a whole of which every part is flagged is anomalous.
    most = np.clip(most, 0, np.maximum(new_parts - 1, 0))
    limits: NDArray[np.float64] = most / np.maximum(new_parts, 1)
    return limits
