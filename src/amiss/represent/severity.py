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
FATAL = 2.0
"""The severity of one that says that something is beyond help: twice as alarming as a failure."""

_LEVELS = {
    "warn": 1.0, "warning": 1.0, "w": 1.0,
    "error": 1.0, "err": 1.0, "e": 1.0, "severe": 1.0,
    "fatal": FATAL, "critical": FATAL, "crit": FATAL, "f": FATAL,
    "alert": FATAL, "emerg": FATAL, "emergency": FATAL, "panic": FATAL,
    "wrn": 1.0, "fail": 1.0, "erro": 1.0, "ww": 1.0, "ee": 1.0,
    "ftl": FATAL, "fata": FATAL, "pani": FATAL,
}  # fmt: skip
_ERRORS = frozenset(
    ["error", "err", "e", "severe", "fatal", "critical", "crit", "f", "alert", "emerg", "emergency",
     "ftl", "fail", "erro", "fata", "pani", "ee"]
)  # fmt: skip

# "exception" stands inside class names (IOException); the rest are whole words, so that a set
# called invalidSet is no alarm.
_ALARMING = re.compile(
    r"exception|\b(?:errors?|fail\w*|timed?\s?-?out|interrupt\w*|refused|denied|corrupt\w*|lost|"
    r"fatal|panic|abort\w*|unexpected|invalid|illegal|cannot|can't|could not|unable|not found|"
    r"does not|reset|unreachable|overflow|violation|segfault|killed|crash\w*)\b",
    re.IGNORECASE,
)

# What ends a process or a machine; a count of such, or that there was none, does not.
_DEADLY = re.compile(
    r"(?<!no )(?<!non-)(?<!<\*> )(?<!0 )(?:"
    r"\bkernel panic\b|\bpanic:|\bfatal (?:error|exception|signal)(?!s)|\bfatal:|"
    r"\bsegfault at\b|\bsegmentation fault\b|\bout of memory\b|\bOutOfMemoryError\b|"
    r"\bcore dumped\b|\bgeneral protection fault\b|\bmachine check (?:event|exception)s?\b|"
    r"\bno space left on device\b|\bstack smashing\b|\bunable to handle kernel\b)",
    re.IGNORECASE,
)

# An event number such as 22, or an id such as E22 or dc2c74b7; masked messages hold no digits.
_LETTER = re.compile(r"[^\W\d_]")
_ID = re.compile(r"\S*\d\S*")


def severity(text: str, level: str = "") -> float:
    """Return how alarming a template is, from ``CALM`` to 1, or ``FATAL``.

    Examples
    --------
    >>> severity("Verification succeeded for <*>", "INFO")
    0.25
    >>> severity("writeBlock <*> received exception <*>", "INFO")
    1.0

    >>> severity("kernel: Kernel panic - not syncing: <*>")
    2.0

    An event number says nothing of what it stands for, so nothing speaks against an alarm.

    >>> severity("22")
    1.0
    """
    if _DEADLY.search(text):
        return FATAL
    if (of_level := _LEVELS.get(level.lower())) is not None:
        return of_level
    if _ALARMING.search(text):
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
