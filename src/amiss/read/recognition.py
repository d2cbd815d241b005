"""Which format the lines of a log are in, and how much of them is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import GIVEN, HEADER, Format
from amiss.read.formats import FORMATS
from amiss.read.lines import Lines, split_kinds
from amiss.read.multiline import of_traces
from amiss.read.sources import ReadReport
from amiss.read.stamps import BY_NAME, find_layout, read_stamps
from amiss.read.time_values import stamps_of
from amiss.read.value_binding import bind_named, share_named
from amiss.types import NO_TIME

SAMPLE = 1000
"""Lines of the first block of a log that its format is told by."""
_STAMPS = 200
"""Of them, those that tell how times are written."""
_COLOUR = r"\x1b\[[0-9;]*m"
_ENOUGH = 0.5
_UTC = ("UTC", "GMT", "Z")
_AS_GOOD = 0.6
"""An earlier, more special format is taken if it fits so much of what the best one does."""
_REST = "(?P<message>.*)$"
_LONGEST = 50
"""Of records without headers but the first line's, as many lines as they may have on average."""
_INDENTED, _FEW = 0.8, 50
"""Where more of the lines of a log, and these are not few, are indented, all are lines alike."""


def recognise(lines: Sequence[str] | pl.Series) -> list[tuple[Format, float]]:
    """Return the formats that fit lines of a log, with the share that does, the chosen one first.

    Lines that go on with what stands above them, as those of stack traces, do not count.

    Parameters
    ----------
    lines : sequence of str
        From the start of a log.

    Examples
    --------
    >>> lines = ["Jun 14 15:16:01 combo sshd[19939]: check pass", "Jun 14 15:16:02 combo cron: up"]
    >>> [(known.name, share) for known, share in recognise(lines)][0]
    ('syslog', 1.0)
    """
    text = "".join(f"{line}\n" for line in lines)
    return rank_formats(without_colours(split_kinds(text.encode(errors="replace"), ReadReport())))


def have_colours(kinds: pl.Series) -> bool:
    """Return whether a kind of line may have colours."""
    return bool(kinds.str.contains("\x1b", literal=True).any())


def without_colours(lines: Lines) -> Lines:
    """Return lines without what tells a terminal how to colour them, which is no text.

    A colour is set and reset; a single escape, which somebody smuggled in, stays to be seen.
    """
    if not have_colours(lines.kinds):
        return lines
    kinds, of_kinds = _uncoloured(lines.kinds)
    forms, _ = _uncoloured(lines.forms)
    raw = lines.raw.str.replace_all(_COLOUR, "").zip_with(of_kinds.gather(lines.kind), lines.raw)
    return Lines(raw, lines.kind, kinds, lines.form, forms)


