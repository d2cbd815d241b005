"""amiss show, mute and confirm as their users meet them."""

import json

import pytest

import amiss


@pytest.fixture(scope="session")
def later_log(tmp_path_factory):
    """Return another log of the system that the simulated log is of."""
    return amiss.simulate_hdfs(tmp_path_factory.mktemp("later"), lines=8000, seed=2).log


@pytest.fixture(scope="session")
def fitted_file(simulated_sessions, tmp_path_factory):
    path = tmp_path_factory.mktemp("feedback") / "fitted.amiss"
    amiss.fit(simulated_sessions, detector="event-counts").save(path)
    return path


@pytest.fixture
def model(fitted_file, tmp_path):
    path = tmp_path / "m.amiss"
    path.write_bytes(fitted_file.read_bytes())
    return path


@pytest.fixture(scope="session")
def found(fitted_file, later_log):
    return amiss.load(fitted_file).detect(amiss.read_sessions(later_log, numbers=True)).to_dict()


def content_of(outcome):
    assert (outcome.code, outcome.err) == (0, "")
    return json.loads(outcome.out)


# What it is.


def test_show_prints_the_card(run_amiss, model):
    code, out, err = run_amiss("show", model)
    assert (code, err) == (0, "")
    assert out.startswith("model      event-counts · model of a log")
    card = content_of(run_amiss("show", model, "--json"))
    assert card["schema"] == "amiss.card/1"
    assert card["file"]["path"] == str(model)


def test_show_has_all_templates_if_asked(run_amiss, model):
    card = content_of(run_amiss("show", model, "--templates", "--json"))
    assert len(card["templates"]["shown"]) == card["templates"]["count"]


def test_show_says_what_is_no_model(run_amiss, tmp_path):
    code, out, err = run_amiss("show", tmp_path / "none.amiss")
    assert (code, out) == (1, "")
    assert "no such model file" in err


def test_an_evaluation_is_kept_if_asked(run_amiss, model, simulation):
    evaluate = ("evaluate", "--model", model, simulation.log, "--labels", simulation.labels)
    report = content_of(run_amiss(*evaluate, "--json"))
    assert content_of(run_amiss("show", model, "--json"))["figures"] == []
    for _ in range(2):  # the same again replaces what was there
        assert run_amiss(*evaluate, "--keep").code == 0
    (entry,) = content_of(run_amiss("show", model, "--json"))["figures"]
    assert (entry["f1"], entry["items"]) == (report["f1"], report["sessions"])
    assert entry["at_this_threshold"]
    assert f"F1 {report['f1']:.4f}" in run_amiss("show", model).out
    code, _, err = run_amiss("evaluate", simulation.log, "--labels", simulation.labels, "--keep")
    assert code == 2
    assert "give --model too" in err


# What is muted.


def test_a_mute_is_kept_listed_and_counted(run_amiss, model, later_log, found):
    incident = found["incidents"][0]
    code, out, _ = run_amiss("mute", incident["id"], "--model", model, "--why", "known",
                             "--who", "marie")  # fmt: skip
    assert code == 0
    assert "by marie" in out
    assert f"amiss mute --undo 1 --model {model}" in out
    assert "muted and confirmed" in run_amiss("show", model).out
    content = content_of(run_amiss("detect", "--model", model, later_log, "--json"))
    of_kind = [i for i in found["incidents"] if i["kind"] == incident["kind"]]
    assert content["muted"]["incidents"] == len(of_kind)
    assert content["muted"]["findings"] == sum(i["findings"] for i in of_kind)
    assert len(content["findings"]) == len(found["findings"]) - content["muted"]["findings"]
    text = run_amiss("detect", "--model", model, later_log).out
    assert "by 1 mute: amiss show MODEL lists them" in text
    assert incident["id"] not in text


def test_what_is_muted_is_no_reason_to_fail(run_amiss, model, later_log, found):
    detect = ("detect", "--model", model, later_log, "--fail-on")
    assert run_amiss(*detect, "any").code == 3
    kinds = sorted({incident["kind"] for incident in found["incidents"]})
    assert run_amiss("mute", *kinds[1:], "--model", model).code == 0
    left = sum(i["findings"] for i in found["incidents"] if i["kind"] == kinds[0])
    assert run_amiss(*detect, left).code == 3
    assert run_amiss(*detect, left + 1).code == 0
    assert run_amiss("mute", kinds[0], "--model", model).code == 0
    assert run_amiss(*detect, "any").code == 0
    assert run_amiss("mute", "--undo", "1", "--model", model).code == 0
    assert run_amiss(*detect, "any").code == 3


