"""The options that commands share, with the words their help shows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from amiss.cli.streams import quoted

Input = Annotated[
    list[str],
    typer.Argument(
        metavar="LOG",
        help="Log files (plain, .gz, .zst), folders, glob patterns, or - for stdin.",
    ),
]
_GROUP = "What is judged (one of)"
Key = Annotated[
    str | None,
    typer.Option(
        "--session-key",
        metavar="PATTERN",
        help=r"Lines with the same match are a session, such as 'blk_-?\d+'.",
        rich_help_panel=_GROUP,
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        "--session-field",
        metavar="NAME",
        help="Lines with the same value of a header field are a session, such as pid.",
        rich_help_panel=_GROUP,
    ),
]
Gap = Annotated[
    float | None,
    typer.Option(
        "--gap",
        metavar="SECONDS",
        help="A silence this long starts a new window.",
        rich_help_panel=_GROUP,
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        "--window",
        metavar="LINES",
        help="So many lines are a window.",
        rich_help_panel=_GROUP,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Header format; recognised by default."),
]
ModelFile = Annotated[
    Path, typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit.")
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Session and label; sessions known to be anomalous are not learnt from.",
    ),
]
Detector = Annotated[str, typer.Option("--detector", metavar="NAME", help="See amiss detectors.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="TOML",
        help="A detector with its parameters, as amiss tune --config-out writes it.",
    ),
]
Clean = Annotated[
    bool,
    typer.Option(
        "--clean", metavar="", help="All of the log is normal: leave nothing out of what is learnt."
    ),
]
Rate = Annotated[
    float,
    typer.Option(
        "--false-alarm-rate",
        metavar="SHARE",
        help="Share of normal sessions that may be flagged.",
    ),
]
Rule = Annotated[
    str,
    typer.Option(
        "--rule",
        metavar="RULE",
        help="How the threshold is found: tail, quantile; f1 with labels of both kinds; "
        "for next-event top-K or p-X.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same result.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON instead of text.")]
All = Annotated[
    bool, typer.Option("--all", metavar="", help="Show every kind of finding, not the top ten.")
]
FailOn = Annotated[
    str | None,
    typer.Option("--fail-on", metavar="any|N", help="Exit with 3 if so many are flagged."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="No progress on stderr.")]

DEFAULT_RATE = 0.0005
DEFAULT_DETECTOR = "session-ensemble"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which logs a command reads, how their lines are grouped, and whether it shows progress."""

    logs: list[str]
    session_key: str | None = None
    session_field: str | None = None
    gap: float | None = None
    window: int | None = None
    format: str | None = None
    quiet: bool = False

    @property
    def grouping(self) -> dict[str, Any]:
        """The groupings, by the names `amiss.read_sessions` has for them; all None: the usual."""
        return {
            "session_key": self.session_key, "session_field": self.session_field,
            "gap": self.gap, "window": self.window,
        }  # fmt: skip

    def as_words(self, seed: int = 0) -> str:
        """Return the options that make another command read the logs in the same way."""
        given = {**self.grouping, "format": self.format, "seed": seed or None}
        return "".join(
            f" --{name.replace('_', '-')}={quoted([str(value)])}"
            for name, value in given.items()
            if value is not None
        )


_LOGS = inspect.Parameter("logs", inspect.Parameter.KEYWORD_ONLY, annotation=Input)
_GROUPING = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option)
    for name, option in {
        "session_key": Key, "session_field": Field, "gap": Gap, "window": Window, "format": Format,
    }.items()
]  # fmt: skip
_QUIET = inspect.Parameter("quiet", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=Quiet)


def reads_logs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument LOG and the options that say how logs are read.

    They come to it as one argument, ``logs: LogOptions``. Help shows LOG first, the options where
    the command has `logs` among its own, and --quiet last.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters = [_LOGS]
    for name, own in inspect.signature(command).parameters.items():
        if name == "logs":
            parameters += _GROUPING
        else:
            parameters.append(
                own.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            )
    parameters.append(_QUIET)
    names = [p.name for p in (_LOGS, *_GROUPING, _QUIET)]

    @wraps(command)
    def run(**given: Any) -> None:
        options = LogOptions(**{name: given.pop(name) for name in names})
        command(logs=options, **given)

    # What typer makes a command of.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run
