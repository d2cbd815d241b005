"""The commands: parse, call run/, format."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from amiss import __version__
from amiss.cli.evaluate import evaluate
from amiss.cli.follow import follow_stream
from amiss.cli.inputs import (
    configured,
    found_grouping,
    not_findings,
    read,
    read_as,
    read_finding,
    read_for,
    usual_detector,
)
from amiss.cli.inspect import inspect
from amiss.cli.options import (
    DEFAULT_DETECTOR,
    All,
    Clean,
    Config,
    FailOn,
    Json,
    Labels,
    LogOptions,
    ModelFile,
    Rate,
    Rule,
    Seed,
    UsualDetector,
    reads_anything,
)
from amiss.cli.overview import overview
from amiss.cli.parse import parse
from amiss.cli.show import beside, print_csv, report_options, show
from amiss.cli.simulate import simulate_app
from amiss.cli.streams import check_target, complain, dumps, quoted, say, status, width
from amiss.cli.sweep import sweep
from amiss.cli.templates import templates
from amiss.cli.tune import tune
from amiss.errors import AmissError, InputError, UsageError

if TYPE_CHECKING:
    from amiss import Findings, Model, RowFindings

_REPORT = "Report (of tables, series, images and entities)"
app = typer.Typer(
    name="amiss",
    help="Learn what normal looks like in a log, a table or images, and show what is amiss, where "
    "and why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(simulate_app, name="simulate", no_args_is_help=True)

# What typer raises at a command line it cannot parse; where it is defined varies by version.
_Unparsable = cast("type[Exception]", typer.BadParameter.__mro__[1])


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[
        bool, typer.Option("--version", metavar="", help="Print the version and exit.")
    ] = False,
) -> None:
    if version:
        say(f"amiss {__version__}")
        raise typer.Exit


@app.command()
@reads_anything
def scan(
    logs: LogOptions,
    labels: Labels = None,
    detector: UsualDetector = None,
    config: Config = None,
    clean: Clean = False,
    false_alarm_rate: Rate = None,
    rule: Rule = None,
    seed: Seed = 0,
    save: Annotated[
        Path | None, typer.Option("--save", "-o", metavar="MODEL", help="Keep the fitted model.")
    ] = None,
    all_: All = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Learn from data and show what is amiss in it: fit and detect in one go, no labels needed."""
    limit = _parse_fail_on(fail_on)
    if save:
        check_target(save)
    named, logs = configured(detector, config, seed, logs)
    why: list[str] = []
    if named is None and not clean:
        logs, why = found_grouping(logs)
    chosen = usual_detector(logs) if named is None else named
    data, notes = read_as(chosen, logs, clean=clean)
    notes = [*why, *notes]
    from amiss.run.models import scan as run_scan

    with status("learning what is normal", logs.quiet):
        findings = run_scan(
            data,
            labels,
            detector=chosen,
            clean=clean or None,
            false_alarm_rate=false_alarm_rate,
            rule=rule,
            random_state=seed,
        )
    if save and findings.fitted:
        findings.fitted.save(save)
    show(findings, notes, as_json, all_)
    if not as_json and findings and "-" not in logs.logs:
        ask = f"amiss explain {quoted(logs.logs)} --id={quoted([findings[0].id])}"
        if save:
            say(f"\nnext: {ask} --model {quoted([str(save)])}")
        elif (chosen, labels, clean) == (DEFAULT_DETECTOR, None, False):
            again = logs.as_words(seed)
            say(f"\nnext: {ask}{again}")
            say("      (learns again; scan --save m.amiss and explain --model m.amiss avoid that)")
        else:  # explain would learn something else
            say(f"\nnext: scan with --save m.amiss, then {ask} --model m.amiss")
    _exit_on(findings, limit)


