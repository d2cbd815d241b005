"""Findings on sessions whose faults are known: the right line, what was due, what is missing."""

from types import SimpleNamespace

import numpy as np
import pytest

from amiss import fit, read_sessions
from amiss.detect import EventCounts
from amiss.explain.sessions import MOST_SURPRISES, explain_sessions
from amiss.present.text import summarise
from amiss.types import END, NO_TIME, Difference, Location, LogInfo, Sequences

KEY = r"id=\d+"
USUAL = ["open", "login", "read", "close"]
ODD = {
    "id=901": ["open", "login", "disk failure", "close"],
    "id=902": ["open", "login", "close"],
    "id=903": ["open", "login", "read", "read", "read", "read", "read", "read", "close"],
    "id=904": ["open", "login", "read"],
    "id=905": ["open", "login", "disk failure", "close"],
    "id=906": ["open", "login", "disk failure", "close"],
}
CUT = "id=999"
LABELS = dict.fromkeys(ODD, True) | {"id=1": False}


class Log:
    """A log of one session a minute: usual ones, odd ones in their midst, a cut one at its end."""

    def __init__(self, path):
        self.path = path
        self.lines = []
        self.places = {}
        odd = iter(ODD.items())
        for i in range(90):
            self.add(f"id={i}", USUAL, i * 60)
            if i % 10 == 5:
                session, events = next(odd, (None, []))
                self.add(session, events, i * 60 + 30)
        self.add(CUT, USUAL[:2], 90 * 60)
        path.write_text("\n".join(self.lines) + "\n")

    def add(self, session, events, second):
        for at, event in enumerate(events):
            time = second + at
            stamp = f"{time // 3600:02}{time // 60 % 60:02}{time % 60:02}"
            self.lines.append(f"260302 {stamp} 77 INFO app.Server: {event} {session}")
            self.places.setdefault(session, []).append(len(self.lines))

    def line_of(self, session, at):
        return self.places[session][at]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return Log(tmp_path_factory.mktemp("explain") / "app.log")


@pytest.fixture(scope="module")
def explain(log):
    sessions = read_sessions(log.path, session_key=KEY)
    model = fit(sessions, LABELS)
    return lambda session: model.explain(sessions, session)


@pytest.fixture(scope="module")
def explain_by_counts(log):
    sessions = read_sessions(log.path, session_key=KEY)
    model = fit(sessions, LABELS, detector="event-counts")
    return lambda session: model.explain(sessions, session)


def named(differences):
    return {d.template.split(" id=")[0]: d.events for d in differences}


def test_an_unseen_event_is_named_with_its_line_and_with_what_was_due_there(log, explain):
    finding = explain("id=901")
    first = finding.surprises[0]
    assert first.unseen
    assert first.template.startswith("disk failure")
    assert first.location == Location(str(log.path), log.line_of("id=901", 2), first.location[2])
    assert first.text == log.lines[first.location.first_line - 1]
    assert first.expected[0].template.startswith("read")
    assert first.expected[0].probability > 0.9
    assert finding.locations[0] == first.location
    assert finding.events[first.position] == first.template


def test_an_event_that_never_came_is_missing_and_its_successor_is_the_surprise(log, explain):
    finding = explain("id=902")
    assert named(finding.missing) == {"read": 1}
    assert not finding.surplus
    (surprise,) = finding.surprises
    assert surprise.template.startswith("close")
    assert not surprise.unseen
    assert surprise.probability < 0.05
    assert surprise.location.first_line == log.line_of("id=902", 2)
    assert surprise.expected[0].template.startswith("read")


def test_a_repeated_event_is_surplus_and_the_surprise_is_at_a_repetition(log, explain):
    finding = explain("id=903")
    assert named(finding.surplus) == {"read": 5}
    assert not finding.missing
    assert finding.surprises[0].template.startswith("read")
    assert finding.surprises[0].location.first_line in log.places["id=903"][3:8]


