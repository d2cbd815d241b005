"""The command that writes a log as a table."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.log_options import LogOptions
from amiss.cli.options import Format, Input, Json, Mask, Quiet, Since, Until
from amiss.cli.streams import check_target, complain, dumps, progress, quoted, say
from amiss.errors import UsageError


def parse(
    logs: Input,
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", metavar="CSV", help="Where to write; .gz compresses; - is stdout."
        ),
    ],
    templates: Annotated[
        Path | None,
        typer.Option(
            "--templates", metavar="CSV", help="Write EventId, EventTemplate, Occurrences."
        ),
    ] = None,
    format: Format = None,  # noqa: A002 - the option's name
    since: Since = None,
    until: Until = None,
    mask: Mask = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a log as a table: header fields, message, event and template of each line."""
    to_stdout = output == "-"
    if to_stdout and as_json:
        raise UsageError("--json and -o - would both write to stdout; give -o a file name")
    for target in [templates, None if to_stdout else Path(output)]:
        if target:
            check_target(target, "a table", logs)
    from amiss.run.parse import parse_log

    try:
        with progress(quiet, logs) as advance:
            parsed = parse_log(
                logs,
                output,
                templates=templates,
                format=format,
                **LogOptions(logs, since=since, until=until, mask=mask).selection,
                progress=advance,
            )
    except BrokenPipeError:  # the reader, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if as_json:
        say(dumps({"schema": "amiss.parse/1", **asdict(parsed)}))
        return
    if to_stdout:
        for note in parsed.notes:
            complain(note)
        return
    say(f"log        {parsed.lines:,} lines · {parsed.format} format")
    say(f"written    {parsed.output}")
    if parsed.templates_output:
        say(f"templates  {parsed.templates_output} · {parsed.templates:,}")
    else:
        say(f"templates  {parsed.templates:,}")
    for note in parsed.notes:
        say(f"note       {note}")
    say(f"\nnext: amiss scan {quoted([parsed.output])}")
