"""Counts of events by trace as a table for a terminal."""

from __future__ import annotations

import csv
import io
from pathlib import PurePath

import polars as pl

from amiss.present.escape import csv_cell, visible

_MOST_NAME = 14
"""Columns of the terminal that the name of a trace may take."""


def describe_overview(table: pl.DataFrame, width: int = 100) -> str:
    """Return the counts of `amiss.trace_overview`, as many traces as fit side by side.

    Parameters
    ----------
    table : polars.DataFrame
        Columns ``class``, ``event`` (null for a whole class), and one of counts a trace.
    width : int
        Columns of the terminal.
    """
    traces = table.columns[2:]
    events = [
        visible(group, 30) if event is None else f"{'  ' if group else ''}{visible(event, 30)}"
        for group, event in table.select("class", "event").rows()
    ]
    wide = max(len("event"), *map(len, events))
    cells = [[f"{count:,}" for count in table[trace]] for trace in traces]
    heads = [_short(trace) for trace in traces]
    sizes = [max(len(head), *map(len, column)) for head, column in zip(heads, cells, strict=True)]
    shown, used = 0, wide
    while shown < len(traces) and (not shown or used + 2 + sizes[shown] <= width):
        used += 2 + sizes[shown]
        shown += 1
    columns = list(zip(heads, cells, sizes, strict=True))[:shown]
    rows = [f"{'event':<{wide}}" + "".join(f"  {head:>{size}}" for head, _, size in columns)]
    for i, event in enumerate(events):
        rows.append(f"{event:<{wide}}" + "".join(f"  {c[i]:>{size}}" for _, c, size in columns))
    if shown < len(traces):
        rows.append(f"… and {len(traces) - shown:,} more traces: --csv and --json show all")
    return "\n".join(rows)


def overview_to_csv(table: pl.DataFrame) -> str:
    """Return all counts as CSV that is harmless to open."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in table.columns])
    writer.writerows([csv_cell(value) for value in row] for row in table.iter_rows())
    return text.getvalue()


def _short(trace: str) -> str:
    name = visible(PurePath(trace).name.removesuffix(".gz").removesuffix(".csv"))
    return name if len(name) <= _MOST_NAME else f"…{name[1 - _MOST_NAME :]}"
