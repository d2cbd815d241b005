"""The templates of a fitted model: what they are, in a log too, and how users correct them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from amiss.errors import UsageError
from amiss.read.records import RecordReader
from amiss.represent.shapes import ShapeTable
from amiss.represent.templates import TemplateMiner
from amiss.run.pipeline import Model


@dataclass(frozen=True, slots=True)
class TemplateEntry:
    """One template of a model.

    Attributes
    ----------
    id : int
        Stays the same in this model, and in models fitted with its templates.
    text : str
        What all its lines have in common; ``<*>`` stands for the rest.
    count : int or None
        Events that the model learnt from; None if it did not count them.
    name : str or None
        What a user calls it.
    merged : tuple of int
        Templates that a user merged into it.
    seen : int or None
        Lines of the log that was given; None without one.
    example : str or None
        The first of them, as logged.
    """

    id: int
    text: str
    count: int | None = None
    name: str | None = None
    merged: tuple[int, ...] = ()
    seen: int | None = None
    example: str | None = None


def list_templates(
    model: Any, logs: str | PathLike[str] | Sequence[str | PathLike[str]] | None = None
) -> list[TemplateEntry]:
    """Return the templates of a model by id; those merged into another stand with it.

    Parameters
    ----------
    model : Model or RowModel
        A model of a log.
    logs : path-like, or sequence of path-like, optional
        Lines of each template are counted there, and the first is its example. Templates that the
        model does not have come last, with ids beyond its own. A model holds no lines.

    Raises
    ------
    UsageError
        The model is of tables or images, which have no templates.

    Examples
    --------
    >>> import polars as pl
    >>> from amiss import Sessions, fit
    >>> rows = pl.DataFrame({"session": list("abc"), "event": ["open <*>", "open <*>", "shut"]})
    >>> model = fit(Sessions.from_frame(rows), detector="event-counts")
    >>> [(entry.id, entry.text) for entry in list_templates(model)]
    [(0, 'open <*>'), (1, 'shut')]
    """
    miner = miner_of(model)
    known = len(miner)
    seen: dict[int, int] = {}
    examples: dict[int, str] = {}
    if logs is not None:
        miner, seen, examples = _looked_up(miner, logs, model.info)
    merged: dict[int, list[int]] = {}
    for alias, target in sorted(miner.aliases.items()):
        merged.setdefault(target, []).append(alias)
    entries = []
    for i, text in enumerate(miner.templates):
        if i in miner.aliases or (i in miner.divided and i not in seen):
            continue
        of_training = miner.counts is not None and i < known
        entries.append(
            TemplateEntry(
                i,
                text,
                int(miner.counts[i]) if of_training and miner.counts is not None else None,
                miner.names.get(i),
                tuple(merged.get(i, ())),
                None if logs is None else seen.get(i, 0),
                examples.get(i),
            )
        )
    return entries


def correct_templates(
    model: Any,
    *,
    merge: Sequence[int] = (),
    split: Sequence[int] = (),
    names: Mapping[int, str] | None = None,
) -> list[str]:
    """Correct the templates of a model in place; return what was done, in words.

    Lines are read by the corrected templates at once. What the detector has learnt is of the old
    ones, so a model is best fitted again, with the templates of this one.

    Parameters
    ----------
    model : Model
        Of sessions.
    merge : sequence of int
        Templates that are one.
    split : sequence of int
        Templates whose shapes are one each; or that were merged.
    names : mapping of int to str
        An empty name takes one away.

    Raises
    ------
    UsageError
        An id is unknown, there is nothing to merge or split, or the model has no templates to
        correct.
    """
    miner = miner_of(model)
    if not isinstance(model, Model):
        raise UsageError(
            "a model of entities counts templates in columns, which go by their ids; correct the "
            "templates of a model of sessions"
        )
    done = []
    for template in split:
        miner.split(template)
        done.append(f"split {template}")
    if merge:
        into = miner.merge(merge)
        done.append(f"merged {', '.join(map(str, merge))} into {into}")
    for template, name in (names or {}).items():
        miner.name(template, name)
        done.append(f"named {template} {name.strip()!r}" if name.strip() else f"unnamed {template}")
    return done


def miner_of(model: Any) -> TemplateMiner:
    """Return what holds the templates of a model.

    Raises
    ------
    UsageError
        It has none.
    """
    miner = getattr(model, "miner", None)
    if miner is None:
        miner = getattr(getattr(model, "space", None), "miner", None)
    if not isinstance(miner, TemplateMiner):
        raise UsageError(
            f"a model of {model.info['unit']}s has no templates; they are of models of logs, with "
            "messages"
        )
    return miner


def _looked_up(
    miner: TemplateMiner,
    logs: str | PathLike[str] | Sequence[str | PathLike[str]],
    info: dict[str, Any],
) -> tuple[TemplateMiner, dict[int, int], dict[int, str]]:
    """Return the miner with the log's templates, lines of each, and the first line of each."""
    if miner.is_exact:
        raise UsageError("the templates of this model were given, not mined; leave out the log")
    shapes = ShapeTable()
    counts = np.zeros(0, dtype=np.int64)
    first: list[str] = []
    for batch in RecordReader(logs, format=info["format"], mask=info.get("mask", ())):
        before = len(first)
        of_line = shapes.add(batch.kinds)[batch.kind]
        counts = np.pad(counts, (0, len(shapes) - len(counts)))
        counts += np.bincount(of_line, minlength=len(shapes))
        found, rows = np.unique(of_line, return_index=True)
        first += [batch.raw[int(row)] for row in rows[found >= before]]
    ids, extended = miner.extended(shapes.texts)
    seen: dict[int, int] = {}
    examples: dict[int, str] = {}
    for template, count, line in zip(ids.tolist(), counts.tolist(), first, strict=True):
        seen[template] = seen.get(template, 0) + count
        examples.setdefault(template, line)
    return extended, seen, examples
