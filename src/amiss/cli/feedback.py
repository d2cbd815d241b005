"""The commands by which users say what is of no interest, and what was an anomaly."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from amiss.cli.inputs import not_findings
from amiss.cli.options import Json
from amiss.cli.streams import complain, dumps, quoted, say, width
from amiss.errors import InputError, UsageError

ModelOption = Annotated[
    Path | None,
    typer.Option("--model", "-m", metavar="MODEL", help="The model that is to remember it."),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="For those who come later.")]
Who = Annotated[str | None, typer.Option("--who", metavar="NAME", help="By default who runs this.")]
Shown = Annotated[
    Path | None,
    typer.Option(
        "--findings",
        metavar="FILE",
        help="What detect or scan --json printed; - is standard input. Looks up what is named.",
    ),
]
Undo = Annotated[
    bool, typer.Option("--undo", metavar="", help="Take back those of these numbers in amiss show.")
]


def mute(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TEMPLATE|INCIDENT ...",
            help="Number, name or text of a template; or the id of an incident.",
        ),
    ] = None,
    model: ModelOption = None,
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="From then on it hides nothing; UTC."),
    ] = None,
    why: Why = "",
    who: Who = None,
    findings: Shown = None,
    undo: Undo = False,
    as_json: Json = False,
) -> None:
    """Do not show findings of a template, or incidents of a kind, any more: they are counted."""
    from amiss.run.feedback import mute as run_mute

    if undo and until is not None:
        raise UsageError("--until is of what is muted, not of what is taken back; leave it out")

    def one(fitted: Any, name: str, shown: dict[str, Any] | None) -> None:
        run_mute(fitted, name, until=until, why=why, who=who, findings=shown)

    _change("mute", what, model, findings, undo, who, as_json, one)


def confirm(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="INCIDENT|SESSION ...",
            help="Id of an incident, or of a session or whatever else was flagged.",
        ),
    ] = None,
    model: ModelOption = None,
    why: Why = "",
    who: Who = None,
    findings: Shown = None,
    undo: Undo = False,
    as_json: Json = False,
) -> None:
    """Keep that an incident, or a session, was an anomaly indeed: it is marked from now on."""
    from amiss.run.feedback import confirm as run_confirm

    def one(fitted: Any, name: str, shown: dict[str, Any] | None) -> None:
        run_confirm(fitted, name, why=why, who=who, findings=shown)

    _change("confirm", what, model, findings, undo, who, as_json, one)


def _change(
    verdict: str,
    what: list[str] | None,
    path: Path | None,
    findings: Path | None,
    undo: bool,
    who: str | None,
    as_json: bool,
    one: Callable[[Any, str, dict[str, Any] | None], None],
) -> None:
    """Do it for all that was named, save the model, and say what was done."""
    if path is None:
        raise UsageError(
            f"--model is missing: what you {verdict} is kept in a model file. One is written by "
            f"amiss scan LOG --save m.amiss; then: amiss {verdict} "
            f"{quoted(what) if what else '…'} --model m.amiss"
        )
    if not what:
        what_else = "numbers of amiss show" if undo else "a template or the id of an incident"
        raise UsageError(f"nothing to {'take back' if undo else verdict}; expected {what_else}")
    from amiss.present.feedback import SCHEMA, describe_feedback, feedback_to_dicts
    from amiss.run.feedback import clock, undo_feedback
    from amiss.run.models import changed_model

    shown = None if findings is None else _read_findings(findings)
    with changed_model(path) as fitted:
        before = fitted.feedback
        if undo:
            undo_feedback(fitted, [_number(word) for word in what], verdict, who=who)
        else:
            for name in what:
                one(fitted, name, shown)
    entries = feedback_to_dicts(fitted.feedback, clock())
    changed = (i >= len(before) or f != before[i] for i, f in enumerate(fitted.feedback))
    done = [entry for entry, new in zip(entries, changed, strict=True) if new]
    if as_json:
        say(dumps({"schema": SCHEMA, "file": str(path), "done": done}))
    else:
        say("\n".join(describe_feedback(done, fitted.info["unit"], width())))
    if undo:
        return
    for entry in done:
        if entry["undone"] is None and (note := _note(entry, findings is not None)):
            complain(note)
    if not as_json:
        numbers = " ".join(str(e["number"]) for e in done if e["undone"] is None)
        say(f"\nto take it back: amiss {verdict} --undo {numbers} --model {quoted([str(path)])}")


def _note(entry: dict[str, Any], looked_up: bool) -> str:
    """Return what could not be checked, if anything."""
    if looked_up or entry["kind"] == "template" or entry["about"]:
        return ""
    if entry["verdict"] == "mute":
        return (
            f"note: {entry['what']} is muted, but not looked up: it is of no template that the "
            "model has learnt; --findings FILE, what amiss detect --json printed, tells a slip"
        )
    return (
        f"note: {entry['what']} is confirmed, but not looked up: a model does not know what was "
        "flagged; --findings FILE, what amiss detect --json printed, tells a slip"
    )


def _number(word: str) -> int:
    if not word.isdecimal():
        raise UsageError(f"--undo {word}: expected a number, as amiss show lists them")
    return int(word)


def _read_findings(path: Path) -> dict[str, Any]:
    """Return findings that were printed as JSON."""
    from amiss.run.feedback import check_findings

    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return check_findings(json.loads(text))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, RecursionError):
        raise not_findings(path) from None
