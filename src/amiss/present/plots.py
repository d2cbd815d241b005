"""Plots of scores, curves and tables of counts; those of single instances come along.

Each function draws into the axes it is given, or into a new figure, and returns the axes. Nothing
is shown: ``axes.figure.savefig("scores.png")`` writes a file, and a notebook shows ``axes.figure``.
For a window, pass axes of ``plt.subplots()``. All need matplotlib: ``pip install 'amiss[plot]'``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import UsageError
from amiss.present.figures import (
    COLOURS,
    LINES,
    WIDE,
    Floats,
    Group,
    add_legend,
    as_floats,
    draw_points,
    draw_threshold,
    get_axes,
    get_grid,
    group_rows,
    needs_log,
    plain,
)
from amiss.present.instance_plots import plot_feature_outliers, plot_image_outliers
from amiss.present.series_plots import (
    plot_contributions,
    plot_interval,
    plot_projection,
    plot_score_over_time,
    plot_stage_confusion,
)
from amiss.present.timeline_plots import plot_timeline
from amiss.present.trace_plots import plot_attention, plot_rates
from amiss.present.verdict_plots import plot_confusion, plot_pr, plot_precision_recall, plot_roc
from amiss.types import Judgement, Threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "plot_attention",
    "plot_confusion",
    "plot_contributions",
    "plot_encoding",
    "plot_feature_outliers",
    "plot_image_outliers",
    "plot_interval",
    "plot_pr",
    "plot_precision_recall",
    "plot_projection",
    "plot_rates",
    "plot_roc",
    "plot_score_by_mask_size",
    "plot_score_over_time",
    "plot_scores",
    "plot_stage_confusion",
    "plot_timeline",
    "plot_training",
]

_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@runtime_checkable
class Scored(Protocol):
    """Findings with the scores of all that was judged: `amiss.Findings`, `amiss.RowFindings`."""

    @property
    def scores(self) -> NDArray[np.float64]: ...
    @property
    def threshold(self) -> Threshold: ...


def plot_scores(
    scores: ArrayLike | Judgement | Scored,
    kind: ArrayLike | None = None,
    threshold: float | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot the score of each instance in row order, by class, with the threshold.

    The scale is logarithmic if all scores are positive and span more than three decades.

    Parameters
    ----------
    scores : array-like, shape (n,), or Judgement, Findings, RowFindings
        A judgement or findings bring their threshold, and verdicts where there is no `kind`.
    kind : array-like, shape (n,), optional
        Labels (1 anomaly, 0 normal, −1 unknown) or names of classes. Of more than seven classes
        the rarest are drawn as one.
    threshold : float, optional
        Score above which an instance is anomalous.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes
        Scores that are not finite are not drawn; the label of the rows says how many.

    Raises
    ------
    UsageError
        `scores` or `kind` is not of shape (n,).
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_scores([0.1, 0.2, 3.0], [0, 0, 1], threshold=1.0)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['normal (2)', 'anomaly (1)', 'threshold 1']
    """
    groups, unit = None, "row"
    if isinstance(scores, Judgement):
        threshold = scores.threshold if threshold is None else threshold
        groups = _flagged(scores.is_anomaly) if kind is None else None
        scores = scores.score
    elif isinstance(scores, Scored):
        threshold = scores.threshold.value if threshold is None else threshold
        groups = _flagged(scores.scores > threshold) if kind is None else None
        unit = scores.log.unit if hasattr(scores, "log") else unit
        scores = scores.scores
    score = as_floats(scores, "scores", (1,))
    groups = groups if groups is not None else group_rows(kind, len(score))
    drawn = get_axes(ax, WIDE)
    n_drawn = draw_points(drawn, np.arange(len(score), dtype=np.float64), score, groups)
    draw_threshold(drawn, threshold)
    if needs_log(score if threshold is None else np.append(score, threshold)):
        drawn.set_yscale("log")
    left_out = len(score) - n_drawn
    drawn.set_xlabel(unit + (f" ({left_out:,} without a finite score)" if left_out else ""))
    drawn.set_ylabel("score")
    add_legend(drawn, ax is None, n_drawn)
    return drawn


def _flagged(is_anomaly: NDArray[np.bool_]) -> list[Group]:
    named = {"normal": "not flagged", "anomaly": "flagged"}
    return [
        group._replace(name=named[group.name]) for group in group_rows(is_anomaly, len(is_anomaly))
    ]


