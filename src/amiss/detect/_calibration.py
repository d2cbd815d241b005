"""Out-of-fold scores to p-values, with a tail beyond what the scores can resolve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_XI = 0.5
"""Shape of the tail: heavy, so that a member going off the scale does not outvote the rest."""
_SHARE, _LEAST = 0.01, 10
"""The tail is fitted to the highest 1 % of the scores, and at least ten."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Empirical p-values of scores among calibration scores.

    Ranks saturate at 1/(n + 1), where everything rare would tie. Beyond the largest calibration
    score a generalised Pareto tail, fitted by its median excess, tells rare from rarer.

    Attributes
    ----------
    scores : ndarray of float64, shape (n,)
        Calibration scores in ascending order, leave-one-out or out of fold.
    resolution : float
        A score counts as equal to those it exceeds by no more. Where all normal sessions are
        alike, the least difference between two trainings would else be beyond them all.

    least_scale : float
        Scale of the tail, at least. Scores of 0 alone would else make any other infinitely odd.

    Examples
    --------
    >>> calibration = Calibration.learn(np.arange(99.0))
    >>> calibration.p_value(np.array([-1.0, 49.0, 98.0])).round(2)
    array([1.  , 0.51, 0.02])
    """

    scores: NDArray[np.float64]
    resolution: float = 0.0
    least_scale: float = 0.0

    @classmethod
    def learn(
        cls, scores: NDArray[np.float64], resolution: float = 0.0, least_scale: float = 0.0
    ) -> Calibration:
        """Make a calibration from scores in any order."""
        return cls(np.sort(np.asarray(scores, dtype=np.float64)), resolution, least_scale)

    def surprise(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return −log₁₀ of the p-value of each score, shape (n,)."""
        n = len(self.scores)
        scores = scores - self.resolution
        at_least = n - np.searchsorted(self.scores, scores, side="left")
        ranked = -np.log10((1 + at_least) / (n + 1))
        beyond = scores > self.scores[-1]
        if not beyond.any():
            return ranked
        above, start, scale = self._tail()
        excess = np.maximum(scores - start, 0) / scale
        tail = -np.log10(above / n) + np.log1p(_XI * excess) / _XI / np.log(10)
        return np.where(beyond, np.maximum(ranked, tail), ranked)

    def p_value(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the p-value of each score, shape (n,)."""
        return np.asarray(10.0 ** -self.surprise(scores))

    def _tail(self) -> tuple[int, float, float]:
        """Return how many scores the tail holds, where it starts, and its scale."""
        n = len(self.scores)
        # Ties at the bottom (a score of 0 for all that is common) say nothing of the tail.
        distinct_top = n - int(np.searchsorted(self.scores, self.scores[0], side="right"))
        above = min(n, max(1, min(max(_LEAST, int(_SHARE * n)), distinct_top)))
        start = float(self.scores[n - above])
        excess = self.scores[n - above :] - start
        median = float(np.median(excess))
        scale = median * _XI / (2**_XI - 1) if median > 0 else float(excess.mean())
        return above, start, max(scale, self.least_scale, 1e-9 * max(1.0, abs(start)))
