"""Two logs, before and after: what is new, gone, or changed in rate, beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.decide import check_rate
from amiss.decide.one_side import chance_of_one_side, named_of, one_sided, places_of
from amiss.decide.rates import changed_rates
from amiss.errors import UsageError
from amiss.present.layout import counted
from amiss.represent.rate_table import (
    LogLines,
    came_in,
    count_by_stretch,
    stretch_of,
    stretches_of,
)
from amiss.represent.severity import CALM, severities
from amiss.run.differences import Counts, Differences, Judged, describe_differences
from amiss.run.log_diff import LogDiff, LogSide
from amiss.run.log_pair import Inputs, LogPair, read_pair
from amiss.types import NO_TIME, LogInfo

FALSE_ALARM_RATE = 0.01
"""Default chance that anything is named where nothing changed."""
MIN_RATIO = 1.2
"""Default of the least change of a rate that is named."""
LEAST_RATE = 0.0001
"""The number of permutations grows with one over the rate: here 200,000."""
_OF_RATES = 0.5
"""Share of the false-alarm rate that changed rates have."""
_OF_OTHERS = (1 - _OF_RATES) / 3
"""That each of new templates, those that are gone, and new transitions has."""
_FEWEST_STRETCHES = 8
_FEWEST_LONGER = 16
_ALIKE = 0.25
"""Stretches are doubled while neighbours are more alike, as a correlation, and so many are left."""
_REQUESTS = ("combined", "common")
"""Formats of access logs."""
_ALONE = "templates were compared, transitions were not"


def diff_logs(
    before: Inputs,
    after: Inputs,
    *,
    session_key: str | None = None,
    session_field: str | None = None,
    gap: float | None = None,
    format: str | None = None,  # noqa: A002 - the field's word, and the option's name
    since: int | None = None,
    until: int | None = None,
    mask: Sequence[str] = (),
    model: Any = None,
    false_alarm_rate: float = FALSE_ALARM_RATE,
    min_ratio: float = MIN_RATIO,
    random_state: int = 0,
    progress: Callable[[int], None] | None = None,
) -> LogDiff:
    r"""Say what changed from one log to another, such as before and after a deployment.

    Templates are mined from both logs together. Rates are shares of the lines of each log, so it
    does not matter which of them is longer or busier; what changed itself is left out of the lines
    that the others are compared with.

    Parameters
    ----------
    before, after : path-like, or sequence of path-like
        Files (plain or packed), folders, glob patterns, or ``-`` for standard input.
    session_key, session_field, gap
        What ties lines together, as `amiss.read_sessions` has it; found out by default. Where
        nothing does, transitions are not compared.
    format, since, until, mask
        As `amiss.read_sessions` has them, of both logs.
    model : Model, optional
        Its templates are used, with the names and corrections that users gave, and it groups and
        masks lines as it learnt to.
    false_alarm_rate : float
        Chance that anything at all is named where nothing changed.
    min_ratio : float
        Rates that change by a smaller factor are not named, however sure the change is.
    random_state : int
    progress : callable, optional
        Told the number of bytes read so far.

    Returns
    -------
    LogDiff

    Raises
    ------
    UsageError
        More than one grouping; or both logs are standard input.
    InputError
        A log cannot be read or is empty, or the two are in different formats.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> usual = [f"{step} job_{i}\n" for i in range(300) for step in ("open", "close")]
    >>> news = [f"{step} job_{i}\n" for i in range(300) for step in ("open", "wait", "close")]
    >>> _ = (folder / "before.log").write_text("".join(usual))
    >>> _ = (folder / "after.log").write_text("".join(news))
    >>> found = diff_logs(folder / "before.log", folder / "after.log")
    >>> found
    <LogDiff: 1 new, 0 gone, 0 changed in rate, 2 new transitions>
    >>> found.new[0].template, found.new[0].after
    ('wait job_<*>', 300)
    """
    check_rate(false_alarm_rate)
    if false_alarm_rate < LEAST_RATE:
        raise UsageError(
            f"false-alarm rate {false_alarm_rate:g}; expected {LEAST_RATE:g} or more: what is "
            "rarer would take too many random choices of the stretches to tell"
        )
    if not 1 <= min_ratio < float("inf"):
        raise UsageError(f"least ratio {min_ratio:g}; expected a number of 1 or more, such as 1.5")
    pair = read_pair(
        before,
        after,
        grouping=(session_key, session_field, gap),
        format=format,
        mask=mask,
        span=(since, until),
        model=model,
        progress=progress,
    )
    logs, miner, template = pair.logs, pair.miner, pair.template
    worst = np.zeros(len(miner))
    np.maximum.at(worst, template, severities(pair.texts, pair.levels))
    counts = _counted(logs, template, len(miner))
    differences = _compared(counts, worst > CALM, false_alarm_rate, min_ratio, random_state)
    described = describe_differences(differences, counts, logs, pair.infos, miner, worst > CALM)
    return LogDiff(
        before=_side(logs[0], pair.infos[0], counts.stretches[0]),
        after=_side(logs[1], pair.infos[1], counts.stretches[1]),
        **described,
        false_alarm_rate=false_alarm_rate,
        min_ratio=min_ratio,
        grouping=pair.grouping,
        why=pair.why,
        notes=_notes(pair, counts),
    )


def _counted(logs: list[LogLines], template: NDArray[np.int64], n: int) -> Counts:
    lines = (len(logs[0]), len(logs[1]))
    stretches = stretches_of(lines)
    events = [template[log.shape] for log in logs]
    where = [stretch_of(n_lines, k) for n_lines, k in zip(lines, stretches, strict=True)]
    # A pair is of the stretch that its second line is in.
    pairs = [own[log.before] * n + own[log.after] for own, log in zip(events, logs, strict=True)]
    known, codes = np.unique(np.concatenate(pairs), return_inverse=True)
    own = [codes[: len(pairs[0])], codes[len(pairs[0]) :]]
    rows = [log.after for log in logs]
    every: list[NDArray[np.integer]] = [np.arange(n_lines) for n_lines in lines]
    return Counts(
        events=events,
        stretches=stretches,
        by_stretch=[
            count_by_stretch(e, at, n, k) for e, at, k in zip(events, where, stretches, strict=True)
        ],
        stretches_with=_stretches_with(_came(events, every, lines, stretches), stretches, n),
        judged=_judged(events, every, lines, n),
        pairs=np.column_stack([known // n, known % n]),
        pair_codes=own,
        pair_counts=[np.bincount(codes, minlength=len(known)) for codes in own],
        pairs_with=_stretches_with(_came(own, rows, lines, stretches), stretches, len(known)),
        pairs_judged=_judged(own, rows, lines, len(known)),
    )


def _came(
    items: Sequence[NDArray[np.integer]],
    rows: Sequence[NDArray[np.integer]],
    lines: tuple[int, int],
    stretches: tuple[int, int],
) -> list[NDArray[np.int64]]:
    return [
        came_in(own, stretch_of(n, k)[at], k)
        for own, at, n, k in zip(items, rows, lines, stretches, strict=True)
    ]


def _stretches_with(
    came: list[NDArray[np.int64]], stretches: tuple[int, int], n: int
) -> list[NDArray[np.int64]]:
    return [np.bincount(codes // k, minlength=n) for codes, k in zip(came, stretches, strict=True)]


def _judged(
    items: Sequence[NDArray[np.integer]],
    rows: Sequence[NDArray[np.integer]],
    lines: tuple[int, int],
    n: int,
) -> Judged:
    """Double stretches until neighbours are hardly alike, and count places."""
    stretches = stretches_of(lines)
    while True:
        places = places_of(_came(items, rows, lines, stretches), stretches, n)
        fewer = stretches_of(lines, max(min(stretches) // 2, 1))
        if not places.sure or places.alike <= _ALIKE or min(fewer) < _FEWEST_LONGER:
            return Judged(stretches, places)
        stretches = fewer


def _compared(
    counts: Counts, alarming: NDArray[np.bool_], rate: float, min_ratio: float, seed: int
) -> Differences:
    """Judge what came in one log only, and the rates of what came in both."""
    n_before, n_after = counts.judged.stretches
    places = counts.judged.places.places
    before, after = counts.stretches_with
    came = before + after > 0
    both = (before > 0) & (after > 0)
    share = rate * _OF_OTHERS
    new_p, new, is_new = np.ones(len(before)), 0.0, np.zeros(len(before), dtype=np.bool_)
    # Alarming ones are a family of their own: other rare things do not hide them.
    for family in (came & alarming, came & ~alarming):
        found = one_sided(places[family], (before == 0)[family], n_after, n_before)
        new_p[family] = found.p_value
        is_new[family] = named_of(found.p_value, share / 2, rate)
        new += found.expected
    gone_p = np.ones(len(before))
    gone = one_sided(places[came], (after == 0)[came], n_before, n_after)
    gone_p[came] = gone.p_value
    n_before, n_after = counts.pairs_judged.stretches
    pairs = one_sided(
        counts.pairs_judged.places.places, counts.pair_counts[0] == 0, n_after, n_before
    )
    shown = np.flatnonzero(both)
    merged = np.concatenate(counts.by_stretch, axis=1)[shown]
    is_after = np.arange(merged.shape[1]) >= counts.by_stretch[0].shape[1]
    rates = changed_rates(
        merged,
        is_after,
        rate * _OF_RATES,
        min_ratio=min_ratio,
        # What is too rare to be told from chance would make it harder for all others.
        tested=_may_be_told(before + after, counts.stretches, rate * _OF_RATES)[shown],
        rng=np.random.default_rng(seed),
    )
    return Differences(
        new_p=new_p,
        gone_p=gone_p,
        pair_p=pairs.p_value,
        new=is_new,
        gone=named_of(gone_p, share, rate),
        pairs=named_of(pairs.p_value, share, rate),
        shown=shown,
        rates=rates,
        expected={"new": new, "gone": gone.expected, "transitions": pairs.expected},
    )


def _may_be_told(
    stretches: NDArray[np.int64], of_logs: tuple[int, int], rate: float
) -> NDArray[np.bool_]:
    """Return which items came in so many stretches that one log only would be beyond chance."""
    least = np.minimum(
        chance_of_one_side(stretches, of_logs[0], of_logs[1]),
        chance_of_one_side(stretches, of_logs[1], of_logs[0]),
    )
    return least <= rate


def _notes(pair: LogPair, counts: Counts) -> tuple[str, ...]:
    notes = []
    if not pair.grouping:
        notes.append(f"no identifier ties lines together: {_ALONE}; --session-key PATTERN says one")
    for name, log in zip(("before", "after"), pair.logs, strict=True):
        if pair.grouping and not log.sessions:
            notes.append(f"no line {name} has a session by {pair.grouping}: {_ALONE}")
    if min(counts.stretches) < _FEWEST_STRETCHES:
        shorter = min(len(log) for log in pair.logs)
        notes.append(
            f"{counted(shorter, 'line')} {'is' if shorter == 1 else 'are'} too few to tell a "
            "change from chance: what is in one log only is listed, nothing is an alarm"
        )
    longer = counts.judged.stretches
    if longer != counts.stretches:
        words = f"{longer[0]:,} and {longer[1]:,} longer stretches"
        notes.append(f"lines come in bursts: what is new or gone was judged by {words}")
    if counts.judged.places.sure and counts.judged.places.alike > _ALIKE:
        notes.append(
            "bursts last for a sixteenth of a log or longer, so false alarms may be more than "
            "stated: compare longer logs"
        )
    if any(info.format in _REQUESTS for info in pair.infos):
        notes.append(
            "requests of an access log are nearly all one template: their status, path and size "
            "are not compared; amiss scan looks at its clients"
        )
    return tuple(notes)


def _side(log: LogLines, info: LogInfo, stretches: int) -> LogSide:
    known = log.time[log.time != NO_TIME]
    side = LogSide(
        info.sources, info.format, len(log), log.sessions, NO_TIME, NO_TIME, stretches, info.notes
    )
    if not len(known):
        return side
    return replace(side, start=int(known.min()), end=int(known.max()))
