"""What a log is: its format, fields, times, templates, and what ties its lines together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.present.summary import timestamp
from amiss.read.format_type import JOURNAL
from amiss.read.formats import TABLES
from amiss.read.recognition import recognise
from amiss.read.sources import PathLike, Source, find_sources
from amiss.read.tables import recognise_table
from amiss.run.discovery import Choice, Discovery, discover_keys, usual_choice
from amiss.run.row_ingest import looks_like
from amiss.run.sample import SAMPLE_BYTES, LogSample, take_sample
from amiss.types import NO_TIME

SCHEMA = "amiss.inspection/1"
_MOST_FORMATS = 4
_MOST_EXAMPLES = 3
_LONGEST = 500
"""Characters of a line or value that are kept as an example."""
_ZONE = re.compile(":[0-9]{2}(?:[.,][0-9]+)?(?:Z| ?UTC| ?GMT| ?[+-][0-9]{2}:?[0-9]{2})\\b")
_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found of a log, or of a table.

    Attributes
    ----------
    files : tuple of str
    bytes : int
        On disk.
    content : dict
        The schema ``amiss.inspection/1``, without the command to run next.
    choice : Choice or None
        How to group the lines; None: a table, which is grouped already.
    """

    files: tuple[str, ...]
    bytes: int
    content: dict[str, Any]
    choice: Choice | None

    def to_dict(self) -> dict[str, Any]:
        """Return all as JSON values."""
        return {
            "schema": SCHEMA,
            "files": list(self.files),
            "bytes": self.bytes,
            **self.content,
            "choice": None if self.choice is None else self.choice._asdict(),
        }


def inspect_log(
    inputs: PathLike | Sequence[PathLike],
    *,
    format: str | None = None,  # noqa: A002 - the option's name
    size: int = SAMPLE_BYTES,
    mask: Sequence[str] = (),
) -> Inspection:
    r"""Say what a log is, by a sample of it.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files (plain or packed), folders, glob patterns, or ``-`` for standard input.
    format : str, optional
        Name of the header format; by default it is recognised.
    size : int
        Bytes of text to look at: of a plain file its start, middle and end; of a packed one its
        start.
    mask : sequence of str
        What becomes pseudonyms before anything is looked at or shown: ``addresses``, ``emails``,
        ``users``, ``secrets`` or ``all``.

    Raises
    ------
    InputError
        No file, or nothing in it.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> log = pathlib.Path(tempfile.mkdtemp(), "app.log")
    >>> steps = ("open", "read", "check", "close")
    >>> lines = (f"{step} job_{i:08d}\n" for i in range(40) for step in steps)
    >>> _ = log.write_text("".join(lines))
    >>> found = inspect_log(log)
    >>> found.content["format"]["name"], found.choice.value
    ('plain', 'job_\\d+')
    """
    sources = find_sources(inputs)
    files = tuple(source.name for source in sources)
    total = sum(source.path.stat().st_size for source in sources)
    if table := _table(sources, inputs, format):
        return Inspection(files, total, {"format": table, "notes": []}, None)
    sample = take_sample(sources, format, size, mask)
    discovery = discover_keys(sample)
    content = {
        "sample": _sample(sample),
        "format": _format(sample),
        "fields": _fields(sample),
        "time": _time(sample),
        "templates": _templates(sample),
        "session_keys": _session_keys(discovery),
        "discovered": discovery.choice._asdict(),
        "notes": _notes(sample),
    }
    return Inspection(files, total, content, usual_choice(sample) or discovery.choice)


def _table(
    sources: list[Source],
    inputs: PathLike | Sequence[PathLike],
    format: str | None,  # noqa: A002 - the option's name
) -> dict[str, Any] | None:
    """Return what a table is called; None: it is a log."""
    layout = recognise_table(sources[0], format, grouped=False)
    if layout is not None:
        return {"name": layout, "title": f"table ({layout})", "share": 1.0, "others": []}
    if format is None or format.lower() in TABLES:
        given = list(inputs) if isinstance(inputs, Sequence) and not _is_path(inputs) else [inputs]
        if what := looks_like(given):  # type: ignore[arg-type]
            return {"name": "table", "title": what, "share": 1.0, "others": []}
    return None


def _is_path(inputs: object) -> bool:
    return isinstance(inputs, str) or hasattr(inputs, "__fspath__")


def _sample(sample: LogSample) -> dict[str, Any]:
    return {
        "lines": sample.report.lines,
        "records": sample.lines,
        "whole": sample.whole,
        "pieces": [
            {"file": piece.source.name, "first_line": piece.first_line or None}
            for piece in sample.pieces
        ],
    }


def _format(sample: LogSample) -> dict[str, Any]:
    raw = pl.concat([batch.raw for batch in sample.batches])
    ranked = [(known, share) for known, share in recognise(raw) if known.name != "plain"]
    chosen = sample.format
    fits = [share for known, share in ranked if known.name == chosen.name]
    # Records of a journal are told by the line of their message, not by their first.
    header = r"^\s*[A-Z_][A-Z0-9_]*=" if chosen.layout == JOURNAL else chosen.header
    share = fits[0] if fits else int(raw.str.contains(header).sum()) / len(raw)
    others = [
        {"name": known.name, "title": known.title, "share": round(share, 4)}
        for known, share in ranked
        if known.name != chosen.name
    ]
    return {
        "name": chosen.name,
        "title": chosen.title,
        "share": round(share, 4),
        "others": others[:_MOST_FORMATS],
    }


