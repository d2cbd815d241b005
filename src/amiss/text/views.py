"""Strings that are views on memory which holds them already: nothing is copied to cut a text.

Each string of an Arrow string view is four numbers: its length, its first bytes, and which of the
buffers it lies in, and where. Strings of up to twelve bytes lie in the numbers themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

_INLINE = 12
"""Bytes of the longest string that lies in its view."""
_KEPT = (
    np.where(np.arange(_INLINE) < np.arange(_INLINE + 1)[:, None], 255, 0)
    .astype(np.uint8)
    .view(np.int32)
)
"""Of three words, the bits that are of a text, by its size."""


def texts_at(
    data: bytes | memoryview, start: NDArray[np.int64], length: NDArray[np.int64]
) -> pl.Series:
    r"""Return the texts that lie in `data`, which is kept as long as they are.

    Parameters
    ----------
    data : bytes-like
        UTF-8; not checked.
    start, length : ndarray of int64, shape (n,)
        In bytes.

    Returns
    -------
    polars.Series of str, shape (n,)

    Examples
    --------
    >>> texts_at(b"one\nfour and twenty\n", np.array([0, 4]), np.array([3, 15])).to_list()
    ['one', 'four and twenty']
    """
    views = np.zeros((len(start), 4), dtype=np.int32)
    views[:, 3] = start
    _view(views, [np.frombuffer(data, dtype=np.uint8)], length)
    return _series(views, [data])


def cut_texts(
    texts: pl.Series,
    rows: NDArray[np.int64],
    start: NDArray[np.int64],
    length: NDArray[np.int64],
) -> pl.Series:
    """Return parts of texts, which are kept as long as these are.

    Parameters
    ----------
    texts : polars.Series of str
        Without nulls.
    rows : ndarray of int64, shape (n,)
        Which of the texts each part is of.
    start, length : ndarray of int64, shape (n,)
        In bytes, within the text, and not within a character.

    Examples
    --------
    >>> import polars as pl
    >>> texts = pl.Series(["é 34", "what is longer than twelve bytes"])
    >>> cut_texts(texts, np.array([1, 0]), np.array([5, 3]), np.array([14, 2])).to_list()
    ['is longer than', '34']
    """
    import polars as pl

    array: Any = texts.to_arrow(compat_level=pl.CompatLevel.newest())
    _, own, *buffers = array.buffers()
    views = np.frombuffer(own, dtype=np.int32).reshape(-1, 4)[array.offset + rows]
    inline = np.flatnonzero(views[:, 0] <= _INLINE)
    if len(inline):  # they lie in the views
        views[inline, 2] = len(buffers)
        views[inline, 3] = 16 * (array.offset + rows[inline]) + 4
        buffers.append(own)
    views[:, 3] += start.astype(np.int32)
    _view(views, [np.frombuffer(buffer, dtype=np.uint8) for buffer in buffers], length)
    return _series(views, buffers)


def _view(
    views: NDArray[np.int32], buffers: list[NDArray[np.uint8]], length: NDArray[np.int64]
) -> None:
    """Complete views that say which buffer their text is in, and where."""
    views[:, 0] = length
    for index, data in enumerate(buffers):
        own: Any = slice(None)
        if len(buffers) > 1:
            own = np.flatnonzero(views[:, 2] == index)
        short = views[own, 0] <= _INLINE
        if short.any():
            rows = np.arange(len(views))[own]
            _write_inline(views, rows[short], data)
            own = rows[~short]
        if len(data) > _INLINE:
            views[own, 1] = _words(data)[views[own, 3]]


def _write_inline(
    views: NDArray[np.int32], rows: NDArray[np.int64], data: NDArray[np.uint8]
) -> None:
    """Complete views of short texts with these, whose places they hold so far."""
    size, at = views[rows, 0], views[rows, 3]
    last = len(data) - _INLINE
    late = at > last
    if late.any():  # what is read there would go beyond the buffer
        end = np.concatenate([data[max(0, last) :], np.zeros(_INLINE, dtype=np.uint8)])
        views[rows[late], 1:] = _short(end, at[late] - max(0, last), size[late])
        rows, at, size = rows[~late], at[~late], size[~late]
    if len(rows):
        views[rows, 1:] = _short(data, at, size)


def _short(
    data: NDArray[np.uint8], at: NDArray[np.int32], size: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Return the bytes at places as three words, zeros behind the text."""
    words = _words(data)
    return np.column_stack([words[at + 4 * k] & _KEPT[size, k] for k in range(3)])


def _words(data: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the four bytes from each place on, whatever it can be divided by."""
    return np.ndarray(len(data) - 3, dtype=np.int32, buffer=data, strides=(1,))


def _series(views: NDArray[np.int32], buffers: list[Any]) -> pl.Series:
    import polars as pl
    import pyarrow as pa

    held = [None, pa.py_buffer(views), *(pa.py_buffer(buffer) for buffer in buffers)]
    return pl.Series(pa.Array.from_buffers(pa.string_view(), len(views), held))
