"""Plots of how verdicts and scores agree with the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import UsageError
from amiss.present.escape import visible
from amiss.present.figures import (
    BLUE,
    BROAD,
    COLOURS,
    GREY,
    LINES,
    SQUARE,
    VERMILION,
    Floats,
    add_legend,
    as_floats,
    draw_frame,
    draw_threshold,
    get_axes,
    import_matplotlib,
    is_skewed,
    plain,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DARK = 0.55
"""Share from which a cell of the colour map "Blues" is too dark for black letters."""


def plot_roc(
    scores: Mapping[str, tuple[ArrayLike, ArrayLike]] | tuple[ArrayLike, Mapping[str, ArrayLike]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot the ROC curves of several detectors, the one of the greatest area first.

    Parameters
    ----------
    scores : dict of str to (truth, scores), or (truth, dict of str to scores)
        Truth and scores of each detector, or one truth for all. In the truth, 1 is an anomaly and
        0 normal; −1 (unknown), −2 (left out) and instances without a score do not count.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        There is no detector, arrays differ in length, or a truth has one class only.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_roc(([0, 0, 1, 1], {"good": [1, 2, 3, 4], "fair": [1, 3, 2, 4]}))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['good · AUC 1.000', 'fair · AUC 0.750', 'chance']
    """
    import_matplotlib()
    from sklearn.metrics import roc_auc_score, roc_curve

    curves = []
    for name, (truth, score) in _pair_up(scores).items():
        label, ranks = _get_known(name, truth, score)
        area = float(roc_auc_score(label, ranks))
        curves.append((area, plain(name), *roc_curve(label, ranks)[:2]))
    drawn = get_axes(ax, SQUARE)
    _draw_curves(drawn, curves, "AUC")
    drawn.plot([0, 1], [0, 1], ":", color=GREY, linewidth=1, label="chance")
    drawn.set(xlabel="share of normal ones flagged", ylabel="share of anomalies found")
    drawn.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    add_legend(drawn, ax is None)
    return drawn


