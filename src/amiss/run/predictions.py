"""What a detector predicted, window by window, as a table or a file."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.explain.sessions import predicted_events
from amiss.represent.sessions import Sessions
from amiss.types import Sequences

if TYPE_CHECKING:
    from amiss.run.pipeline import Model

_AT_ONCE = 256
"""Sequences whose windows are predicted at once: their attention is held with them."""


def prediction_frame(model: Model, sessions: Sessions) -> pl.DataFrame:
    """Return what came and what was predicted in each window.

    Parameters
    ----------
    model : Model
        Of a detector that predicts windows, such as ``event-seq2seq``.
    sessions : Sessions

    Returns
    -------
    polars.DataFrame
        One row a window in which an event came: ``session``, its id; ``line``, that of the first
        event predicted; ``true`` and ``predicted``, lists of as many events as were predicted at
        once, fewer at the end, null where the end of the sequence was predicted; ``surprise``, −ln
        of the probability of each event that came. With a ``score_stride`` below
        ``target_length`` an event is in several rows.

    Raises
    ------
    UsageError
        The detector predicts no windows.
    """
    detector: Any = model.detector
    _check_predicts(detector)
    tokens = pl.Series([str(token) for token in detector.vocabulary_.tokens])
    parts = []
    for first, part, found in _blocks(model, sessions):
        rows, places, at = predicted_events(found, part)
        flat = pl.DataFrame(
            {
                "window": rows,
                "session": sessions.ids.gather(found.sequence[rows] + first),
                "line": sessions.line[sessions.offsets[first] + at],
                "true": pl.Series(part.names).gather(part.events[at]),
                "predicted": _named(found.predicted[rows, places], tokens),
                "surprise": found.surprise[rows, places].astype(np.float32),
            }
        )
        parts.append(
            flat.group_by("window", maintain_order=True)
            .agg(pl.col("session", "line").first(), pl.col("true", "predicted", "surprise"))
            .drop("window")
        )
    return pl.concat(parts)


def _named(ids: NDArray[np.int64], tokens: pl.Series) -> pl.Series:
    """Return events by name, null for ids that stand for none."""
    return tokens.gather(np.maximum(ids, 0)).set(pl.Series(ids < 0), None)


def prediction_array(model: Model, sessions: Sessions) -> NDArray[np.int32]:
    """Return what came and what was predicted as ids: shape (n_windows, 2, Ty).

    ``[:, 0]`` came, ``[:, 1]`` was predicted, as rows of ``model.detector.vocabulary_.tokens``; −3
    where training did not have an event, −4 where the sequence had ended.

    Raises
    ------
    UsageError
        The detector predicts no windows.
    """
    pairs = [
        np.stack([found.target, found.predicted], axis=1).astype(np.int32)
        for _, _, found in _blocks(model, sessions)
    ]
    return np.concatenate(pairs)


def write_predictions(model: Model, sessions: Sessions, path: str | PathLike[str]) -> int:
    """Write the predictions to a file, and return how many windows it holds.

    Parameters
    ----------
    model, sessions
        As `prediction_frame`.
    path : path-like
        ``.parquet`` for the frame, ``.npy`` for the array of ids.

    Raises
    ------
    UsageError
        The file is to be of another kind, or the detector predicts no windows.
    """
    check_predictions(model, path)
    if Path(path).suffix.lower() == ".npy":
        array = prediction_array(model, sessions)
        with Path(path).open("wb") as file:  # of a name, numpy adds what it thinks is missing
            np.save(file, array)
        return len(array)
    frame = prediction_frame(model, sessions)
    frame.write_parquet(Path(path))
    return len(frame)


def check_predictions(model: Any, path: str | PathLike[str]) -> None:
    """Refuse a model that predicts no windows, or a file of another kind.

    Raises
    ------
    UsageError
        Says which.
    """
    if Path(path).suffix.lower() not in (".parquet", ".npy"):
        raise UsageError(f"predictions to {path}; expected a file that ends in .parquet or .npy")
    _check_predicts(model.detector)


def _check_predicts(detector: Any) -> None:
    if not hasattr(detector, "predict_windows"):
        raise UsageError(
            f"detector {detector.name!r} predicts no windows; fit a model with event-seq2seq"
        )


def _blocks(model: Model, sessions: Sessions) -> Iterator[tuple[int, Sequences, Any]]:
    """Yield the first of some sequences, these, and what was predicted in them."""
    detector: Any = model.detector
    _check_predicts(detector)
    sequences, _ = model.sequences(sessions)
    if not len(sequences.events):
        raise InputError("no events to predict; expected one at least")
    rows = np.arange(len(sequences))
    for at in range(0, len(sequences), _AT_ONCE):
        part = sequences.take(rows[at : at + _AT_ONCE])
        yield at, part, detector.predict_windows(part)
