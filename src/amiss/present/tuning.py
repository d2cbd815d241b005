"""What a search of parameters found, as text."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible

_LABEL = 11
_METRICS = {"pr_auc": "PR-AUC", "f1": "F1"}


def describe_tuning(described: dict[str, Any], width: int = 100) -> str:
    """Return the best parameters beside the defaults, and what was tried.

    Parameters
    ----------
    described : dict
        The schema ``amiss.tuning/1``.
    width : int
        Columns of the terminal, for what may be cut.
    """
    counts, best, default = described["counts"], described["best"], described["default"]
    counted = counts["finished"] + counts["pruned"] + counts["failed"]
    tried = ", ".join(f"{counts[state]} {state}" for state in ("finished", "pruned", "failed"))
    if counts["interrupted"]:
        tried += f"; {counts['interrupted']} interrupted and run again"
    metric = _METRICS[described["metric"]]
    folds = f"{described['folds']} folds"
    if described["repeats"] > 1:
        folds += f", {described['repeats']} times"
    name = described["detector"].replace("-", " ")
    rows = [
        f"{'tuned':<{_LABEL}}{name} · {counted} trials: {tried}",
        f"{'judged':<{_LABEL}}by {metric} on sessions not learnt from · mean over {folds}",
        "",
        f"  {'':<16} {'default':>10} {'best':>10}",
    ]
    for parameter, value in best["parameters"].items():
        before = default["parameters"][parameter]
        changed = "" if before == value else "  *"
        rows.append(f"  {visible(parameter, 16):<16} {_cell(before)} {_cell(value)}{changed}")
    before = "failed" if default["value"] is None else f"{default['value']:.4f}"
    rows += [f"  {metric:<16} {before:>10} {best['value']:>10.4f}", ""]
    if not described["improved"]:
        rows.append("No trial did better than the defaults: the best parameters are the defaults.")
    failed = [trial for trial in described["trials"] if trial["state"] == "failed"]
    if failed:
        first = f"trial {failed[0]['trial']} failed: {failed[0]['error']}"
        rows.append(visible(first, width))
    files = {key: described.get(key) for key in ("study", "config_file", "model_file")}
    rows += [
        f"{key.removesuffix('_file'):<{_LABEL}}{visible(file)}"
        for key, file in files.items()
        if file
    ]
    return "\n".join(rows)


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        shown = "yes" if value else "no"
    elif isinstance(value, float):
        shown = f"{value:.4g}"
    else:
        shown = str(value)
    return f"{visible(shown, 10):>10}"
