"""Findings of one cause are one incident, those of two are two, whatever their order."""

import random
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.explain.incidents import group_incidents, kind_id, narrowed
from amiss.explain.story import MOST_LINES
from amiss.types import (
    NO_TIME,
    Deviation,
    Difference,
    Feature,
    Finding,
    Location,
    Surprise,
    Symptom,
)

MINUTE, HOUR = 60_000, 3_600_000


def got(template, line, *, unseen=True, text=None, file="app.log"):
    place = Location(file, line, line)
    probability = None if unseen else 0.001
    said = f"raw {template}" if text is None else text
    return Surprise(template, place, said, probability, unseen)


def session(name, time, *surprises, missing=(), file="app.log", **given):
    places = tuple(s.location for s in surprises) or (Location(file, 1 + time // 1000, 0),)
    return Finding(
        unit="session",
        id=name,
        score=given.pop("score", 9.0),
        p_value=0.001,
        start=time,
        end=time,
        locations=places,
        surprises=surprises,
        missing=tuple(Difference(template, 1) for template in missing),
        **given,
    )


def outage(template, begin, count, *, step=9000, name="s", noise=0, seed=0, node=None):
    """Return findings of one cause, with some symptoms beside it that come and go."""
    rng = random.Random(seed)
    found = []
    for i in range(count):
        time = begin + i * step
        text = f"{template} on {node}:50010" if node and rng.random() < 0.9 else f"raw {template}"
        odd = [got(template, 1 + time // 1000, text=text)]
        odd += [
            got(f"beside {rng.randrange(noise)}", 2 + time // 1000, unseen=False)
            for _ in range(2 if noise else 0)
        ]
        missing = [f"step {n}" for n in range(5) if rng.random() < 0.5]
        found.append(session(f"{name}{begin}-{i}", time, *odd, missing=missing))
    return found


def members(incidents, findings):
    return sorted(sorted(findings[at].id for at in i.findings) for i in incidents)


def test_a_thousand_sessions_of_one_cause_are_one_incident():
    findings = outage("disk failed", 3 * HOUR, 1000, noise=8)
    (incident,) = group_incidents(findings)
    assert len(incident.findings) == 1000
    assert incident.rarest == incident.worst == Symptom("unseen", "disk failed")
    assert (incident.start, incident.end) == (3 * HOUR, findings[-1].start)
    assert len(incident.lines) <= MOST_LINES
    assert incident.more_lines > 900


def test_two_outages_of_one_kind_are_two_incidents():
    findings = outage("disk failed", 3 * HOUR, 40) + outage("disk failed", 20 * HOUR, 40)
    first, second = sorted(group_incidents(findings), key=lambda i: i.start)
    assert (len(first.findings), len(second.findings)) == (40, 40)
    assert (first.id, second.id) == (first.kind, f"{first.kind}-2")
    assert first.kind == second.kind == kind_id(Symptom("unseen", "disk failed"))


@pytest.mark.parametrize("seed", range(5))
def test_a_steady_trickle_is_one_incident(seed):
    rng = random.Random(seed)
    times = sorted(rng.randrange(48 * HOUR) for _ in range(60))
    findings = [session(f"s{t}", t, got("retry", 1 + t // 1000)) for t in times]
    assert len(group_incidents(findings)) == 1


def test_two_kinds_at_the_same_time_are_two_incidents():
    findings = outage("disk failed", 3 * HOUR, 30) + outage("login refused", 3 * HOUR, 30, name="t")
    assert [len(i.findings) for i in group_incidents(findings)] == [30, 30]


def test_a_failing_node_is_one_incident_whatever_it_does():
    calm = outage("login refused", 0, 40, step=HOUR, name="c", node="10.0.9.9")
    findings = [
        *outage("disk failed", 20 * HOUR, 30, node="10.0.0.7"),
        *outage("link lost", 20 * HOUR + MINUTE, 30, name="t", node="10.0.0.7"),
        *calm,
    ]
    incidents = group_incidents(findings)
    assert sorted(len(i.findings) for i in incidents) == [40, 60]
    both = next(i for i in incidents if len(i.findings) == 60)
    assert {s.value: s.findings for s in both.shared}["10.0.0.7"] > 45


def test_a_node_that_all_findings_name_joins_nothing():
    findings = [
        *outage("disk failed", 20 * HOUR, 30, node="10.0.0.7"),
        *outage("link lost", 20 * HOUR, 30, name="t", node="10.0.0.7"),
        *outage("login refused", 0, 40, step=HOUR, name="c", node="10.0.0.7"),
    ]
    assert len(group_incidents(findings)) == 3


def test_what_follows_from_many_causes_tells_none_of_them_apart():
    steps = [f"step {n}" for n in range(6)]
    broken = [
        session(f"a{i}", i * 1000, got("write failed", i + 1), missing=steps) for i in range(9)
    ]
    silent = [
        session(f"b{i}", i * 1000, got(None, i + 1, unseen=False), missing=steps) for i in range(9)
    ]
    assert [len(i.findings) for i in group_incidents(broken + silent)] == [9, 9]


def test_ids_stay_when_the_log_goes_on():
    before = outage("disk failed", 3 * HOUR, 30, noise=4) + outage("link lost", 5 * HOUR, 20)
    after = [*before, *outage("disk failed", 30 * HOUR, 25, noise=4, seed=1)]
    known = {i.id: len(i.findings) for i in group_incidents(before)}
    later = {i.id: len(i.findings) for i in group_incidents(after)}
    assert known.items() <= later.items()
    assert len(later) == len(known) + 1


def test_neighbouring_windows_are_one_incident_whatever_they_show():
    def window(at, kind):
        start, place = at * 5 * MINUTE, Location("app.log", 1 + at * 100, 90 + at * 100)
        odd = Deviation(
            "count",
            kind,
            90.0,
            (0.0, 3.0),
            0.001,
            location=place._replace(last_line=place.first_line),
        )
        return Finding(
            "window", f"w{at}", 5.0, 0.001, start, start + 5 * MINUTE, (place,), deviations=(odd,)
        )

    findings = [window(at, f"template {at}") for at in (10, 11, 12, 14, 40)]
    assert members(group_incidents(findings), findings) == [["w10", "w11", "w12", "w14"], ["w40"]]


def test_segments_that_follow_each_other_are_one_incident():
    def segment(at, file):
        return Finding(
            "segment", f"{file}{at}", 5.0, 0.001, NO_TIME, NO_TIME,
            (Location(file, 1 + at * 100, 100 + at * 100),),
            surprises=(got(f"{file} call {at}", 5 + at * 100, unseen=False, file=file),),
        )  # fmt: skip

    findings = [segment(at, file) for file in ("a", "b") for at in (3, 4, 5, 60)]
    assert members(group_incidents(findings), findings) == [
        ["a3", "a4", "a5"], ["a60"], ["b3", "b4", "b5"], ["b60"]
    ]  # fmt: skip


def row(name, *features, unit="row", time=NO_TIME, places=()):
    odd = tuple(Feature(f, 9.0, 1.0, 5.0) for f in features)
    return Finding(unit, name, 5.0, 0.001, time, time, places, features=odd)


def test_rows_without_time_go_by_their_features():
    findings = [row(f"{i}", "bytes", "count") for i in range(6)]
    findings += [row(f"{i}", "duration") for i in range(6, 9)]
    assert [len(i.findings) for i in group_incidents(findings)] == [6, 3]
    assert all(i.start == NO_TIME and not i.lines for i in group_incidents(findings))


def test_windows_of_one_entity_are_one_incident():
    def visit(at, who, feature):
        start = at * MINUTE
        found = row(f"1970-01-01T00:{at:02}:00 {who}", feature, unit="entity", time=start)
        return replace(found, end=start + MINUTE, locations=(Location("a.log", at + 1, at + 1),))

    findings = [visit(at, "10.0.0.1", f"url {at}") for at in (1, 2, 3)]
    findings += [visit(at, "10.0.0.2", "errors") for at in (1, 2)]
    scan, other = group_incidents(findings)
    assert (len(scan.findings), len(other.findings)) == (3, 2)
    assert ("source", "10.0.0.1", 3) in scan.shared


def test_a_story_has_each_symptom_and_its_first_and_last_line_in_order():
    findings = outage("disk failed", HOUR, 50, noise=3)
    (incident,) = group_incidents(findings)
    shown = {line.symptom for line in incident.lines}
    assert {s for s, _ in incident.symptoms if s.kind != "missing"} == shown
    cause = [line for line in incident.lines if line.symptom.kind == "unseen"]
    assert [line.id for line in cause] == [findings[0].id, findings[-1].id]
    order = [(line.time, line.location) for line in incident.lines]
    assert order == sorted(order)
    assert len(set(order)) == len(order)


def test_a_story_of_many_symptoms_is_no_longer_than_that_of_few():
    findings = []
    for i in range(60):
        odd = [got(f"odd {i + n}", 10 * i + 2 + n, unseen=False) for n in (0, 1)]
        findings.append(session(f"s{i}", i * 1000, got("cause", 10 * i + 1), *odd))
    (incident,) = group_incidents(findings)
    assert len(incident.lines) == MOST_LINES
    assert incident.more_lines == 180 - MOST_LINES
    assert incident.lines[0].symptom.template == "cause"


def test_the_headline_is_what_came_first_not_what_came_most():
    findings = [
        session(f"s{i}", i * 1000, got("power lost", 10 * i + 1), got("link lost", 10 * i + 5))
        for i in range(5)
    ] + [session(f"t{i}", 6000 + i * 1000, got("link lost", 100 + i)) for i in range(9)]
    (incident,) = group_incidents(findings)
    assert incident.rarest.template == "power lost"
    assert incident.worst.template == "link lost"


def test_what_is_fatal_in_few_findings_is_in_the_headline():
    def window(at, template, score):
        odd = got(template, 1 + at)
        start = at * MINUTE
        one = session(f"w{at}", start, odd, score=score)
        return replace(one, unit="window", end=start + MINUTE)

    findings = [window(at, "backup chatter", 5.0) for at in range(30)]
    findings += [window(at, "kernel panic", 50.0) for at in range(30, 36)]
    (incident,) = group_incidents(findings)
    assert incident.rarest.template == "backup chatter"
    assert incident.worst.template == "kernel panic"
    left = narrowed(incident, findings, range(30, 36))
    assert left.rarest.template == left.worst.template == "kernel panic"
    assert left.id == incident.id


def test_times_of_lines_say_when_a_long_session_failed():
    days = 24 * HOUR
    findings = [session(f"s{i}", 0, got("disk failed", i + 1)) for i in range(20)]
    times = {Location("app.log", i + 1, i + 1): 3 * days + i * 1000 for i in range(20)}
    (incident,) = group_incidents(findings, times)
    assert incident.start == 3 * days
    assert incident.lines[0].time == 3 * days


def test_an_incident_of_some_of_its_findings_keeps_its_name():
    findings = outage("disk failed", 0, 30, noise=3)
    (incident,) = group_incidents(findings)
    left = narrowed(incident, findings, [3, 4, 7])
    assert (left.id, left.kind, left.rarest) == (incident.id, incident.kind, incident.rarest)
    assert left.findings == (3, 4, 7)
    assert {line.id for line in left.lines} <= {findings[at].id for at in (3, 4, 7)}
    assert narrowed(incident, findings, incident.findings) == incident


def test_hostile_text_has_a_plain_id():
    evil = "<script>\x1b[31m\u202e\ud800" + "x" * 100_000
    (incident,) = group_incidents([session("s", 0, got(evil, 1, text=evil))])
    assert re.fullmatch(r"[0-9a-f]{8}", incident.id)


def test_without_findings_there_is_no_incident():
    assert group_incidents([]) == ()


KINDS = st.sampled_from(["a", "b", "c", None])
ODD = st.lists(st.tuples(KINDS, st.integers(1, 9), st.booleans()), max_size=3)
SESSIONS = st.lists(st.tuples(st.integers(0, 40), ODD, st.lists(KINDS, max_size=2)), max_size=25)


def _findings(drawn, unit="session"):
    found = []
    for i, (time, odd, missing) in enumerate(drawn):
        surprises = [got(t, n, unseen=new and t is not None, file=f"f{n % 3}") for t, n, new in odd]
        one = session(
            f"s{i}",
            NO_TIME if time > 38 else time * HOUR,
            *surprises,
            missing=[m or "d" for m in missing],
        )
        found.append(replace(one, unit=unit, locations=one.locations if surprises else ()))
    return found


@settings(max_examples=60)
@given(SESSIONS, st.sampled_from(["session", "window", "segment", "entity", "row", "image"]))
def test_every_finding_is_in_exactly_one_incident(drawn, unit):
    findings = _findings(drawn, unit)
    incidents = group_incidents(findings)
    assert sorted(at for i in incidents for at in i.findings) == list(range(len(findings)))
    assert len({i.id for i in incidents}) == len(incidents)
    for incident in incidents:
        assert len(incident.lines) <= MOST_LINES
        assert incident.more_lines >= 0
        assert incident.rarest in dict(incident.symptoms)
        assert incident.worst in dict(incident.symptoms)
        assert incident.start <= incident.end


@settings(max_examples=40)
@given(SESSIONS, st.randoms(use_true_random=False))
def test_the_order_of_findings_does_not_matter(drawn, rng):
    findings = _findings(drawn)
    shuffled = rng.sample(findings, len(findings))
    first, second = group_incidents(findings), group_incidents(shuffled)
    assert members(first, findings) == members(second, shuffled)
    assert {i.id: members([i], findings) for i in first} == {
        i.id: members([i], shuffled) for i in second
    }
    told = [
        {i.id: (i.rarest, i.worst, i.lines, i.shared) for i in found} for found in (first, second)
    ]
    assert told[0] == told[1]


def test_more_signatures_than_are_compared_are_grouped_all_the_same():
    causes = [session(f"s{i}", i * 1000, got(f"cause {i % 40}", 9 * i + 1),
                      *(got(f"beside {i % n}", 9 * i + n, unseen=False) for n in (7, 31)))
              for i in range(4000)]  # fmt: skip
    incidents = group_incidents(causes)
    assert sorted(len(i.findings) for i in incidents) == [100] * 40
