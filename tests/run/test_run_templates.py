"""Templates of a model are listed, looked up in a log, and corrected; corrections survive."""

import json

import polars as pl
import pytest
import typer
from typer.testing import CliRunner

import amiss
from amiss.cli.templates import templates as templates_command
from amiss.errors import AmissError, UsageError
from amiss.present.templates import templates_to_csv
from amiss.represent.templates import TemplateMiner
from amiss.run.templates import correct_templates, list_templates, miner_of

LINES = [
    f"2024-01-01 00:00:{i:02d} INFO login of {user} as job_{i}"
    for i, user in enumerate(["ann", "bob", "eve", "joe", "kim"] * 2)
]
LINES += [f"2024-01-01 00:01:{i:02d} INFO link {what}" for i, what in enumerate(["up", "down"] * 5)]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def model(log, tmp_path):
    fitted = amiss.fit(amiss.read_sessions(log, window=4), detector="event-counts")
    fitted.miner.count(fitted.sequences(amiss.read_sessions(log, window=4))[0].events)
    fitted.save(tmp_path / "m.amiss")
    return tmp_path / "m.amiss"


def test_templates_are_listed_with_counts_and_in_a_log_with_examples(model, log):
    entries = list_templates(amiss.load(model))
    assert [(e.id, e.text, e.count) for e in entries] == [
        (0, "login of <*> as job_<*>", 10), (1, "link up", 5), (2, "link down", 5)
    ]  # fmt: skip
    log.write_text("\n".join([LINES[3], LINES[4], "2024-01-01 00:02:00 INFO all is new"]))
    looked_up = list_templates(amiss.load(model), log)
    assert [(e.id, e.count, e.seen) for e in looked_up] == [
        (0, 10, 2), (1, 5, 0), (2, 5, 0), (3, None, 1)
    ]  # fmt: skip
    assert looked_up[0].example == LINES[3]


def test_corrections_survive_saving_and_a_further_fit(model):
    fitted = amiss.load(model)
    assert correct_templates(fitted, merge=[1, 2], names={1: " link "}) == [
        "merged 1, 2 into 1",
        "named 1 'link'",
    ]
    correct_templates(fitted, split=[0])
    fitted.save(model)
    again = amiss.load(model)
    assert [(e.id, e.text, e.count, e.name, e.merged) for e in list_templates(again)] == [
        (1, "link up", 10, "link", (2,))
    ]
    miner = TemplateMiner.from_state(again.miner.to_state())  # what `fit --templates` starts from
    users = [f"login of {user} as job_<*>" for user in ("ann", "bob")]
    assert miner.add(["link down", *users, "link lost"]).tolist() == [1, 3, 4, 5]
    assert miner.templates[3:] == [*users, "link lost"]
    copy = TemplateMiner.from_state(json.loads(json.dumps(miner.to_state())))
    assert copy.match(["link down", *users, "link lost"]).tolist() == [1, 3, 4, 5]
    correct_templates(again, split=[1])
    assert [e.id for e in list_templates(again)] == [1, 2]


def test_a_corrected_model_still_detects(model, log):
    fitted = amiss.load(model)
    correct_templates(fitted, merge=[1, 2], split=[0])
    findings = fitted.detect(amiss.read_sessions(log, window=4))
    assert len(findings.scores) == 5


@pytest.mark.parametrize(
    ("corrections", "message"),
    [
        ({"merge": [0, 9]}, "no template 9; ids are 0 to 2"),
        ({"merge": [1]}, "one already"),
        ({"merge": [1, 1]}, "one already"),
        ({"split": [1]}, "nothing to split"),
        ({"split": [-1]}, "no template -1"),
        ({"split": [0, 0]}, "was split"),
        ({"names": {7: "x"}}, "no template 7"),
    ],
)
def test_corrections_that_cannot_be_made_are_usage_errors(model, corrections, message):
    with pytest.raises(UsageError, match=message):
        correct_templates(amiss.load(model), **corrections)


def test_a_model_without_messages_has_no_templates():
    frame = pl.DataFrame({"a": [float(i % 7) for i in range(60)], "b": [1.0] * 60})
    model = amiss.fit(amiss.Table(frame.to_numpy(), ("a", "b")), detector="vae")
    with pytest.raises(UsageError, match="no templates"):
        miner_of(model)


APP = typer.Typer()
APP.command()(templates_command)


def run(*words):
    return CliRunner().invoke(APP, [str(word) for word in words])


def test_the_command_lists_merges_names_and_writes(model, log, tmp_path):
    listed = run(model)
    assert listed.exit_code == 0
    assert "login of <*> as job_<*>" in listed.stdout
    found = run(model, "--merge", 1, 2, "--name", "1=link", "--json", "--csv", tmp_path / "t.csv")
    content = json.loads(found.stdout)
    assert content["schema"] == "amiss.templates/1"
    assert content["corrections"] == ["merged 1, 2 into 1", "named 1 'link'"]
    assert [t["id"] for t in content["templates"]] == [0, 1]
    assert pl.read_csv(tmp_path / "t.csv")["name"].to_list() == [None, "link"]
    assert json.loads(run(model, "--json").stdout)["templates"] == content["templates"]
    assert "name link · merged 2" in run(model, "--log", log).stdout


@pytest.mark.parametrize(
    "words",
    [["app.log"], ["--merge", "x"], ["--merge", ""], ["--name", "1"], ["--json", "--csv", "-"]],
)
def test_a_command_line_that_cannot_be_meant_is_an_error(model, words):
    assert isinstance(run(model, *words).exception, AmissError)


def test_csv_of_templates_is_harmless_to_open():
    entry = {"id": 0, "text": "=cmd()", "count": 1, "name": None, "merged": (), "seen": None}
    assert "'=cmd()" in templates_to_csv([{**entry, "example": "a\x1b[31m"}])
