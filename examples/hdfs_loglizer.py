"""The loglizer workflow: structured logs to sessions, windows, networks, tuning and figures.

    python examples/hdfs_loglizer.py [SESSIONS LABELS]

SESSIONS is a structured CSV (loglizer, Loghub, `amiss parse`), a table of one session a row or a
raw log; LABELS a CSV such as ``BlockId,Label``. Without them a log is generated.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import amiss
from amiss.detect import EventCounts, EventPair, NextEvent, SessionEnsemble


def main() -> None:
    if len(sys.argv) > 2:
        path, labels = sys.argv[1], amiss.read_labels(sys.argv[2])
    else:
        folder = Path(tempfile.mkdtemp())
        made = amiss.simulate_hdfs(folder, lines=20_000, seed=1)
        # Raw lines to a table of header fields, message and template, as log parsers write it.
        amiss.parse_log(made.log, folder / "structured.csv")
        path, labels = str(folder / "structured.csv"), amiss.read_labels(made.labels)

    sessions = amiss.read_sessions(path)
    print(sessions)

    # Ten events and the one that came next, each window labelled as its session is.
    windows = amiss.session_windows(sessions, 10, labels)
    print(amiss.window_frame(windows))

    # One network predicts the next event; one sees the window and the event that came, and says
    # whether the two are anomalous. A fifth of the sessions to learn from, the others judged;
    # thresholds and k are chosen on the fifth.
    detectors = {
        "next event": NextEvent(cell="lstm", bidirectional=True, dense=32),
        "next event top-k": NextEvent(score="rank"),
        "event pair": EventPair(),
    }
    levels = ("session", "window")
    print(amiss.run_experiment(sessions, labels, detectors, seeds=range(2), levels=levels))

    # What does best on labelled sessions: the networks and the counts of events together.
    together = SessionEnsemble(
        [("counts", EventCounts()), ("next event", NextEvent()), ("event pair", EventPair())]
    )
    model = amiss.fit(sessions, labels, detector=together, rule="f1")
    print(model.detect(sessions))

    try:
        tuned = amiss.tune(sessions, labels, detector="event-counts", n_trials=10)
    except ImportError as error:
        print(error)
    else:
        print(tuned.to_frame())


if __name__ == "__main__":
    main()
