"""Plots of sensor series: errors over time, what two stages say of rows, and what deviates where.

Each function draws into the axes it is given, or into a new figure, and returns the axes, as those
of `amiss.present.plots` do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import UsageError
from amiss.present.figures import (
    AMBER,
    BLUE,
    BROAD,
    GREEN,
    SQUARE,
    VERMILION,
    WIDE,
    Floats,
    add_legend,
    as_floats,
    draw_points,
    draw_threshold,
    get_axes,
    get_grid,
    group_rows,
    is_skewed,
    label_time,
    plain,
)
from amiss.present.verdict_plots import plot_confusion
from amiss.types import NO_TIME, Feature, Finding, Judgement, Table, Timeline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_AROUND = 60
"""Rows before and after an interval that are drawn with it."""


class _Line(NamedTuple):
    """Where rows are drawn: times or row numbers, in the order of the rows."""

    x: Any
    run: NDArray[np.int64]
    is_time: bool


def plot_projection(
    projection: ArrayLike,
    anomalous: ArrayLike,
    *,
    names: tuple[str, str] = ("inlier", "outlier"),
    ax: Axes | None = None,
) -> Axes:
    """Plot rows by their first two components, outliers apart from inliers.

    Parameters
    ----------
    projection : array-like, shape (n, n_components)
        As ``TwoStageLabeler.labels_.projection``; of one component, its value over the rows.
    anomalous : array-like of bool, shape (n,)
    names : (str, str)
        What the two sorts of rows are called.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        The arrays are not as many rows, or `projection` has none.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_projection([[0.0, 1.0], [0.1, 1.1], [5.0, -3.0]], [False, False, True])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['inlier (2)', 'outlier (1)']
    """
    points = as_floats(projection, "projection", (2,))
    flagged = _as_flags(anomalous, len(points), "anomalous")
    labels = dict(zip(("normal", "anomaly"), names, strict=True))
    groups = [g._replace(name=labels[g.name]) for g in group_rows(flagged, len(points))]
    drawn = get_axes(ax, SQUARE)
    x = np.arange(len(points), dtype=np.float64) if points.shape[1] == 1 else points[:, 0]
    n_drawn = draw_points(drawn, x, points[:, min(1, points.shape[1] - 1)], groups)
    if points.shape[1] == 1:
        drawn.set(xlabel="row", ylabel="component 1")
    else:
        drawn.set(xlabel="component 1", ylabel="component 2")
    add_legend(drawn, ax is None, n_drawn)
    return drawn


def plot_score_over_time(
    scores: ArrayLike,
    series: Table | Timeline | None = None,
    threshold: float | None = None,
    anomalous: ArrayLike | None = None,
    *,
    ylabel: str = "error",
    ax: Axes | None = None,
) -> Axes:
    """Plot the score of each row over time, with the threshold; gaps break the line.

    Parameters
    ----------
    scores : array-like, shape (n,)
    series : Table or Timeline, optional
        The rows that were scored; without times, or left out, scores stand over the row numbers.
    threshold : float, optional
        Score above which a row is anomalous; such rows are marked.
    anomalous : array-like of int or bool, shape (n,), optional
        What is known of the rows: where it is 1, the background is shaded.
    ylabel : str
        What the scores are.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        The arrays are not of as many rows.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_score_over_time([0.1, 0.2, 3.0, 2.9], threshold=1.0, anomalous=[0, 0, 1, 1])
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['labelled anomaly', 'score', 'flagged (2)', 'threshold 1']
    """
    score = as_floats(scores, "scores", (1,))
    line = _line_of(series, len(score))
    drawn = get_axes(ax, WIDE)
    if anomalous is not None:
        _shade(drawn, line, _as_flags(anomalous, len(score), "anomalous"), "labelled anomaly")
    _draw_runs(drawn, line, score, BLUE, "score")
    if threshold is not None:
        above = np.flatnonzero(score > threshold)
        drawn.plot(
            line.x[above], score[above], "X", color=VERMILION, markersize=5,
            markeredgecolor="white", markeredgewidth=0.3,
            label=f"flagged ({len(above):,})",
        )  # fmt: skip
    draw_threshold(drawn, threshold)
    if is_skewed(score):
        drawn.set_yscale("log")
    _label_time(drawn, line)
    drawn.set_ylabel(ylabel)
    add_legend(drawn, ax is None, len(score))
    return drawn


def plot_stage_confusion(first: ArrayLike, second: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Plot how many rows each of two stages labels: how far they agree, not how right they are.

    Parameters
    ----------
    first, second : array-like of bool, shape (n,)
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes
        Shares are of the rows that the first stage labels, or does not.

    Raises
    ------
    UsageError
        The arrays differ in length.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_stage_confusion([False, False, True], [False, True, True])
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('second stage', 'first stage')
    """
    ax = plot_confusion(first, second, ("inlier", "outlier"), ax=ax)
    ax.set(xlabel="second stage", ylabel="first stage")
    return ax


