r"""Times as log lines write them, to milliseconds.

A layout is a pattern with groups named as in ``strftime``: ``Y`` or ``y`` the year, ``m`` the month
or ``b`` its English name, ``d``, ``H``, ``M``, ``S``; ``f`` the digits after the point, ``n`` a
number of milliseconds, ``z`` the zone, ``p`` AM or PM. What lacks the year, or the whole date, is
given in the year 2000, and `amiss.read.clock.Clock` finds out which one it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.types import NO_TIME

SINCE_START = -1
"""The period of times that count from when something began, as kernels have them."""
_DAY = 86_400_000
_YEAR_1000 = -30_610_224_000_000
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LENGTHS = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])

_CLOCK = (
    r"(?P<H>\d{1,2}):(?P<M>\d{1,2})(?::(?P<S>\d{1,2})(?:[.,:](?P<f>\d{1,9}))?)?"
    r"(?:\s?(?P<p>[AaPp])\.?[Mm]\.?)?"
)
_ZONE = r"(?:\s*(?P<z>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?))?"
_MONTH = r"(?P<b>[A-Za-z]{3})[a-z]*\.?"
_YMD = r"(?P<Y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})"


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to write a time.

    Attributes
    ----------
    name : str
    pattern : str
        Of the whole text; empty: a number since 1970, the unit told by its size.
    period : int
        What it does not say goes round in so many milliseconds; 0: it says everything;
        `SINCE_START`: nothing goes round, and nothing says when it began.
    forms : tuple of str
        ``strptime`` forms of what it mostly is: these are read ten times faster.
    """

    name: str
    pattern: str
    period: int = 0
    forms: tuple[str, ...] = ()


LAYOUTS = (
    Layout(
        "iso",
        rf"^(?:[A-Za-z]{{3}} )?{_YMD}[T _-]+{_CLOCK}{_ZONE}$",
        forms=(
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%d %H:%M:%S,%3f",
            "%Y-%m-%dT%H:%M:%S%.fZ",
            "%Y-%m-%dT%H:%M:%S%.f%z",
            "%Y/%m/%d %H:%M:%S",
        ),
    ),
    Layout(
        "iso dotted",
        r"^(?P<Y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)[-T ](?P<H>\d\d)[.-](?P<M>\d\d)[.-](?P<S>\d\d)"
        r"(?:\.(?P<f>\d{1,9}))?$",
    ),
    Layout("epoch", ""),
    # The year comes in front, so that 29 February is a day.
    Layout(
        "syslog",
        rf"^(?:[A-Za-z]{{3}},? )?{_MONTH}\s+(?P<d>\d{{1,2}}),? {_CLOCK}$",
        366 * _DAY,
        ("%b %d %H:%M:%S",),
    ),
    Layout(
        "syslog with year",
        rf"^(?:[A-Za-z]{{3}},? )?{_MONTH}\s+(?P<d>\d{{1,2}}),? (?P<Y>\d{{4}})[ ,]*"
        rf"{_CLOCK}{_ZONE}$",
    ),
    Layout(
        "ctime",
        rf"^[A-Za-z]{{3}} {_MONTH}\s+(?P<d>\d{{1,2}}) {_CLOCK}(?: [A-Z]{{3,5}})? (?P<Y>\d{{4}})$",
        forms=("%a %b %d %H:%M:%S%.f %Y",),
    ),
    Layout(
        "day, month's name, year",
        rf"^(?:[A-Za-z]{{3}},? )?(?P<d>\d{{1,2}})[-/ ]?{_MONTH}[-/ ]?(?P<Y>\d{{4}})[: T]+"
        rf"{_CLOCK}{_ZONE}$",
    ),
    Layout(
        "year, month's name, day",
        rf"^(?P<Y>\d{{4}})[-/ ]{_MONTH}[-/ ]+(?P<d>\d{{1,2}})[: T]+{_CLOCK}{_ZONE}$",
    ),
    Layout(
        "yy/mm/dd",
        rf"^(?P<y>\d\d)[/-](?P<m>\d\d)[/-](?P<d>\d\d) {_CLOCK}$",
        forms=("%y/%m/%d %H:%M:%S",),
    ),
    Layout("yymmdd", r"^(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d) (?P<H>\d\d)(?P<M>\d\d)(?P<S>\d\d)$"),
    Layout("yymmdd h:mm:ss", rf"^(?P<y>\d\d)(?P<m>\d\d)(?P<d>\d\d)\s+{_CLOCK}$"),
    Layout(
        "yyyymmdd",
        r"^(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)[-T_ ]?(?P<H>\d\d):?(?P<M>\d\d):?(?P<S>\d\d)"
        rf"(?:[.,](?P<f>\d{{1,9}}))?{_ZONE}$",
    ),
    Layout(
        "yyyymmdd, milliseconds unpadded",
        r"^(?P<Y>\d{4})(?P<m>\d\d)(?P<d>\d\d)-(?P<H>\d{1,2}):(?P<M>\d{1,2}):(?P<S>\d{1,2}):"
        r"(?P<n>\d{1,3})$",
    ),
    Layout(
        "dd.mm.yyyy", rf"^(?P<d>\d{{1,2}})\.(?P<m>\d{{1,2}})\.(?P<Y>\d{{4}}),? {_CLOCK}{_ZONE}$"
    ),
    Layout(
        "mm/dd/yyyy",
        rf"^(?P<m>\d{{1,2}})[-/](?P<d>\d{{1,2}})[-/](?P<Y>\d{{4}}),? {_CLOCK}{_ZONE}$",
    ),
    Layout(
        "dd/mm/yyyy",
        rf"^(?P<d>\d{{1,2}})[-/](?P<m>\d{{1,2}})[-/](?P<Y>\d{{4}}),? {_CLOCK}{_ZONE}$",
    ),
    Layout("mm-dd", rf"^(?P<m>\d\d)[-./](?P<d>\d\d)[ -]{_CLOCK}$", 366 * _DAY),
    Layout("mmdd", rf"^(?P<m>\d\d)(?P<d>\d\d) {_CLOCK}$", 366 * _DAY),
    Layout("date", rf"^{_YMD}$"),
    Layout("time of day", rf"^{_CLOCK}$", _DAY),
)
#: Seconds since something began: any number may be one, so a format has to say so.
UPTIME = Layout("uptime", r"^(?P<u>\d{1,8})(?:\.(?P<f>\d{1,9}))?$", SINCE_START)
BY_NAME = {layout.name: layout for layout in (*LAYOUTS, UPTIME)}


