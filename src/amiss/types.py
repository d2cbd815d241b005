"""The few frozen types that travel between the rooms.

Nothing here computes more than a view of itself, and no array is written to after construction.
Times are milliseconds since the epoch, UTC, as int64; ``NO_TIME`` stands for a line without one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

#: Reserved event ids: the start and the end of a session. Real events are 0, 1, 2, …
BEGIN, END = -1, -2

#: Fills the front of a window where fewer events came before.
PAD = -4

#: The time of a line that has none.
NO_TIME: int = int(np.iinfo(np.int64).min)


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Lines of one file, as read: what goes from ``read/`` to ``represent/``.

    Lines that differ only in their digits are of one *kind*. All that is slow (header patterns,
    masks, the template miner) is done once a kind, never once a line.

    Attributes
    ----------
    source : int
        Index of the file in the reader's ``sources``.
    line : ndarray of int64, shape (n,)
        1-based line numbers.
    raw : polars.Series of str, shape (n,)
        The lines, without line ends.
    kind : ndarray of int64, shape (n,)
        Row of `kinds` that each line belongs to.
    kinds : polars.DataFrame
        Columns ``level`` and ``message``, and ``line`` (all of it) where lines were read as such;
        every run of digits replaced by one ``0``.
    time : ndarray of int64, shape (n,)
        Milliseconds since the epoch, or ``NO_TIME``.
    fields : mapping of str to polars.Series
        Header fields that were asked for, by name.
    extent : ndarray of int64, shape (n,), optional
        Lines of each record, the first one being `line`; None: each is one line.
    form : ndarray of int64, shape (n,), optional
        Row of `forms` that each line belongs to.
    forms : polars.Series of str, optional
        Lines with each digit written as ``0``: what stands where is the same in all of one form.
    """

    source: int
    line: NDArray[np.int64]
    raw: pl.Series
    kind: NDArray[np.int64]
    kinds: pl.DataFrame
    time: NDArray[np.int64]
    fields: Mapping[str, pl.Series] = field(default_factory=dict)
    extent: NDArray[np.int64] | None = None
    form: NDArray[np.int64] | None = None
    forms: pl.Series | None = None

    def __len__(self) -> int:
        return len(self.line)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numeric parameters of events, in the order in which they stand in the message.

    Attributes
    ----------
    offsets : ndarray of int64 or int32, shape (n_events + 1,)
        Those of event *i* are ``values[offsets[i]:offsets[i + 1]]``.
    values : ndarray of float64 or float32, shape (n_values,)
    """

    offsets: NDArray[np.signedinteger[Any]]
    values: NDArray[np.floating[Any]]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, index: NDArray[np.int64]) -> Numbers:
        """Return the parameters of the events at `index`, in that order.

        Examples
        --------
        >>> numbers = Numbers(np.array([0, 2, 2, 3]), np.array([1.0, 2.0, 3.0]))
        >>> numbers.take(np.array([2, 0])).values
        array([3., 1., 2.])
        """
        at, offsets = ragged_index(self.offsets, index)
        return Numbers(offsets, self.values[at])


@dataclass(frozen=True, slots=True)
class Sequences:
    """Ragged sequences of events: flat ids and offsets.

    Attributes
    ----------
    events : ndarray of int64 or int32, shape (n_events,)
        Event ids from 0; sequence *i* is ``events[offsets[i]:offsets[i + 1]]``.
    offsets : ndarray of int64, shape (n + 1,)
    begun : ndarray of bool, shape (n,)
        The first event of the sequence is really its first: it did not run before the log began.
    ended : ndarray of bool, shape (n,)
        The last event is really its last: the sequence was not still open when the log ended.
    names : tuple of str
        What event id *i* stands for; empty where ids are all there is.
    severity : ndarray of float64, shape (len(names),), optional
        How alarming an event is by its own words and level, from 0 to 1.
    trace : ndarray of int64, shape (n,), optional
        Which trace each sequence is a segment of: segments of one are never in two folds.
    time : ndarray of int64, shape (n_events,), optional
        When each event was logged, in milliseconds, or ``NO_TIME``.
    numbers : Numbers, optional
        The numeric parameters of each event.
    start : ndarray of int64, shape (n,), optional
        Of windows of time: when each begins, in milliseconds. Such a window may hold no event.
    """

    events: NDArray[np.signedinteger[Any]]
    offsets: NDArray[np.int64]
    begun: NDArray[np.bool_]
    ended: NDArray[np.bool_]
    names: tuple[str, ...] = ()
    severity: NDArray[np.float64] | None = None
    trace: NDArray[np.int64] | None = None
    time: NDArray[np.int64] | None = None
    numbers: Numbers | None = None
    start: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Number of events in each sequence, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Whether each sequence was seen from its first event to its last, shape (n,).

        A segment of a trace neither begins nor ends there, but is whole as a segment.
        """
        return self.begun & self.ended if self.trace is None else np.ones(len(self), dtype=bool)

    def __getitem__(self, i: int) -> NDArray[np.signedinteger[Any]]:
        return self.events[self.offsets[i] : self.offsets[i + 1]]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Sequences:
        """Return the sequences at `index` (positions or a mask), in that order."""
        rows: NDArray[np.int64] = np.arange(len(self))[index]
        at, offsets = ragged_index(self.offsets, rows)
        return Sequences(
            self.events[at],
            offsets,
            self.begun[rows],
            self.ended[rows],
            self.names,
            self.severity,
            None if self.trace is None else self.trace[rows],
            None if self.time is None else self.time[at],
            None if self.numbers is None else self.numbers.take(at),
            None if self.start is None else self.start[rows],
        )


