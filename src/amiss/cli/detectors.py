"""Listing the detectors."""

from __future__ import annotations

from amiss.cli.options import Json
from amiss.cli.streams import dumps, say


def detectors(as_json: Json = False) -> None:
    """List the detectors by name, and what each takes."""
    from amiss.detect import CATALOGUE

    if as_json:
        inputs = {name: list(entry.inputs) for name, entry in CATALOGUE.items()}
        say(dumps({"schema": "amiss.detectors/1", "detectors": list(CATALOGUE), "inputs": inputs}))
        return
    names = {
        "sequences": "logs", "windows": "windows of events", "table": "tables",
        "series": "sensor series",
    }  # fmt: skip
    widest = max(map(len, CATALOGUE))
    for name, entry in CATALOGUE.items():
        say(f"{name:<{widest}}  {', '.join(names.get(i, i) for i in entry.inputs)}")
