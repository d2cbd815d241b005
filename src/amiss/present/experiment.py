"""Experiments as text: what was split, and what each detector reached beside the ceiling."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import ROW_UNITS, describe_kinds, plural

_NAME = 26
"""Columns of a detector's name; longer ones are cut."""
_COLUMNS = (
    ("precision", "precision"),
    ("recall", "recall"),
    ("f1", "F1"),
    ("pr_auc", "PR-AUC"),
    ("roc_auc", "ROC-AUC"),
)
_OF_SERIES = (("false_alarm_rate", "FAR"), ("missing_rate", "MAR"), ("vus_pr", "VUS-PR"))
"""False-alarm rate, missing rate, and the volume under the curve of ranges."""


def describe_experiment(report: dict[str, Any]) -> str:
    """Return the schema ``amiss.experiment/1`` as text."""
    split, seeds = report["split"], report["split"]["seeds"]
    how = {"uniform": "at random, stratified", "time": "in time order"}.get(split["how"], "given")
    chosen = (
        "thresholds: best F1 on what was learnt from, judged out of fold"
        if split["labels"]
        else "training labels unused: normal bulk, thresholds by a false-alarm rate"
    )
    if not split["labels"] and set(report["levels"]) <= ROW_UNITS:
        chosen = "training labels unused: all is learnt from, thresholds by a false-alarm rate"
    seeded = f"{len(seeds)} seeds" if len(seeds) > 1 else "1 seed"
    lines = [
        f"split      {_learnt(split)} to learn from, {how} · {seeded}",
        f"           {chosen}",
        "",
        *_describe_data(report["data"], seeds),
    ]
    for level, content in report["levels"].items():
        lines += ["", *_describe_level(level, content)]
    return "\n".join(lines)


def _learnt(split: dict[str, Any]) -> str:
    share = split["train"]
    said = f"{share:.0%}" if share < 1 else f"{share:,.0f} rows of each file"
    return f"{said}, a model for each file," if split.get("each_file") else said


def _describe_data(rows: list[dict[str, Any]], seeds: list[int]) -> list[str]:
    counted = [key for key in rows[0] if key not in ("seed", "part")]
    titles = ["anomalous" if key.startswith("anomalous") else key for key in counted]
    widths = [10 if title == "anomalous" else 9 for title in titles]
    cells = [f"{title:>{width}}" for title, width in zip(titles, widths, strict=True)]
    lines = [f"  {'':<12} {' '.join(cells)}"]
    for part in ("train", "test"):
        row = next(r for r in rows if r["part"] == part and r["seed"] == seeds[0])
        cells = [f"{row[key]:>{width},}" for key, width in zip(counted, widths, strict=True)]
        lines.append(f"  {part:<12} {' '.join(cells)}")
    return lines


def _describe_level(level: str, content: dict[str, Any]) -> list[str]:
    of_series = any("vus_pr" in values for values in content["detectors"].values())
    columns = _COLUMNS + _OF_SERIES if of_series else _COLUMNS
    header = " ".join(f"{title:>{_width(title)}}" for _, title in columns)
    lines = [f"{plural(level):<{_NAME + 2}} {header}   F1 range"]
    lines += [_row(name, values, columns) for name, values in content["detectors"].items()]
    if content["baselines"]:
        lines += ["  baselines"]
        baselines = content["baselines"].items()
        lines += [_row(f"  {name}", values, columns) for name, values in baselines]
    titles = {
        "ceiling": "no method that sees event ids alone can pass",
        "ceiling_in_session": "with the whole session in view",
    }
    lines += [
        f"  {titles[name]:<{_NAME + 18}} {values['mean']:>7.4f}{_range(values)}"
        for name, values in content["ceilings"].items()
    ]
    for name, values in content["detectors"].items():
        lines += _confusion(name, values)
        if values.get("kinds"):
            lines += ["", *describe_kinds(values["kinds"])]
        if "top_k" in values:
            lines += ["", *_top_k(name, values)]
    return lines


def _row(name: str, values: dict[str, Any], columns: tuple[tuple[str, str], ...]) -> str:
    cells = []
    for key, title in columns:
        value = values.get(key)
        width = _width(title)
        cells.append(f"{'':>{width}}" if value is None else f"{value['mean']:>{width}.4f}")
    return f"  {visible(name, _NAME):<{_NAME}} {' '.join(cells)}{_range(values['f1'])}".rstrip()


def _width(title: str) -> int:
    return max(7, len(title))


def _range(values: dict[str, Any]) -> str:
    if values["min"] == values["max"]:
        return ""
    return f"   {values['min']:.4f} – {values['max']:.4f}"


def _confusion(name: str, values: dict[str, Any]) -> list[str]:
    found, normal = values["confusion"], values["normal"]
    return [
        "",
        f"  {visible(name)}, first seed",
        f"    {'':<12} {'flagged':>8} {'passed':>8} {'precision':>10} {'recall':>7} {'F1':>7}",
        (
            f"    {'anomalous':<12} {found['true_positive']:>8,} {found['false_negative']:>8,} "
            f"{values['precision']['values'][0]:>10.4f} {values['recall']['values'][0]:>7.4f} "
            f"{values['f1']['values'][0]:>7.4f}"
        ),
        (
            f"    {'normal':<12} {found['false_positive']:>8,} {found['true_negative']:>8,} "
            f"{normal['precision']:>10.4f} {normal['recall']:>7.4f} {normal['f1']:>7.4f}"
        ),
    ]


def _top_k(name: str, values: dict[str, Any]) -> list[str]:
    chosen = {int(k) for k in values["k"]["values"]}
    lines = [
        f"  {visible(name)}: an event outside the k likeliest",
        f"    {'k':>3} {'precision':>10} {'recall':>7} {'F1':>7}",
    ]
    for row in values["top_k"]:
        mark = "  chosen on training data" if row["k"] in chosen else ""
        lines.append(
            f"    {row['k']:>3} {row['precision']['mean']:>10.4f} {row['recall']['mean']:>7.4f} "
            f"{row['f1']['mean']:>7.4f}{mark}"
        )
    return lines
