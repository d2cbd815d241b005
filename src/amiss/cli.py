"""The command line: parse, call run/, format. Results on stdout, everything else on stderr.

Exit codes: 0 fine, 1 failure, 2 usage, 3 anomalies found under --fail-on, 130 interrupted.
Heavy libraries are imported where they are used, so that --help is quick.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from amiss import __version__
from amiss.errors import AmissError, InputError, UsageError

if TYPE_CHECKING:
    from amiss import Findings, Model, Sessions

app = typer.Typer(
    name="amiss",
    help="Learn what normal looks like in a log, and show what is amiss, where and why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
simulate_app = typer.Typer(help="Write logs with known faults, to try things on.")
app.add_typer(simulate_app, name="simulate", no_args_is_help=True)

Input = Annotated[
    list[str],
    typer.Argument(
        metavar="LOG",
        help="Log files (plain, .gz, .zst), folders, glob patterns, or - for stdin.",
    ),
]
_GROUP = "What is judged (one of)"
Key = Annotated[
    str | None,
    typer.Option(
        "--session-key",
        metavar="PATTERN",
        help=r"Lines with the same match are a session, such as 'blk_-?\d+'.",
        rich_help_panel=_GROUP,
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        "--session-field",
        metavar="NAME",
        help="Lines with the same value of a header field are a session, such as pid.",
        rich_help_panel=_GROUP,
    ),
]
Gap = Annotated[
    float | None,
    typer.Option(
        "--gap",
        metavar="SECONDS",
        help="A silence this long starts a new window.",
        rich_help_panel=_GROUP,
    ),
]
Window = Annotated[
    int | None,
    typer.Option(
        "--window",
        metavar="LINES",
        help="So many lines are a window.",
        rich_help_panel=_GROUP,
    ),
]
Format = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Header format; recognised by default."),
]
ModelFile = Annotated[
    Path, typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit.")
]
Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Session and label; sessions known to be anomalous are not learnt from.",
    ),
]
Detector = Annotated[str, typer.Option("--detector", metavar="NAME", help="See amiss detectors.")]
Clean = Annotated[
    bool,
    typer.Option(
        "--clean", metavar="", help="All of the log is normal: leave nothing out of what is learnt."
    ),
]
Rate = Annotated[
    float,
    typer.Option(
        "--false-alarm-rate",
        metavar="SHARE",
        help="Share of normal sessions that may be flagged.",
    ),
]
Rule = Annotated[
    str, typer.Option("--rule", metavar="tail|quantile", help="How the threshold is found.")
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same result.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print JSON instead of text.")]
All = Annotated[
    bool, typer.Option("--all", metavar="", help="Show every kind of finding, not the top ten.")
]
FailOn = Annotated[
    str | None,
    typer.Option("--fail-on", metavar="any|N", help="Exit with 3 if so many are flagged."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", metavar="", help="No progress on stderr.")]

_RATE = 0.0005
_DETECTOR = "session-ensemble"

# What typer raises at a command line it cannot parse; where it is defined varies by version.
_Unparsable = cast("type[Exception]", typer.BadParameter.__mro__[1])


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[
        bool, typer.Option("--version", metavar="", help="Print the version and exit.")
    ] = False,
) -> None:
    if version:
        _say(f"amiss {__version__}")
        raise typer.Exit


@app.command()
def scan(
    logs: Input,
    session_key: Key = None,
    session_field: Field = None,
    gap: Gap = None,
    window: Window = None,
    format: Format = None,  # noqa: A002 - the option's name
    labels: Labels = None,
    detector: Detector = _DETECTOR,
    clean: Clean = False,
    false_alarm_rate: Rate = _RATE,
    rule: Rule = "tail",
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option("--save", "-o", metavar="MODEL", help="Keep the fitted model.")
    ] = None,
    all_: All = False,
    fail_on: FailOn = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn from a log and show what is amiss in it: fit and detect in one go, no labels needed."""
    limit = _parse_fail_on(fail_on)
    if save:
        _check_target(save)
    sessions = _read(logs, session_key, session_field, gap, window, format, quiet)
    from amiss.run.pipeline import scan as run_scan

    with _status("learning what is normal", quiet):
        findings = run_scan(
            sessions,
            labels,
            detector=detector,
            clean=clean or None,
            false_alarm_rate=false_alarm_rate,
            rule=rule,
            random_state=seed,
        )
    if save and findings.fitted:
        findings.fitted.save(save)
    _show(findings, as_json, all_)
    if not as_json and findings and "-" not in logs:
        ask = f"amiss explain {_quoted(logs)} --id={_quoted([findings[0].id])}"
        if save:
            _say(f"\nnext: {ask} --model {_quoted([str(save)])}")
        elif (detector, labels, clean) == (_DETECTOR, None, False):
            again = _as_options(session_key, session_field, gap, window, format, seed)
            _say(f"\nnext: {ask}{again}")
            _say("      (learns again; scan --save m.amiss and explain --model m.amiss avoid that)")
        else:  # explain would learn something else
            _say(f"\nnext: scan with --save m.amiss, then {ask} --model m.amiss")
    _exit_on(findings, limit)


