"""From sessions to windows: what networks that predict the next event are trained on."""

from __future__ import annotations

import numpy as np

from amiss.represent.sessions import Sessions
from amiss.represent.windows import cut_windows
from amiss.run.ingest import Labels, match_labels
from amiss.run.prepare import learn_sequences
from amiss.types import Windows


def session_windows(sessions: Sessions, size: int = 10, labels: Labels | None = None) -> Windows:
    """Cut sessions into windows of `size` events and the event that came next.

    Parameters
    ----------
    sessions : Sessions
    size : int
        Events of history; shorter sessions are padded in front.
    labels : mapping of session id to bool, or path of a label file, optional
        Each window gets the label of its session, −1 where it has none.

    Returns
    -------
    Windows
        Detectors that predict events take it as it is; `amiss.window_frame` makes it a data frame.

    Raises
    ------
    UsageError
        `size` is less than 1.
    LabelError
        The labels name none of the sessions.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"session": ["a", "a"], "event": ["open", "close"]})
    >>> windows = session_windows(Sessions.from_frame(frame), size=1, labels={"a": True})
    >>> len(windows), windows.label.tolist()
    (2, [1, 1])
    """
    sequences = learn_sequences(sessions)[2]
    truth = None
    if labels is not None:
        anomalous, labelled = match_labels(sessions, labels)
        truth = np.where(labelled, anomalous, -1).astype(np.int64)
    return cut_windows(sequences, size, truth)
