"""Judging standard input while it comes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from amiss.cli.streams import complain, say, width
from amiss.errors import UsageError

if TYPE_CHECKING:
    from amiss.cli.log_options import LogOptions


def follow_stream(
    path: Path,
    logs: LogOptions,
    follow: bool,
    idle: str | None,
    rate: float | None,
    rule: str | None,
    as_json: bool,
    limit: int | None,
) -> None:
    """Print findings as they come, until the stream ends or is interrupted."""
    if not follow:
        raise UsageError("--idle is of a stream that is followed: give --follow too")
    if logs.logs != ["-"]:
        raise UsageError(
            "--follow judges standard input: give - as the log, as in: tail -F LOG | …"
        )
    for name, value in (logs.of_logs | logs.of_entities | logs.of_tables).items():
        if value is not None and name != "--mask":
            raise UsageError(
                f"{name} {value}: a stream is read as the model's logs were; leave it out"
            )
    from amiss.run.follow import IDLE
    from amiss.run.follow import follow as run_follow
    from amiss.run.models import load_model, usual_rate
    from amiss.run.pipeline import Model
    from amiss.run.spans import parse_every

    model = load_model(path)
    if not isinstance(model, Model):
        raise UsageError(f"{path}: learnt from {model.info['unit']}s; a stream is of log lines")
    if rate is not None or rule is not None:
        model = model.set_threshold(usual_rate(model) if rate is None else rate, rule or "tail")
    from amiss.present.finding_lines import findings_to_lines
    from amiss.present.text import describe_finding

    seconds = IDLE if idle is None else parse_every(idle, "--idle") / 1000
    mask = logs.selection.get("mask") or tuple(model.info.get("mask", ()))
    scored = flagged = 0
    muted: set[str] = set()
    notes: tuple[str, ...] = ()
    try:
        for found in run_follow(model, sys.stdin.buffer, idle=seconds, mask=mask):
            scored, flagged = scored + len(found.ids), flagged + len(found)
            notes = found.log.notes
            muted.update(found.muted.ids)
            if not found:
                continue
            content = found.to_dict()
            if as_json:
                for line in findings_to_lines(content):
                    say(line)
                continue
            for finding in content["findings"]:
                said = {**finding, "threshold": model.threshold_of(finding["unit"]).value}
                say(describe_finding(said, width()) + "\n")
    finally:  # also when interrupted: what was found is told
        for note in notes:
            complain(note)
        if model.ungrouped is not None:
            complain(f"lines in no {model.info['unit']} are not judged in a stream")
        hidden = f", {len(muted):,} muted" if muted else ""
        complain(f"{flagged:,} of {scored:,} {model.info['unit']}s flagged{hidden}")
    if limit is not None and flagged >= limit:
        raise typer.Exit(3)
