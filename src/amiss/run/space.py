"""Search spaces that the user gives, in TOML or Python."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

from amiss.detect import CATALOGUE, get_detector
from amiss.detect._base import Detector
from amiss.detect._space import Choice, Integer, Range, Real, SearchSpace
from amiss.errors import UsageError
from amiss.run.config import check_name, check_parameters, is_plain, read_toml

_TYPES: dict[str, tuple[type[Range | Choice], dict[str, type]]] = {
    "integer": (Integer, {"low": int, "high": int, "log": bool, "step": int}),
    "real": (Real, {"low": float, "high": float, "log": bool}),
    "choice": (Choice, {"options": list}),
}
_REQUIRED = {"low", "high", "options"}


def search_space_of(
    detector: type[Detector], given: Mapping[str, Any] | str | PathLike[str] | None = None
) -> SearchSpace:
    """Return the detector's own search space, or the one that is given instead of it.

    Parameters
    ----------
    detector : type
    given : mapping of parameter to Integer, Real, Choice or mapping, or path of a TOML file
        Parameters that are not in it keep their values.

    Raises
    ------
    UsageError
        There is no space, or it has a parameter that the detector has not, an empty range, or
        values of the wrong type. The message names the parameter.
    """
    if given is None:
        if not detector.search_space:
            raise UsageError(_has_none(detector.name))
        return dict(detector.search_space)
    where = "" if isinstance(given, Mapping) else f"{given}: "
    entries = given if isinstance(given, Mapping) else read_toml(given)
    try:
        if not entries:
            raise UsageError("the search space is empty; expected at least one parameter")
        return {name: _checked(detector, name, entry) for name, entry in entries.items()}
    except UsageError as error:
        raise UsageError(f"{where}{error}") from None


def to_plain(space: SearchSpace) -> dict[str, Any]:
    """Return a search space as the plain values that `search_space_of` takes."""
    plain: dict[str, Any] = {}
    for name, entry in space.items():
        if isinstance(entry, Choice):
            plain[name] = {"type": "choice", "options": list(entry.options)}
        else:
            kind = "integer" if isinstance(entry, Integer) else "real"
            values = {key: getattr(entry, key) for key in _TYPES[kind][1]}
            plain[name] = {"type": kind, **values}
    return plain


def _checked(detector: type[Detector], name: str, entry: Any) -> Range | Choice:
    if name == "random_state":
        raise UsageError("random_state is not searched, or luck would be; see --seed and --repeats")
    check_name(detector, name)
    made = _parsed(name, entry) if isinstance(entry, Mapping) else entry
    if not isinstance(made, Integer | Real | Choice):
        raise UsageError(f"[{name}] {entry!r}; expected Integer, Real, Choice, or a table of one")
    if isinstance(made, Choice):
        if not made.options:
            raise UsageError(f"[{name}] has no options; expected at least one")
        for option in made.options:
            if not is_plain(option):
                raise UsageError(f"[{name}] option {option!r}; expected a string or a number")
            check_parameters(detector, {name: option})
        return made
    if made.low > made.high:
        raise UsageError(f"[{name}] low {made.low} is above high {made.high}; exchange them")
    if made.log and made.low <= 0:
        raise UsageError(f"[{name}] low {made.low} with log; expected more than 0")
    if isinstance(made, Integer) and (made.step < 1 or (made.log and made.step != 1)):
        raise UsageError(f"[{name}] step {made.step}; expected 1 or more, and 1 with log")
    number = int if isinstance(made, Integer) else float
    for bound in (made.low, made.high):
        # Real numbers between whole bounds do not suit a parameter that wants whole ones.
        check_parameters(detector, {name: number(bound)})
    return made


def _parsed(name: str, table: Mapping[str, Any]) -> Range | Choice:
    kind = table.get("type")
    if kind not in _TYPES:
        raise UsageError(f"[{name}] type {kind!r}; expected one of: {', '.join(_TYPES)}")
    made, fields = _TYPES[kind]
    values = {key: value for key, value in table.items() if key != "type"}
    if unknown := sorted(set(values) - set(fields)):
        raise UsageError(
            f"[{name}] has {unknown[0]!r}; a range of type {kind} has: {', '.join(fields)}"
        )
    if missing := sorted((_REQUIRED & set(fields)) - set(values)):
        raise UsageError(f"[{name}] lacks {missing[0]!r}; a range of type {kind} needs it")
    for key, value in values.items():
        wanted = (int, float) if fields[key] is float else (fields[key],)
        if type(value) not in wanted:
            raise UsageError(f"[{name}] {key} = {value!r}; expected {fields[key].__name__}")
    if kind == "choice":
        return Choice(tuple(values["options"]))
    return made(**values)


def _has_none(name: str) -> str:
    others = [other for other in CATALOGUE if get_detector(other).search_space]
    return (
        f"detector {name!r} has no search space of its own; give one, or tune one of: "
        f"{', '.join(others)}"
    )
