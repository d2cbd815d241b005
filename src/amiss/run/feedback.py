"""Mute what is of no interest, confirm what was an anomaly; a model keeps both."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from difflib import get_close_matches
from itertools import chain, product
from typing import Any

from amiss.errors import UsageError
from amiss.explain.incidents import kind_id
from amiss.explain.muting import Shown, leave_out_muted
from amiss.present.escape import visible
from amiss.present.incidents import describe_symptom, headline, what_happened
from amiss.represent.templates import TemplateMiner
from amiss.run.spans import parse_moment
from amiss.types import NO_TIME, Finding, Incident, Symptom
from amiss.types.feedback import CONFIRM, FINDING, INCIDENT, MUTE, TEMPLATE, Feedback

_WORDS = ("what", "kind", "verdict", "who", "why", "about", "undone_by")
_MOMENTS = ("when", "until", "undone")
_INCIDENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9]+)?")
_ALONE = ("unseen", "unexpected", "missing", "surplus", "mispredicted", "count", "step")
_SIDES = ("", "high", "low")
_MOST_NUMBERS = 9
"""Numbers of one message that may be an incident of their own, as far as ids are looked up."""
_MOST_PAIRS = 300
"""Of more templates, pairs of them are not looked up by their ids."""
_MOST_COMPARED = 10_000
"""Templates that a slip is compared with."""
_NEAR, _SHOWN = 3, 100


def mute(
    model: Any,
    what: str,
    *,
    until: str | None = None,
    why: str = "",
    who: str | None = None,
    findings: dict[str, Any] | None = None,
    now: int | None = None,
) -> Feedback:
    """Let a model leave out findings of a template, or incidents of a kind; save it to keep that.

    Findings of a template are left out if nothing else speaks for them. What is muted already is
    muted anew, with what is said now. `detect` and `follow` count what they left out.

    Parameters
    ----------
    model : Model or RowModel
    what : str
        Number, name or text of a template; or the id of an incident, as findings have it: those of
        its kind are muted, which share the id up to the dash.
    until : str, optional
        A moment, UTC, such as ``2026-12-01``: from then on it hides nothing any more.
    why : str
    who : str, optional
        By default the user who runs this.
    findings : dict, optional
        The schema ``amiss.findings/1``, where `what` is looked up: a template that the model has
        not learnt is known there only.
    now : int, optional
        Milliseconds since 1970, UTC; by default the clock says.

    Returns
    -------
    Feedback
        What was added to ``model.feedback``. Its ``about`` is empty where neither the model nor
        `findings` knows of such an incident.

    Raises
    ------
    UsageError
        There is no such template or incident; or `until` is no moment to come.

    Examples
    --------
    >>> import polars as pl
    >>> from amiss import Sessions, fit
    >>> rows = pl.DataFrame({"session": list("aabb"), "event": ["open", "shut"] * 2})
    >>> model = fit(Sessions.from_frame(rows), detector="event-counts")
    >>> mute(model, "open", why="all do", who="me", now=0).what
    'open'
    """
    kind, name, about = _muted(model, what, findings)
    moment = clock(now)
    end = NO_TIME if until is None else parse_moment(until)
    if end != NO_TIME and end <= moment:
        raise UsageError(f"until {until}: that is over; expected a moment to come, UTC")
    entry = Feedback(name, kind, MUTE, _who(who), moment, why.strip(), end, about)
    if kind == INCIDENT and findings is not None:
        entry = replace(entry, known=_news_of(name, findings))
    _add(model, entry)
    return entry


def confirm(
    model: Any,
    what: str,
    *,
    why: str = "",
    who: str | None = None,
    findings: dict[str, Any] | None = None,
    now: int | None = None,
) -> Feedback:
    """Let a model keep that an incident, or a finding, was an anomaly; save it to keep that.

    Parameters
    ----------
    model : Model or RowModel
    what : str
        Id of an incident, or of what was flagged, such as a session.
    why, who, findings, now
        As `mute` has them. With `findings` the ids of an incident's findings are kept too.

    Returns
    -------
    Feedback
        What was added to ``model.feedback``.

    Raises
    ------
    UsageError
        It is not among `findings`.
    """
    kind, about, ids = _confirmed(what, findings)
    entry = Feedback(what, kind, CONFIRM, _who(who), clock(now), why.strip(), about=about, ids=ids)
    _add(model, entry)
    return entry


def undo_feedback(
    model: Any,
    numbers: Sequence[int],
    verdict: str,
    *,
    who: str | None = None,
    now: int | None = None,
) -> list[Feedback]:
    """Take back mutes or confirmations; they stay in the model, and say so.

    Parameters
    ----------
    model : Model or RowModel
    numbers : sequence of int
        Their places in ``model.feedback``, from 1, as the model card has them.
    verdict : {"mute", "confirm"}
        What they are.
    who, now
        As `mute` has them.

    Raises
    ------
    UsageError
        There is none of a number, it is no such verdict, or it was taken back before.
    """
    entries = list(model.feedback)
    for number in numbers:
        if not 1 <= number <= len(entries) or entries[number - 1].verdict != verdict:
            there = [str(i) for i, e in enumerate(entries, 1) if e.verdict == verdict]
            known = f"there are {', '.join(there)}" if there else "the model has none"
            raise UsageError(f"there is no {verdict} {number} to take back; {known}")
        if entries[number - 1].undone != NO_TIME:
            raise UsageError(f"{verdict} {number} was taken back before")
        entries[number - 1] = replace(entries[number - 1], undone=clock(now), undone_by=_who(who))
    model.feedback = tuple(entries)
    return [entries[number - 1] for number in numbers]


def shown_of(
    model: Any,
    findings: Sequence[Finding],
    incidents: Sequence[Incident],
    now: int | None = None,
) -> Shown:
    """Return what is left of findings without what a user of the model muted.

    Parameters
    ----------
    model : Model or RowModel
    findings : sequence of Finding
    incidents : sequence of Incident
        Of all findings.
    now : int, optional
        As `mute` has it.
    """
    miner = _miner_of(model)
    renamed = {}
    if miner is not None and miner.aliases:
        texts = miner.templates
        renamed = {texts[alias]: texts[into] for alias, into in miner.aliases.items()}
    return leave_out_muted(findings, incidents, model.feedback, clock(now), renamed)


def feedback_to_content(feedback: Sequence[Feedback]) -> list[dict[str, Any]]:
    """Return what a model file holds of feedback."""
    return [asdict(entry) for entry in feedback]


def feedback_of_content(content: Sequence[dict[str, Any]] | None) -> tuple[Feedback, ...]:
    """Return feedback from what a file holds; older files hold none."""
    found = []
    for entry in content or ():
        values: dict[str, Any] = {name: str(entry[name]) for name in _WORDS}
        values |= {name: int(entry[name]) for name in _MOMENTS}
        values["ids"] = tuple(map(str, entry["ids"]))
        if entry.get("known") is not None:
            values["known"] = tuple(map(str, entry["known"]))
        found.append(Feedback(**values))
    return tuple(found)


def _add(model: Any, entry: Feedback) -> None:
    """Append an entry; one that says the same is over."""
    same = (entry.verdict, entry.kind, entry.what)
    model.feedback = (
        *(
            replace(old, undone=entry.when, undone_by=entry.who)
            if (old.verdict, old.kind, old.what) == same and old.undone == NO_TIME
            else old
            for old in model.feedback
        ),
        entry,
    )


def _muted(model: Any, what: str, findings: dict[str, Any] | None) -> tuple[str, str, str]:
    """Return the kind, the name and the words of what is to be muted."""
    miner = _miner_of(model)
    texts = [] if miner is None or not hasattr(model, "miner") else _template(miner, what)
    if len(set(texts)) > 1:
        raise UsageError(f"{what!r} is the name of {len(texts)} templates; give one by its number")
    if texts:
        return TEMPLATE, texts[0], ""
    found = [] if findings is None else findings["incidents"]
    kinds = {incident["kind"]: incident for incident in found}
    if _INCIDENT_ID.fullmatch(what):
        kind = what.partition("-")[0]
        if kind in kinds:
            return INCIDENT, kind, what_happened(kinds[kind])
        if findings is not None:
            raise UsageError(_no_incident(what, found))
        return INCIDENT, kind, _about(model, miner, kind)
    if (text := _found_template(what, findings)) is not None:
        return TEMPLATE, text, ""
    raise UsageError(_unknown(what, miner, findings))


def _news_of(kind: str, findings: dict[str, Any]) -> tuple[str, ...]:
    """Return the templates in incidents of a kind that training did not have."""
    ids = {incident["id"] for incident in findings["incidents"] if incident["kind"] == kind}
    news = {
        shown["template"]
        for finding in findings["findings"]
        if finding["incident"] in ids
        for shown in (*finding["got"], *finding["deviations"])
        if shown.get("unseen") or (shown.get("kind") == "count" and shown["usual"] is None)
    }
    return tuple(sorted(text for text in news if text is not None))


def _template(miner: TemplateMiner, what: str) -> list[str]:
    """Return the templates that are meant: by number, by name, or by text."""
    texts = miner.templates
    if what.isdecimal() and int(what) < len(texts):
        number = int(what)
        if number in miner.divided:
            raise UsageError(f"template {what} was split; what it covered has numbers of its own")
        return [texts[miner.aliases.get(number, number)]]
    named = [texts[i] for i, name in miner.names.items() if name == what]
    return named or [
        texts[miner.aliases.get(i, i)]
        for i, text in enumerate(texts)
        if what in (text, visible(text)) and i not in miner.divided
    ]


def _found_template(what: str, findings: dict[str, Any] | None) -> str | None:
    """Return a template that findings show, by its text as it is or as it was shown."""
    for finding in () if findings is None else findings["findings"]:
        for part in ("got", "deviations", "missing", "surplus", "mispredicted"):
            for shown in finding[part]:
                text: str | None = shown["template"]
                if text is not None and what in (text, visible(text)):
                    return text
    return None


def _confirmed(what: str, findings: dict[str, Any] | None) -> tuple[str, str, tuple[str, ...]]:
    """Return the kind, the words and the findings of what is to be confirmed."""
    if findings is None:
        if not what.strip():
            raise UsageError("nothing to confirm; expected the id of an incident or of a session")
        return INCIDENT if _INCIDENT_ID.fullmatch(what) else FINDING, "", ()
    incident = next((i for i in findings["incidents"] if i["id"] == what), None)
    if incident is not None:
        ids = tuple(f["id"] for f in findings["findings"] if f["incident"] == what)
        return INCIDENT, headline(incident), ids
    ids = tuple(f["id"] for f in findings["findings"])
    if what in ids:
        return FINDING, "", ()
    incidents = [i["id"] for i in findings["incidents"]]
    raise UsageError(
        f"{visible(what, _SHOWN)!r} is neither an incident nor a finding there; "
        f"{_such([*incidents, *ids], what)}"
    )


def _about(model: Any, miner: TemplateMiner | None, kind: str) -> str:
    """Return in words what incidents have an id, as far as the templates of the model tell."""
    texts = [] if miner is None else miner.templates
    columns = product(model.info.get("columns", ()), _SIDES)
    symptoms = chain(
        (Symptom("ends"), Symptom("combination")),
        (Symptom("count", None, side) for side in _SIDES),
        _symptoms_of_templates(texts),
        (Symptom("feature", name, side) for name, side in columns),
    )
    for symptom in symptoms:
        if kind_id(symptom) == kind:
            return describe_symptom(symptom._asdict(), model.info["unit"])
    return ""


def _symptoms_of_templates(texts: Sequence[str]) -> Iterator[Symptom]:
    numbers = [f"{i} {side}".strip() for i in range(1, _MOST_NUMBERS + 1) for side in _SIDES]
    for text in texts:
        yield from (Symptom(kind, text, side) for kind, side in product(_ALONE, _SIDES))
        yield from (Symptom("number", text, detail) for detail in numbers)
    if len(texts) <= _MOST_PAIRS:
        for kind, text, other in product(("step", "mispredicted"), texts, texts):
            yield Symptom(kind, text, other)


def _unknown(what: str, miner: TemplateMiner | None, findings: dict[str, Any] | None) -> str:
    known = [] if miner is None else [*miner.names.values(), *miner.templates]
    said = f"{visible(what, _SHOWN)!r} is no template of this model"
    if findings is not None:
        said += " or of these findings"
        known += [t for f in findings["findings"] if (t := _first_template(f)) is not None]
    alike = get_close_matches(what, known[:_MOST_COMPARED], _NEAR, 0.5)
    near = [visible(text, _SHOWN) for text in alike]
    if near:
        return f"{said}; did you mean {' or '.join(map(repr, near))}?"
    return (
        f"{said}, and no id of an incident; expected a number, name or text as amiss templates "
        "lists them, or eight digits as amiss detect shows them. What the model has not learnt is "
        "looked up with --findings FILE, what amiss detect --json printed"
    )


def _first_template(finding: dict[str, Any]) -> str | None:
    return next((got["template"] for got in finding["got"]), None)


def _no_incident(what: str, incidents: Sequence[dict[str, Any]]) -> str:
    return f"there is no incident {what!r} there; {_such([i['id'] for i in incidents], what)}"


def _such(ids: Sequence[str], what: str) -> str:
    near = get_close_matches(what, ids[:1000], _NEAR, 0.5) or list(ids[:_NEAR])
    return f"ids are such as {', '.join(visible(i, 60) for i in near)}" if near else "it is empty"


def _miner_of(model: Any) -> TemplateMiner | None:
    found = getattr(model, "miner", None)
    return found if isinstance(found, TemplateMiner) else None


def _who(who: str | None) -> str:
    if who is not None:
        return who.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return "unknown"


def clock(now: int | None = None) -> int:
    """Return `now`, or else what the clock says: milliseconds since 1970, UTC, to the second."""
    return int(time.time()) * 1000 if now is None else now


def check_findings(content: Any) -> dict[str, Any]:
    """Return findings that were printed as JSON.

    Raises
    ------
    ValueError
        They are something else.
    """
    try:
        for incident in content["incidents"]:
            _ = incident["id"], incident["kind"], headline(incident)
        for finding in content["findings"]:
            _ = finding["id"], finding["incident"], _found_template("", {"findings": [finding]})
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ValueError("not findings") from None
    found: dict[str, Any] = content
    return found
