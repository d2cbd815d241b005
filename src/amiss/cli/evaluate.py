"""The command that compares with labels: a fitted model, or detectors on parts of a log."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from amiss.cli.inputs import read, read_for
from amiss.cli.options import Json, LogOptions, reads_logs
from amiss.cli.streams import dumps, say, status
from amiss.errors import UsageError

_PANEL = "Without --model: learn from a part, judge the rest"


@reads_logs
def evaluate(
    labels: Annotated[
        Path, typer.Option("--labels", metavar="CSV", help="Session and label, with a header.")
    ],
    logs: LogOptions,
    model: Annotated[
        Path | None,
        typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit, to compare."),
    ] = None,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            "--detector",
            metavar="NAME",
            help="Give it again for more than one; see amiss detectors.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    train: Annotated[
        float,
        typer.Option(
            "--train",
            metavar="SHARE",
            help="Share of the sessions to learn from.",
            rich_help_panel=_PANEL,
        ),
    ] = 0.2,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            metavar="HOW",
            help="uniform (at random, stratified) or time (the first ones).",
            rich_help_panel=_PANEL,
        ),
    ] = "uniform",
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            metavar="N",
            help="Splits and trainings to average.",
            rich_help_panel=_PANEL,
        ),
    ] = 5,
    level: Annotated[
        str,
        typer.Option(
            "--level",
            metavar="WHAT",
            help="Judge sessions, windows of ten events, or both: session, window, both.",
            rich_help_panel=_PANEL,
        ),
    ] = "session",
    ignore_labels: Annotated[
        bool,
        typer.Option(
            "--ignore-labels",
            metavar="",
            help="Learn from the training part as if it had no labels.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare with labels: a model's findings, or detectors that learn from a part of the log.

    Without --model, each detector learns from a share of the sessions and judges the others. Its
    threshold is chosen on the training part; the ceiling says what event ids alone allow.
    """
    if model:
        if (detector, train, split, seeds, level) != (None, 0.2, "uniform", 5, "session"):
            raise UsageError(
                "--model is judged as it is; --detector, --train, --split, --seeds and --level are "
                "for learning anew, without --model"
            )
        _evaluate_model(model, labels, logs, as_json)
        return
    if level not in ("session", "window", "both"):
        raise UsageError(f"--level {level!r}; expected session, window or both")
    if seeds < 1:
        raise UsageError(f"--seeds {seeds}; expected 1 or more")
    from amiss.read.labels import read_labels

    known = read_labels(labels)
    sessions = read(logs)
    from amiss.run.experiment import DEFAULT_DETECTORS, run_experiment

    levels = ("session", "window") if level == "both" else (level,)
    options: dict[str, Any] = {"train": train, "split": split, "use_labels": not ignore_labels}
    with status("learning and judging", logs.quiet):
        found = run_experiment(
            sessions,
            known,
            detector or DEFAULT_DETECTORS,
            levels=levels,
            seeds=range(seeds),
            **options,
        )
    say(dumps(found.to_dict()) if as_json else repr(found))


def _evaluate_model(model: Path, labels: Path, logs: LogOptions, as_json: bool) -> None:
    fitted, sessions = read_for(model, logs)
    from amiss.present.text import describe_evaluation
    from amiss.read.labels import read_labels
    from amiss.run.evaluate import evaluate as run_evaluate

    known = read_labels(labels)
    with status("scoring", logs.quiet):
        report = run_evaluate(fitted, sessions, known)
    say(dumps(report) if as_json else describe_evaluation(report))
