"""What the commands print of findings, and the code they exit with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from amiss.cli.streams import complain, dumps, say, width
from amiss.errors import UsageError

if TYPE_CHECKING:
    from amiss import Findings, RowFindings

_POOLED = 3
"""Values that are told of a column that pools them."""


def show(
    findings: Findings | RowFindings,
    notes: list[str],
    as_json: bool,
    everything: bool,
    as_report: bool = False,
) -> None:
    """Print findings as an overview; those of entities, or if asked for, as a report."""
    content = findings.to_dict()
    content["source"]["notes"] += notes
    if as_json:
        say(dumps(content))
        return
    from amiss.present.layout import MOST_SHOWN
    from amiss.present.text import summarise

    most = None if everything else MOST_SHOWN
    if content["source"]["unit"] != "entity" and not as_report:
        say(summarise(content, most, width()))
        return
    from amiss.present.report import describe_report
    from amiss.run.row_findings import RowFindings

    say(summarise({**content, "findings": []}, most, width()))
    if isinstance(findings, RowFindings) and findings:
        words = _words(findings.fitted)
        shared_out = all(f.expected is None for finding in findings for f in finding.features)
        text = describe_report(findings.report(), most, width(), words, shared_out)
        if most is not None and len(findings) > most:
            text += ": --all shows them, --csv and --json all there is"
        say(f"\n{text}")


def print_csv(findings: RowFindings, notes: list[str]) -> None:
    """Print the report as CSV; what else is to be said goes to stderr."""
    from amiss.present.report import report_to_csv

    for note in [*findings.source["notes"], *notes]:
        complain(note)
    say(report_to_csv(findings.report()).removesuffix("\n"))


def report_options(fitted: Any, top: int | None, top_k: int | None, as_csv: bool) -> dict[str, int]:
    """Return what of the report options was given, or say that there is no report."""
    from amiss.present.layout import ROW_UNITS, plural

    given = {"top": top, "top_k": top_k}
    for name, value in given.items():
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value}; expected 1 or more")
    asked = {name: value for name, value in given.items() if value is not None}
    unit = fitted.info["unit"]
    if (asked or as_csv) and unit not in ROW_UNITS:
        raise UsageError(
            "--top, --top-k and --csv are of the report on tables, series, images and entities; "
            f"this model learnt from {plural(unit)}: leave them out, --json has all there is"
        )
    return asked


def _words(fitted: Any) -> dict[str, str]:
    """Return what the columns of entities stand for, by name."""
    space = getattr(fitted, "space", None)
    return {} if space is None else {name: space.describe(name) for name in space.columns}


def _pooled(fitted: Any, data: Any, row: int, column: str) -> str:
    """Return the values that a column pools in a row, the most frequent ones, in brackets."""
    values = [value for value, _ in fitted.space.values_behind(column, data, row)]
    more = ", …" if len(values) > _POOLED else ""
    return f" ({', '.join(values[:_POOLED])}{more})" if values else ""


def beside(fitted: Any, data: Any, found: dict[str, Any]) -> dict[str, Any]:
    """Return what stands beside a finding of an entity: columns in words, and its first lines."""
    from amiss.run.entity_ingest import read_raw_lines
    from amiss.run.row_data import find_row

    words, row = _words(fitted), find_row(data, found["id"])
    lines, count = read_raw_lines(data, found["id"])
    names = [feature["name"] for feature in found["features"]]
    return {
        "words": {name: words[name] + _pooled(fitted, data, row, name) for name in names},
        "raw_lines": [line._asdict() for line in lines],
        "line_count": count,
    }


def parse_fail_on(text: str | None) -> int | None:
    """Return how many findings make a command fail; None: none do."""
    if text is None:
        return None
    if text == "any":
        return 1
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--fail-on {text!r}; expected any, or a number of findings from 1")


def exit_on(findings: Findings | RowFindings, limit: int | None) -> None:
    """Exit with 3 if as many are flagged as `limit` says."""
    if limit is not None and findings.alarms >= limit:
        raise typer.Exit(3)
