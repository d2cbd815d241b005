"""Judging the lines that belong to no session: in windows, by a model of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from amiss.represent.sessions import Sessions
from amiss.represent.ungrouped import in_windows
from amiss.run.discovery import usual_length
from amiss.run.thresholds import Fitted
from amiss.types import NO_TIME

DETECTOR = "event-rates"
"""Judges windows of lines that belong to no session."""
FEWEST_LINES = 100
"""Of fewer lines nothing can be told of what is usual."""
_FEWEST_WINDOWS = 200
"""So many that an incident of a few windows is not among the usual ones."""
_LINES_OF_A_WINDOW = 10


def windows_beside(sessions: Sessions) -> Sessions | None:
    """Return the lines that belong to no session as windows; None: there are too few of them.

    Windows are of time, as `amiss.run.discovery` has them for a log without a key, but shorter in a
    short log; where most lines have no time, they are of lines.
    """
    lines = sessions.ungrouped
    if lines is None or len(lines) < FEWEST_LINES:
        return None
    timed = int((lines.time != NO_TIME).sum())
    span = sessions.log.end - sessions.log.start if sessions.log.start != NO_TIME else 0
    if 2 * timed >= len(lines) and span:
        option: tuple[str, str | float] = ("every", usual_length(span, timed, _FEWEST_WINDOWS))
    else:
        option = ("window", _LINES_OF_A_WINDOW)
    return in_windows(sessions, option)


def windows_as_learnt(sessions: Sessions, info: dict[str, Any]) -> Sessions | None:
    """Return the lines that belong to no session in windows such as a model learnt from.

    None: there are no such lines, or they have no times and the windows are of time.
    """
    option = tuple(info["option"])
    lines = sessions.ungrouped
    if lines is None or (option[0] == "every" and not (lines.time != NO_TIME).any()):
        return None
    return in_windows(sessions, option)


def floored(model: Fitted, rate: float) -> Fitted:
    """Return a model of windows whose threshold is not below what the rate alone says.

    Scores of `DETECTOR` are −log₁₀ of a p-value: what is more likely than the rate is no finding,
    however few windows there were to learn from.
    """
    threshold = model.threshold
    value = max(threshold.value, -float(np.log10(rate)))
    model.detector.offset_ = -value
    changed: Fitted = replace(model, threshold=threshold._replace(value=value))
    return changed


def rule_beside(rule: str) -> str:
    """Return the rule for windows, where the one for sessions is by labels or by events."""
    return rule if rule in ("tail", "quantile") or rule.startswith("sigma") else "tail"


def notes_beside(sessions: Sessions, model: Any, windows: Sessions | None) -> list[str]:
    """Return what is to be said of lines that belong to no session and were not judged."""
    count = 0 if sessions.ungrouped is None else len(sessions.ungrouped)
    if windows is not None:
        return []
    lines = f"{count:,} line{'' if count == 1 else 's'} in no {sessions.log.unit}"
    if model.ungrouped is None:
        # Its log had too few, or it is of a version that learnt from none.
        learning = f"fit it to {FEWEST_LINES} or more of them to have them judged"
        said = f"{lines}: not judged, the model learnt from no such lines; {learning}"
        return [said] if count else []
    if count:
        return [f"{lines}: not judged, they have no time"]
    learnt = model.ungrouped.info["lines"]
    return [f"every line is in a {sessions.log.unit}; the model learnt from {learnt:,} in none"]
