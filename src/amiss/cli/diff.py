"""The command that says what changed between two logs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from amiss.cli.log_options import LogOptions
from amiss.cli.options import (
    Field,
    Format,
    Gap,
    Json,
    Key,
    Mask,
    Quiet,
    Seed,
    Since,
    Until,
)
from amiss.cli.streams import check_target, dumps, progress, say, width
from amiss.errors import UsageError

_FAIL_ON = ("new", "gone", "rate", "any", "alarming")


def diff(
    before: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE",
            help="A log file (plain, .gz, .zst, .bz2, .xz, .zip), a folder, a glob pattern, or -.",
        ),
    ],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The log to compare with it.")],
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", "-m", metavar="MODEL", help="Take the templates and names of this model."
        ),
    ] = None,
    session_key: Key = None,
    session_field: Field = None,
    gap: Gap = None,
    format: Format = None,  # noqa: A002 - the option's name
    since: Since = None,
    until: Until = None,
    mask: Mask = None,
    false_alarm_rate: Annotated[
        float,
        typer.Option(
            "--false-alarm-rate",
            metavar="SHARE",
            help="Chance that anything is named where nothing changed, at least 0.0001.",
        ),
    ] = 0.01,
    min_ratio: Annotated[
        float,
        typer.Option("--min-ratio", metavar="R", help="Smaller changes of a rate are not named."),
    ] = 1.2,
    seed: Seed = 0,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="new|gone|rate|any|alarming",
            help="Exit with 3 at new templates or transitions, at those that are gone, at changed "
            "rates, or at any of these. alarming: at one alarming template that is not in BEFORE, "
            "though chance may explain it.",
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page to read.")
    ] = None,
    all_: Annotated[
        bool, typer.Option("--all", metavar="", help="Show every difference, not the top ten.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what changed between two logs: templates new, gone or changed in rate; transitions."""
    if fail_on is not None and fail_on not in _FAIL_ON:
        raise UsageError(f"--fail-on {fail_on!r}; expected one of {', '.join(_FAIL_ON)}")
    if html is not None:
        check_target(html, "a page")
    from amiss.run.diff import diff_logs

    fitted = None
    if model is not None:
        from amiss.run.models import load_model

        fitted = load_model(model)
    options = LogOptions([before, after], since=since, until=until, mask=mask)
    with progress(quiet, options.logs) as advance:
        found = diff_logs(
            before,
            after,
            session_key=session_key,
            session_field=session_field,
            gap=gap,
            format=format,
            **options.selection,
            model=fitted,
            false_alarm_rate=false_alarm_rate,
            min_ratio=min_ratio,
            random_state=seed,
            progress=advance,
        )
    content = found.to_dict()
    if html is not None:
        found.to_html(html)
    if as_json:
        say(dumps(content))
    else:
        from amiss.present.diff import describe_diff
        from amiss.present.layout import MOST_SHOWN

        say(describe_diff(content, None if all_ else MOST_SHOWN, width()))
    if fail_on is not None and _fails(content, fail_on):
        raise typer.Exit(3)


def _fails(content: dict[str, Any], fail_on: str) -> bool:
    """Return whether there is what a gate asks for."""
    if fail_on == "alarming":
        return any(
            c["alarming"] and c["after"] for c in [*content["new"], *content["within_chance"]]
        )
    kinds = {"new": ("new", "transitions"), "gone": ("gone",), "rate": ("changed",)}
    asked = kinds.get(fail_on, ("new", "gone", "changed", "transitions"))
    return any(content[kind] for kind in asked)
