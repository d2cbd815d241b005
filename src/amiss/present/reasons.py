"""Why a finding was flagged, in a few words."""

from __future__ import annotations

from typing import Any, NamedTuple

from amiss.present.escape import visible

_END = "end of session"
"""What `explain` names where no event is expected any more."""


class Reason(NamedTuple):
    """One reason of a finding, in words around a template."""

    words: str
    """What is the matter with the template."""
    template: str | None
    events: int = 0
    """How many events, where that is the matter."""
    expected: dict[str, Any] | None = None
    """The likeliest event instead, with its probability."""
    after: str = ""
    """What else is said after the template, numbers mostly."""
    symptom: str = "combination"
    """The kind of `amiss.types.Symptom` that it is of."""
    shows: dict[str, Any] | None = None
    """What of the finding says so: ``file``, ``first_line`` and ``text`` of a line among it."""

    @property
    def kind(self) -> tuple[str | None, ...]:
        """What findings alike have in common: all but the numbers."""
        return self.words, self.template, self.expected["template"] if self.expected else None

    def rows(self, room: int, after: str = "") -> list[str]:
        """Return the reason in rows of `room` columns, templates shortened to fit."""
        said = f"{self.words} {self.events:,} ×" if self.events else self.words
        comma = "," if self.expected else self.after + after
        if self.template is not None:
            said += f" {quoted(self.template, max(10, room - len(said) - 1 - len(comma)))}"
        if self.expected is None:
            return [said + self.after + after]
        template = self.expected["template"]
        chance = f" ({percent(self.expected['probability'])}){after}"
        if template == _END:
            instead = f"expected the end{chance}"
        else:
            instead = f"expected {quoted(template)}{chance}"
        if len(said) + 2 + len(instead) <= room:
            return [f"{said}, {instead}"]
        if template != _END:
            left = room - len(f"  expected {chance}")
            instead = f"expected {quoted(template, left)}{chance}"
        return [f"{said},", f"  {instead}"]


def why(finding: dict[str, Any], most: int = 3) -> tuple[list[Reason], int]:
    """Return the strongest reasons of a finding, and how many more there are."""
    ranked: list[tuple[float, Reason]] = []
    for got, expected in zip(finding["got"], finding["expected"], strict=True):
        best = expected[0] if expected else None
        chance = got["probability"] or 0.0
        if got["unseen"]:
            reason = Reason(
                f"in no normal {finding['unit']}:", got["template"], symptom="unseen", shows=got
            )
        elif got["template"] is None:
            reason = Reason(f"the {finding['unit']} ends", None, 0, best, symptom="ends", shows=got)
        else:
            reason = Reason(
                "unexpected here:", got["template"], 0, best, symptom="unexpected", shows=got
            )
        ranked.append((chance, reason))
        if len(ranked) == 2:
            break
    if odd := finding["deviations"]:
        ranked += [(d["p_value"], _show(d, _deviation_reason(d, finding["unit"]))) for d in odd]
        ranked.sort(key=lambda pair: pair[0])
    reasons = [reason for _, reason in ranked]
    if mispredicted := finding.get("mispredicted"):
        # Any segment has some unlikely event: what tells is what is missed time and again.
        reasons = [reason for reason in reasons if reason.words.startswith("in no normal")][:1]
        most = len(reasons) + 1
        reasons += [
            Reason(
                "mispredicted",
                m["template"],
                m["missed"],
                {"template": m["expected"], "probability": m["expected_events"] / m["missed"]},
                symptom="mispredicted",
            )
            for m in mispredicted
        ]
    for kind in ("missing", "surplus"):
        reasons += [Reason(kind, m["template"], m["events"], symptom=kind) for m in finding[kind]]
    if not reasons:
        reasons = [_reason_by_member(finding["contributions"])]
    return reasons[:most], max(0, len(reasons) - most)


_BY_MEMBER = {
    "numbers": "numbers that are unusual beside those of other sessions",
    "step times": "a step that is slow beside those of other sessions",
    "event rates": "counts that are unusual beside those of other windows",
}


def _reason_by_member(contributions: list[dict[str, Any]]) -> Reason:
    """Return what is unusual of a finding of which nothing more can be named."""
    most = max(contributions, key=lambda c: float(c["score"]), default=None)
    usual_events = "an unusual combination of usual events"
    return Reason(_BY_MEMBER.get(most["name"], usual_events) if most else usual_events, None)


def _show(deviation: dict[str, Any], reason: Reason) -> Reason:
    new = deviation["kind"] == "count" and deviation["usual"] is None
    return reason._replace(
        symptom="unseen" if new else deviation["kind"],
        shows=deviation if deviation["first_line"] is not None else None,
    )


def _deviation_reason(deviation: dict[str, Any], unit: str) -> Reason:
    template, value = deviation["template"], figure(deviation["value"])
    known = f", {usual(deviation)}" if deviation["usual"] else ""
    if deviation["kind"] == "number":
        which = ordinal(deviation["parameter"])
        return Reason(f"the {which} number of", template, after=f" is {value}{known}")
    if deviation["kind"] == "step":
        return Reason("a slow step after", template, after=f": {value} s{known}")
    count = int(deviation["value"])
    if deviation["usual"] is None:
        return Reason(f"in no normal {unit}:", template, count)
    many = "too many" if count > deviation["usual"][1] else "too few"
    if template is None:
        return Reason(f"{many} lines:", None, after=f" {value}{known}")
    if not count:
        return Reason("none of", template, after=known)
    return Reason(f"{many}:", template, count, after=known)


def usual(deviation: dict[str, Any]) -> str:
    """Return between which values the normal ones of a deviation lie, in words."""
    low, high = (figure(value) for value in deviation["usual"])
    if deviation["kind"] == "step":
        return f"usually at most {high} s"
    return f"usually {low}" if low == high else f"usually {low} to {high}"


def figure(value: float) -> str:
    """Return a number as people write it: whole ones with commas, others with four digits.

    Examples
    --------
    >>> [figure(value) for value in (67108864.0, 0.123456, -3.0, 1e300)]
    ['67,108,864', '0.1235', '-3', '1e+300']
    """
    return f"{value:,.0f}" if abs(value) < 1e15 and value == int(value) else f"{value:.4g}"


def ordinal(place: int) -> str:
    """Return which one in words.

    Examples
    --------
    >>> [ordinal(n) for n in (1, 2, 3, 11, 22)]
    ['1st', '2nd', '3rd', '11th', '22nd']
    """
    ends = {} if 10 < place % 100 < 20 else {1: "st", 2: "nd", 3: "rd"}
    return f"{place}{ends.get(place % 10, 'th')}"


def reason_rows(finding: dict[str, Any], room: int) -> list[str]:
    """Return the strongest reasons of a finding in rows of `room` columns."""
    reasons, more = why(finding)
    rows = [row for reason in reasons[:-1] for row in reason.rows(room)]
    return rows + reasons[-1].rows(room, f" (+{more} more)" if more else "")


def quoted(template: str, room: int | None = None) -> str:
    """Return a template in quotes, cut to `room` columns."""
    return f'"{visible(template, None if room is None else max(1, room - 2))}"'


def percent(share: float) -> str:
    """Return a share as a percentage with two digits that say something."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.3g} %"
