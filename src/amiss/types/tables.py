"""Rows of numbers, images, and what a detector of them says of each feature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from amiss.types.events import ragged_index

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class RowIndex:
    """What the rows of a table stand for: what one entity did in one window of time.

    Attributes
    ----------
    by : str
        The field that names entities, such as ``client``.
    start, end : ndarray of int64, shape (n,)
        The window, in milliseconds; `end` is not part of it.
    entity : ndarray of str, shape (n,)
    offsets : ndarray of int64, shape (n + 1,)
        Lines of row *i* are ``offsets[i]:offsets[i + 1]`` of the next two.
    line, file : ndarray of int64, shape (n_lines,)
        1-based line numbers, and indices into the sources of the table.
    """

    by: str
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    entity: NDArray[Any]
    offsets: NDArray[np.int64]
    line: NDArray[np.int64]
    file: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> RowIndex:
        """Return the rows at `index` (positions or a mask), in that order."""
        rows: NDArray[np.int64] = np.arange(len(self))[index]
        at, offsets = ragged_index(self.offsets, rows)
        return RowIndex(
            self.by, self.start[rows], self.end[rows], self.entity[rows],
            offsets, self.line[at], self.file[at],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the rows of a series were measured, and which of them follow each other.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        Milliseconds, or ``NO_TIME``.
    run : ndarray of int64, shape (n,)
        Rows of one number follow each other without a gap, in one file: no window crosses runs.
    """

    time: NDArray[np.int64]
    run: NDArray[np.int64]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Timeline:
        """Return the rows at `index` (positions or a mask), in that order."""
        return Timeline(self.time[index], self.run[index])


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers, as read: what goes from ``read/`` to the detectors of tables.

    Attributes
    ----------
    values : ndarray of float64, or scipy.sparse.csr_array, shape (n, n_columns)
    columns : tuple of str
    label : ndarray of int64, shape (n,), optional
        1 anomaly, 0 normal, −1 unknown.
    kind : ndarray of str, shape (n,), optional
        The class of each row where the data name more than two, such as the kind of attack.
    sources : tuple of str
        Files as the user gave them.
    file, row : ndarray of int64, shape (n,)
        Where each row is from: index into `sources`, and its 1-based number in the data of that
        file, headers not counted.
    index : RowIndex, optional
        What each row stands for, if it was counted from a log.
    timeline : Timeline, optional
        When each row was measured, if the table is a series.
    """

    values: Any
    columns: tuple[str, ...]
    label: NDArray[np.int64] | None = None
    kind: NDArray[Any] | None = None
    sources: tuple[str, ...] = ()
    file: NDArray[np.int64] | None = None
    row: NDArray[np.int64] | None = None
    index: RowIndex | None = None
    timeline: Timeline | None = None

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Table:
        """Return the rows at `index` (positions or a mask), in that order."""
        optional = (self.label, self.kind, self.file, self.row)
        label, kind, file, row = (None if a is None else a[index] for a in optional)
        named = None if self.index is None else self.index.take(index)
        timed = None if self.timeline is None else self.timeline.take(index)
        return Table(
            self.values[index], self.columns, label, kind, self.sources, file, row, named, timed
        )


@dataclass(frozen=True, slots=True)
class Images:
    """Images of one size, as read.

    Attributes
    ----------
    pixels : ndarray of float32, shape (n, channels, height, width)
        From 0 to 1.
    ids : tuple of str
        What names each image: its file, or the file and its place there.
    label : ndarray of int64, shape (n,), optional
        1 anomaly, 0 normal, −1 unknown.
    kind : ndarray of str, shape (n,), optional
        The class of each image, such as ``airplane``.
    sources : tuple of str
        Files or folders as the user gave them.
    """

    pixels: NDArray[np.float32]
    ids: tuple[str, ...]
    label: NDArray[np.int64] | None = None
    kind: NDArray[Any] | None = None
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Images:
        """Return the images at `index` (positions or a mask), in that order."""
        rows = np.arange(len(self))[index]
        optional = (self.label, self.kind)
        label, kind = (None if a is None else a[rows] for a in optional)
        ids = tuple(self.ids[row] for row in rows)
        return Images(self.pixels[rows], ids, label, kind, self.sources)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a detector of tables or images says of a batch: instances, features, verdicts.

    ``...`` is (n_features,) for tables and (channels, height, width) for images.

    Attributes
    ----------
    score : ndarray of float64, shape (n,)
        The score of each instance, higher is more anomalous.
    threshold : float
        An instance whose score lies above is anomalous.
    is_anomaly : ndarray of bool, shape (n,)
        The verdict, by the score or, if the detector was told so, by the largest feature score.
    feature_score : ndarray of float64, shape (n, ...)
    feature_threshold : float
    feature_is_anomaly : ndarray of bool, shape (n, ...)
    values, reconstruction : ndarray of float64, shape (n, ...)
        What came, and what the detector makes of it; both in the units of the data.
    feature_names : tuple of str
        Names of the columns; empty for images.
    """

    score: NDArray[np.float64]
    threshold: float
    is_anomaly: NDArray[np.bool_]
    feature_score: NDArray[np.float64]
    feature_threshold: float
    feature_is_anomaly: NDArray[np.bool_]
    values: NDArray[np.float64]
    reconstruction: NDArray[np.float64]
    feature_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.score)