@dataclass(frozen=True, slots=True)
class Windows:
    """Windows of events: what came, and what came before it. Each is an item of its own.

    Attributes
    ----------
    history : ndarray of int, shape (n, size)
        Ids of the events before, the latest last, ``PAD`` in front where there were fewer.
    next_event : ndarray of int, shape (n,)
        Id of the event that came, or ``END``.
    names : tuple of str
        What event id *i* stands for; empty where ids are all there is.
    session : ndarray of int64, shape (n,), optional
        Row of the session that each window was cut from.
    sessions : Sequences, optional
        Those sessions, for detectors that look at more than the window.
    label : ndarray of int64, shape (n,), optional
        1 anomaly, 0 normal, −1 unknown.
    """

    history: NDArray[Any]
    next_event: NDArray[Any]
    names: tuple[str, ...] = ()
    session: NDArray[np.int64] | None = None
    sessions: Sequences | None = None
    label: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.next_event)

    @property
    def events(self) -> NDArray[Any]:
        """All event ids that occur, in no order, some more than once."""
        seen = np.unique(np.append(self.history, self.next_event))
        return seen[seen >= 0]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Windows:
        """Return the windows at `index` (positions or a mask), in that order."""
        return Windows(
            self.history[index],
            self.next_event[index],
            self.names,
            None if self.session is None else self.session[index],
            self.sessions,
            None if self.label is None else self.label[index],
        )


@dataclass(frozen=True, slots=True)
class RowIndex:
    """What the rows of a table stand for: what one entity did in one window of time.

    Attributes
    ----------
    by : str
        The field that names entities, such as ``client``.
    start, end : ndarray of int64, shape (n,)
        The window, in milliseconds; `end` is not part of it.
    entity : ndarray of str, shape (n,)
    offsets : ndarray of int64, shape (n + 1,)
        Lines of row *i* are ``offsets[i]:offsets[i + 1]`` of the next two.
    line, file : ndarray of int64, shape (n_lines,)
        1-based line numbers, and indices into the sources of the table.
    """

    by: str
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    entity: NDArray[Any]
    offsets: NDArray[np.int64]
    line: NDArray[np.int64]
    file: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.start)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> RowIndex:
        """Return the rows at `index` (positions or a mask), in that order."""
        rows: NDArray[np.int64] = np.arange(len(self))[index]
        at, offsets = ragged_index(self.offsets, rows)
        return RowIndex(
            self.by, self.start[rows], self.end[rows], self.entity[rows],
            offsets, self.line[at], self.file[at],
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Timeline:
    """When the rows of a series were measured, and which of them follow each other.

    Attributes
    ----------
    time : ndarray of int64, shape (n,)
        Milliseconds, or ``NO_TIME``.
    run : ndarray of int64, shape (n,)
        Rows of one number follow each other without a gap, in one file: no window crosses runs.
    """

    time: NDArray[np.int64]
    run: NDArray[np.int64]

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Timeline:
        """Return the rows at `index` (positions or a mask), in that order."""
        return Timeline(self.time[index], self.run[index])


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of numbers, as read: what goes from ``read/`` to the detectors of tables.

    Attributes
    ----------
    values : ndarray of float64, or scipy.sparse.csr_array, shape (n, n_columns)
    columns : tuple of str
    label : ndarray of int64, shape (n,), optional
        1 anomaly, 0 normal, −1 unknown.
    kind : ndarray of str, shape (n,), optional
        The class of each row where the data name more than two, such as the kind of attack.
    sources : tuple of str
        Files as the user gave them.
    file, row : ndarray of int64, shape (n,)
        Where each row is from: index into `sources`, and its 1-based number in the data of that
        file, headers not counted.
    index : RowIndex, optional
        What each row stands for, if it was counted from a log.
    timeline : Timeline, optional
        When each row was measured, if the table is a series.
    """

    values: Any
    columns: tuple[str, ...]
    label: NDArray[np.int64] | None = None
    kind: NDArray[Any] | None = None
    sources: tuple[str, ...] = ()
    file: NDArray[np.int64] | None = None
    row: NDArray[np.int64] | None = None
    index: RowIndex | None = None
    timeline: Timeline | None = None

    def __len__(self) -> int:
        return int(self.values.shape[0])

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Table:
        """Return the rows at `index` (positions or a mask), in that order."""
        optional = (self.label, self.kind, self.file, self.row)
        label, kind, file, row = (None if a is None else a[index] for a in optional)
        named = None if self.index is None else self.index.take(index)
        timed = None if self.timeline is None else self.timeline.take(index)
        return Table(
            self.values[index], self.columns, label, kind, self.sources, file, row, named, timed
        )


@dataclass(frozen=True, slots=True)
class Images:
    """Images of one size, as read.

    Attributes
    ----------
    pixels : ndarray of float32, shape (n, channels, height, width)
        From 0 to 1.
    ids : tuple of str
        What names each image: its file, or the file and its place there.
    label : ndarray of int64, shape (n,), optional
        1 anomaly, 0 normal, −1 unknown.
    kind : ndarray of str, shape (n,), optional
        The class of each image, such as ``airplane``.
    sources : tuple of str
        Files or folders as the user gave them.
    """

    pixels: NDArray[np.float32]
    ids: tuple[str, ...]
    label: NDArray[np.int64] | None = None
    kind: NDArray[Any] | None = None
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels)

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Images:
        """Return the images at `index` (positions or a mask), in that order."""
        rows = np.arange(len(self))[index]
        optional = (self.label, self.kind)
        label, kind = (None if a is None else a[rows] for a in optional)
        ids = tuple(self.ids[row] for row in rows)
        return Images(self.pixels[rows], ids, label, kind, self.sources)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a detector of tables or images says of a batch: instances, features, verdicts.

    ``...`` is (n_features,) for tables and (channels, height, width) for images.

    Attributes
    ----------
    score : ndarray of float64, shape (n,)
        The score of each instance, higher is more anomalous.
    threshold : float
        An instance whose score lies above is anomalous.
    is_anomaly : ndarray of bool, shape (n,)
        The verdict, by the score or, if the detector was told so, by the largest feature score.
    feature_score : ndarray of float64, shape (n, ...)
    feature_threshold : float
    feature_is_anomaly : ndarray of bool, shape (n, ...)
    values, reconstruction : ndarray of float64, shape (n, ...)
        What came, and what the detector makes of it; both in the units of the data.
    feature_names : tuple of str
        Names of the columns; empty for images.
    """

    score: NDArray[np.float64]
    threshold: float
    is_anomaly: NDArray[np.bool_]
    feature_score: NDArray[np.float64]
    feature_threshold: float
    feature_is_anomaly: NDArray[np.bool_]
    values: NDArray[np.float64]
    reconstruction: NDArray[np.float64]
    feature_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.score)


