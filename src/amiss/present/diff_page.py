"""What changed between two logs, as a page: tables, without a script of its own."""

from __future__ import annotations

from typing import Any

from amiss.present.diff import (
    change_words,
    compared_words,
    diff_verdict,
    sections,
    side_words,
)
from amiss.present.page_shell import shell, text

_MOST_ROWS = 500
"""Differences of a kind that are shown."""
_TEMPLATE = 600
_LINE = 400
_STYLE = """
.diff { border-collapse: collapse; width: 100%; font-size: .9rem; }
.diff th { text-align: left; font-weight: 600; color: var(--soft); }
.diff th, .diff td { padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--rule);
  vertical-align: top; }
.diff .count { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.diff .line { color: var(--soft); display: block; }
.diff .alarm { color: var(--accent); font-weight: 600; }
.sides { margin: .5rem 0 0; }
.sides dt { color: var(--soft); float: left; clear: left; width: 6rem; }
.sides dd { margin: 0 0 .25rem 6rem; }
"""


def render_diff(content: dict[str, Any]) -> str:
    """Return a self-contained page, from the schema ``amiss.diff/1``."""
    shown = [
        (f"part-{number}", title, changes)
        for number, (title, changes) in enumerate(sections(content))
        if changes
    ]
    nav = [
        (name, title.partition(" (")[0].partition(":")[0].capitalize()) for name, title, _ in shown
    ]
    verdict, _, more = diff_verdict(content).partition("; ")
    body = [f"<h1>{text(_sentence(verdict))}</h1>"]
    if more:
        body.append(f"<p>{text(_sentence(more))}</p>")
    body.append(_sides(content))
    body += [_section(*part) for part in shown]
    return shell("What changed", "\n".join(body), nav=nav, style=_STYLE)


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _sides(content: dict[str, Any]) -> str:
    notes = [f"{name}: {note}" for name in ("before", "after") for note in content[name]["notes"]]
    rows = [
        ("Before", side_words(content["before"])),
        ("After", side_words(content["after"])),
        ("Compared", compared_words(content)),
        *(("Note", note) for note in [*notes, *content["notes"]]),
    ]
    shown = "".join(f"<dt>{text(name)}</dt><dd>{text(words)}</dd>" for name, words in rows)
    return (
        f'<dl class="sides">{shown}</dl>'
        '<p class="soft">What came in one log only, in too few places to tell from chance, comes '
        "last.</p>"
    )


def _section(name: str, title: str, changes: list[dict[str, Any]]) -> str:
    rows = "".join(_row(change) for change in changes[:_MOST_ROWS])
    more = len(changes) - _MOST_ROWS
    left = f'<p class="soft">… and {more:,} more in the JSON.</p>' if more > 0 else ""
    return (
        f'<section id="{name}"><h2>{text(f"{title[:1].upper()}{title[1:]}")}</h2>'
        '<table class="diff"><thead><tr><th class="count" scope="col">Before</th>'
        '<th class="count" scope="col">After</th><th scope="col">Template and first line</th>'
        f"</tr></thead><tbody>{rows}</tbody></table>{left}</section>"
    )


def _row(change: dict[str, Any]) -> str:
    if "first" in change:
        before, examples = 0, change["example"]
        templates = [change["first"], f"→ {change['second']}"]
    else:
        before, examples = change["before"], [change["example"]]
        templates = [change["template"] if change["name"] is None else change["name"]]
    shown = "<br>".join(f"<code>{text(template, _TEMPLATE)}</code>" for template in templates)
    lines = "".join(
        f'<code class="line">{text(example["file"], 200)}:{example["line"]}: '
        f"{text(example['text'], _LINE)}</code>"
        for example in examples
        if example["text"]
    )
    words = [
        f'<span class="alarm">{text(word)}</span>' if word == "alarming" else text(word)
        for word in change_words(change)
    ]
    return (
        f'<tr><td class="count">{before:,}</td><td class="count">{change["after"]:,}</td>'
        f"<td>{shown}<p>{' · '.join(words)}</p>{lines}</td></tr>"
    )