def find_layout(stamps: pl.Series) -> Layout | None:
    """Return the layout that most of `stamps` are in, of equals the first; None: of none are half.

    Examples
    --------
    >>> find_layout(pl.Series(["Jun 14 15:16:01", "Jun  4 03:00:00"])).name
    'syslog'
    >>> find_layout(pl.Series(["03/04/2024 10:00:00", "25/04/2024 10:00:00"])).name
    'dd/mm/yyyy'
    """
    stamps = stamps.drop_nulls()
    best, most = None, len(stamps) // 2
    for layout in LAYOUTS:
        fits = int((read_stamps(stamps, layout) != NO_TIME).sum())
        if fits > most:
            best, most = layout, fits
    return best


def read_stamps(stamps: pl.Series, layout: Layout) -> NDArray[np.int64]:
    """Return times in milliseconds since 1970, ``NO_TIME`` for what is not in this layout.

    Examples
    --------
    >>> read_stamps(pl.Series(["1970-01-01T01:00:01.5+01:00", "soon"]), BY_NAME["iso"])
    array([                1500, -9223372036854775808])
    """
    if not len(stamps):
        return np.zeros(0, dtype=np.int64)
    if not layout.pattern:
        return _epochs(stamps)
    if layout.period == SINCE_START:
        return _uptimes(stamps, layout)
    times = _quick(stamps, layout)
    if times is None:
        return _by_parts(stamps, layout)
    left = times == NO_TIME
    if left.any():
        times[left] = _by_parts(stamps.filter(pl.Series(left)), layout)
    return times


def _quick(stamps: pl.Series, layout: Layout) -> NDArray[np.int64] | None:
    """Return the times of those in the layout's usual form, None if it has none that fits."""
    found = stamps.drop_nulls().head(1)
    for form in layout.forms if len(found) else ():
        form, before = (f"%Y {form}", "2000 ") if layout.period else (form, "")
        if _strptime(before + found, form)[0] != NO_TIME:
            return _strptime(before + stamps if before else stamps, form)
    return None


def _strptime(stamps: pl.Series, form: str) -> NDArray[np.int64]:
    moments = stamps.str.to_datetime(form, time_unit="ms", strict=False)
    times = moments.to_physical().fill_null(NO_TIME).to_numpy()
    return np.where(times < _YEAR_1000, NO_TIME, times)  # 17 was read as a year of four digits


def _by_parts(stamps: pl.Series, layout: Layout) -> NDArray[np.int64]:
    groups = stamps.str.extract_groups(layout.pattern).struct.unnest().to_dict()
    part = {
        name: groups[name].cast(pl.Int64, strict=False).fill_null(-1).to_numpy()
        for name in "YymdHMSn"
        if name in groups
    }
    fits = groups["H" if "H" in groups else "Y"].is_not_null().to_numpy()
    none = np.zeros(len(stamps), dtype=np.int64)
    year = part.get("Y", none + 2000)
    if "y" in part:
        year = part["y"] + np.where(part["y"] < 70, 2000, 1900)
    if "b" in groups:
        name = groups["b"].str.to_lowercase()
        numbers = name.replace_strict(_MONTHS, range(1, 13), default=0, return_dtype=pl.Int64)
        part["m"] = numbers.fill_null(0).to_numpy()
    month, day = part.get("m", none + 1), part.get("d", none + 1)
    hour = part.get("H", none)
    if "p" in groups:
        half = groups["p"].str.to_lowercase()
        afternoon = (half == "p").fill_null(value=False).to_numpy()
        hour = np.where(half.is_not_null().to_numpy(), hour % 12 + 12 * afternoon, hour)
    minute, second = part.get("M", none), np.maximum(part.get("S", none), 0)
    fits = fits & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60)
    fits &= (second <= 60) & (day <= _LENGTHS[np.clip(month, 0, 12)])
    seconds = 3600 * hour + 60 * minute + second
    if "z" in groups:
        seconds = seconds - 60 * zone_minutes(groups["z"])
    millis: NDArray[np.int64] = _days(year, month, day) * _DAY + 1000 * seconds
    if "f" in groups:
        digits = groups["f"].str.pad_end(3, "0").str.slice(0, 3)
        millis += digits.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    if "n" in part:
        millis += np.maximum(part["n"], 0)
    return np.where(fits, millis, NO_TIME)


