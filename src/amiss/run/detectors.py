"""Detectors as models use them: made by name, fit for their data and rule, and read from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.decide import score_of_rule
from amiss.detect import CATALOGUE, find_entry, get_detector
from amiss.detect._base import Detector
from amiss.errors import ModelError, UsageError

_IN_WORDS = {
    "sequences": "the sessions of a log",
    "windows": "windows of events",
    "table": "the rows of a table",
    "series": "sensor series",
    "images": "images",
}
_ALSO = {"series": ("table",)}
"""Who else may be given such: detectors of tables judge each row of a series by itself."""


def make_detector(
    detector: str | Detector, random_state: int, rule: str, takes: str = "sequences"
) -> Detector:
    """Return a detector of the catalogue, seeded, or the one that is given.

    Parameters
    ----------
    detector : str or Detector
    random_state : int
        Seeds a detector that is named.
    rule : str
        How the threshold is to be found.
    takes : {"sequences", "windows", "table", "series", "images"}
        What the data are.

    Raises
    ------
    UsageError
        There is no detector of that name, it takes other data, or gives no scores for the rule.
    """
    made = get_detector(detector)() if isinstance(detector, str) else detector
    accepted = {takes, *_ALSO.get(takes, ())}
    if not accepted & set(made.inputs):
        others = [name for name, entry in CATALOGUE.items() if accepted & set(entry.inputs)]
        raise UsageError(
            f"detector {made.name!r} takes {' or '.join(_IN_WORDS[i] for i in made.inputs)}, "
            f"not {_IN_WORDS[takes]}; for these there are: {', '.join(others)}"
        )
    if isinstance(detector, str):
        parameters = made.get_params(deep=False)
        if "random_state" in parameters:
            made.set_params(random_state=random_state)
        # What a word means depends on the detector: a rule of events asks for one of their scores.
        if (needed := score_of_rule(rule)) and takes == "sequences" and "score" in parameters:
            made.set_params(score=needed)
    check_rule(rule, made)
    return made


def takes_series(detector: str | Detector) -> bool:
    """Return whether a detector scores rows by those around them; torch is not imported."""
    inputs = find_entry(detector).inputs if isinstance(detector, str) else detector.inputs
    return "series" in inputs


def check_rule(rule: str, detector: Detector) -> None:
    """Refuse a rule that needs scores which the detector does not give.

    Raises
    ------
    UsageError
        Names both.
    """
    needed = score_of_rule(rule)
    if needed and ("sequences" not in detector.inputs or _score_of(detector) != needed):
        instead = f"NextEvent(score={needed!r}), or the rule tail"
        if "sequences" not in detector.inputs:
            instead = "the rule tail, quantile or f1"
        raise UsageError(
            f"rule {rule!r} cuts the {needed} of single events, which detector {detector.name!r} "
            f"does not score; use {instead}"
        )


def _score_of(detector: Detector) -> Any:
    return getattr(detector, "score", None)


def load_detector(
    manifest: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    modules: Mapping[str, Any] | None = None,
) -> Detector:
    """Return the fitted detector that `Detector.to_state` described.

    `modules` are parameters that no file can hold, by name.
    """
    detector = get_detector(manifest["detector"])(**manifest["parameters"])
    if modules:
        known = detector.get_params(deep=False)
        if unknown := sorted(set(modules) - set(known)):
            raise ModelError(
                f"modules {', '.join(unknown)}: detector {detector.name!r} has no such parameters"
            )
        detector.set_params(**modules)
    detector.from_state(manifest, arrays)
    return detector


def detector_state(detector: Detector) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return a detector's state for a file that holds more: its arrays begin ``detector.``."""
    manifest, arrays = detector.to_state()
    return manifest, {f"detector.{name}": np.asarray(array) for name, array in arrays.items()}
