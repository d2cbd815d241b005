"""Plots of single instances: what came, what the detector makes of it, and where they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import UsageError
from amiss.present.figures import (
    BLUE,
    GREEN,
    GREY,
    SKY,
    VERMILION,
    Floats,
    add_legend,
    draw_frame,
    draw_threshold,
    get_grid,
    import_matplotlib,
    needs_log,
    plain,
    use_symlog,
)
from amiss.types import Judgement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PAPER = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
_MOST_FEATURES = 40
"""Features of an instance that are drawn unless more are asked for."""


def plot_feature_outliers(
    judgement: Judgement,
    instance_ids: ArrayLike | None = None,
    max_instances: int = 5,
    outliers_only: bool = False,
    feature_names: Sequence[str] | None = None,
    top_n: int | None = None,
    *,
    axes: Any = None,
) -> NDArray[Any]:
    """Plot the features of rows of a table: value beside reconstruction, and their scores.

    Parameters
    ----------
    judgement : Judgement
        Of a table.
    instance_ids : array-like of int, optional
        Positions of rows, drawn in this order. If left out, those of the highest score.
    max_instances : int
        Only the first so many are drawn.
    outliers_only : bool
        Draw only what the detector holds anomalous.
    feature_names : sequence of str, optional
        In the place of those that the judgement has.
    top_n : int, optional
        Draw so many features, the highest score first. If left out, all features in the order of
        the columns, or, if they are more than 40, the top 40.
    axes : array of matplotlib Axes, optional
        As many as are returned; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (n_drawn, 2)
        A row an instance: values, in the units of the data, and scores. A score scale is linear up
        to the threshold and logarithmic beyond if a score is more than 1000 times as high.

    Raises
    ------
    UsageError
        Ids are out of range, nothing is left to draw, or names or axes are not as many as needed.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> values, score = np.array([[1.0, 9.0]]), np.array([[0.1, 4.0]])
    >>> judgement = Judgement(
    ...     np.array([4.0]), 1.0, np.array([True]), score, 1.0, score > 1, values, values / 2,
    ...     ("load", "errors"),
    ... )
    >>> axes = plot_feature_outliers(judgement, top_n=1)
    >>> [label.get_text() for label in axes[0, 0].get_yticklabels()]
    ['errors']
    """
    if judgement.values.ndim != 2:
        raise UsageError(
            f"the judgement is of values of shape {judgement.values.shape}, expected a table;"
            " use plot_image_outliers for images"
        )
    n_features = judgement.values.shape[1]
    names = feature_names if feature_names is not None else judgement.feature_names
    if feature_names is None and not names:
        names = [f"feature {i}" for i in range(n_features)]
    if len(names) != n_features:
        raise UsageError(f"{len(names)} feature_names came, expected {n_features}: one a column")
    if top_n is not None and top_n < 1:
        raise UsageError(f"top_n came as {top_n}, expected 1 or more")
    rows = _choose_rows(judgement, instance_ids, max_instances, outliers_only)
    n_shown = min(n_features, top_n or _MOST_FEATURES)
    height = 0.24 * n_shown + 0.9
    grid = get_grid(axes, (len(rows), 2), (11, height * len(rows) + 0.2))
    for row, (left, right) in zip(rows, grid, strict=True):
        features = np.arange(n_features)
        if top_n is not None or n_features > _MOST_FEATURES:
            # Features without a score come last.
            features = np.argsort(-judgement.feature_score[row], kind="stable")[:n_shown]
        _draw_values(left, judgement.values[row, features], judgement.reconstruction[row, features])
        _draw_scores(
            right,
            judgement.feature_score[row, features],
            judgement.feature_is_anomaly[row, features],
            judgement.feature_threshold,
        )
        left.set_yticks(range(n_shown), [plain(names[feature]) for feature in features.tolist()])
        right.set_yticks(range(n_shown), [""] * n_shown)
        if axes is None:
            # Columns of many units share a scale on which a difference may be too small to see.
            pairs = zip(
                judgement.values[row, features],
                judgement.reconstruction[row, features],
                strict=True,
            )
            right.set_yticklabels([f"{a:.3g} → {b:.3g}" for a, b in pairs], fontsize="small")
        for ax in (left, right):
            ax.set_ylim(n_shown - 0.4, -0.6)  # the first one on top
        left.set_title(f"row {row} · {_describe(judgement, row)}", loc="left", fontsize="medium")
    grid[-1, 0].set_xlabel("value")
    grid[-1, 1].set_xlabel("feature score")
    handles, labels = _collect_handles(grid)
    if axes is None:
        grid[0, 1].set_title("value → reconstruction  ", x=0, ha="right", fontsize="small")
        add_legend(grid[0, 1], True, handles=handles, labels=labels)
    else:
        for ax in grid[0]:
            add_legend(ax, False)
    return grid


def plot_image_outliers(
    judgement: Judgement,
    instance_ids: ArrayLike | None = None,
    max_instances: int = 5,
    outliers_only: bool = False,
    ids: Sequence[str] | None = None,
    *,
    axes: Any = None,
) -> NDArray[Any]:
    """Plot images: what came, its reconstruction, and the score of each pixel by channel.

    Parameters
    ----------
    judgement : Judgement
        Of images.
    instance_ids : array-like of int, optional
        Positions of images, drawn in this order. If left out, those of the highest score.
    max_instances : int
        Only the first so many are drawn.
    outliers_only : bool
        Draw only what the detector holds anomalous.
    ids : sequence of str, shape (n,), optional
        Names of all images, such as `Images.ids`.
    axes : array of matplotlib Axes, optional
        As many as are returned; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (n_drawn, 2 + channels)
        A row an image. The channels of an image share one scale, on which a line is the feature
        threshold; pixels without a score are grey.

    Raises
    ------
    UsageError
        Ids are out of range, nothing is left to draw, or names or axes are not as many as needed.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> pixels = np.zeros((2, 1, 4, 4))
    >>> judgement = Judgement(
    ...     np.array([0.1, 2.0]), 1.0, np.array([False, True]), pixels, 1.0, pixels > 1, pixels,
    ...     pixels,
    ... )
    >>> axes = plot_image_outliers(judgement, outliers_only=True)
    >>> [ax.get_title() for ax in axes[0]]
    ['original', 'reconstruction', 'score']
    """
    if judgement.values.ndim != 4:
        raise UsageError(
            f"the judgement is of values of shape {judgement.values.shape}, expected images;"
            " use plot_feature_outliers for tables"
        )
    if ids is not None and len(ids) != len(judgement):
        raise UsageError(f"{len(ids)} ids came, expected {len(judgement)}: one an image")
    rows = _choose_rows(judgement, instance_ids, max_instances, outliers_only)
    channels, height, width = judgement.values.shape[1:]
    panels = 2 + channels
    shape = (len(rows), panels)
    tall = float(np.clip(1.7 * height / width, 0.8, 4))
    grid = get_grid(axes, shape, (1.75 * panels + 2.2, (tall + 0.15) * len(rows) + 0.3))
    for row, line in zip(rows, grid, strict=True):
        _draw_pixels(line[0], judgement.values[row], judgement.values[row])
        _draw_pixels(line[1], judgement.reconstruction[row], judgement.values[row])
        _draw_score_maps(line[2:], judgement.feature_score[row], judgement.feature_threshold)
        for ax in line:
            draw_frame(ax)
            ax.set_xticks([])
            ax.set_yticks([])
        name = plain(ids[row], 24) if ids is not None else f"image {row}"
        verdict = _describe(judgement, row).replace(" · ", "\n")
        line[0].set_ylabel(f"{name}\n{verdict}", rotation=0, ha="right", va="center")
    for ax, title in zip(grid[0], _get_titles(channels), strict=True):
        ax.set_title(title, fontsize="medium")
    return grid


def _choose_rows(
    judgement: Judgement, instance_ids: ArrayLike | None, most: int, outliers_only: bool
) -> NDArray[np.int64]:
    """Return positions of the instances to draw, in order."""
    n = len(judgement)
    if not n:
        raise UsageError("the judgement is of no instances: nothing to plot")
    if most < 1:
        raise UsageError(f"max_instances came as {most}, expected 1 or more")
    if instance_ids is None:
        rows = np.argsort(-judgement.score, kind="stable")
    else:
        given = np.atleast_1d(np.asarray(instance_ids))
        if given.ndim != 1 or not given.size or given.dtype.kind not in "iu":
            raise UsageError(
                f"instance_ids came as {given.dtype} of shape {given.shape}, expected whole"
                f" numbers from 0 to {n - 1}"
            )
        if (outside := (given < 0) | (given >= n)).any():
            raise UsageError(
                f"instance_ids holds {given[outside][0]}, expected positions from 0 to {n - 1}"
            )
        rows = given.astype(np.int64)
    if outliers_only:
        rows = rows[judgement.is_anomaly[rows]]
        if not len(rows):
            raise UsageError(
                "none of the instances is held anomalous: nothing to plot; leave out outliers_only"
                " to see the others"
            )
    return rows[:most]


def _describe(judgement: Judgement, row: int) -> str:
    verdict = "anomaly" if judgement.is_anomaly[row] else "normal"
    return f"score {judgement.score[row]:.4g} · {verdict}"


def _draw_values(ax: Axes, values: Floats, reconstruction: Floats) -> None:
    at = np.arange(len(values))
    ax.hlines(at, values, reconstruction, color=GREY, linewidth=1, zorder=1)
    ax.plot(values, at, "o", color=BLUE, markersize=5, label="value")
    ax.plot(
        reconstruction, at, "D", color=GREEN, markersize=6, fillstyle="none", label="reconstruction"
    )
    size = np.abs(np.concatenate([values, reconstruction]))
    size = size[np.isfinite(size) & (size > 0)]
    if needs_log(size):
        # Values may be negative or zero. Four decades are what half a panel has room for.
        finite = np.concatenate([values, reconstruction])
        use_symlog(ax, max(size.min(), size.max() * 1e-4), finite[np.isfinite(finite)])
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)


def _draw_scores(ax: Axes, score: Floats, is_anomaly: NDArray[np.bool_], threshold: float) -> None:
    at = np.arange(len(score))
    for flagged, colour, hatch, label in (
        (False, SKY, "", "score"),
        (True, VERMILION, "////", "score, flagged"),
    ):
        chosen = np.isfinite(score) & (is_anomaly == flagged)
        if chosen.any():
            ax.barh(
                at[chosen], score[chosen], 0.7, color=colour, hatch=hatch, edgecolor="white",
                linewidth=0, label=label,
            )  # fmt: skip
    for place in at[~np.isfinite(score)]:
        said = "no score" if np.isnan(score[place]) else "infinite"
        ax.text(0, place, f" {said}", va="center", fontsize="small", bbox=_PAPER)
    draw_threshold(ax, threshold, upright=True)
    finite = score[np.isfinite(score)]
    if threshold > 0 and len(finite) and finite.min() >= 0 and finite.max() > 1e3 * threshold:
        use_symlog(ax, threshold, finite)


def _collect_handles(grid: NDArray[Any]) -> tuple[list[Any], list[str]]:
    """Return what a legend of all panels shows: not every row has flagged features."""
    found: dict[str, Any] = {}
    for column in range(grid.shape[1]):
        for ax in grid[:, column]:
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
                found.setdefault(label, handle)
    # The threshold last, as in the other plots.
    labels = sorted(found, key=lambda label: label.startswith("threshold"))
    return [found[label] for label in labels], labels


def _get_titles(channels: int) -> list[str]:
    first = ["original", "reconstruction"]
    if channels == 1:
        return [*first, "score"]
    if channels == 3:
        return [*first, "score, red", "score, green", "score, blue"]
    first = [f"{title}, mean" for title in first]
    return [*first, *(f"score, channel {i}" for i in range(channels))]


def _draw_pixels(ax: Axes, pixels: Floats, original: Floats) -> None:
    """Draw an image in colour if it has three channels, or grey: the mean of what it has."""
    finite = original[np.isfinite(original)]
    low, high = min(0.0, finite.min(initial=0)), max(0.0, finite.max(initial=0))
    # Units are those of the data: 0 to 1, 0 to 255, or what a transformation made of them.
    high = 1.0 if high <= 1 else 255.0 if high <= 255 else high
    shown = np.clip((np.nan_to_num(pixels, nan=low) - low) / (high - low), 0, 1)
    if len(shown) == 3:
        ax.imshow(shown.transpose(1, 2, 0), interpolation="nearest")
    else:
        ax.imshow(shown.mean(axis=0), cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def _draw_score_maps(axes: NDArray[Any], score: Floats, threshold: float) -> None:
    colours = import_matplotlib().colormaps["cividis"].with_extremes(bad="0.6")
    finite = np.append(score[np.isfinite(score)], 0.0)
    has_threshold = bool(np.isfinite(threshold))
    high = max(float(finite.max()), 1.03 * threshold if has_threshold else 0.0) or 1.0
    low = float(finite.min())
    for ax, channel in zip(axes, score, strict=True):
        image = ax.imshow(channel, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    bar = axes[-1].figure.colorbar(image, ax=list(axes), fraction=0.05, pad=0.02)
    bar.ax.tick_params(labelsize="small")
    if has_threshold:
        bar.ax.axhline(threshold, color=VERMILION, linewidth=2)
        bar.set_label(f"threshold {threshold:.4g}", color=VERMILION, fontsize="small")
