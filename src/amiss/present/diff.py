"""What changed between two logs, as text for a terminal."""

from __future__ import annotations

from typing import Any

from amiss.present.escape import visible
from amiss.present.layout import MOST_SHOWN, counted, labelled, short_names, time_span

_INDENT = 19
"""Columns before a template."""
_FEW = 3
_MANY, _SOME, _MANY_OF_LOG = 20, 5, 0.01
"""Lines of a template that are worth a word, or so many and that share of the log."""


def describe_diff(content: dict[str, Any], most: int | None = MOST_SHOWN, width: int = 100) -> str:
    """Return what changed, from the schema ``amiss.diff/1``.

    Parameters
    ----------
    content : dict
    most : int, optional
        Differences of each kind to show; None shows all.
    width : int
        Columns of the terminal.
    """
    rows = [labelled("verdict", diff_verdict(content), width), ""]
    sides = ("before", "after")
    rows += [labelled(name, side_words(content[name]), width) for name in sides]
    rows.append(labelled("compared", compared_words(content), width))
    for name in sides:
        rows += [labelled("note", f"{name}: {note}", width) for note in content[name]["notes"]]
    rows += [labelled("note", note, width) for note in content["notes"]]
    names = short_names(sorted({*content["before"]["files"], *content["after"]["files"]}))
    for title, changes in sections(content):
        if changes:
            rows += ["", f"{'before':>8} {'after':>8}  {title}"]
            # What chance explains is there to be looked up, not to be read first.
            shown = most if most is None or "within chance" not in title else min(most, _FEW)
            for change in changes[:shown]:
                rows += _change_rows(change, names, width)
            if shown is not None and len(changes) > shown:
                more = len(changes) - shown
                rows.append(f"{'':{_INDENT}}… and {more:,} more: --all and --json show them")
    return "\n".join(rows)


