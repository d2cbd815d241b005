"""Two logs, before and after: what is new, gone, or changed in rate, beyond chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from amiss.decide import check_rate
from amiss.decide.rates import changed_rates, one_sided
from amiss.errors import InputError, UsageError
from amiss.read.formats import FORMATS, STRUCTURED
from amiss.read.records import RecordReader
from amiss.read.sources import PathLike, Source, find_sources
from amiss.read.structured import StructuredReader, usual_key
from amiss.read.tables import recognise_table
from amiss.represent.grouping import GROUPINGS, Grouping
from amiss.represent.rate_table import (
    LogLines,
    collect_lines,
    count_by_stretch,
    stretch_of,
    stretches_of,
    stretches_with,
)
from amiss.represent.sessions import KindShapes
from amiss.represent.severity import CALM, severities
from amiss.represent.templates import TemplateMiner
from amiss.run.differences import Counts, Differences, describe_differences
from amiss.run.discovery import discover_keys, usual_choice
from amiss.run.log_diff import LogDiff, LogSide
from amiss.run.row_ingest import looks_like
from amiss.run.sample import LogSample, take_sample
from amiss.types import NO_TIME, LogInfo

FALSE_ALARM_RATE = 0.01
"""Default chance that anything is named where nothing changed."""
MIN_RATIO = 1.2
"""Default of the least change of a rate that is named."""
_FAMILIES = 4
"""New, gone, changed in rate, new transitions: each has its share of the false-alarm rate."""
_FEWEST_STRETCHES = 8
_ALONE = "templates were compared, transitions were not"

Inputs = PathLike | Sequence[PathLike]


class _Way(NamedTuple):
    """How lines are tied together: an argument of `amiss.read_sessions`, its value, and why."""

    option: str
    value: str | float
    why: str = ""


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
    if _is_stdin(before) and _is_stdin(after):
        raise UsageError("both logs are -; standard input holds one, name a file for the other")
    sides = [find_sources(before), find_sources(after)]
    way, format, mask = _settled(  # noqa: A001 - the option's name
        sides, (session_key, session_field, gap), format, mask, model
    )
    selection: dict[str, Any] = {"since": since, "until": until, "mask": mask}
    shapes: KindShapes | None = None
    logs: list[LogLines] = []
    readers: list[RecordReader | StructuredReader] = []
    notes: list[str] = []
    for sources in sides:
        done = readers[0].report.bytes if readers else 0
        reader = _reader(sources, format, way, selection, _further(progress, done))
        batches = iter(reader)
        first = next(batches)
        if way is None and isinstance(reader, StructuredReader) and not readers:
            usual = usual_key(first)
            way = None if usual is None else _Way("session_key", usual.session_key, "usual")
        if shapes is None:
            shapes = KindShapes(masked=_given(reader))
        grouping = None if way is None else GROUPINGS[way.option](way.value)
        logs.append(collect_lines(chain([first], batches), shapes, grouping))
        readers.append(reader)
    assert shapes is not None  # noqa: S101 - there are two sides
    _check_formats(readers)
    miner, template = _templates(shapes, model, exact=_given(readers[0]))
    worst = np.zeros(len(miner))
    np.maximum.at(worst, template, severities(shapes.table.texts, shapes.table.levels))
    counts = _counted(logs, template, len(miner))
    notes += _notes(logs, counts, way, grouping)
    differences = _compared(counts, worst > CALM, false_alarm_rate, min_ratio, random_state)
    infos = [_info(reader, mask) for reader in readers]
    described = describe_differences(differences, counts, logs, infos, miner, worst > CALM)
    return LogDiff(
        before=_side(logs[0], infos[0], counts.stretches[0]),
        after=_side(logs[1], infos[1], counts.stretches[1]),
        **described,
        false_alarm_rate=false_alarm_rate,
        min_ratio=min_ratio,
        grouping="" if grouping is None else grouping.description,
        why="" if way is None else way.why,
        notes=tuple(notes),
    )


def _is_stdin(inputs: Inputs) -> bool:
    return inputs == "-" or (not isinstance(inputs, str) and isinstance(inputs, Sequence)
                             and "-" in inputs)  # fmt: skip


def _settled(
    sides: list[list[Source]],
    given: tuple[str | None, str | None, float | None],
    format: str | None,  # noqa: A002 - the option's name
    mask: Sequence[str],
    model: Any,
) -> tuple[_Way | None, str | None, Sequence[str]]:
    """Return what ties lines together, the format and the masks, as given, learnt, or found out."""
    named = [
        _Way(name, value)
        for name, value in zip(("session_key", "session_field", "gap"), given, strict=True)
        if value is not None
    ]
    if len(named) > 1:
        raise UsageError("give only one of session key, session field and gap")
    way = named[0] if named else None
    if model is not None:
        info = model.info
        mask = mask or tuple(info.get("mask", ()))
        if format is None and "(?P<" in info["format"]:  # a pattern, recognised nowhere
            format = info["format"]  # noqa: A001 - the option's name
        option, value = info.get("option", ("", ""))
        if way is None and option in ("session_key", "session_field", "gap"):
            way = _Way(option, value, "as the model learnt it")
    for sources in sides:
        layout = recognise_table(sources[0], format, grouped=way is not None)
        if layout == STRUCTURED:
            return way, format, mask
        if layout is not None:
            raise UsageError(
                f"{sources[0].name}: a table ({layout} format), whose rows are no lines; give logs"
            )
    samples = [take_sample(sources, format, mask=mask) for sources in sides]
    if way is None:
        way = _found(max(samples, key=_size), format)
    return way, format, mask


def _size(sample: LogSample) -> int:
    return sum(source.path.stat().st_size for source in sample.sources)


def _found(sample: LogSample, format: str | None) -> _Way | None:  # noqa: A002
    """Return what ties the lines of a log together; None: nothing does."""
    if sample.format.name == FORMATS[-1].name and format is None:
        what = looks_like([source.path for source in sample.sources])
        if what is not None:
            raise UsageError(f"{sample.sources[0].name}: holds {what}, not a log")
    choice = usual_choice(sample) or discover_keys(sample).choice
    if choice.option in ("session_key", "session_field"):
        return _Way(*choice)
    if choice.option == "by":
        return _Way("session_field", choice.value, choice.reason)
    return None


def _reader(
    sources: list[Source],
    format: str | None,  # noqa: A002 - the option's name
    way: _Way | None,
    selection: dict[str, Any],
    progress: Callable[[int], None] | None,
) -> RecordReader | StructuredReader:
    fields = [str(way.value)] if way is not None and way.option == "session_field" else []
    if recognise_table(sources[0], format, grouped=True) == STRUCTURED:
        if any(selection.values()):
            raise UsageError(
                f"{sources[0].name} is a table: since, until and mask are for raw logs; leave them "
                "out"
            )
        return StructuredReader(sources, fields=fields, progress=progress)
    return RecordReader(sources, format=format, fields=fields, progress=progress, **selection)


def _given(reader: RecordReader | StructuredReader) -> bool:
    """Return whether events are templates already."""
    return isinstance(reader, StructuredReader) and reader.templates_given


def _further(progress: Callable[[int], None] | None, before: int) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(before + done)


def _check_formats(readers: list[RecordReader | StructuredReader]) -> None:
    before, after = (reader.format_name for reader in readers)
    if before != after:
        names = [reader.sources[0].name for reader in readers]
        raise InputError(
            f"{names[0]} is in the {before} format, {names[1]} in the {after} format, so their "
            f"messages cannot be compared; give logs of one format, or --format {before} to read "
            "both so"
        )


def _templates(
    shapes: KindShapes, model: Any, *, exact: bool
) -> tuple[TemplateMiner, NDArray[np.int64]]:
    """Return the templates of both logs, and that of each shape."""
    texts = shapes.table.texts
    if model is None:
        miner = TemplateMiner(exact=exact)
        return miner, miner.add(texts)
    from amiss.run.templates import miner_of

    known = miner_of(model)
    if known.is_exact != exact:
        kinds = ("lines of a log", "a table of templates")
        raise InputError(
            f"the model learnt from {kinds[known.is_exact]}, and these are {kinds[exact]}; leave "
            "the model out"
        )
    template, miner = known.extended(texts)
    return miner, template


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
    share = rate / _FAMILIES
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
        share,
        min_ratio=min_ratio,
        # What is too rare to be told from chance would make it harder for all others.
        tested=one_sided_may(before + after, counts.stretches, share)[shown],
        rng=np.random.default_rng(seed),
    )
    return Differences(
        new_p=new_p,
        gone_p=gone_p,
        pair_p=pairs.p_value,
        shown=shown,
        rates=rates,
        share=share,
        expected={"new": new, "gone": gone.expected, "transitions": pairs.expected},
    )


def one_sided_may(
    stretches: NDArray[np.int64], of_logs: tuple[int, int], share: float
) -> NDArray[np.bool_]:
    """Return which items came in so many stretches that one log only would be beyond chance."""
    from amiss.decide.rates import chance_of_one_side

    least = np.minimum(
        chance_of_one_side(stretches, of_logs[0], of_logs[1]),
        chance_of_one_side(stretches, of_logs[1], of_logs[0]),
    )
    return least <= share


def _notes(
    logs: list[LogLines], counts: Counts, way: _Way | None, grouping: Grouping | None
) -> list[str]:
    notes = []
    if way is None:
        notes.append(f"no identifier ties lines together: {_ALONE}; --session-key PATTERN says one")
    for name, log in zip(("before", "after"), logs, strict=True):
        if grouping is not None and not log.sessions:
            notes.append(f"no line {name} has a session by {grouping.description}: {_ALONE}")
    if min(counts.stretches) < _FEWEST_STRETCHES:
        shorter = min(len(log) for log in logs)
        notes.append(
            f"{shorter:,} lines are too few to tell a change from chance: what is in one log only "
            "is listed, nothing is an alarm"
        )
    return notes


def _info(reader: RecordReader | StructuredReader, mask: Sequence[str]) -> LogInfo:
    report = reader.report
    counted = [f"{what}: {count:,}" for what, count in report.counts.items()]
    return LogInfo(
        sources=tuple(source.name for source in reader.sources),
        paths=tuple(str(source.path) for source in reader.sources),
        format=reader.format_name,
        lines=report.lines,
        notes=(*counted, *report.notes, *report.damage),
        mask=tuple(mask),
    )


def _side(log: LogLines, info: LogInfo, stretches: int) -> LogSide:
    known = log.time[log.time != NO_TIME]
    side = LogSide(
        info.sources, info.format, len(log), log.sessions, NO_TIME, NO_TIME, stretches, info.notes
    )
    if not len(known):
        return side
    return replace(side, start=int(known.min()), end=int(known.max()))
