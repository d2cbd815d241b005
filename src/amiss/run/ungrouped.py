"""Judging the lines that belong to no session: in windows, by a model of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from amiss.detect._window_counts import FATAL
from amiss.represent.sessions import Sessions
from amiss.represent.ungrouped import in_windows
from amiss.run.discovery import usual_length
from amiss.run.findings import ExplainedFinding
from amiss.run.thresholds import Fitted
from amiss.types import NO_TIME

DETECTOR = "event-rates"
"""Judges windows of lines that belong to no session."""
FEWEST_LINES = 100
"""Of fewer lines nothing can be told of what is usual."""
_FEWEST_WINDOWS = 200
"""So many that an incident of a few windows is not among the usual ones."""
_LINES_OF_A_WINDOW = 10
_BY_CHANCE = 0.05
_EXTRAPOLATED = 2.0
"""By how much, in log₁₀, tails of healthy logs were seen to be too low."""


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

    None: there are no such lines, or too few for a window, or they have no times and the windows
    are of time.
    """
    option = tuple(info["option"])
    lines = sessions.ungrouped
    if lines is None or (option[0] == "every" and not (lines.time != NO_TIME).any()):
        return None
    if option[0] == "window" and len(lines) < option[1]:
        return None
    return in_windows(sessions, option)


def bounded(model: Fitted, rate: float, windows: int) -> Fitted:
    """Return a model of windows whose threshold is what so many of them can tell.

    Scores of `DETECTOR` are −log₁₀ of a p-value. Beyond the threshold is not what is more likely
    than the rate, nor what one in twenty logs of so many windows would have by chance; and since
    tails are extrapolated from few windows, a hundred times less likely. What is fatal and new is
    beyond it, also where it was among the windows that the threshold was taken from.
    """
    threshold = model.threshold
    least = max(-np.log10(rate), np.log10(windows / _BY_CHANCE) + _EXTRAPOLATED)
    value = float(max(min(threshold.value, FATAL), least))
    model.detector.offset_ = -value
    changed: Fitted = replace(model, threshold=threshold._replace(value=value))
    return changed


def as_likely_as_scored(items: tuple[ExplainedFinding, ...]) -> tuple[ExplainedFinding, ...]:
    """Return findings of windows with the p-values that are their scores.

    What is extrapolated from the scores of few windows is a worse one, above or below.
    """
    return tuple(replace(item, p_value=min(1.0, 10.0**-item.score)) for item in items)


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
        timed = model.ungrouped.info["option"][0] == "every"
        return [f"{lines}: not judged, {'they have no time' if timed else 'less than a window'}"]
    learnt = model.ungrouped.info["lines"]
    return [f"every line is in a {sessions.log.unit}; the model learnt from {learnt:,} in none"]
