"""What a fitted detector is made of: members, networks with their layers, arrays, training."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from amiss.detect._base import Detector
from amiss.errors import AmissError

_CURVES = ("epoch", "loss", "validation_loss")
_MOST_VALUES = 64
"""Values of one parameter that are told; of more, how many there are."""


def describe_detector(detector: Detector, name: str = "") -> dict[str, Any]:
    """Return what a detector is made of, as plain values.

    Members, stages and networks are found by presence, on any detector.

    Parameters
    ----------
    detector : Detector
        Fitted.
    name : str
        What an ensemble calls it; by default its name in the catalogue.

    Returns
    -------
    dict
        ``name``, ``detector``, ``parameters``; ``networks``, each with ``layers``; ``arrays``,
        what it holds besides; ``history``, one entry a training run; ``members``, which are
        described alike.

    Examples
    --------
    >>> from amiss.detect import EventCounts
    >>> part = describe_detector(EventCounts().fit([["open", "shut"]] * 9 + [["open"]]))
    >>> part["detector"], part["networks"], part["history"]
    ('event-counts', [], [])
    """
    inner = list(_inner(detector))
    members = [describe_detector(member, own) for own, member in inner]
    told = [member.history_ for _, member in inner]
    runs = [] if detector.history_ in told else _runs(detector.history_)
    return {
        "name": name or detector.name,
        "detector": detector.name,
        "parameters": {
            key: plain(value)
            for key, value in sorted(detector.get_params(deep=False).items())
            if key != "members"  # they are described themselves
        },
        "networks": [_network(own, module) for own, module in _networks(detector)],
        "arrays": _arrays(detector, {own for own, _ in inner}),
        "history": runs,
        "members": members,
    }


def count_parameters(part: dict[str, Any]) -> int:
    """Return how many weights the networks of a detector and its members have."""
    own: int = sum(network["parameters"] for network in part["networks"])
    return own + sum(count_parameters(member) for member in part["members"])


def plain(value: Any) -> Any:
    """Return a parameter as JSON has it; of what it cannot hold, the name.

    Examples
    --------
    >>> plain((np.int64(3), "tanh")), plain(len), plain(np.zeros(3)), plain(float("inf"))
    ([3, 'tanh'], 'len', '3 numbers', 'inf')
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        value = value.tolist() if value.ndim == 0 else _many(value.size)
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value] if len(value) <= _MOST_VALUES else _many(len(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "name", None) or getattr(value, "__name__", type(value).__name__)


def _many(count: int) -> str:
    return f"{count:,} numbers"


def _inner(detector: Detector) -> Iterator[tuple[str, Detector]]:
    """Yield the members of an ensemble and the detectors that are stages of one, by name."""
    yield from getattr(detector, "members_", ())
    for name, value in vars(detector).items():
        if name.endswith("_") and isinstance(value, Detector):
            yield name.removesuffix("_"), value


def _networks(detector: Detector) -> Iterator[tuple[str, Any]]:
    if "torch" not in sys.modules:  # nothing that was loaded needs it
        return
    from torch import nn

    for name, value in vars(detector).items():
        if not name.endswith("_"):
            continue
        several = list(value) if isinstance(value, list | tuple) else [value]
        found = [module for module in several if isinstance(module, nn.Module)]
        for number, module in enumerate(found, 1):
            own = name.removesuffix("_")
            yield own if len(found) == 1 else f"{own.removesuffix('s')} {number}", module


def _network(name: str, module: Any) -> dict[str, Any]:
    weights = list(module.parameters())  # one that is used twice is there once
    return {
        "name": name,
        "type": type(module).__name__,
        "parameters": sum(weight.numel() for weight in weights),
        "bytes": sum(weight.numel() * weight.element_size() for weight in weights),
        "layers": list(_layers(module)),
    }


def _layers(module: Any) -> Iterator[dict[str, Any]]:
    for name, layer in module.named_modules():
        own = list(layer.parameters(recurse=False))
        if own:
            yield {
                "name": name,
                "type": type(layer).__name__,
                "shapes": [list(weight.shape) for weight in own],
                "parameters": sum(weight.numel() for weight in own),
            }


def _arrays(detector: Detector, inner: set[str]) -> list[dict[str, Any]]:
    """Return the arrays that a file would hold of the detector itself, networks aside."""
    try:
        _, arrays = detector.to_state()
    except AmissError:  # of stages that no file can hold
        return []
    elsewhere = ("network.", "members.", *(f"{name}." for name in inner))
    return [
        {"name": name, "shape": list(array.shape), "type": str(array.dtype), "bytes": array.nbytes}
        for name, array in sorted((n, np.asarray(a)) for n, a in arrays.items())
        if not name.startswith(elsewhere)
    ]


def _runs(history: list[dict[str, float]]) -> list[dict[str, Any]]:
    """Return the losses of each epoch, one entry a network or phase that was trained."""
    runs: dict[tuple[tuple[str, float], ...], dict[str, Any]] = {}
    for entry in history:
        if "member" in entry:  # each member keeps its own
            continue
        of = tuple((key, value) for key, value in entry.items() if key not in _CURVES)
        run = runs.setdefault(of, {"of": dict(of), "loss": [], "validation_loss": []})
        run["loss"].append(plain(entry.get("loss")))
        if "validation_loss" in entry:
            run["validation_loss"].append(plain(entry["validation_loss"]))
    return list(runs.values())
