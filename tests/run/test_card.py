"""The model card: all there is to know of a model, of any kind."""

import json

import numpy as np
import pytest

from amiss import Table, confirm, evaluate, fit, load, model_card, mute, store
from amiss.detect import VAE, EventCounts, NGrams, SessionEnsemble, VectorAutoregression
from amiss.errors import InputError, ModelError
from amiss.run.detector_parts import count_parameters, describe_detector
from amiss.run.remembered import keep_evaluation


def as_json(card):
    return json.loads(json.dumps(card, allow_nan=False))


def test_the_card_of_a_log_says_what_it_learnt_from(simulated_model, simulated_model_file):
    card = as_json(model_card(simulated_model, simulated_model_file))
    learnt, info = card["learnt_from"], simulated_model.info
    assert card["schema"] == "amiss.card/1"
    assert card["kind"] == "model"
    for key in ("sources", "lines", "sessions", "events", "format", "grouping", "set_aside",
                "labelled_anomalies", "mask", "fingerprint", "why"):  # fmt: skip
        assert learnt[key] == info[key]
    assert learnt["start"].startswith("20")
    assert card["fitted"].startswith("20")


def test_the_card_has_the_threshold_in_words_and_what_it_is_from(simulated_model):
    card = model_card(simulated_model)
    threshold, scores = simulated_model.threshold, simulated_model.calibration
    assert card["threshold"]["value"] == threshold.value
    assert card["threshold"]["rate"] == threshold.rate
    assert f"{len(scores):,} calibration scores" in card["threshold"]["meaning"]
    assert card["calibration"]["scores"] == len(scores)
    assert card["calibration"]["above"] == (scores > threshold.value).sum()
    assert card["calibration"]["quantiles"][-1] == {"share": 1.0, "score": scores.max()}


def test_layers_and_weights_are_those_of_the_networks(simulated_model):
    part = describe_detector(simulated_model.detector)
    members = dict(simulated_model.detector.members_)
    network = members["next event"].network_
    assert [member["name"] for member in part["members"]] == list(members)
    (told,) = next(m for m in part["members"] if m["name"] == "next event")["networks"]
    assert told["parameters"] == sum(w.numel() for w in network.parameters())
    assert sum(layer["parameters"] for layer in told["layers"]) == told["parameters"]
    assert count_parameters(part) == told["parameters"]
    assert {layer["type"] for layer in told["layers"]} >= {"Embedding", "Linear"}


def test_losses_are_told_once_by_the_member_that_has_them(simulated_model):
    part = describe_detector(simulated_model.detector)
    assert part["history"] == []
    (run,) = next(m for m in part["members"] if m["name"] == "next event")["history"]
    epochs = dict(simulated_model.detector.members_)["next event"].history_
    assert run["loss"] == [entry["loss"] for entry in epochs]


def test_templates_are_the_most_frequent_with_what_was_corrected(simulated_model):
    simulated_model.miner.name(3, "three")
    simulated_model.miner.merge([0, 2])
    card = model_card(simulated_model, templates=None)["templates"]
    counts = [template["count"] for template in card["shown"]]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == card["events"] == simulated_model.info["events"]
    assert (card["named"], card["merged"], card["count"]) == (1, 1, len(counts))
    assert len(model_card(simulated_model, templates=2)["templates"]["shown"]) == 2


def test_the_file_is_told_by_its_parts(simulated_model_file):
    card = model_card(load(simulated_model_file), simulated_model_file)
    manifest, arrays = store.read(simulated_model_file)
    file = card["file"]
    assert file["bytes"] == pytest.approx(simulated_model_file.stat().st_size, rel=0.02)
    assert file["created"] == manifest["created"]
    assert file["versions"]["amiss"] == manifest["versions"]["amiss"]
    names = {part["name"] for part in file["parts"]}
    assert names >= {"templates", "calibration", "member next event", "info"}
    assert sum(part["bytes"] for part in file["parts"]) > sum(a.nbytes for a in arrays.values())


def test_what_users_said_is_in_the_card(simulated_model):
    mute(simulated_model, "0", why="known", who="me")
    confirm(simulated_model, "blk_1", who="you")
    first, second = model_card(simulated_model)["feedback"]
    assert (first["number"], first["verdict"], first["who"]) == (1, "mute", "me")
    assert (second["what"], second["holds"], second["until"]) == ("blk_1", True, None)


@pytest.mark.parametrize(
    "detector",
    [
        VAE(hidden=(4,), epochs=2, n_networks=2, folds=2, random_state=0),
        VectorAutoregression(),
    ],
    ids=["vae", "vector-autoregression"],
)
def test_the_card_of_tables_and_series(detector, tmp_path):
    table = Table(np.random.default_rng(0).normal(size=(300, 3)), ("a", "b", "c"))
    fit(table, detector=detector).save(tmp_path / "m.amiss")
    card = as_json(model_card(load(tmp_path / "m.amiss"), tmp_path / "m.amiss"))
    assert card["kind"] == "rows"
    assert card["learnt_from"]["columns"] == ["a", "b", "c"]
    assert card["templates"] is None
    assert bool(card["parameters"]) == (detector.name == "vae")
    assert card["detector"]["arrays"]
    losses = [run["loss"] for run in card["detector"]["history"]]
    assert bool(losses) == (detector.name == "vae")


def test_the_card_of_a_bare_detector_knows_no_data(tmp_path):
    counts = EventCounts().fit([["open", "shut"]] * 30 + [["open"]])
    counts.save(tmp_path / "d.amiss")
    card = as_json(model_card(load(tmp_path / "d.amiss"), tmp_path / "d.amiss"))
    assert card["kind"] == "detector"
    assert card["learnt_from"] is card["calibration"] is card["templates"] is None
    assert card["threshold"]["value"] == pytest.approx(-counts.offset_)
    assert card["feedback"] == []


def test_members_of_members_are_told():
    inner = SessionEnsemble([("counts", EventCounts()), ("grams", NGrams())])
    outer = SessionEnsemble([("inner", inner)])
    part = describe_detector(outer.fit([["open", "shut"]] * 40))
    (told,) = part["members"]
    assert [member["name"] for member in told["members"]] == ["counts", "grams"]
    assert count_parameters(part) == 0


def test_figures_of_another_threshold_say_so(simulated_model, simulated_sessions, simulation):
    report = evaluate(simulated_model, simulated_sessions, simulation.labels)
    kept = keep_evaluation(simulated_model, report, ["a.log"], now=0)
    assert kept["f1"] == report["f1"]
    (entry,) = model_card(simulated_model.set_threshold(0.05))["figures"]
    assert (entry["at_this_threshold"], entry["when"]) == (False, "1970-01-01T00:00:00")


def test_what_is_no_model_file_is_said(simulated_model, tmp_path):
    with pytest.raises(InputError):
        model_card(simulated_model, tmp_path / "none.amiss")
    (tmp_path / "other.amiss").write_text("no zip")
    with pytest.raises(ModelError):
        model_card(simulated_model, tmp_path / "other.amiss")
