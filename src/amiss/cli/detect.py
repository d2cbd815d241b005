"""Showing what is amiss in other data, by a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.follow import follow_stream
from amiss.cli.inputs import read_for
from amiss.cli.log_options import LogOptions
from amiss.cli.options import (
    All,
    Csv,
    FailOn,
    Html,
    Json,
    JsonLines,
    ModelFile,
    Sarif,
    reads_anything,
)
from amiss.cli.output import (
    check_page,
    exit_on,
    parse_fail_on,
    print_findings,
    printed_as,
    report_options,
    with_notes,
)
from amiss.cli.streams import check_target, complain, dumps, quoted, say, status
from amiss.errors import UsageError

_REPORT = "Report (of tables, series, images and entities)"


@reads_anything
def detect(
    model: ModelFile,
    logs: LogOptions,
    false_alarm_rate: Annotated[
        float | None,
        typer.Option(
            "--false-alarm-rate", metavar="SHARE", help="Another rate than the model's; no refit."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            help="Find the threshold anew: tail, quantile, sigma-K, top-K, p-X.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            help="So many of the highest scores, flagged or not.",
            rich_help_panel=_REPORT,
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            "--top-k",
            metavar="K",
            help="Features of each; 5 by default.",
            rich_help_panel=_REPORT,
        ),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="FILE",
            help="Write what came and what was predicted in each window: .parquet or .npy.",
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            metavar="",
            help="With -: judge standard input while it comes; findings are printed as they do, "
            "one a line with --json.",
        ),
    ] = False,
    idle: Annotated[
        str | None,
        typer.Option(
            "--idle",
            metavar="TIME",
            help="With --follow: a session that is silent so long is over; 5m by default.",
        ),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", metavar="", help="Show how many each rate would flag, and stop."),
    ] = False,
    html: Html = None,
    all_: All = False,
    fail_on: FailOn = None,
    as_json: Json = False,
    as_jsonl: JsonLines = False,
    as_csv: Csv = False,
    as_sarif: Sarif = False,
) -> None:
    """Show what is amiss in other data, by a model."""
    limit = parse_fail_on(fail_on)
    form = printed_as(csv=as_csv, json=as_json, jsonl=as_jsonl, sarif=as_sarif)
    check_page(html, [*logs.logs, model])
    whole = {"--csv": as_csv, "--sarif": as_sarif, "--html": html is not None}
    if follow or idle is not None:
        for name, given in {**whole, "--preview": preview, "--top": top is not None}.items():
            if given:
                raise UsageError(f"{name} is of a whole log, not of a stream that goes on")
        follow_stream(model, logs, follow, idle, false_alarm_rate, rule, as_json or as_jsonl, limit)
        return
    for name, given in {**whole, "--jsonl": as_jsonl}.items():
        if preview and given:
            raise UsageError(f"--preview compares rates and finds nothing: leave out {name}")
    if preview and predictions:
        raise UsageError("--preview stops before anything is predicted: leave out --predictions")
    if predictions:
        from amiss.run.models import load_model
        from amiss.run.predictions import check_predictions

        check_target(predictions, "predictions", [*logs.logs, model])
        check_predictions(load_model(model), predictions)
    fitted, data, notes = read_for(model, logs)
    reporting = report_options(fitted, top, top_k)
    if false_alarm_rate is not None or rule is not None:
        from amiss.run.models import usual_rate

        rate = usual_rate(fitted) if false_alarm_rate is None else false_alarm_rate
        fitted = fitted.set_threshold(rate, rule or "tail")
    if preview:
        from amiss.present.text import describe_preview

        if rule is not None and fitted.threshold.rate is None:
            raise UsageError(f"--preview compares false-alarm rates; the rule {rule} asks for none")

        content = {
            "schema": "amiss.preview/1",
            "unit": fitted.info["unit"],
            "scored": len(data),
            "rates": fitted.preview(data, rule=rule or "tail").to_dicts(),
        }
        say(dumps(content) if as_json else describe_preview(content))
        return
    if predictions:
        from amiss.run.predictions import write_predictions

        with status("predicting", logs.quiet):
            count = write_predictions(fitted, data, predictions)
        complain(f"{predictions}: {count:,} windows")
    with status("scoring", logs.quiet):
        findings = fitted.detect(data, **reporting)
    everything, as_report = all_ or top is not None, top_k is not None
    print_findings(with_notes(findings, notes), form, everything, as_report, html)
    if form == "text" and findings and "-" not in logs.logs:
        again = logs.as_words()
        say(
            f"\nnext: amiss explain {quoted(logs.logs)} --id={quoted([findings[0].id])} "
            f"--model {quoted([str(model)])}{again}"
        )
        if findings[0].unit == "entity":
            say("      (--csv prints a report; with a column verdict added, fit --labels takes it)")
    exit_on(findings, limit)
