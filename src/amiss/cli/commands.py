"""The commands, and what becomes of their errors."""

from __future__ import annotations

import sys
from typing import Annotated, Any, cast

import typer

from amiss import __version__
from amiss.cli.card import card
from amiss.cli.detect import detect
from amiss.cli.detectors import detectors
from amiss.cli.diff import diff
from amiss.cli.evaluate import evaluate
from amiss.cli.explain import explain
from amiss.cli.feedback import confirm, mute
from amiss.cli.fit import fit
from amiss.cli.inspect import inspect
from amiss.cli.overview import overview
from amiss.cli.parse import parse
from amiss.cli.scan import scan
from amiss.cli.simulate import simulate_app
from amiss.cli.streams import complain, say
from amiss.cli.sweep import sweep
from amiss.cli.templates import templates
from amiss.cli.tune import tune
from amiss.errors import AmissError, UsageError

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


app.command()(scan)
app.command()(fit)
app.command()(detect)
app.command()(explain)
app.command()(inspect)
app.command()(diff)
app.command()(templates)
app.command("show")(card)
app.command()(mute)
app.command()(confirm)
app.command()(evaluate)
app.command()(tune)
app.command()(parse)
app.command()(sweep)
app.command()(overview)
app.command()(detectors)


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