def zone_minutes(zones: pl.Series) -> NDArray[np.int64]:
    """Return minutes to the east of Greenwich; what names no offset is in UTC."""
    groups = zones.str.extract_groups(r"^(?P<s>[+-])(?P<h>\d\d):?(?P<m>\d\d)?$").struct.unnest()
    hours, minutes = (
        groups[name].cast(pl.Int64, strict=False).fill_null(0).to_numpy() for name in "hm"
    )
    west = (groups["s"] == "-").fill_null(value=False).to_numpy()
    east: NDArray[np.int64] = np.where(west, -1, 1) * (60 * hours + minutes)
    return east


def zones_of(stamps: pl.Series, layout: Layout) -> Iterator[str]:
    """Yield the zones that `stamps` name, as they are written; "" where one names none."""
    if "(?P<z>" in layout.pattern:
        zones = stamps.drop_nulls().str.extract_groups(layout.pattern).struct.field("z")
        yield from zones.fill_null("").unique(maintain_order=True)
    elif layout.pattern:
        yield ""
    else:
        yield "UTC"


def _days(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return days since 1970 in the Gregorian calendar, after Hinnant's ``days_from_civil``."""
    year = year - (month <= 2)
    era = year // 400
    of_era = year - 400 * era
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days: NDArray[np.int64] = 146_097 * era + 365 * of_era + of_era // 4 - of_era // 100 + of_year
    return days - 719_468


def in_year(times: NDArray[np.int64], year: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return times of the year 2000 as times of the same day of `year`.

    A 29 February of a year that has none is its 1 March.
    """
    days, of_day = np.divmod(times, _DAY)
    dates = days.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month: NDArray[np.int64] = months.astype(np.int64) % 12 + 1
    day: NDArray[np.int64] = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    return _days(year, month, day) * _DAY + of_day


def _uptimes(stamps: pl.Series, layout: Layout) -> NDArray[np.int64]:
    """Return seconds since something began as times since 1970 began."""
    groups = stamps.str.extract_groups(layout.pattern).struct
    seconds = groups.field("u").cast(pl.Int64, strict=False)
    digits = groups.field("f").str.pad_end(3, "0").str.slice(0, 3)
    millis = 1000 * seconds + digits.cast(pl.Int64, strict=False).fill_null(0)
    return millis.fill_null(NO_TIME).to_numpy()


def _epochs(stamps: pl.Series) -> NDArray[np.int64]:
    """Return numbers since 1970, each in the unit that its digits before the point tell."""
    # Mostly they are of digits alone, and read ten times faster.
    if stamps.str.len_bytes().is_between(10, 18).all():
        whole = stamps.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
        if whole.min(initial=1) > 0 and not stamps.str.starts_with("+").any():
            return _in_milliseconds(whole, 0)
    scientific = stamps.str.contains(r"^\d\.\d+e\+?\d+$")
    if scientific.any():  # as zap writes them
        numbers = stamps.replace("", None).cast(pl.Float64, strict=False)
        millis = (1000 * numbers).round().cast(pl.Int64, strict=False).cast(pl.String)
        stamps = millis.zip_with(scientific.fill_null(value=False), stamps)
    text = stamps.str.extract(r"^(\d{10,19}(?:[.,]\d+)?)$").str.replace(",", ".", literal=True)
    whole = text.str.extract(r"^(\d+)").cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    digits = text.str.extract(r"\.(\d+)").str.pad_end(3, "0").str.slice(0, 3)
    fraction = digits.cast(pl.Int64, strict=False).fill_null(0).to_numpy()
    told = _in_milliseconds(whole, fraction)
    return np.where(text.is_not_null().to_numpy() & (whole > 0), told, NO_TIME)


def _in_milliseconds(
    whole: NDArray[np.int64], fraction: NDArray[np.int64] | int
) -> NDArray[np.int64]:
    return np.select(
        [whole >= 10**17, whole >= 10**14, whole >= 10**11],
        [whole // 10**6, whole // 10**3, whole],
        1000 * whole + fraction,
    )
