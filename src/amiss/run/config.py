r"""Configs: a format of log lines, a detector and its parameters as TOML, ``amiss.config/1``.

::

    schema = "amiss.config/1"
    format = '^(?P<time>\S+) (?P<level>\S+) (?P<message>.*)$'
    detector = "next-event"

    [parameters]
    hidden = 64
"""

from __future__ import annotations

import inspect
import json
import tomllib
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from amiss.detect import get_detector
from amiss.detect._base import Detector
from amiss.errors import InputError, UsageError
from amiss.read.formats import TABLES, get_format

SCHEMA = "amiss.config/1"
_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a string"}


class Config(NamedTuple):
    """What a config says; None where it says nothing."""

    detector: Detector | None
    format: str | None


def read_config(path: str | PathLike[str], *, random_state: int | None = None) -> Config:
    """Return the detector that a config describes, not fitted, and the format of its logs.

    Parameters
    ----------
    path : path-like
    random_state : int, optional
        Seeds a detector whose config has no ``random_state``.

    Raises
    ------
    InputError
        The file cannot be read, or is not TOML.
    UsageError
        It is not a config, or names a format, a detector or a parameter that there is not, or
        gives a parameter a value of the wrong type.
    """
    content = read_toml(path)
    expected = f'expected schema = "{SCHEMA}", as amiss tune --config-out writes it'
    if content.get("schema") != SCHEMA:
        raise UsageError(f"{path}: schema {content.get('schema')!r}; {expected}")
    if unknown := sorted(set(content) - {"schema", "format", "detector", "parameters"}):
        raise UsageError(
            f"{path}: unknown key {unknown[0]!r}; expected format, detector and [parameters]"
        )
    try:
        return Config(_detector(content, random_state), _format(content))
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None


def _detector(content: Mapping[str, Any], random_state: int | None) -> Detector | None:
    if "detector" not in content and "format" in content and "parameters" not in content:
        return None
    name, parameters = content.get("detector"), content.get("parameters", {})
    if not isinstance(name, str) or not isinstance(parameters, dict):
        raise UsageError("expected detector as a string and [parameters] as a table")
    found = get_detector(name)
    check_parameters(found, parameters)
    detector = found(**parameters)
    if "random_state" in parameter_types(found) and "random_state" not in parameters:
        detector.set_params(random_state=random_state)
    return detector


def _format(content: Mapping[str, Any]) -> str | None:
    given = content.get("format")
    if given is None:
        return None
    if not isinstance(given, str):
        raise UsageError(f"format = {given!r}; expected the name of one, or a pattern")
    if given not in TABLES:
        get_format(given)
    return given


def write_config(path: str | PathLike[str], config: Mapping[str, Any]) -> None:
    """Write what `amiss.tune(…).config()` returns; `read_config` reads it."""
    lines = [f"{key} = {_toml(config[key])}" for key in ("schema", "detector")]
    lines += ["", "[parameters]"]
    lines += [f"{name} = {_toml(value)}" for name, value in config["parameters"].items()]
    Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def make_config(detector: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema ``amiss.config/1`` as plain values."""
    return {"schema": SCHEMA, "detector": detector, "parameters": dict(parameters)}


def read_toml(path: str | PathLike[str]) -> dict[str, Any]:
    """Return the content of a TOML file.

    Raises
    ------
    InputError
        The file cannot be read, or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text; expected a TOML file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML ({error})") from None


def parameter_types(detector: type[Detector]) -> dict[str, Any]:
    """Return the parameters of a detector's constructor with their annotations."""
    hints = get_type_hints(detector.__init__)
    names = list(inspect.signature(detector.__init__).parameters)[1:]
    return {name: hints.get(name, Any) for name in names}


def check_parameters(detector: type[Detector], values: Mapping[str, Any]) -> None:
    """Refuse parameters that a detector has not, and values of the wrong type.

    Raises
    ------
    UsageError
        Names the parameter, and those there are.
    """
    types = parameter_types(detector)
    for name, value in values.items():
        check_name(detector, name)
        if not _fits(types[name], value):
            raise UsageError(f"{name} = {value!r}; expected {_in_words(types[name])}")


def check_name(detector: type[Detector], name: str) -> None:
    """Refuse a parameter that a detector has not."""
    settable = [known for known, hint in parameter_types(detector).items() if _is_plain(hint)]
    if name not in settable:
        raise UsageError(
            f"detector {detector.name!r} has no parameter {name!r} to set; it has: "
            f"{', '.join(settable)}"
        )


def is_plain(value: object) -> bool:
    """Return whether a config can hold `value`."""
    return isinstance(value, str | int | float | bool)


def _is_plain(hint: Any) -> bool:
    return any(part in _WORDS or get_origin(part) is Literal for part in _alternatives(hint))


def _fits(hint: Any, value: object) -> bool:
    return any(_fits_one(part, value) for part in _alternatives(hint))


def _fits_one(part: Any, value: object) -> bool:
    if get_origin(part) is Literal:
        return any(value == option and type(value) is type(option) for option in get_args(part))
    if part is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is part  # True is an int to isinstance, not to the user


def _in_words(hint: Any) -> str:
    said = []
    for part in _alternatives(hint):
        if get_origin(part) is Literal:
            said.append("one of: " + ", ".join(map(repr, get_args(part))))
        elif part in _WORDS:
            said.append(_WORDS[part])
    return " or ".join(said)


def _alternatives(hint: Any) -> list[Any]:
    # TOML has no null: what may be None is left out instead.
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return [part for part in parts if part is not NoneType]


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a TOML string but for DEL, which TOML wants escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, int | float):
        return repr(value)
    raise UsageError(f"{value!r} cannot be written to a config; expected a string or a number")
