"""Which format the lines of a log are in, and how much of them is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import GIVEN, HEADER, Format
from amiss.read.formats import FORMATS
from amiss.read.lines import Lines, split_kinds
from amiss.read.multiline import CONTINUES
from amiss.read.sources import ReadReport
from amiss.read.stamps import BY_NAME, find_layout, read_stamps
from amiss.read.time_values import stamps_of
from amiss.types import NO_TIME

SAMPLE = 5000
"""Lines at the start of a log that its format is told by."""
_ENOUGH = 0.5
_AS_GOOD = 0.6
"""An earlier, more special format is taken if it fits so much of what the best one does."""
_INDENTED = 0.8


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
    return rank_formats(split_kinds(text.encode(errors="replace"), ReadReport()))


def rank_formats(lines: Lines) -> list[tuple[Format, float]]:
    """Return the formats that fit `lines`, with the share that does, the chosen one first."""
    said = np.flatnonzero((lines.kinds.str.strip_chars() != "").to_numpy()[lines.kind])[:SAMPLE]
    raw = lines.raw.gather(said)
    used, kind = np.unique(lines.kind[said], return_inverse=True)
    kinds = lines.kinds.gather(used)
    heads = ~kinds.str.contains(CONTINUES).to_numpy()
    weight = np.bincount(kind, minlength=len(kinds)) * (heads | ~heads.any())
    fits = [(known, _share(kinds, weight, known)) for known in FORMATS[:-1]]
    # Numbers at the start of lines are no times unless they may be.
    bound = [
        (bind(known, raw) if share >= _ENOUGH else known, share) for known, share in fits if share
    ]
    found = [(known, share) for known, share in bound if known.time or not _timed(known.name)]
    enough = max(_ENOUGH, _AS_GOOD * max((share for _, share in found), default=0.0))
    at = next((i for i, (_, share) in enumerate(found) if share >= enough), None)
    first = (bind(FORMATS[-1], raw), 1.0) if at is None else found.pop(at)
    return [first, *sorted(found, key=lambda fit: -fit[1])]


def _timed(name: str) -> bool:
    return any(known.time for known in FORMATS if known.name == name)


def _share(kinds: pl.Series, weight: NDArray[np.int64], known: Format) -> float:
    fits = kinds.str.contains(known.header).to_numpy()
    return float(weight[fits].sum() / max(weight.sum(), 1))


def bind(fmt: Format, raw: pl.Series) -> Format:
    """Return a format with what only lines of a log can tell: how its times are written.

    Parameters
    ----------
    fmt : Format
    raw : polars.Series of str
        Lines from the start of a log.
    """
    raw = raw.head(SAMPLE)
    if fmt.name == "plain":
        indented = raw.str.contains(r"^\s+\S")
        said = raw.str.contains(r"\S")
        if int(indented.sum()) > _INDENTED * int(said.sum()):
            return replace(fmt, multiline=False)  # it is how this log is written
        return fmt
    if not fmt.time or "%" in fmt.time or fmt.layout not in (HEADER, GIVEN):
        return fmt
    stamps = stamps_of(raw, fmt).drop_nulls()
    known = BY_NAME.get(fmt.time)
    if known and 2 * int((read_stamps(stamps, known) != NO_TIME).sum()) >= len(stamps):
        return fmt
    found = find_layout(stamps)
    return replace(fmt, time=found.name if found else "")