def ragged_index(
    offsets: NDArray[np.signedinteger[Any]], rows: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return flat positions of the items of `rows`, and the offsets they then have.

    Examples
    --------
    >>> ragged_index(np.array([0, 2, 5]), np.array([1, 0]))
    (array([2, 3, 4, 0, 1]), array([0, 3, 5]))
    """
    lengths = np.diff(offsets)[rows]
    new = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    at: NDArray[np.int64] = np.repeat(offsets[rows] - new[:-1], lengths)
    at += np.arange(new[-1])
    return at, new


def distinct_codes(strings: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
    """Return for each string its row among the distinct ones, and these, by first appearance.

    Examples
    --------
    >>> import polars as pl
    >>> codes, distinct = distinct_codes(pl.Series(["b", "a", "b"]))
    >>> codes.tolist(), distinct.to_list()
    ([0, 1, 0], ['b', 'a'])
    """
    import polars as pl

    # Categories of their own, so that no process-wide table grows with the log.
    coded = strings.cast(pl.Categorical(pl.Categories.random()))
    distinct = coded.unique(maintain_order=True)
    physical = distinct.to_physical().to_numpy()
    rank = np.zeros(int(physical.max(initial=0)) + 1, dtype=np.int64)
    rank[physical] = np.arange(len(physical))
    return rank[coded.to_physical().to_numpy()], distinct.cast(pl.String)


@dataclass(frozen=True, slots=True)
class LogInfo:
    """Where sessions came from, for the top of every report.

    Attributes
    ----------
    sources : tuple of str
        File names as the user gave them.
    paths : tuple of str
        Where the bytes are, to show lines of them.
    format, unit, grouping : str
        Header format; what is judged (``session`` or ``window``); how lines were grouped.
    option : tuple of (str, str or float)
        The argument of `amiss.read_sessions` that groups other logs in the same way.
    lines, ungrouped : int
        Lines read, and those that belong to no session.
    start, end : int
        First and last time, in milliseconds, or ``NO_TIME``.
    notes : tuple of str
        What was mended or skipped while reading.
    templates_given : bool
        The events are templates already: nothing is mined.
    mask : tuple of str
        What private words were masked, as `amiss.read.privacy.MASKS` names it.
    why : str
        Why lines were grouped in this way, where that was found out.
    """

    sources: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    format: str = ""
    unit: str = "session"
    grouping: str = ""
    option: tuple[str, str | float] = ("", "")
    lines: int = 0
    ungrouped: int = 0
    start: int = NO_TIME
    end: int = NO_TIME
    notes: tuple[str, ...] = ()
    templates_given: bool = False
    mask: tuple[str, ...] = ()
    why: str = ""


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
