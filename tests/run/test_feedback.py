"""Mutes and confirmations: what they are of, that a model keeps them, and what they hide."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl
import pytest

from amiss import Sessions, Table, confirm, fit, load, mute, read_sessions, store
from amiss.errors import ModelError, UsageError
from amiss.explain.incidents import kind_id
from amiss.run.feedback import check_findings, undo_feedback
from amiss.run.models import changed_model
from amiss.run.templates import correct_templates
from amiss.types import NO_TIME, Symptom

DAY = 86_400_000
NOW = 20_000 * DAY
REDUNDANT = "Redundant addStoredBlock request"


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """Return sessions of another log of the same system, with faults of the same kinds."""
    from amiss import simulate_hdfs

    log = simulate_hdfs(tmp_path_factory.mktemp("later"), lines=8000, seed=2).log
    return read_sessions(log, numbers=True)


@pytest.fixture(scope="module")
def fitted_file(simulated_sessions, tmp_path_factory):
    path = tmp_path_factory.mktemp("muting") / "m.amiss"
    fit(simulated_sessions, detector="event-counts").save(path)
    return path


@pytest.fixture
def model(fitted_file):
    return load(fitted_file)


def template_of(model, part):
    return next(text for text in model.miner.templates if part in text)


# What is meant.


def test_a_template_is_meant_by_number_name_or_text(model):
    text = template_of(model, REDUNDANT)
    number = model.miner.templates.index(text)
    correct_templates(model, names={number: "redundant"})
    for what in (str(number), "redundant", text):
        entry = mute(model, what, now=NOW)
        assert (entry.kind, entry.what) == ("template", text)


def test_a_template_that_was_merged_stands_for_the_one_it_is_in(model, later):
    text = template_of(model, REDUNDANT)
    number = model.miner.templates.index(text)
    mute(model, str(number), now=NOW)
    before = {finding.id for finding in model.detect(later)}
    into = model.miner.templates.index(template_of(model, "Unexpected error trying"))
    merged = model.miner.merge([number, into])
    after = model.detect(later)
    assert len(after.muted.ids) >= 1
    assert {finding.id for finding in after} <= before | set(after.muted.ids)
    assert mute(model, str(max(number, into)), now=NOW).what == model.miner.templates[merged]


def test_text_may_be_given_as_it_is_shown():
    rows = pl.DataFrame({"session": list("aabb"), "event": ["open", "bell \x07"] * 2})
    model = fit(Sessions.from_frame(rows), detector="event-counts")
    assert mute(model, "bell \\x07", now=NOW).what == "bell \x07"


@pytest.mark.parametrize("what", ["Redundant", "no such thing at all", "999", "-1", "", "7be2dd3"])
def test_what_the_model_does_not_have_is_refused(model, what):
    with pytest.raises(UsageError, match="is no template of this model"):
        mute(model, what, now=NOW)
    assert model.feedback == ()


def test_a_slip_is_told_what_is_near(model):
    text = template_of(model, "Receiving empty packet")
    with pytest.raises(UsageError, match="did you mean 'Receiving empty packet"):
        mute(model, text.replace("empty", "emty"), now=NOW)


def test_a_name_that_two_templates_have_is_refused(model):
    correct_templates(model, names={0: "twin", 1: "twin"})
    with pytest.raises(UsageError, match="name of 2 templates"):
        mute(model, "twin", now=NOW)


def test_an_incident_is_told_in_words_where_the_model_knows_its_template(model):
    text = template_of(model, REDUNDANT)
    known = mute(model, kind_id(Symptom("unseen", text)) + "-2", now=NOW)
    assert known.kind == "incident"
    assert known.what == kind_id(Symptom("unseen", text))
    assert text in known.about
    assert mute(model, "12345678", now=NOW).about == ""


def test_findings_say_what_the_model_has_not_learnt(model, later):
    found = check_findings(json.loads(json.dumps(model.detect(later).to_dict())))
    (new,) = {g["template"] for f in found["findings"] for g in f["got"]} - {
        None,
        *model.miner.templates,
    }
    assert mute(model, new, findings=found, now=NOW).what == new
    incident = found["incidents"][0]
    entry = mute(model, incident["id"], findings=found, now=NOW)
    assert entry.about
    assert entry.known == (incident["rarest"]["template"],)
    with pytest.raises(UsageError, match="no incident '12345678' there"):
        mute(model, "12345678", findings=found, now=NOW)


def test_a_confirmed_incident_keeps_the_sessions_of_it(model, later):
    findings = model.detect(later)
    content = findings.to_dict()
    incident = max(content["incidents"], key=lambda i: i["findings"])
    entry = confirm(model, incident["id"], findings=content, why="disk", now=NOW)
    assert entry.kind == "incident"
    assert entry.ids == tuple(
        f["id"] for f in content["findings"] if f["incident"] == incident["id"]
    )
    assert confirm(model, findings[0].id, findings=content, now=NOW).kind == "finding"
    with pytest.raises(UsageError, match="neither an incident nor a finding"):
        confirm(model, "blk_1", findings=content, now=NOW)


@pytest.mark.parametrize("until", ["yesterday", "2020-01-01"])
def test_until_is_a_moment_to_come(model, until):
    with pytest.raises(UsageError):
        mute(model, "0", until=until, now=NOW)


# What is kept.


def test_a_file_keeps_what_was_said(model, tmp_path):
    first = mute(model, "0", why="known <b>", who="me", until="2031-01-01", now=NOW)
    second = confirm(model, "blk_1", who="you", now=NOW)
    model.save(tmp_path / "m.amiss")
    assert load(tmp_path / "m.amiss").feedback == (first, second)


def test_older_files_have_none(model, fitted_file, tmp_path):
    manifest, arrays = store.read(fitted_file)
    content = manifest["content"]
    for name in ("feedback", "fitted", "evaluations"):
        del content[name]
    del content["info"]["why"]
    store.write(tmp_path / "old.amiss", "model", content, arrays)
    old = load(tmp_path / "old.amiss")
    assert (old.feedback, old.fitted, old.info["why"]) == ((), NO_TIME, "")


@pytest.mark.parametrize("entry", [{}, 7, {"what": "0"}], ids=["nothing", "number", "half"])
def test_a_file_that_says_something_else_is_refused(fitted_file, tmp_path, entry):
    manifest, arrays = store.read(fitted_file)
    content = {**manifest["content"], "feedback": [entry]}
    store.write(tmp_path / "odd.amiss", "model", content, arrays)
    with pytest.raises(ModelError, match="does not fit this version"):
        load(tmp_path / "odd.amiss")


def test_changes_at_once_are_all_kept(fitted_file, tmp_path):
    path = tmp_path / "m.amiss"
    path.write_bytes(fitted_file.read_bytes())

    def change(number):
        with changed_model(path) as model:
            mute(model, str(number), now=NOW)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(change, range(8)))
    assert len(load(path).feedback) == 8
    with pytest.raises(UsageError, match="nonsense"):
        change("nonsense")
    assert all(entry.undone == NO_TIME for entry in load(path).feedback)


def test_who_is_who_runs_it_unless_told(model, monkeypatch):
    monkeypatch.setenv("LOGNAME", "marie")
    assert mute(model, "0", now=NOW).who == "marie"
    assert mute(model, "0", who=" jo ", now=NOW).who == "jo"


def test_what_is_muted_again_is_so_by_the_new_one_only(model):
    mute(model, "0", who="me", now=NOW)
    mute(model, "0", who="you", until="2031-01-01", now=NOW + DAY)
    old, new = model.feedback
    assert (old.undone, old.undone_by) == (NOW + DAY, "you")
    assert new.holds(NOW + DAY)


def test_what_is_taken_back_stays_and_says_so(model):
    mute(model, "0", who="me", now=NOW)
    confirm(model, "blk_1", now=NOW)
    (undone,) = undo_feedback(model, [1], "mute", who="you", now=NOW + DAY)
    assert model.feedback[0] == undone
    assert (undone.who, undone.undone_by, undone.undone) == ("me", "you", NOW + DAY)
    for number, verdict in ((1, "mute"), (2, "mute"), (1, "confirm"), (3, "mute"), (0, "mute")):
        with pytest.raises(UsageError):
            undo_feedback(model, [number], verdict, now=NOW)


def test_a_model_with_another_threshold_keeps_it(model):
    mute(model, "0", now=NOW)
    assert model.set_threshold(0.01).feedback == model.feedback


def test_a_model_with_the_templates_of_another_keeps_what_was_said(model, simulated_sessions):
    mute(model, "0", now=NOW)
    again = fit(simulated_sessions, detector="event-counts", templates=model)
    assert again.feedback == model.feedback


# What it does.


def test_a_template_hides_its_findings_and_no_others(model, later):
    before = model.detect(later)
    text = template_of(model, REDUNDANT)
    mute(model, text)
    after = model.detect(later)
    alone = [
        finding.id
        for finding in before
        if {s.template for s in finding.surprises} == {text} and not finding.deviations
    ]
    assert alone
    assert list(after.muted.ids) == alone
    assert [f.id for f in after] == [f.id for f in before if f.id not in alone]
    assert after.alarms == before.alarms - len(alone)
    kept = {i.id: i for i in before.incidents}
    for incident in after.incidents:
        of_before = {before[at].id for at in kept[incident.id].findings}
        assert {after[at].id for at in incident.findings} == of_before - set(alone)
    content = after.to_dict()
    assert content["muted"] == {
        "findings": len(alone),
        "incidents": len(before.incidents) - len(after.incidents),
        "mutes": 1,
    }
    assert content["flagged"] == len(after)
    assert "amiss show MODEL lists them" in repr(after)


def test_an_incident_hides_those_of_its_kind(model, later):
    before = model.detect(later)
    kind = before.incidents[0].kind
    mute(model, before.incidents[0].id)
    after = model.detect(later)
    hidden = {before[at].id for i in before.incidents if i.kind == kind for at in i.findings}
    assert set(after.muted.ids) == hidden
    assert [i.id for i in after.incidents] == [i.id for i in before.incidents if i.kind != kind]


def test_after_until_it_is_shown_again(model, later):
    text = template_of(model, REDUNDANT)
    mute(model, text, until="2001-01-01", now=0)  # it was over long ago
    assert not model.detect(later).muted.ids


def test_what_is_confirmed_is_marked(model, later):
    findings = model.detect(later)
    confirm(model, findings[1].id)
    confirm(model, findings.incidents[0].id)
    content = model.detect(later).to_dict()
    assert [f["id"] for f in content["findings"] if f["confirmed"]] == [findings[1].id]
    assert [i["id"] for i in content["incidents"] if i["confirmed"]] == [findings.incidents[0].id]


def test_intervals_that_are_muted_are_no_alarms(tmp_path):
    values = np.random.default_rng(0).normal(size=(600, 2))
    model = fit(Table(values[:400], ("volts", "amperes")), detector="vector-autoregression")
    odd = values[400:].copy()
    odd[50:55, 0], odd[150:155, 1] = 50.0, -50.0
    other = Table(odd, ("volts", "amperes"))
    before = model.detect(other)
    mute(model, before.incidents[0].id)
    assert model.feedback[0].about
    model.save(tmp_path / "rows.amiss")
    after = load(tmp_path / "rows.amiss").detect(other)
    hidden = [before[at] for i in before.incidents for at in i.findings
              if i.kind == before.incidents[0].kind]  # fmt: skip
    assert {f.id for f in hidden} == set(after.muted.ids)
    assert after.alarms == before.alarms - len(hidden) < before.alarms
    assert after.to_dict()["flagged"] < before.to_dict()["flagged"]
    with pytest.raises(UsageError, match="is no template of this model"):
        mute(model, "0")


def test_sessions_that_were_given_can_be_muted_too():
    events = ["open", "read", "close"] * 40 + ["open", "crash"]
    ids = [str(i // 3) for i in range(120)] + ["odd", "odd"]
    sessions = Sessions.from_frame(pl.DataFrame({"session": ids, "event": events}))
    model = fit(sessions, detector="event-counts")
    assert len(model.detect(sessions)) == 1
    mute(model, "crash")
    found = model.detect(sessions)
    assert (len(found), found.alarms, found.muted.ids) == (0, 0, ("odd",))
