"""The command that labels series in two stages, over files and contaminations."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.log_options import LogOptions, names_in
from amiss.cli.options import Json, Seed, reads_series
from amiss.cli.streams import complain, dumps, say
from amiss.errors import UsageError


@reads_series
def sweep(
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder for the results."),
    ],
    logs: LogOptions,
    contamination: Annotated[
        str,
        typer.Option(
            "--contamination",
            metavar="A,B,…",
            help="Shares of the rows that the first stage labels.",
        ),
    ] = "0.01,0.015,0.02,0.025,0.03",
    final: Annotated[
        str,
        typer.Option(
            "--final",
            metavar="WHICH",
            help="Rows that count in the end: of the second stage, agreement (both), or union.",
        ),
    ] = "second",
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", help="Processes; by default one a core."),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Label the rows of sensor series in two stages, for every file and contamination.

    An isolation forest labels a share of the rows, an autoencoder of the others labels them all
    anew. The table says how far both agree; that is agreement, not accuracy. Rows and times are in
    one JSON file a result. What was stopped goes on: type the same command again.
    """
    shares = _shares(contamination)
    from amiss.detect import get_detector
    from amiss.run.sweep import run_sweep

    labeler = get_detector("two-stage")()
    labeler.set_params(final=final, random_state=seed)
    try:
        with _result_progress(logs.quiet) as advance:
            found = run_sweep(
                logs.logs,
                output,
                shares,
                labeler=labeler,
                jobs=jobs,
                progress=advance,
                **logs.series_reading,
            )
    except KeyboardInterrupt:
        complain(f"stopped; the same command goes on from what is in {output}")
        raise
    for note in [*found.notes, *found.failed]:
        complain(note)
    frame = found.to_frame()
    if as_json:
        rows = frame.to_dicts()
        kept = {"folder": str(found.folder), "resumed": found.resumed, "failed": found.failed}
        say(dumps({"schema": "amiss.sweep-table/1", **kept, "results": rows}))
    else:
        say(frame.write_csv().removesuffix("\n"))
    if found.failed:
        raise typer.Exit(1)


def _shares(text: str) -> list[float]:
    try:
        return [float(part) for part in names_in(text)]
    except ValueError:
        raise UsageError(
            f"--contamination {text!r}; expected shares with commas between, such as 0.01,0.02"
        ) from None


@contextmanager
def _result_progress(quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Show results done on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("labelling"), BarColumn(), MofNCompleteColumn(), TextColumn("results"),
        TimeElapsedColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("labelling", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
