"""The command that lists the templates of a model and takes corrections."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.options import Json
from amiss.cli.streams import check_target, say, width
from amiss.errors import InputError, UsageError


def templates(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model from amiss fit or scan --save.")
    ],
    further: Annotated[
        list[str] | None, typer.Argument(metavar="[ID ...]", help="Further ids for --merge.")
    ] = None,
    log: Annotated[
        list[str] | None,
        typer.Option("--log", metavar="LOG", help="Count the lines of a log, with an example."),
    ] = None,
    merge: Annotated[
        list[str] | None,
        typer.Option("--merge", metavar="ID ID ...", help="These are one: under the lowest id."),
    ] = None,
    split: Annotated[
        list[int] | None,
        typer.Option("--split", metavar="ID", help="Undo merging, or take its shapes apart."),
    ] = None,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="ID=NAME", help="Call it so; ID= takes the name away."),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write them as CSV; - is stdout.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the templates of a model, and merge, split or name them in it."""
    if further and not merge:
        raise UsageError(f"{further[0]}: what is it? A log is given with --log, ids with --merge")
    if further and merge and len(merge) > 1:
        raise UsageError("ids stand behind several --merge; write each as --merge 3,5")
    groups = [_ids(text) for text in merge or ()]
    if further:
        groups[0] += [i for text in further for i in _ids(text)]
    names = dict(map(_named, name or ()))
    to_stdout = csv is not None and str(csv) == "-"
    if to_stdout and as_json:
        raise UsageError("--json and --csv - would both write to stdout; name a file")
    if csv and not to_stdout:
        check_target(csv, "a table")
    from amiss.present.templates import describe_templates, templates_to_csv, templates_to_dict
    from amiss.run.models import load
    from amiss.run.templates import correct_templates, list_templates

    fitted = load(model)
    done: list[str] = []
    for group in groups:
        done += correct_templates(fitted, merge=group)
    done += correct_templates(fitted, split=split or (), names=names) if split or names else []
    entries = [asdict(entry) for entry in list_templates(fitted, log)]
    if done:
        fitted.save(model)
    if csv and not to_stdout:
        try:
            csv.write_text(templates_to_csv(entries), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{csv}: cannot be written ({error.strerror})") from None
    if to_stdout:
        say(templates_to_csv(entries).removesuffix("\n"))
    elif as_json:
        from amiss.cli.streams import dumps

        say(dumps(templates_to_dict(entries, done)))
    else:
        say(describe_templates(entries, width(), log is not None))
        for words in done:
            say(f"done       {words}")
        if done:
            say(
                f"\nsaved in {model}: lines are read by it at once; the detector learnt by the old "
                "templates\nnext: amiss fit LOG -o NEW --templates MODEL, which starts from them"
            )


def _ids(text: str) -> list[int]:
    words = text.replace(",", " ").split()
    if not words or not all(word.isdecimal() for word in words):
        raise UsageError(f"--merge {text}: expected ids of templates, such as 3 5")
    return [int(word) for word in words]


def _named(text: str) -> tuple[int, str]:
    template, equals, name = text.partition("=")
    if not equals or not template.strip().isdecimal():
        raise UsageError(f"--name {text}: expected ID=NAME, such as 3=login")
    return int(template), name
