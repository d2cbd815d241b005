"""Findings as text for a terminal, from the plain dict of `amiss.present.summary`."""

from __future__ import annotations

import textwrap
from collections import Counter
from pathlib import PurePath
from typing import Any

from amiss.present.deviations import describe_deviations
from amiss.present.escape import visible
from amiss.present.incident_overview import describe_incidents
from amiss.present.layout import (
    LABEL_WIDTH,
    MOST_SHOWN,
    ROW_UNITS,
    counted,
    describe_decision,
    describe_kinds,
    describe_labels,
    describe_muted,
    describe_score,
    describe_threshold,
    duration,
    labelled,
    notes_of,
    place,
    plural,
    scored,
    short_names,
    shown_score,
    time_span,
)
from amiss.present.reasons import percent
from amiss.present.rows import describe_row_finding, describe_row_model, summarise_rows
from amiss.present.summary import finding_to_dict, timestamp
from amiss.present.verdict import verdict
from amiss.types import Finding

_LINE_ROWS = 4
"""Rows that a log line may fill; the rest of it is cut."""


def summarise(summary: dict[str, Any], most: int | None = MOST_SHOWN, width: int = 100) -> str:
    """Return the overview of a run: what was read, learnt, and flagged, and the worst incidents.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``.
    most : int, optional
        Incidents to show; None shows all.
    width : int
        Columns of the terminal.
    """
    if summary["source"]["unit"] in ROW_UNITS:
        return summarise_rows(summary, most, width)
    why = summary["source"]["why"]
    lines = [
        labelled("log", _describe_log(summary), width),
        labelled(plural(summary["source"]["unit"]), _describe_units(summary), width),
        *([labelled("found", visible(why), width)] if why else []),
        labelled("learnt", _describe_model(summary["model"]), width),
        labelled("flagged", describe_decision(summary), width),
        *([labelled("muted", muted, width)] if (muted := describe_muted(summary)) else []),
    ]
    lines += [labelled("note", note, width) for note in notes_of(summary)]
    if summary["traces"]:
        lines += ["", *_trace_rows(summary["traces"], most)]
    lines += ["", *textwrap.wrap(verdict(summary)[1], width)]
    if summary["incidents"]:
        lines += describe_incidents(summary, most, width)
    return "\n".join(lines)


def _trace_rows(traces: list[dict[str, Any]], most: int | None) -> list[str]:
    """Return the verdict on each trace, the worst first; of the normal ones only how many."""
    if len(traces) == 1:
        (t,) = traces
        share, limit = percent(t["share"]), percent(t["limit"])
        verdict = "anomalous" if t["is_anomaly"] else "normal"
        return [f"  the trace is {verdict}: {share} of its segments flagged, normal up to {limit}"]
    odd = sorted((t for t in traces if t["is_anomaly"]), key=lambda t: -t["share"])
    if not odd:
        return [f"  none of {len(traces):,} traces has more segments flagged than chance explains"]
    short = short_names([t["trace"] for t in traces])
    names = [visible(short[t["trace"]], 40) for t in odd[:most]]
    width = max(len("anomalous trace"), *map(len, names))
    rows = [
        f"  {'anomalous trace':<{width}} {'segments':>8} {'flagged':>8} {'share':>7}  normal up to"
    ]
    rows += [
        f"  {name:<{width}} {t['segments']:>8,} {t['flagged']:>8,} {percent(t['share']):>7}  "
        f"{percent(t['limit'])}"
        for name, t in zip(names, odd, strict=False)
    ]
    if len(odd) > len(names):
        rows.append(f"  … and {len(odd) - len(names):,} more: --all shows them")
    rows.append(f"  {len(traces) - len(odd):,} of {len(traces):,} traces are normal")
    return rows


def _describe_log(summary: dict[str, Any]) -> str:
    source = summary["source"]
    names = [PurePath(name).name for name in source["files"]]
    name = names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} first"
    parts = [name, _read(source), time_span(source["start"], source["end"])]
    parts += [f"{source['format']} format", counted(source["templates"], "template")]
    return " · ".join(part for part in parts if part)


def _describe_units(summary: dict[str, Any]) -> str:
    source = summary["source"]
    size = source["grouping"].removeprefix("windows of ").removeprefix("segments of ")
    by = f"of {size}" if size != source["grouping"] else f"by {size}"
    parts = [f"{summary['scored']:,} {by}"]
    if source["ungrouped_lines"]:
        parts.append(f"{counted(source['ungrouped_lines'], 'line')} in none of them{_in(summary)}")
    if source["cut"]:
        parts.append(
            f"{source['cut']:,} cut by the start or end of the log: judged on what they have"
        )
    return " · ".join(parts)


def _in(summary: dict[str, Any]) -> str:
    """Return how the lines that belong to no session were judged."""
    ungrouped = summary.get("ungrouped")
    if ungrouped is None:
        return ", not judged"
    size = ungrouped["grouping"].partition(",")[0].removeprefix("windows of ")
    return f", judged in {counted(ungrouped['scored'], ungrouped['unit'])} of {size}"


