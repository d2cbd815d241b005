"""How alarming a template is by its own level and words, before anything was learnt.

A template never seen in training is news; whether it is bad news is mostly written in it. On HDFS
a kind of normal session (block replication) that first appears after training brings four unseen
templates, all INFO and calm; faults bring "exception", "unexpected", WARN.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

CALM = 0.25
"""The severity of a template that nothing in it marks as bad."""

_LEVELS = {
    "warn": 1.0, "warning": 1.0, "w": 1.0,
    "error": 1.0, "err": 1.0, "e": 1.0, "severe": 1.0,
    "fatal": 1.0, "critical": 1.0, "crit": 1.0, "f": 1.0,
    "alert": 1.0, "emerg": 1.0, "emergency": 1.0, "panic": 1.0,
}  # fmt: skip
_ERRORS = frozenset(
    {"error", "err", "e", "severe", "fatal", "critical", "crit", "f", "alert", "emerg", "emergency"}
)

# "exception" stands inside class names (IOException); the rest are whole words, so that a set
# called invalidSet is no alarm.
_ALARMING = re.compile(
    r"exception|\b(?:errors?|fail\w*|timed?\s?-?out|interrupt\w*|refused|denied|corrupt\w*|lost|"
    r"fatal|panic|abort\w*|unexpected|invalid|illegal|cannot|can't|could not|unable|not found|"
    r"does not|reset|unreachable|overflow|violation|segfault|killed|crash\w*)\b",
    re.IGNORECASE,
)

# An event number such as 22, or an id such as E22 or dc2c74b7; masked messages hold no digits.
_LETTER = re.compile(r"[^\W\d_]")
_ID = re.compile(r"\S*\d\S*")


def severity(text: str, level: str = "") -> float:
    """Return how alarming a template is, from ``CALM`` to 1.

    Examples
    --------
    >>> severity("Verification succeeded for <*>", "INFO")
    0.25
    >>> severity("writeBlock <*> received exception <*>", "INFO")
    1.0

    An event number says nothing of what it stands for, so nothing speaks against an alarm.

    >>> severity("22")
    1.0
    """
    if level.lower() in _LEVELS or _ALARMING.search(text):
        return 1.0
    if text and (_ID.fullmatch(text) or not _LETTER.search(text)):
        return 1.0
    return CALM


def severities(texts: Sequence[str], levels: Sequence[str]) -> NDArray[np.float64]:
    """Return the severity of each template, shape (n,)."""
    return np.array([severity(t, lv) for t, lv in zip(texts, levels, strict=True)], dtype=float)


def is_error_level(level: str) -> bool:
    """Whether a log level means an error or worse."""
    return level.lower() in _ERRORS
