"""The command that shows what a model is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from amiss.cli.options import Json
from amiss.cli.streams import dumps, say, width


def card(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model from amiss fit or scan --save.")
    ],
    templates: Annotated[
        bool, typer.Option("--templates", metavar="", help="Show all templates.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a model learnt from, what it is made of, and how it decides."""
    from amiss.present.card import describe_card
    from amiss.run.card import MOST_TEMPLATES, model_card
    from amiss.run.models import load

    described = model_card(load(model), model, templates=None if templates else MOST_TEMPLATES)
    say(dumps(described) if as_json else describe_card(described, width()))
