"""The model card as text, from the plain dict of `amiss.run.card`."""

from __future__ import annotations

import textwrap
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from amiss.present.escape import visible
from amiss.present.feedback import describe_feedback
from amiss.present.layout import (
    counted,
    describe_labels,
    duration,
    labelled,
    length,
    plural,
    scored,
    shown_score,
    time_span,
)
from amiss.present.reasons import percent

SCHEMA = "amiss.card/1"
_OF = {"row": "a table", "interval": "a series", "image": "images", "entity": "entities"}
_FIGURES = (
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("pr_auc", "PR-AUC"),
    ("roc_auc", "ROC-AUC"),
)
_BARS = "▁▂▃▄▅▆▇█"
_CURVE = 32
"""Columns of a curve of losses."""
_FILES = 3
"""Names of files that are told."""
_LEAST = 50
"""Bytes of a part of a file that is told."""
_COLUMNS = 6
"""Names of columns that are told."""


def describe_card(card: dict[str, Any], width: int = 100) -> str:
    """Return a model card as text.

    Parameters
    ----------
    card : dict
        The schema ``amiss.card/1``.
    width : int
        Columns of the terminal.
    """
    learnt = card["learnt_from"]
    lines = [labelled("model", _head(card), width)]
    if learnt is None:
        lines.append(labelled("learnt", "from what, a bare detector does not know", width))
    else:
        lines += _describe_learnt(learnt, width)
    lines += _describe_decision(card, width)
    lines += _describe_figures(card["figures"], width)
    lines += ["", *_describe_detector(card["detector"], card["parameters"], width)]
    lines += _describe_training(card["detector"], width)
    lines += _describe_templates(card["templates"], width)
    if card["feedback"]:
        unit = "item" if learnt is None else learnt["unit"]
        rows = describe_feedback(card["feedback"], unit, width)
        lines += ["", "  muted and confirmed", *rows]
    lines += _describe_file(card["file"], width)
    return "\n".join(lines)


def threshold_meaning(threshold: dict[str, Any], unit: str, scores: int) -> str:
    """Return in words what lies above a threshold.

    Parameters
    ----------
    threshold : dict
        ``rule``, ``value``, ``rate``, ``realised``.
    unit : str
        What is judged.
    scores : int
        How many calibration scores it was found by.

    Examples
    --------
    >>> threshold_meaning({"rule": "sigma-3", "rate": None}, "segment", 500)
    'the mean of the 500 calibration scores plus 3 standard deviations'
    """
    rule, rate = threshold["rule"], threshold["rate"]
    unit, calibration = scored(unit), f"the {counted(scores, 'calibration score')}"
    if rule == "tail":
        return (
            f"a normal {unit} scores above it with a probability of {percent(rate)}, by an "
            f"exponential tail of the highest of {calibration}"
        )
    if rule == "quantile":
        return (
            f"a new normal {unit} scores above it with a probability of at most {percent(rate)}: "
            f"a quantile of {calibration}"
        )
    if rule == "maximum":
        return (
            f"the highest of {calibration}, which are too few to tell what {percent(rate)} of "
            f"normal {plural(unit)} exceed"
        )
    kind, _, value = rule.partition("-")
    if kind == "sigma":
        return f"the mean of {calibration} plus {value} standard deviations"
    if kind == "top":
        return f"an event that is not among the {value} likeliest ones is flagged"
    if rule.startswith("probability"):
        return f"an event less likely than {rule.split()[-1]} is flagged"
    if rule in ("f1", "precision = recall"):
        what = "best F1" if rule == "f1" else "equal precision and recall"
        return f"the cut of {what} on labelled {plural(unit)}, each judged out of fold"
    return "the detector's own cut"


def _head(card: dict[str, Any]) -> str:
    file, fitted = card["file"], card["fitted"]
    learnt = card["learnt_from"]
    kind = "bare detector"
    if learnt is not None:
        kind = f"model of {_OF.get(learnt['unit'], 'a log')}"
    parts = [card["detector"]["name"], kind]
    parts += [f"fitted {_minute(fitted)}"] if fitted else []
    if file:
        parts += [file["path"], f"{file['bytes'] / 1000:,.0f} kB"]
        if not fitted or _minute(fitted) != _minute(file["created"]):
            parts.append(f"last changed {_minute(file['created'])}")
    return " · ".join(parts)


def _minute(moment: str) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC"