def test_a_session_that_stops_short_ends_after_its_last_line(log, explain):
    finding = explain("id=904")
    assert finding.complete
    assert named(finding.missing) == {"close": 1}
    (surprise,) = finding.surprises
    assert surprise.template is None
    assert surprise.location.first_line == log.line_of("id=904", -1)
    assert surprise.text == log.lines[log.line_of("id=904", -1) - 1]
    assert surprise.expected[0].template.startswith("close")


def test_a_session_cut_by_the_end_of_the_log_has_nothing_missing(explain):
    finding = explain(CUT)
    assert not finding.complete
    assert finding.missing == ()
    assert finding.surplus == ()
    assert finding.surprises == ()


def test_a_usual_session_has_nothing_to_explain(explain):
    finding = explain("id=3")
    assert finding.complete
    assert finding.p_value > 0.5
    assert (finding.surprises, finding.missing, finding.surplus) == ((), (), ())


def test_the_nearest_normal_session_is_the_usual_one_with_its_multiplicity(explain):
    for session in ODD:
        finding = explain(session)
        assert [event.split(" id=")[0] for event in finding.nearest] == USUAL
        assert finding.nearest_count == 90


def test_the_events_and_times_of_the_finding_are_those_of_the_session(explain):
    finding = explain("id=903")
    assert [event.split(" id=")[0] for event in finding.events] == ODD["id=903"]
    assert finding.end - finding.start == 8000


def test_without_a_next_event_member_unseen_events_and_counts_still_explain(log, explain_by_counts):
    failed, short = explain_by_counts("id=901"), explain_by_counts("id=904")
    (surprise,) = failed.surprises
    assert surprise.unseen
    assert surprise.probability is None
    assert surprise.expected == ()
    assert surprise.location.first_line == log.line_of("id=901", 2)
    assert named(failed.missing) == {"read": 1}
    assert short.surprises == ()
    assert short.locations[0].first_line == log.line_of("id=904", -1)
    assert named(short.missing) == {"close": 1}


def test_unseen_events_are_no_surplus_besides(explain_by_counts):
    assert explain_by_counts("id=901").surplus == ()


def test_findings_alike_are_one_incident_in_the_overview(log):
    sessions = read_sessions(log.path, session_key=KEY)
    findings = fit(sessions, LABELS, detector="event-counts").detect(sessions)
    assert {finding.id for finding in findings} == set(ODD)
    rows = summarise(findings.to_dict()).splitlines()
    assert sum('"disk failure id=<*>" in no normal session' in row for row in rows) == 1
    assert any(row.strip().startswith("3 sessions, ") for row in rows)


# What a single place in a session says, by stand-ins for the detectors.

NAMES = tuple("abcdefgh")


class Oracle:
    """A detector whose scores of events, and what it expects, are given."""

    def __init__(self, scores, expected=(), known=NAMES):
        self.vocabulary_ = SimpleNamespace(tokens=list(known))
        self.scores = np.asarray(scores, dtype=float)
        self.expected = list(expected)

    def event_score(self, X):
        return [self.scores]

    def expected_events(self, X, k=3):
        places = int(X.lengths[0]) + 1
        ids = np.array([[event for event, _ in self.expected]] * places, dtype=np.int64)
        chances = np.array([[chance for _, chance in self.expected]] * places)
        return [(ids.reshape(places, -1), chances.reshape(places, -1))]


def explain_one(events, oracle=None, nearest=None, ended=True, time=None, source=None):
    n = len(events)
    yes = np.ones(1, dtype=bool)
    sequences = Sequences(
        np.array([NAMES.index(e) for e in events]),
        np.array([0, n]),
        yes,
        yes if ended else ~yes,
        NAMES,
    )
    sessions = SimpleNamespace(
        ids=["s"],
        offsets=sequences.offsets,
        line=np.arange(1, n + 1) * 10,
        source=np.zeros(n, dtype=int) if source is None else np.array(source),
        time=np.full(n, NO_TIME) if time is None else np.array(time),
        log=LogInfo(sources=("one.log", "two.log")),
    )
    scores = np.array([7.0])
    (finding,) = explain_sessions(sessions, sequences, scores, scores / 100, [()], oracle, nearest)
    return finding