def plot_contributions(finding: Finding | Sequence[Feature], *, ax: Axes | None = None) -> Axes:
    """Plot how much each channel deviates in a flagged interval, the most first.

    Parameters
    ----------
    finding : Finding, or sequence of Feature
        As `RowModel.detect` gives it; with ``top_k`` as many channels as asked for.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        There are no features.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_contributions([Feature("flow", 3.0, 1.0, 8.5), Feature("heat", 70, 71, 0.4)])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['flow', 'heat']
    """
    features = finding.features if isinstance(finding, Finding) else tuple(finding)
    if not features:
        raise UsageError("no features came; the detector does not tell which channels deviate")
    drawn = get_axes(ax, (BROAD[0], 0.34 * len(features) + 1.0))
    at = np.arange(len(features))
    drawn.barh(at, [feature.score for feature in features], color=BLUE)
    drawn.set_yticks(at, [plain(feature.name) for feature in features])
    drawn.invert_yaxis()
    shared_out = all(feature.expected is None for feature in features)
    mean = isinstance(finding, Finding) and finding.unit == "interval"
    said = "adds to the score" if shared_out else "deviation"
    drawn.set_xlabel(f"{said}, mean over the interval" if mean else said)
    return drawn


def plot_interval(
    series: Table,
    judged: Judgement,
    first: int,
    last: int,
    *,
    top_n: int = 4,
    around: int = _AROUND,
    axes: Any = None,
) -> NDArray[Any]:
    """Plot the channels that deviate most in an interval: what came, and what was expected.

    Parameters
    ----------
    series : Table
    judged : Judgement
        What a detector says of all rows of `series`, as its ``judge`` gives it.
    first, last : int
        Positions of the first and the last row of the interval.
    top_n : int
        Channels, those with the highest mean score over the interval first.
    around : int
        Rows drawn before and after it.
    axes : matplotlib Axes or array of them, optional
        As many as are returned; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (n_channels,)
        The interval is shaded.

    Raises
    ------
    UsageError
        There are no such rows, or as many judgements as rows are expected.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> values = np.array([[1.0, 5.0], [1.0, 9.0], [1.0, 5.0]])
    >>> score = np.array([[0.0, 0.1], [0.0, 4.0], [0.1, 0.0]])
    >>> judged = Judgement(
    ...     score.max(axis=1), 1.0, score.max(axis=1) > 1, score, 1.0, score > 1, values,
    ...     np.full((3, 2), 5.0), ("flow", "heat"),
    ... )
    >>> axes = plot_interval(Table(values, ("flow", "heat")), judged, 1, 1, top_n=1)
    >>> [ax.get_title(loc="left") for ax in axes]
    ['heat · mean score 4']
    """
    if len(judged) != len(series):
        raise UsageError(f"{len(judged)} rows judged of {len(series)}; expected all of them")
    if not 0 <= first <= last < len(series):
        raise UsageError(f"rows {first} to {last}; expected positions from 0 to {len(series) - 1}")
    if top_n < 1:
        raise UsageError(f"top_n={top_n}; expected 1 or more")
    rows = np.arange(max(0, first - around), min(len(series), last + around + 1))
    mean = judged.feature_score[first : last + 1].mean(axis=0)
    channels = np.argsort(-mean, kind="stable")[:top_n]
    line = _line_of(series, len(series))
    near = _Line(line.x[rows], line.run[rows], line.is_time)
    inside = (rows >= first) & (rows <= last)
    grid = get_grid(axes, (len(channels), 1), (WIDE[0], 1.7 * len(channels) + 0.6))[:, 0]
    for ax, channel in zip(grid, channels, strict=True):
        _shade(ax, near, inside, "flagged interval")
        _draw_runs(ax, near, judged.values[rows, channel], BLUE, "value")
        _draw_runs(ax, near, judged.reconstruction[rows, channel], GREEN, "expected", "--")
        name = plain(series.columns[channel])
        ax.set_title(f"{name} · mean score {mean[channel]:.3g}", loc="left", fontsize="medium")
    for ax in grid:
        _label_time(ax, near)
        if ax is not grid[-1]:
            ax.tick_params(labelbottom=False)
            ax.xaxis.offsetText.set_visible(False)
            ax.set_xlabel("")
    add_legend(grid[0], axes is None, len(rows))
    return grid