def _describe_learnt(info: dict[str, Any], width: int) -> list[str]:
    unit = info["unit"]
    files = [PurePath(name).name for name in info["sources"]]
    more = f" and {len(files) - _FILES:,} more" if len(files) > _FILES else ""
    data = [", ".join(files[:_FILES]) + more]
    if "lines" in info:
        data.append(counted(info["lines"], "line"))
    data.append(time_span(info.get("start"), info.get("end")))
    data += [f"{info['format']} format"] if info.get("format") else []
    lines = [labelled("data", " · ".join(filter(None, data)), width)]
    lines.append(labelled(plural(scored(unit)), " · ".join(_units(info)), width))
    if info.get("why"):
        lines.append(labelled("found", info["why"], width))
    labels = [describe_labels(info["labelled_anomalies"])]
    if normal := info.get("labelled_normal"):
        labels.append(f"{normal:,} labelled normal")
    if (aside := info.get("set_aside")) is not None:
        share = percent(aside / max(1, info["sessions"]))
        labels.append(f"{aside:,} ({share}) left out as unlike the rest")
    lines.append(labelled("labels", " · ".join(labels), width))
    if info.get("mask"):
        lines.append(labelled("masked", ", ".join(info["mask"]), width))
    taken = [f"in {duration(info['cpu_seconds'])}", f"seed {info['random_state']}"]
    taken.append(f"fingerprint of the data {info['fingerprint']}")
    lines.append(labelled("learnt", " · ".join(taken), width))
    return lines + [labelled("note", note, width) for note in info.get("notes", ())]


def _units(info: dict[str, Any]) -> list[str]:
    """Return what was learnt from, and how it was made."""
    if "sessions" in info:
        by = info["grouping"]
        parts = [f"{info['sessions']:,}" + (f" by {by}" if "of " not in by else f", {by}")]
        parts.append(counted(info["events"], "event"))
        if beside := info.get("ungrouped"):
            lines = counted(beside["lines"], "line")
            parts.append(f"beside them {counted(beside['windows'], 'window')} of {lines} in none")
        return [*parts, *(["numbers in messages"] if info.get("numbers") else [])]
    parts = [f"{info['rows']:,}"]
    if info.get("every"):
        entities = counted(info["entities"], info["by"])
        parts.append(f"of {entities} in windows of {length(info['every'])}")
    if info.get("runs"):
        parts.append(f"in {counted(info['runs'], 'run')} without gaps")
    if columns := info["columns"]:
        more = ", …" if len(columns) > _COLUMNS else ""
        named = ", ".join(visible(name, 24) for name in columns[:_COLUMNS])
        parts.append(f"{counted(len(columns), 'column')}: {named}{more}")
    else:
        parts.append(f"of shape {' × '.join(map(str, info['shape']))}")
    return parts


def _describe_decision(card: dict[str, Any], width: int) -> list[str]:
    threshold, calibration = card["threshold"], card["calibration"]
    if threshold["value"] is None:
        return [labelled("flags", "nothing: the threshold is infinite", width)]
    parts = [f"score above {shown_score(threshold['value'])}, rule {threshold['rule']}"]
    parts.append(threshold["meaning"])
    lines = [labelled("flags", " · ".join(parts), width)]
    if threshold["realised"] is not None:
        rates = [f"{percent(threshold['realised'])} of the calibration scores lie above it"]
        if threshold["rate"] is not None:
            rates.insert(0, f"{percent(threshold['rate'])} was asked for")
        lines.append(labelled("rate", " · ".join(rates), width))
    if calibration and calibration["quantiles"]:
        told = [
            f"{'highest' if q['share'] == 1 else percent(q['share'])} {shown_score(q['score'])}"
            for q in calibration["quantiles"]
            if q["score"] is not None
        ]
        count = counted(calibration["scores"], "calibration score")
        lines.append(
            labelled("scores", " · ".join([f"{count}, quantiles: {told[0]}", *told[1:]]), width)
        )
    if threshold["note"]:
        lines.append(labelled("note", threshold["note"], width))
    return lines


def _describe_figures(figures: list[dict[str, Any]], width: int) -> list[str]:
    if not figures:
        return [labelled("figures", "none: no evaluation was kept (amiss evaluate --keep)", width)]
    lines = []
    for entry in figures:
        files = [PurePath(name).name for name in entry["sources"]]
        more = f" and {len(files) - _FILES:,} more" if len(files) > _FILES else ""
        unit = plural(scored(entry["unit"]))
        judged = f"{entry['anomalies']:,} anomalies among {entry['items']:,} {unit}"
        told = [
            f"{', '.join(files[:_FILES])}{more}: {judged}",
            *(f"{words} {entry[key]:.4f}" for key, words in _FIGURES if entry[key] is not None),
            _minute(entry["when"]),
        ]
        if not entry["at_this_threshold"]:
            told.append(f"at another threshold, {shown_score(entry['threshold'])}")
        lines.append(labelled("figures", " · ".join(told), width))
    return lines


def _describe_detector(part: dict[str, Any], parameters: int, width: int) -> list[str]:
    total = f", {counted(parameters, 'weight')} in networks" if parameters else ""
    lines = [f"  detector {visible(part['detector'])}{total}{_held(part, ', ')}"]
    for depth, own in _parts(part):
        indent = " " * (4 + 2 * depth)
        if depth:
            said = [own["detector"]] if own["detector"] != own["name"] else []
            said += [_held(own)] if own["arrays"] else []
            lines.append(f"{indent[2:]}{visible(own['name'])} · {' · '.join(said)}".rstrip(" ·"))
        given = ", ".join(f"{k}={v}" for k, v in own["parameters"].items() if v is not None)
        room = max(20, width - len(indent))
        lines += [indent + row for row in textwrap.wrap(visible(given), room)]
        for network in own["networks"]:
            lines += _network_rows(network, indent, width)
    return lines