def plot_encoding(
    encoding: ArrayLike,
    recon_features: ArrayLike,
    kind: ArrayLike | None = None,
    *,
    feature_names: Sequence[str] | None = None,
    axes: Any = None,
) -> NDArray[Any]:
    """Plot where a detector puts instances: their encoding against how well they are rebuilt.

    Parameters
    ----------
    encoding : array-like, shape (n, d)
        Of more than two dimensions the first two principal components are drawn.
    recon_features : array-like, shape (n, k)
        Measures of the reconstruction, such as its distance from what came.
    kind : array-like, shape (n,), optional
        Labels (1 anomaly, 0 normal, −1 unknown) or names of classes.
    feature_names : sequence of str, optional
        What each of the `k` measures is.
    axes : array of matplotlib Axes, optional
        As many as are returned; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (min(d, 2), k)
        Rows are dimensions of the encoding, columns measures of the reconstruction.

    Raises
    ------
    UsageError
        The arrays differ in length, or there are not `k` names or axes.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> axes = plot_encoding([[0.1], [0.2], [0.9]], [[0, 1], [0, 1], [5, 0]], [0, 0, 1])
    >>> axes.shape, axes[0, 1].get_xlabel()
    ((1, 2), 'reconstruction feature 2')
    """
    code = _as_columns(encoding, "encoding")
    measures = _as_columns(recon_features, "recon_features")
    if len(code) != len(measures):
        raise UsageError(
            f"encoding has {len(code)} rows, recon_features {len(measures)}; expected as many"
        )
    k = measures.shape[1]
    names = [f"reconstruction feature {i + 1}" for i in range(k)]
    if feature_names is not None:
        if len(feature_names) != k:
            raise UsageError(f"{len(feature_names)} feature_names came, expected {k}: one a column")
        names = [plain(name) for name in feature_names]
    groups = group_rows(kind, len(code))
    code, dimensions = _reduce(code)
    rows = len(dimensions)
    grid = get_grid(axes, (rows, k), (3.6 * k + 1.6, 3.2 * rows + 0.2))
    for (row, column), ax in np.ndenumerate(grid):
        draw_points(ax, measures[:, column], code[:, row], groups)
        if needs_log(measures[:, column]):
            ax.set_xscale("log")
        ax.set_xlabel(names[column])
        ax.set_ylabel(dimensions[row] if column == 0 else "")
    if kind is not None:
        add_legend(grid[0, -1], axes is None, len(code))
    return grid


def plot_score_by_mask_size(
    sizes: ArrayLike,
    scores: ArrayLike | Mapping[Any, ArrayLike],
    threshold: float | None = None,
    *,
    quantiles: tuple[float, float] = (0.0, 1.0),
    ax: Axes | None = None,
) -> Axes:
    """Plot the mean score of images over the size of the mask put on them, with a band.

    Parameters
    ----------
    sizes : array-like, shape (n_sizes,)
        Width of the masks, in pixels.
    scores : array-like, shape (n_sizes, n_images) or (n_sizes,), or dict of them
        Scores, or one array for each value of a parameter, such as ``outlier_perc``.
    threshold : float, optional
        Score above which an image is anomalous.
    quantiles : (float, float)
        Ends of the band: (0, 1) is from the least score to the greatest.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        Scores are not one row a size, or `quantiles` are none.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_score_by_mask_size([4, 8], [[0.1, 0.3], [0.5, 0.9]])
    >>> ax.get_lines()[0].get_ydata().round(1).tolist()
    [0.2, 0.7]
    """
    size = as_floats(sizes, "sizes", (1,))
    low, high = quantiles
    if not 0 <= low <= high <= 1:
        raise UsageError(f"quantiles came as ({low}, {high}), expected 0 ≤ low ≤ high ≤ 1")
    series = scores if isinstance(scores, Mapping) else {"mean score": scores}
    if not series:
        raise UsageError("no scores came; expected at least one array of them")
    order = np.argsort(size, kind="stable")
    drawn = get_axes(ax, WIDE)
    bounds = [] if threshold is None else [float(threshold)]
    has_band = False
    for i, (name, values) in enumerate(series.items()):
        score = as_floats(values, f"scores of {plain(name)}", (1, 2))
        if len(score) != len(size):
            raise UsageError(
                f"{len(score)} rows of scores came for {len(size)} sizes; expected a row a size"
            )
        score = score.reshape(len(size), -1)[order]
        colour = COLOURS[i % len(COLOURS)]
        mean = [_mean(row) for row in score]
        ends = np.array([_quantiles(row, (low, high)) for row in score])
        if score.shape[1] > 1:
            drawn.fill_between(size[order], *ends.T, color=colour, alpha=0.15, linewidth=0)
            has_band = True
        marker = _MARKERS[i % len(_MARKERS)]
        drawn.plot(size[order], mean, marker=marker, markersize=4, color=colour, label=plain(name))
        bounds += [*ends.ravel(), *mean]
    draw_threshold(drawn, threshold)
    if needs_log(bounds):
        drawn.set_yscale("log")
    drawn.set(xlabel="mask size, pixels", ylabel="score")
    band = "least to greatest" if (low, high) == (0, 1) else f"{100 * low:g} to {100 * high:g} %"
    add_legend(drawn, ax is None, title=f"mean; band: {band}" if has_band else None)
    return drawn