@app.command()
@reads_anything
def fit(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="MODEL", help="Where to write the model.")
    ],
    logs: LogOptions,
    labels: Labels = None,
    detector: UsualDetector = None,
    config: Config = None,
    clean: Clean = False,
    false_alarm_rate: Rate = None,
    rule: Rule = None,
    templates_of: Annotated[
        Path | None,
        typer.Option(
            "--templates",
            metavar="MODEL",
            help="Start from the templates of another model, with what was corrected in them.",
        ),
    ] = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Learn what is normal and write it to a model file."""
    check_target(output)
    named, logs = configured(detector, config, seed, logs)
    why: list[str] = []
    if named is None and not clean:
        logs, why = found_grouping(logs)
    chosen = usual_detector(logs) if named is None else named
    data, notes = read_as(chosen, logs, clean=clean)
    notes = [*why, *notes]
    from amiss.present.text import describe_model
    from amiss.run.models import fit as run_fit
    from amiss.run.models import load_model

    known = None if templates_of is None else load_model(templates_of)
    with status("learning what is normal", logs.quiet):
        model = run_fit(
            data,
            labels,
            detector=chosen,
            clean=clean or None,
            false_alarm_rate=false_alarm_rate,
            rule=rule,
            random_state=seed,
            **({} if known is None else {"templates": known}),
        )
    model.save(output)
    for note in notes:
        complain(note)
    described = {
        "schema": "amiss.model/1",
        "file": str(output),
        "bytes": output.stat().st_size,
        "model": model.info,
        "threshold": model.threshold._asdict(),
    }
    say(dumps(described) if as_json else describe_model(described, width()))


@app.command()
@reads_anything
def detect(
    model: ModelFile,
    logs: LogOptions,
    false_alarm_rate: Annotated[
        float | None,
        typer.Option(
            "--false-alarm-rate", metavar="SHARE", help="Another rate than the model's; no refit."
        ),
    ] = None,
    rule: Annotated[
        str | None,
        typer.Option(
            "--rule",
            metavar="RULE",
            help="Find the threshold anew: tail, quantile, sigma-K, top-K, p-X.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        typer.Option(
            "--top",
            metavar="N",
            help="So many of the highest scores, flagged or not.",
            rich_help_panel=_REPORT,
        ),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option(
            "--top-k",
            metavar="K",
            help="Features of each; 5 by default.",
            rich_help_panel=_REPORT,
        ),
    ] = None,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            metavar="",
            help="Print the report as CSV; with a column verdict added, fit --labels takes it.",
            rich_help_panel=_REPORT,
        ),
    ] = False,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="FILE",
            help="Write what came and what was predicted in each window: .parquet or .npy.",
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            metavar="",
            help="With -: judge standard input while it comes; findings are printed as they do, "
            "one a line with --json.",
        ),
    ] = False,
    idle: Annotated[
        str | None,
        typer.Option(
            "--idle",
            metavar="TIME",
            help="With --follow: a session that is silent so long is over; 5m by default.",
        ),
    ] = None,
    preview: Annotated[
        bool,
        typer.Option("--preview", metavar="", help="Show how many each rate would flag, and stop."),
    ] = False,
    all_: All = False,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Show what is amiss in other data, by a model."""
    limit = _parse_fail_on(fail_on)
    if as_csv and as_json:
        raise UsageError("--csv and --json would both write to stdout; give one of them")
    if follow or idle is not None:
        for name, given in (("--csv", as_csv), ("--preview", preview), ("--top", top is not None)):
            if given:
                raise UsageError(f"{name} is of a whole log, not of a stream that goes on")
        follow_stream(model, logs, follow, idle, false_alarm_rate, rule, as_json, limit)
        return
    if preview and predictions:
        raise UsageError("--preview stops before anything is predicted: leave out --predictions")
    if predictions:
        from amiss.run.models import load_model
        from amiss.run.predictions import check_predictions

        check_target(predictions, "predictions")
        check_predictions(load_model(model), predictions)
    fitted, data, notes = read_for(model, logs)
    reporting = report_options(fitted, top, top_k, as_csv)
    if false_alarm_rate is not None or rule is not None:
        from amiss.run.models import usual_rate

        rate = usual_rate(fitted) if false_alarm_rate is None else false_alarm_rate
        fitted = fitted.set_threshold(rate, rule or "tail")
    if preview:
        from amiss.present.text import describe_preview

        if rule is not None and fitted.threshold.rate is None:
            raise UsageError(f"--preview compares false-alarm rates; the rule {rule} asks for none")

        content = {
            "schema": "amiss.preview/1",
            "unit": fitted.info["unit"],
            "scored": len(data),
            "rates": fitted.preview(data, rule=rule or "tail").to_dicts(),
        }
        say(dumps(content) if as_json else describe_preview(content))
        return
    if predictions:
        from amiss.run.predictions import write_predictions

        with status("predicting", logs.quiet):
            count = write_predictions(fitted, data, predictions)
        complain(f"{predictions}: {count:,} windows")
    with status("scoring", logs.quiet):
        findings = fitted.detect(data, **reporting)
    if as_csv:
        print_csv(findings, notes)
    else:
        show(findings, notes, as_json, all_ or top is not None, top_k is not None)
    if not (as_json or as_csv) and findings and "-" not in logs.logs:
        again = logs.as_words()
        say(
            f"\nnext: amiss explain {quoted(logs.logs)} --id={quoted([findings[0].id])} "
            f"--model {quoted([str(model)])}{again}"
        )
        if findings[0].unit == "entity":
            say("      (--csv prints a report; with a column verdict added, fit --labels takes it)")
    _exit_on(findings, limit)


