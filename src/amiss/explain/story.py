"""The lines that tell what happened in an incident."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from amiss.types import Location, StoryLine, Symptom

MOST_LINES = 20
"""Raw lines that tell the story of an incident."""


@dataclass(slots=True)
class _Occurrences:
    """Where a symptom was first and last seen."""

    first: StoryLine
    last: StoryLine


def place_of(line: StoryLine) -> tuple[int, str, int, str]:
    """Return what lines are ordered by: time, then file and line, then whose line it is."""
    return line.time, line.location.file, line.location.first_line, line.id


class Story:
    """Lines of an incident as they come in; of each symptom the first and the last are kept."""

    def __init__(self) -> None:
        self._of: dict[Symptom, _Occurrences] = {}
        self._places: set[Location] = set()

    def add(self, lines: Iterable[StoryLine]) -> None:
        """Take up the lines of one finding."""
        for line in lines:
            self._places.add(line.location)
            known = self._of.get(line.symptom)
            if known is None:
                self._of[line.symptom] = _Occurrences(line, line)
                continue
            if place_of(line) < place_of(known.first):
                known.first = line
            if place_of(line) > place_of(known.last):
                known.last = line

    def first(self, symptom: Symptom) -> StoryLine | None:
        """Return the first line that shows a symptom, if one does."""
        known = self._of.get(symptom)
        return known.first if known else None

    def lines(self, symptoms: Sequence[Symptom]) -> tuple[tuple[StoryLine, ...], int]:
        """Return at most 20 lines in order of time, and how many more there are.

        Each symptom is shown where it was first seen, as far as there is room, those that stand
        first in `symptoms` before others; then where it was last seen.
        """
        chosen: dict[Location, StoryLine] = {}
        known = [self._of[symptom] for symptom in symptoms if symptom in self._of]
        for line in [*(k.first for k in known), *(k.last for k in known)]:
            if len(chosen) == MOST_LINES:
                break
            chosen.setdefault(line.location, line)
        told = sorted(chosen.values(), key=place_of)
        return tuple(told), len(self._places) - len(told)