def _uncoloured(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return texts without colours, and which ones had any."""
    coloured = texts.str.count_matches(_COLOUR) > 1
    return texts.str.replace_all(_COLOUR, "").zip_with(coloured, texts), coloured


def rank_formats(lines: Lines) -> list[tuple[Format, float]]:
    """Return the formats that fit `lines`, with the share that does, the chosen one first."""
    raw, kinds, weight = _sample(lines)
    fits = [(known, _share(raw, kinds, weight, known)) for known in FORMATS[:-1]]
    fits = [(known, share) for known, share in fits if share]
    chosen = _choose(fits, raw, max((share for _, share in fits), default=0.0))
    rest = [
        (known, share)
        for known, share in fits
        if known.name != chosen[0].name and (not known.time or bind(known, raw).time)
    ]
    return [chosen, *sorted(rest, key=lambda fit: -fit[1])]


def find_format(lines: Lines) -> Format:
    """Return the format that `rank_formats` chooses, without looking at those after it."""
    raw, kinds, weight = _sample(lines)
    fits = []
    for known in FORMATS[:-1]:
        fits.append((known, _share(raw, kinds, weight, known)))
        if fits[-1][1] >= _AS_GOOD:  # no later one can be so much better
            found = _choose(fits[-1:], raw, 1.0)[0]
            if found.name == known.name:
                return found
    return _choose(fits, raw, max(share for _, share in fits))[0]


def share_of(fmt: Format, lines: Lines) -> float:
    """Return which share of `lines` is in a format."""
    return _share(*_sample(lines), fmt)


def _sample(lines: Lines) -> tuple[pl.Series, pl.Series, NDArray[np.int64]]:
    """Return lines of a block, their kinds, and how often each of these counts."""
    said = np.flatnonzero((lines.kinds.str.strip_chars() != "").to_numpy()[lines.kind])
    said = np.append(said[:20], said[20 :: max(1, len(said) // SAMPLE)])  # headers are above
    used, kind = np.unique(lines.kind[said], return_inverse=True)
    kinds = lines.kinds.gather(used)
    heads = ~of_traces(kinds)
    weight = np.bincount(kind, minlength=len(kinds)) * (heads | ~heads.any())
    return lines.raw.gather(said), kinds, weight


def _choose(fits: list[tuple[Format, float]], raw: pl.Series, best: float) -> tuple[Format, float]:
    for known, share in fits:
        # Numbers at the start of lines are no times unless they may be.
        if share >= max(_ENOUGH, _AS_GOOD * best) and (
            (bound := bind(known, raw)).time or not known.time
        ):
            return bound, share
    return bind(FORMATS[-1], raw), 1.0


def _share(raw: pl.Series, kinds: pl.Series, weight: NDArray[np.int64], known: Format) -> float:
    if known.layout != HEADER:
        return share_named(raw, known)
    fits = kinds.str.contains(known.header).to_numpy()
    if known.unless:
        fits = fits & ~kinds.str.contains(known.unless).to_numpy()
    share = float(weight[fits].sum() / max(weight.sum(), 1))
    return min(1.0, _LONGEST * share) if known.blocks else share


def _zone_of(raw: pl.Series, fmt: Format) -> str:
    """Return the zone that times name in a field of its own; empty: none, or one that is UTC."""
    if "zone" not in fmt.fields or fmt.layout != HEADER:
        return ""
    zones = raw.str.extract_groups(fmt.header).struct.field("zone").drop_nulls()
    named = [zone for zone in zones.unique(maintain_order=True) if zone not in _UTC]
    return named[0] if named else ""


def bind(fmt: Format, raw: pl.Series) -> Format:
    """Return a format with what only lines of a log can tell: how its times are written.

    Parameters
    ----------
    fmt : Format
    raw : polars.Series of str
        Lines from the start of a log.
    """
    raw = pl.concat([raw.head(20), raw.slice(20).gather_every(max(1, len(raw) // SAMPLE))])
    if fmt.name == "plain":
        indented = raw.str.contains(r"^\s+\S")
        said = raw.str.contains(r"\S")
        if int(indented.sum()) > _INDENTED * max(int(said.sum()), _FEW):
            return replace(fmt, multiline=False)  # it is how this log is written
        return fmt
    if fmt.layout not in (HEADER, GIVEN):
        return bind_named(fmt, raw)
    if fmt.wraps:
        fmt = _with_inner(fmt, raw)
    if not fmt.time or "%" in fmt.time:
        return fmt
    fmt = replace(fmt, unknown_zone=_zone_of(raw, fmt))
    stamps = stamps_of(raw.gather_every(max(1, len(raw) // _STAMPS)), fmt).drop_nulls()
    known = BY_NAME.get(fmt.time)
    if known and 2 * int((read_stamps(stamps, known) != NO_TIME).sum()) >= len(stamps):
        return fmt
    found = find_layout(stamps) if fmt.time in ("auto", "iso", "uptime") else None
    return replace(fmt, time=found.name if found else "")


def _with_inner(fmt: Format, raw: pl.Series) -> Format:
    """Return a format whose header goes on with that of the messages, where most have one.

    It is optional in the pattern, so what has none is read as before. Its time is left out: the
    line has one.
    """
    messages = raw.str.extract_groups(fmt.header).struct.field("message").drop_nulls()
    own = set(re.compile(fmt.header).groupindex)
    for inner in FORMATS:
        if inner.layout != HEADER or inner.wraps or inner.blocks or not inner.free_text:
            continue
        groups = re.compile(inner.header).groupindex
        if not inner.header.endswith(_REST) or not {"level", "component", "pid"} & set(groups):
            continue
        if int(messages.str.contains(inner.header).sum()) < _AS_GOOD * max(len(messages), 1):
            continue
        if inner.unless and messages.str.contains(inner.unless).any():
            continue
        part = inner.header.removeprefix("^").removesuffix(_REST)
        for name in own & set(groups):
            part = part.replace(f"(?P<{name}>", "(?:")
        header = f"{fmt.header.removesuffix(_REST)}(?:{part})?{_REST}"
        counted = tuple(dict.fromkeys((*fmt.counted, *(set(inner.counted) & set(groups)))))
        return replace(fmt, header=header, counted=counted)
    return fmt