def _held(part: dict[str, Any], before: str = "") -> str:
    """Return how large the arrays are that a detector has besides networks."""
    held = sum(array["bytes"] for array in part["arrays"])
    return f"{before}{held / 1000:,.1f} kB of arrays" if held else ""


def _network_rows(network: dict[str, Any], indent: str, width: int) -> list[str]:
    rows = [
        (visible(layer["name"] or network["name"]), visible(layer["type"]),
         ", ".join("×".join(map(str, shape)) for shape in layer["shapes"]),
         f"{layer['parameters']:,}")
        for layer in network["layers"]
    ]  # fmt: skip
    head = f"{indent}{visible(network['name'])}: {visible(network['type'])}, "
    lines = [f"{head}{counted(network['parameters'], 'weight')}"]
    sizes = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    for name, kind, shapes, count in rows:
        row = f"{indent}  {count:>{sizes[3]}}  {name:<{sizes[0]}}  {kind:<{sizes[1]}}  {shapes}"
        lines.append(visible(row, width))
    return lines


def _describe_training(part: dict[str, Any], width: int) -> list[str]:
    lines = ["", "  training"]
    for depth, own in _parts(part):
        for run in own["history"]:
            of = "".join(f", {key} {value:g}" for key, value in run["of"].items())
            lines.append(f"    {visible(own['name'])}{of}: {_losses(run)}")
        if own["networks"] and not own["history"] and not (depth or own["members"]):
            lines.append(f"    {visible(own['name'])}: no losses were kept")
    rows = [
        row
        for line in lines
        for row in textwrap.wrap(visible(line), width, subsequent_indent=" " * 6) or [""]
    ]
    return rows if len(lines) > 2 else []


def _losses(run: dict[str, Any]) -> str:
    losses = [loss for loss in run["loss"] if isinstance(loss, int | float)]
    said = counted(len(run["loss"]), "epoch")
    if losses:
        said += f" · loss {losses[0]:.4g} → {losses[-1]:.4g}  {_curve(losses)}"
    held_out = [loss for loss in run["validation_loss"] if isinstance(loss, int | float)]
    if held_out:
        said += f" · on held-out items {held_out[0]:.4g} → {held_out[-1]:.4g}"
    return said


def _curve(values: list[float]) -> str:
    """Return values as bars, the means of neighbours where there are many.

    Examples
    --------
    >>> _curve([4.0, 2.0, 1.0, 0.0])
    '█▄▂▁'
    """
    if len(values) > _CURVE:
        edges = [round(i * len(values) / _CURVE) for i in range(_CURVE + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, span = min(values), max(values) - min(values)
    top = len(_BARS) - 1
    return "".join(_BARS[int(top * (value - low) / span) if span else 0] for value in values)


def _describe_templates(templates: dict[str, Any] | None, width: int) -> list[str]:
    if templates is None:
        return []
    said = counted(templates["count"], "template")
    corrections = [f"{templates[key]:,} {key}" for key in ("named", "merged", "split")]
    told = [
        text
        for text, key in zip(corrections, ("named", "merged", "split"), strict=True)
        if templates[key]
    ]
    lines = ["", "  " + ", ".join([said, *told])]
    shown = templates["shown"]
    lines.append(f"  {'id':>5}{'count':>11}  template")
    for entry in shown:
        count = "–" if entry["count"] is None else f"{entry['count']:,}"
        name = f"{visible(entry['name'], 24)}: " if entry["name"] else ""
        text = visible(entry["text"], max(width - 21 - len(name), 20))
        lines.append(f"  {entry['id']:>5}{count:>11}  {name}{text}")
    if templates["count"] > len(shown):
        lines.append(f"  … and {templates['count'] - len(shown):,} more: --templates shows them")
    return lines


def _describe_file(file: dict[str, Any] | None, width: int) -> list[str]:
    if file is None:
        return []
    parts = [
        f"{part['name']} {part['bytes'] / 1000:,.1f} kB"
        for part in file["parts"]
        if part["bytes"] >= _LEAST
    ]
    versions = [f"{name} {version}" for name, version in file["versions"].items()]
    return [
        "",
        labelled("unpacked", " · ".join(parts), width),
        labelled("versions", " · ".join([f"file format {file['format']}", *versions]), width),
    ]


def _parts(part: dict[str, Any], depth: int = 0) -> list[tuple[int, dict[str, Any]]]:
    """Return a detector and its members, each with how deep it is."""
    inner = [row for member in part["members"] for row in _parts(member, depth + 1)]
    return [(depth, part), *inner]