def _fields(sample: LogSample) -> list[dict[str, Any]]:
    """Return name, share of lines, distinct values and the most frequent ones of each field."""
    found = []
    levels = pl.concat([b.kinds["level"].gather(b.kind) for b in sample.batches]).replace("", None)
    columns = {"level": levels} if levels.null_count() < len(levels) else {}
    for name in sample.fields:
        columns[name] = pl.concat([batch.fields[name] for batch in sample.batches])
    for name, values in columns.items():
        known = values.drop_nulls()
        if not len(known):
            continue
        counts = known.alias("value").value_counts(sort=True)
        top = counts.sort("count", "value", descending=[True, False])["value"]
        found.append(
            {
                "name": name,
                "share": round(len(known) / len(values), 4),
                "distinct": len(counts),
                "examples": [v[:_LONGEST] for v in top.head(_MOST_EXAMPLES).to_list()],
            }
        )
    return found


def _time(sample: LogSample) -> dict[str, Any]:
    time = np.concatenate([batch.time for batch in sample.batches])
    known = time[time != NO_TIME]
    if not len(known):
        return {"start": None, "end": None, "zone": None, "lines_without": len(time)}
    return {
        "start": timestamp(int(known.min())),
        "end": timestamp(int(known.max())),
        "zone": _zone(sample),
        "lines_without": len(time) - len(known),
    }


def _zone(sample: LogSample) -> str:
    """Return what is known of the zone of the times."""
    if sample.format.time == "epoch":
        return "seconds since 1970, which are UTC"
    lines = sample.batches[0].raw.head(100).str.slice(0, 300).to_list()
    if 2 * sum(bool(_ZONE.search(line)) for line in lines) >= len(lines):
        return "as written in the log; shown as UTC"
    return "none in the log; taken for UTC"


def _hours(sample: LogSample) -> float:
    """Return how many hours the pieces of a sample cover, gaps between them left out."""
    total = 0
    for piece in range(len(sample.pieces)):
        times = [b.time[b.time != NO_TIME] for b in sample.batches if b.source == piece]
        time = np.concatenate(times) if times else np.zeros(0, dtype=np.int64)
        if len(time):
            total += int(time.max() - time.min())
    return total / _HOUR


def _templates(sample: LogSample) -> list[dict[str, Any]]:
    """Return the templates, the most frequent first, each with its first line in the sample."""
    template, texts = sample.templates
    used, first, count = np.unique(template, return_index=True, return_counts=True)
    hours = _hours(sample)
    order = np.argsort(-count, kind="stable")
    return [
        {
            "template": texts[used[i]],
            "count": int(count[i]),
            "share": round(float(count[i]) / len(template), 6),
            "per_hour": round(float(count[i]) / hours, 3) if hours else None,
            "example": _line(sample, first[i]),
        }
        for i in order.tolist()
    ]


def _line(sample: LogSample, at: NDArray[np.int64]) -> dict[str, Any]:
    """Return a line of a sample: where it is, if that is known, and its text."""
    left = int(at)
    for batch in sample.batches:
        if left < len(batch):
            piece = sample.pieces[batch.source]
            number = int(batch.line[left]) if piece.first_line == 1 else None
            text = batch.raw[left][:_LONGEST]
            return {"file": piece.source.name, "line": number, "text": text}
        left -= len(batch)
    raise IndexError(at)


def _session_keys(discovery: Discovery) -> list[dict[str, Any]]:
    return [
        {
            "option": key.candidate.option,
            "value": key.candidate.value,
            "title": key.candidate.title,
            "example": key.candidate.example[:_LONGEST],
            "kind": key.rating.kind,
            "score": round(key.rating.score, 4),
            "reason": key.rating.reason,
            **{
                name: round(value, 4) if isinstance(value, float) else value
                for name, value in key.measures._asdict().items()
            },
            "predictability": round(key.measures.predictability, 4),
        }
        for key in discovery.candidates
    ]


def _notes(sample: LogSample) -> list[str]:
    counts = [f"{what}: {count:,}" for what, count in sample.report.counts.items()]
    notes = [*counts, *sample.report.damage, *sample.report.notes]
    # The end of a piece is none of the file.
    return notes if sample.whole else [n for n in notes if not n.startswith("last line without")]


def chosen_words(choice: Choice) -> list[str]:
    """Return a choice as options of the command line.

    Examples
    --------
    >>> chosen_words(Choice("session_field", "pid", "")), chosen_words(Choice("every", 60.0, ""))
    (['--session-field', 'pid'], ['--every', '60s'])
    """
    value = f"{choice.value:g}s" if choice.option == "every" else str(choice.value)
    return [f"--{choice.option.replace('_', '-')}", value]
