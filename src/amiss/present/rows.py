"""Findings of tables and images as text: what came in each feature, and what was expected."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import (
    MOST_SHOWN,
    counted,
    describe_decision,
    describe_labels,
    describe_muted,
    describe_score,
    describe_threshold,
    duration,
    labelled,
    length,
    notes_of,
    scored,
    short_names,
    shown_score,
    time_span,
)
from amiss.present.verdict import verdict

_NAME = 40
"""Columns of a feature's name, or an id; longer ones are cut."""
_SPAN = 56
"""Columns of an interval: from when to when, after its file."""
_WORDS = 52
"""Columns of what a feature stands for."""
_NARROW, _BELOW = 50, 10
"""Columns that reasons need beside ids; where they stand below the ids, they are indented so."""
_REASONS = 3
"""Features that the overview names of each row."""
_TELLING = 0.1
"""A feature with less than this share of the highest score says nothing beside that."""


def summarise_rows(summary: dict[str, Any], most: int | None = MOST_SHOWN, width: int = 100) -> str:
    """Return the overview of a run on a table or on images.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``, its unit ``row``, ``interval``, ``image`` or ``entity``.
    most : int, optional
        Findings to show; None shows all.
    width : int
        Columns of the terminal.
    """
    source = summary["source"]
    lines = [
        *_describe_source(source, source["files"], width),
        labelled("learnt", _describe_model(summary["model"]), width),
        labelled("flagged", describe_decision(summary), width),
        *([labelled("muted", muted, width)] if (muted := describe_muted(summary)) else []),
    ]
    lines.append(labelled("verdict", verdict(summary)[1], width))
    lines += [labelled("note", note, width) for note in notes_of(summary)]
    if summary["findings"]:
        names = short_names(source["files"])
        lines += ["", *_table(summary["findings"], names, most, width)]
    return "\n".join(lines)


def describe_row_model(described: dict[str, Any], width: int = 100) -> str:
    """Return what a fit on a table or on images learnt, and where it was written."""
    model, threshold = described["model"], described["threshold"]
    flags = " · ".join(reversed(describe_threshold(threshold, model["unit"])))
    lines = [
        *_describe_source(model, model["sources"], width),
        labelled("learnt", _describe_model(model), width),
        labelled("flags", flags, width),
        labelled("model", f"{described['file']} · {described['bytes'] / 1000:,.0f} kB", width),
    ]
    notes = [*model.get("notes", []), *filter(None, [threshold["note"]])]
    lines += [labelled("note", note, width) for note in notes]
    return "\n".join(lines)


def describe_row_finding(finding: dict[str, Any], width: int = 100) -> str:
    """Return all that is known of one row or image: value against expected, feature by feature.

    Parameters
    ----------
    finding : dict
        As in the schema; it may have a ``threshold``: then the text says whether it was flagged;
        ``words``: what columns stand for, by name; and ``raw_lines``: some lines of the log.
    width : int
        Columns of the terminal.
    """
    lines = [
        f"{finding['unit']} {visible(finding['id'])}",
        labelled("score", describe_score(finding), width),
    ]
    if finding["start"] and finding["end"]:
        lines.append(labelled("when", _when(finding["start"], finding["end"]), width))
    if finding["locations"] and finding["locations"][0]["file"]:
        lines.append(labelled("where", _where(finding), width))
    lines += _describe_features(finding, width)
    if raw := finding.get("raw_lines"):
        lines += ["", *_describe_raw_lines(raw, finding["line_count"], width)]
    return "\n".join(lines)


def _describe_features(finding: dict[str, Any], width: int) -> list[str]:
    """Return what deviates, or adds to the score, as a table with bars."""
    features = finding["features"]
    if not features:
        return []
    words = finding.get("words", {})
    shared_out = is_shared_out(features)
    names = [
        visible(words[f["name"]], _WORDS)
        if f["name"] in words
        else feature_name(f).removesuffix(":")
        for f in features
    ]
    values = [feature_value(feature) for feature in features]
    expected = [] if shared_out else [number(feature["expected"], 3) for feature in features]
    scores = [shown_score(feature["score"]) for feature in features]
    ranges = [usual_range(feature) for feature in features]
    columns = [
        _padded("region" if features[0]["region"] else "feature", names, left=True),
        _padded("value", values),
        *([_padded("expected", expected)] if expected else []),
        *([_padded("usual", ranges)] if any(ranges) else []),
        _padded("adds" if shared_out else "score", scores),
    ]
    if shared_out:
        lines = ["", f"  what adds most to the score of {shown_score(finding['score'])}"]
    elif finding["unit"] == "interval":
        lines = ["", "  what deviates most on average, with its value where it does so most"]
    else:
        lines = ["", "  what deviates most, and what was expected there"]
    room = width - 4 - sum(len(column[0]) + 2 for column in columns)
    largest = max(feature["score"] for feature in features)
    for at, cells in enumerate(zip(*columns, strict=True)):
        share = features[at - 1]["score"] / largest if at and largest > 0 else 0.0
        bar = "▇" * round(max(0.0, share) * min(20, max(0, room)))
        lines.append(f"    {'  '.join(cells)}  {bar}".rstrip())
    return lines


