"""The detection report: one row a finding, by time and source, for spreadsheets and other programs.

Its frame is what all else here is made from. Of rows of a table that stand for no time and source,
the first column is the id instead.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

import polars as pl

from amiss.present.escape import csv_cell, visible
from amiss.present.layout import place, short_names, shown_score
from amiss.present.rows import number
from amiss.present.summary import timestamp
from amiss.types import NO_TIME, Finding, Location

SCHEMA = "amiss.report/1"
_WHO, _WHERE = 40, 30
"""Columns of the terminal that an id or a source, or a place, may take."""
_TELLING = 0.05
"""Features with a smaller part than this share of the first say nothing beside it."""
_ROOM, _WORDS_ROOM, _BELOW = 50, 80, 10
"""Columns that features need beside the rest, by name or in words; else they stand below."""


def report_frame(findings: Sequence[Finding], unit: str, top_k: int) -> pl.DataFrame:
    """Return one row a finding, the most anomalous first.

    Parameters
    ----------
    findings : sequence of Finding
        Of rows or images.
    unit : str
        What they are of; ``entity`` gives the columns time and source, ``interval`` also start and
        end.
    top_k : int
        Features of each.
    """
    ordered = sorted(findings, key=lambda finding: -finding.score)
    moment = pl.Datetime("ms")
    schema: dict[str, Any] = {unit: pl.String}
    if unit == "entity":
        schema = {"time": moment, "source": pl.String}
    elif unit == "interval":
        schema |= {"start": moment, "end": moment}
    schema["anomaly_score"] = pl.Float64
    for i in range(1, top_k + 1):
        schema[f"top_{i}_feature"] = pl.String
        schema[f"top_{i}_attribution"] = schema[f"top_{i}_value"] = pl.Float64
    schema |= {"file": pl.String, "first_line": pl.Int64, "lines": pl.String}
    rows = [(*_names(f, unit), f.score, *_top(f, top_k), *_links(f.locations)) for f in ordered]
    return pl.DataFrame(rows, schema=schema, orient="row")


def report_to_csv(frame: pl.DataFrame) -> str:
    """Return a report as CSV that is harmless to open.

    Control and invisible characters are written out, and ``'`` stands before what a spreadsheet
    would take for a formula. With a column ``verdict`` added it is a label file for `amiss.fit`.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows([csv_cell(value) for value in row] for row in _plain(frame).iter_rows())
    return text.getvalue()


def report_to_dict(frame: pl.DataFrame) -> dict[str, Any]:
    """Return a report as JSON values: the schema ``amiss.report/1``.

    Returns
    -------
    dict
        ``schema``, ``columns``, and ``rows``: the values of each row by column, times as ISO 8601
        in UTC, null where there is none.
    """
    return {"schema": SCHEMA, "columns": frame.columns, "rows": _plain(frame).to_dicts()}


def describe_report(
    frame: pl.DataFrame,
    most: int | None = None,
    width: int = 100,
    words: Mapping[str, str] | None = None,
    shared_out: bool = True,
) -> str:
    """Return a report as a table for a terminal, no wider than `width`.

    Parameters
    ----------
    frame : polars.DataFrame
        As `report_frame` makes it.
    most : int, optional
        Rows to show; None shows all.
    width : int
        Columns of the terminal.
    words : mapping of str to str, optional
        What features stand for; by default their names.
    shared_out : bool
        What stands in brackets adds to the score; False: it is how much the feature deviates.
    """
    rows = _plain(frame[:most]).to_dicts()
    if not rows:
        return "nothing was flagged"
    names = short_names(sorted({row["file"] for row in rows if row["file"]}))
    # An interval is named by its start.
    ids = [n for n in frame.columns[: frame.columns.index("anomaly_score")] if n != "start"]
    columns = [
        _right("score", [shown_score(row["anomaly_score"]) for row in rows]),
        *(_left(name, [_identified(row[name], name) for row in rows]) for name in ids),
        _left("where", [_placed(row, names) for row in rows]),
    ]
    heads = ["  " + "  ".join(cells) for cells in zip(*columns, strict=True)]
    stacked = width - len(heads[0]) - 2 < (_WORDS_ROOM if words else _ROOM)
    room = width - (_BELOW if stacked else len(heads[0]) + 2)
    said = [
        "" if stacked else "top features",
        *(_features(row, room, words or {}, shared_out) for row in rows),
    ]
    lines: list[str] = []
    for head, features in zip(heads, said, strict=True):
        lines.append(visible((head if stacked else f"{head}  {features}").rstrip(), width))
        lines += [" " * _BELOW + features] if stacked and features else []
    if len(frame) > len(rows):
        lines.append(f"  … and {len(frame) - len(rows):,} more")
    return "\n".join(lines)