def _describe_model(model: dict[str, Any]) -> str:
    what = model["detector"].replace("-", " ")
    if model["members"]:
        *most, last = model["members"]
        what += f" of {', '.join(most)} and {last}" if most else f" of {last}"
    learnt_from = counted(model["sessions"], model["unit"])
    if beside := model.get("ungrouped"):
        learnt_from += f", and {counted(beside['windows'], 'window')} of lines in none,"
    parts = [what, f"from {learnt_from} in {duration(model['cpu_seconds'])}"]
    known = model["labelled_anomalies"]
    parts.append(describe_labels(known))
    aside, of_many = model["set_aside"], bool(model.get("ungrouped"))  # windows are not counted
    if aside:
        what = counted(aside, model["unit"]) if of_many else f"{aside:,}"
        share = percent(aside / model["sessions"])
        parts.append(f"{what} ({share}) left out as unlike the rest")
    elif known is None:
        what = f"no {visible(model['unit'])}" if of_many else "nothing"
        parts.append(f"{what} left out")
    return " · ".join(parts)


def describe_model(described: dict[str, Any], width: int = 100) -> str:
    """Return what a fit learnt and where it was written."""
    if described["model"]["unit"] in ROW_UNITS:
        return describe_row_model(described, width)
    model, threshold = described["model"], described["threshold"]
    span = time_span(_iso(model["start"]), _iso(model["end"]))
    log = [_read(model), span, f"{model['format']} format"]
    log.append(counted(model["templates"], "template"))
    flags = " · ".join(reversed(describe_threshold(threshold, model["unit"])))
    lines = [
        labelled("log", " · ".join(part for part in log if part), width),
        labelled("learnt", _describe_model(model), width),
        labelled("flags", flags, width),
        labelled("model", f"{described['file']} · {described['bytes'] / 1000:,.0f} kB", width),
    ]
    if threshold["note"]:
        lines.append(labelled("note", threshold["note"], width))
    return "\n".join(lines)


def describe_preview(preview: dict[str, Any]) -> str:
    """Return how many sessions each false-alarm rate would flag, as a table."""
    rows = [f"  {'wanted':>8} {'calibration':>12} {'score above':>12} {'flagged':>8}"]
    rows += [
        f"  {percent(r['false_alarm_rate']):>8} {percent(r['realised']):>12} "
        f"{shown_score(r['threshold']):>12} {r['flagged']:>8,}"
        for r in preview["rates"]
    ]
    return "\n".join([counted(preview["scored"], scored(preview["unit"])), *rows])


def describe_evaluation(report: dict[str, Any]) -> str:
    """Return figures against labels: the model, its members, the trivial baselines."""
    confusion, unit = report["confusion"], report["unit"]
    head = f"{report['sessions']:,} with a label, {report['anomalies']:,} of them anomalies"
    if report["unlabelled"]:
        head += f" · {report['unlabelled']:,} without a label left out"
    hits = counted(confusion["true_positive"], "anomaly", "anomalies")
    rows = [
        f"{plural(unit):<{LABEL_WIDTH}}{head}",
        (
            f"{'flagged':<{LABEL_WIDTH}}{hits} and {confusion['false_positive']:,} normal "
            f"· missed {confusion['false_negative']:,} "
            f"· passed {confusion['true_negative']:,} normal"
        ),
        *_alarms(report),
        "",
        f"  {'':<16} {'precision':>9} {'recall':>7} {'F1':>7} {'PR-AUC':>7} {'ROC-AUC':>8}",
        _figures("this model", report),
    ]
    rows += [_figures(f"  {name}", values) for name, values in report["members"].items()]
    if report["baselines"]:
        rows += ["  baselines"]
        rows += [_figures(f"  {name}", values) for name, values in report["baselines"].items()]
    if report.get("kinds"):
        rows += ["", *describe_kinds(report["kinds"])]
    if traces := report.get("traces"):
        rows += ["", _evaluated_traces(traces)]
    return "\n".join(rows)


def _evaluated_traces(traces: dict[str, Any]) -> str:
    confusion = traces["confusion"]
    found = f"{confusion['true_positive']:,} of {counted(traces['anomalies'], 'anomalous trace')}"
    false = f"{confusion['false_positive']:,} of {traces['traces'] - traces['anomalies']:,} normal"
    return f"{'traces':<{LABEL_WIDTH}}flagged {found}, and {false} ones"


def _alarms(report: dict[str, Any]) -> list[str]:
    """Return what is usual to say of series: alarms as shares, and a figure of ranges."""
    named = (("false_alarm_rate", "false-alarm rate"), ("missing_rate", "missing rate"))
    said = [f"{name} {percent(report[key])}" for key, name in named if report.get(key) is not None]
    if (volume := report.get("vus_pr")) is not None:
        said.append(f"VUS-PR {volume:.4f}")
    return [f"{'rates':<{LABEL_WIDTH}}{' · '.join(said)}"] if said else []


