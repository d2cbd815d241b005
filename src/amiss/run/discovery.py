"""How to group a log that nobody described: what ties its lines together, found and measured."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import GIVEN, HEADER, Format
from amiss.read.named_values import values_messages
from amiss.read.records import match_header
from amiss.read.sources import Source
from amiss.represent.grouping import ByField, ByKey, Grouping
from amiss.represent.key_candidates import Candidate, find_candidates
from amiss.represent.key_rating import ENTITY, NEITHER, RUN, Rating, rate_key
from amiss.represent.keys import KeyMeasures, event_bits, measure_bits, measure_key
from amiss.run.sample import LogSample, take_sample
from amiss.types import NO_TIME

_MOST_KINDS = 3000
"""Kinds of message that are looked through for identifiers."""
_MOST_MEASURED = 30
_EXAMPLES = 50
_EVENTS_A_WINDOW = 50
_FEWEST_WINDOWS = 40
_FEW_OF, _ENOUGH = 100, 20
"""One in so many lines may have a wrong clock, on either side, if there are enough."""
_LENGTHS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
"""Seconds that a window of time may have."""


class Choice(NamedTuple):
    """How to group a log: an argument of `amiss.read_sessions`, its value, and why.

    `option` is ``session_key``, ``session_field``, ``every`` (seconds) or ``window`` (lines); or
    ``by``, a field that names entities, for `amiss.read_activity`.
    """

    option: str
    value: str | float
    reason: str


@dataclass(frozen=True, slots=True)
class RatedKey:
    """An identifier that was looked at."""

    candidate: Candidate
    measures: KeyMeasures
    rating: Rating


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was looked at, the best first, and what is best.

    Attributes
    ----------
    candidates : tuple of RatedKey
    choice : Choice
    """

    candidates: tuple[RatedKey, ...]
    choice: Choice


def choose_grouping(
    sources: Sequence[Source],
    format: str | None = None,  # noqa: A002 - the option's name
    mask: Sequence[str] = (),
) -> Choice:
    r"""Return how to group a log that nothing is known of, and why.

    A key that is usual for its format is taken if half the lines have it. Else a sample is looked
    at: see `discover_keys`.

    Parameters
    ----------
    sources : sequence of Source
        Files of a log, not of a table.
    format : str, optional
        Name of the header format; by default it is recognised.
    mask : sequence of str
        What becomes pseudonyms when the log is read: what ties lines together has to be found in
        what is left.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> log = pathlib.Path(tempfile.mkdtemp(), "app.log")
    >>> steps = ("open", "read", "check", "close")
    >>> lines = (f"{step} job_{i:08d}\n" for i in range(40) for step in steps)
    >>> _ = log.write_text("".join(lines))
    >>> choice = choose_grouping([Source("app.log", log)])
    >>> choice.option, choice.value
    ('session_key', 'job_\\d+')
    """
    sample = take_sample(sources, format, mask=mask)
    return usual_choice(sample) or discover_keys(sample).choice


def usual_choice(sample: LogSample) -> Choice | None:
    """Return the usual grouping of a format that has one, if half the lines of a sample have it."""
    found = sample.format
    if found.session_key:
        held = sum(int(b.raw.str.contains(found.session_key).sum()) for b in sample.batches)
        if 2 * held >= sample.lines:
            share = f"on {100 * held / sample.lines:.0f} % of the lines"
            return Choice("session_key", found.session_key, f"usual for {found.title}; {share}")
    return None


def request_choice(found: Format) -> Choice | None:
    """Return who is counted in a log whose messages are requests; None where they are none."""
    if by := _requester(found):
        return Choice("by", by, "the messages are requests: they are counted by who sent them")
    return None


def _requester(found: Format) -> str:
    """Return the field that names who sent requests, of formats whose messages are requests."""
    named = [name for name in found.fields if name == "client"]
    return named[0] if named and not found.free_text else ""


