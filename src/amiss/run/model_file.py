"""What a model file holds of a model of logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from amiss import store
from amiss.represent.completion import Completion
from amiss.represent.templates import TemplateMiner
from amiss.run.detectors import detector_state, load_detector
from amiss.run.remembered import remembered_of_content, remembered_to_content
from amiss.types import Threshold

_ADDED: dict[str, Any] = {"mask": [], "numbers": False, "why": "", "ungrouped": None}
"""What older files lack of what a model learnt from."""

Arrays = dict[str, NDArray[Any]]


def model_to_content(model: Any) -> tuple[dict[str, Any], Arrays]:
    """Return the plain values and the arrays of a model, and of what judges windows beside it."""
    content, arrays = _to_content(model)
    content |= {"templates": model.miner.to_state(), **remembered_to_content(model)}
    if model.ungrouped is not None:  # its templates are those of the model
        content["ungrouped"], own = _to_content(model.ungrouped)
        arrays |= {f"ungrouped.{name}": array for name, array in own.items()}
    return content, arrays


def _to_content(model: Any) -> tuple[dict[str, Any], Arrays]:
    manifest, arrays = detector_state(model.detector)
    arrays["calibration"] = model.calibration
    if model.calibration_trace is not None:
        arrays["calibration_trace"] = model.calibration_trace
    if model.completion:
        for name, array in model.completion.to_arrays().items():
            arrays[f"completion.{name}"] = array
    threshold = model.threshold._asdict()
    return {"info": model.info, "threshold": threshold, "detector": manifest}, arrays


def fields_of_content(
    content: dict[str, Any],
    arrays: Arrays,
    modules: Mapping[str, Any] | None = None,
    miner: TemplateMiner | None = None,
) -> dict[str, Any]:
    """Return the fields of a model from what a file holds of it; `miner` if that holds none."""
    completion = store.with_prefix(arrays, "completion.")
    detector = store.with_prefix(arrays, "detector.")
    return {
        "miner": TemplateMiner.from_state(content["templates"]) if miner is None else miner,
        "completion": Completion.from_arrays(completion) if completion else None,
        "detector": load_detector(content["detector"], detector, modules),
        "threshold": Threshold(**content["threshold"]),
        "calibration": arrays["calibration"],
        "info": content["info"] | {key: content["info"].get(key, v) for key, v in _ADDED.items()},
        "calibration_trace": arrays.get("calibration_trace"),
        **remembered_of_content(content),
    }
