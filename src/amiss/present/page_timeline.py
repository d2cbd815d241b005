"""The timeline of the page: scores over time with the threshold, and the volume, as inline SVG."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from amiss.present.layout import counted, plural, scored, shown_score
from amiss.present.page_shell import text

_SCORE, _VOLUME, _AXIS, _LANE = 120, 54, 26, 14
"""Heights: of the scores, of the volume, of the axis below, of an incident."""
_LEFT, _RIGHT, _TOP, _APART = 46, 10, 24, 30
_FLOOR = _TOP + _SCORE + _APART + _VOLUME
_POINT = "Point at the drawing for its numbers."
_MOST_LANES = 8
_MOST_ROWS = 40
"""Rows of the table that says the same."""
_CAPPED = 25
"""Scores beyond so many thresholds are drawn as high as that: the threshold must be seen."""
_WIDE, _NARROW = (1140, 240, 110), (340, 60, 85)
"""Width, bins, and width between ticks: of a desk and of a phone."""
_SECOND, _MINUTE, _HOUR, _DAY = 1000, 60_000, 3_600_000, 86_400_000
_STEPS = (
    1, 10, 100, _SECOND, 5 * _SECOND, 15 * _SECOND, 30 * _SECOND, _MINUTE, 5 * _MINUTE,
    15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 7 * _DAY,
    14 * _DAY, 30 * _DAY, 90 * _DAY, 365 * _DAY, 3650 * _DAY,
)  # fmt: skip


_Lanes = list[tuple[int, list[int]]]
"""The rank of an incident, and times."""


class _Bins(NamedTuple):
    start: int
    width: int
    events: list[int]
    score: list[float | None]
    flagged: list[int]


def timeline(summary: dict[str, Any]) -> str:
    """Return the timeline as HTML, for wide and for narrow screens, with a table of the same.

    Parameters
    ----------
    summary : dict
        The schema ``amiss.findings/1``; without a ``histogram`` there is no timeline.
    """
    bins = _bins(summary["histogram"])
    if bins is None:
        return ""
    unit, threshold = scored(summary["source"]["unit"]), summary["threshold"]["value"]
    lanes, said = _lanes(summary), _in_words(bins, unit, threshold)
    drawn = "".join(
        f'<div class="{name}">'
        f"{_svg(_axes(_merged(bins, most), width, threshold), apart, threshold, lanes, said)}</div>"
        for name, (width, most, apart) in (("broad", _WIDE), ("slim", _NARROW))
    )
    below = "; below, when findings of the incidents begin, by number" if lanes else ""
    return (
        '<section id="timeline" aria-labelledby="timeline-title">'
        '<h2 id="timeline-title">Timeline</h2><figure class="panel timeline">'
        f'{drawn}<p class="readout for-script" aria-hidden="true">{_POINT}</p>'
        f"<figcaption>Above, the highest score of the {text(plural(unit))} that end in each "
        f"{text(_length(bins.width))}; beyond the threshold it is "
        '<span class="key">coloured and has a tip</span>. In the middle, how many events there '
        f"are{below}. Times are those of the log, in UTC.</figcaption>"
        f"{_table(bins, unit)}</figure></section>"
    )


def timeline_values(summary: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the script reads out below the timeline, by bin; times in milliseconds."""
    bins = _bins(summary["histogram"])
    if bins is None:
        return None
    scores = [None if score is None else float(f"{score:.5g}") for score in bins.score]
    return {**bins._asdict(), "score": scores}


def _bins(histogram: dict[str, Any] | None) -> _Bins | None:
    if not histogram or not histogram["events"]:
        return None
    return _Bins(
        _millis(histogram["start"]),
        max(1, round(histogram["bin_seconds"] * 1000)),
        histogram["events"],
        histogram["score"],
        histogram["flagged"],
    )


class _Axes(NamedTuple):
    """Where times and scores stand in a drawing of some width."""

    bins: _Bins
    width: int
    low: float
    high: float

    @property
    def room(self) -> int:
        return self.width - _LEFT - _RIGHT

    @property
    def step(self) -> float:
        return self.room / len(self.bins.events)

    def x(self, time: float) -> float:
        past = (time - self.bins.start) / (self.bins.width * len(self.bins.events))
        return _LEFT + self.room * min(1.0, max(0.0, past))

    def y(self, score: float) -> float:
        share = (min(score, self.high) - self.low) / ((self.high - self.low) or 1.0)
        return _TOP + _SCORE * (1 - share)


def _axes(bins: _Bins, width: int, threshold: float | None) -> _Axes:
    known = [score for score in bins.score if score is not None]
    limit = threshold if threshold is not None else 0.0
    high = max([limit * 1.2 if limit > 0 else 1.0, *known])
    if limit > 0:
        high = min(high, _CAPPED * limit)
    return _Axes(bins, width, min(0.0, min(known, default=0.0)), high)


