"""The command that says what a log is, and how to look at it."""

from __future__ import annotations

from typing import Annotated

import typer

from amiss.cli.log_options import names_in
from amiss.cli.options import Format, Input, Json, Mask, Quiet
from amiss.cli.streams import dumps, quoted, say, status, width


def inspect(
    logs: Input,
    format: Format = None,  # noqa: A002 - the option's name
    mask: Mask = None,
    all_: Annotated[
        bool, typer.Option("--all", metavar="", help="Show all templates and candidates.")
    ] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what a log is: its format, fields, times, templates, and what ties its lines together."""
    from amiss.run.inspect import chosen_words, inspect_log

    with status("looking at a sample", quiet):
        found = inspect_log(logs, format=format, mask=tuple(names_in(mask or "")))
    content = found.to_dict()
    words = ["amiss", "scan", *logs]
    if format is not None:
        words += ["--format", format]
    if mask is not None:
        words += ["--mask", mask]
    if found.choice is not None:
        words += chosen_words(found.choice)
    elif content["format"]["name"] == "table":
        words += ["--detector", "vae"]
    content["next"] = quoted(words)
    if as_json:
        say(dumps(content))
        return
    from amiss.present.inspect import describe_inspection

    say(describe_inspection(content, None if all_ else 10, width()))