def _names(finding: Finding, unit: str) -> tuple[Any, ...]:
    start, end = (None if t == NO_TIME else t for t in (finding.start, finding.end))
    if unit == "entity":  # its id is the time and the entity
        return (start, finding.id.partition(" ")[2])
    return (finding.id, start, end) if unit == "interval" else (finding.id,)


def _top(finding: Finding, top_k: int) -> Iterator[Any]:
    for i in range(top_k):
        feature = finding.features[i] if i < len(finding.features) else None
        yield from (
            (None, None, None) if feature is None else (feature.name, feature.score, feature.value)
        )


def _links(locations: tuple[Location, ...]) -> tuple[str | None, int | None, str | None]:
    """Return the first file, its first line, and all lines in words."""
    if not locations:
        return (None, None, None)
    parts = []
    for file, of_file in groupby(locations, key=lambda location: location.file):
        # Not 3-5, which a spreadsheet takes for a date.
        said = ", ".join(
            f"{first}" if first == last else f"{first} to {last}" for _, first, last in of_file
        )
        parts.append(said if file == locations[0].file else f"{file}: {said}")
    return (locations[0].file, locations[0].first_line, "; ".join(parts))


def _plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Return a report with its times as text."""
    for name, kind in frame.schema.items():
        if kind == pl.Datetime("ms"):
            moments = frame[name].dt.epoch("ms").to_list()
            times = [None if t is None else timestamp(t) for t in moments]
            frame = frame.with_columns(pl.Series(name, times, dtype=pl.String))
    return frame


def _identified(value: str | None, column: str) -> str:
    said = "" if value is None else visible(value)
    said = said.replace("T", " ") if column in ("time", "end") else said
    return said if len(said) <= _WHO else f"…{said[1 - _WHO :]}"


def _placed(row: dict[str, Any], names: dict[str, str]) -> str:
    if row["first_line"] is None:
        return ""
    said = place({"file": row["file"], "first_line": row["first_line"]}, names)
    first, *more = row["lines"].replace(";", ",").split(", ")
    said += f"-{first.partition(' to ')[2]}".rstrip("-") + (" …" if more else "")
    return said if len(said) <= _WHERE else f"…{said[1 - _WHERE :]}"


def _features(row: dict[str, Any], room: int, words: Mapping[str, str], shared_out: bool) -> str:
    """Return as many features as there is room for, with their values and parts."""
    said = ""
    top_k = sum(name.endswith("_feature") and name.startswith("top_") for name in row)
    for i in range(1, top_k + 1):
        if (name := row[f"top_{i}_feature"]) is None:
            break
        if row[f"top_{i}_attribution"] < _TELLING * row["top_1_attribution"]:
            break
        name = f"{words[name]}:" if name in words else name
        part = format(row[f"top_{i}_attribution"], "+.3g" if shared_out else ".3g")
        numbers = f" {number(row[f'top_{i}_value'])} ({part})"
        if not said:
            said = visible(name, max(1, room - len(numbers))) + numbers
        elif len(said) + 2 + len(visible(name)) + len(numbers) <= room:
            said += f"; {visible(name)}{numbers}"
        else:
            break
    return said


def _left(title: str, cells: list[str]) -> list[str]:
    width = max(map(len, [title, *cells]))
    return [f"{cell:<{width}}" for cell in [title, *cells]]


def _right(title: str, cells: list[str]) -> list[str]:
    width = max(6, *map(len, [title, *cells]))
    return [f"{cell:>{width}}" for cell in [title, *cells]]
