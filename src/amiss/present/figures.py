"""What all plots share: axes to draw into, colours and markers of classes, text made harmless.

matplotlib is the extra ``plot``, imported when something is drawn. Figures are made without pyplot:
nothing is registered with a window, no backend is chosen, and no setting of the user is changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import AmissError, UsageError
from amiss.present.escape import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

# Okabe and Ito's palette, which the colour-blind can tell apart, without its yellow: too pale for
# points on white.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
AMBER, SKY, BLACK, GREY = "#E69F00", "#56B4E9", "#000000", "#8A8A8A"
WIDE, BROAD, SQUARE = (9.0, 3.6), (7.4, 3.6), (7.4, 4.6)
"""Sizes of new figures, in inches with the legend: over rows or time, over a number, curves."""
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, AMBER, SKY, BLACK)
LINES = ("-", "--", "-.", ":")

_STYLES = tuple(zip(COLOURS, ("o", "X", "^", "s", "D", "v", "P"), strict=True))
_UNKNOWN = (GREY, "d")
_OTHERS = (GREY, "*")
_VERDICTS = {0: "normal", -2: "left out", -1: "unknown", 1: "anomaly"}
_MOST_FOR_BEST = 5000
"""Points up to which matplotlib looks for a free corner for the legend; it is slow beyond."""

_SKEWED = 10
"""Values of which the largest is so many times the median stand on a logarithmic scale."""

Floats = NDArray[np.float64]


class Group(NamedTuple):
    """The rows of one class, and how they are drawn."""

    name: str
    rows: NDArray[np.int64]
    colour: str
    marker: str


def import_matplotlib() -> Any:
    """Return matplotlib, which is an extra, or say how to get it."""
    try:
        import matplotlib as mpl
    except ImportError:
        raise AmissError(
            "plots need matplotlib, which is not installed; type: pip install 'amiss[plot]'"
        ) from None
    return mpl


def get_axes(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return `ax`, or the one of a new figure of so many inches."""
    return cast("Axes", get_grid(ax, (1, 1), size)[0, 0])


def get_grid(
    axes: Any,
    shape: tuple[int, int],
    size: tuple[float, float],
    height_ratios: Sequence[float] | None = None,
) -> NDArray[Any]:
    """Return axes of `shape`: those given, if they are as many, or those of a new figure.

    Parameters
    ----------
    axes : matplotlib Axes or array of them, or None
    shape : (int, int)
        Rows and columns.
    size : (float, float)
        Width and height of a new figure, in inches.
    height_ratios : sequence of float, optional
        Relative heights of the rows of a new figure.

    Raises
    ------
    AmissError
        matplotlib is not installed.
    UsageError
        `axes` are too few, too many, or no axes.
    """
    import_matplotlib()
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    if axes is None:
        figure = Figure(figsize=size, layout="constrained")
        grid: NDArray[Any] = figure.subplots(
            *shape, squeeze=False, gridspec_kw={"height_ratios": height_ratios}
        )
        for ax in grid.flat:
            ax.spines[["top", "right"]].set_visible(False)
        return grid
    given = np.asarray(axes, dtype=object).ravel()
    if len(given) != shape[0] * shape[1]:
        raise UsageError(
            f"{len(given)} axes came, {shape[0] * shape[1]} are needed"
            f" ({shape[0]} × {shape[1]}); leave them out to get a new figure"
        )
    if wrong := [type(one).__name__ for one in given if not isinstance(one, Axes)]:
        raise UsageError(
            f"axes came as {wrong[0]}, expected matplotlib Axes, as plt.subplots() gives them"
        )
    return given.reshape(shape)


def draw_frame(ax: Axes) -> None:
    """Frame an image on all sides: its cells may be as pale as the paper."""
    ax.spines[:].set_visible(True)


def plain(text: object, width: int = 28) -> str:
    r"""Return a name from the data as matplotlib shows it literally.

    Two dollar signs would be a formula, and an error if it makes no sense as one. matplotlib leaves
    names with an underscore in front out of legends.

    Examples
    --------
    >>> plain("$x^$"), plain("_hidden"), plain("a\nb")
    ('\\$x^\\$', ' _hidden', 'a\\x0ab')
    """
    shown = visible(str(text), width).replace("$", r"\$")
    return " " + shown if shown.startswith("_") else shown


def add_legend(ax: Axes, is_new: bool, n_points: int = 0, **options: Any) -> None:
    """Put the legend beside `ax` where the figure is ours, or in a corner of the user's axes."""
    if is_new:
        place: dict[str, Any] = {
            "loc": "upper left",
            "bbox_to_anchor": (1.01, 1.0),
            "borderaxespad": 0.0,
        }
    else:
        place = {"loc": "best" if n_points <= _MOST_FOR_BEST else "upper right"}
    if n_points:  # small where they are many; in the legend a reader must tell them apart
        options["markerscale"] = 1.6
    ax.legend(**place, fontsize="small", title_fontsize="small", alignment="left", **options)


def draw_points(ax: Axes, x: Floats, y: Floats, groups: Sequence[Group]) -> int:
    """Scatter the points of each class, small ones if they are many; return how many are drawn."""
    finite = np.isfinite(x) & np.isfinite(y)
    area = float(np.clip(9000 / max(len(x), 1), 8, 30))
    for layer, group in enumerate(groups):
        rows = group.rows[finite[group.rows]]
        ax.scatter(
            x[rows],
            y[rows],
            s=area * (2 if layer else 1),
            c=group.colour,
            marker=group.marker,
            linewidths=0.3,
            edgecolors="white",
            label=f"{group.name} ({len(rows):,})",
            zorder=2 + 0.01 * layer,  # the rare ones come later, and lie on top
        )
    return int(finite.sum())


