"""The commands that write logs with known faults."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.options import Json, Seed
from amiss.cli.streams import dumps, quoted, say
from amiss.errors import UsageError

simulate_app = typer.Typer(help="Write logs with known faults, to try things on.")


@simulate_app.command("hdfs")
def simulate_hdfs(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")
    ],
    lines: Annotated[
        int, typer.Option("--lines", metavar="N", help="Length of the log.")
    ] = 100_000,
    seed: Seed = 0,
    anomaly_share: Annotated[
        float, typer.Option("--anomaly-share", metavar="SHARE", help="Share of faulty sessions.")
    ] = 0.03,
    as_json: Json = False,
) -> None:
    """Write the log of an HDFS-like cluster with injected faults, and their labels."""
    from amiss.simulate.hdfs import simulate_hdfs as run_simulation

    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: is a file; expected a folder to write to")
    made = run_simulation(output, lines, seed, anomaly_share)
    if as_json:
        values = {name: getattr(made, name) for name in made.__dataclass_fields__}
        paths = {name: str(value) for name, value in values.items() if isinstance(value, Path)}
        say(dumps({"schema": "amiss.simulation/1", **values, **paths}))
        return
    say(f"log      {made.log} · {made.lines:,} lines · {made.sessions:,} sessions")
    say(f"labels   {made.labels} · {made.anomalies:,} anomalies")
    say(f"faults   {made.faults}")
    say(f"\nnext: amiss scan {quoted([str(made.log)])}")
