"""What the script of the page shows: a row each finding, full detail of the first, templates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from amiss.present.deviations import deviation_words
from amiss.present.escape import visible
from amiss.present.layout import ROW_UNITS, short_names, shown_score
from amiss.present.page_alignment import (
    END,
    GAP,
    MOST_EVENTS,
    Column,
    align,
    shown_columns,
)
from amiss.present.page_timeline import timeline_values
from amiss.present.reasons import percent, why
from amiss.present.rows import (
    feature_name,
    feature_value,
    is_shared_out,
    number,
    row_reason,
    usual_range,
)

MOST_TEMPLATES = 5000
"""Rows of the table of templates, the most frequent and the new ones first."""
_ID = 160
"""Characters of an id."""
_PATH = 300
_TEMPLATE = 400
_REASON = 150
_INFINITE = 1e308
_MOST_PLACES, _MOST_COMPARED = 40, 200


def payload(
    summary: dict[str, Any], templates: Sequence[dict[str, Any]], details: int, width: int
) -> dict[str, Any]:
    """Return what the script needs, as JSON values; strings are `visible` already.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``.
    templates : sequence of dict
        ``template``, ``events``, ``start``, ``end``, ``file``, ``first_line``, ``new``, ``name``.
    details : int
        Findings, of the first, that have full detail.
    width : int
        Characters of a raw line.

    Returns
    -------
    dict
        ``strings``, and places in it wherever strings occur more than once; ``rows`` by column;
        ``details``, one each of the first findings; ``templates`` and ``timeline`` by column.
        Times are in milliseconds since ``epoch``, which is in milliseconds since 1970.
    """
    strings = _Strings(short_names(summary["source"]["files"]))
    findings = summary["findings"]
    times = [_millis(f["start"]) for f in findings] + [_millis(t["start"]) for t in templates]
    epoch = min((t for t in times if t is not None), default=0)
    incidents = {incident["id"]: i for i, incident in enumerate(summary["incidents"])}
    return {
        "unit": visible(summary["source"]["unit"], 40),
        "place": place_word(summary["source"]["unit"]),
        # Where windows of lines in no session have one of their own, none is said beside scores.
        "threshold": None if summary.get("ungrouped") else summary["threshold"]["value"],
        "epoch": epoch,
        "rows": _rows(findings, strings, epoch, incidents),
        "details": [_detail(f, strings, epoch, width) for f in islice(findings, details)],
        "templates": _templates(templates, strings, epoch),
        "timeline": timeline_values(summary),
        "strings": strings.all(),
    }


class _Strings:
    """Strings by place: each stands once in the payload."""

    def __init__(self, names: dict[str, str]) -> None:
        self._place: dict[str, int] = {}
        self._names = names

    def file(self, name: str | None) -> int:
        """Return the place of the short name of a file, −1 where there is none."""
        return self.at(self._names.get(name, name), _PATH) if name else -1

    def at(self, text: str, width: int) -> int:
        """Return the place of a string, made harmless and cut to `width` characters."""
        shown = visible(text, width)
        return self._place.setdefault(shown, len(self._place))

    def all(self) -> list[str]:
        return list(self._place)


def reason_of(finding: dict[str, Any], room: int = _REASON) -> str:
    """Return why a finding was flagged, in one row."""
    if finding["unit"] in ROW_UNITS:
        return row_reason(finding, room)
    reasons, more = why(finding, most=1)
    said = " ".join(row.strip() for row in reasons[0].rows(room))
    return f"{said} (+{more} more)" if more else said


def cut_text(text: str, width: int) -> tuple[str, int]:
    r"""Return the start of a line, made harmless, and how many characters are left out.

    Examples
    --------
    >>> cut_text("a\x1b" + "b" * 1000, 4)
    ('a\\x1bbb', 998)
    """
    return visible(text[:width]), max(0, len(text) - width)


def _rows(
    findings: Sequence[dict[str, Any]], strings: _Strings, epoch: int, incidents: dict[str, int]
) -> dict[str, list[Any]]:
    places = [f["locations"][0] if f["locations"] else None for f in findings]
    return {
        "id": [visible(f["id"], _ID) for f in findings],
        "score": [_rounded(f["score"]) for f in findings],
        "start": [_since(f["start"], epoch) for f in findings],
        "incident": [incidents.get(f["incident"], -1) for f in findings],
        "why": [strings.at(reason_of(f), _REASON + 40) for f in findings],
        "file": [strings.file(p["file"]) if p else -1 for p in places],
        "line": [p["first_line"] if p else 0 for p in places],
        "confirmed": [at for at, f in enumerate(findings) if f["confirmed"]],
    }


def _detail(f: dict[str, Any], strings: _Strings, epoch: int, width: int) -> dict[str, Any]:
    def template(text: str) -> int:
        return strings.at(text, _TEMPLATE)

    shared_out = bool(f["features"]) and is_shared_out(f["features"])
    places = _places(f["locations"])
    detail: dict[str, Any] = {
        "p": f"{f['p_value']:.2g}",
        "end": _since(f["end"], epoch),
        "complete": f["complete"],
        "places": [
            [strings.file(p["file"]), p["first_line"], p["last_line"]]
            for p in places[:_MOST_PLACES]
        ],
        "morePlaces": max(0, len(places) - _MOST_PLACES),
        "surprises": [
            {
                "template": -1 if got["template"] is None else template(got["template"]),
                "unseen": got["unseen"],
                "p": None if got["probability"] is None else percent(got["probability"]),
                "line": _line(got, strings, width),
                "expected": [
                    [template(e["template"]), _rounded(e["probability"])] for e in expected
                ],
            }
            for got, expected in zip(f["got"], f["expected"], strict=True)
        ],
        "missing": [[template(d["template"]), d["events"]] for d in f["missing"]],
        "surplus": [[template(d["template"]), d["events"]] for d in f["surplus"]],
        "members": [[visible(c["name"], 40), _rounded(c["score"])] for c in f["contributions"]],
        "deviations": [
            {
                "said": visible(deviation_words(d, f["unit"])),
                "p": f"{d['p_value']:.2g}",
                "template": -1 if d["template"] is None else template(d["template"]),
                "line": _line(d, strings, width) if d["file"] else None,
            }
            for d in f["deviations"]
        ],
        "mispredicted": [
            [template(m["template"]), m["events"], m["missed"], template(m["expected"]),
             m["expected_events"]]
            for m in f["mispredicted"]
        ],
        "sharedOut": shared_out,
        "features": [
            [
                visible(feature_name(feature)).removesuffix(":"),
                feature_value(feature),
                "" if feature["expected"] is None else number(feature["expected"], 3),
                usual_range(feature),
                shown_score(feature["score"]),
                _rounded(feature["score"]),
            ]
            for feature in f["features"]
        ],
    }  # fmt: skip
    if f["events"]:
        detail["strip"] = _strip(f, strings)
    return detail


def _strip(f: dict[str, Any], strings: _Strings) -> dict[str, Any]:
    """Return the events beside those of the nearest normal session, by place in a legend."""
    events, nearest = f["events"], f["nearest_normal"]["events"]
    marked = {got["position"] for got in f["got"] if got["position"] is not None}
    unseen = {got["template"] for got in f["got"] if got["unseen"]}
    marked |= {at for at, name in enumerate(events) if name in unseen}
    columns = (
        align(events[:MOST_EVENTS], nearest[:MOST_EVENTS])
        if nearest
        else [Column(at, GAP) for at in range(min(len(events), MOST_EVENTS))]
    )
    if len(events) in marked and len(events) <= MOST_EVENTS:
        last = max((at for at, c in enumerate(columns) if c.here != GAP), default=-1)
        columns.insert(last + 1, Column(END, GAP))
    telling = [
        at
        for at, (here, normal) in enumerate(columns)
        if here in marked or here == END or (nearest and GAP in (here, normal))
    ]
    parts = shown_columns(len(columns), telling)
    legend: dict[str, int] = {}

    def code(names: Sequence[str], at: int) -> int:
        return at if at < 0 else legend.setdefault(names[at], len(legend))

    shown = [columns[at] for part in parts for at in part]
    starts = [part.start for part in parts]
    strip: dict[str, Any] = {
        "here": [code(events, c.here) for c in shown],
        "at": [c.here for c in shown],
        "marked": [i for i, c in enumerate(shown) if c.here in marked or c.here == END],
        "events": len(events),
        # Before which shown column, and how many are left out there.
        "left": [
            [sum(map(len, parts[:i])), starts[i] - parts[i - 1].stop] for i in range(1, len(parts))
        ],
    }
    if nearest:
        strip["normal"] = [code(nearest, c.normal) for c in shown]
        strip["alike"] = f["nearest_normal"]["sessions_like_it"]
    strip["legend"] = [strings.at(name, _TEMPLATE) for name in legend]
    return strip


def _templates(
    templates: Sequence[dict[str, Any]], strings: _Strings, epoch: int
) -> dict[str, list[Any]]:
    # Of too many, the rarest known ones are left out: new ones are what a reader looks for.
    chosen = sorted(range(len(templates)), key=lambda i: (not templates[i]["new"], i))
    rows = [templates[i] for i in sorted(chosen[:MOST_TEMPLATES])]
    return {
        "template": [strings.at(t["name"] or t["template"], _TEMPLATE) for t in rows],
        "events": [t["events"] for t in rows],
        "start": [_since(t["start"], epoch) for t in rows],
        "end": [_since(t["end"], epoch) for t in rows],
        "file": [strings.file(t["file"]) for t in rows],
        "line": [t["first_line"] for t in rows],
        "isNew": [int(t["new"]) for t in rows],
    }


def _line(place: dict[str, Any], strings: _Strings, width: int) -> list[Any]:
    """Return file, line number, text, and how many characters of it are left out."""
    said, more = cut_text(place["text"], width)
    return [strings.file(place["file"]), place["first_line"], said, more]


def _places(locations: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the lines of a finding, without those that are in a range of others."""
    return [
        place
        for at, place in enumerate(locations)
        if not any(
            other["file"] == place["file"]
            and other["first_line"] <= place["first_line"]
            and place["last_line"] <= other["last_line"]
            for i, other in enumerate(locations[:_MOST_COMPARED])
            if i != at and (other != place or i < at)
        )
    ]


def place_word(unit: str) -> str:
    """Return what the number after the name of a file counts."""
    return "row" if unit in ROW_UNITS - {"entity"} else "line"


def _millis(time: str | None) -> int | None:
    if time is None:
        return None
    return round(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() * 1000)


def _since(time: str | None, epoch: int) -> int | None:
    millis = _millis(time)
    return None if millis is None else millis - epoch


def _rounded(score: float) -> float | None:
    """Return a score with five digits: bars and order need no more; JSON has no infinity.

    Examples
    --------
    >>> _rounded(1.23456789), _rounded(float("inf")), _rounded(float("nan"))
    (1.2346, 1e+308, None)
    """
    if math.isnan(score):
        return None
    return float(f"{min(max(score, -_INFINITE), _INFINITE):.5g}")
