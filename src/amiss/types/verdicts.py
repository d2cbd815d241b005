"""Thresholds, findings and their parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Threshold(NamedTuple):
    """A score to cut at, and how it was come by. A score strictly above `value` is anomalous."""

    rule: str
    value: float
    rate: float | None = None
    """The false-alarm rate that was asked for, as a share of normal items."""
    realised: float | None = None
    """The share of the calibration items that lie above `value`."""
    note: str = ""
    """What a user should know of it, such as that the calibration set is too small for the rate."""


class Location(NamedTuple):
    """Lines of one file, 1-based, both ends included."""

    file: str
    first_line: int
    last_line: int

    def __str__(self) -> str:
        more = f"-{self.last_line}" if self.last_line != self.first_line else ""
        return f"{self.file}:{self.first_line}{more}"


class Contribution(NamedTuple):
    """One member detector's part in a score: −log10 of its p-value."""

    name: str
    score: float


class Expectation(NamedTuple):
    """An event that was expected, with its probability."""

    template: str
    probability: float


class Difference(NamedTuple):
    """So many events of one template, more or fewer than in the nearest normal session."""

    template: str
    events: int


class Misprediction(NamedTuple):
    """How often one kind of event was not the one that was held likeliest, and what was."""

    template: str
    events: int
    """How often it came."""
    missed: int
    """How often another was held likelier."""
    expected: str
    """What was, most of those times."""
    expected_events: int
    """How many of those times."""


class TraceVerdict(NamedTuple):
    """Whether a whole trace is anomalous: more of its segments are flagged than chance explains."""

    trace: str
    segments: int
    flagged: int
    share: float
    """Of its segments, those flagged."""
    limit: float
    """The share that a normal trace of so many segments may have."""
    is_anomaly: bool


class Region(NamedTuple):
    """A box of pixels; `left` and `top` count from 0 at the upper left corner."""

    left: int
    top: int
    width: int
    height: int


class Feature(NamedTuple):
    """One column of a row, or one region of an image, that is not as expected."""

    name: str
    """The column; for an image the colour channel."""
    value: float
    """What came, in the units of the data; for a region the mean over its deviating pixels, for an
    interval that of the row where the column deviates most."""
    expected: float | None
    """What the detector makes of it, in the same units; None where it reconstructs nothing."""
    score: float
    """How much it deviates, for a region the sum over its deviating pixels, for an interval the
    mean over its rows; of a detector that reconstructs nothing, its part in the anomaly score."""
    usual: tuple[float, float] | None = None
    """Between which values 99 % of the normal rows lie in this column; None for a region."""
    region: Region | None = None
    """Where in an image; None for a column."""


class Deviation(NamedTuple):
    """A count, a number in a message, or a time between two events, beyond what is usual."""

    kind: str
    """``count``: how often a template came in a window of time; ``number``: a number in a message;
    ``step``: seconds from an event to the next one."""
    template: str | None
    """None: events of all templates together."""
    value: float
    usual: tuple[float, float] | None
    """Between which values normal ones mostly lie; None: training did not have the template."""
    p_value: float
    """How likely a value as odd is, of this template alone."""
    position: int | None = None
    """Place in the session of the event it is of, from 0; of a count, of the first one."""
    parameter: int | None = None
    """Which number of the message, from 1."""
    next_template: str | None = None
    """Of a step: what came next."""
    location: Location | None = None
    text: str = ""
    """The raw line."""


@dataclass(frozen=True, slots=True)
class Surprise:
    """One event that was not expected where it came; `template` None is the end of the session."""

    template: str | None
    location: Location
    text: str = ""
    """The raw line; for the end of a session, its last line."""
    probability: float | None = None
    unseen: bool = False
    """No training session has an event of this template."""
    expected: tuple[Expectation, ...] = ()
    position: int | None = None
    """Place in the session, from 0; of its end, how many events it has."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One flagged unit and why it was flagged."""

    unit: str
    id: str
    score: float
    p_value: float
    start: int
    end: int
    locations: tuple[Location, ...]
    contributions: tuple[Contribution, ...] = ()
    surprises: tuple[Surprise, ...] = ()
    missing: tuple[Difference, ...] = ()
    surplus: tuple[Difference, ...] = ()
    complete: bool = True
    """False: the session was cut by the start or the end of the log; nothing counts as missing."""
    events: tuple[str, ...] = ()
    """The templates of the session, in order."""
    nearest: tuple[str, ...] = ()
    """The templates of the nearest normal session, in order."""
    nearest_count: int = 0
    """How many training sessions are just like the nearest one."""
    features: tuple[Feature, ...] = ()
    """Of a row, an interval or an image: what deviates most, the worst first."""
    mispredicted: tuple[Misprediction, ...] = ()
    """Of a segment: the events that were mispredicted most often, the worst first."""
    deviations: tuple[Deviation, ...] = ()
    """Counts, numbers and times that are not usual, the least likely first."""


