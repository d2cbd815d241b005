"""The verdict in one sentence: whether something is wrong, since when, and where."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import counted, plural, scored
from amiss.present.summary import threshold_of

_NAME = 60
"""Characters of a name in the sentence."""
_PLACE = {"file": "in", "host": "on", "address": "from", "source": "from"}
_MOST_OF = 0.5
"""A source has "most" of the findings from this share on."""
_RARE = 0.05
"""Of so many logs like this, one would have as high a score by chance: that is no chance."""
_TOO_FEW = 100
"""Of fewer units, that none is beyond the threshold says nothing."""


def verdict(summary: dict[str, Any]) -> tuple[str, str]:
    """Return whether something is wrong, since when and where: in a word and in a sentence.

    What is flagged of normal data at the false-alarm rate that was asked for is no verdict. Up to
    two standard deviations above that number the sentence says so, unless one of them is too odd
    to be of normal data: it has an event that training had not, or a p-value too low among so
    many, or a score too high. With exponential tails, as the rule ``tail`` has them, scores beyond
    k thresholds are as rare as the rate to the power of k. A threshold at the maximum of n
    calibration scores is exceeded by one in n + 1.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``.

    Returns
    -------
    (str, str)
        ``wrong``, ``chance`` or ``calm``, and plain text, in which nothing is invisible.

    Examples
    --------
    >>> verdict({
    ...     "source": {"unit": "session", "files": ["app.log"]}, "scored": 7940, "flagged": 0,
    ...     "threshold": {"rate": 0.0005, "rule": "tail"}, "traces": [], "findings": [],
    ...     "incidents": [], "muted": {"findings": 0, "incidents": 0, "mutes": 0},
    ... })
    ('calm', 'Nothing is amiss: none of 7,940 sessions is beyond the threshold.')
    """
    unit = scored(summary["source"]["unit"])
    flagged, total = summary["flagged"], summary["scored"]
    ungrouped = summary.get("ungrouped")
    if traces := summary["traces"]:
        flagged, total, unit = sum(trace["is_anomaly"] for trace in traces), len(traces), "trace"
    noun, muted = visible(plural(unit), _NAME), summary["muted"]["findings"]
    if not flagged:
        kind, said = _calm(summary, total, noun, muted)
        return kind, f"{said}{_not_judged(summary)}"
    aside = f"; {muted:,} more {'is' if muted == 1 else 'are'} muted" if muted else ""
    of = f"{flagged:,} of {total:,} {noun} {'is' if flagged == 1 else 'are'}"
    if ungrouped is not None:
        of, total = _of_both(flagged, total, unit, ungrouped), total + ungrouped["scored"]
    rate = _rate(summary)
    if rate is not None and not traces and not _is_certain(summary, rate):
        usual = rate * total
        if flagged <= usual + 2 * math.sqrt(usual * (1 - rate)):
            allowed = f"the false-alarm rate allows for {_about(usual)}"
            said = f"{of} beyond the threshold, and {allowed}{aside}"
            return "chance", f"Probably nothing is wrong: {said}.{_not_judged(summary)}"
    said = f"Something is wrong{_since(summary)}: {of} anomalous"
    if unit != summary["source"]["unit"] and not traces:
        said += f" in {counted(len(summary['findings']), 'interval')}"
    if incidents := summary["incidents"]:
        said += f", in {counted(len(incidents), 'incident')}"
    return "wrong", f"{said}{_where(summary)}{aside}.{_not_judged(summary)}"


def _of_both(flagged: int, total: int, unit: str, ungrouped: dict[str, Any]) -> str:
    """Return how many sessions are, and how many windows of the lines in none of them."""
    of_windows, unit = ungrouped["flagged"], visible(unit, _NAME)
    parts = (
        [f"{flagged - of_windows:,} of {total:,} {plural(unit)}"] if flagged > of_windows else []
    )
    if of_windows:
        windows = visible(plural(ungrouped["unit"]), _NAME)
        parts.append(f"{of_windows:,} of {ungrouped['scored']:,} {windows} of lines in no {unit}")
    return f"{' and '.join(parts)} {'is' if flagged == 1 else 'are'}"


def _not_judged(summary: dict[str, Any]) -> str:
    """Return the sentence on lines that nobody looked at, if there are any."""
    lines = summary["source"].get("ungrouped_lines", 0)
    if not lines or summary.get("ungrouped") is not None:
        return ""
    unit = visible(summary["source"]["unit"], _NAME)
    return f" {counted(lines, 'line')} in no {unit} {'was' if lines == 1 else 'were'} not judged."


def _calm(summary: dict[str, Any], total: int, noun: str, muted: int) -> tuple[str, str]:
    unit = visible(summary["source"]["unit"], _NAME)
    if muted:
        said = f"{counted(muted, unit)} beyond the threshold {'is' if muted == 1 else 'are'} muted"
        return "calm", f"Nothing is amiss but what is muted: {said}, nothing else is beyond it."
    if summary["traces"]:
        return "calm", f"Nothing is amiss: none of {total:,} {noun} is anomalous."
    if summary["threshold"]["rule"] == "maximum" and total < _TOO_FEW:
        one = visible(scored(summary["source"]["unit"]), _NAME)
        few = f"1 {one} is" if total == 1 else f"{total:,} {noun} are"
        return "chance", f"Nothing stands out, but {few} too few to tell."
    said = f"none of {total:,} {noun}"
    if (ungrouped := summary.get("ungrouped")) is not None:
        windows = f"{ungrouped['scored']:,} {visible(plural(ungrouped['unit']), _NAME)}"
        if ungrouped["scored"] < _TOO_FEW:
            few = f"{windows} of lines in no {unit} are too few to tell more than what is fatal"
            return "calm", f"Nothing is amiss: {said} is beyond the threshold; {few}."
        said += f", and none of {windows} of lines in no {unit},"
    return "calm", f"Nothing is amiss: {said} is beyond the threshold."


def _rate(summary: dict[str, Any]) -> float | None:
    """Return which share of normal units is beyond the threshold; None: nothing says so."""
    threshold, model = summary["threshold"], summary["model"]
    if threshold["rule"] != "maximum" or threshold["rate"] is None:
        rate: float | None = threshold["rate"]
        return rate
    learnt = model.get("sessions") or model.get("rows") or summary["scored"]
    return max(float(threshold["rate"]), 1 / (int(learnt) + 1))


def _is_certain(summary: dict[str, Any], rate: float) -> bool:
    """Return whether one of the findings alone is too odd to be of normal data."""
    total = summary["scored"]
    if summary.get("ungrouped") is not None:
        total += summary["ungrouped"]["scored"]
    for finding in summary["findings"]:
        threshold = threshold_of(summary, finding.get("unit"))["value"]
        if threshold is None or threshold <= 0:  # normal units are all alike
            return True
        if any(got["unseen"] for got in finding["got"]):
            return True
        by_chance = min(finding["p_value"], rate ** (finding["score"] / threshold))
        if total * by_chance < _RARE:
            return True
    return False


def _about(count: float) -> str:
    return "hardly any" if count < 0.5 else f"about {count:,.0f}"


def _since(summary: dict[str, Any]) -> str:
    starts = [incident["start"] for incident in summary["incidents"] if incident["start"]]
    starts = starts or [finding["start"] for finding in summary["findings"] if finding["start"]]
    if not starts:
        return ""
    return f" since {datetime.fromisoformat(min(starts)):%Y-%m-%d %H:%M}"


def _where(summary: dict[str, Any]) -> str:
    """Return the source that most findings have in common, unless all input is of it."""
    found: dict[tuple[str, str], int] = {}
    for incident in summary["incidents"]:
        for shared in incident["shared"]:
            key = (shared["kind"], shared["value"])
            found[key] = found.get(key, 0) + shared["findings"]
    total = sum(incident["findings"] for incident in summary["incidents"])
    if len(summary["source"]["files"]) < 2:
        found = {key: count for key, count in found.items() if key[0] != "file"}
    if not found:
        return ""
    (kind, value), count = max(found.items(), key=lambda item: item[1])
    if count < _MOST_OF * total:
        return ""
    most = "all" if count >= total else "most"
    return f", {most} of them {_PLACE.get(kind, 'with')} {visible(kind, 30)} {_end(visible(value))}"


def _end(name: str) -> str:
    return name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"