def discover_keys(sample: LogSample) -> Discovery:
    """Find identifiers in a sample, measure them as session keys, and choose.

    Identifiers are header fields, and what `amiss.represent.key_candidates` finds in messages. The
    best of those that name a run of something is chosen; if there is none, the field that names who
    logged, if it is on nearly every line; else windows, of time where lines have times.

    Parameters
    ----------
    sample : LogSample
    """
    template = sample.templates[0]
    clock = _clock(sample)
    raw_bits = event_bits(np.zeros_like(template), template, len(sample.templates[1]))
    hosts = _hosts(sample)
    rated: list[RatedKey] = []
    seen: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    for candidate in _candidates(sample):
        grouping: Grouping
        if candidate.option == "session_field":
            grouping = ByField(candidate.value)
        else:
            grouping = ByKey(candidate.value)
        rows, codes = _assigned(sample, grouping)
        if not len(rows) or _is_elsewhere(candidate, rows, sample):
            continue
        if any(np.array_equal(rows, r) and np.array_equal(codes, c) for r, c in seen):
            continue  # another name of the same
        seen.append((rows, codes))
        values = grouping.names()
        examples = values.gather_every(max(1, len(values) // _EXAMPLES)).to_list()
        candidate.example = candidate.example or examples[0]
        measures = measure_key(rows, codes, template, clock)
        field = candidate.value if candidate.option == "session_field" else None
        mixed = _mixed(rows, codes, hosts) if field not in hosts else 0.0
        rating = rate_key(measures, name=candidate.name, examples=examples, mixed=mixed)
        if rating.score > 0:  # of the others it changes nothing
            measures = measure_bits(measures, rows, codes, template, raw_bits)
            rating = rate_key(measures, name=candidate.name, examples=examples, mixed=mixed)
        if field is not None and field == _requester(sample.format):
            rating = Rating(ENTITY, 1.0, "the messages are requests: who sent them is what counts")
        rated.append(RatedKey(candidate, measures, rating))
    rated.sort(key=_rank)
    return Discovery(tuple(rated), _choice(rated, sample))


def _rank(key: RatedKey) -> tuple[bool, float, float]:
    return key.rating.kind == NEITHER, -key.rating.score, -key.measures.coverage


def _candidates(sample: LogSample) -> list[Candidate]:
    fields = [Candidate("session_field", name, f"field {name}", name) for name in sample.fields]
    if _requester(sample.format):  # the rest of a request is what was asked for
        return fields
    return [*fields, *find_candidates(_messages(sample), most=_MOST_MEASURED)]


def _messages(sample: LogSample) -> list[tuple[str, str, int]]:
    """Return what stands before it, one message, and the number of lines, of each kind.

    Where there are too many kinds, those of many lines and some of the others stand for all.
    """
    found: list[tuple[str, str, int]] = []
    most = max(_MOST_KINDS // len(sample.batches), 100)
    for batch in sample.batches:
        _, first, count = np.unique(batch.kind, return_index=True, return_counts=True)
        order = np.argsort(-count, kind="stable")
        if len(order) > most:
            rest = np.linspace(most // 2, len(order) - 1, most - most // 2).astype(int)
            order = order[np.append(np.arange(most // 2), rest)]
        share = count.sum() / count[order].sum()
        raw = batch.raw.gather(first[order])
        messages = _contents(raw, sample.format)
        lines = np.ceil(count[order] * share).astype(int).tolist()
        for line, message, n in zip(raw.to_list(), messages.to_list(), lines, strict=True):
            if message is None:  # all of it may be one
                message = line if sample.format.layout in (HEADER, GIVEN) else ""
            at = max(0, line.rfind(message)) if len(line) < 1 << 16 else 0
            before = re.search("[^0-9A-Za-z]{0,3}$", line[max(0, at - 3) : at])
            found.append((before[0] if before else "", message, n))
    return found


def _contents(raw: pl.Series, found: Format) -> pl.Series:
    """Return the message of each line, null where it has none."""
    if found.layout in (HEADER, GIVEN):
        return match_header(raw, found)["message"]
    return values_messages(raw, found)


def _assigned(sample: LogSample, grouping: Grouping) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the lines that hold a key, and the code of its value, as the grouping has it."""
    rows, codes, before = [], [], 0
    for batch in sample.batches:
        assigned = grouping.assign(batch)
        at = np.arange(len(batch)) if assigned.rows is None else assigned.rows
        rows.append(at + before)
        codes.append(assigned.codes)
        before += len(batch)
    return np.concatenate(rows).astype(np.int64), np.concatenate(codes).astype(np.int64)


def _is_elsewhere(candidate: Candidate, rows: NDArray[np.int64], sample: LogSample) -> bool:
    """Whether a pattern matches on far more lines than it was found on: in headers, by chance."""
    if candidate.option != "session_key":
        return False
    held = len(np.unique(rows))
    return held > 1.5 * candidate.lines + 0.02 * sample.lines


def _clock(sample: LogSample) -> NDArray[np.int64]:
    """Return the time of each line; its place in the sample where lines have none."""
    time = np.concatenate([batch.time for batch in sample.batches])
    known = time != NO_TIME
    if 2 * known.sum() < len(time):
        return np.arange(len(time), dtype=np.int64)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(time)), 0))
    filled = time[latest]
    return np.where(filled == NO_TIME, time[known][0], filled)


def _hosts(sample: LogSample) -> dict[str, NDArray[np.int64]]:
    """Return the codes of the header fields that name hosts, where there are several."""
    found = {}
    for name in sample.fields:
        if name.lower() in ("host", "hostname", "node", "machine", "computer"):
            rows, codes = _assigned(sample, ByField(name))
            if len(rows) and codes.max() > 0:
                whose = np.full(sample.lines, -1, dtype=np.int64)
                whose[rows] = codes
                found[name] = whose
    return found


def _mixed(
    rows: NDArray[np.int64], codes: NDArray[np.int64], hosts: dict[str, NDArray[np.int64]]
) -> float:
    """Return the share of the values which come more than once that come on several hosts."""
    worst = 0.0
    for whose in hosts.values():
        host = whose[rows]
        pairs = np.unique(np.column_stack([codes, host])[host >= 0], axis=0)
        on = np.bincount(pairs[:, 0], minlength=int(codes.max()) + 1)
        several = np.bincount(codes) > 1
        if several.any():
            worst = max(worst, float((on[several] > 1).mean()))
    return worst


def _choice(rated: list[RatedKey], sample: LogSample) -> Choice:
    if requests := request_choice(sample.format):
        return requests
    for key in rated:
        if key.rating.kind in (RUN, ENTITY) and key.rating.score > 0:
            return Choice(key.candidate.option, key.candidate.value, key.rating.reason)
    looked = f"{len(rated):,} identifiers looked at, none is a good session key"
    if seconds := window_length(sample):
        return Choice("every", float(seconds), f"{looked}: windows of time")
    size = min(100, max(10, sample.lines // _FEWEST_WINDOWS))
    return Choice("window", size, f"{looked}, and times do not tell: windows of lines")


def _time_with_lines(time: NDArray[np.int64]) -> int:
    """Return the span of times, in ms, without the few that are far from all others.

    Parameters
    ----------
    time : ndarray of int64, shape (n,)
        At least two.
    """
    ordered = np.sort(time)
    few = -(-len(ordered) // _FEW_OF) if len(ordered) >= _ENOUGH else 0
    low, high = ordered[few], ordered[-1 - few]
    if high > low:  # what the middle span does not reach, as far again on either side
        ordered = ordered[(ordered >= 2 * low - high) & (ordered <= 2 * high - low)]
    return int(ordered[-1] - ordered[0])


def window_length(sample: LogSample) -> int:
    """Return seconds for windows of time that hold some 50 lines each; 0 where there are no times.

    In a short log they hold fewer, so that there are forty of them. A few lines of a wrong clock,
    years from the others, do not count.
    """
    spans = lines = 0
    for source in range(len(sample.pieces)):
        times = [b.time[b.time != NO_TIME] for b in sample.batches if b.source == source]
        time = np.concatenate(times) if times else np.zeros(0, dtype=np.int64)
        if len(time) > 1:
            spans += _time_with_lines(time)
            lines += len(time)
    if 2 * lines < sample.lines or not spans:
        return 0
    return usual_length(spans, lines)


def usual_length(span: int, lines: int, fewest: int = _FEWEST_WINDOWS) -> int:
    """Return seconds for windows of some 50 lines each, fewer where there are not `fewest` of them.

    Parameters
    ----------
    span : int
        Milliseconds.
    lines, fewest : int

    Examples
    --------
    >>> usual_length(86_400_000, 100_000), usual_length(86_400_000, 500)
    (60, 1800)
    """
    wanted = min(_EVENTS_A_WINDOW * span / lines, span / fewest) / 1000
    return min(_LENGTHS, key=lambda seconds: abs(np.log(seconds / max(wanted, 1e-9))))
