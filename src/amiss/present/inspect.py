"""What a log is, as text for a terminal."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import counted, labelled, time_span
from amiss.present.reasons import percent

_MOST_EXAMPLE = 36
"""Columns that the example of a field may take."""


def describe_inspection(content: dict[str, Any], most: int | None = 10, width: int = 100) -> str:
    """Return what is known of a log, from the schema ``amiss.inspection/1``.

    Parameters
    ----------
    content : dict
    most : int, optional
        Templates and candidates to show; None shows all.
    width : int
        Columns of the terminal.
    """
    lines = [labelled("log", _log(content), width), labelled("format", _format(content), width)]
    if "sample" in content:
        lines.append(labelled("time", _time(content["time"]), width))
        lines += [labelled("note", note, width) for note in content["notes"]]
        lines += _field_rows(content["fields"], width)
        lines += _template_rows(content["templates"], most, width)
        lines += _key_rows(content["session_keys"], most, width)
        choice = content["choice"]
        lines += ["", labelled("chosen", f"{_chosen(choice)}: {choice['reason']}", width)]
    return "\n".join([*lines, "", f"next: {content['next']}"])


def _log(content: dict[str, Any]) -> str:
    files = content["files"]
    parts = [files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1:,} more files"]
    parts.append(f"{content['bytes']:,} bytes")
    if sample := content.get("sample"):
        lines = counted(sample["lines"], "line")
        parts.append(lines if sample["whole"] else f"looked at {lines} of it")
    return " · ".join(parts)


def _format(content: dict[str, Any]) -> str:
    found = content["format"]
    name = found["name"] if len(found["name"]) <= 40 else "own pattern"
    if "sample" not in content:
        return str(found["title"])
    parts = [f"{name} ({found['title']})", f"fits {percent(found['share'])} of the lines"]
    if found["name"] == "plain":
        parts = ["plain lines", "no header was recognised"]
    others = [f"{other['name']} {percent(other['share'])}" for other in found["others"]]
    return " · ".join(parts + ([f"also {', '.join(others)}"] if others else []))


def _time(time: dict[str, Any]) -> str:
    if time["start"] is None:
        return "the lines carry no time that is understood"
    parts = [time_span(time["start"], time["end"]), f"zone: {time['zone']}"]
    if time["lines_without"]:
        parts.append(f"{counted(time['lines_without'], 'line')} without a time")
    return " · ".join(parts)


def _field_rows(fields: list[dict[str, Any]], width: int) -> list[str]:
    if not fields:
        return []
    wide = max(5, *(len(visible(field["name"], 24)) for field in fields))
    rows = ["", f"{'field':<{wide}}  {'lines':>6}  {'values':>8}  examples"]
    for field in fields:
        room = max(12, width - wide - 20)
        shown = ", ".join(visible(value, _MOST_EXAMPLE) for value in field["examples"])
        name, share = visible(field["name"], 24), percent(field["share"])
        cells = f"{name:<{wide}}  {share:>6}  {field['distinct']:>8,}"
        rows.append(f"{cells}  {visible(shown, room)}")
    return rows


def _template_rows(templates: list[dict[str, Any]], most: int | None, width: int) -> list[str]:
    rows = ["", f"{'count':>8}  {'per hour':>9}  {counted(len(templates), 'template')}"]
    for found in templates[:most]:
        rate = "" if found["per_hour"] is None else _rate(found["per_hour"])
        cells = f"{found['count']:>8,}  {rate:>9}  "
        rows.append(cells + visible(found["template"], max(20, width - len(cells))))
        example = found["example"]
        where = f"{example['line']}: " if example["line"] else ""
        rows.append(" " * 21 + visible(f"e.g. {where}{example['text']}", max(20, width - 21)))
    if most is not None and len(templates) > most:
        rows.append(f"… and {len(templates) - most:,} more: --all and --json show all")
    return rows


def _rate(rate: float) -> str:
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"


def _key_rows(keys: list[dict[str, Any]], most: int | None, width: int) -> list[str]:
    if not keys:
        return []
    rows = [
        "",
        f"{'score':>5}  {'lines':>6}  {'values':>8}  {'each':>6}  {'lives':>6}  session keys",
    ]
    for key in keys[:most]:
        score = f"{key['score']:.2f}" if key["kind"] != "neither" else "–"
        cells = (
            f"{score:>5}  {percent(key['coverage']):>6}  {key['values']:>8,}  "
            f"{_rate(key['reuse']):>6}  {percent(key['life']):>6}  "
        )
        room = max(20, width - len(cells))
        rows.append(cells + visible(f"{_chosen(key)}  e.g. {key['example']}", room))
        if key["kind"] == "neither":
            rows.append(" " * len(cells) + visible(key["reason"], room))
    if most is not None and len(keys) > most:
        rows.append(f"… and {len(keys) - most:,} more: --all and --json show all")
    return rows


def _chosen(choice: dict[str, Any]) -> str:
    """Return an option of the command line in words."""
    option, value = choice["option"], choice["value"]
    if option == "every":
        return f"windows of {value:g} s"
    if option == "window":
        return f"windows of {value:,} lines"
    words = {"session_field": "field ", "by": "by "}.get(option, "")
    return f"{words}{value}"
