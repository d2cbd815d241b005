"""Known anomalies in tables and images: batches of a given share, and masks of noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from amiss.errors import InputError, UsageError
from amiss.types import Table

Noise = Literal["uniform", "normal", "zero"]


class MaskedImages(NamedTuple):
    """Images with noise, and where it is."""

    pixels: NDArray[np.float32]
    """Shape (n, channels, height, width)."""
    mask: NDArray[np.bool_]
    """Of the same shape; true where a pixel lies under a mask."""


def create_outlier_batch(
    table: Table,
    n_samples: int,
    perc_outlier: float,
    *,
    random_state: int | np.random.Generator | None,
) -> Table:
    """Draw rows with a given share of anomalies, in random order.

    Parameters
    ----------
    table : Table
        With labels; rows of unknown label are never drawn.
    n_samples : int
        How many rows to draw, without replacement.
    perc_outlier : float
        How many of a hundred rows are anomalies, from 0 to 100; their number is rounded.
    random_state : int, Generator or None
        The same number draws the same rows.

    Returns
    -------
    Table
        With `n_samples` rows; `file` and `row` still say where each is from.

    Raises
    ------
    InputError
        The table has no labels, or too few anomalies or too few normal rows.
    UsageError
        A number is out of its range.

    Examples
    --------
    >>> table = Table(np.arange(20.0)[:, None], ("a",), label=np.repeat([0, 1], 10))
    >>> batch = create_outlier_batch(table, 10, 20, random_state=0)
    >>> len(batch), int(batch.label.sum())
    (10, 2)
    """
    if n_samples < 1:
        raise UsageError(f"n_samples={n_samples}: expected at least 1")
    if not 0 <= perc_outlier <= 100:
        raise UsageError(f"perc_outlier={perc_outlier}: expected a percentage, from 0 to 100")
    if table.label is None:
        raise InputError("the table has no labels; expected some: read it with label= or kind=")
    rng = np.random.default_rng(random_state)
    n_anomalies = round(n_samples * perc_outlier / 100)
    shares = ((1, n_anomalies, "anomalies"), (0, n_samples - n_anomalies, "normal rows"))
    drawn = []
    for value, wanted, what in shares:
        rows = np.flatnonzero(table.label == value)
        if len(rows) < wanted:
            raise InputError(
                f"the table has {len(rows):,} {what}; expected {wanted:,} at least for "
                f"{perc_outlier:g} % of {n_samples:,}: ask for fewer rows, or another share"
            )
        drawn.append(rng.choice(rows, wanted, replace=False))
    return table.take(rng.permutation(np.concatenate(drawn)))


def apply_mask(
    pixels: NDArray[Any],
    size: int | tuple[int, int],
    n_masks: int = 1,
    *,
    coord: ArrayLike | None = None,
    channels: Sequence[int] | None = None,
    noise: Noise = "uniform",
    noise_range: tuple[float, float] = (0.0, 1.0),
    noise_std: float = 1.0,
    clip: tuple[float, float] | None = (0.0, 1.0),
    random_state: int | np.random.Generator | None,
) -> MaskedImages:
    """Put noise on rectangles of images, each of which is an anomaly of known place.

    Parameters
    ----------
    pixels : ndarray of float, shape (n, channels, height, width)
        Is not changed.
    size : int or (int, int)
        Height and width of a mask, in pixels; one number is both.
    n_masks : int
        Masks on each image. They may overlap; noise is put on a pixel once.
    coord : array-like of int, shape (2,), (n_masks, 2) or (n, n_masks, 2), optional
        Row and column of the top left pixel of each mask, on all images or on each; by default
        drawn so that the mask lies inside the image.
    channels : sequence of int, optional
        The channels to mask; by default all.
    noise : {"uniform", "normal", "zero"}
        What is added: uniform over `noise_range`, or normal with the standard deviation
        `noise_std`; or pixels are set to zero.
    noise_range : (float, float)
        Lowest and highest noise, in the units of the pixels.
    noise_std : float
        In the units of the pixels.
    clip : (float, float) or None
        Masked pixels are cut to this range. A pixel at its end may so be as it was.
    random_state : int, Generator or None
        The same number draws the same masks.

    Returns
    -------
    MaskedImages

    Raises
    ------
    InputError
        `pixels` is not of that shape, or not of floats.
    UsageError
        A mask does not lie in the images, or a number is out of its range.

    Examples
    --------
    >>> masked = apply_mask(np.zeros((2, 3, 8, 8), np.float32), 4, random_state=0)
    >>> masked.pixels.shape, masked.mask.sum(axis=(1, 2, 3)).tolist()
    ((2, 3, 8, 8), [48, 48])
    """
    pixels = np.asarray(pixels)
    if pixels.ndim != 4 or pixels.dtype.kind != "f":
        raise InputError(
            f"pixels: an array of shape {pixels.shape} and type {pixels.dtype}; expected floats "
            "of shape (n, channels, height, width)"
        )
    n, n_channels, height, width = pixels.shape
    extent = (size, size) if isinstance(size, int | np.integer) else tuple(size)
    if len(extent) != 2 or not (1 <= extent[0] <= height and 1 <= extent[1] <= width):
        raise UsageError(f"size={size}: expected a mask inside images of {height} × {width}")
    on = np.zeros(n_channels, dtype=np.bool_)
    for channel in range(n_channels) if channels is None else channels:
        if not 0 <= channel < n_channels:
            raise UsageError(f"channels={channels}: expected numbers from 0 to {n_channels - 1}")
        on[channel] = True
    _check_noise(noise, noise_range, noise_std, clip)
    rng = np.random.default_rng(random_state)
    corner = _corners(coord, n, n_masks, (height - extent[0], width - extent[1]), rng)
    mask = _area(corner, extent, (height, width))[:, None] & on[:, None, None]
    changed = pixels.copy()
    count = int(mask.sum())
    if noise == "zero":
        changed[mask] = 0
    else:
        uniform = noise == "uniform"
        drawn = rng.uniform(*noise_range, count) if uniform else rng.normal(0, noise_std, count)
        changed[mask] += drawn.astype(pixels.dtype)
    if clip is not None:
        changed[mask] = np.clip(changed[mask], *clip)
    return MaskedImages(changed, mask)


def _corners(
    coord: ArrayLike | None,
    n: int,
    n_masks: int,
    last: tuple[int, int],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Return row and column of the top left pixel of each mask, shape (n, n_masks, 2)."""
    if n_masks < 1:
        raise UsageError(f"n_masks={n_masks}: expected at least 1")
    if coord is None:
        return rng.integers(0, np.array(last) + 1, size=(n, n_masks, 2))
    given = np.asarray(coord)
    wanted = f"(2,), ({n_masks}, 2) or ({n}, {n_masks}, 2)"
    if given.dtype.kind not in "iu" or given.shape[-1:] != (2,):
        raise UsageError(
            f"coord: {given.dtype} of shape {given.shape}; expected whole numbers of shape {wanted}"
        )
    if given.ndim == 1:
        given = given[None]
    if given.shape not in ((n_masks, 2), (n, n_masks, 2)):
        raise UsageError(
            f"coord: of shape {given.shape}, for {n_masks} masks on each of {n} images; "
            f"expected {wanted}: n_masks= says how many masks"
        )
    if (given < 0).any() or (given > last).any():
        raise UsageError(
            f"coord: from {given.min()} to {given.max()}; expected rows from 0 to {last[0]} and "
            f"columns from 0 to {last[1]}, so that masks lie inside the images"
        )
    return np.broadcast_to(given.astype(np.int64), (n, n_masks, 2))


def _area(
    corner: NDArray[np.int64], extent: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.bool_]:
    """Return what the masks of each image cover, shape (n, height, width)."""
    n, n_masks, _ = corner.shape
    area = np.zeros((n, *shape), dtype=np.bool_)
    for k in range(n_masks):  # one at a time: all at once would be many times the images
        row, column = (
            (np.arange(whole) >= first[:, None]) & (np.arange(whole) < first[:, None] + part)
            for whole, part, first in zip(shape, extent, corner[:, k].T, strict=True)
        )
        area |= row[:, :, None] & column[:, None, :]
    return area


def _check_noise(
    noise: str,
    noise_range: tuple[float, float],
    noise_std: float,
    clip: tuple[float, float] | None,
) -> None:
    if noise not in get_args(Noise):
        raise UsageError(f"noise={noise!r}: expected uniform, normal or zero")
    for name, ends in (("noise_range", noise_range), ("clip", clip)):
        if ends is not None and not (len(ends) == 2 and ends[0] <= ends[1]):
            raise UsageError(f"{name}={ends}: expected the lowest and the highest value")
    if not noise_std >= 0:
        raise UsageError(f"noise_std={noise_std}: expected a standard deviation, at least 0")
