"""What the commands print of findings, and the code they exit with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from amiss.cli.streams import check_target, complain, say, say_json, width
from amiss.errors import UsageError
from amiss.present.escape import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from amiss import Findings, RowFindings

_POOLED = 3
"""Values that are told of a column that pools them."""


def printed_as(**asked: bool) -> str:
    """Return what findings are printed as: ``text``, or what one of the options says.

    Raises
    ------
    UsageError
        Two of them would write to stdout.
    """
    names = [name for name, given in asked.items() if given]
    if len(names) > 1:
        both = " and ".join(f"--{name}" for name in names)
        raise UsageError(f"{both} would both write to stdout; give one of them")
    return names[0] if names else "text"


def check_page(path: Path | None, reads: Iterable[str | Path]) -> None:
    """Refuse a page that cannot be written, before anything is learnt."""
    if path is None:
        return
    if str(path) == "-":
        raise UsageError("--html -: a page goes to a file, such as --html report.html")
    check_target(path, "a page", reads)


def print_findings(
    findings: Findings | RowFindings,
    form: str,
    everything: bool = False,
    as_report: bool = False,
    page: Path | None = None,
    evaluation: dict[str, Any] | None = None,
) -> None:
    """Print findings as `printed_as` says, and write the page if there is to be one.

    The page also says what an `evaluation` against labels came to.
    """
    if form == "json":
        say_json(findings.to_dict())
    elif form == "sarif":
        say_json(findings.to_sarif(Path.cwd()))
    elif form == "text":
        _print_text(findings, everything, as_report)
    else:
        from amiss.present.layout import describe_muted, notes_of

        content = findings.overview()
        muted = describe_muted(content)
        for note in [*notes_of(content), *([f"muted: {muted}"] if muted else [])]:
            complain(note)
        text = findings.to_csv() if form == "csv" else findings.to_jsonl()
        if text:
            say(text.removesuffix("\n"))
    if page is not None:
        from amiss.run.page import write_page

        write_page(findings, page, evaluation)
        said = f"report: {visible(str(page))}"
        if form == "text":
            say(f"\n{said}")
        else:
            complain(said)


def with_notes(findings: Any, notes: list[str]) -> Any:
    """Return findings that also say what was mended or left out when their data were read."""
    if not notes:
        return findings
    if isinstance(getattr(findings, "source", None), dict):
        source = findings.source
        return replace(findings, source={**source, "notes": [*source["notes"], *notes]})
    return replace(findings, log=replace(findings.log, notes=(*findings.log.notes, *notes)))


def _print_text(findings: Findings | RowFindings, everything: bool, as_report: bool) -> None:
    """Print an overview; of entities, or if asked for, the report."""
    from amiss.present.layout import MOST_SHOWN
    from amiss.present.text import summarise

    content = findings.overview()
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


def report_options(fitted: Any, top: int | None, top_k: int | None) -> dict[str, int]:
    """Return what of the report options was given, or say that there is no report."""
    from amiss.present.layout import ROW_UNITS, plural

    given = {"top": top, "top_k": top_k}
    for name, value in given.items():
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value}; expected 1 or more")
    asked = {name: value for name, value in given.items() if value is not None}
    unit = fitted.info["unit"]
    if asked and unit not in ROW_UNITS:
        raise UsageError(
            "--top and --top-k are of the report on tables, series, images and entities; this "
            f"model learnt from {plural(unit)}: leave them out, --json has all there is"
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
