"""Two logs read alike: one format, one grouping, one table of templates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError, UsageError
from amiss.read.formats import FORMATS, STRUCTURED
from amiss.read.records import RecordReader
from amiss.read.sources import PathLike, Source, find_sources
from amiss.read.structured import StructuredReader, usual_key
from amiss.read.tables import recognise_table
from amiss.represent.grouping import GROUPINGS
from amiss.represent.rate_table import LogLines, collect_lines
from amiss.represent.sessions import KindShapes
from amiss.represent.templates import TemplateMiner
from amiss.run.discovery import discover_keys, usual_choice
from amiss.run.row_ingest import looks_like
from amiss.run.sample import LogSample, take_sample
from amiss.run.templates import miner_of
from amiss.types import LogInfo

Inputs: TypeAlias = PathLike | Sequence[PathLike]
_Reader: TypeAlias = RecordReader | StructuredReader


@dataclass(frozen=True, slots=True)
class LogPair:
    """Two logs, before and after.

    Attributes
    ----------
    logs : list of LogLines
    infos : list of LogInfo
        Files, format and notes of each.
    miner : TemplateMiner
        Mined from both together.
    template : ndarray of int64, shape (n_shapes,)
        Of each shape.
    texts, levels : list of str
        Of each shape.
    grouping, why : str
        What ties lines together, and why; empty where nothing does.
    """

    logs: list[LogLines]
    infos: list[LogInfo]
    miner: TemplateMiner
    template: NDArray[np.int64]
    texts: list[str]
    levels: list[str]
    grouping: str
    why: str


class _Way(NamedTuple):
    """How lines are tied together: an argument of `amiss.read_sessions`, its value, and why."""

    option: str
    value: str | float
    why: str = ""


def read_pair(
    before: Inputs,
    after: Inputs,
    *,
    grouping: tuple[str | None, str | None, float | None],
    format: str | None,  # noqa: A002 - the option's name
    mask: Sequence[str],
    span: tuple[int | None, int | None],
    model: Any,
    progress: Callable[[int], None] | None,
) -> LogPair:
    """Read two logs alike.

    Parameters
    ----------
    grouping : tuple
        Session key, session field and gap, as `amiss.read_sessions` has them; one at most.
    span : tuple
        Since and until.
    before, after, format, mask, model, progress
        As `amiss.diff_logs` has them.
    """
    if _is_stdin(before) and _is_stdin(after):
        raise UsageError("both logs are -; standard input holds one, name a file for the other")
    sides = [find_sources(before), find_sources(after)]
    way, format, mask = _settled(sides, grouping, format, mask, model)  # noqa: A001 - the option's name
    selection: dict[str, Any] = {"since": span[0], "until": span[1], "mask": mask}
    shapes: KindShapes | None = None
    logs: list[LogLines] = []
    readers: list[_Reader] = []
    description = ""
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
        ties = None if way is None else GROUPINGS[way.option](way.value)
        description = "" if ties is None else ties.description
        readers.append(reader)
        logs.append(collect_lines(chain([first], batches), shapes, ties))
    assert shapes is not None  # noqa: S101 - there are two sides
    _check_formats(readers)
    miner, template = _templates(shapes, model, exact=_given(readers[0]))
    return LogPair(
        logs=logs,
        infos=[_info(reader, mask) for reader in readers],
        miner=miner,
        template=template,
        texts=shapes.table.texts,
        levels=shapes.table.levels,
        grouping=description,
        why="" if way is None else way.why,
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
) -> _Reader:
    fields = [str(way.value)] if way is not None and way.option == "session_field" else []
    if recognise_table(sources[0], format, grouped=True) == STRUCTURED:
        if any(selection.values()):
            raise UsageError(
                f"{sources[0].name} is a table: since, until and mask are for raw logs; leave them "
                "out"
            )
        return StructuredReader(sources, fields=fields, progress=progress)
    return RecordReader(sources, format=format, fields=fields, progress=progress, **selection)


def _given(reader: _Reader) -> bool:
    """Return whether events are templates already."""
    return isinstance(reader, StructuredReader) and reader.templates_given


def _further(progress: Callable[[int], None] | None, before: int) -> Callable[[int], None] | None:
    return None if progress is None else lambda done: progress(before + done)


def _check_formats(readers: list[_Reader]) -> None:
    before, after = (reader.format_name for reader in readers)
    if before != after:
        names = [reader.sources[0].name for reader in readers]
        # A table is read by its columns or not at all.
        both = (
            ""
            if STRUCTURED in (before, after)
            else (f", or --format {FORMATS[-1].name} to read both without times and levels")
        )
        raise InputError(
            f"{names[0]} is in the {before} format, {names[1]} in the {after} format, so their "
            f"messages cannot be compared; give logs of one format{both}"
        )


def _templates(
    shapes: KindShapes, model: Any, *, exact: bool
) -> tuple[TemplateMiner, NDArray[np.int64]]:
    """Return the templates of both logs, and that of each shape."""
    texts = shapes.table.texts
    if model is None:
        miner = TemplateMiner(exact=exact)
        return miner, miner.add(texts)
    known = miner_of(model)
    if known.is_exact != exact:
        kinds = ("lines of a log", "a table of templates")
        raise InputError(
            f"the model learnt from {kinds[known.is_exact]}, and these are {kinds[exact]}; leave "
            "the model out"
        )
    template, miner = known.extended(texts)
    return miner, template


def _info(reader: _Reader, mask: Sequence[str]) -> LogInfo:
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
