"""Plots of event traces: the rate over their segments, and what a prediction looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import UsageError
from amiss.present.escape import visible
from amiss.present.figures import (
    AMBER,
    BLUE,
    GREY,
    VERMILION,
    WIDE,
    Floats,
    add_legend,
    as_floats,
    draw_frame,
    draw_threshold,
    get_axes,
    get_grid,
    plain,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DARK = 0.55
"""Share of the greatest weight from which a cell is too dark for black letters."""
_MOST_WEIGHTS = 150
"""Cells up to which the weights stand in them."""

_MOST_NAMES = 20
"""Traces up to which all are named."""


class _Trace(NamedTuple):
    name: str
    rate: Floats
    active: NDArray[np.bool_]
    is_abnormal: bool


def plot_rates(
    rates: Sequence[tuple[str, ArrayLike, ArrayLike]],
    threshold: float | None = None,
    *,
    ylabel: str = "misclassification rate",
    axes: Any = None,
) -> NDArray[Any]:
    """Plot the rate of each segment, trace after trace: normal traces above the abnormal ones.

    Parameters
    ----------
    rates : sequence of (name, rates, is_abnormal)
        For each trace what it is called, the rates (or scores) of its segments in order, of shape
        (n_segments,), and whether it is abnormal; or that of each segment, of the same shape: such
        segments are shaded, and a trace that has one is abnormal.
    threshold : float, optional
        Rate above which a segment is anomalous.
    ylabel : str
        What the rates are.
    axes : matplotlib Axes or array of them, optional
        As many as are returned; a new figure if left out.

    Returns
    -------
    ndarray of Axes, shape (n_panels,)
        A panel of the normal traces, one of the abnormal traces; those of a sort that did not come
        have none. Panels of a new figure share their scale of rates.

    Raises
    ------
    UsageError
        There is no trace, one has no rates, or arrays or axes are not as many as needed.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> traces = [("clean", [0.1, 0.2], False), ("faulty", [0.1, 0.6], [False, True])]
    >>> axes = plot_rates(traces, 0.4)
    >>> [ax.get_title(loc="left") for ax in axes]
    ['normal: 0 of 2 segments above', 'abnormal: 1 of 2 segments above']
    """
    traces = [_check_trace(*one) for one in rates]
    if not traces:
        raise UsageError("no trace came; expected at least one (name, rates, is_abnormal)")
    sorts = {"normal": False, "abnormal": True}
    panels = {
        name: chosen
        for name, is_abnormal in sorts.items()
        if (chosen := [trace for trace in traces if trace.is_abnormal == is_abnormal])
    }
    grid = get_grid(axes, (len(panels), 1), (WIDE[0], 2.5 * len(panels) + 0.3))[:, 0]
    for ax, (name, chosen) in zip(grid, panels.items(), strict=True):
        _draw_traces(ax, name, chosen, threshold)
        ax.set_ylabel(ylabel)
    if axes is None:
        low, high = (f(ax.get_ylim()[i] for ax in grid) for i, f in enumerate((min, max)))
        for ax in grid:
            ax.set_ylim(low, high)
    grid[-1].set_xlabel("segments, trace after trace")
    found: dict[str, Any] = {}
    for ax in grid:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    labels = sorted(found, key=lambda label: label.startswith("threshold"))
    if labels:
        handles = [found[label] for label in labels]
        add_legend(grid[0], axes is None, handles=handles, labels=labels)
    return grid


def plot_attention(
    attention: ArrayLike,
    source: Sequence[str],
    target: Sequence[str],
    predicted: Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Plot what a prediction of each event looked at, among the events before.

    Parameters
    ----------
    attention : array-like, shape (n_target, n_source)
        Weights, a row for each event predicted. Weights that are not finite are grey.
    source : sequence of str, shape (n_source,)
        Names of the events that were read, in order.
    target : sequence of str, shape (n_target,)
        Names of the events that came after them.
    predicted : sequence of str, shape (n_target,), optional
        Names of the events that were predicted. Where another came, both are named, in red.
    ax : matplotlib Axes, optional
        What to draw into; a new figure if left out.

    Returns
    -------
    Axes
        Time goes from left to right, and then from top to bottom.

    Raises
    ------
    UsageError
        Names are not as many as the weights need.
    AmissError
        matplotlib is not installed.

    Examples
    --------
    >>> ax = plot_attention([[0.9, 0.1]], ["open", "read"], ["close"], ["read"])
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['close, not read']
    """
    weight = as_floats(attention, "attention", (2,))
    n_target, n_source = weight.shape
    named = {"source": (source, n_source), "target": (target, n_target)}
    if predicted is not None:
        named["predicted"] = (predicted, n_target)
    for what, (names, n) in named.items():
        if len(names) != n:
            raise UsageError(
                f"{what} came with {len(names)} names for attention of shape {weight.shape};"
                f" expected {n}"
            )
    drawn = get_axes(ax, (0.75 * n_source + 3.6, 0.42 * n_target + 1.9))
    from matplotlib import colormaps

    most = float(np.max(weight, initial=0, where=np.isfinite(weight))) or 1.0
    colours = colormaps["Blues"].with_extremes(bad="0.7")
    drawn.imshow(
        np.where(np.isfinite(weight), weight, np.nan), cmap=colours, vmin=0, vmax=most,
        aspect="auto", interpolation="nearest",
    )  # fmt: skip
    draw_frame(drawn)
    if weight.size <= _MOST_WEIGHTS:
        for (row, column), value in np.ndenumerate(weight):
            if np.isfinite(value):
                colour = "white" if value > _DARK * most else "black"
                drawn.text(
                    column, row, f"{value:.2f}", ha="center", va="center", color=colour,
                    fontsize="small",
                )  # fmt: skip
    drawn.set_xticks(
        range(n_source), [plain(name) for name in source], rotation=40, ha="right",
        rotation_mode="anchor", fontsize="small",
    )  # fmt: skip
    expected = list(target) if predicted is None else list(predicted)
    said = [
        plain(came) if came == other else f"{plain(came)}, not {plain(other)}"
        for came, other in zip(target, expected, strict=True)
    ]
    drawn.set_yticks(range(n_target), said, fontsize="small")
    for label, came, other in zip(drawn.get_yticklabels(), target, expected, strict=True):
        if came != other:
            label.set_color(VERMILION)
    drawn.set_xlabel("events read")
    drawn.set_ylabel("what came" if predicted is None else "what came, not what was predicted")
    return drawn


