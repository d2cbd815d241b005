"""The verdict of the page in one sentence, and the counts beside it."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import counted, plural, scored, short_names, time_span
from amiss.present.reasons import percent

_NAME = 60
"""Characters of a name in the sentence."""
_PLACE = {"file": "in", "host": "on", "address": "from", "source": "from"}
_RARE = 0.05
"""Of so many logs like this, one would have as high a score by chance: that is no chance."""
_MOST_OF = 0.5
"""A source has "most" of the findings from this share on."""


def verdict(summary: dict[str, Any]) -> tuple[str, str]:
    """Return whether something is wrong, since when and where: in a word and in a sentence.

    What is flagged of normal data at the false-alarm rate that was asked for is no verdict. Up to
    two standard deviations above that number the sentence says so, unless one of them is too odd
    to be of normal data: with exponential tails, as the rule ``tail`` has them, scores beyond k
    thresholds are as rare as the rate to the power of k.

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
    ...     "threshold": {"rate": 0.0005}, "traces": [], "findings": [], "incidents": [],
    ... })
    ('calm', 'Nothing is amiss: none of 7,940 sessions is beyond the threshold.')
    """
    unit = scored(summary["source"]["unit"])
    flagged, total, noun = summary["flagged"], summary["scored"], plural(unit)
    if traces := summary["traces"]:
        odd = [trace for trace in traces if trace["is_anomaly"]]
        flagged, total, noun, unit = len(odd), len(traces), "traces", "trace"
    noun = visible(noun, _NAME)
    if not flagged:
        return "calm", f"Nothing is amiss: none of {total:,} {noun} is beyond the threshold."
    are = "is" if flagged == 1 else "are"
    of = f"{flagged:,} of {total:,} {noun} {are}"
    rate = summary["threshold"]["rate"]
    if rate is not None and not traces:
        usual = rate * total
        many = flagged > usual + 2 * math.sqrt(usual * (1 - rate))
        if not many and _highest_by_chance(summary) >= _RARE:
            said = f"{of} beyond the threshold, and {_about(usual)} would be if all were normal"
            return "chance", f"Probably nothing is wrong: {said}."
    since = _since(summary)
    said = f"Something is wrong{since}: {of} anomalous"
    if unit != summary["source"]["unit"]:
        said += f" in {counted(len(summary['findings']), 'interval')}"
    if incidents := summary["incidents"]:
        said += f", in {counted(len(incidents), 'incident')}"
    return "wrong", said + _where(summary) + "."


def _highest_by_chance(summary: dict[str, Any]) -> float:
    """Return how many normal units would score as high as the highest did; 0: cannot be told."""
    threshold, rate = summary["threshold"]["value"], summary["threshold"]["rate"]
    highest = max((finding["score"] for finding in summary["findings"]), default=0.0)
    if threshold is None or threshold <= 0:
        return 0.0
    return float(summary["scored"] * rate ** (highest / threshold))


def counts(summary: dict[str, Any], new_templates: int | None) -> list[tuple[str, str, str]]:
    """Return numbers with their names and a remark: what was read, judged, flagged.

    Parameters
    ----------
    summary : dict
    new_templates : int, optional
        Templates that the model did not know; None where there is no table of them.
    """
    source, unit = summary["source"], scored(summary["source"]["unit"])
    flagged, total = summary["flagged"], summary["scored"]
    found: list[tuple[str, str, str]] = []
    share = f"{percent(flagged / max(1, total))} of {total:,}"
    found.append((f"{flagged:,}", f"{plural(unit)} flagged", share))
    if traces := summary["traces"]:
        odd = sum(trace["is_anomaly"] for trace in traces)
        found.insert(0, (f"{odd:,}", "traces anomalous", f"of {len(traces):,}"))
    shown = len(summary["findings"])
    incidents = len(summary["incidents"])
    found.append((f"{incidents:,}", "incident" if incidents == 1 else "incidents", _of(shown)))
    if (muted := summary.get("muted")) and (muted["findings"] or muted["incidents"]):
        remark = counted(muted["incidents"], "incident") if muted["incidents"] else ""
        found.append((f"{muted['findings']:,}", "muted, not shown", remark))
    if source.get("lines") is not None:
        found.append((f"{source['lines']:,}", "lines read", _files(source["files"])))
    elif source.get("rows") is not None:
        found.append((f"{source['rows']:,}", "rows read", _files(source["files"])))
    if source.get("templates"):
        new = "" if new_templates is None else f"{new_templates:,} new to the model"
        found.append((f"{source['templates']:,}", "templates", new))
    return found


def span_of(summary: dict[str, Any]) -> str:
    """Return from when to when the input goes, if it has times."""
    source = summary["source"]
    return time_span(source.get("start"), source.get("end"))


def title_of(summary: dict[str, Any]) -> str:
    """Return the files in a few words: the first one, and how many more."""
    names = short_names(summary["source"]["files"])
    first = visible(next(iter(names.values()), "input"), _NAME)
    more = len(names) - 1
    return f"{first} and {more:,} more" if more > 0 else first


def _about(count: float) -> str:
    return "hardly any" if count < 0.5 else f"about {count:,.0f}"


def _of(findings: int) -> str:
    return f"of {counted(findings, 'finding')}"


def _files(files: list[str]) -> str:
    return f"in {counted(len(files), 'file')}" if files else ""


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
