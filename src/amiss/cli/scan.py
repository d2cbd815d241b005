"""Learning from data and showing what is amiss in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.inputs import configured, found_grouping, read_as, usual_detector
from amiss.cli.log_options import LogOptions
from amiss.cli.options import (
    DEFAULT_DETECTOR,
    All,
    Clean,
    Config,
    Csv,
    FailOn,
    Html,
    Json,
    JsonLines,
    Labels,
    Rate,
    Rule,
    Sarif,
    Seed,
    UsualDetector,
    reads_anything,
)
from amiss.cli.output import (
    check_page,
    exit_on,
    parse_fail_on,
    print_findings,
    printed_as,
    with_notes,
)
from amiss.cli.streams import check_target, quoted, say, status


@reads_anything
def scan(
    logs: LogOptions,
    labels: Labels = None,
    detector: UsualDetector = None,
    config: Config = None,
    clean: Clean = False,
    false_alarm_rate: Rate = None,
    rule: Rule = None,
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option("--save", "-o", metavar="MODEL", help="Keep the fitted model.")
    ] = None,
    html: Html = None,
    all_: All = False,
    fail_on: FailOn = None,
    as_json: Json = False,
    as_jsonl: JsonLines = False,
    as_csv: Csv = False,
    as_sarif: Sarif = False,
) -> None:
    """Learn from data and show what is amiss in it: fit and detect in one go, no labels needed."""
    limit = parse_fail_on(fail_on)
    form = printed_as(csv=as_csv, json=as_json, jsonl=as_jsonl, sarif=as_sarif)
    check_page(html, logs.logs)
    if save:
        check_target(save, reads=logs.logs)
    named, logs = configured(detector, config, seed, logs)
    why: list[str] = []
    if named is None and not clean:
        logs, why = found_grouping(logs)
    chosen = usual_detector(logs) if named is None else named
    data, notes = read_as(chosen, logs, clean=clean)
    notes = [*why, *notes]
    from amiss.run.findings import Findings
    from amiss.run.models import scan as run_scan

    with status("learning what is normal", logs.quiet):
        findings = run_scan(
            data,
            labels,
            detector=chosen,
            clean=clean or None,
            false_alarm_rate=false_alarm_rate,
            rule=rule,
            random_state=seed,
        )
    if save and findings.fitted:
        findings.fitted.save(save)
    evaluation = None
    if html is not None and labels is not None and isinstance(findings, Findings):
        from amiss.run.page import figures_against_labels

        evaluation = figures_against_labels(findings, data, labels)
    print_findings(with_notes(findings, notes), form, all_, page=html, evaluation=evaluation)
    if form == "text" and findings and "-" not in logs.logs:
        ask = f"amiss explain {quoted(logs.logs)} --id={quoted([findings[0].id])}"
        if save:
            say(f"\nnext: {ask} --model {quoted([str(save)])}")
        elif (chosen, labels, clean) == (DEFAULT_DETECTOR, None, False):
            again = logs.as_words(seed)
            say(f"\nnext: {ask}{again}")
            say("      (learns again; scan --save m.amiss and explain --model m.amiss avoid that)")
        else:  # explain would learn something else
            say(f"\nnext: scan with --save m.amiss, then {ask} --model m.amiss")
    exit_on(findings, limit)
