"""How the decision of the page was made: detector, threshold, data, figures, the model itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from amiss.present.escape import visible
from amiss.present.feedback import describe_entry
from amiss.present.layout import (
    ROW_UNITS,
    counted,
    describe_labels,
    duration,
    length,
    notes_of,
    plural,
    scored,
    shown_score,
    time_span,
)
from amiss.present.page_shell import text
from amiss.present.reasons import percent

_FIGURES = (("precision", "precision"), ("recall", "recall"), ("f1", "F1"), ("pr_auc", "PR-AUC"),
            ("roc_auc", "ROC-AUC"))  # fmt: skip
_MOST_FILES = 20
_VALUE = 120
"""Characters of a parameter's value."""
_CURVE = (220, 44)
"""Width and height of a curve of losses."""


def decision_section(content: dict[str, Any]) -> str:
    """Return as HTML how it was decided what is anomalous.

    Parameters
    ----------
    content : dict
        The schema ``amiss.page/1``.
    """
    summary, card = content["findings"], content["card"]
    facts = [(name, said) for name, said in _facts(summary, card) if said]
    rows = "".join(f"<dt>{text(name)}</dt><dd>{text(said)}</dd>" for name, said in facts)
    notes = "".join(f"<li>{text(note)}</li>" for note in notes_of(summary))
    said = f'<h3>Notes</h3><ul class="notes">{notes}</ul>' if notes else ""
    files = summary["source"]["files"]
    return (
        '<section id="decision" aria-labelledby="decision-title">'
        '<h2 id="decision-title">How this was decided</h2><div class="panel">'
        f'<dl class="facts-list">{rows}</dl>{said}{_files(files)}'
        f"{_evaluation(content.get('evaluation'))}</div></section>"
    )


def _facts(summary: dict[str, Any], card: dict[str, Any] | None) -> Iterator[tuple[str, str]]:
    source, model, threshold = summary["source"], summary["model"], summary["threshold"]
    unit = scored(source["unit"])
    members = model.get("members") or []
    detector = model["detector"]
    yield "Detector", f"{detector}: {', '.join(members)}" if members else detector
    if threshold["value"] is not None:
        meaning = card["threshold"]["meaning"] if card else f"rule {threshold['rule']}"
        yield "Threshold", f"score above {shown_score(threshold['value'])}: {meaning}"
    if (ungrouped := summary.get("ungrouped")) is not None:
        above = f"score above {shown_score(ungrouped['threshold']['value'])}"
        of = f"{counted(ungrouped['lines'], 'line')} in no {unit}"
        yield "Beside", f"{ungrouped['scored']:,} {ungrouped['grouping']} ({of}): {above}"
    if threshold["rate"] is not None:
        realised = percent(threshold["realised"] or 0.0)
        wanted = f"at most {percent(threshold['rate'])} of normal {plural(unit)} wanted"
        yield "False alarms", f"{wanted}; {realised} of those it was calibrated on lie above it"
    if any(f["p_value"] is not None for f in summary["findings"][:1]):
        yield "p-value", f"the share of normal {plural(unit)} that score as high or higher"
    yield "Judged", " · ".join(_judged(summary, unit))
    yield "Grouping", " · ".join(filter(None, [source.get("grouping"), source.get("why")]))
    yield "Learnt from", " · ".join(_learnt(model, unit))
    yield "Fingerprint", f"{model['fingerprint']} (of what it learnt from)"
    seed, seconds = model.get("random_state"), model.get("cpu_seconds")
    if seconds is not None:
        yield "Made", f"in {duration(seconds)} of computing, seed {seed}"


def _judged(summary: dict[str, Any], unit: str) -> Iterator[str]:
    source = summary["source"]
    yield counted(summary["scored"], unit)
    if source.get("lines") is not None:
        yield counted(source["lines"], "line")
    if source.get("cut"):
        yield f"{source['cut']:,} cut by the start or end of the log"
    if source.get("ungrouped_lines"):
        yield f"{counted(source['ungrouped_lines'], 'line')} in no {unit}"
    if source.get("format"):
        yield f"{source['format']} format"
    if source.get("columns"):
        columns = source["columns"]
        count = columns if isinstance(columns, int) else len(columns)
        yield counted(count, "column")
    if span := time_span(source.get("start"), source.get("end")):
        yield span


def _learnt(model: dict[str, Any], unit: str) -> Iterator[str]:
    rows = model.get("rows")
    if model.get("sessions") is not None:
        yield counted(model["sessions"], unit)
    elif isinstance(rows, int):
        yield counted(rows, unit)
    if (aside := model.get("set_aside")) is not None:
        yield f"{aside:,} left out as unlike the rest"
    if unit not in ROW_UNITS and model.get("lines"):
        yield counted(model["lines"], "line")
    if model.get("templates"):
        yield counted(model["templates"], "template")
    if "labelled_anomalies" in model:
        yield describe_labels(model["labelled_anomalies"])
    option = model.get("option")
    if option and option[0] == "every":
        yield f"windows of {length(float(option[1]))}"


def _files(files: Sequence[str]) -> str:
    rows = "".join(f'<li class="mono">{text(name, 300)}</li>' for name in files[:_MOST_FILES])
    more = len(files) - _MOST_FILES
    left = f'<li class="soft">and {more:,} more</li>' if more > 0 else ""
    return f'<h3>Files</h3><ul class="notes">{rows}{left}</ul>' if rows else ""


