"""The HTML page of a run: one file that answers what is wrong, since when, where, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from amiss.present.escape import visible
from amiss.present.incidents import headline
from amiss.present.layout import plural, shown_score
from amiss.present.page_decision import card_section, decision_section
from amiss.present.page_incidents import incidents_section
from amiss.present.page_payload import MOST_TEMPLATES, payload, place_word, reason_of
from amiss.present.page_shell import attribute, resource, shell, text
from amiss.present.page_timeline import timeline
from amiss.present.page_words import counts, span_of, title_of
from amiss.present.verdict import verdict

SCHEMA = "amiss.page/1"
MOST_BYTES = 1_000_000
_SCRIPTS = ("page_table.js", "page_finding.js", "page.js")
_FIRST = 25
"""Findings that are in the page without its script: the first of the table's pages."""
_PLANS = ((200, 1000, 30, 400), (200, 300, 20, 300), (100, 200, 10, 200), (40, 120, 5, 120))
"""Findings with full detail, characters of their lines, incidents told in full, characters of
their lines: the first of these that keeps the page small. Only hostile logs need another."""
_MOST_TRACES = 30
_TRACE, _LEAD = 100, 110
"""Characters of a trace's name, and of a template in the lead."""


def render_page(content: dict[str, Any]) -> str:
    """Return the page, self-contained.

    Parameters
    ----------
    content : dict
        The schema ``amiss.page/1``: ``findings`` (``amiss.findings/1``), ``templates``, ``card``
        (``amiss.card/1`` or None), ``evaluation`` (``amiss.evaluation/1`` or None), ``created``.

    Returns
    -------
    str
        At most about `MOST_BYTES` as UTF-8, unless tens of thousands of findings make the rows
        alone longer.
    """
    page = ""
    for plan in _PLANS:
        page = _page(content, *plan)
        if len(page.encode()) <= MOST_BYTES:
            break
    return page


def _page(
    content: dict[str, Any], details: int, width: int, incidents: int, incident_width: int
) -> str:
    summary, templates = content["findings"], content["templates"]
    sections = [
        ("overview", "Overview", _overview(content)),
        ("timeline", "Timeline", timeline(summary)),
        ("incidents", "Incidents", incidents_section(summary, incidents, incident_width)),
        ("traces", "Traces", _traces(summary["traces"])),
        ("findings", "Findings", _findings(summary, min(details, len(summary["findings"])))),
        ("templates", "Templates", _templates(templates)),
        ("decision", "Decision", decision_section(content)),
        ("model", "Model", card_section(content["card"])),
    ]
    return shell(
        f"{title_of(summary)}: what is amiss",
        "\n".join(html for _, _, html in sections if html),
        nav=[(name, said) for name, said, html in sections if html],
        payload=payload(summary, templates, details, width),
        script="".join(resource(name) for name in _SCRIPTS),
    )


def _overview(content: dict[str, Any]) -> str:
    summary, templates = content["findings"], content["templates"]
    kind, said = verdict(summary)
    new = sum(template["new"] for template in templates) if templates else None
    tiles = "".join(
        f'<div class="tile"><dd>{text(number)}</dd><dt>{text(name)}'
        f"{f'<span class=soft>{text(remark)}</span>' if remark else ''}</dt></div>"
        for number, name, remark in counts(summary, new)
    )
    where = " · ".join(filter(None, [visible(title_of(summary)), span_of(summary)]))
    return (
        f'<section id="overview" class="overview {kind}" aria-labelledby="verdict">'
        f'<p class="about">{text(where)} · <span class="soft">report made '
        f"{text(content['created'])}</span></p>"
        f'<h1 id="verdict">{text(said)}</h1>{_lead(summary["incidents"])}'
        f'<dl class="tiles">{tiles}</dl></section>'
    )