def _check_trace(name: object, rates: ArrayLike, is_abnormal: ArrayLike) -> _Trace:
    who = visible(str(name), 40)
    rate = as_floats(rates, f"rates of {who}", (1,))
    abnormal = np.asarray(is_abnormal, dtype=np.bool_)
    if abnormal.ndim == 0:
        return _Trace(plain(name), rate, np.zeros(len(rate), np.bool_), bool(abnormal))
    if abnormal.shape != rate.shape:
        raise UsageError(
            f"is_abnormal of {who} came in shape {abnormal.shape} for {len(rate)} rates; expected"
            " one verdict, or one a segment"
        )
    return _Trace(plain(name), rate, abnormal, bool(abnormal.any()))


def _draw_traces(ax: Axes, sort: str, traces: Sequence[_Trace], threshold: float | None) -> None:
    """Draw traces one after the other, with what is above the threshold marked."""
    begin, middles, above = 0, [], 0
    for trace in traces:
        n = len(trace.rate)
        at = np.arange(begin, begin + n)
        if begin:
            ax.axvline(begin - 0.5, color=GREY, linewidth=0.6, zorder=0)
        edges = np.flatnonzero(np.diff(np.concatenate([[0], trace.active, [0]])))
        for first, end in edges.reshape(-1, 2).tolist():
            ax.axvspan(
                begin + first - 0.5, begin + end - 0.5, color=AMBER, alpha=0.25, linewidth=0,
                label="abnormal segments", zorder=0,
            )  # fmt: skip
        ax.plot(at, trace.rate, color=BLUE, linewidth=0.9, marker=".", markersize=3)
        flagged = np.zeros(n, np.bool_) if threshold is None else trace.rate > threshold
        if flagged.any():
            ax.plot(
                at[flagged], trace.rate[flagged], "X", color=VERMILION, markersize=4,
                label="above the threshold",
            )  # fmt: skip
        above += int(flagged.sum())
        middles.append(begin + (n - 1) / 2)
        begin += n
    draw_threshold(ax, threshold)
    ax.set_xlim(-0.5, begin - 0.5)
    every = -(-len(traces) // _MOST_NAMES)
    named = slice(None, None, every)
    ax.set_xticks(middles[named], [trace.name for trace in traces[named]], fontsize="small")
    if len(traces) > 4:  # or else they run into each other
        for tick in ax.get_xticklabels():
            tick.set(rotation=25, ha="right", rotation_mode="anchor")
    ax.tick_params(axis="x", length=0)
    counted = "" if threshold is None else f": {above:,} of {begin:,} segments above"
    ax.set_title(f"{sort}{counted}", loc="left", fontsize="medium")
