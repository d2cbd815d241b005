"""The verdict says that something is wrong where it is, and only there."""

import re

import pytest

from amiss import read_sessions, scan
from amiss.present.verdict import verdict


@pytest.fixture
def judged(small_page):
    """Return a function that makes findings of some scores, beyond a threshold of 4."""
    summary = small_page["findings"]
    calm = {**summary["findings"][0], "got": [], "expected": [], "p_value": 0.01}

    def made(*scores, flagged=None, scored=1000, rate=0.01, **changes):
        return {
            **summary,
            "flagged": len(scores) if flagged is None else flagged,
            "scored": scored,
            "threshold": {**summary["threshold"], "rate": rate, "value": 4.0, "rule": "tail"},
            "findings": [{**calm, "score": score} for score in scores],
            "incidents": summary["incidents"] if scores else [],
            **changes,
        }

    return made


@pytest.mark.parametrize(
    ("flagged", "rate", "kind", "words"),
    [
        (0, 0.01, "calm", "Nothing is amiss: none of 1,000 sessions is beyond the threshold."),
        (12, 0.01, "chance", "Probably nothing is wrong: 12 of 1,000 sessions are beyond the"),
        (12, 0.01, "chance", "threshold, and the false-alarm rate allows for about 10."),
        (40, 0.01, "wrong", "Something is wrong since 2024-05-01 10:01: 40 of 1,000 sessions are"),
        (1, None, "wrong", "1 of 1,000 sessions is anomalous, in 3 incidents."),
    ],
    ids=["none", "chance", "allowed", "many", "one"],
)
def test_the_count_is_held_against_the_rate(judged, flagged, rate, kind, words):
    found, said = verdict(judged(*[5.0] * min(flagged, 3), flagged=flagged, rate=rate))
    assert found == kind
    assert words in said


@pytest.mark.parametrize(
    ("scores", "change", "kind"),
    [
        ((5.0, 5.0), {}, "chance"),
        ((20.0, 5.0), {}, "wrong"),
        ((5.0, 5.0), {"p_value": 1e-9}, "wrong"),
        ((5.0, 5.0), {"got": [{"unseen": True}]}, "wrong"),
    ],
    ids=["near", "far", "rare", "unseen"],
)
def test_one_that_is_too_odd_is_no_chance(judged, scores, change, kind):
    summary = judged(*scores)
    summary["findings"][0] |= change
    assert verdict(summary)[0] == kind


def test_a_single_fatal_session_of_thousands_is_wrong(tmp_path):
    log = tmp_path / "app.log"
    rows = [f"{event} id={i}" for i in range(3000) for event in ("open", "close")]
    rows[3001] = "kernel panic: disk lost id=1500"
    log.write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = scan(read_sessions(log, session_key=r"id=\S+"), detector="event-counts")
    kind, said = verdict(found.to_dict())
    assert kind == "wrong"
    assert "1 of 3,000 sessions is anomalous" in said


def test_of_what_is_muted_the_verdict_says_so(judged):
    muted = {"findings": 1, "incidents": 1, "mutes": 1}
    kind, said = verdict(judged(muted=muted))
    assert kind == "calm"
    assert said.startswith("Nothing is amiss but what is muted: 1 session beyond the threshold is")
    assert verdict(judged(50.0, muted={**muted, "findings": 2}))[1].endswith("; 2 more are muted.")


def test_too_few_to_tell(judged):
    summary = judged(scored=22)
    summary["threshold"]["rule"] = "maximum"
    kind, said = verdict(summary)
    assert (kind, said) == ("chance", "Nothing stands out, but 22 sessions are too few to tell.")
    summary["scored"] = 1
    assert verdict(summary)[1] == "Nothing stands out, but 1 session is too few to tell."


def test_a_score_that_one_of_few_exceeds_is_chance(judged):
    model = {"sessions": 14}
    summary = judged(6.5, scored=14, rate=0.0005, model=model)
    summary["threshold"]["rule"] = "maximum"
    assert verdict(summary)[0] == "chance"


def test_the_source_of_most_is_named(judged):
    summary = judged(50.0)
    shared = [{"kind": "host", "value": "web7\x1b", "findings": 1}]
    incidents = [{**incident, "shared": shared} for incident in summary["incidents"]]
    said = verdict({**summary, "incidents": incidents})[1]
    assert re.search(r", all of them on host web7\\x1b\.$", said)


def test_traces_are_judged_as_a_whole(judged):
    traces = [{"is_anomaly": False}] * 9
    assert verdict(judged(5.0, traces=traces)) == (
        "calm", "Nothing is amiss: none of 9 traces is anomalous.",
    )  # fmt: skip
    said = verdict(judged(5.0, traces=[*traces, {"is_anomaly": True}]))[1]
    assert "1 of 10 traces is anomalous" in said