def _lead(incidents: Sequence[dict[str, Any]]) -> str:
    """Return the worst incident in one line, with a link to it."""
    if not incidents:
        return ""
    link = f'<a href="#incident-{attribute(incidents[0]["id"])}">'
    which = "The worst" if len(incidents) > 1 else "The incident"
    return f'<p class="lead">{which}: {link}{text(headline(incidents[0], _LEAD))}</a>.</p>'


def _findings(summary: dict[str, Any], detailed: int) -> str:
    """Return the table of findings: its first page, which the script replaces."""
    findings = summary["findings"]
    if not findings:
        return ""
    unit = summary["source"]["unit"]
    rows = "".join(
        f'<tr><td class="right">{shown_score(f["score"])}</td><td class="mono">{text(f["id"], 80)}'
        f'<span class="why">{text(reason_of(f))}</span></td>'
        f'<td class="optional number">{text((f["start"] or "").replace("T", " "))}</td>'
        f'<td class="optional mono">{text(_place(f))}</td></tr>'
        for f in findings[:_FIRST]
    )
    hint = "Arrow keys go up and down, Escape closes."
    if len(findings) > detailed:
        hint = (
            f"The {detailed:,} most anomalous have all of it here, the others with "
            "<code>amiss explain</code>."
        )
    return (
        '<section id="findings" aria-labelledby="findings-title">'
        f'<h2 id="findings-title">{text(plural(unit).capitalize())} that were found</h2>'
        '<p class="soft needs-script">The details of each are unpacked by a script, which this '
        "browser does not run. Here are the first ones.</p>"
        f'<p class="soft for-script">Open one for its events, its lines and what was expected. '
        f"{hint}</p>"
        '<div id="findings-table"><table class="paged findings"><thead><tr>'
        f'<th class="right">score</th><th>{text(unit)} and why</th><th class="optional">begins</th>'
        f'<th class="optional">{place_word(unit)}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div></section>"
    )


def _place(finding: dict[str, Any]) -> str:
    if not finding["locations"] or not finding["locations"][0]["file"]:
        return ""
    first = finding["locations"][0]
    return f"{visible(first['file'].rsplit('/', 1)[-1], 60)}:{first['first_line']}"


def _templates(templates: Sequence[dict[str, Any]]) -> str:
    if not templates:
        return ""
    more = len(templates) - MOST_TEMPLATES
    left = f" The {more:,} rarest are left out." if more > 0 else ""
    return (
        '<section id="templates" aria-labelledby="templates-title">'
        '<h2 id="templates-title">Templates</h2><p class="soft">What lines have in common; '
        f"<code>&lt;*&gt;</code> stands for what varies.{left}</p>"
        '<div id="templates-table"><p class="needs-script">This table needs a script; '
        "<code>amiss parse</code> prints the same.</p></div></section>"
    )


def _traces(traces: Sequence[dict[str, Any]]) -> str:
    """Return the verdicts on whole traces, the worst first."""
    if not traces:
        return ""
    worst = sorted(traces, key=lambda t: (not t["is_anomaly"], -t["share"]))[:_MOST_TRACES]
    rows = "".join(
        f'<tr><td class="mono">{text(t["trace"], _TRACE)}</td>'
        f"<td>{'<strong class=confirmed>anomalous</strong>' if t['is_anomaly'] else 'normal'}</td>"
        f'<td class="right">{t["flagged"]:,} of {t["segments"]:,}</td>'
        f'<td class="right">{100 * t["share"]:.1f} %</td>'
        f'<td class="right optional">{100 * t["limit"]:.1f} %</td></tr>'
        for t in worst
    )
    more = len(traces) - len(worst)
    left = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
    return (
        '<section id="traces" aria-labelledby="traces-title"><h2 id="traces-title">Traces</h2>'
        '<p class="soft">A trace is anomalous where more of its segments are flagged than chance '
        "explains.</p><table><thead><tr><th>trace</th><th>verdict</th>"
        '<th class="right">segments flagged</th><th class="right">share</th>'
        '<th class="right optional">normal up to</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{left}</section>"
    )
