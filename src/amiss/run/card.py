"""The model card: what a model learnt from, what it is made of, and how it decides."""

from __future__ import annotations

import re
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss import store
from amiss.detect._base import Detector
from amiss.errors import UsageError
from amiss.present.card import SCHEMA, threshold_meaning
from amiss.present.feedback import feedback_to_dicts
from amiss.present.summary import timestamp
from amiss.run.detector_parts import count_parameters, describe_detector
from amiss.run.feedback import clock
from amiss.run.pipeline import Model
from amiss.run.rows import RowModel
from amiss.run.templates import list_templates, miner_of
from amiss.types import NO_TIME, Threshold

MOST_TEMPLATES = 20
"""Templates that a card shows, the most frequent first, unless asked for more."""
QUANTILES = (0.5, 0.9, 0.99, 0.999, 1.0)
"""Of the calibration scores."""
_MEMBER = re.compile(r"detector\.members\.(\d+)\.")


def model_card(
    model: Model | RowModel | Detector,
    path: str | PathLike[str] | None = None,
    *,
    templates: int | None = MOST_TEMPLATES,
) -> dict[str, Any]:
    """Return all there is to know of a model, as plain values.

    Parameters
    ----------
    model : Model, RowModel or Detector
        Fitted; as `amiss.load` returns it.
    path : path-like, optional
        Its file: the card then has its size, its age and the versions it was written with.
    templates : int, optional
        So many of the most frequent templates; None for all.

    Returns
    -------
    dict
        The schema ``amiss.card/1``. What a model does not have is None: a bare detector knows
        nothing of what it learnt from.

    Raises
    ------
    InputError, ModelError
        There is no such file, or it is not a model.

    Examples
    --------
    >>> import polars as pl
    >>> from amiss import Sessions, fit
    >>> rows = pl.DataFrame({"session": list("aabb"), "event": ["open", "shut"] * 2})
    >>> card = model_card(fit(Sessions.from_frame(rows), detector="event-counts"))
    >>> card["learnt_from"]["sessions"], card["detector"]["name"], card["templates"]["count"]
    (2, 'event-counts', 2)
    """
    part = describe_detector(model if isinstance(model, Detector) else model.detector)
    card: dict[str, Any] = {
        "schema": SCHEMA,
        "kind": "detector",
        "fitted": None,
        "learnt_from": None,
        "detector": part,
        "parameters": count_parameters(part),
        "threshold": _threshold(model),
        "calibration": None,
        "templates": None,
        "figures": [] if isinstance(model, Detector) else _figures(model),
        "feedback": [] if isinstance(model, Detector) else _feedback(model),
        "file": None if path is None else _file(path),
    }
    if isinstance(model, Detector):
        return card
    return card | {
        "kind": "model" if isinstance(model, Model) else "rows",
        "fitted": timestamp(model.fitted),
        "learnt_from": _learnt_from(model.info),
        "calibration": _calibration(model.calibration, model.threshold),
        "templates": _templates(model, templates),
    }


def _learnt_from(info: dict[str, Any]) -> dict[str, Any]:
    """Return what a model keeps of its data; times as text, as those of rows are."""
    moments: dict[str, Any] = {
        key: timestamp(NO_TIME if info[key] is None else info[key])
        for key in ("start", "end")
        if key in info and not isinstance(info[key], str)
    }
    return {**info, **moments}


def _figures(model: Model | RowModel) -> list[dict[str, Any]]:
    """Return how the model did on labelled data, and whether at the threshold that it has now."""
    return [
        {
            **entry,
            "when": timestamp(entry["when"]),
            "at_this_threshold": entry["threshold"] == model.threshold.value,
        }
        for entry in model.evaluations
    ]


def _feedback(model: Model | RowModel) -> list[dict[str, Any]]:
    return feedback_to_dicts(model.feedback, clock())


def _threshold(model: Any) -> dict[str, Any]:
    if isinstance(model, Detector):
        threshold, unit, scores = Threshold("own", -float(model.offset_)), "item", 0
    else:
        threshold, unit, scores = model.threshold, model.info["unit"], len(model.calibration)
    values = {**threshold._asdict(), "value": store.finite(threshold.value)}
    return {**values, "meaning": threshold_meaning(values, unit, scores)}


def _calibration(scores: NDArray[np.float64], threshold: Threshold) -> dict[str, Any]:
    return {
        "scores": len(scores),
        "above": int((scores > threshold.value).sum()),
        "quantiles": [
            {"share": share, "score": store.finite(float(np.quantile(scores, share)))}
            for share in QUANTILES
            if len(scores)
        ],
    }


def _templates(model: Any, most: int | None) -> dict[str, Any] | None:
    try:
        miner = miner_of(model)
    except UsageError:  # a model of tables or images
        return None
    entries = sorted(list_templates(model), key=lambda entry: (-(entry.count or 0), entry.id))
    return {
        "count": len(entries),
        "given": miner.is_exact,
        "events": None if miner.counts is None else int(miner.counts[_kept(miner)].sum()),
        "named": len(miner.names),
        "merged": len(miner.aliases),
        "split": len(miner.divided),
        "shown": [
            {
                "id": entry.id,
                "text": entry.text,
                "count": entry.count,
                "name": entry.name,
                "merged": list(entry.merged),
            }
            for entry in entries[:most]
        ],
    }


def _kept(miner: Any) -> list[int]:
    """Return the templates that are not counted under another one too."""
    return [i for i in range(len(miner.counts)) if i not in miner.aliases]


def _file(path: str | PathLike[str]) -> dict[str, Any]:
    manifest, arrays = store.read(path)
    packed = store.sizes(path)
    return {
        "path": str(path),
        "bytes": sum(packed.values()),
        "format": manifest["format"],
        "created": manifest["created"],
        "versions": manifest["versions"],
        "parts": _parts(manifest, arrays),
    }


def _parts(manifest: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Return how large each part of a file is, unpacked, the largest first."""
    content = manifest["content"]
    members = []
    if manifest["kind"] == "detector":
        sizes = {"detector": store.text_size(content) + sum(a.nbytes for a in arrays.values())}
    else:
        sizes = {name: store.text_size(value) for name, value in content.items()}
        members = content["detector"].get("fitted", {}).get("members", [])
        for name, array in arrays.items():
            found = _MEMBER.match(name)
            part = f"member {members[int(found[1])]['name']}" if found else name.split(".")[0]
            sizes[part] = sizes.get(part, 0) + array.nbytes
    return [
        {"name": name, "bytes": size}
        for name, size in sorted(sizes.items(), key=lambda item: -item[1])
    ]
