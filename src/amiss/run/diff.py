"""Two logs, before and after: what is new, gone, or changed in rate, beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.decide import check_rate
from amiss.decide.rates import chance_of_one_side, changed_rates, one_sided
from amiss.errors import UsageError
from amiss.represent.rate_table import (
    LogLines,
    count_by_stretch,
    stretch_of,
    stretches_of,
    stretches_with,
)
from amiss.represent.severity import CALM, severities
from amiss.run.differences import Counts, Differences, describe_differences
from amiss.run.log_diff import LogDiff, LogSide
from amiss.run.log_pair import Inputs, LogPair, read_pair
from amiss.types import NO_TIME, LogInfo

FALSE_ALARM_RATE = 0.01
"""Default chance that anything is named where nothing changed."""
MIN_RATIO = 1.2
"""Default of the least change of a rate that is named."""
_OF_RATES = 0.5
"""Share of the false-alarm rate that changed rates have."""
_OF_OTHERS = (1 - _OF_RATES) / 3
"""That each of new templates, those that are gone, and new transitions has."""
_FEWEST_STRETCHES = 8
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
        Files (plain, gzip or zstandard), folders, glob patterns, or ``-`` for standard input.
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
    if not min_ratio >= 1:
        raise UsageError(f"min_ratio of {min_ratio:g}; expected 1 or more, such as 1.5")
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
    stretches = stretches_of((len(logs[0]), len(logs[1])))
    events = [template[log.shape] for log in logs]
    where = [stretch_of(len(log), k) for log, k in zip(logs, stretches, strict=True)]
    # A pair is of the stretch that its second line is in.
    pairs = [own[log.before] * n + own[log.after] for own, log in zip(events, logs, strict=True)]
    known, codes = np.unique(np.concatenate(pairs), return_inverse=True)
    own = [codes[: len(pairs[0])], codes[len(pairs[0]) :]]
    return Counts(
        events=events,
        stretches=stretches,
        by_stretch=[
            count_by_stretch(e, at, n, k) for e, at, k in zip(events, where, stretches, strict=True)
        ],
        stretches_with=[
            stretches_with(e, at, n, k) for e, at, k in zip(events, where, stretches, strict=True)
        ],
        pairs=np.column_stack([known // n, known % n]),
        pair_codes=own,
        pair_counts=[np.bincount(codes, minlength=len(known)) for codes in own],
        pairs_with=[
            stretches_with(codes, at[log.after], len(known), k)
            for codes, log, at, k in zip(own, logs, where, stretches, strict=True)
        ],
    )


def _compared(
    counts: Counts, alarming: NDArray[np.bool_], rate: float, min_ratio: float, seed: int
) -> Differences:
    """Judge what came in one log only, and the rates of what came in both."""
    n_before, n_after = counts.stretches
    before, after = counts.stretches_with
    came = before + after > 0
    both = (before > 0) & (after > 0)
    new_p, new = np.ones(len(before)), 0.0
    # Alarming ones are a family of their own: other rare things do not hide them.
    for family in (came & alarming, came & ~alarming):
        found = one_sided((before + after)[family], (before == 0)[family], n_after, n_before)
        new_p[family] = np.minimum(2 * found.p_value, 1.0)
        new += found.expected
    gone_p = np.ones(len(before))
    gone = one_sided((before + after)[came], (after == 0)[came], n_before, n_after)
    gone_p[came] = gone.p_value
    pairs_before, pairs_after = counts.pairs_with
    pairs = one_sided(pairs_before + pairs_after, pairs_before == 0, n_after, n_before)
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
        shown=shown,
        rates=rates,
        share=rate * _OF_OTHERS,
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
            f"{shorter:,} lines are too few to tell a change from chance: what is in one log only "
            "is listed, nothing is an alarm"
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
