"""Plots of findings over time: how much came, how anomalous it was, and what was flagged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from amiss.errors import UsageError
from amiss.present.figures import (
    BLUE,
    GREY,
    VERMILION,
    WIDE,
    add_legend,
    draw_threshold,
    get_grid,
    label_time,
    needs_log,
)
from amiss.present.layout import length
from amiss.types import NO_TIME, Threshold, TimeHistogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TALL = (1.0, 1.6)
"""Heights of the panels, volume and score."""


class Timed(Protocol):
    """Findings with a histogram over time; `amiss.Findings` and `amiss.RowFindings` are such."""

    @property
    def histogram(self) -> TimeHistogram | None:
        """Events and scores over time."""
        ...

    @property
    def threshold(self) -> Threshold:
        """Where the line was drawn."""
        ...


def plot_timeline(findings: Timed, *, axes: Any = None) -> NDArray[Any]:
    """Plot a log over time: how many events came, and the highest score, with the threshold.

    Parameters
    ----------
    findings : Findings or RowFindings
    axes : array of matplotlib Axes, optional
        As many as are returned; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (2,)
        Events by bin of time, and the highest score of what ends in each bin, marked where
        something in it is flagged. The scale of scores is logarithmic if they are positive and
        span more than three decades.

    Raises
    ------
    UsageError
        The findings have no times, so nothing stands over time; or there are not two axes.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> histogram = TimeHistogram(
    ...     0, 60_000, np.array([5, 0, 9]), np.array([0.1, np.nan, 7.0]), np.array([0, 0, 2])
    ... )
    >>> findings = SimpleNamespace(histogram=histogram, threshold=Threshold("tail", 1.0))
    >>> axes = plot_timeline(findings)
    >>> [text.get_text() for text in axes[1].get_legend().get_texts()]
    ['highest score', 'with what is flagged (2)', 'threshold 1']
    """
    histogram = findings.histogram
    if histogram is None or not len(histogram) or histogram.start == NO_TIME:
        raise UsageError("the findings have no times; plot_scores shows their scores without")
    grid = get_grid(axes, (2, 1), (WIDE[0], 4.2), height_ratios=_TALL)[:, 0]
    edges = histogram.start + histogram.width * np.arange(len(histogram) + 1)
    _draw_volume(grid[0], edges.astype("datetime64[ms]"), histogram)
    middles = (edges[:-1] + histogram.width // 2).astype("datetime64[ms]")
    _draw_scores(grid[1], middles, histogram, findings.threshold.value)
    for ax in grid:
        label_time(ax)
        ax.set_xlim(*edges[[0, -1]].astype("datetime64[ms]"))
    grid[0].tick_params(labelbottom=False)
    grid[0].xaxis.offsetText.set_visible(False)
    grid[0].set_xlabel("")
    for ax in grid:
        add_legend(ax, axes is None, len(histogram))
    grid[0].figure.align_ylabels(list(grid))
    return grid


def _draw_volume(ax: Axes, edges: NDArray[Any], histogram: TimeHistogram) -> None:
    every = length(histogram.width / 1000)
    ax.stairs(histogram.events, edges, fill=True, color=GREY, alpha=0.7, label=f"events in {every}")
    ax.set_ylabel("events")
    ax.set_ylim(0, max(1.0, 1.08 * float(histogram.events.max())))


def _draw_scores(
    ax: Axes, middles: NDArray[Any], histogram: TimeHistogram, threshold: float
) -> None:
    score, flagged = histogram.score, histogram.flagged > 0
    scored = np.isfinite(score)
    ax.vlines(middles[scored], 0, score[scored], color=BLUE, linewidth=0.6, alpha=0.5)
    ax.plot(
        middles[scored & ~flagged], score[scored & ~flagged], "o", color=BLUE, markersize=3,
        label="highest score",
    )  # fmt: skip
    if flagged.any():
        ax.plot(
            middles[flagged], score[flagged], "X", color=VERMILION, markersize=6,
            markeredgecolor="white", markeredgewidth=0.3,
            label=f"with what is flagged ({int(histogram.flagged.sum()):,})",
        )  # fmt: skip
    draw_threshold(ax, threshold)
    if needs_log(score[scored]):
        ax.set_yscale("log")
    ax.set_ylabel("score")
