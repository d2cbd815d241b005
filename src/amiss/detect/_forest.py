"""How far an isolation forest doubts that rows are normal."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

_TREES = 200
_SHARPNESS = 2.0
"""Of the step from normal to anomalous, in standard deviations of the forest's score."""
_BOUND = 100.0


def forest_doubt(X: Any, share: float, seed: int) -> NDArray[np.float64]:
    """Return for each row how probable it is that it is an anomaly, shape (n,).

    A logistic function of an isolation forest's score, with the mean `share`.

    Parameters
    ----------
    X : ndarray or CSR matrix, shape (n, n_features)
    share : float
    seed : int

    Examples
    --------
    >>> X = np.append(np.random.default_rng(0).normal(size=(200, 2)), [[9.0, 9.0]], axis=0)
    >>> doubt = forest_doubt(X, 0.05, 0)
    >>> int(doubt.argmax()), round(float(doubt.mean()), 3)
    (200, 0.05)
    """
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(n_estimators=_TREES, random_state=seed % (1 << 32)).fit(X)
    oddness = -forest.score_samples(X)
    spread = oddness.std()
    odds = _SHARPNESS * (oddness - np.median(oddness)) / (spread if spread > 0 else 1.0)
    shift = brentq(lambda b: float(expit(odds + b).mean()) - share, -_BOUND, _BOUND)
    return np.asarray(expit(odds + shift), dtype=np.float64)