@app.command()
def fit(
    logs: Input,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Where to write the model.")
    ],
    session_key: Key = None,
    session_field: Field = None,
    gap: Gap = None,
    window: Window = None,
    format: Format = None,  # noqa: A002 - the option's name
    labels: Labels = None,
    detector: Detector = _DETECTOR,
    clean: Clean = False,
    false_alarm_rate: Rate = _RATE,
    rule: Rule = "tail",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn what is normal and write it to a model file."""
    _check_target(output)
    sessions = _read(logs, session_key, session_field, gap, window, format, quiet)
    from amiss.present.text import describe_model
    from amiss.run.pipeline import fit as run_fit

    with _status("learning what is normal", quiet):
        model = run_fit(
            sessions,
            labels,
            detector=detector,
            clean=clean or None,
            false_alarm_rate=false_alarm_rate,
            rule=rule,
            random_state=seed,
        )
    model.save(output)
    described = {
        "schema": "amiss.model/1",
        "file": str(output),
        "bytes": output.stat().st_size,
        "model": model.info,
        "threshold": model.threshold._asdict(),
    }
    _say(_dumps(described) if as_json else describe_model(described, _width()))


@app.command()
def detect(
    logs: Input,
    model: ModelFile,
    session_key: Key = None,
    session_field: Field = None,
    gap: Gap = None,
    window: Window = None,
    format: Format = None,  # noqa: A002 - the option's name
    false_alarm_rate: Annotated[
        float | None,
        typer.Option(
            "--false-alarm-rate", metavar="SHARE", help="Another rate than the model's; no refit."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule", metavar="tail|quantile", help="Find the threshold anew by this rule."
        ),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", metavar="", help="Show how many each rate would flag, and stop."),
    ] = False,
    all_: All = False,
    fail_on: FailOn = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what is amiss in a log, by a model."""
    limit = _parse_fail_on(fail_on)
    fitted, sessions = _read_for(
        model, logs, session_key, session_field, gap, window, format, quiet
    )
    if false_alarm_rate is not None or rule is not None:
        rate = fitted.threshold.rate if false_alarm_rate is None else false_alarm_rate
        fitted = fitted.set_threshold(rate, rule or "tail")
    if preview:
        from amiss.present.text import describe_preview

        content = {
            "schema": "amiss.preview/1",
            "unit": sessions.log.unit,
            "scored": len(sessions),
            "rates": fitted.preview(sessions, rule=rule or "tail").to_dicts(),
        }
        _say(_dumps(content) if as_json else describe_preview(content))
        return
    with _status("scoring", quiet):
        findings = fitted.detect(sessions)
    _show(findings, as_json, all_)
    if not as_json and findings and "-" not in logs:
        again = _as_options(session_key, session_field, gap, window, format)
        _say(
            f"\nnext: amiss explain {_quoted(logs)} --id={_quoted([findings[0].id])} "
            f"--model {_quoted([str(model)])}{again}"
        )
    _exit_on(findings, limit)