def _describe_raw_lines(raw: list[dict[str, Any]], count: int, width: int) -> list[str]:
    names = short_names(sorted({line["file"] for line in raw}))
    title = f"  its {counted(count, 'line')}" if count > 1 else "  its line"
    title += f", the first {len(raw)}" if count > len(raw) else ""
    places = [f"{line['line']}" for line in raw]
    if len(names) == 1:
        title += f", of {visible(next(iter(names.values())))}"
    else:
        places = [f"{visible(names[line['file']], _NAME)}:{line['line']}" for line in raw]
    lines, column = [visible(title, width)], max(map(len, places))
    for at, line in zip(places, raw, strict=True):
        text = visible(line["text"], max(20, width - column - 6))
        lines.append(f"    {at:>{column}}  {text}")
    return lines


def number(value: float, digits: int = 6) -> str:
    """Return a value as people write it, with at most so many significant digits.

    Examples
    --------
    >>> [number(value) for value in (511.0, 0.123456789, 1234567.8, -0.0)]
    ['511', '0.123457', '1.23457e+06', '0']
    >>> number(3.2089, 3)
    '3.21'
    """
    return f"{value + 0.0:.{digits}g}"


def _describe_source(source: dict[str, Any], files: list[str], width: int) -> list[str]:
    names = [PurePath(name).name or name for name in files]
    parts = names[:1] if len(names) < 2 else [f"{len(names)} files, {names[0]} first"]
    columns = counted(len(source["columns"]), "column")
    if source["unit"] == "entity":
        span = time_span(source["start"], source["end"])
        parts += [counted(source["lines"], "line"), span]
        parts += [f"{source['format']} format"] if source["format"] else []
        by, every = source["by"], length(source["every"])
        counts = [f"{source['rows']:,} by {by} every {every}", counted(source["entities"], by)]
        return [
            labelled("log", " · ".join(filter(None, parts)), width),
            labelled("entities", " · ".join([*counts, columns]), width),
        ]
    parts.append(counted(source["rows"], scored(source["unit"])))
    if source["unit"] == "interval":
        if source["runs"] > 1:
            parts[-1] += f" in {counted(source['runs'], 'run')} without gaps"
        span = time_span(source["start"], source["end"])
        return [labelled("series", " · ".join(filter(None, [*parts, span, columns])), width)]
    if source["unit"] == "image":
        channels, high, wide = source["shape"]
        parts.append(f"{wide} × {high} pixels · {counted(channels, 'channel')}")
        return [labelled("images", " · ".join(parts), width)]
    return [labelled("table", " · ".join([*parts, columns]), width)]


def _describe_model(model: dict[str, Any]) -> str:
    learnt_from = counted(model["rows"], scored(model["unit"]))
    parts = [model["detector"], f"from {learnt_from} in {duration(model['cpu_seconds'])}"]
    labels = describe_labels(model["labelled_anomalies"])
    if normal := model.get("labelled_normal"):
        labels = f"{labels.removesuffix(' not taken for normal')} and {normal:,} normal"
    parts.append(labels)
    return " · ".join(parts)


def _table(
    findings: list[dict[str, Any]], names: dict[str, str], most: int | None, width: int
) -> list[str]:
    shown = findings[:most]
    unit = findings[0]["unit"]
    scores = _padded("score", [f"{shown_score(finding['score']):>6}" for finding in shown])
    ids = _padded(unit, [_short_id(finding, names) for finding in shown], left=True)
    indent = 2 + len(scores[0]) + 2 + len(ids[0]) + 2
    stacked = width - indent < _NARROW  # too narrow for columns: the reasons go below
    left = _BELOW if stacked else indent
    reasons = ["why", *(row_reason(finding, max(20, width - left)) for finding in shown)]
    rows = []
    for at, (score, name, reason) in enumerate(zip(scores, ids, reasons, strict=True)):
        if not stacked:
            rows.append(f"  {score}  {name}  {reason}".rstrip())
            continue
        rows.append(f"  {score}  {name}".rstrip())
        rows += [" " * left + reason] if at and reason else []
    if len(findings) > len(shown):
        count = len(findings) - len(shown)
        rows.append(f"  … and {count:,} more: --all shows them, --json all there is")
    return rows


def _short_id(finding: dict[str, Any], names: dict[str, str]) -> str:
    said = finding["id"]
    if finding["unit"] == "interval":
        said = interval_name(said, finding["start"], finding["end"], finding["locations"][0])
    for name, short in names.items():
        if len(names) > 1 and said.startswith(f"{name}:"):
            said = short + said[len(name) :]
            break
    return _end_of(visible(said), _SPAN if finding["unit"] == "interval" else _NAME)


