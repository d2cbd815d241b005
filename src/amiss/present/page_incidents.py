"""The incidents of the page: what happened, since when, where, and the lines that tell it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amiss.present.escape import visible
from amiss.present.incidents import describe_symptom, extent, what_happened
from amiss.present.layout import counted, plural, shown_score
from amiss.present.page_payload import cut_text
from amiss.present.page_shell import attribute, text

_OPEN = 1
"""Incidents that are open from the start."""
_HEADLINE = 110
"""Characters of a template in a headline."""
_MOST_SYMPTOMS, _MOST_SHARED, _MOST_IDS = 7, 6, 7
_TELLING = {"unseen": 0, "unexpected": 1, "ends": 1, "count": 1, "number": 1, "step": 1}
"""Of symptoms that as many show, what came says more than what did not."""
_SYMPTOM = 140
_MOST_BRIEF = 200
"""Incidents beyond those in full that have a row."""


def incidents_section(summary: dict[str, Any], most: int, width: int) -> str:
    """Return the incidents as HTML, the worst first.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``.
    most : int
        Incidents that are told in full; of more there is a row each.
    width : int
        Characters of a raw line.
    """
    incidents = summary["incidents"]
    if not incidents:
        return ""
    rows = {finding["id"]: at for at, finding in reversed(list(enumerate(summary["findings"])))}
    told = "".join(
        _told(incident, rank, width, rows) for rank, incident in enumerate(incidents[:most], 1)
    )
    return (
        '<section id="incidents" aria-labelledby="incidents-title">'
        f'<h2 id="incidents-title">{counted(len(incidents), "incident").capitalize()}</h2>'
        f"{told}{_brief(incidents[most:], most + 1)}</section>"
    )


def _told(incident: dict[str, Any], rank: int, width: int, rows: dict[str, int]) -> str:
    unit = incident["unit"]
    kept = f"{_symptoms(incident, unit)}<div>{_shared(incident)}{_sessions(incident, rows)}</div>"
    return (
        f'<details class="panel incident" id="incident-{attribute(incident["id"])}"'
        f"{' open' if rank <= _OPEN else ''}>"
        f'<summary><span class="rank" aria-hidden="true">{rank}</span>'
        f'<span class="headline">{text(what_happened(incident, _HEADLINE))}'
        f'<span class="extent">{text(extent(incident))} · score {shown_score(incident["score"])}'
        f'{_confirmed(incident)} · <span class="mono">{text(incident["id"])}</span></span>'
        f"</span></summary>"
        f'{_lines(incident, width)}<div class="facts">{kept}</div></details>'
    )


def _confirmed(incident: dict[str, Any]) -> str:
    return ' · <strong class="confirmed">confirmed</strong>' if incident.get("confirmed") else ""


def _symptoms(incident: dict[str, Any], unit: str) -> str:
    found = sorted(incident["symptoms"], key=lambda s: (-s["findings"], _TELLING.get(s["kind"], 3)))
    rows = "".join(
        f'<li><span class="times">{s["findings"]:,}</span>'
        f"<span>{text(describe_symptom(s, unit, _SYMPTOM))}</span></li>"
        for s in found[:_MOST_SYMPTOMS]
    )
    more = len(found) - _MOST_SYMPTOMS
    left = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
    return (
        f"<div><h3>Symptoms, and how many {text(plural(unit))} show them</h3>"
        f'<ul class="tally">{rows}</ul>{left}</div>'
    )


def _shared(incident: dict[str, Any]) -> str:
    kinds: dict[str, list[dict[str, Any]]] = {}
    for shared in incident["shared"]:
        kinds.setdefault(shared["kind"], []).append(shared)
    blocks = []
    for kind, found in kinds.items():
        if kind == "file" and len(found) == 1 and len(kinds) > 1:
            continue  # each line says it
        rows = "".join(
            f'<li><span class="times">{s["findings"]:,}</span>'
            f'<span class="mono">{text(s["value"], 200)}</span></li>'
            for s in found[:_MOST_SHARED]
        )
        more = len(found) - _MOST_SHARED
        left = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
        said = text(plural(kind), 40).capitalize()
        blocks.append(f'<h3>{said}</h3><ul class="tally">{rows}</ul>{left}')
    return "".join(blocks)


def _sessions(incident: dict[str, Any], rows: dict[str, int]) -> str:
    ids = incident["ids"][:_MOST_IDS]
    links = "".join(
        f'<li class="mono" data-finding="{rows[name] + 1}">{text(name, 80)}</li>'
        if name in rows
        else f'<li class="mono">{text(name, 80)}</li>'
        for name in ids
    )
    more = incident["findings"] - len(ids)
    left = f'<li class="soft">and {more:,} more</li>' if more > 0 else ""
    said = text(plural(incident["unit"]), 40).capitalize()
    return f'<h3>{said}, the oddest first</h3><ul class="ids">{links}{left}</ul>'


def _lines(incident: dict[str, Any], width: int) -> str:
    """Return the raw lines of an incident; the one that began it and others are marked."""
    if not incident["lines"]:
        return ""
    rows = []
    for line in incident["lines"]:
        said, more = cut_text(line["text"], width)
        left = f' <span class="soft">… {more:,} more characters</span>' if more else ""
        first = line["symptom"] == incident["rarest"]
        shown = text(said) or f'<span class="soft">{text(_symptom_of(line, incident), 300)}</span>'
        rows.append(
            f'<li{" class=first" if first else ""}><span class="place">'
            f"{text(line['file'].rsplit('/', 1)[-1], 60)}:{line['first_line']}</span>"
            f"<pre>{shown}{left}</pre></li>"
        )
    more_lines = incident["more_lines"]
    rest = f'<p class="soft">and {counted(more_lines, "more line")}</p>' if more_lines else ""
    return f'<h3>Its lines</h3><ol class="lines">{"".join(rows)}</ol>{rest}'


def _symptom_of(line: dict[str, Any], incident: dict[str, Any]) -> str:
    return visible(describe_symptom(line["symptom"], incident["unit"], 300))


def _brief(incidents: Sequence[dict[str, Any]], rank: int) -> str:
    if not incidents:
        return ""
    rows = "".join(
        f'<li value="{rank + at}" id="incident-{attribute(incident["id"])}">'
        f"{text(what_happened(incident, 80))} "
        f'<span class="extent">{text(extent(incident))} · '
        f'<span class="mono">{text(incident["id"])}</span></span></li>'
        for at, incident in enumerate(incidents[:_MOST_BRIEF])
    )
    more = len(incidents) - _MOST_BRIEF
    left = f'<p class="soft">and {more:,} more; the JSON has all of them</p>' if more > 0 else ""
    return (
        f'<details class="panel incident"><summary><span class="headline">'
        f"{counted(len(incidents), 'more incident')}</span></summary>"
        f'<ol class="brief">{rows}</ol>{left}</details>'
    )
