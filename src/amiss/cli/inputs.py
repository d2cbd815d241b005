"""Reading what the commands are given: logs, models, findings."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amiss.cli.streams import progress
from amiss.errors import InputError

if TYPE_CHECKING:
    from amiss import Sessions


def read(
    logs: list[str],
    session_key: str | None,
    session_field: str | None,
    gap: float | None,
    window: int | None,
    format: str | None,  # noqa: A002 - the option's name
    quiet: bool,
) -> Sessions:
    """Read logs into sessions, with progress on a terminal."""
    from amiss.run.ingest import read_sessions

    if hasattr(signal, "siginterrupt"):
        # Polars' own handler lets reads go on after Ctrl-C: a scan of stdin could not be stopped.
        signal.siginterrupt(signal.SIGINT, True)
    with progress(quiet) as advance:
        return read_sessions(
            logs,
            session_key=session_key,
            session_field=session_field,
            gap=gap,
            window=window,
            format=format,
            progress=advance,
        )


def read_for(
    model: Path,
    logs: list[str],
    session_key: str | None,
    session_field: str | None,
    gap: float | None,
    window: int | None,
    format: str | None,  # noqa: A002 - the option's name
    quiet: bool,
) -> tuple[Any, Sessions]:
    """Read the model, and the logs grouped as the model's were unless told otherwise."""
    from amiss.run.pipeline import load_model

    fitted = load_model(model)
    given = {
        "session_key": session_key, "session_field": session_field, "gap": gap, "window": window,
    }  # fmt: skip
    if all(value is None for value in given.values()):
        name, value = fitted.info["option"]
        given[name] = value
    sessions = read(logs, **given, format=format, quiet=quiet)  # type: ignore[arg-type]  # as stored
    return fitted, sessions


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
