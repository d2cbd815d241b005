"""Arrays to scores: the catalogue of detectors.

A detector is one file and one entry here. Names are resolved when they are used, so that listing
them imports neither torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from amiss.errors import UsageError

if TYPE_CHECKING:
    from amiss.detect._base import Detector

#: The name users type → module and class.
CATALOGUE: dict[str, tuple[str, str]] = {
    "event-counts": ("event_counts", "EventCounts"),
    "event-pair": ("event_pair", "EventPair"),
    "next-event": ("next_event", "NextEvent"),
    "session-ensemble": ("session_ensemble", "SessionEnsemble"),
}

_CLASSES = {class_name: module for module, class_name in CATALOGUE.values()}
__all__ = sorted(_CLASSES)


def get_detector(name: str) -> type[Detector]:
    """Return the detector class that users call `name`.

    Raises
    ------
    UsageError
        There is none of that name; the message lists those there are.
    """
    if name not in CATALOGUE:
        raise UsageError(f"unknown detector {name!r}; expected one of: {', '.join(CATALOGUE)}")
    module, class_name = CATALOGUE[name]
    found: type[Detector] = getattr(import_module(f"amiss.detect.{module}"), class_name)
    return found


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return getattr(import_module(f"amiss.detect.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
