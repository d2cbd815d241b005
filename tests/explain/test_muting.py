"""What is muted is hidden if nothing else speaks for it, and only then."""

import pytest

from amiss.explain.incidents import group_incidents, kind_id
from amiss.explain.muting import leave_out_muted
from amiss.types import (
    Deviation,
    Difference,
    Feature,
    Feedback,
    Finding,
    Location,
    Misprediction,
    Surprise,
    Symptom,
)

NOISE, OTHER = "cache miss", "disk failed"
PLACE = Location("a.log", 7, 7)


def finding(name="s1", line=7, **parts):
    place = Location("a.log", line, line)
    return Finding("session", name, 9.0, 0.001, 60_000 * line, 60_000 * line, (place,), **parts)


def unseen(*templates, line=7):
    place = Location("a.log", line, line)
    return tuple(Surprise(t, place, t or "", 0.01, unseen=t is not None) for t in templates)


def muted(what=NOISE, kind="template", until=None):
    given = {} if until is None else {"until": until}
    return Feedback(what, kind, "mute", "me", when=0, **given)


def missing(*templates):
    return tuple(Difference(template, 1) for template in templates)


def deviation(kind, template=NOISE):
    return Deviation(kind, template, 9.0, (0.0, 1.0), 0.001, location=PLACE)


def is_hidden(found, *feedback, now=1):
    return not leave_out_muted([found], [], feedback, now).kept


@pytest.mark.parametrize(
    ("parts", "hidden"),
    [
        ({"surprises": unseen(NOISE)}, True),
        ({"surprises": unseen(NOISE, NOISE)}, True),
        ({"surprises": unseen(NOISE, OTHER)}, False),
        ({"surprises": unseen(NOISE, None)}, False),
        ({"surprises": unseen(OTHER)}, False),
        ({"surprises": unseen(NOISE), "missing": missing(OTHER)}, True),
        ({"surprises": unseen(NOISE), "surplus": missing(OTHER)}, True),
        ({"surprises": unseen(OTHER), "missing": missing(NOISE)}, False),
        ({"missing": missing(NOISE)}, True),
        ({"surplus": missing(NOISE)}, True),
        ({"missing": missing(NOISE), "surplus": missing(OTHER)}, False),
        ({"deviations": (deviation("count"),)}, True),
        ({"deviations": (deviation("number"), deviation("step"))}, True),
        ({"deviations": (deviation("count", None),)}, False),
        ({"deviations": (deviation("count"), deviation("count", OTHER))}, False),
        ({"mispredicted": (Misprediction(NOISE, 9, 9, OTHER, 9),)}, True),
        ({"mispredicted": (Misprediction(OTHER, 9, 9, NOISE, 9),)}, False),
        ({"features": (Feature(NOISE, 9.0, 1.0, 8.0),)}, False),
        ({}, False),
    ],
    ids=lambda value: "-".join(value) or "nothing" if isinstance(value, dict) else str(value),
)
def test_a_template_hides_what_nothing_else_speaks_for(parts, hidden):
    assert is_hidden(finding(**parts), muted()) is hidden


def test_several_templates_hide_what_they_are_all_there_is_to():
    assert is_hidden(finding(surprises=unseen(NOISE, OTHER)), muted(), muted(OTHER))


def test_until_is_the_first_moment_at_which_it_is_shown():
    found, mute = finding(surprises=unseen(NOISE)), muted(until=1000)
    assert is_hidden(found, mute, now=999)
    assert not is_hidden(found, mute, now=1000)


def test_what_was_taken_back_hides_nothing():
    taken_back = Feedback(NOISE, "template", "mute", "me", when=0, undone=1, undone_by="me")
    assert not is_hidden(finding(surprises=unseen(NOISE)), taken_back)


def test_a_template_that_was_merged_hides_what_it_is_called_now():
    found = finding(surprises=unseen(OTHER))
    assert not leave_out_muted([found], [], [muted()], 1, {NOISE: OTHER}).kept


