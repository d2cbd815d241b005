"""Where in a line its time stands, and what it says."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.format_type import GIVEN, Format
from amiss.read.header_places import upto_group
from amiss.read.stamps import BY_NAME, read_stamps
from amiss.types import NO_TIME


def period_of(fmt: Format) -> int:
    """Return in how many milliseconds times of a format go round; 0: they say everything."""
    known = BY_NAME.get(fmt.time)
    return known.period if known else 0


def as_written(stamps: pl.Series, fmt: Format) -> NDArray[np.int64]:
    """Return times in milliseconds, as far as their texts say; ``NO_TIME`` for what is none."""
    if "%" not in fmt.time:
        return read_stamps(stamps, BY_NAME[fmt.time])
    # A form with a time zone gives times in UTC; times without are taken for such.
    moments = stamps.str.to_datetime(fmt.time, time_unit="ms", strict=False)
    return moments.to_physical().fill_null(NO_TIME).to_numpy()


def stamps_of(raw: pl.Series, fmt: Format) -> pl.Series:
    """Return the texts that say when lines were written, null where there is none."""
    if fmt.time_width:
        return raw.str.slice(0, fmt.time_width)
    if "(?P<time>" not in fmt.header:
        return raw.str.extract_groups(fmt.header).struct.field("date")
    # What stands behind the time need not be matched.
    pattern = upto_group(fmt.header, "time") or fmt.header
    groups = raw.str.extract_groups(pattern).struct.unnest()
    if "date" in groups.columns and fmt.layout == GIVEN:
        return groups["date"] + " " + groups["time"]
    return groups["time"]