def sections(content: dict[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return each kind of difference with its title, in the order to show them."""
    expected, found = content["expected_by_chance"], content["in_one_log_only"]

    def by_chance(kind: str) -> str:
        explained, named = shown_number(expected[kind]), len(content[kind])
        others = f"{found[kind] - named:,} more" if named else f"{found[kind]:,} in all"
        return f"within chance ({others}, {explained} by chance alone)"

    within = content["within_chance"]
    after = [change for change in within if change["after"]]
    before = [change for change in within if change["before"]]
    return [
        ("new templates", content["new"]),
        ("templates that are gone", content["gone"]),
        ("templates that changed in rate", content["changed"]),
        ("new transitions: the second line follows the first", content["transitions"]),
        (f"seen after only, {by_chance('new')}", after),
        (f"seen before only, {by_chance('gone')}", before),
        (
            f"transitions seen after only, {by_chance('transitions')}",
            content["transitions_within_chance"],
        ),
    ]


def diff_verdict(content: dict[str, Any]) -> str:
    """Return in one sentence what changed, and what chance alone would show.

    Examples
    --------
    >>> kinds = ("new", "gone", "changed", "transitions", "within_chance")
    >>> content = {**dict.fromkeys(kinds, []), "false_alarm_rate": 0.01, "alarms": 0}
    >>> diff_verdict(content)
    'no change beyond chance'
    >>> print(*diff_verdict({**content, "alarms": 2, "new": [0], "changed": [0]}).split("; "))
    1 template is new, 1 changed in rate without change or drift 1 in 100 comparisons names anything
    """
    parts: list[str] = []
    numbers = {kind: len(content[kind]) for kind in ("new", "gone", "changed", "transitions")}
    for kind, words in (("new", "new"), ("gone", "gone"), ("changed", "changed in rate")):
        if n := numbers[kind]:
            noun = "" if parts else " template" if n == 1 else " templates"
            verb = "" if kind == "changed" else " is" if n == 1 else " are"
            parts.append(f"{n:,}{noun}{verb} {words}")
    if n := numbers["transitions"]:
        parts.append("1 transition is new" if n == 1 else f"{n:,} transitions are new")
    if parts:
        one_in = shown_number(1 / content["false_alarm_rate"])
        without = f"without change or drift 1 in {one_in} comparisons names anything"
        sentence = f"{', '.join(parts)}; {without}"
    else:
        sentence = "no change beyond chance"
    unseen = [change for change in content["within_chance"] if change["after"]]
    if alarming := sum(bool(change["alarming"]) for change in unseen):
        noun = counted(alarming, "alarming template")
        sentence += f"; {noun} seen after only, within chance"
    least = min(_MANY, max(_SOME, _MANY_OF_LOG * content["after"]["lines"])) if unseen else _MANY
    many = [c["after"] for c in unseen if not c["alarming"] and c["after"] >= least]
    if many:
        noun = counted(len(many), "template")
        lines = counted(sum(many), "line")
        sentence += f"; {noun} seen after only ({lines}), in too few places to tell from chance"
    return sentence


def side_words(side: dict[str, Any]) -> str:
    """Return what a log is: files, lines, sessions, times."""
    files = side["files"]
    named = files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1:,} more files"
    parts = [named, counted(side["lines"], "line"), side["format"]]
    if side["sessions"]:
        parts.append(counted(side["sessions"], "session"))
    if side["start"] is not None:
        parts.append(time_span(side["start"], side["end"]))
    return " · ".join(parts)


def compared_words(content: dict[str, Any]) -> str:
    """Return how the logs were compared."""
    before, after = content["before"]["stretches"], content["after"]["stretches"]
    each = f"{counted(after, 'stretch', 'stretches')} each"
    shown = each if before == after else f"{before:,} and {after:,} stretches"
    parts = [
        f"shares of lines in {shown}",
        f"rates by a factor of {content['min_ratio']:g} or more",
    ]
    if by := content["grouping"]["by"]:
        parts.append(f"transitions by {by}")
    return " · ".join(parts)


def shown_number(value: float) -> str:
    """Return a number with as many digits as say something.

    Examples
    --------
    >>> [shown_number(value) for value in (0, 0.004, 0.31, 6.0064, 1234.5)]
    ['0', '0.004', '0.31', '6', '1,234']
    """
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.0001 else "0"


def rate_words(change: dict[str, Any]) -> str:
    """Return how much a rate changed, and how sure that is.

    Examples
    --------
    >>> rate_words({"before": 50, "after": 99, "ratio": 2.0, "low": 1.6, "high": 2.51,
    ...             "p_value": 0.00025})
    '×2.0 (1.6 to 2.5), p = 0.00025'
    """
    shown = [f"{change[name]:.2g}" for name in ("low", "high")]
    ratio = change["ratio"]
    ratio_shown = (
        f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.1f}" if ratio >= 1 else f"{ratio:.2g}"
    )
    return f"×{ratio_shown} ({shown[0]} to {shown[1]}), p = {change['p_value']:.2g}"


def change_words(change: dict[str, Any]) -> list[str]:
    """Return what else is to be said of a template or of a transition, in short."""
    parts = ["alarming"] if change["alarming"] else []
    if "first" in change:
        if change["new_template"]:
            parts.append("with a new template")
        return [*parts, f"in {counted(change['after_stretches'], 'stretch', 'stretches')}"]
    if change["before"] and change["after"]:
        return [*parts, rate_words(change)]
    stretches = change["before_stretches"] + change["after_stretches"]
    return [*parts, f"in {counted(stretches, 'stretch', 'stretches')}"]


def _change_rows(change: dict[str, Any], names: dict[str, str], width: int) -> list[str]:
    room = max(20, width - _INDENT)
    indent = " " * _INDENT
    if "first" in change:
        head = f"{0:>8,} {change['after']:>8,}  "
        rows = [
            head + visible(change["first"], room),
            indent + visible(f"→ {change['second']}", room),
        ]
        examples = change["example"]
    else:
        head = f"{change['before']:>8,} {change['after']:>8,}  "
        shown = change["template"] if change["name"] is None else change["name"]
        rows = [head + visible(shown, room)]
        examples = [change["example"]]
    rows.append(indent + visible(" · ".join(change_words(change)), room))
    for example in examples:
        if example["text"]:
            where = names.get(example["file"], example["file"])
            rows.append(indent + visible(f"{where}:{example['line']}: {example['text']}", room))
    return rows