@app.command()
def explain(
    logs: Input,
    session_id: Annotated[str, typer.Option("--id", metavar="ID", help="The session to explain.")],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit.")
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", metavar="JSON", help="What scan or detect --json printed."),
    ] = None,
    session_key: Key = None,
    session_field: Field = None,
    gap: Gap = None,
    window: Window = None,
    format: Format = None,  # noqa: A002 - the option's name
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Explain one session: what was expected, what came, the lines, the nearest normal session.

    Without --model or --findings the log is scanned once more.
    """
    from amiss.present.summary import finding_to_dict
    from amiss.present.text import describe_finding

    if model and findings:
        raise UsageError("give --model or --findings, not both")
    if findings:
        found = _from_findings(findings, session_id)
    elif model:
        fitted, sessions = _read_for(
            model, logs, session_key, session_field, gap, window, format, quiet
        )
        found = finding_to_dict(fitted.explain(sessions, session_id))
        found["threshold"] = fitted.threshold.value
    else:
        from amiss.run.pipeline import scan as run_scan

        sessions = _read(logs, session_key, session_field, gap, window, format, quiet)
        if session_id not in sessions.ids:
            raise InputError(
                f"no {sessions.log.unit} {session_id!r} in this log; ids are such as "
                f"{sessions.ids[0]!r}"
            )
        with _status("learning what is normal", quiet):
            scanned = run_scan(sessions, random_state=seed)
        # As scan judged it, out of fold; what scan did not flag, as detect would.
        flagged = next((f for f in scanned if f.id == session_id), None)
        fitted = cast("Model", scanned.fitted)
        found = finding_to_dict(flagged or fitted.explain(sessions, session_id))
        found["threshold"] = scanned.threshold.value
    try:
        text = describe_finding(found, _width())
    except (KeyError, TypeError, ValueError, AttributeError):
        if not findings:
            raise
        raise _not_findings(findings) from None
    _say(_dumps({"schema": "amiss.finding/1", **found}) if as_json else text)


@app.command()
def evaluate(
    logs: Input,
    labels: Annotated[
        Path, typer.Option("--labels", metavar="CSV", help="Session and label, with a header.")
    ],
    model: ModelFile,
    session_key: Key = None,
    session_field: Field = None,
    gap: Gap = None,
    window: Window = None,
    format: Format = None,  # noqa: A002 - the option's name
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compare a model's findings with labels, session by session."""
    fitted, sessions = _read_for(
        model, logs, session_key, session_field, gap, window, format, quiet
    )
    from amiss.present.text import describe_evaluation
    from amiss.read.labels import read_labels
    from amiss.run.evaluate import evaluate as run_evaluate

    known = read_labels(labels)
    with _status("scoring", quiet):
        report = run_evaluate(fitted, sessions, known)
    _say(_dumps(report) if as_json else describe_evaluation(report))


@app.command()
def detectors(as_json: Json = False) -> None:
    """List the detectors by name."""
    from amiss.detect import CATALOGUE

    _say(
        _dumps({"schema": "amiss.detectors/1", "detectors": list(CATALOGUE)})
        if as_json
        else "\n".join(CATALOGUE)
    )


@simulate_app.command("hdfs")
def simulate_hdfs(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")
    ],
    lines: Annotated[
        int, typer.Option("--lines", metavar="N", help="Length of the log.")
    ] = 100_000,
    seed: Seed = 0,
    anomaly_share: Annotated[
        float, typer.Option("--anomaly-share", metavar="SHARE", help="Share of faulty sessions.")
    ] = 0.03,
    as_json: Json = False,
) -> None:
    """Write the log of an HDFS-like cluster with injected faults, and their labels."""
    from amiss.simulate.hdfs import simulate_hdfs as run_simulation

    if output.exists() and not output.is_dir():
        raise UsageError(f"{output}: is a file; expected a folder to write to")
    made = run_simulation(output, lines, seed, anomaly_share)
    if as_json:
        values = {key: str(v) if isinstance(v, Path) else v for key, v in _fields(made).items()}
        _say(_dumps({"schema": "amiss.simulation/1", **values}))
        return
    _say(f"log      {made.log} · {made.lines:,} lines · {made.sessions:,} sessions")
    _say(f"labels   {made.labels} · {made.anomalies:,} anomalies")
    _say(f"faults   {made.faults}")
    _say(f"\nnext: amiss scan {_quoted([str(made.log)])}")


