"""The options that commands share, with the words their help shows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from amiss.cli.log_options import LogOptions

Input = Annotated[
    list[str],
    typer.Argument(
        metavar="LOG",
        help="Log files (plain, .gz, .zst, .bz2, .xz, .zip), folders, glob patterns, or - for "
        "stdin.",
    ),
]
AnyInput = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        help="Logs, or with a detector of tables, series or images these: files (plain, .gz, "
        ".zst, .bz2, .xz, .zip), folders, glob patterns, or - for stdin.",
    ),
]
SeriesInput = Annotated[
    list[str],
    typer.Argument(
        metavar="SERIES",
        help="Files of measurements, one series each (CSV, Parquet; plain or packed), folders, "
        "or glob patterns.",
    ),
]
_TABLES = "Tables and images"
LabelColumn = Annotated[
    str | None,
    typer.Option(
        "--label-column",
        metavar="NAME",
        help="Column of 0 and 1, or of normal and anomaly; label or anomaly by default.",
        rich_help_panel=_TABLES,
    ),
]
Columns = Annotated[
    str | None,
    typer.Option(
        "--columns",
        metavar="A,B,…",
        help="Columns to take; by default all but the label.",
        rich_help_panel=_TABLES,
    ),
]
ImageSize = Annotated[
    str | None,
    typer.Option(
        "--image-size",
        metavar="HxW",
        help="Resize images to this height and width, such as 32x32.",
        rich_help_panel=_TABLES,
    ),
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--separator",
        metavar="CHAR",
        help="Between the cells of a CSV; recognised by default.",
        rich_help_panel=_TABLES,
    ),
]
_SERIES = "Sensor series"
TimeColumn = Annotated[
    str | None,
    typer.Option(
        "--time-column",
        metavar="NAME",
        help="Column of times; recognised by default.",
        rich_help_panel=_SERIES,
    ),
]
Ignore = Annotated[
    str | None,
    typer.Option(
        "--ignore",
        metavar="A,B,…",
        help="Columns that measure nothing.",
        rich_help_panel=_SERIES,
    ),
]
MaxGap = Annotated[
    float | None,
    typer.Option(
        "--max-gap",
        metavar="SECONDS",
        help="A longer step is a gap, which nothing is judged across; ten usual steps by default.",
        rich_help_panel=_SERIES,
    ),
]
Head = Annotated[
    int | None,
    typer.Option(
        "--head",
        metavar="N",
        help="The first N rows of each file only, such as those that are known to be normal.",
        rich_help_panel=_SERIES,
    ),
]
Skip = Annotated[
    int | None,
    typer.Option(
        "--skip",
        metavar="N",
        help="Without the first N rows of each file.",
        rich_help_panel=_SERIES,
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
Segment = Annotated[
    int | None,
    typer.Option(
        "--segment",
        metavar="EVENTS",
        help="So many events of a file are a segment; each file is a trace. 1000 for kernel traces "
        "by default.",
        rich_help_panel=_GROUP,
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="FIELD",
        help="What each value of a header field, such as client, did in windows of time.",
        rich_help_panel=_GROUP,
    ),
]
Every = Annotated[
    str | None,
    typer.Option(
        "--every",
        metavar="TIME",
        help="Windows of time, such as 10s or 1h, quiet ones too; with --by their length, "
        "5m by default.",
        rich_help_panel=_GROUP,
    ),
]
Fields = Annotated[
    str | None,
    typer.Option(
        "--fields",
        metavar="A,B,…",
        help="With --by: fields to count, template for messages; by default those of the format.",
        rich_help_panel=_GROUP,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        metavar="NAME",
        help="Header format, recognised by default; or a pattern of your own, with (?P<message>…).",
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Without lines before, such as '2026-11-22 14:30'; UTC."
    ),
]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="Without lines at this time or after; UTC."),
]
Mask = Annotated[
    str | None,
    typer.Option(
        "--mask",
        metavar="A,B,…",
        help="Private words that become pseudonyms before anything is kept or shown: addresses, "
        "emails, users, secrets, or all.",
    ),
]
ModelFile = Annotated[
    Path, typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit.")
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Session, row or image, and its label; with --by time, source and verdict, as a "
        "report with verdicts has them. Known anomalies are not taken for normal.",
    ),
]
Detector = Annotated[str, typer.Option("--detector", metavar="NAME", help="See amiss detectors.")]
UsualDetector = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="NAME",
        help="See amiss detectors; session-ensemble by default, with --by deep-sad, with options "
        "of series vector-autoregression.",
    ),
]
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
    float | None,
    typer.Option(
        "--false-alarm-rate",
        metavar="SHARE",
        help="Share of normal items that may be flagged: 0.0005 of sessions, 0.01 of all else by "
        "default.",
    ),
]
Rule = Annotated[
    str | None,
    typer.Option(
        "--rule",
        metavar="RULE",
        help="How the threshold is found: tail (the default), quantile; sigma-K, K standard "
        "deviations above the mean; f1 with labels of both kinds; for next-event top-K or p-X. "
        "Without rule and rate two-stage keeps its own cut.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same result.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON instead of text.")]
_OUTPUT = "For other programs, and to pass on"
JsonLines = Annotated[
    bool,
    typer.Option(
        "--jsonl",
        metavar="",
        help="Print each finding as one line of JSON.",
        rich_help_panel=_OUTPUT,
    ),
]
Csv = Annotated[
    bool,
    typer.Option(
        "--csv",
        metavar="",
        help="Print findings as CSV, a row each; of tables, series, images and entities the "
        "report, which fit --labels takes with a column verdict added.",
        rich_help_panel=_OUTPUT,
    ),
]
Sarif = Annotated[
    bool,
    typer.Option(
        "--sarif",
        metavar="",
        help="Print SARIF 2.1.0, which code hosts take.",
        rich_help_panel=_OUTPUT,
    ),
]
Html = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Also write one HTML page, which needs nothing else.",
        rich_help_panel=_OUTPUT,
    ),
]
All = Annotated[
    bool, typer.Option("--all", metavar="", help="Show every kind of finding, not the top ten.")
]
FailOn = Annotated[
    str | None,
    typer.Option("--fail-on", metavar="any|N", help="Exit with 3 if so many are flagged."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="No progress on stderr.")]

DEFAULT_DETECTOR = "session-ensemble"
WITH_NUMBERS = (DEFAULT_DETECTOR, "event-numbers")
"""Detectors of logs that look at the numbers in messages."""
ENTITY_DETECTOR = "deep-sad"
"""The default with --by."""
SERIES_DETECTOR = "vector-autoregression"
"""The default with options of series."""


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> Any:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )


_GROUPING = {
    "session_key": Key, "session_field": Field, "gap": Gap, "every": Every, "window": Window,
    "segment": Segment,
}  # fmt: skip
_OF_ENTITIES = {"by": By, "fields": Fields}
_OF_LINES = {"format": Format, "since": Since, "until": Until, "mask": Mask}
_OF_SERIES = {
    "time_column": TimeColumn, "ignore": Ignore, "max_gap": MaxGap, "head": Head, "skip": Skip,
}  # fmt: skip
_OF_TABLES = {
    "label_column": LabelColumn, "columns": Columns, "image_size": ImageSize,
    "separator": Separator, **_OF_SERIES,
}  # fmt: skip


def reads_logs(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument LOG and the options that say how logs are read.

    They come to it as one argument, ``logs: LogOptions``. Help shows LOG first, the options where
    the command has `logs` among its own, and --quiet last.
    """
    return _reads(command, Input, _GROUPING | _OF_LINES)


def reads_anything(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command what `reads_logs` gives, and what says how tables and entities are read."""
    return _reads(command, AnyInput, _GROUPING | _OF_ENTITIES | _OF_LINES | _OF_TABLES)


def reads_series(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument SERIES and the options that say how series are read."""
    names = ("label_column", "columns", "separator", *_OF_SERIES)
    return _reads(command, SeriesInput, {name: _OF_TABLES[name] for name in names})


def _reads(
    command: Callable[..., None], argument: Any, options: dict[str, Any]
) -> Callable[..., None]:
    hints = get_type_hints(command, include_extras=True)
    parameters = [_keyword("logs", argument)]
    for name, own in inspect.signature(command).parameters.items():
        if name == "logs":
            parameters += [_keyword(option, hint, None) for option, hint in options.items()]
        else:
            parameters.append(
                own.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
            )
    parameters.append(_keyword("quiet", Quiet, False))
    names = ["logs", *options, "quiet"]

    @wraps(command)
    def run(**given: Any) -> None:
        gathered = LogOptions(**{name: given.pop(name) for name in names})
        command(logs=gathered, **given)

    # What typer makes a command of.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run