def plot_training(history: Sequence[Mapping[str, float]], *, ax: Axes | None = None) -> Axes:
    """Plot the loss, and the validation loss where there is one, over the epochs.

    Parameters
    ----------
    history : sequence of dict
        ``history_`` of a detector: an entry an epoch, with ``epoch`` and ``loss``, and others that
        end in ``loss``. Where epochs begin anew, another network was trained: each gets its curve.
        The losses of ``phase`` 0 are those of pretraining, and drawn apart.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        No entry has a loss: the detector was not trained in epochs.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_training([{"epoch": 1, "loss": 0.9}, {"epoch": 2, "loss": 0.4}])
    >>> ax.get_lines()[0].get_xdata().tolist()
    [1.0, 2.0]
    """
    history = [_by_phase(entry) for entry in history]
    names = list(dict.fromkeys(key for entry in history for key in entry if key.endswith("loss")))
    if not names:
        raise UsageError(
            f"none of {len(history)} entries has a loss; expected history_ of a detector that is"
            " trained in epochs"
        )
    epoch = np.array([entry.get("epoch", i + 1) for i, entry in enumerate(history)], np.float64)
    runs = np.split(np.arange(len(epoch)), np.flatnonzero(np.diff(epoch) <= 0) + 1)
    drawn = get_axes(ax, WIDE)
    from matplotlib.ticker import MaxNLocator

    every = []
    for i, name in enumerate(names):
        loss = np.array([entry.get(name, np.nan) for entry in history], dtype=np.float64)
        every.append(loss)
        own = [run for run in runs if any(name in history[at] for at in run)]
        for number, run in enumerate(own):
            label = plain(name.replace("_", " "))
            label += f" of {len(own)} networks" if len(own) > 1 else ""
            drawn.plot(
                epoch[run],
                loss[run],
                LINES[i % len(LINES)],
                marker=_MARKERS[i % len(_MARKERS)],
                markersize=3,
                color=COLOURS[i % len(COLOURS)],
                alpha=1 if len(own) == 1 else 0.6,
                label="_" if number else label,  # one row in the legend for all networks
            )
    if needs_log(np.concatenate(every)):
        drawn.set_yscale("log")
    drawn.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    drawn.set(xlabel="epoch", ylabel="loss")
    add_legend(drawn, ax is None)
    return drawn


def _by_phase(entry: Mapping[str, float]) -> Mapping[str, float]:
    if entry.get("phase") != 0:
        return entry
    return {f"pretraining_{k}" if k.endswith("loss") else k: v for k, v in entry.items()}


def _as_columns(values: ArrayLike, what: str) -> Floats:
    numbers = as_floats(values, what, (1, 2))
    return numbers[:, None] if numbers.ndim == 1 else numbers


def _reduce(code: Floats) -> tuple[Floats, list[str]]:
    """Return at most two columns of the encoding, and what they are."""
    d = code.shape[1]
    if d <= 2:
        return code, ["encoding" if d == 1 else f"encoding {i + 1}" for i in range(d)]
    finite: NDArray[np.bool_] = np.all(np.isfinite(code), axis=1)
    if not finite.any():
        raise UsageError(f"none of the {len(code)} encodings is finite; expected numbers")
    centred = code - code[finite].mean(axis=0)
    _, spread, axes = np.linalg.svd(centred[finite], full_matrices=True)
    variance = np.zeros(2)
    variance[: len(spread[:2])] = spread[:2] ** 2
    share = variance / max(float((spread**2).sum()), 1e-300)
    names = [f"encoding, component {i + 1} ({100 * share[i]:.0f} %)" for i in range(2)]
    return np.where(finite[:, None], centred, np.nan) @ axes[:2].T, names


def _mean(row: Floats) -> float:
    finite = row[np.isfinite(row)]
    return float(finite.mean()) if len(finite) else np.nan


def _quantiles(row: Floats, at: tuple[float, float]) -> Floats:
    finite = row[np.isfinite(row)]
    return np.quantile(finite, at) if len(finite) else np.full(2, np.nan)