def _svg(axes: _Axes, apart: int, threshold: float | None, lanes: _Lanes, said: str) -> str:
    height = _FLOOR + _AXIS + (_LANE * len(lanes) + 4 if lanes else 0)
    parts = [
        *_scores(axes, threshold),
        *_volume(axes),
        *_limit(axes, threshold),
        *_ticks(axes, apart),
        *_drawn_lanes(axes, lanes),
        f'<rect class="spot" x="{_LEFT}" y="{_TOP}" width="0" height="{_FLOOR - _TOP}"/>',
    ]
    return (
        f'<svg viewBox="0 0 {axes.width} {height}" role="img" aria-label="{text(said)}" '
        f'data-left="{_LEFT}" data-room="{axes.room}">{"".join(parts)}</svg>'
    )


def _scores(axes: _Axes, threshold: float | None) -> Iterator[str]:
    """Yield a bar for each highest score; those beyond the threshold have a colour and a tip."""
    base, step = _TOP + _SCORE, axes.step
    wide = max(0.8, step - (1 if step > 3 else 0.2))
    calm, odd = [], []
    for at, score in enumerate(axes.bins.score):
        if score is None:
            continue
        left, top = _LEFT + at * step, axes.y(score)
        bar = f"M{left:.1f} {base}V{top:.1f}h{wide:.1f}V{base}z"
        if threshold is not None and score > threshold:
            tip = f"M{left + wide / 2 - 3:.1f} {top - 2:.1f}h6l-3 -5z"
            odd.append(bar + tip)
        else:
            calm.append(bar)
    yield f'<path class="grid" d="M{_LEFT} {base}h{axes.room}"/>'
    yield f'<path class="calm" d="{"".join(calm)}"/><path class="odd" d="{"".join(odd)}"/>'
    yield _label(0, 10, "score", "start")
    yield _label(_LEFT - 6, axes.y(axes.high) + 4, shown_score(axes.high), "end")
    if axes.low < 0 < axes.high:
        yield _label(_LEFT - 6, axes.y(0) + 4, "0", "end")


def _volume(axes: _Axes) -> Iterator[str]:
    most, step = max(axes.bins.events) or 1, axes.step
    wide = max(0.8, step - (1 if step > 3 else 0.2))
    bars = "".join(
        f"M{_LEFT + at * step:.1f} {_FLOOR}v-{_VOLUME * count / most:.1f}h{wide:.1f}V{_FLOOR}z"
        for at, count in enumerate(axes.bins.events)
        if count
    )
    yield f'<path class="volume" d="{bars}"/><path class="grid" d="M{_LEFT} {_FLOOR}h{axes.room}"/>'
    yield _label(0, _FLOOR - _VOLUME - 8, "events", "start")
    yield _label(_LEFT - 6, _FLOOR - _VOLUME + 7, _short(most), "end")
    yield _label(_LEFT - 6, _FLOOR, "0", "end")


def _limit(axes: _Axes, threshold: float | None) -> Iterator[str]:
    if threshold is None:
        return
    y, said = axes.y(threshold), f"threshold {shown_score(threshold)}"
    yield f'<path class="limit" d="M{_LEFT} {y:.1f}h{axes.room}"/>'
    # Above the drawing, where no bar hides it.
    yield f'<path class="limit" d="M{axes.width - _RIGHT - 104} 6.5h18"/>'
    yield _label(axes.width - _RIGHT, 10, said, "end")


def _ticks(axes: _Axes, apart: int) -> Iterator[str]:
    last = -1e9
    for time, said, is_day in _times(axes.bins, axes.room / apart):
        x = axes.x(time)
        yield f'<path class="grid" d="M{x:.1f} {_FLOOR}v4"/>'
        if x - last > apart * 0.6 and x < axes.width - 30:
            kind = "label day" if is_day else "label"
            at = f'x="{x:.1f}" y="{_FLOOR + 17}" text-anchor="middle"'
            yield f'<text class="{kind}" {at}>{said}</text>'
            last = x


def _drawn_lanes(axes: _Axes, lanes: _Lanes) -> Iterator[str]:
    """Yield a line for each incident, with a mark where findings of it begin."""
    for row, (rank, times) in enumerate(lanes):
        y = _FLOOR + _AXIS + _LANE * row + 8
        places = sorted({round(axes.x(time)) for time in times})
        marks = "".join(f"M{x} {y - 4}v8" for x in places)
        yield _label(_LEFT - 6, y + 4, str(rank), "end")
        yield f'<path class="grid" d="M{_LEFT} {y}h{axes.room}"/>'
        yield f'<path class="span" d="M{places[0]} {y}H{places[-1]}"/>'
        yield f'<path class="lane" d="{marks}"/>'