def interval_name(
    finding_id: str, start: str | None, end: str | None, location: dict[str, Any]
) -> str:
    """Return from when to when an interval goes, or its rows where there are no times.

    Examples
    --------
    >>> place = {"file": "a.csv", "first_line": 3, "last_line": 9}
    >>> start = "2020-01-01T23:59:59"
    >>> interval_name(f"a.csv:{start}", start, "2020-01-02T00:00:07", place)
    'a.csv:2020-01-01 23:59:59 to 2020-01-02 00:00:07'
    >>> interval_name("3", None, None, place)
    '3 to 9'
    """
    if start is None or end is None:
        first, last = str(location["first_line"]), str(location["last_line"])
        return finding_id if first == last else f"{finding_id} to {last}"
    said = finding_id.removesuffix(start) + start.replace("T", " ")
    if start == end:
        return said
    return f"{said} to {end[11:] if start[:10] == end[:10] else end.replace('T', ' ')}"


def _end_of(name: str, most: int) -> str:
    """Return what tells one id from another: of a path that is its end."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def row_reason(finding: dict[str, Any], room: int) -> str:
    """Return as many of the strongest reasons as one row holds, one at least."""
    said, features = "", finding["features"]
    for feature in features[:_REASONS]:
        if feature["score"] < _TELLING * features[0]["score"]:
            break
        name, numbers = feature_name(feature), _numbers(feature)
        if not said:
            whole = numbers
            if feature["expected"] is None:
                whole += f" of {number(finding['score'], 3)} to the score"
            if len(name) + len(whole) <= room:
                said = name + whole
            else:
                said = visible(name, room - len(numbers)) + numbers
        elif len(said) + 2 + len(name) + len(numbers) <= room:
            said += f"; {name}{numbers}"
        else:
            break
    return said


def _numbers(feature: dict[str, Any]) -> str:
    said = f" {feature_value(feature)}, {_instead(feature)}".removesuffix(", ")
    if feature["expected"] is None:
        said += f", adds {number(feature['score'], 3)}"
    return said


def is_shared_out(features: list[dict[str, Any]]) -> bool:
    """Return whether features are parts of the score: nothing was expected of them."""
    return all(feature["expected"] is None for feature in features)


def _when(start: str, end: str) -> str:
    if start == end:
        return start.replace("T", " ")
    same_day = start[:10] == end[:10]
    return f"{start} to {end[11:] if same_day else end}".replace("T", " ")


def _where(finding: dict[str, Any]) -> str:
    first = finding["locations"][0]
    if finding["unit"] != "entity":
        rows = _lines(first).replace("line", "row")
        return f"{first['file']}, {rows} of its data"
    said = f"{first['file']}, {_lines(first)}"
    if more := len(finding["locations"]) - 1:
        said += f", and {counted(more, 'range')} more"
    return said


def _lines(location: dict[str, Any]) -> str:
    first, last = location["first_line"], location["last_line"]
    return f"line {first:,}" if first == last else f"lines {first:,} to {last:,}"


def feature_value(feature: dict[str, Any]) -> str:
    """Return what came in a feature, as people write it."""
    # A mean over pixels has digits that nobody measured.
    return number(feature["value"], 3) if feature["region"] else number(feature["value"])


def _instead(feature: dict[str, Any]) -> str:
    """Return what would be normal: for a value that is odd by itself what is usual."""
    if feature["usual"]:
        low, high = feature["usual"]
        if feature["expected"] is None or not low <= feature["value"] <= high:
            return f"usually {usual_range(feature)}"
    return "" if feature["expected"] is None else f"expected {number(feature['expected'], 3)}"


def usual_range(feature: dict[str, Any]) -> str:
    """Return between which values normal rows lie, nothing where that is not known."""
    if not feature["usual"]:
        return ""
    low, high = (number(bound, 3) for bound in feature["usual"])
    return low if low == high else f"{low} to {high}"


def feature_name(feature: dict[str, Any]) -> str:
    """Return the name of a column, or of a channel and where in the image its region is."""
    name = visible(feature["name"], _NAME)
    if not (region := feature["region"]):
        return name
    right, bottom = region["left"] + region["width"], region["top"] + region["height"]
    across = _span(region["left"], right - 1)
    return f"{name} at x {across}, y {_span(region['top'], bottom - 1)}:"


def _span(first: int, last: int) -> str:
    return f"{first}" if first == last else f"{first}–{last}"


def _padded(title: str, cells: list[str], left: bool = False) -> list[str]:
    width = max(map(len, [title, *cells]))
    return [f"{cell:<{width}}" if left else f"{cell:>{width}}" for cell in [title, *cells]]
