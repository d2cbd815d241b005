"""What a model keeps of the sessions that it learnt from."""

from __future__ import annotations

import hashlib
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from amiss import store
from amiss.represent.sessions import Sessions
from amiss.types import NO_TIME

if TYPE_CHECKING:
    from amiss.detect._base import Detector

_AT_ONCE = 1 << 20


def learnt_of_file(path: str | PathLike[str]) -> dict[str, Any] | None:
    """Return what a model file says of the sessions learnt from; None where it was no sessions.

    No model is made of it, so neither torch nor scikit-learn is imported.

    Raises
    ------
    InputError, ModelError
        As `amiss.load`.
    """
    manifest, _ = store.read(path)
    learnt: dict[str, Any] | None = manifest["content"].get("info")
    return learnt if manifest["kind"] == "model" else None


def describe_learnt(sessions: Sessions, detector: Detector) -> dict[str, Any]:
    """Return what was learnt from and by what, as plain values: the log, but none of its lines."""
    log = sessions.log
    return {
        "sources": list(log.sources),
        "lines": log.lines,
        "start": None if log.start == NO_TIME else log.start,
        "end": None if log.end == NO_TIME else log.end,
        "format": log.format,
        "unit": log.unit,
        "grouping": log.grouping,
        "option": list(log.option),
        "why": log.why,
        "mask": list(log.mask),
        "numbers": sessions.numbers is not None,
        "sessions": len(sessions),
        "events": len(sessions.shape),
        "ungrouped": None,
        "detector": detector.name,
        "members": list(getattr(detector, "member_names", [])),
        "fingerprint": _fingerprint(sessions),
    }


def _fingerprint(sessions: Sessions) -> str:
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(sessions.offsets).data)
    for start in range(0, len(sessions.shape), _AT_ONCE):  # however many bytes shapes take
        digest.update(sessions.shape[start : start + _AT_ONCE].astype(np.int32).data)
    for array in (sessions.line, sessions.time):
        digest.update(np.ascontiguousarray(array).data)
    digest.update("\n".join(sessions.shapes["text"].to_list()).encode())
    return digest.hexdigest()[:16]