def test_a_stream_leaves_out_what_is_muted(run_amiss, model, later_log, found):
    alone = [f for f in found["findings"] if len({g["template"] for g in f["got"]}) == 1]
    template = next(f["got"][0]["template"] for f in alone if f["got"][0]["template"])
    assert run_amiss("mute", template, "--model", model).code == 0
    follow = ("detect", "--model", model, "-", "--follow", "--json", "--fail-on", "any")
    code, out, err = run_amiss(*follow, stdin=later_log.read_bytes())
    shown = {json.loads(line)["id"] for line in out.splitlines()}
    hidden = {f["id"] for f in alone if f["got"][0]["template"] == template}
    assert code == 3
    assert not shown & hidden
    assert f"{len(hidden)} muted" in err


def test_mute_prints_json_and_takes_findings(run_amiss, model, found, tmp_path):
    path = tmp_path / "found.json"
    path.write_text(json.dumps(found))
    incident = found["incidents"][0]
    given = ("mute", incident["id"], "--model", model, "--until", "2999-12-01", "--json")
    (entry,) = content_of(run_amiss(*given, "--findings", path))["done"]
    assert (entry["kind"], entry["what"]) == ("incident", incident["kind"])
    assert entry["until"] == "2999-12-01T00:00:00"
    again = run_amiss(*given, "--findings", "-", stdin=path.read_bytes())
    assert content_of(again)["done"][-1]["number"] == 2


def test_an_id_that_cannot_be_looked_up_is_taken_with_a_word(run_amiss, model, found, tmp_path):
    code, _, err = run_amiss("mute", "12345678", "--model", model)
    assert code == 0
    assert "note: 12345678 is muted, but not looked up" in err
    path = tmp_path / "found.json"
    path.write_text(json.dumps(found))
    code, out, err = run_amiss("mute", "12345678", "--model", model, "--findings", path)
    assert (code, out) == (2, "")
    assert "there is no incident '12345678' there" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mute", "0"], "amiss scan LOG --save m.amiss; then: amiss mute 0 --model m.amiss"),
        (["confirm", "blk_1"], "amiss confirm blk_1 --model m.amiss"),
        (["mute", "--model", "MODEL"], "nothing to mute"),
        (["mute", "nonsense", "--model", "MODEL"], "is no template of this model"),
        (["mute", "0", "--until", "soon", "--model", "MODEL"], "is no moment"),
        (["mute", "0", "--until", "2001-01-01", "--model", "MODEL"], "that is over"),
        (["mute", "--undo", "1", "--model", "MODEL"], "the model has none"),
        (["mute", "--undo", "x", "--model", "MODEL"], "expected a number"),
        (["mute", "--undo", "1", "--until", "2999-01-01", "--model", "MODEL"], "leave it out"),
    ],
    ids=lambda value: "-".join(value[:3]) if isinstance(value, list) else "",
)
def test_what_makes_no_sense_is_said_and_changes_nothing(run_amiss, model, arguments, words):
    before = model.read_bytes()
    code, out, err = run_amiss(*(model if a == "MODEL" else a for a in arguments))
    assert (code, out) == (2, "")
    assert words in err
    assert model.read_bytes() == before


@pytest.mark.parametrize("text", ["no json", "{}", "[1]", '{"incidents": [{}], "findings": []}'])
def test_what_are_no_findings_is_said(run_amiss, model, tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    code, out, err = run_amiss("mute", "12345678", "--model", model, "--findings", path)
    assert (code, out) == (1, "")
    assert "not findings; expected what amiss scan --json or detect --json printed" in err


# What is confirmed.


def test_what_is_confirmed_is_marked(run_amiss, model, later_log, found, tmp_path):
    path = tmp_path / "found.json"
    path.write_text(json.dumps(found))
    incident, finding = found["incidents"][0], found["findings"][-1]
    given = ("--model", model, "--findings", path)
    assert run_amiss("confirm", incident["id"], *given, "--why", "disk").code == 0
    assert run_amiss("confirm", finding["id"], *given).code == 0
    content = content_of(run_amiss("detect", "--model", model, later_log, "--json"))
    assert [i["id"] for i in content["incidents"] if i["confirmed"]] == [incident["id"]]
    assert [f["id"] for f in content["findings"] if f["confirmed"]] == [finding["id"]]
    assert f"{incident['id']} · confirmed" in run_amiss("detect", "--model", model, later_log).out
    entries = content_of(run_amiss("show", model, "--json"))["feedback"]
    assert len(entries[0]["ids"]) == incident["findings"]
    assert run_amiss("confirm", "--undo", "1", "2", "--model", model).code == 0
    content = content_of(run_amiss("detect", "--model", model, later_log, "--json"))
    assert not any(f["confirmed"] for f in content["findings"])


def test_a_model_with_the_templates_of_another_keeps_its_mutes(
    run_amiss, model, simulation, tmp_path
):
    run_amiss("mute", "0", "--model", model, "--who", "me")
    again = tmp_path / "again.amiss"
    fit = ("fit", simulation.log, "-o", again, "--templates", model, "--detector", "event-counts")
    assert run_amiss(*fit).code == 0
    (entry,) = content_of(run_amiss("show", again, "--json"))["feedback"]
    assert (entry["who"], entry["holds"]) == ("me", True)