def _lanes(summary: dict[str, Any]) -> _Lanes:
    """Return the rank of the worst incidents and when their findings begin."""
    starts: dict[str, list[int]] = {}
    for finding in summary["findings"]:
        if finding["start"] and finding["incident"]:
            starts.setdefault(finding["incident"], []).append(_millis(finding["start"]))
    ranked = [
        (rank, starts[incident["id"]])
        for rank, incident in enumerate(summary["incidents"], 1)
        if incident["id"] in starts
    ]
    return ranked[:_MOST_LANES]


def _label(x: float, y: float, said: str, anchor: str) -> str:
    return f'<text class="label" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{said}</text>'


def _merged(bins: _Bins, most: int) -> _Bins:
    """Return at most `most` bins."""
    size = -(-len(bins.events) // most)
    parts = [slice(at, at + size) for at in range(0, len(bins.events), size)]
    scores = [[s for s in bins.score[part] if s is not None] for part in parts]
    return _Bins(
        bins.start,
        bins.width * size,
        [sum(bins.events[part]) for part in parts],
        [max(found, default=None) for found in scores],
        [sum(bins.flagged[part]) for part in parts],
    )


def _times(bins: _Bins, most: float) -> Iterator[tuple[int, str, bool]]:
    """Yield times that people read easily, what they are called, and whether that is a date."""
    start, span = bins.start, bins.width * len(bins.events)
    step = next((s for s in _STEPS if span / s <= most), _STEPS[-1])
    day = None
    for time in range(-(-start // step) * step, start + span, step):
        moment = _moment(time)
        if step >= _DAY:
            yield time, f"{moment:%Y-%m-%d}", True
        elif moment.date() != day:
            yield time, f"{moment:%m-%d %H:%M}", True
        else:
            yield time, f"{moment:%H:%M}" if step >= _MINUTE else f"{moment:%H:%M:%S}", False
        day = moment.date()


def _in_words(bins: _Bins, unit: str, threshold: float | None) -> str:
    known = [score for score in bins.score if score is not None]
    odd = [at for at, count in enumerate(bins.flagged) if count]
    said = (
        f"{counted(sum(bins.events), 'event')} in {counted(len(bins.events), 'part')} of "
        f"{_length(bins.width)} each; highest score {shown_score(max(known, default=0.0))}"
    )
    if threshold is not None:
        said += f", threshold {shown_score(threshold)}"
    if not odd:
        return f"{said}; no part has a flagged {unit}"
    first, last = (_moment(bins.start + at * bins.width) for at in (odd[0], odd[-1]))
    return (
        f"{said}; {len(odd):,} of them have flagged {plural(unit)}, the first "
        f"{first:%Y-%m-%d %H:%M}, the last {last:%Y-%m-%d %H:%M}"
    )


def _table(bins: _Bins, unit: str) -> str:
    odd = [at for at, count in enumerate(bins.flagged) if count]
    if not odd:
        return ""
    worst = sorted(sorted(odd, key=lambda at: -bins.flagged[at])[:_MOST_ROWS])
    rows = "".join(
        f"<tr><td>{_moment(bins.start + at * bins.width):%Y-%m-%d %H:%M:%S}</td>"
        f'<td class="right">{bins.events[at]:,}</td>'
        f'<td class="right">{"" if (s := bins.score[at]) is None else shown_score(s)}</td>'
        f'<td class="right">{bins.flagged[at]:,}</td></tr>'
        for at in worst
    )
    title = f"The {len(worst)} of {len(odd)} parts with most flagged {text(plural(unit))}"
    if len(worst) == len(odd):
        title = f"The {len(odd)} parts with flagged {text(plural(unit))}"
    return (
        f"<details><summary>{title}, as a table</summary><table><thead><tr><th>begins</th>"
        '<th class="right">events</th><th class="right">highest score</th>'
        f'<th class="right">flagged</th></tr></thead><tbody>{rows}</tbody></table></details>'
    )


def _moment(millis: int) -> datetime:
    return datetime.fromtimestamp(millis / 1000, UTC)


def _millis(time: str) -> int:
    return round(datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp() * 1000)


def _length(millis: int) -> str:
    """Return a length of time in words.

    Examples
    --------
    >>> _length(600_000), _length(3_600_000), _length(86_400_000), _length(250)
    ('10 minutes', 'hour', 'day', '0.25 seconds')
    """
    for noun, size in (("day", _DAY), ("hour", _HOUR), ("minute", _MINUTE)):
        if millis % size == 0:
            count = millis // size
            return noun if count == 1 else f"{count:,} {noun}s"
    seconds = millis / _SECOND
    return "second" if seconds == 1 else f"{seconds:g} seconds"


def _short(count: int) -> str:
    """Return a count in at most five characters.

    Examples
    --------
    >>> [_short(count) for count in (999, 1247, 25_300, 3_456_789)]
    ['999', '1.2k', '25k', '3.5M']
    """
    for sign, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            scaled = count / size
            return f"{scaled:.1f}{sign}" if scaled < 10 else f"{scaled:.0f}{sign}"
    return str(count)
