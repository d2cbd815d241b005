"""Which files a command reads, and how: what `amiss.cli.options` gathers into one argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amiss.cli.streams import quoted

OF_SERIES = ("time_column", "ignore", "max_gap", "head", "skip")
"""The options that make sense for sensor series only."""


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which files a command reads, how it takes them apart, and whether it shows progress."""

    logs: list[str]
    session_key: str | None = None
    session_field: str | None = None
    gap: float | None = None
    window: int | None = None
    segment: int | None = None
    format: str | None = None
    since: str | None = None
    until: str | None = None
    mask: str | None = None
    by: str | None = None
    every: str | None = None
    fields: str | None = None
    label_column: str | None = None
    columns: str | None = None
    image_size: str | None = None
    separator: str | None = None
    time_column: str | None = None
    ignore: str | None = None
    max_gap: float | None = None
    head: int | None = None
    skip: int | None = None
    quiet: bool = False

    @property
    def grouping(self) -> dict[str, Any]:
        """The groupings, by the names `amiss.read_sessions` has for them; all None: the usual."""
        return {
            "session_key": self.session_key, "session_field": self.session_field,
            "gap": self.gap, "every": self.every if self.by is None else None,
            "window": self.window, "segment": self.segment,
        }  # fmt: skip

    @property
    def of_logs(self) -> dict[str, Any]:
        """The options that make sense for logs only, as typed; None where not given."""
        names = ("format", "since", "until", "mask")
        given = self.grouping | {name: getattr(self, name) for name in names}
        return {_as_typed(name): value for name, value in given.items()}

    @property
    def selection(self) -> dict[str, Any]:
        """What of a log is read and what of it is masked, by the names that reading has for it."""
        from amiss.run.spans import parse_moment

        given: dict[str, Any] = {
            name: parse_moment(text)
            for name in ("since", "until")
            if (text := getattr(self, name)) is not None
        }
        return given if self.mask is None else {**given, "mask": tuple(names_in(self.mask))}

    @property
    def counting(self) -> dict[str, Any]:
        """How entities are counted, by the names `amiss.read_activity` has; None: not given."""
        names = None if self.fields is None else [name.strip() for name in self.fields.split(",")]
        every = None if self.by is None else self.every
        return {"by": self.by, "every": every, "fields": names}

    @property
    def of_entities(self) -> dict[str, Any]:
        """The options that make sense for entities only, as typed; None where not given."""
        return {_as_typed(name): value for name, value in self.counting.items()}

    @property
    def of_tables(self) -> dict[str, Any]:
        """The options that make sense for tables and images only, as typed; None if not given."""
        names = ("label_column", "columns", "image_size", "separator")
        return {_as_typed(name): getattr(self, name) for name in names} | self.of_series

    @property
    def of_series(self) -> dict[str, Any]:
        """The options that make sense for sensor series only, as typed; None where not given."""
        return {_as_typed(name): getattr(self, name) for name in OF_SERIES}

    @property
    def series_reading(self) -> dict[str, Any]:
        """How series are read, by the names `amiss.read_series` has."""
        return {
            "time": self.time_column,
            "label": self.label_column,
            "columns": None if self.columns is None else names_in(self.columns),
            "ignore": names_in(self.ignore or ""),
            "separator": self.separator,
            "max_gap": self.max_gap,
            "head": self.head,
            "skip": self.skip or 0,
        }

    def as_words(self, seed: int = 0) -> str:
        """Return the options that make another command read the logs in the same way."""
        given = {
            **self.grouping, "format": self.format, "since": self.since, "until": self.until,
            "mask": self.mask, "image_size": self.image_size,
            "separator": self.separator, "seed": seed or None,
        } | {name: getattr(self, name) for name in OF_SERIES}  # fmt: skip
        return "".join(
            f" {_as_typed(name)}={quoted([str(value)])}"
            for name, value in given.items()
            if value is not None
        )


def names_in(text: str) -> list[str]:
    """Return the names in a list that was typed with commas."""
    return [name for part in text.split(",") if (name := part.strip())]


def _as_typed(name: str) -> str:
    return f"--{name.replace('_', '-')}"