def draw_threshold(ax: Axes, threshold: float | None, upright: bool = False) -> None:
    """Draw the line above, or right of, which something is anomalous, if there is one."""
    if threshold is None or not np.isfinite(threshold):
        return
    draw = ax.axvline if upright else ax.axhline
    draw(threshold, color=BLACK, linestyle="--", linewidth=1, label=f"threshold {threshold:.4g}")


def label_time(ax: Axes) -> None:
    """Make the horizontal scale one of times, with as many ticks as there is room for."""
    from matplotlib import dates

    locator = dates.AutoDateLocator(maxticks=9)  # type: ignore[no-untyped-call]
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    ax.set_xlabel("time (UTC)")


def use_symlog(ax: Axes, linear_to: float, numbers: Floats) -> None:
    """Make the horizontal scale linear to `linear_to`, on both sides of 0, and logarithmic beyond.

    matplotlib's ticks for it run into each other around 0.
    """
    from matplotlib.ticker import FixedLocator, NullLocator

    ax.set_xscale("symlog", linthresh=linear_to)
    first = int(np.ceil(np.log10(linear_to)))
    ticks = [0.0]
    two_sided = bool((numbers > linear_to).any() and (numbers < -linear_to).any())
    for sign in (-1, 1):
        most = float(np.max(sign * numbers, initial=0))
        if most > linear_to:
            last = int(np.floor(np.log10(most)))
            # There is room for three ticks on one side, or for two on each.
            powers = {last, first} if two_sided else {last, (first + last + 1) // 2, first}
            ticks += [sign * 10.0**power for power in powers]
    ax.xaxis.set_major_locator(FixedLocator(sorted(ticks)))
    ax.xaxis.set_minor_locator(NullLocator())


def group_rows(kind: ArrayLike | None, n: int, only: str = "instances") -> list[Group]:
    """Return the rows of each class, normal ones first, then from the most common to the rarest.

    Parameters
    ----------
    kind : array-like, shape (n,), optional
        1, 0, −1 and −2 for anomaly, normal, unknown and left out, or names of classes; None makes
        one group.
    n : int
    only : str
        Name of the group if there is no `kind`.

    Raises
    ------
    UsageError
        `kind` is not of shape (n,).

    Examples
    --------
    >>> [(group.name, group.rows.tolist()) for group in group_rows([0, 1, 0], 3)]
    [('normal', [0, 2]), ('anomaly', [1])]
    """
    if kind is None:
        return [Group(only, np.arange(n), *_STYLES[0])]
    given = np.asarray(kind)
    if given.shape != (n,):
        raise UsageError(f"classes came in shape {given.shape}, expected ({n},): one an instance")
    if is_label(given):
        label = np.nan_to_num(given.astype(np.float64), nan=-1)
        styles = {0: _STYLES[0], -2: _OTHERS, -1: _UNKNOWN, 1: _STYLES[1]}
        groups = [
            Group(name, np.flatnonzero(label == value), *styles[value])
            for value, name in _VERDICTS.items()
        ]
        return [group for group in groups if len(group.rows)]
    return _group_by_name(given)


def is_label(given: NDArray[Any]) -> bool:
    """Return whether `given` says normal, anomalous or unknown, not which of several classes."""
    if given.dtype.kind not in "biuf":
        return False
    known = given[~np.isnan(given)] if given.dtype.kind == "f" else given
    return bool(np.isin(known.astype(np.float64), list(_VERDICTS)).all())


def _group_by_name(given: NDArray[Any]) -> list[Group]:
    # A class that is missing is None, NaN or an empty string, by where the data are from.
    names = np.array(["" if _is_missing(one) else str(one) for one in given.tolist()])
    distinct, codes = np.unique(names, return_inverse=True)
    rows = {str(name): np.flatnonzero(codes == code) for code, name in enumerate(distinct)}
    missing = rows.pop("", None)
    # KDD Cup writes "normal."
    order = sorted(rows, key=lambda name: (name.lower().rstrip(".") != "normal", -len(rows[name])))
    most = len(_STYLES) if len(order) <= len(_STYLES) else len(_STYLES) - 1
    groups = [
        Group(plain(name), rows[name], *style)
        for name, style in zip(order[:most], _STYLES, strict=False)
    ]
    if rest := order[most:]:
        pooled = np.sort(np.concatenate([rows[name] for name in rest]))
        groups.append(Group(f"{len(rest)} other classes", pooled, *_OTHERS))
    if missing is not None:
        groups.append(Group("unknown", missing, *_UNKNOWN))
    return groups


def _is_missing(name: object) -> bool:
    return name is None or (isinstance(name, float) and np.isnan(name))


def needs_log(values: ArrayLike) -> bool:
    """Return whether the finite `values` are all positive and span more than three decades.

    Examples
    --------
    >>> needs_log([0.001, 2.0]), needs_log([0.0, 2000.0])
    (True, False)
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    return bool(len(numbers) and numbers.min() > 0 and numbers.max() / numbers.min() > 1e3)


def is_skewed(values: Floats) -> bool:
    """Return whether most values would lie on the axis beside the largest ones."""
    numbers = values[np.isfinite(values)]
    return bool(len(numbers) and numbers.min() > 0 and numbers.max() > _SKEWED * np.median(numbers))


def as_floats(values: ArrayLike, what: str, dimensions: tuple[int, ...]) -> Floats:
    """Return `values` as numbers, or say what is wrong with `what`."""
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise UsageError(f"{what} came with what is no number; expected an array of them") from None
    if numbers.ndim not in dimensions or not numbers.size:
        expected = " or ".join(str(one) for one in dimensions)
        raise UsageError(
            f"{what} came in shape {numbers.shape}; expected {expected} dimension(s), none empty"
        )
    return numbers
