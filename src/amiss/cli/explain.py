"""Explaining one finding: what came, and what was expected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from amiss.cli.inputs import not_findings, read, read_finding, read_for
from amiss.cli.log_options import LogOptions
from amiss.cli.options import Json, Seed, reads_anything
from amiss.cli.output import beside
from amiss.cli.streams import dumps, quoted, say, status, width
from amiss.errors import InputError, UsageError

if TYPE_CHECKING:
    from amiss import Model


@reads_anything
def explain(
    *,
    item_id: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="ID",
            help="The session, row, image, entity or interval to explain; of a series any time in "
            "it, or the number of a row.",
        ),
    ],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit.")
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", metavar="JSON", help="What scan or detect --json printed."),
    ] = None,
    logs: LogOptions,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Explain one session, row, image, entity or interval: what came, and what was expected.

    Without --model or --findings a log is scanned once more.
    """
    from amiss.present.finding_lines import finding_line
    from amiss.present.summary import finding_to_dict
    from amiss.present.text import describe_finding

    if model and findings:
        raise UsageError("give --model or --findings, not both")
    if logs.by is not None and not model and not findings:
        raise UsageError(
            "what an entity did is explained by a model; fit one with: amiss fit LOG --by "
            f"{quoted([logs.by])} -o m.amiss, and give --model m.amiss"
        )
    if any(v is not None for v in logs.of_series.values()) and not model and not findings:
        raise UsageError(
            "an interval of a series is explained by a model; fit one with: amiss fit SERIES "
            "--head N -o m.amiss, and give --model m.amiss"
        )
    if findings:
        found = read_finding(findings, item_id)
    elif model:
        fitted, data, _ = read_for(model, logs)
        found = finding_to_dict(fitted.explain(data, item_id))
        found["threshold"] = _threshold_of(fitted, found["unit"])
        if getattr(fitted, "space", None) is not None:
            found |= beside(fitted, data, found)
    else:
        from amiss.run.pipeline import scan as run_scan

        sessions = read(logs, selection={**logs.selection, "numbers": True})  # as scan does
        if item_id not in sessions.ids and sessions.ungrouped is None:
            raise InputError(
                f"no {sessions.log.unit} {item_id!r} in this log; ids are such as "
                f"{sessions.ids[0]!r}"
            )
        with status("learning what is normal", logs.quiet):
            scanned = run_scan(sessions, random_state=seed)
        # As scan judged it, out of fold; what scan did not flag, as detect would.
        flagged = (f for f in scanned.to_dict()["findings"] if f["id"] == item_id)
        fitted = cast("Model", scanned.fitted)
        judged = next(flagged, None) or finding_to_dict(fitted.explain(sessions, item_id))
        found = {**judged, "threshold": fitted.threshold_of(judged["unit"]).value}
    try:
        text = describe_finding(found, width())
    except (KeyError, TypeError, ValueError, AttributeError):
        if not findings:
            raise
        raise not_findings(findings) from None
    say(dumps(finding_line(found, found["threshold"])) if as_json else text)


def _threshold_of(fitted: Any, unit: str) -> float:
    """Return the threshold that a model judges a unit by: of logs it may have two."""
    of = getattr(fitted, "threshold_of", None)
    return float(fitted.threshold.value if of is None else of(unit).value)
