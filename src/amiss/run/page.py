"""The HTML page of findings: its content gathered, and written."""

from __future__ import annotations

from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any

from amiss.errors import InputError, UsageError
from amiss.present.page import SCHEMA, render_page
from amiss.present.summary import timestamp
from amiss.represent.sequences import distinct_sequences
from amiss.represent.sessions import Sessions
from amiss.run.findings import Findings, FindingSequence
from amiss.run.ingest import Labels, match_labels
from amiss.run.metrics import areas, at_threshold, ceiling
from amiss.run.pipeline import Model
from amiss.types import TemplateUse


def page_content(
    findings: FindingSequence, evaluation: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Return what the page shows, as plain values.

    Parameters
    ----------
    findings : Findings or RowFindings
    evaluation : dict, optional
        What `figures_against_labels` or `amiss.evaluate` returned, where there are labels.

    Returns
    -------
    dict
        The schema ``amiss.page/1``: ``findings`` is ``amiss.findings/1``; ``templates``, how often
        each came and when; ``card``, the model card, None without a model.
    """
    from amiss.run.card import model_card

    used = findings.template_use if isinstance(findings, Findings) else ()
    fitted = findings.fitted
    return {
        "schema": SCHEMA,
        "findings": findings.to_dict(),
        "templates": [_template(use) for use in used],
        "card": None if fitted is None else model_card(fitted, templates=0),
        "evaluation": evaluation,
        "created": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }


def figures_against_labels(
    findings: Findings, sessions: Sessions, labels: Labels
) -> dict[str, Any]:
    """Return how well findings agree with labels, trivial baselines and the ceiling beside them.

    The scores are those of the findings: of a scan out of fold, where `amiss.evaluate` would score
    what the model learnt from. So there are none of the members.

    Parameters
    ----------
    findings : Findings
        With the model that decided.
    sessions : Sessions
        What was judged.
    labels : mapping of session id to bool, or path of a label file

    Returns
    -------
    dict
        The schema ``amiss.evaluation/1``, without members; ``ceilings``: the best F1 of any method
        that sees event ids alone.

    Raises
    ------
    LabelError
        The labels name none of the sessions.
    UsageError
        The findings are without their model.
    """
    from amiss.run.evaluate import evaluate

    if not isinstance(findings.fitted, Model):
        raise UsageError("these findings are without their model; expected those of scan or detect")
    anomalous, labelled = match_labels(sessions, labels)
    truth, scores = anomalous[labelled], findings.scores[labelled]
    sequences = findings.fitted.sequences(sessions)[0].take(labelled)
    return evaluate(findings.fitted, sessions, labels) | {
        **at_threshold(truth, scores > findings.threshold.value),
        **areas(truth, scores),
        "members": {},
        "ceilings": {"event ids alone": {"f1": ceiling(distinct_sequences(sequences)[1], truth)}},
    }


def write_page(
    findings: FindingSequence,
    path: str | PathLike[str],
    evaluation: dict[str, Any] | None = None,
) -> None:
    """Write findings as one HTML page that needs nothing else.

    Parameters
    ----------
    findings : Findings or RowFindings
    path : path-like
    evaluation : dict, optional
        As of `page_content`.

    Raises
    ------
    InputError
        The file cannot be written.

    Examples
    --------
    >>> import polars as pl, tempfile
    >>> from amiss import Sessions, scan
    >>> rows = pl.DataFrame({"session": list("aabb"), "event": ["open", "shut"] * 2})
    >>> found = scan(Sessions.from_frame(rows), detector="event-counts")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_page(found, f"{folder}/report.html")
    ...     Path(folder, "report.html").read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    page = render_page(page_content(findings, evaluation))
    try:
        # The hashes in the page are of these bytes: no line end may change.
        Path(path).write_text(page, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None


def _template(use: TemplateUse) -> dict[str, Any]:
    return {
        "template": use.template,
        "name": use.name,
        "events": use.events,
        "start": timestamp(use.start),
        "end": timestamp(use.end),
        "file": use.first.file,
        "first_line": use.first.first_line,
        "new": use.new,
    }