def _evaluation(report: dict[str, Any] | None) -> str:
    """Return figures against labels: the model, its members, the baselines, the ceiling."""
    if not report:
        return ""
    named = [("this model", report)]
    named += list(report.get("members", {}).items())
    named += [(f"baseline: {name}", v) for name, v in report.get("baselines", {}).items()]
    named += [(f"ceiling: {name}", v) for name, v in report.get("ceilings", {}).items()]
    head = "".join(f'<th class="right">{title}</th>' for _, title in _FIGURES)
    rows = "".join(
        f"<tr><td>{text(name, 80)}</td>"
        + "".join(f'<td class="right">{_figure(values.get(key))}</td>' for key, _ in _FIGURES)
        + "</tr>"
        for name, values in named
        if isinstance(values, dict)
    )
    known = report.get("sessions", report.get("rows"))
    said = f"{known:,} with a label, {report['anomalies']:,} of them anomalies" if known else ""
    return (
        f'<h3>Against labels</h3><p class="soft">{said}</p><div class="scroll">'
        f"<table><thead><tr><th>detector</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def card_section(card: dict[str, Any] | None) -> str:
    """Return the model card as HTML; nothing where there is none.

    Parameters
    ----------
    card : dict or None
        The schema ``amiss.card/1``.
    """
    if not card:
        return ""
    facts = [("Weights", f"{card['parameters']:,}")]
    if calibration := card["calibration"]:
        shares = ", ".join(
            f"{percent(q['share'])}: {shown_score(q['score'])}"
            for q in calibration["quantiles"]
            if q["score"] is not None
        )
        facts.append(("Calibration", f"{calibration['scores']:,} scores; quantiles {shares}"))
    if templates := card["templates"]:
        said = [f"{templates[key]:,} {key}" for key in ("named", "merged", "split")]
        facts.append(("Templates", ", ".join([f"{templates['count']:,}", *said])))
    if file := card["file"]:
        versions = ", ".join(f"{name} {version}" for name, version in file["versions"].items())
        facts.append(("File", f"{file['path']}, {file['bytes'] / 1000:,.0f} kB, {versions}"))
    facts += [("Figures", _kept_figures(entry)) for entry in card["figures"]]
    rows = "".join(f"<dt>{name}</dt><dd>{text(said)}</dd>" for name, said in facts)
    parts = "".join(_part(part) for part in _parts(card["detector"]))
    return (
        '<section id="model" aria-labelledby="model-title"><h2 id="model-title">The model</h2>'
        f'<div class="panel"><dl class="facts-list">{rows}</dl>{_feedback(card)}'
        f'<div class="parts">{parts}</div></div></section>'
    )


def _kept_figures(entry: dict[str, Any]) -> str:
    """Return what an evaluation came to that the model has kept."""
    judged = counted(entry["items"], scored(entry["unit"]))
    known = [f"{name} {entry[key]:.4f}" for key, name in _FIGURES if entry.get(key) is not None]
    said = [f"{entry['anomalies']:,} anomalies among {judged}", *known]
    if not entry["at_this_threshold"]:
        said.append(f"at another threshold, {shown_score(entry['threshold'])}")
    return ", ".join(said)


def _parts(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for member in part["members"]:
        yield from _parts(member)


def _part(part: dict[str, Any]) -> str:
    parameters = ", ".join(
        f"{name} = {visible(str(value), _VALUE)}" for name, value in part["parameters"].items()
    )
    networks = "".join(
        f"<p>{text(network['name'], 80)}: {network['parameters']:,} weights; "
        f'<span class="mono">{text(_layers(network))}</span></p>'
        for network in part["networks"]
    )
    title = text(part["name"], 60)
    if part["detector"] != part["name"]:
        title += f' <span class="soft">{text(part["detector"], 60)}</span>'
    return (
        f"<details><summary>{title}</summary>"
        f'<p class="mono">{text(parameters)}</p>{networks}{_curves(part["history"])}</details>'
    )


def _layers(network: dict[str, Any]) -> str:
    return ", ".join(
        str(layer.get("name", layer)) if isinstance(layer, dict) else str(layer)
        for layer in network["layers"]
    )


def _curves(history: Sequence[dict[str, Any]]) -> str:
    """Return the losses of the first training run as a curve."""
    loss = next((run["loss"] for run in history if len(run.get("loss") or []) > 1), None)
    if not loss:
        return ""
    width, height = _CURVE
    low, high = min(loss), max(loss)
    step = width / (len(loss) - 1)
    points = " ".join(
        f"{at * step:.1f},{height - 2 - (height - 4) * (value - low) / ((high - low) or 1.0):.1f}"
        for at, value in enumerate(loss)
    )
    said = f"Training loss from {loss[0]:.4g} to {loss[-1]:.4g} in {len(loss):,} epochs"
    return (
        f'<p class="soft">{said}</p><svg class="curve" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{said}"><polyline points="{points}"/></svg>'
    )


def _feedback(card: dict[str, Any]) -> str:
    """Return what was muted or confirmed, by whom and why."""
    unit = scored(card["learnt_from"]["unit"]) if card["learnt_from"] else "item"
    rows = "".join(f"<li>{text(describe_entry(entry, unit))}</li>" for entry in card["feedback"])
    return f'<h3>Muted and confirmed</h3><ul class="notes">{rows}</ul>' if rows else ""
