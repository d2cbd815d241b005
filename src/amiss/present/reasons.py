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

    @property
    def kind(self) -> tuple[str | None, ...]:
        """What findings alike have in common: all but the numbers."""
        return self.words, self.template, self.expected["template"] if self.expected else None

    def rows(self, room: int, after: str = "") -> list[str]:
        """Return the reason in rows of `room` columns, templates shortened to fit."""
        said = f"{self.words} {self.events} ×" if self.events else self.words
        comma = "," if self.expected else after
        if self.template is not None:
            said += f" {_quoted(self.template, room - len(said) - 1 - len(comma))}"
        if self.expected is None:
            return [said + after]
        template = self.expected["template"]
        chance = f" ({percent(self.expected['probability'])}){after}"
        if template == _END:
            instead = f"expected the end{chance}"
        else:
            instead = f"expected {_quoted(template)}{chance}"
        if len(said) + 2 + len(instead) <= room:
            return [f"{said}, {instead}"]
        if template != _END:
            left = room - len(f"  expected {chance}")
            instead = f"expected {_quoted(template, left)}{chance}"
        return [f"{said},", f"  {instead}"]


def why(finding: dict[str, Any], most: int = 3) -> tuple[list[Reason], int]:
    """Return the strongest reasons of a finding, and how many more there are."""
    reasons: list[Reason] = []
    for got, expected in zip(finding["got"], finding["expected"], strict=True):
        best = expected[0] if expected else None
        if got["unseen"]:
            reasons.append(Reason(f"in no normal {finding['unit']}:", got["template"]))
        elif got["template"] is None:
            reasons.append(Reason(f"the {finding['unit']} ends", None, 0, best))
        else:
            reasons.append(Reason("unexpected here:", got["template"], 0, best))
        if len(reasons) == 2:
            break
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
            )
            for m in mispredicted
        ]
    reasons += [Reason("missing", m["template"], m["events"]) for m in finding["missing"]]
    reasons += [Reason("surplus", m["template"], m["events"]) for m in finding["surplus"]]
    if not reasons:
        reasons = [Reason("an unusual combination of usual events", None)]
    return reasons[:most], max(0, len(reasons) - most)


def reason_rows(finding: dict[str, Any], room: int) -> list[str]:
    """Return the strongest reasons of a finding in rows of `room` columns."""
    reasons, more = why(finding)
    rows = [row for reason in reasons[:-1] for row in reason.rows(room)]
    return rows + reasons[-1].rows(room, f" (+{more} more)" if more else "")


def _quoted(template: str, room: int | None = None) -> str:
    return f'"{visible(template, None if room is None else max(1, room - 2))}"'


def percent(share: float) -> str:
    """Return a share as a percentage with two digits that say something."""
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:.3g} %"
