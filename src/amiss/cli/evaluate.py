"""The command that compares with labels: a fitted model, or detectors on parts of a log."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from amiss.cli.inputs import (
    check_takes_table,
    read,
    read_as,
    read_for,
    takes_rows,
    usual_detector,
)
from amiss.cli.log_options import LogOptions
from amiss.cli.options import DEFAULT_DETECTOR, Json, reads_anything
from amiss.cli.streams import complain, dumps, say, status
from amiss.errors import UsageError

if TYPE_CHECKING:
    from amiss import Experiment

_PANEL = "Without --model: learn from a part, judge the rest"


@reads_anything
def evaluate(
    logs: LogOptions,
    labels: Annotated[
        Path | None,
        typer.Option(
            "--labels",
            metavar="CSV",
            help="Session and label, with a header; with --by time, source and verdict. Tables may "
            "have a column of labels instead.",
        ),
    ] = None,
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
        float | None,
        typer.Option(
            "--train",
            metavar="SHARE",
            help="Share to learn from: 0.2 of sessions, 0.5 of rows or images by default; of "
            "series from 1 on so many rows of each file.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            metavar="HOW",
            help="uniform (at random, stratified) or time (the first ones); of series always time.",
            rich_help_panel=_PANEL,
        ),
    ] = "uniform",
    each_file: Annotated[
        bool,
        typer.Option(
            "--each-file",
            metavar="",
            help="Of series: a model for each file; the rows judged are pooled.",
            rich_help_panel=_PANEL,
        ),
    ] = False,
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
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", metavar="", help="With --model: keep the figures in it, for amiss show."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare with labels: a model's findings, or detectors that learn from a part of the data.

    Without --model, each detector learns from a share of the sessions, rows, images or entities,
    and judges the others. Its threshold is chosen on the training part; baselines stand beside it.
    """
    if model:
        asked = (detector, train, split, each_file, seeds, level)
        if asked != (None, None, "uniform", False, 5, "session"):
            raise UsageError(
                "--model is judged as it is; --detector, --train, --split, --each-file, --seeds "
                "and --level are for learning anew, without --model"
            )
        _evaluate_model(model, labels, logs, keep, as_json)
        return
    if keep:
        raise UsageError("--keep is of a model that is judged: give --model too")
    if level not in ("session", "window", "both"):
        raise UsageError(f"--level {level!r}; expected session, window or both")
    if seeds < 1:
        raise UsageError(f"--seeds {seeds}; expected 1 or more")
    options: dict[str, Any] = {"split": split, "use_labels": not ignore_labels}
    if train is not None:
        options["train"] = train
    if (usual := usual_detector(logs)) != DEFAULT_DETECTOR:  # not of sessions
        detector = detector or [usual]
    if logs.by is not None:
        for name in detector or []:
            check_takes_table(name)
    of_rows = [takes_rows(name) for name in detector or []]
    if any(of_rows) or logs.by is not None:
        if not all(of_rows):
            raise UsageError(
                f"{', '.join(detector or [])}: some take logs, some tables; evaluate one kind"
            )
        if level != "session":
            raise UsageError(f"--level {level} is for logs; rows are judged one by one")
        options["each_file"] = each_file
        found = _evaluate_rows(detector or [], labels, logs, range(seeds), options)
    else:
        if each_file:
            raise UsageError("--each-file is for series; name a detector of such with --detector")
        levels = ("session", "window") if level == "both" else (level,)
        found = _evaluate_logs(detector, labels, logs, range(seeds), {**options, "levels": levels})
    say(dumps(found.to_dict()) if as_json else repr(found))


def _evaluate_rows(
    detectors: list[str], labels: Path | None, logs: LogOptions, seeds: range, options: Any
) -> Experiment:
    data, notes = read_as(detectors[0], logs)
    from amiss.run.row_experiment import run_row_experiment

    for note in notes:
        complain(note)
    with status("learning and judging", logs.quiet):
        return run_row_experiment(data, labels, detectors, seeds=seeds, **options)


def _evaluate_logs(
    detectors: list[str] | None, labels: Path | None, logs: LogOptions, seeds: range, options: Any
) -> Experiment:
    from amiss.read.labels import read_labels

    known = read_labels(_required(labels))
    sessions = read(logs)
    from amiss.run.experiment import DEFAULT_DETECTORS, run_experiment

    with status("learning and judging", logs.quiet):
        return run_experiment(
            sessions, known, detectors or DEFAULT_DETECTORS, seeds=seeds, **options
        )


def _evaluate_model(
    model: Path, labels: Path | None, logs: LogOptions, keep: bool, as_json: bool
) -> None:
    fitted, data, notes = read_for(model, logs)
    from amiss.present.layout import ROW_UNITS
    from amiss.present.text import describe_evaluation
    from amiss.read.labels import read_labels
    from amiss.run.models import evaluate as run_evaluate

    of_rows = fitted.info["unit"] in ROW_UNITS
    known: Any = labels if of_rows else read_labels(_required(labels))
    for note in notes:
        complain(note)
    with status("scoring", logs.quiet):
        report = run_evaluate(fitted, data, known)
    if keep:
        from amiss.run.models import changed_model
        from amiss.run.remembered import keep_evaluation

        with changed_model(model) as kept:
            keep_evaluation(kept, report, logs.logs)
    for note in report.get("notes", []):
        complain(note)
    say(dumps(report) if as_json else describe_evaluation(report))


def _required(labels: Path | None) -> Path:
    if labels is None:
        raise UsageError(
            "missing option '--labels'; sessions need a file of labels; see: amiss evaluate --help"
        )
    return labels
