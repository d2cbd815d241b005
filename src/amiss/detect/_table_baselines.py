"""Plain detectors of rows to stand beside the real ones. A model that does not beat them says so.

Each is a few lines of linear algebra or scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from amiss.errors import InputError, UsageError

Values = NDArray[np.float64]
Scores = NDArray[np.float64]
Scorer = Callable[[Values], Scores]

_VARIANCE = 0.9  # that `pca` keeps
_COMPONENTS = 8
_GMM_ROWS = 20_000
_SD_FLOOR = 1e-9  # of a column's magnitude: below is rounding, not variation
_BLOCK = 1 << 12
"""Rows scored at once, always as many: how BLAS adds up depends on the number of rows."""


def table_baseline_scores(
    train: Values, test: Values, random_state: int = 0, names: Iterable[str] | None = None
) -> dict[str, Scores]:
    """Return the score of each test row by each baseline, by name; higher is more anomalous.

    All standardise the columns first, by mean and standard deviation of the training rows. A
    column that never varied there counts in units of its own: any other value stands out.

    ``znorm``
        Norm of the standardised row.
    ``mahalanobis``
        Distance from the mean by the pseudo-inverse of the covariance; blind to columns that
        never varied.
    ``pca``
        What the principal components with 90 % of the variance do not reconstruct.
    ``gmm``
        −log likelihood of a Gaussian mixture of 8 components, fitted on at most 20,000 rows.
    ``iforest``
        Isolation forest.

    Parameters
    ----------
    train : ndarray of float, shape (n_train, n_features)
        Rows taken for normal.
    test : ndarray of float, shape (n, n_features)
    random_state : int
    names : iterable of str, optional
        The baselines wanted; all by default. For flat images, ``znorm`` and ``pca`` are cheap.

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)

    Raises
    ------
    InputError
        There are no training rows, or the two differ in columns.
    UsageError
        There is no baseline of that name.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> train = rng.normal(size=(200, 3))
    >>> scores = table_baseline_scores(train, np.array([[0.0, 0, 0], [9, 9, 9]]))
    >>> sorted(name for name, (usual, odd) in scores.items() if odd > usual)
    ['gmm', 'iforest', 'mahalanobis', 'pca', 'znorm']
    """
    train = np.asarray(train, dtype=np.float64)
    test = np.asarray(test, dtype=np.float64)
    if train.ndim != 2 or test.ndim != 2 or train.shape[1] != test.shape[1] or not len(train):
        raise InputError(
            f"training rows of shape {train.shape} and rows to score of shape {test.shape}; "
            "expected two tables of the same columns, the first not empty"
        )
    wanted = list(_FITTERS if names is None else names)
    if unknown := [name for name in wanted if name not in _FITTERS]:
        raise UsageError(f"unknown baseline {unknown[0]!r}; expected some of {', '.join(_FITTERS)}")
    mean, scale = _standardisation(train)
    standard = (train - mean) / scale
    found = {}
    for name in wanted:
        score = _FITTERS[name](standard, random_state)
        found[name] = np.empty(len(test))
        for at in range(0, len(test), _BLOCK):
            block = (test[at : at + _BLOCK] - mean) / scale
            padded = np.pad(block, ((0, _BLOCK - len(block)), (0, 0)))
            found[name][at : at + _BLOCK] = score(padded)[: len(block)]
    return found


def _standardisation(train: Values) -> tuple[Values, Values]:
    """Return mean and divisor of each column; the divisor of a constant column is 1."""
    mean, sd = train.mean(axis=0), train.std(axis=0)
    varies = sd > _SD_FLOOR * np.abs(mean)
    return mean, np.where(varies, sd, 1.0)


def _fit_znorm(standard: Values, random_state: int) -> Scorer:
    del standard, random_state
    return _norm


def _fit_mahalanobis(standard: Values, random_state: int) -> Scorer:
    del random_state
    inverse = np.linalg.pinv(_covariance(standard), hermitian=True)
    mean = standard.mean(axis=0)

    def score(rows: Values) -> Scores:
        centred = rows - mean
        squared = np.einsum("ij,ij->i", centred @ inverse, centred)
        return np.asarray(np.sqrt(np.maximum(squared, 0.0)))

    return score


def _fit_pca(standard: Values, random_state: int) -> Scorer:
    del random_state
    variance, axes = eigh(_covariance(standard))
    share = np.cumsum(np.maximum(variance[::-1], 0.0))
    total = share[-1]
    kept = int(np.searchsorted(share, _VARIANCE * total)) + 1 if total > 0 else 0
    principal = axes[:, len(variance) - min(kept, len(variance)) :]
    mean = standard.mean(axis=0)

    def score(rows: Values) -> Scores:
        centred = rows - mean
        return _norm(centred - centred @ principal @ principal.T)

    return score


def _fit_gmm(standard: Values, random_state: int) -> Scorer:
    from sklearn.mixture import GaussianMixture

    rows = standard
    if len(rows) > _GMM_ROWS:
        chosen = np.random.default_rng(random_state).permutation(len(rows))[:_GMM_ROWS]
        rows = rows[np.sort(chosen)]
    if len(rows) == 1:  # scikit-learn wants two
        rows = np.repeat(rows, 2, axis=0)
    # k-means warns, and EM divides, where there are fewer distinct rows than components.
    distinct = len(np.unique(rows, axis=0)) if len(rows) < 10 * _COMPONENTS else _COMPONENTS
    mixture = GaussianMixture(
        min(_COMPONENTS, distinct), reg_covar=1e-3, random_state=random_state
    ).fit(rows)
    return lambda seen: np.asarray(-mixture.score_samples(seen), dtype=np.float64)


def _fit_iforest(standard: Values, random_state: int) -> Scorer:
    from sklearn.ensemble import IsolationForest

    forest = IsolationForest(random_state=random_state).fit(standard)
    return lambda rows: np.asarray(-forest.score_samples(rows), dtype=np.float64)


def _norm(rows: Values) -> Scores:
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", rows, rows)))


def _covariance(standard: Values) -> Values:
    centred = standard - standard.mean(axis=0)
    return np.asarray(centred.T @ centred / max(len(standard) - 1, 1))


_FITTERS: dict[str, Callable[[Values, int], Scorer]] = {
    "znorm": _fit_znorm,
    "mahalanobis": _fit_mahalanobis,
    "pca": _fit_pca,
    "gmm": _fit_gmm,
    "iforest": _fit_iforest,
}