def _figures(name: str, values: dict[str, Any]) -> str:
    def cell(key: str, width: int) -> str:
        value = values.get(key)
        return f"{'':>{width}}" if value is None else f"{value:>{width}.4f}"

    cells = (("precision", 9), ("recall", 7), ("f1", 7), ("pr_auc", 7), ("roc_auc", 8))
    row = f"  {visible(name, 16):<16} " + " ".join(cell(key, width) for key, width in cells)
    return row.rstrip()


def _iso(millis: int | None) -> str | None:
    return None if millis is None else timestamp(millis)


def describe_finding(finding: Finding | dict[str, Any], width: int = 100) -> str:
    """Return all that is known of one finding: members, events, lines, the nearest normal one.

    Parameters
    ----------
    finding : Finding or dict
        The dict may have a ``threshold``: then the text says whether it was flagged.
    width : int
        Columns of the terminal.
    """
    f = finding_to_dict(finding) if isinstance(finding, Finding) else finding
    if f["unit"] in ROW_UNITS:
        return describe_row_finding(f, width)
    unit, span = visible(f["unit"]), time_span(f["start"], f["end"])
    lines = [f"{unit} {visible(f['id'])}", labelled("score", describe_score(f), width)]
    if span:
        lines.append(labelled("when", span, width))
    if not f["complete"]:
        lines.append(
            labelled("cut", "by the start or end of the log: nothing counts as missing", width)
        )
    lines += describe_deviations(f, width)
    if f["contributions"]:
        lines += ["", "  what the detectors say (−log₁₀ p)"]
        lines += [
            f"    {c['score']:>6.2f}  {visible(c['name'], 16):<16} "
            f"{'▇' * round(min(max(c['score'], 0), 12) * 2)}".rstrip()
            for c in f["contributions"]
        ]
    if f["got"]:
        lines += ["", "  what came, and what was expected there"]
        for got, expected in zip(f["got"], f["expected"], strict=True):
            lines += _describe_got(got, expected, unit, width)
    if f.get("mispredicted"):
        lines += ["", "  mispredicted most often, and what was held likelier", *_missed(f, width)]
    nearest = f["nearest_normal"]["events"]
    lines += _counts(f"missing, against the nearest normal {unit}", f["missing"], width)
    lines += _counts(f"surplus, against the nearest normal {unit}", f["surplus"], width)
    if nearest:
        lines += ["", *_side_by_side(f, unit, width)]
    return "\n".join(lines)


def _describe_got(
    got: dict[str, Any], expected: list[dict[str, Any]], unit: str, width: int
) -> list[str]:
    where = place(got, {})
    if got["template"] is None:
        head = f"    {where}  the {unit} ends after this line (p = {got['probability']:.2g})"
    elif got["unseen"]:
        head = f"    {where}  in no normal {unit}"
    else:
        head = f"    {where}  unexpected here (p = {got['probability']:.2g})"
    lines = [head]
    # A row of a session table has no line of one event to show: there is the event itself.
    line = got["text"] or (f'"{got["template"]}"' if got["template"] else "")
    shown = visible(line, _LINE_ROWS * (width - 6))
    lines += ["      " + row for row in textwrap.wrap(shown, width - 6)[:_LINE_ROWS]]
    lines += [
        f"      expected {percent(e['probability']):>6}  {visible(e['template'], width - 23)}"
        for e in expected
    ]
    return lines


def _missed(finding: dict[str, Any], width: int) -> list[str]:
    rows = finding["mispredicted"]
    names = [visible(m["template"], max(10, (width - 30) // 2)) for m in rows]
    others = [visible(m["expected"], max(10, (width - 30) // 2)) for m in rows]
    wide = max(len("event"), *map(len, names))
    table = [f"    {'missed':>6} {'of':>6}  {'event':<{wide}}  {'times':>5}  held likelier"]
    for m, name, other in zip(rows, names, others, strict=True):
        head = f"    {m['missed']:>6,} {m['events']:>6,}  {name:<{wide}}"
        table.append(f"{head}  {m['expected_events']:>5,}  {other}")
    return table


def _counts(title: str, counts: list[dict[str, Any]], width: int) -> list[str]:
    if not counts:
        return []
    rows = [f"    {c['events']:>3} × {visible(c['template'], width - 10)}" for c in counts]
    return ["", f"  {title}", *rows]


def _side_by_side(finding: dict[str, Any], unit: str, width: int) -> list[str]:
    """Return the counts of each template here and in the nearest normal session."""
    here = Counter(finding["events"])
    normal = Counter(finding["nearest_normal"]["events"])
    alike = finding["nearest_normal"]["sessions_like_it"]
    rows = [f"  the nearest normal {unit} ({alike:,} like it in training)"]
    rows.append(f"    {'here':>5} {'normal':>6}  template")
    for template in dict.fromkeys([*finding["nearest_normal"]["events"], *finding["events"]]):
        mark = " " if here[template] == normal[template] else "≠"
        text = visible(template, width - 18)
        rows.append(f"  {mark} {here[template]:>5} {normal[template]:>6}  {text}")
    return rows


def _read(source: dict[str, Any]) -> str:
    return counted(source["lines"], "row" if source["format"] == "sessions" else "line")
