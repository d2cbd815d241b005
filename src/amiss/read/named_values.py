"""Records whose fields have names in the line or in the file: JSON, logfmt, CSV and others."""

from __future__ import annotations

import numpy as np
import polars as pl

from amiss.read.format_type import Format
from amiss.read.record_kinds import Values, kinds_of
from amiss.read.time_values import as_written, stamps_of
from amiss.types import NO_TIME


def read_values(raw: pl.Series, names: list[str], fmt: Format) -> Values:
    """Return what records say, each looked at for itself.

    Parameters
    ----------
    raw : polars.Series of str, shape (n,)
    names : list of str
        Fields to read.
    fmt : Format
    """
    return _given(raw, names, fmt)


def _given(raw: pl.Series, names: list[str], fmt: Format) -> Values:
    groups = raw.str.extract_groups(fmt.header).struct.unnest().to_dict()
    fits = groups["message"].is_not_null()
    message = groups["message"].zip_with(fits, raw)
    none = pl.Series([""]).new_from_index(0, len(raw))
    kind, kinds = kinds_of(message, groups["level"].fill_null("") if "level" in groups else none)
    time = as_written(stamps_of(raw, fmt), fmt) if fmt.time else np.full(len(raw), NO_TIME)
    return Values(kind, kinds, time, {name: groups[name] for name in names}, fits.to_numpy())
