"""Findings as text for a terminal, from the plain dict of `amiss.present.summary`."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import PurePath
from typing import Any

from amiss.present.escape import visible
from amiss.present.summary import finding_to_dict, timestamp
from amiss.types import Finding

_LABEL = 11
MOST_SHOWN = 10
"""Kinds of finding in the overview of `summarise`, unless asked for more."""


def summarise(summary: dict[str, Any], most: int | None = MOST_SHOWN, width: int = 100) -> str:
    """Return the overview of a run: what was read, learnt, and flagged, and the top findings.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``.
    most : int, optional
        Kinds of finding to show; None shows all.
    width : int
        Columns of the terminal.
    """
    lines = [
        _labelled("log", _describe_log(summary), width),
        _labelled(summary["source"]["unit"] + "s", _describe_units(summary), width),
        _labelled("learnt", _describe_model(summary["model"]), width),
        _labelled("flagged", _describe_decision(summary), width),
    ]
    lines += [_labelled("note", note, width) for note in _notes(summary)]
    if summary["findings"]:
        lines += ["", *_table(summary["findings"], most, width)]
    return "\n".join(lines)


def _describe_log(summary: dict[str, Any]) -> str:
    source = summary["source"]
    names = [PurePath(name).name for name in source["files"]]
    name = names[0] if len(names) == 1 else f"{len(names)} files, {names[0]} first"
    parts = [name, f"{source['lines']:,} lines", _span(source["start"], source["end"])]
    parts += [f"{source['format']} format", f"{source['templates']:,} templates"]
    return " · ".join(part for part in parts if part)


def _describe_units(summary: dict[str, Any]) -> str:
    source = summary["source"]
    parts = [f"{summary['scored']:,} by {source['grouping']}"]
    if source["ungrouped_lines"]:
        share = 1 - source["ungrouped_lines"] / max(1, source["lines"])
        parts[0] += f" (in {_percent(share)} of lines)"
    if source["cut"]:
        parts.append(
            f"{source['cut']:,} cut by the start or end of the log: judged on what they have"
        )
    return " · ".join(parts)


def _describe_model(model: dict[str, Any]) -> str:
    what = model["detector"].replace("-", " ")
    if model["members"]:
        *most, last = model["members"]
        what += f" of {', '.join(most)} and {last}" if most else f" of {last}"
    parts = [what, f"from {model['sessions']:,} {model['unit']}s in {model['cpu_seconds']:g} s"]
    if model["labelled_anomalies"] is not None:
        parts.append(f"{model['labelled_anomalies']:,} labelled anomalies left out")
    elif not model["set_aside"]:
        parts.append("nothing was labelled")
    if model["set_aside"]:
        share = model["set_aside"] / model["sessions"]
        parts.append(
            f"nothing was labelled; {model['set_aside']:,} ({_percent(share)}) stand apart"
        )
    return " · ".join(parts)


def _describe_decision(summary: dict[str, Any]) -> str:
    threshold, count = summary["threshold"], len(summary["findings"])
    unit = summary["source"]["unit"]
    share = count / max(1, summary["scored"])
    parts = [f"{count:,} {unit}{'' if count == 1 else 's'} ({_percent(share)})"]
    if threshold["rate"] is not None:
        realised = threshold["realised"] or 0.0
        parts.append(
            f"at most {_percent(threshold['rate'])} of normal {unit}s wanted, "
            f"{_percent(realised)} in calibration"
        )
    if threshold["value"] is not None:
        parts.append(f"score above {threshold['value']:.2f}")
    return " · ".join(parts)


def _notes(summary: dict[str, Any]) -> list[str]:
    notes = list(summary["source"]["notes"])
    if summary["threshold"]["note"]:
        notes.append(summary["threshold"]["note"])
    return notes


def _table(findings: list[dict[str, Any]], most: int | None, width: int) -> list[str]:
    """Return a row for each kind of finding, those with the same reasons taken together."""
    kinds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for finding in findings:
        kinds.setdefault(tuple(why(finding)), []).append(finding)
    shown = list(kinds.items())[:most]
    unit = findings[0]["unit"]
    ids = [visible(alike[0]["id"], 40) for _, alike in shown]
    places = [_place(alike[0]["locations"][0]) for _, alike in shown]
    id_width = max(len(unit), *(len(i) for i in ids))
    place_width = max(len("where"), *(len(p) for p in places))
    indent = 2 + 6 + 2 + id_width + 2 + place_width + 2
    stacked = width - indent < 60  # too narrow for columns: the reasons go below
    header = f"  {'score':>6}  {unit:<{id_width}}  {'where':<{place_width}}"
    rows = [header.rstrip() if stacked else f"{header}  why"]
    for (texts, alike), name, place in zip(shown, ids, places, strict=True):
        head = f"  {alike[0]['score']:>6.1f}  {name:<{id_width}}  {place:<{place_width}}"
        left = 10 if stacked else indent
        reasons = [visible(text, max(20, width - left)) for text in texts]
        if len(alike) > 1:
            reasons.append(f"and {len(alike) - 1:,} more like it")
        if stacked:
            rows.append(head.rstrip())
        else:
            rows.append(f"{head}  {reasons.pop(0)}")
        rows += [" " * left + reason for reason in reasons]
    if len(kinds) > len(shown):
        left_out = list(kinds.values())[len(shown) :]
        count = sum(len(alike) for alike in left_out)
        rows.append(f"  … and {count:,} more, of {len(left_out):,} kinds: --all, or --json")
    return rows


def why(finding: dict[str, Any], most: int = 3) -> list[str]:
    """Return the reasons of a finding, the strongest first, in a few words each."""
    unit = finding["unit"]
    reasons: list[str] = []
    for got, expected in zip(finding["got"], finding["expected"], strict=True):
        if got["unseen"]:
            reasons.append(f'in no normal session: "{got["template"]}"')
        elif got["template"] is None:
            reasons.append(f"the {unit} ends{_instead(expected)}")
        else:
            reasons.append(f'unexpected here: "{got["template"]}"{_instead(expected)}')
        if len(reasons) == 2:
            break
    reasons += [_counted("missing ", m) for m in finding["missing"]]
    reasons += [_counted("", m, " more") for m in finding["surplus"]]
    if not reasons:
        reasons = ["an unusual combination of usual events"]
    if len(reasons) > most:
        reasons = [*reasons[: most - 1], f"{reasons[most - 1]} … +{len(reasons) - most}"]
    return reasons


def _counted(before: str, count: dict[str, Any], after: str = "") -> str:
    return f'{before}{count["events"]}{after} × "{count["template"]}"'


def _instead(expected: list[dict[str, Any]]) -> str:
    if not expected:
        return ""
    best = expected[0]
    return f', expected "{best["template"]}" ({best["probability"]:.2f})'


def describe_model(described: dict[str, Any], width: int = 100) -> str:
    """Return what a fit learnt and where it was written."""
    model, threshold = described["model"], described["threshold"]
    span = _span(_iso(model["start"]), _iso(model["end"]))
    log = [f"{model['lines']:,} lines", span, f"{model['format']} format"]
    log.append(f"{model['templates']:,} templates")
    decision = f"score above {threshold['value']:.2f}"
    if threshold["rate"] is not None:
        decision += (
            f" · at most {_percent(threshold['rate'])} of normal {model['unit']}s wanted, "
            f"{_percent(threshold['realised'])} in calibration"
        )
    lines = [
        _labelled("log", " · ".join(part for part in log if part), width),
        _labelled("learnt", _describe_model(model), width),
        _labelled("flags", decision, width),
        _labelled("model", f"{described['file']} · {described['bytes'] / 1000:,.0f} kB", width),
    ]
    if threshold["note"]:
        lines.append(_labelled("note", threshold["note"], width))
    return "\n".join(lines)


def describe_preview(preview: dict[str, Any]) -> str:
    """Return how many sessions each false-alarm rate would flag, as a table."""
    rows = [f"  {'wanted':>8} {'calibration':>12} {'score above':>12} {'flagged':>8}"]
    rows += [
        f"  {_percent(r['false_alarm_rate']):>8} {_percent(r['realised']):>12} "
        f"{r['threshold']:>12.2f} {r['flagged']:>8,}"
        for r in preview["rates"]
    ]
    return f"{preview['scored']:,} sessions\n" + "\n".join(rows)


def describe_evaluation(report: dict[str, Any]) -> str:
    """Return figures against labels: the model, its members, the trivial baselines."""
    confusion = report["confusion"]
    head = f"sessions   {report['sessions']:,} labelled, {report['anomalies']:,} of them anomalies"
    if report["unlabelled"]:
        head += f" · {report['unlabelled']:,} without a label left out"
    rows = [
        head,
        (
            f"flagged    {confusion['true_positive']:,} anomalies and "
            f"{confusion['false_positive']:,} normal ones · {confusion['false_negative']:,} missed"
        ),
        "",
        f"  {'':<16} {'precision':>9} {'recall':>7} {'F1':>7} {'PR-AUC':>7} {'ROC-AUC':>8}",
        _figures("this model", report),
    ]
    rows += [_figures(f"  {name}", values) for name, values in report["members"].items()]
    rows += ["  baselines"]
    rows += [_figures(f"  {name}", values) for name, values in report["baselines"].items()]
    return "\n".join(rows)


def _figures(name: str, values: dict[str, Any]) -> str:
    def cell(key: str, width: int) -> str:
        value = values.get(key)
        return f"{'':>{width}}" if value is None else f"{value:>{width}.4f}"

    cells = (("precision", 9), ("recall", 7), ("f1", 7), ("pr_auc", 7), ("roc_auc", 8))
    return f"  {name:<16} " + " ".join(cell(key, width) for key, width in cells)


def _iso(millis: int | None) -> str | None:
    return None if millis is None else timestamp(millis)


def describe_finding(finding: Finding | dict[str, Any], width: int = 100) -> str:
    """Return all that is known of one finding: members, events, lines, the nearest normal one."""
    f = finding_to_dict(finding) if isinstance(finding, Finding) else finding
    span = _span(f["start"], f["end"])
    lines = [
        f"{f['unit']} {visible(f['id'])}",
        _labelled("score", f"{f['score']:.2f} · p = {f['p_value']:.2g}", width),
    ]
    if span:
        lines.append(_labelled("when", span, width))
    if not f["complete"]:
        lines.append(
            _labelled("cut", "by the start or end of the log: nothing counts as missing", width)
        )
    if f["contributions"]:
        lines += ["", "  which detectors fired (−log₁₀ p)"]
        lines += [
            f"    {c['score']:>6.2f}  {c['name']:<16} {'▇' * round(min(c['score'], 12) * 2)}"
            for c in f["contributions"]
        ]
    if f["got"]:
        lines += ["", "  what came, and what was expected there"]
        for got, expected in zip(f["got"], f["expected"], strict=True):
            lines += _describe_got(got, expected, f["unit"], width)
    lines += _counts("missing, against the nearest normal one", f["missing"], width)
    lines += _counts("more than in the nearest normal one", f["surplus"], width)
    if f["nearest_normal"]["events"]:
        lines += ["", *_side_by_side(f, width)]
    return "\n".join(lines)


def _describe_got(
    got: dict[str, Any], expected: list[dict[str, Any]], unit: str, width: int
) -> list[str]:
    where = _place(got)
    if got["template"] is None:
        head = f"    {where}  the {unit} ends after this line (p = {got['probability']:.2g})"
    elif got["unseen"]:
        head = f"    {where}  in no normal session"
    else:
        head = f"    {where}  p = {got['probability']:.2g}"
    lines = [head]
    if got["text"]:
        lines.append("      " + visible(got["text"], width - 6))
    lines += [
        f"      expected {e['probability']:.2f}  {visible(e['template'], width - 20)}"
        for e in expected
    ]
    return lines


def _counts(title: str, counts: list[dict[str, Any]], width: int) -> list[str]:
    if not counts:
        return []
    rows = [f"    {c['events']:>3} × {visible(c['template'], width - 11)}" for c in counts]
    return ["", f"  {title}", *rows]


def _side_by_side(finding: dict[str, Any], width: int) -> list[str]:
    """Return the counts of each template here and in the nearest normal session."""
    here = Counter(finding["events"])
    normal = Counter(finding["nearest_normal"]["events"])
    alike = finding["nearest_normal"]["sessions_like_it"]
    rows = [f"  the nearest normal {finding['unit']} ({alike:,} in training are like it)"]
    rows.append(f"    {'here':>5} {'normal':>6}  template")
    for template in dict.fromkeys([*finding["nearest_normal"]["events"], *finding["events"]]):
        mark = " " if here[template] == normal[template] else "≠"
        text = visible(template, width - 20)
        rows.append(f"  {mark} {here[template]:>5} {normal[template]:>6}  {text}")
    return rows


def _labelled(label: str, text: str, width: int) -> str:
    """Return a labelled paragraph, broken at the separators so that it fits `width`."""
    room = max(30, width - _LABEL)
    rows: list[str] = []
    for part in visible(text).split(" · "):
        if rows and len(rows[-1]) + 3 + len(part) <= room:
            rows[-1] += f" · {part}"
        else:
            rows.append(part)
    indent = "\n" + " " * _LABEL
    return f"{label:<{_LABEL}}{indent.join(rows)}"


def _place(location: dict[str, Any]) -> str:
    first = location["first_line"]
    return f"{visible(PurePath(location['file']).name, 40)}:{first}"


def _span(start: str | None, end: str | None) -> str:
    if start is None or end is None:
        return ""
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    same_day = first.date() == last.date()
    until = f"{last:%H:%M:%S}" if same_day else f"{last:%Y-%m-%d %H:%M}"
    return (
        f"{first:%Y-%m-%d %H:%M:%S} – {until}" if same_day else f"{first:%Y-%m-%d %H:%M} – {until}"
    )


def _percent(share: float) -> str:
    """Return a share as a percentage with two digits that say something."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.0f} %"