def _as_flags(flags: ArrayLike, n: int, what: str) -> NDArray[np.bool_]:
    given = np.asarray(flags)
    if given.shape != (n,):
        raise UsageError(f"{what} came in shape {given.shape}; expected ({n},): one a row")
    return np.asarray(given == 1, dtype=np.bool_)


def _line_of(series: Table | Timeline | None, n: int) -> _Line:
    timeline = series.timeline if isinstance(series, Table) else series
    if timeline is None:
        return _Line(np.arange(n, dtype=np.float64), np.zeros(n, dtype=np.int64), False)
    if len(timeline.time) != n:
        raise UsageError(f"{n} scores of {len(timeline.time)} rows; expected one a row")
    if (timeline.time == NO_TIME).any():
        return _Line(np.arange(n, dtype=np.float64), timeline.run, False)
    return _Line(timeline.time.astype("datetime64[ms]"), timeline.run, True)


def _draw_runs(
    ax: Axes, line: _Line, values: Floats, colour: str, label: str, style: str = "-"
) -> None:
    """Draw a line a run; one row alone is a point."""
    breaks = np.flatnonzero(np.diff(line.run) != 0) + 1
    for i, rows in enumerate(np.split(np.arange(len(values)), breaks)):
        ax.plot(
            line.x[rows], values[rows], style, color=colour, linewidth=0.9,
            marker="." if len(rows) == 1 else None, markersize=3,
            label=label if i == 0 else None,
        )  # fmt: skip


def _shade(ax: Axes, line: _Line, flags: NDArray[np.bool_], label: str) -> None:
    """Shade rows that follow each other in a run, half a step wider than they are."""
    numbers = line.x.astype(np.float64)
    steps = np.diff(numbers)[np.diff(line.run) == 0]
    half = float(np.median(steps)) / 2 if len(steps) else 0.5
    edges = np.flatnonzero(np.diff(np.where(flags, line.run, -1), prepend=-1, append=-1))
    shown = False
    for begin, end in pairwise(edges.tolist()):
        if flags[begin]:
            left, right = numbers[begin] - half, numbers[end - 1] + half
            if line.is_time:
                left, right = (np.datetime64(round(edge), "ms") for edge in (left, right))
            ax.axvspan(
                left, right, color=AMBER, alpha=0.25, linewidth=0, label=None if shown else label
            )
            shown = True


def _label_time(ax: Axes, line: _Line) -> None:
    if line.is_time:
        label_time(ax)
    else:
        ax.set_xlabel("row")
