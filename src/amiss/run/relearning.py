"""What was flagged is not normal: a detector learns again without it, where that is cheap."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from amiss.detect._base import LEFT_OUT, Detector
from amiss.types import Sequences

_FEW_EVENTS = 5_000
"""Networks, too, learn again from so few."""
_MOST = 0.05
"""If more than this share is flagged, it is no exception, and stays."""


def learn_without(
    detector: Detector,
    X: Sequences,
    y: NDArray[np.int64],
    flagged: NDArray[np.bool_],
    fewest: int = 0,
) -> tuple[Detector, NDArray[np.bool_]]:
    """Let a detector learn again without what it flagged out of fold.

    Else it takes for normal what it flagged: a value that was seen is not beyond all that was seen.
    How scores were calibrated stays, and so does ``training_score_``, which no item had a part in
    that it is of.

    Parameters
    ----------
    detector : Detector
        Fitted to `X` and `y`.
    X : Sequences
    y : ndarray of int64, shape (n,)
    flagged : ndarray of bool, shape (n,)
    fewest : int
        So many are set aside, whatever share that is.

    Returns
    -------
    detector : Detector
    set_aside : ndarray of bool, shape (n,)
        What it has not learnt now: the flagged ones among those that count as normal in `y`, or
        none: of traces, whose segments are not judged one by one, and if too many are flagged.
    """
    normal = (y != 1) & (y != LEFT_OUT)
    aside = normal & flagged
    if not aside.any() or X.trace is not None or aside.sum() > max(fewest, _MOST * normal.sum()):
        return detector, np.zeros(len(X), dtype=np.bool_)
    y = np.where(aside, LEFT_OUT, y)
    if not hasattr(detector, "members_"):
        return _learnt_again(detector, X, y), aside
    members: list[tuple[str, Any]] = detector.members_
    detector.members_ = [(name, _learnt_again(member, X, y)) for name, member in members]
    return detector, aside


def _learnt_again(detector: Detector, X: Sequences, y: NDArray[np.int64]) -> Detector:
    if "epochs" in detector.get_params(deep=False) and len(X.events) > _FEW_EVENTS:
        return detector
    again: Detector = clone(detector).fit(X, y)
    del again.training_score_
    if hasattr(detector, "training_score_"):  # members of an ensemble have none
        again.training_score_ = detector.training_score_
    return again
