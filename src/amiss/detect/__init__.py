"""Arrays to scores: the catalogue of detectors.

A detector is one file and one entry here. Names are resolved when they are used, so that listing
them imports neither torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from amiss.errors import UsageError

if TYPE_CHECKING:
    from amiss.detect._base import Detector


class Entry(NamedTuple):
    """Where a detector is, and what it takes."""

    module: str
    class_name: str
    inputs: tuple[str, ...] = ("sequences",)


#: By the name that users type.
CATALOGUE: dict[str, Entry] = {
    "aegmm": Entry("aegmm", "AEGMM", ("table", "images")),
    "deep-sad": Entry("deep_sad", "DeepSAD", ("table",)),
    "event-counts": Entry("event_counts", "EventCounts"),
    "event-numbers": Entry("event_numbers", "EventNumbers"),
    "event-pair": Entry("event_pair", "EventPair"),
    "event-rates": Entry("event_rates", "EventRates"),
    "event-seq2seq": Entry("event_seq2seq", "EventSeq2Seq"),
    "lstm-autoencoder": Entry("lstm_autoencoder", "LSTMAutoencoder", ("series",)),
    "n-grams": Entry("ngrams", "NGrams"),
    "nearest-profile": Entry("nearest_profile", "NearestProfile"),
    "next-event": Entry("next_event", "NextEvent"),
    "session-ensemble": Entry("session_ensemble", "SessionEnsemble"),
    "step-times": Entry("step_times", "StepTimes"),
    "table-ensemble": Entry("table_ensemble", "TableEnsemble", ("table",)),
    "trace-ensemble": Entry("trace_ensemble", "TraceEnsemble"),
    "two-stage": Entry("two_stage", "TwoStageLabeler", ("series",)),
    "vae": Entry("vae", "VAE", ("table", "images")),
    "vaegmm": Entry("vaegmm", "VAEGMM", ("table", "images")),
    "vector-autoregression": Entry("vector_autoregression", "VectorAutoregression", ("series",)),
}

_CLASSES = {entry.class_name: entry.module for entry in CATALOGUE.values()}
__all__ = sorted(_CLASSES)


def get_detector(name: str) -> type[Detector]:
    """Return the detector class that users call `name`.

    Raises
    ------
    UsageError
        There is none of that name; the message lists those there are.
    """
    entry = find_entry(name)
    module = import_module(f"amiss.detect.{entry.module}")
    found: type[Detector] = getattr(module, entry.class_name)
    return found


def find_entry(name: str) -> Entry:
    """Return the catalogue's entry of a detector; nothing is imported.

    Raises
    ------
    UsageError
        As `get_detector`.
    """
    if name not in CATALOGUE:
        raise UsageError(f"unknown detector {name!r}; expected one of: {', '.join(CATALOGUE)}")
    return CATALOGUE[name]


def __getattr__(name: str) -> Any:
    if name in _CLASSES:
        return getattr(import_module(f"amiss.detect.{_CLASSES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
