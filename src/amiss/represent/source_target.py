"""Windows of two parts: a source of events, and the target of events that follow it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.represent.windows import (
    BEGIN_TOKEN,
    END_TOKEN,
    PAD_TOKEN,
    as_tokens,
)


class SourceTargetWindows(NamedTuple):
    """So many tokens, and the ones that came next.

    Attributes
    ----------
    source : ndarray of int32, shape (n_windows, source)
        Padded in front where fewer came before, after the begin marker if it was seen.
    target : ndarray of int32, shape (n_windows, target)
        Padded behind where the sequence was over, after the end marker if it was seen.
    sequence : ndarray of int64, shape (n_windows,)
        Row of the sequence.
    position : ndarray of int64, shape (n_windows,)
        Place of the first target in the sequence.
    """

    source: NDArray[np.int32]
    target: NDArray[np.int32]
    sequence: NDArray[np.int64]
    position: NDArray[np.int64]


def source_target_windows(
    codes: NDArray[np.int64],
    offsets: NDArray[np.int64],
    begun: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    source: int,
    target: int,
    stride: int,
    draw: tuple[int, int] | None = None,
) -> SourceTargetWindows:
    """Cut a window every `stride` events, the first with nothing but the begin before it.

    Parameters
    ----------
    codes : ndarray of int64, shape (n_events,)
        Event codes from 0, or ``UNKNOWN``.
    offsets : ndarray of int64, shape (n + 1,)
    begun, ended : ndarray of bool, shape (n,)
    source, target, stride : int
        Up to `target`, a stride leaves no event out.
    draw : (int, int), optional
        The most windows to return, and the seed that they are drawn with if there are more; those
        that are not drawn take no memory.

    Examples
    --------
    >>> yes = np.array([True])
    >>> windows = source_target_windows(np.array([5, 6, 7]), np.array([0, 3]), yes, yes, 2, 2, 2)
    >>> windows.source.tolist(), windows.target.tolist()
    ([[0, 1], [9, 10]], [[9, 10], [11, 2]])
    """
    lengths = np.diff(offsets)
    judged = lengths + ended
    slots = source + judged + target
    starts = np.cumsum(slots) - slots
    tokens = np.full(int(slots.sum()), PAD_TOKEN, dtype=np.int32)
    shift = np.repeat(starts + source - offsets[:-1], lengths)
    tokens[np.arange(len(codes)) + shift] = as_tokens(codes)
    tokens[(starts + source - 1)[begun]] = BEGIN_TOKEN
    tokens[(starts + source + lengths)[ended]] = END_TOKEN

    each = -(-judged // stride)
    chosen = np.arange(int(each.sum()))
    if draw is not None and len(chosen) > draw[0]:
        generator = np.random.default_rng(draw[1])
        chosen = np.sort(generator.choice(len(chosen), draw[0], replace=False))
    sequence = np.searchsorted(np.cumsum(each), chosen, side="right")
    position = (chosen - (np.cumsum(each) - each)[sequence]) * stride
    whole = tokens[(starts[sequence] + position)[:, None] + np.arange(source + target)]
    return SourceTargetWindows(whole[:, :source], whole[:, source:], sequence, position)