def two_outages():
    """Return findings of one symptom, hours apart, and one of another between them."""
    rows = [finding(f"a{i}", i + 1, surprises=unseen(NOISE, line=i + 1)) for i in range(9)]
    rows += [finding("between", 3000, surprises=unseen(OTHER, line=3000))]
    rows += [finding(f"b{i}", 6000 + i, surprises=unseen(NOISE, line=6000 + i)) for i in range(9)]
    return rows


def test_an_incident_that_is_muted_hides_all_of_its_kind_and_no_other():
    findings = two_outages()
    incidents = group_incidents(findings)
    kind = kind_id(Symptom("unseen", NOISE))
    assert sorted(i.id for i in incidents if i.kind == kind) == [kind, f"{kind}-2"]
    shown = leave_out_muted(findings, incidents, [muted(kind, "incident")], 1)
    assert [findings[at].id for at in shown.kept] == ["between"]
    assert [(incident.id, incident.findings) for incident in shown.incidents] == [
        (kind_id(Symptom("unseen", OTHER)), (0,))
    ]
    assert len(shown.muted.ids) == 18
    assert sorted(shown.muted.incidents) == [kind, f"{kind}-2"]
    assert shown.muted.mutes == 1


def test_what_is_left_of_an_incident_keeps_its_id_and_its_places():
    first = finding("first", 1, surprises=unseen(NOISE, line=1))
    rows = [first] + [
        finding(f"s{i}", i + 2, surprises=unseen(NOISE, OTHER, line=i + 2)) for i in range(5)
    ]
    incidents = group_incidents(rows)
    assert len(incidents) == 1
    shown = leave_out_muted(rows, incidents, [muted()], 1)
    assert shown.muted.ids == ("first",)
    assert shown.muted.incidents == ()
    (left,) = shown.incidents
    assert left.id == incidents[0].id
    assert sorted(left.findings) == [0, 1, 2, 3, 4]
    assert not [line for line in left.lines if line.id == "first"]


def windows(count, *templates, first):
    """Return windows of a minute that follow each other, each with events new to training."""
    return [
        Finding(
            "window", f"w{i}", 9.0, 0.001, 60_000 * i, 60_000 * (i + 1),
            (Location("a.log", i, i),), surprises=unseen(*templates, line=i),
        )
        for i in range(first, first + count)
    ]  # fmt: skip


@pytest.mark.parametrize("known", [None, (NOISE,)], ids=["unknown", "known"])
def test_a_muted_incident_hides_no_news_that_stands_beside_it(known):
    rows = windows(30, NOISE, first=1) + windows(6, NOISE, OTHER, first=31)
    rows += windows(6, OTHER, first=37)
    incidents = group_incidents(rows)
    assert len(incidents) == 1
    mute = Feedback(incidents[0].kind, "incident", "mute", "me", 0, known=known)
    shown = leave_out_muted(rows, incidents, [mute], 1)
    assert [rows[at].id for at in shown.kept] == [f"w{i}" for i in range(31, 43)]
    assert len(shown.incidents) == 1


def test_news_that_the_incident_had_when_it_was_muted_is_hidden_with_it():
    rows = windows(30, NOISE, first=1) + windows(20, NOISE, OTHER, first=31)
    incidents = group_incidents(rows)
    mute = Feedback(incidents[0].kind, "incident", "mute", "me", 0, known=(NOISE, OTHER))
    assert not leave_out_muted(rows, incidents, [mute], 1).kept


def test_an_incident_is_confirmed_by_its_findings_whatever_its_number():
    rows = two_outages()
    kind = kind_id(Symptom("unseen", NOISE))
    first, second = (i for i in group_incidents(rows) if i.kind == kind)
    ids = tuple(rows[at].id for at in second.findings)
    entry = Feedback(first.id, "incident", "confirm", "me", 0, ids=ids)
    shown = leave_out_muted(rows, group_incidents(rows), [entry], 1)
    assert shown.confirmed == {second.id}


def test_what_was_confirmed_is_marked_and_stays():
    confirmed = Feedback("s1", "finding", "confirm", "me", when=0)
    found = finding(surprises=unseen(NOISE))
    shown = leave_out_muted([found], group_incidents([found]), [confirmed], 1)
    assert shown.kept == [0]
    assert shown.confirmed == {"s1"}
    assert not shown.muted.ids