def main() -> None:
    """Run the command line."""
    code = 1
    try:
        code = app(prog_name="amiss", standalone_mode=False) or 0
    except UsageError as error:
        code = 2
        _complain(str(error))
    except _Unparsable as error:
        code = 2
        _complain(_describe_unparsable(error))
    except AmissError as error:
        _complain(str(error))
    except OSError as error:
        _complain(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    finally:
        if "amiss.read.sources" in sys.modules:
            sys.modules["amiss.read.sources"].remove_spooled()
    if code == 130:
        _complain("interrupted")
    sys.exit(code)


def _complain(text: str) -> None:
    from amiss.present.escape import visible

    sys.stderr.write(f"amiss: {visible(text)}\n")


def _describe_unparsable(error: Any) -> str:
    """Put into one line what typer draws as a box."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    command = error.ctx.command_path if error.ctx else "amiss"
    return f"{message[:1].lower()}{message[1:]}; see: {command} --help"


def _read(
    logs: list[str],
    session_key: str | None,
    session_field: str | None,
    gap: float | None,
    window: int | None,
    format: str | None,  # noqa: A002 - the option's name
    quiet: bool,
) -> Sessions:
    from amiss.run.ingest import read_sessions

    if hasattr(signal, "siginterrupt"):
        # Polars' own handler lets reads go on after Ctrl-C: a scan of stdin could not be stopped.
        signal.siginterrupt(signal.SIGINT, True)
    with _progress(quiet) as advance:
        return read_sessions(
            logs,
            session_key=session_key,
            session_field=session_field,
            gap=gap,
            window=window,
            format=format,
            progress=advance,
        )


def _read_for(
    model: Path,
    logs: list[str],
    session_key: str | None,
    session_field: str | None,
    gap: float | None,
    window: int | None,
    format: str | None,  # noqa: A002 - the option's name
    quiet: bool,
) -> tuple[Any, Sessions]:
    """Read the model, and the logs grouped as the model's were unless told otherwise."""
    from amiss.run.pipeline import load_model

    fitted = load_model(model)
    given = {
        "session_key": session_key, "session_field": session_field, "gap": gap, "window": window,
    }  # fmt: skip
    if all(value is None for value in given.values()):
        name, value = fitted.info["option"]
        given[name] = value
    sessions = _read(logs, **given, format=format, quiet=quiet)  # type: ignore[arg-type]  # as stored
    return fitted, sessions


def _from_findings(path: Path, session_id: str) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = {f["id"]: f for f in content["findings"]}
        threshold = content["threshold"]["value"]
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _not_findings(path) from None
    if session_id not in found:
        such = f"; ids are such as {next(iter(found))!r}" if found else ""
        raise InputError(f"{path}: no finding {session_id!r} among its {len(found):,}{such}")
    return {**found[session_id], "threshold": threshold}


def _not_findings(path: Path) -> InputError:
    return InputError(
        f"{path}: not findings; expected what amiss scan --json or detect --json printed"
    )


def _show(findings: Findings, as_json: bool, everything: bool) -> None:
    if as_json:
        _say(_dumps(findings.to_dict()))
        return
    from amiss.present.text import MOST_SHOWN, summarise

    _say(summarise(findings.to_dict(), None if everything else MOST_SHOWN, _width()))


def _parse_fail_on(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "any":
        return 1
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--fail-on {text!r}; expected any, or a number of findings from 1")


def _check_target(path: Path) -> None:
    """Refuse a file that cannot be written now, not after minutes of learning."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; expected the name of a model file")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")


def _exit_on(findings: Findings, limit: int | None) -> None:
    if limit is not None and len(findings) >= limit:
        raise typer.Exit(3)


def _say(text: str) -> None:
    """Write a result to stdout, whatever characters its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has enough; the exit code is still to say what was found.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _dumps(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, allow_nan=False)


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


def _width() -> int:
    return max(40, shutil.get_terminal_size((120, 24)).columns)


def _quoted(words: list[str]) -> str:
    import shlex

    from amiss.present.escape import visible

    return " ".join(shlex.quote(visible(word)) for word in words)


def _as_options(
    session_key: str | None,
    session_field: str | None,
    gap: float | None,
    window: int | None,
    format: str | None,  # noqa: A002 - the option's name
    seed: int = 0,
) -> str:
    """Return the options that make another command read the log in the same way."""
    given = {
        "session-key": session_key, "session-field": session_field, "gap": gap, "window": window,
        "format": format, "seed": seed or None,
    }  # fmt: skip
    return "".join(
        f" --{name}={_quoted([str(value)])}" for name, value in given.items() if value is not None
    )


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show bytes read on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("reading"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def _status(text: str, quiet: bool) -> Iterator[None]:
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


if __name__ == "__main__":
    main()
