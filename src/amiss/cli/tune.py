"""The command that searches for parameters."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.inputs import read
from amiss.cli.log_options import LogOptions
from amiss.cli.options import Detector, Json, Seed, reads_logs
from amiss.cli.streams import check_target, complain, dumps, quoted, say, width

_METRICS = {"pr_auc": "PR-AUC", "f1": "F1"}


@reads_logs
def tune(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Where to write the model.")
    ],
    logs: LogOptions,
    labels: Annotated[
        Path | None,
        typer.Option("--labels", metavar="CSV", help="Session and label; what is chosen by."),
    ] = None,
    detector: Detector = "next-event",
    trials: Annotated[
        int, typer.Option("--trials", metavar="N", help="Sets of parameters to try.")
    ] = 20,
    repeats: Annotated[
        int, typer.Option("--repeats", metavar="N", help="Seeds to average in each trial.")
    ] = 1,
    folds: Annotated[
        int, typer.Option("--folds", metavar="N", help="Parts, each held out once.")
    ] = 3,
    metric: Annotated[
        str, typer.Option("--metric", metavar="NAME", help="What is best: pr_auc or f1.")
    ] = "pr_auc",
    space: Annotated[
        Path | None,
        typer.Option("--space", metavar="TOML", help="What to try, instead of the detector's own."),
    ] = None,
    study: Annotated[
        Path | None,
        typer.Option(
            "--study",
            metavar="DB",
            help="Where the trials are kept, to go on from; by default beside the model.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="MINUTES", help="Begin no further trial after these."),
    ] = None,
    config_out: Annotated[
        Path | None,
        typer.Option("--config-out", metavar="TOML", help="Write the best, for fit --config."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Search a detector's parameters by labelled sessions, and learn with the best.

    A search that was stopped or killed goes on where it was: type the same command again.
    """
    from amiss.present.tuning import describe_tuning
    from amiss.run.tune import check_request
    from amiss.run.tune import tune as run_tune

    check_target(output, reads=logs.logs)
    if config_out:
        check_target(config_out, "a config file", logs.logs)
    seconds = None if timeout is None else timeout * 60
    check_request(labels, detector, space, trials, repeats, folds, metric, seconds)
    sessions = read(logs)
    kept = study or output.with_name(f"{output.name}.study.db")
    try:
        with _trial_progress(metric, logs.quiet) as advance:
            result = run_tune(
                sessions,
                labels,
                detector,
                space=space,
                n_trials=trials,
                repeats=repeats,
                folds=folds,
                metric=metric,
                storage=kept,
                timeout=seconds,
                random_state=seed,
                progress=advance,
            )
    except KeyboardInterrupt:
        complain(f"stopped; the same command goes on from {kept}")
        raise
    result.model.save(output)
    if config_out:
        result.save_config(config_out)
    described = {
        **result.to_dict(),
        "model_file": str(output),
        "config_file": str(config_out) if config_out else None,
    }
    if as_json:
        say(dumps(described))
        return
    say(describe_tuning(described, width()))
    if "-" not in logs.logs:
        again = f"{quoted(logs.logs)}{logs.as_words(seed)}"
        if config_out:
            words = quoted(["--labels", str(labels), "--config", str(config_out)])
            say(f"\nnext: amiss fit {again} {words} -o {quoted([str(output)])}")
            say("      (on this log it makes the same model; the config is for others too)")
        else:
            say(f"\nnext: amiss detect {quoted(logs.logs)} --model {quoted([str(output)])}")


@contextmanager
def _trial_progress(
    metric: str, quiet: bool
) -> Iterator[Callable[[int, int, float | None], None] | None]:
    """Show trials done and the best value on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("trials"),
        TimeElapsedColumn(), TextColumn("{task.fields[best]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("trying", total=None, best="")

        def advance(done: int, total: int, best: float | None) -> None:
            shown = "" if best is None else f"best {_METRICS[metric]} {best:.4f}"
            doing = "trying" if done < total else "learning with the best"
            bar.update(task, completed=done, total=total, best=shown, description=doing)

        yield advance
