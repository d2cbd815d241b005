"""Reading what the commands are given: logs, models, findings."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amiss.cli.options import DEFAULT_DETECTOR
from amiss.cli.streams import progress
from amiss.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from amiss import Sessions
    from amiss.cli.options import LogOptions
    from amiss.detect._base import Detector


def read(options: LogOptions, grouping: Mapping[str, Any] | None = None) -> Sessions:
    """Read logs into sessions, grouped by `grouping` if given, with progress on a terminal."""
    from amiss.run.ingest import read_sessions

    if hasattr(signal, "siginterrupt"):
        # Polars' own handler lets reads go on after Ctrl-C: a scan of stdin could not be stopped.
        signal.siginterrupt(signal.SIGINT, True)
    chosen = options.grouping if grouping is None else grouping
    with progress(options.quiet) as advance:
        return read_sessions(options.logs, **chosen, format=options.format, progress=advance)


def read_for(model: Path, options: LogOptions) -> tuple[Any, Sessions]:
    """Read the model, and the logs grouped as the model's were unless told otherwise."""
    from amiss.run.pipeline import load_model

    fitted = load_model(model)
    if any(value is not None for value in options.grouping.values()):
        return fitted, read(options)
    name, value = fitted.info["option"]
    return fitted, read(options, {name: value} if name else {})


def chosen_detector(name: str, config: Path | None, seed: int) -> str | Detector:
    """Return the detector by its name, or made by a config."""
    if config is None:
        return name
    if name != DEFAULT_DETECTOR:
        raise UsageError(f"--detector {name} and --config {config}: give one, the config names one")
    from amiss.run.config import read_config

    return read_config(config, random_state=seed)


def read_finding(path: Path, session_id: str) -> dict[str, Any]:
    """Return one finding of what scan or detect printed as JSON, with its threshold."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {f["id"]: f for f in content["findings"]}
        threshold = content["threshold"]["value"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise not_findings(path) from None
    if session_id not in found:
        such = f"; ids are such as {next(iter(found))!r}" if found else ""
        raise InputError(f"{path}: no finding {session_id!r} among its {len(found):,}{such}")
    return {**found[session_id], "threshold": threshold}


def not_findings(path: Path) -> InputError:
    """Return the error for a file that does not hold findings."""
    return InputError(
        f"{path}: not findings; expected what amiss scan --json or detect --json printed"
    )
