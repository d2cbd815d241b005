"""The options that commands share, with the words their help shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
        help="How the threshold is found: tail, quantile, or for next-event top-K or p-X.",
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