class Symptom(NamedTuple):
    """One thing that is the matter with a finding; what findings of one cause have in common."""

    kind: str
    """``unseen``: training had no such event; ``unexpected``: it came where others were held
    likelier; ``ends``: the session is over too early; ``missing``, ``surplus``: fewer or more than
    in the nearest normal session; ``count``, ``number``, ``step``: a `Deviation`;
    ``mispredicted``; ``feature``: a column of a row; ``combination``: nothing alone."""
    template: str | None = None
    """The template, or the feature; None for the end of a session and for all lines together."""
    detail: str = ""
    """What tells symptoms of one kind and template apart: ``high`` or ``low``, which number, or
    what came next."""


class StoryLine(NamedTuple):
    """A raw line that tells of an incident."""

    location: Location
    time: int
    """Milliseconds, or ``NO_TIME``."""
    text: str
    id: str
    """The finding it is of."""
    symptom: Symptom


class Shared(NamedTuple):
    """What findings of an incident have in common: a file, a host, an address, a key."""

    kind: str
    """``file``, ``host``, ``address``, ``source``; or the name of a field."""
    value: str
    findings: int
    """How many of the incident's findings have it."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Findings that belong together: near in time, with the same symptoms, or of one source.

    Attributes
    ----------
    id : str
        The same in each run that finds it: made from the leading symptom, and for the second and
        later incidents of that symptom in one log ``-2``, ``-3``, … in order of time.
    kind : str
        The part of the id that all incidents of that symptom share.
    rarest : Symptom
        The earliest of its rare symptoms: what began it.
    worst : Symptom
        What most of its findings show. Where that is what began it, the news that its most
        anomalous finding has and hardly another; else the same as `rarest`.
    start, end : int
        From the line that first shows its strongest symptom to the last that shows any, of windows
        from the first to the end of the last, in milliseconds, or ``NO_TIME``.
    score, p_value : float
        Of the most anomalous finding.
    findings : tuple of int
        Positions in the findings, the most anomalous first.
    symptoms : tuple of (Symptom, int)
        With how many findings show each, the most frequent first.
    shared : tuple of Shared
        Files, hosts and sources, the most frequent first.
    lines : tuple of StoryLine
        The lines that tell the story, in order of time.
    more_lines : int
        Lines of its findings beyond those.
    """

    id: str
    kind: str
    rarest: Symptom
    worst: Symptom
    start: int
    end: int
    score: float
    p_value: float
    findings: tuple[int, ...]
    symptoms: tuple[tuple[Symptom, int], ...] = ()
    shared: tuple[Shared, ...] = ()
    lines: tuple[StoryLine, ...] = ()
    more_lines: int = 0


@dataclass(frozen=True, slots=True)
class TimeHistogram:
    """Volume and score over time, for a timeline: `n` bins of equal width.

    Attributes
    ----------
    start, width : int
        When the first bin begins, and how long each is, in milliseconds.
    events : ndarray of int64, shape (n,)
        Events logged in each.
    score : ndarray of float64, shape (n,)
        The highest score of what ends there; NaN where nothing does.
    flagged : ndarray of int64, shape (n,)
        How much of that is flagged.
    """

    start: int
    width: int
    events: NDArray[np.int64]
    score: NDArray[np.float64]
    flagged: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.events)


class JudgedUngrouped(NamedTuple):
    """What was judged beside the sessions: windows of the lines that belong to none."""

    unit: str
    grouping: str
    lines: int
    scored: int
    """Windows."""
    flagged: int
    """Those of them beyond their threshold, muted ones too."""
    threshold: Threshold


class TemplateUse(NamedTuple):
    """How often a template came in what was judged, and when."""

    template: str
    events: int
    start: int
    """Of its first event, in milliseconds, or ``NO_TIME``."""
    end: int
    first: Location
    """Its first line."""
    new: bool
    """What the model learnt from has none."""
    name: str | None = None
    """What a user calls it."""
