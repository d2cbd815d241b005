"""Learning what is normal, for a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.inputs import configured, found_grouping, read_as, usual_detector
from amiss.cli.log_options import LogOptions
from amiss.cli.options import (
    Clean,
    Config,
    Json,
    Labels,
    Rate,
    Rule,
    Seed,
    UsualDetector,
    reads_anything,
)
from amiss.cli.streams import check_target, complain, dumps, say, status, width


@reads_anything
def fit(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Where to write the model.")
    ],
    logs: LogOptions,
    labels: Labels = None,
    detector: UsualDetector = None,
    config: Config = None,
    clean: Clean = False,
    false_alarm_rate: Rate = None,
    rule: Rule = None,
    templates_of: Annotated[
        Path | None,
        typer.Option(
            "--templates",
            metavar="MODEL",
            help="Start from the templates of another model, with what was corrected in them.",
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Learn what is normal and write it to a model file."""
    check_target(output, reads=logs.logs)
    named, logs = configured(detector, config, seed, logs)
    why: list[str] = []
    if named is None and not clean:
        logs, why = found_grouping(logs)
    chosen = usual_detector(logs) if named is None else named
    data, notes = read_as(chosen, logs, clean=clean)
    notes = [*why, *notes]
    from amiss.present.text import describe_model
    from amiss.run.models import fit as run_fit
    from amiss.run.models import load_model

    known = None if templates_of is None else load_model(templates_of)
    with status("learning what is normal", logs.quiet):
        model = run_fit(
            data,
            labels,
            detector=chosen,
            clean=clean or None,
            false_alarm_rate=false_alarm_rate,
            rule=rule,
            random_state=seed,
            **({} if known is None else {"templates": known}),
        )
    model.save(output)
    for note in notes:
        complain(note)
    described = {
        "schema": "amiss.model/1",
        "file": str(output),
        "bytes": output.stat().st_size,
        "model": model.info,
        "threshold": model.threshold._asdict(),
    }
    say(dumps(described) if as_json else describe_model(described, width()))