def test_the_least_likely_event_comes_first():
    finding = explain_one("abc", Oracle([4, 9, 6, 0]))
    assert [s.template for s in finding.surprises] == ["b", "c", "a"]
    assert [s.location.first_line for s in finding.surprises] == [20, 30, 10]
    assert finding.surprises[0].probability == pytest.approx(np.exp(-9))


def test_an_unseen_event_comes_before_any_unlikely_one():
    finding = explain_one("abc", Oracle([9, 1, 6, 0], known="ac"))
    assert [(s.template, s.unseen) for s in finding.surprises] == [
        ("b", True),
        ("a", False),
        ("c", False),
    ]
    assert finding.surprises[0].probability is None


def test_an_event_of_more_than_five_per_cent_is_no_surprise():
    finding = explain_one("ab", Oracle(-np.log([0.051, 0.049, 1.0])))
    assert [s.template for s in finding.surprises] == ["b"]


def test_each_template_is_reported_once_where_it_is_least_likely():
    finding = explain_one("aaa", Oracle([4, 8, 6, 0]))
    assert [(s.template, s.location.first_line) for s in finding.surprises] == [("a", 20)]


def test_no_more_surprises_than_a_reader_takes_in():
    finding = explain_one(NAMES, Oracle(np.arange(4, 4 + len(NAMES) + 1)))
    assert len(finding.surprises) == MOST_SURPRISES


def test_what_is_hardly_expected_is_not_offered_as_expected():
    finding = explain_one("a", Oracle([9, 0], expected=[(1, 0.9), (END, 0.06), (2, 0.04)]))
    (surprise,) = finding.surprises
    assert [tuple(e) for e in surprise.expected] == [("b", 0.9), ("end of session", 0.06)]


def test_the_end_of_a_cut_session_is_not_judged():
    scores = [0, 0, 9]
    assert explain_one("ab", Oracle(scores)).surprises[0].template is None
    assert explain_one("ab", Oracle(scores[:2]), ended=False).surprises == ()


def test_places_name_the_file_that_holds_the_line():
    finding = explain_one("abc", Oracle([0, 0, 9, 0]), source=[0, 0, 1])
    assert finding.locations == (Location("two.log", 30, 30),)


def test_without_any_detector_that_can_tell_the_finding_points_at_the_last_line():
    finding = explain_one("abc")
    assert finding.locations == (Location("one.log", 30, 30),)
    assert (finding.surprises, finding.missing, finding.surplus) == ((), (), ())
    assert finding.nearest == ()


def test_lines_without_a_time_neither_begin_nor_end_a_session():
    finding = explain_one("abc", time=[NO_TIME, 5000, NO_TIME])
    assert (finding.start, finding.end) == (5000, 5000)
    finding = explain_one("abc")
    assert (finding.start, finding.end) == (NO_TIME, NO_TIME)


def test_the_largest_differences_come_first():
    names = ("a", "b", "c")
    normal = [[0, 1, 1, 2, 2, 2]] * 20
    from_lists = Sequences(
        np.array(normal).ravel(),
        np.arange(0, 121, 6),
        np.ones(20, dtype=bool),
        np.ones(20, dtype=bool),
        names,
    )
    counts = EventCounts().fit(from_lists)
    finding = explain_one("aaaa", nearest=counts)
    assert finding.missing == (Difference("c", 3), Difference("b", 2))
    assert finding.surplus == (Difference("a", 3),)
    assert (finding.nearest, finding.nearest_count) == (("a", "b", "b", "c", "c", "c"), 20)
    cut = explain_one("aaaa", nearest=counts, ended=False)
    assert (cut.missing, cut.surplus) == ((), (Difference("a", 3),))


def test_what_is_said_of_sessions_that_are_alike_is_held_once(log):
    sessions = read_sessions(log.path, session_key=KEY)
    found = {f.id: f for f in fit(sessions, LABELS, detector="event-counts").detect(sessions)}
    one, other = found["id=905"], found["id=906"]
    assert one.events is other.events
    assert one.nearest is other.nearest
    assert one.missing is other.missing
    for finding in (one, other):
        assert finding.surprises[0].location.first_line == log.line_of(finding.id, 2)
        assert finding.surprises[0].text == log.lines[log.line_of(finding.id, 2) - 1]