def plot_pr(
    scores: Mapping[str, tuple[ArrayLike, ArrayLike]] | tuple[ArrayLike, Mapping[str, ArrayLike]],
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot precision over recall of several detectors, the one of the greatest area first.

    Where anomalies are rare this says more than `plot_roc`.

    Parameters
    ----------
    scores : dict of str to (truth, scores), or (truth, dict of str to scores)
        As of `plot_roc`.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes
        Areas are average precisions. ``chance`` is the share of anomalies, where all detectors have
        the same truth.

    Raises
    ------
    UsageError
        There is no detector, arrays differ in length, or a truth has one class only.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_pr(([0, 0, 1, 1], {"good": [1, 2, 3, 4], "fair": [1, 3, 2, 4]}))
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['good · AP 1.000', 'fair · AP 0.833', 'chance']
    """
    import_matplotlib()
    from sklearn.metrics import average_precision_score, precision_recall_curve

    curves, shares = [], set()
    for name, (truth, score) in _pair_up(scores).items():
        label, ranks = _get_known(name, truth, score)
        area = float(average_precision_score(label, ranks))
        precision, recall, _ = precision_recall_curve(label, ranks)
        curves.append((area, plain(name), recall, precision))
        shares.add(float(label.mean()))
    drawn = get_axes(ax, SQUARE)
    _draw_curves(drawn, curves, "AP", drawstyle="steps-post")
    if len(shares) == 1:
        drawn.axhline(*shares, linestyle=":", color=GREY, linewidth=1, label="chance")
    drawn.set(xlabel="recall: share of anomalies found", ylabel="precision: share of flags right")
    drawn.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    add_legend(drawn, ax is None)
    return drawn


def _draw_curves(
    ax: Axes, curves: list[tuple[float, str, Floats, Floats]], measure: str, **style: Any
) -> None:
    """Draw curves of detectors, given as area, name, x and y, the greatest area first."""
    for i, (area, name, x, y) in enumerate(sorted(curves, key=lambda curve: -curve[0])):
        line, colour = LINES[i % len(LINES)], COLOURS[i % len(COLOURS)]
        said = f"{name} · {measure} {area:.3f}"
        ax.plot(x, y, line, color=colour, linewidth=1.6, label=said, **style)


def plot_precision_recall(
    curve: tuple[ArrayLike, ArrayLike, ArrayLike],
    threshold: float | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot precision and recall over the threshold.

    Parameters
    ----------
    curve : (threshold, precision, recall), each array-like of shape (n_thresholds,)
        As `amiss.decide.precision_recall_curve` gives it, or ``TwoStageLabeler.curve_``. What they
        are measured against is what the curve was made with: labels, or another stage.
    threshold : float, optional
        The one that was chosen, such as where both are equal.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        The arrays differ in length.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_precision_recall(([0.1, 0.5, 0.9], [0.3, 0.6, 1.0], [1.0, 0.6, 0.2]), 0.5)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['precision', 'recall', 'threshold 0.5']
    """
    names = ("threshold", "precision", "recall")
    cut, precision, recall = (as_floats(c, n, (1,)) for c, n in zip(curve, names, strict=True))
    if not len(cut) == len(precision) == len(recall):
        raise UsageError(
            f"{len(cut)} thresholds, {len(precision)} of precision and {len(recall)} of recall; "
            "expected as many"
        )
    drawn = get_axes(ax, BROAD)
    drawn.plot(cut, precision, color=BLUE, linewidth=1.4, label="precision")
    drawn.plot(cut, recall, "--", color=VERMILION, linewidth=1.4, label="recall")
    draw_threshold(drawn, threshold, upright=True)
    if is_skewed(cut):
        drawn.set_xscale("log")
    drawn.set(xlabel="threshold", ylabel="share", ylim=(-0.02, 1.02))
    add_legend(drawn, ax is None)
    return drawn


def plot_confusion(
    truth: ArrayLike,
    predicted: ArrayLike,
    class_names: Sequence[str] = ("normal", "anomaly"),
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot how many instances of each class were taken for which, and their share of the class.

    Parameters
    ----------
    truth, predicted : array-like of int or bool, shape (n,)
        Positions in `class_names`; a truth of −1 (unknown) or −2 (left out) does not
        count.
    class_names : sequence of str
        What 0, 1, … stand for.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes

    Raises
    ------
    UsageError
        The arrays differ in length, or hold something else than positions.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_confusion([0, 0, 0, 1], [0, 0, 1, 1])
    >>> [text.get_text().split() for text in ax.texts]
    [['2', '66.7', '%'], ['1', '33.3', '%'], ['0', '0.0', '%'], ['1', '100.0', '%']]
    """
    true, guess = as_floats(truth, "truth", (1,)), as_floats(predicted, "predicted", (1,))
    if len(true) != len(guess):
        raise UsageError(f"truth has {len(true)} values, predicted {len(guess)}; expected as many")
    k = len(class_names)
    known = ~np.isin(true, (-1, -2))
    for what, values in (("truth", true[known]), ("predicted", guess)):
        if (bad := ~np.isin(values, np.arange(k))).any():
            raise UsageError(
                f"{what} holds {values[bad][0]:g}, expected whole numbers from 0 to {k - 1};"
                " take verdicts from is_anomaly(), or name more classes in class_names"
            )
    cells = np.bincount((true[known] * k + guess[known]).astype(np.int64), minlength=k * k).reshape(
        k, k
    )
    total = cells.sum(axis=1, keepdims=True)
    share = np.divide(cells, total, out=np.zeros((k, k)), where=total > 0)
    drawn = get_axes(ax, (1.3 * k + 1.8, 1.1 * k + 1.2))
    drawn.imshow(share, cmap="Blues", vmin=0, vmax=1)
    draw_frame(drawn)
    for (row, column), count in np.ndenumerate(cells):
        shown = f"{100 * share[row, column]:.1f} %" if total[row, 0] else "none of them"
        colour = "white" if share[row, column] > _DARK else "black"
        drawn.text(column, row, f"{count:,}\n{shown}", ha="center", va="center", color=colour)
    names = [plain(name, 20) for name in class_names]
    drawn.set_xticks(range(k), names)
    if max(map(len, names)) > 10:  # or else they run into each other
        for tick in drawn.get_xticklabels():
            tick.set(rotation=30, ha="right", rotation_mode="anchor")
    drawn.set_yticks(range(k), names)
    drawn.set(xlabel="predicted", ylabel="truth")
    return drawn


def _pair_up(
    scores: Mapping[str, tuple[ArrayLike, ArrayLike]] | tuple[ArrayLike, Mapping[str, ArrayLike]],
) -> dict[str, tuple[ArrayLike, ArrayLike]]:
    if isinstance(scores, Mapping):
        pairs = dict(scores)
    elif isinstance(scores, tuple) and len(scores) == 2 and isinstance(scores[1], Mapping):
        pairs = {name: (scores[0], score) for name, score in scores[1].items()}
    else:
        raise UsageError(
            f"scores came as {type(scores).__name__}, expected a dict of name to (truth, scores),"
            " or (truth, dict of name to scores)"
        )
    if not pairs:
        raise UsageError("no detector came; expected at least one name with its scores")
    for name, pair in pairs.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UsageError(f"scores of {visible(str(name), 40)} are no pair of truth and scores")
    return pairs


def _get_known(
    name: object, truth: ArrayLike, score: ArrayLike
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return truth and ranks of the instances that count."""
    who = visible(str(name), 40)
    label, values = as_floats(truth, f"truth of {who}", (1,)), as_floats(score, who, (1,))
    if len(label) != len(values):
        raise UsageError(f"{who}: {len(label)} of truth and {len(values)} scores; expected as many")
    if not np.isin(label, (-2, -1, 0, 1)).all():
        raise UsageError(f"{who}: truth holds other values than 0 and 1; 1 stands for an anomaly")
    counts = (label >= 0) & (label <= 1) & ~np.isnan(values)
    label = label[counts] == 1
    if label.all() or not label.any():
        raise UsageError(
            f"{who}: {int(label.sum())} anomalies among {len(label)} instances with a truth and a"
            " score; a ROC curve needs anomalies and normal ones"
        )
    # A curve is of ranks alone, and they are finite where scores are infinite.
    return label, np.unique(values[counts], return_inverse=True)[1]
