"""Residuals of a model of a series to scores: moving means on the scale that they usually have.

What a fault moves, it moves for long: the mean of the residuals of some rows stands out from noise
where no single row does. What drifts anyway is expected from its own past first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from amiss.detect._rows import CONSTANT_SCALE, Floats
from amiss.detect._series import Rows, SeriesRows, split_at

_LEAST = 1e-9
"""Of a scale, in standard deviations of the channel: below is rounding."""
_MEANS = 5


@dataclass(frozen=True, slots=True)
class ResidualChart:
    """Moving means of residuals over windows of several lengths, each in units of its usual size.

    Attributes
    ----------
    windows : ndarray of int64, shape (n_windows,)
        Lengths in rows; a mean ends at the row that it is for.
    scale : ndarray of float64, shape (n_windows, n_channels)
        Root mean square of the moving means of normal rows.
    past : ndarray of float64, shape (order, n_channels)
        Weights by which a channel's residual is expected from the ones before it, the latest
        first. What is charted is what they do not explain.

    Notes
    -----
    Means of several lengths at once find short and long faults without a length to be chosen.
    Residuals of autocorrelated channels are charted after L. C. Alwan and H. V. Roberts,
    "Time-Series Modeling for Statistical Process Control", JBES 6(1), 1988.
    """

    windows: Rows
    scale: Floats
    past: Floats

    @classmethod
    def learn(
        cls,
        residual: SeriesRows,
        taught: NDArray[np.bool_],
        windows: Sequence[int],
        *,
        constant: NDArray[np.bool_],
        order: int = 0,
        ridge: float = 0.0,
    ) -> Self:
        """Learn the usual size of the moving means of `residual` in the rows `taught`.

        Parameters
        ----------
        residual : SeriesRows
            No mean, and nothing of the past, goes across its runs.
        taught : ndarray of bool, shape (n,)
            Means, and what is expected from the past, are learnt of such rows alone.
        windows : sequence of int
        constant : ndarray of bool, shape (n_channels,)
            Channels that never varied in training.
        order : int
            Residuals before a row that the next is expected from; 0 charts them as they are.
        ridge : float
            Penalty, in rows.
        """
        residual = split_at(residual, ~taught)
        past = np.zeros((order, residual.shape[1]))
        if order:
            whole = taught & (np.arange(len(residual)) - residual.start >= order)
            for channel in range(residual.shape[1]):
                lags = lagged(residual, order, channel)[whole]
                variance = float(residual.values[taught, channel].var())
                penalty = (ridge * variance + _LEAST) * np.eye(order)
                target = lags.T @ residual.values[whole, channel]
                past[:, channel] = np.linalg.solve(lags.T @ lags + penalty, target)
        lengths = np.array(sorted(windows), dtype=np.int64)
        chart = cls(lengths, np.ones((len(lengths), residual.shape[1])), past)
        left = chart._unexpected(residual)
        floor = np.where(constant, CONSTANT_SCALE, _LEAST)
        for k, length in enumerate(lengths):
            mean, count = moving_mean(left, int(length))
            full = taught & (count == length)
            # Too short a series for this length: the means there are, as if of independent rows.
            used = full if full.any() else taught
            grown = mean[used] * np.sqrt(count[used] / length)[:, None]
            chart.scale[k] = np.maximum(np.sqrt((grown**2).mean(axis=0)), floor)
        return chart

    def score(self, residual: SeriesRows) -> Floats:
        """Return for each row and channel the largest of its moving means, (n, n_channels)."""
        left = self._unexpected(residual)
        largest = np.zeros(residual.shape)
        for length, scale in zip(self.windows, self.scale, strict=True):
            mean, count = moving_mean(left, int(length))
            # The first rows of a run have shorter means, which vary more.
            fewer = np.sqrt(count / length)[:, None]
            np.maximum(largest, np.abs(mean) * fewer / scale, out=largest)
        return largest

    def _unexpected(self, residual: SeriesRows) -> SeriesRows:
        if not len(self.past):
            return residual
        expected = np.empty(residual.shape)
        for channel in range(residual.shape[1]):
            lags = lagged(residual, len(self.past), channel)
            # Adding up in one order, whatever the number of rows.
            expected[:, channel] = (lags * self.past[:, channel]).sum(axis=1)
        return SeriesRows(residual.values - expected, residual.run)

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take back what `arrays` gave."""
        return cls(**{field.name: arrays[field.name] for field in fields(cls)})

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def moving_mean(X: SeriesRows, length: int) -> tuple[Floats, Rows]:
    """Return the mean of the last `length` rows up to each, or of those its run has, and how many.

    Examples
    --------
    >>> rows = SeriesRows(np.array([[1.0], [3.0], [5.0], [9.0]]), np.array([0, 0, 0, 1]))
    >>> mean, count = moving_mean(rows, 2)
    >>> mean.ravel().tolist(), count.tolist()
    ([1.0, 2.0, 4.0, 9.0], [1, 2, 2, 1])
    """
    at = np.arange(len(X))
    count = np.minimum(at - X.start + 1, length)
    total = np.zeros(X.shape)
    # Row by row, not from cumulated sums: a mean does not depend on what was long before.
    for back in range(min(length, int(count.max(initial=0)))):
        reached = count > back
        total[reached] += X.values[at[reached] - back]
    return total / count[:, None], count


def usable_lengths(windows: Sequence[int], block: Rows) -> list[int]:
    """Return the lengths that fit five times in the shortest block, or one row.

    Of fewer means than that nobody knows how large they usually are.

    Parameters
    ----------
    windows : sequence of int
    block : ndarray of int64
        Of the rows that are learnt from.

    Examples
    --------
    >>> usable_lengths((5, 10, 20), np.repeat([0, 1], [60, 80]))
    [5, 10]
    """
    longest = int(np.bincount(block).min()) // _MEANS
    return [int(length) for length in windows if length <= longest] or [1]


def lagged(
    X: SeriesRows, order: int, channel: int | None = None, rows: Rows | None = None
) -> Floats:
    """Return the `order` rows before each, the latest first, shape (n, order · n_channels).

    Before the first row of a run there is the same again: as if it had been at rest.

    Parameters
    ----------
    X : SeriesRows
    order : int
    channel : int, optional
        By default all.
    rows : ndarray of int64, optional
        By default all.

    Examples
    --------
    >>> rows = SeriesRows(np.array([[1.0], [2.0], [3.0]]), np.zeros(3, dtype=np.int64))
    >>> lagged(rows, 2).tolist()
    [[1.0, 1.0], [1.0, 1.0], [2.0, 1.0]]
    """
    at = np.arange(len(X)) if rows is None else rows
    start = X.start[at]
    values = X.values if channel is None else X.values[:, [channel]]
    return np.concatenate(
        [values[np.maximum(at - back, start)] for back in range(1, order + 1)], axis=1
    )
