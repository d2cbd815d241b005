"""The commands that write logs and traces with known faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from amiss.cli.options import Json, Seed
from amiss.cli.streams import dumps, quoted, say
from amiss.errors import UsageError

simulate_app = typer.Typer(help="Write logs and traces with known faults, to try things on.")


Output = Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")]


@simulate_app.command("hdfs")
def simulate_hdfs(
    output: Output,
    lines: Annotated[
        int, typer.Option("--lines", metavar="N", help="Length of the log.")
    ] = 100_000,
    seed: Seed = 0,
    anomaly_share: Annotated[
        float, typer.Option("--anomaly-share", metavar="SHARE", help="Share of faulty sessions.")
    ] = 0.03,
    episodes: Annotated[
        int,
        typer.Option(
            "--episodes",
            metavar="N",
            help="Let faults come in N bursts, each of one kind; by default they come at any time.",
        ),
    ] = 0,
    as_json: Json = False,
) -> None:
    """Write the log of an HDFS-like cluster with injected faults, and their labels."""
    from amiss.simulate.hdfs import simulate_hdfs as run_simulation

    _check_folder(output)
    made = run_simulation(output, lines, seed, anomaly_share, episodes)
    if as_json:
        _say_json(made)
        return
    say(f"log      {made.log} · {made.lines:,} lines · {made.sessions:,} sessions")
    say(f"labels   {made.labels} · {made.anomalies:,} anomalies")
    say(f"faults   {made.faults}")
    say(f"\nnext: amiss scan {quoted([str(made.log)])}")


@simulate_app.command("trace")
def simulate_trace(
    output: Output,
    scale: Annotated[
        float,
        typer.Option(
            "--scale", metavar="SHARE", help="Length, as a share of full size, such as 0.05."
        ),
    ] = 1.0,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Write kernel traces of a real-time system, ten clean and five with a fault, and the truth."""
    from amiss.simulate.trace import simulate_traces

    _check_folder(output)
    made = simulate_traces(output, scale=scale, seed=seed)
    if as_json:
        _say_json(made)
        return
    say(f"traces   {made.traces} · {made.files} files · {made.events:,} events")
    say(f"truth    {made.truth} · {made.anomalies} with a fault")
    say(f"rows     {made.ranges}")
    clean = f"{quoted([str(made.traces)])}/clean_0[1-6].csv --clean"
    say(f"\nnext: amiss fit {clean} --detector event-seq2seq --rule sigma-3 -o clean.amiss")


def _check_folder(output: Path) -> None:
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: is a file; expected a folder to write to")


def _say_json(made: Any) -> None:
    values = {name: getattr(made, name) for name in made.__dataclass_fields__}
    paths = {name: str(value) for name, value in values.items() if isinstance(value, Path)}
    say(dumps({"schema": "amiss.simulation/1", **values, **paths}))
