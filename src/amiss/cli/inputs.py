"""Reading what the commands are given: logs, models, findings."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amiss.cli.log_options import names_in
from amiss.cli.options import (
    DEFAULT_DETECTOR,
    ENTITY_DETECTOR,
    SERIES_DETECTOR,
    WITH_NUMBERS,
)
from amiss.cli.streams import progress, status
from amiss.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from amiss import Activity, Sessions
    from amiss.cli.log_options import LogOptions
    from amiss.detect._base import Detector


def read(
    options: LogOptions,
    grouping: Mapping[str, Any] | None = None,
    selection: Mapping[str, Any] | None = None,
) -> Sessions:
    """Read logs into sessions, with progress on a terminal.

    They are grouped by `grouping` and masked by `selection` if given, else as the options say.
    """
    from amiss.run.ingest import read_sessions

    _refuse(
        options.of_series,
        f"is for sensor series, with a detector such as {SERIES_DETECTOR}; not for logs",
    )
    _refuse(
        options.of_tables, "is for tables and images, with a detector such as vae; not for logs"
    )
    _refuse(options.of_entities, "counts what entities did, which this does not look at")
    _stop_on_interrupt()
    chosen = options.grouping if grouping is None else grouping
    selection = options.selection if selection is None else selection
    try:
        with progress(options.quiet, options.logs) as advance:
            return read_sessions(
                options.logs, **chosen, **selection, format=options.format, progress=advance
            )
    except (InputError, UsageError):
        from amiss.run.row_ingest import looks_like

        told = any(value is not None for value in [*chosen.values(), options.format])
        if told or not (what := looks_like(options.logs)):
            raise
        usual = SERIES_DETECTOR if what == "a sensor series" else "vae"
        raise UsageError(
            f"{options.logs[0]}: holds {what}, not a log; name a detector of such, as in: amiss "
            f"scan --detector {usual}, or say how its lines belong together, such as --window LINES"
        ) from None


def read_entities(
    options: LogOptions, reading: Mapping[str, Any] | None = None, mask: Sequence[str] = ()
) -> Activity:
    """Count what each entity did, as `reading` says if given, with progress on a terminal.

    What the model masked is masked unless the options say otherwise.
    """
    from amiss.run.entity_ingest import read_activity

    _refuse(options.of_tables, "is for tables, series and images; a log is counted by entity")
    kept = ("--format", "--since", "--until", "--mask", "--every")
    grouped = {name: v for name, v in options.of_logs.items() if name not in kept}
    _refuse(grouped, "makes sessions; a log is counted by entity")
    if reading is None:
        reading = {"format": options.format, **options.counting}
        reading = {name: value for name, value in reading.items() if value is not None}
    selection = ({"mask": tuple(mask)} if mask else {}) | options.selection
    _stop_on_interrupt()
    with progress(options.quiet, options.logs) as advance:
        return read_activity(options.logs, **reading, **selection, progress=advance)


def _stop_on_interrupt() -> None:
    if hasattr(signal, "siginterrupt"):
        # Polars' own handler lets reads go on after Ctrl-C: a scan of stdin could not be stopped.
        signal.siginterrupt(signal.SIGINT, True)


def _check_counting(options: LogOptions, reading: Mapping[str, Any]) -> None:
    """Refuse options that contradict how the model counted."""
    from amiss.present.layout import length
    from amiss.run.spans import parse_every

    given = {**options.counting, "every": options.every, "format": options.format}
    for name, value in given.items():
        known = reading[name]
        if value is None:
            continue
        if name == "every":
            same = parse_every(value) == parse_every(known)
            known = length(known)
        elif name == "fields":
            same = {field.lower() for field in value} == {field.lower() for field in known}
            known = ",".join(known)
        else:
            same = value.lower() == known.lower()
        if not same:
            shown = ",".join(value) if name == "fields" else value
            raise UsageError(
                f"--{name} {shown}: this model learnt with --{name} {known}; leave it out, or fit "
                "another model"
            )


def found_grouping(options: LogOptions) -> tuple[LogOptions, list[str]]:
    """Return the options with entities to count, where nothing was said and the log names them.

    Of access logs, what each client did in windows of time is judged; why comes second. How to
    group other logs is found out when they are read.
    """
    told = [*options.grouping.values(), options.by, *options.of_tables.values()]
    if any(value is not None for value in told) or not all(map(_stays, options.logs)):
        return options, []
    from amiss.read.sources import find_sources
    from amiss.read.tables import recognise_table
    from amiss.run.discovery import request_choice
    from amiss.run.entity_ingest import recognised_format

    sources = find_sources(options.logs)
    if recognise_table(sources[0], options.format, grouped=False) is not None:
        return options, []
    choice = request_choice(recognised_format(sources, options.format))
    if choice is None:
        return options, []
    return replace(options, by=str(choice.value)), [f"by {choice.value}: {choice.reason}"]


def _stays(log: str) -> bool:
    """Return whether an input can be read twice: it is no stream."""
    path = Path(log)
    return log != "-" and (not path.exists() or path.is_file() or path.is_dir())


def read_for(model: Path, options: LogOptions) -> tuple[Any, Any, list[str]]:
    """Read the model, and its kind of data: logs grouped or counted, or columns taken, as its were.

    What was mended or left out of a table comes third; sessions say it themselves.
    """
    from amiss.run.learnt import learnt_of_file

    if (learnt := learnt_of_file(model)) is not None:
        # Sessions come first: much memory is taken while they are put in order, and what a model
        # is made with, such as torch, is a third of a gigabyte more.
        sessions = _read_sessions_as(learnt, options)
        return _loaded(model), sessions, []
    from amiss.present.layout import plural

    fitted = _loaded(model)
    if fitted.space is not None:
        _check_counting(options, fitted.space.reading)
        try:
            masked = fitted.info.get("mask", ())
            return fitted, read_entities(options, fitted.space.reading, masked), []
        except InputError as error:
            said = str(error).partition(", so there")[0]  # other groupings are not for this model
            raise InputError(
                f"{said}; this model learnt from logs in the {fitted.space.format} format"
            ) from None
    _refuse(
        options.of_entities,
        f"counts what entities did; this model learnt from {plural(fitted.info['unit'])}",
    )
    if fitted.info["unit"] == "entity":
        raise UsageError(
            f"{model}: fitted on a table, not on a log, so it cannot count one; fit it on what "
            "amiss.read_activity returns, or with: amiss fit --by FIELD"
        )
    columns = None if options.columns else fitted.info["columns"] or None
    return fitted, *_read_rows(options, columns, fitted.info["unit"])


def _loaded(model: Path) -> Any:
    from amiss.run.models import load_model

    return load_model(model)


def _read_sessions_as(learnt: Mapping[str, Any], options: LogOptions) -> Sessions:
    """Read logs into sessions like those that a model learnt from."""
    from amiss.present.layout import plural

    _refuse(
        options.of_entities,
        f"counts what entities did; this model learnt from {plural(learnt['unit'])}",
    )
    if options.format is None and "(?P<" in learnt["format"]:  # a pattern, recognised nowhere
        options = replace(options, format=learnt["format"])
    # What was masked in the log that a model learnt from is masked in others too.
    masked = learnt.get("mask")
    selection = ({"mask": tuple(masked)} if masked else {}) | options.selection
    selection["numbers"] = bool(learnt.get("numbers"))
    if any(value is not None for value in options.grouping.values()):
        return read(options, selection=selection)
    name, value = learnt["option"]
    return read(options, {name: value} if name else {}, selection)


def read_as(
    detector: str | Detector, options: LogOptions, *, clean: bool = False
) -> tuple[Any, list[str]]:
    """Read what a detector takes: logs, or a table or images.

    What was mended or left out of a table comes second; sessions say it themselves.
    """
    if options.by is not None:
        check_takes_table(detector)
        _refuse({"--clean": clean or None}, "is for sessions; all entities are learnt from")
        return read_entities(options), []
    _refuse(options.of_entities, "is of windows by --by FIELD, such as --by client: give that too")
    if not takes_rows(detector):
        name = detector if isinstance(detector, str) else detector.name
        return read(options, selection={**options.selection, "numbers": name in WITH_NUMBERS}), []
    _refuse(
        {"--clean": clean or None},
        "is for logs; of a table all but labelled anomalies is learnt from",
    )
    return _read_rows(options, None, "interval" if takes_series(detector) else None)


def check_takes_table(detector: str | Detector) -> None:
    """Refuse a detector of logs where they are counted by entity."""
    from amiss.detect import CATALOGUE, find_entry

    name = detector if isinstance(detector, str) else detector.name
    if "table" not in find_entry(name).inputs:
        others = [known for known, entry in CATALOGUE.items() if "table" in entry.inputs]
        takes = "series" if takes_series(detector) else "logs"
        raise UsageError(
            f"--by makes a table of counts, and detector {name} takes {takes}; those that take "
            f"tables: {', '.join(others)}"
        )


def takes_rows(detector: str | Detector) -> bool:
    """Return whether a detector takes tables or images, and no logs; torch is not imported."""
    from amiss.detect import find_entry

    inputs = find_entry(detector).inputs if isinstance(detector, str) else detector.inputs
    return "sequences" not in inputs


def takes_series(detector: str | Detector) -> bool:
    """Return whether a detector takes rows that follow each other; torch is not imported."""
    from amiss.detect import find_entry

    inputs = find_entry(detector).inputs if isinstance(detector, str) else detector.inputs
    return "series" in inputs


def _read_rows(options: LogOptions, columns: list[str] | None, unit: Any) -> tuple[Any, list[str]]:
    from amiss.run.row_ingest import read_rows, read_series_rows

    _refuse(options.of_logs, "is for logs; a table or images are taken row by row")
    if options.columns is not None:
        columns = names_in(options.columns)
    if unit is None and any(value is not None for value in options.of_series.values()):
        unit = "interval"
    if unit == "interval":
        _refuse({"--image-size": options.image_size}, "is for images; series have no size")
        with status("reading", options.quiet):
            return read_series_rows(options.logs, **{**options.series_reading, "columns": columns})
    _refuse(options.of_series, "is for sensor series; these are rows or images, each by itself")
    with status("reading", options.quiet):
        return read_rows(
            options.logs,
            columns=columns,
            label=options.label_column,
            size=_size(options.image_size),
            separator=options.separator,
            unit=unit,
        )


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and int(height) and int(width)):
        raise UsageError(f"--image-size {text!r}; expected height and width, such as 32x32")
    return int(height), int(width)


def _refuse(given: Mapping[str, Any], why: str) -> None:
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} {why}: leave it out")


def configured(
    name: str | None, config: Path | None, seed: int, options: LogOptions
) -> tuple[str | Detector | None, LogOptions]:
    """Return the detector that is named or made by a config, and the options with its format.

    Raises
    ------
    UsageError
        Both say the same thing; or the config makes no sense.
    """
    if config is None:
        return name, options
    from amiss.run.config import read_config

    said = read_config(config, random_state=seed)
    if name is not None and said.detector is not None:
        raise UsageError(f"--detector {name} and --config {config}: give one, the config names one")
    if said.format is None:
        return said.detector or name, options
    if options.format is not None:
        raise UsageError(f"--format and --config {config}: give one, the config has a format")
    return said.detector or name, replace(options, format=said.format)


def usual_detector(options: LogOptions) -> str:
    """Return the detector where none is named, by what the options say that the data are."""
    if options.by is not None:
        return ENTITY_DETECTOR
    of_series = any(value is not None for value in options.of_series.values())
    return SERIES_DETECTOR if of_series else DEFAULT_DETECTOR


def read_finding(path: Path, session_id: str) -> dict[str, Any]:
    """Return one finding of what scan or detect printed as JSON, with its threshold."""
    from amiss.present.summary import threshold_of

    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {f["id"]: f for f in content["findings"]}
        thresholds = {id_: threshold_of(content, f["unit"])["value"] for id_, f in found.items()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise not_findings(path) from None
    if session_id not in found:
        such = f"; ids are such as {next(iter(found))!r}" if found else ""
        raise InputError(f"{path}: no finding {session_id!r} among its {len(found):,}{such}")
    return {**found[session_id], "threshold": thresholds[session_id]}


def not_findings(path: Path) -> InputError:
    """Return the error for a file that does not hold findings."""
    return InputError(
        f"{path}: not findings; expected what amiss scan --json or detect --json printed"
    )