@app.command()
@reads_anything
def explain(
    *,
    item_id: Annotated[
        str,
        typer.Option(
            "--id",
            metavar="ID",
            help="The session, row, image, entity or interval to explain; of a series any time in "
            "it, or the number of a row.",
        ),
    ],
    model: Annotated[
        Path | None, typer.Option("--model", "-m", metavar="MODEL", help="A model from amiss fit.")
    ] = None,
    findings: Annotated[
        Path | None,
        typer.Option("--findings", metavar="JSON", help="What scan or detect --json printed."),
    ] = None,
    logs: LogOptions,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Explain one session, row, image, entity or interval: what came, and what was expected.

    Without --model or --findings a log is scanned once more.
    """
    from amiss.present.summary import finding_to_dict
    from amiss.present.text import describe_finding

    if model and findings:
        raise UsageError("give --model or --findings, not both")
    if logs.by is not None and not model and not findings:
        raise UsageError(
            "what an entity did is explained by a model; fit one with: amiss fit LOG --by "
            f"{quoted([logs.by])} -o m.amiss, and give --model m.amiss"
        )
    if any(v is not None for v in logs.of_series.values()) and not model and not findings:
        raise UsageError(
            "an interval of a series is explained by a model; fit one with: amiss fit SERIES "
            "--head N -o m.amiss, and give --model m.amiss"
        )
    if findings:
        found = read_finding(findings, item_id)
    elif model:
        fitted, data, _ = read_for(model, logs)
        found = finding_to_dict(fitted.explain(data, item_id))
        found["threshold"] = fitted.threshold.value
        if getattr(fitted, "space", None) is not None:
            found |= beside(fitted, data, found)
    else:
        from amiss.run.pipeline import scan as run_scan

        sessions = read(logs, selection={**logs.selection, "numbers": True})  # as scan does
        if item_id not in sessions.ids:
            raise InputError(
                f"no {sessions.log.unit} {item_id!r} in this log; ids are such as "
                f"{sessions.ids[0]!r}"
            )
        with status("learning what is normal", logs.quiet):
            scanned = run_scan(sessions, random_state=seed)
        # As scan judged it, out of fold; what scan did not flag, as detect would.
        flagged = next((f for f in scanned if f.id == item_id), None)
        fitted = cast("Model", scanned.fitted)
        found = finding_to_dict(flagged or fitted.explain(sessions, item_id))
        found["threshold"] = scanned.threshold.value
    try:
        text = describe_finding(found, width())
    except (KeyError, TypeError, ValueError, AttributeError):
        if not findings:
            raise
        raise not_findings(findings) from None
    say(dumps({"schema": "amiss.finding/1", **found}) if as_json else text)


app.command()(inspect)
app.command()(templates)
app.command()(evaluate)
app.command()(tune)
app.command()(parse)
app.command()(sweep)
app.command()(overview)


@app.command()
def detectors(as_json: Json = False) -> None:
    """List the detectors by name, and what each takes."""
    from amiss.detect import CATALOGUE

    if as_json:
        inputs = {name: list(entry.inputs) for name, entry in CATALOGUE.items()}
        say(dumps({"schema": "amiss.detectors/1", "detectors": list(CATALOGUE), "inputs": inputs}))
        return
    names = {
        "sequences": "logs", "windows": "windows of events", "table": "tables",
        "series": "sensor series",
    }  # fmt: skip
    widest = max(map(len, CATALOGUE))
    for name, entry in CATALOGUE.items():
        say(f"{name:<{widest}}  {', '.join(names.get(i, i) for i in entry.inputs)}")


def main() -> None:
    """Run the command line."""
    code = 1
    try:
        code = app(prog_name="amiss", standalone_mode=False) or 0
    except UsageError as error:
        code = 2
        complain(str(error))
    except _Unparsable as error:
        code = 2
        complain(_describe_unparsable(error))
    except AmissError as error:
        complain(str(error))
    except OSError as error:
        complain(f"{error.filename or 'input or output'}: {error.strerror or error}")
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    finally:
        if "amiss.read.sources" in sys.modules:
            sys.modules["amiss.read.sources"].remove_spooled()
    if code == 130:
        complain("interrupted")
    sys.exit(code)


def _describe_unparsable(error: Any) -> str:
    """Put into one line what typer draws as a box."""
    message = " ".join(error.format_message().split()).removesuffix(".")
    command = error.ctx.command_path if error.ctx else "amiss"
    return f"{message[:1].lower()}{message[1:]}; see: {command} --help"


def _parse_fail_on(text: str | None) -> int | None:
    if text is None:
        return None
    if text == "any":
        return 1
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(f"--fail-on {text!r}; expected any, or a number of findings from 1")


def _exit_on(findings: Findings | RowFindings, limit: int | None) -> None:
    if limit is not None and findings.alarms >= limit:
        raise typer.Exit(3)
