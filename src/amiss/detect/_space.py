"""Search spaces as data: what may be tried for a detector's parameters.

A detector says so in its class attribute ``search_space``; `amiss.run.tune` reads it. Nothing here
knows the optimiser.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Integer:
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False
    """Whether doubling matters rather than adding: small numbers are tried as often as large."""
    step: int = 1

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, int) or isinstance(value, bool):
            return False
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True, slots=True)
class Real:
    """Numbers from `low` to `high`, both included."""

    low: float
    high: float
    log: bool = False

    def __contains__(self, value: object) -> bool:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high  # type: ignore[operator]  # a number


@dataclass(frozen=True, slots=True)
class Choice:
    """One of `options`."""

    options: tuple[str | int | float | bool, ...]

    def __contains__(self, value: object) -> bool:
        # 1 == True, but one layer is not a yes.
        return any(
            value == option and isinstance(value, bool) == isinstance(option, bool)
            for option in self.options
        )


Range = Integer | Real
SearchSpace = Mapping[str, Range | Choice]
