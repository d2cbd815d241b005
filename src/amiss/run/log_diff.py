"""What changed between two logs, as values: the schema ``amiss.diff/1``."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import polars as pl

from amiss.errors import InputError
from amiss.present.summary import timestamp
from amiss.store import finite

SCHEMA = "amiss.diff/1"


@dataclass(frozen=True, slots=True)
class LogSide:
    """One of the two logs.

    Attributes
    ----------
    files : tuple of str
    format : str
    lines, sessions : int
        Records; sessions are 0 where nothing ties lines together.
    start, end : int
        Milliseconds, or ``NO_TIME``.
    stretches : int
        Parts of equal length that it was cut into.
    notes : tuple of str
        What was mended or skipped while reading.
    """

    files: tuple[str, ...]
    format: str
    lines: int
    sessions: int
    start: int
    end: int
    stretches: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A line of a log, as logged."""

    file: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A template that came in one log only, or whose rate changed.

    Attributes
    ----------
    template : str
    name : str or None
        What a user calls it.
    alarming : bool
        By its level or its words.
    before, after : int
        Lines.
    before_stretches, after_stretches : int
        In how many stretches it came.
    ratio, low, high : float
        The rate after over the rate before, and its interval of 95 %; infinite or 0 where it came
        in one log only.
    p_value : float
        How often chance alone shows anything as odd, of all templates; for templates of one log,
        the share of them, of as many places or more, that chance explains, at most 1.
    example : Example
        The first of its lines, after if there is one.
    """

    template: str
    name: str | None
    alarming: bool
    before: int
    after: int
    before_stretches: int
    after_stretches: int
    ratio: float
    low: float
    high: float
    p_value: float
    example: Example


@dataclass(frozen=True, slots=True)
class TransitionChange:
    """Two templates that follow each other in sessions, after only.

    Attributes
    ----------
    first, second : str
        Templates.
    alarming : bool
    after, after_stretches : int
        How often, and in how many stretches.
    new_template : bool
        One of the two came after only.
    p_value : float
        As `TemplateChange.p_value`.
    example : tuple of Example
        The two lines, where it came first.
    """

    first: str
    second: str
    alarming: bool
    after: int
    after_stretches: int
    new_template: bool
    p_value: float
    example: tuple[Example, Example]


@dataclass(frozen=True, slots=True)
class LogDiff:
    r"""What changed from one log to another, the most important first.

    Attributes
    ----------
    before, after : LogSide
    new, gone : tuple of TemplateChange
        Templates of one log only, beyond chance.
    changed : tuple of TemplateChange
        Templates whose rate changed beyond chance.
    transitions : tuple of TransitionChange
        Pairs that came after only, beyond chance.
    within_chance : tuple of TemplateChange
        Templates of one log only, of as few stretches as chance explains.
    transitions_within_chance : tuple of TransitionChange
        The same of pairs, the first of them.
    expected : dict of str to float
        How many templates (``new``, ``gone``) and pairs (``transitions``) chance alone puts into
        one of the logs.
    found : dict of str to int
        How many came in one log only, by the same names.
    false_alarm_rate : float
        Chance that anything is named where nothing changed.
    min_ratio : float
        Smaller changes of rates are not named.
    grouping, why : str
        What ties lines together, and why; empty where nothing does.
    notes : tuple of str

    Examples
    --------
    >>> import amiss, pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> usual = [f"{step} job_{i}\n" for i in range(300) for step in ("open", "close")]
    >>> _ = (folder / "before.log").write_text("".join(usual))
    >>> _ = (folder / "after.log").write_text("".join(usual + ["no space left\n"]))
    >>> found = amiss.diff_logs(folder / "before.log", folder / "after.log")
    >>> found.alarms, [change.template for change in found.within_chance]
    (0, ['no space left'])
    """

    before: LogSide
    after: LogSide
    new: tuple[TemplateChange, ...]
    gone: tuple[TemplateChange, ...]
    changed: tuple[TemplateChange, ...]
    transitions: tuple[TransitionChange, ...]
    within_chance: tuple[TemplateChange, ...]
    transitions_within_chance: tuple[TransitionChange, ...]
    expected: dict[str, float]
    found: dict[str, int]
    false_alarm_rate: float
    min_ratio: float
    grouping: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()

    @property
    def alarms(self) -> int:
        """How many differences there are beyond chance."""
        return len(self.new) + len(self.gone) + len(self.changed) + len(self.transitions)

    def __repr__(self) -> str:
        return (
            f"<LogDiff: {len(self.new)} new, {len(self.gone)} gone, {len(self.changed)} changed in "
            f"rate, {len(self.transitions)} new transitions>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values, in the schema ``amiss.diff/1``."""
        return {
            "schema": SCHEMA,
            "before": _side(self.before),
            "after": _side(self.after),
            "grouping": {"by": self.grouping, "why": self.why},
            "false_alarm_rate": self.false_alarm_rate,
            "min_ratio": self.min_ratio,
            "alarms": self.alarms,
            "expected_by_chance": {k: round(v, 4) for k, v in self.expected.items()},
            "in_one_log_only": dict(self.found),
            "new": [_plain(change) for change in self.new],
            "gone": [_plain(change) for change in self.gone],
            "changed": [_plain(change) for change in self.changed],
            "transitions": [_plain(change) for change in self.transitions],
            "within_chance": [_plain(change) for change in self.within_chance],
            "transitions_within_chance": [
                _plain(change) for change in self.transitions_within_chance
            ],
            "notes": list(self.notes),
        }

    def to_html(self, path: str | PathLike[str]) -> None:
        """Write a self-contained page.

        Raises
        ------
        InputError
            It cannot be written.
        """
        from amiss.present.diff_page import render_diff

        page = render_diff(self.to_dict())
        try:
            Path(path).write_text(page, encoding="utf-8", errors="replace", newline="\n")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror})") from None

    def to_frame(self) -> pl.DataFrame:
        """Return one row a difference: those beyond chance, then those that chance explains."""
        named = {
            "new": self.new, "gone": self.gone, "rate": self.changed,
            "within_chance": self.within_chance,
        }  # fmt: skip
        rows: list[dict[str, Any]] = [
            {
                "kind": kind,
                "beyond_chance": kind != "within_chance",
                "template": change.template,
                "next": None,
                "alarming": change.alarming,
                "before": change.before,
                "after": change.after,
                "ratio": change.ratio,
                "p_value": change.p_value,
                "file": change.example.file,
                "line": change.example.line,
            }
            for kind, changes in named.items()
            for change in changes
        ]
        rows += [
            {
                "kind": "transition",
                "beyond_chance": beyond,
                "template": pair.first,
                "next": pair.second,
                "alarming": pair.alarming,
                "before": 0,
                "after": pair.after,
                "ratio": float("inf"),
                "p_value": pair.p_value,
                "file": pair.example[1].file,
                "line": pair.example[1].line,
            }
            for beyond, pairs in ((True, self.transitions), (False, self.transitions_within_chance))
            for pair in pairs
        ]
        return pl.DataFrame(rows, schema=_COLUMNS)


_COLUMNS = {
    "kind": pl.String, "beyond_chance": pl.Boolean, "template": pl.String, "next": pl.String,
    "alarming": pl.Boolean, "before": pl.Int64, "after": pl.Int64, "ratio": pl.Float64,
    "p_value": pl.Float64, "file": pl.String, "line": pl.Int64,
}  # fmt: skip


def _side(side: LogSide) -> dict[str, Any]:
    return {
        **asdict(side),
        "files": list(side.files),
        "notes": list(side.notes),
        "start": timestamp(side.start),
        "end": timestamp(side.end),
    }


def _plain(change: TemplateChange | TransitionChange) -> dict[str, Any]:
    """Return a change as JSON values; a ratio that is infinite is None."""
    values = asdict(change)
    if isinstance(change, TransitionChange):
        values["example"] = list(values["example"])
    for name in ("ratio", "low", "high"):
        if name in values:
            values[name] = finite(values[name])
    return values
