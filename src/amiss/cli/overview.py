"""The command that counts the events of each trace."""

from __future__ import annotations

from typing import Annotated

import typer

from amiss.cli.inputs import read
from amiss.cli.log_options import LogOptions
from amiss.cli.options import Json, reads_logs
from amiss.cli.streams import complain, dumps, say, width
from amiss.errors import UsageError


@reads_logs
def overview(
    logs: LogOptions,
    as_csv: Annotated[
        bool, typer.Option("--csv", metavar="", help="Print all files and events as CSV.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count the classes and events of each trace: a row an event, a column a file."""
    if as_csv and as_json:
        raise UsageError("--csv and --json would both write to stdout; give one of them")
    sessions = read(logs)
    from amiss.present.overview import describe_overview, overview_to_csv
    from amiss.run.traces import trace_overview

    table = trace_overview(sessions)
    for note in sessions.log.notes:
        complain(note)
    if as_csv:
        say(overview_to_csv(table).removesuffix("\n"))
    elif as_json:
        say(dumps({"schema": "amiss.overview/1", "counts": table.to_dicts()}))
    else:
        say(describe_overview(table, width()))
