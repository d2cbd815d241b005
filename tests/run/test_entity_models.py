"""Models of what entities did: from a log to a report, from a report to labels."""

import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator

import amiss
from amiss import RowModel
from amiss.detect import VAE, DeepSAD, EventCounts
from amiss.detect._base import Detector, normal_items
from amiss.errors import InputError, LabelError, ModelError, UsageError
from amiss.present.report import report_to_csv
from amiss.represent.entities import EntityFeatures
from amiss.run.row_data import ids_of
from amiss.run.row_experiment import run_row_experiment
from amiss.types import Images, Table

VALIDATOR = Draft202012Validator(
    json.loads(resources.files("amiss.present").joinpath("findings.schema.json").read_text())
)
ODD = "10.9.9.9"


class Summed(Detector):
    """Distance from the mean row: of dense tables, and without a word on columns."""

    inputs = ("table",)
    name = "summed"

    def __init__(self, contamination=0.1):
        self.contamination = contamination

    def _check(self, X, fitting=False):
        values = X.values if isinstance(X, Table) else X
        assert isinstance(values, np.ndarray)
        return values

    def _fit(self, X, y):
        self.taught_ = y
        taught = X[normal_items(len(X), y)]
        self.mean_, self.scale_ = taught.mean(axis=0), np.maximum(taught.std(axis=0), 0.1)
        self.training_score_ = self._anomaly_score(X)

    def _anomaly_score(self, X):
        return (((X - self.mean_) / self.scale_) ** 2).mean(axis=1)

    def _get_fitted(self):
        return {}, {"mean": self.mean_, "scale": self.scale_}

    def _set_fitted(self, values, arrays):
        self.mean_, self.scale_ = arrays["mean"], arrays["scale"]


def write_access_log(path, seed=0, scans=()):
    """Write an hour of 12 visitors; at the minutes in `scans` one asks for what is not there."""
    rng = np.random.default_rng(seed)
    lines = []
    for minute in range(60):
        for _ in range(12):
            client, second = rng.integers(1, 13), rng.integers(0, 60)
            lines.append((minute, second, f"10.0.0.{client}", f"/page{rng.integers(4)}", 200))
        if minute in scans:
            lines += [(minute, i, ODD, f"/x{minute}-{i}", 404) for i in range(40)]
    lines.sort()
    text = "".join(
        f'{client} - - [17/May/2015:10:{minute:02}:{second:02} +0000] "GET {page} HTTP/1.1" '
        f'{status} 512 "-" "Mozilla/5.0"\n'
        for minute, second, client, page, status in lines
    )
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("entities")


@pytest.fixture(scope="module")
def calm(folder):
    return amiss.read_activity(write_access_log(folder / "calm.log"), by="client", every="1m")


@pytest.fixture(scope="module")
def odd(folder):
    path = write_access_log(folder / "odd.log", 1, (7, 30))
    return amiss.read_activity(path, by="client", every="1m")


@pytest.fixture(scope="module")
def model(calm):
    return amiss.fit(calm, detector=Summed())


def test_a_model_finds_who_did_what_when(model, odd):
    findings = model.detect(odd)
    assert {f.id for f in findings[:2]} == {f"2015-05-17T10:{m}:00 {ODD}" for m in ("07", "30")}
    first = findings[0]
    assert first.unit == "entity"
    assert (first.end - first.start) == 60_000
    assert first.locations[0].file.endswith("odd.log")
    assert {"status__404", "status_class__4xx", "path__unseen", "lines"} & {
        f.name for f in first.features
    }
    assert all(f.expected is None for f in first.features)
    VALIDATOR.validate(json.loads(json.dumps(findings.to_dict(), allow_nan=False)))


def test_the_model_knows_what_it_learnt_from(model, calm):
    info = model.info
    assert (info["unit"], info["rows"], info["entities"]) == ("entity", len(calm), 12)
    assert (info["by"], info["every"], info["format"]) == ("client", 60.0, "combined")
    assert info["lines"] == 720
    assert repr(model).startswith(f"<RowModel: summed learnt from {len(calm)} entities of shape (")
    assert model.background.shape == (100, len(info["columns"]))
    assert hasattr(model.background, "indptr")
    table = EntityFeatures().fit_transform(calm)
    np.testing.assert_array_equal(
        model.usual, np.quantile(table.values.toarray(), (0.005, 0.995), axis=0)
    )


def test_a_saved_model_finds_the_same(odd, tmp_path, monkeypatch):
    monkeypatch.setitem(amiss.detect.CATALOGUE, "summed", amiss.detect.Entry("x", "Summed"))
    monkeypatch.setattr("amiss.run.detectors.get_detector", lambda name: Summed)
    model = amiss.fit(odd, {f"2015-05-17T10:07:00 {ODD}": True}, detector=Summed())
    model.save(tmp_path / "m.amiss")
    loaded = amiss.load(tmp_path / "m.amiss")
    assert isinstance(loaded, RowModel)
    assert loaded.space.columns == model.space.columns
    assert loaded.space.reading["by"] == "client"
    np.testing.assert_array_equal(loaded.background.toarray(), model.background.toarray())
    before, after = model.detect(odd), loaded.detect(odd)
    assert len(before)
    assert json.dumps(before.to_dict()) == json.dumps(after.to_dict())


def test_the_report_is_of_the_flagged_rows_or_of_the_highest(model, odd):
    report = model.report(odd)
    assert report.columns[:3] == ["time", "source", "anomaly_score"]
    assert len(report) == len(model.detect(odd))
    assert report["source"].to_list()[:2] == [ODD, ODD]
    assert report["anomaly_score"].is_sorted(descending=True)
    highest = model.report(odd, top_k=7, top=3)
    assert len(highest) == 3
    assert "top_7_value" in highest.columns
    assert "top_8_feature" not in highest.columns
    whole = model.report(odd, top_k=1, top=10_000)
    assert len(whole) == len(odd)
    shown = model.detect(odd, top=3)
    assert shown.to_dict()["flagged"] == len(report)
    assert len(shown) == 3
    for options in ({"top": 0}, {"top_k": 0}):
        with pytest.raises(UsageError, match="expected 1 or more"):
            model.report(odd, **options)


def test_attributions_add_up_and_are_of_the_rows_asked_for(model, odd):
    flagged = model.attribute(odd)
    assert len(flagged) == len(model.detect(odd))
    assert flagged.additivity_error.max() < 0.05
    name = f"2015-05-17T10:30:00 {ODD}"
    (at,) = np.flatnonzero(np.array(ids_of(model.represent(odd), np.arange(len(odd)))) == name)
    by_id, by_place = model.attribute(odd, [name]), model.attribute(odd, np.array([at]))
    np.testing.assert_array_equal(by_id.values, by_place.values)
    assert by_id.score[0] == pytest.approx(model.score(odd)[at])
    with pytest.raises(InputError, match="no entity 'x'"):
        model.attribute(odd, ["x"])


def test_attributions_of_other_models_are_there_on_request():
    table = Table(np.random.default_rng(0).normal(size=(120, 3)), ("a", "b", "c"))
    fitted = amiss.fit(table, detector=VAE(hidden=(8,), epochs=2, random_state=0))
    assert fitted.explain(table, "1").features[0].expected is not None
    parts = fitted.attribute(table, ["3", "1"])
    np.testing.assert_allclose(parts.rows, table.values[[2, 0]])
    assert parts.additivity_error.max() < 1e-6
    pixels = np.random.default_rng(0).random((9, 1, 8, 8)).astype(np.float32)
    images = Images(pixels, tuple("abcdefghi"))
    of_images = amiss.fit(images, detector=VAE(latent=1, epochs=1, random_state=0))
    with pytest.raises(InputError, match="these are images"):
        of_images.attribute(images)
    fitted.background = None
    with pytest.raises(ModelError, match="no background rows"):
        fitted.attribute(table)


def test_a_report_with_verdicts_is_what_the_next_fit_learns_from(model, odd, tmp_path):
    header, *rows = report_to_csv(model.report(odd, top=6)).splitlines()
    path = tmp_path / "report.csv"
    verdicts = ["malicious", "malicious", "benign", "benign", "", "unknown"]
    path.write_text(
        "\n".join([f"{header},verdict", *map(",".join, zip(rows, verdicts, strict=True))])
    )
    fitted = amiss.fit(odd, path, detector=Summed(), rule="f1")
    assert fitted.info["labelled_anomalies"] == 2
    assert fitted.info["labelled_normal"] == 2
    assert np.flatnonzero(fitted.detector.taught_ == 1).size == 2
    assert (fitted.detector.taught_ == -1).sum() == len(odd) - 4
    assert fitted.threshold.rule == "f1"
    assert len(fitted.detect(odd)) == 2
    report = amiss.evaluate(fitted, odd, path, train=odd)
    assert (report["unit"], report["anomalies"], report["sessions"]) == ("entity", 2, 4)
    assert report["f1"] == 1.0
    assert "iforest" in report["baselines"]


def test_verdicts_that_were_not_used_are_told(odd, tmp_path):
    path = tmp_path / "verdicts.csv"
    path.write_text(
        "time,source,verdict\n"
        f"2015-05-17T10:07:31,{ODD},malicious\n"
        f"2015-05-18T10:07:00,{ODD},malicious\n"
    )
    fitted = amiss.fit(odd, path, detector=Summed())
    (note,) = fitted.info["notes"]
    assert note == "verdicts on windows that this input does not have (not used): 1"
    assert amiss.evaluate(fitted, odd, path)["notes"] == [note]
    VALIDATOR.validate(json.loads(json.dumps(fitted.detect(odd).to_dict())))
    with pytest.raises(LabelError, match="no entity has a label; expected verdicts on times"):
        amiss.evaluate(fitted, odd)


def test_a_scan_needs_no_model(odd):
    findings = amiss.scan(odd, detector=Summed())
    assert {f.id.split()[1] for f in findings[:2]} == {ODD}
    assert findings.fitted.space is not None
    assert len(findings.scores) == len(odd)


def test_a_table_that_was_counted_is_taken_too(model, odd):
    table = model.space.transform(odd)
    np.testing.assert_array_equal(model.score(table), model.score(odd))
    findings = amiss.fit(table, detector=Summed()).detect(table)
    VALIDATOR.validate(json.loads(json.dumps(findings.to_dict())))


def test_what_does_not_fit_is_refused(model, calm, odd, folder):
    other = amiss.read_activity(folder / "calm.log", by="client", every="5m")
    with pytest.raises(InputError, match="counted by client every 300 s; expected by client"):
        model.detect(other)
    fewer = amiss.read_activity(folder / "calm.log", by="client", every="1m", fields=["path"])
    with pytest.raises(InputError, match="lacks user, method"):
        model.detect(fewer)
    plain = Table(np.random.default_rng(0).normal(size=(50, 2)), ("a", "b"))
    with pytest.raises(InputError, match="learnt from entities; this input is rows"):
        model.detect(plain)
    with pytest.raises(InputError, match="learnt from rows; this input is what each client did"):
        amiss.fit(plain, detector=Summed()).detect(odd)
    with pytest.raises(UsageError, match="'event-counts' takes the sessions of a log, not the row"):
        amiss.fit(calm, detector=EventCounts())
    with pytest.raises(UsageError, match="clean is for sessions"):
        amiss.fit(calm, detector=Summed(), clean=True)
    with pytest.raises(InputError, match="every entity is labelled an anomaly"):
        amiss.fit(calm, np.ones(len(calm), dtype=int), detector=Summed())


def test_columns_of_an_experiment_are_learnt_from_its_training_part(odd):
    name = [f"{ODD}" in n for n in odd.index.entity]
    truth = np.where(name, 1, np.where(np.arange(len(odd)) % 3 == 0, 0, -1))
    result = run_row_experiment(odd, truth, [Summed()], seeds=[0], train=0.5)
    report = result.to_dict()
    assert report["data"][0]["anomalous_entities"] == 1
    assert report["levels"]["entity"]["detectors"]["summed"]["roc_auc"]["mean"] == 1.0
    assert "entities" in repr(result)


def test_labels_of_the_published_convention_are_refused(calm):
    with pytest.raises(UsageError, match="labels='deep-sad': a model has labels of 1 for an"):
        amiss.fit(calm, detector=DeepSAD(labels="deep-sad"))


def test_deep_sad_is_the_default_and_learns_sparse_rows(calm, odd, tmp_path):
    fitted = amiss.fit(calm)
    assert fitted.detector.name == "deep-sad"
    fitted.save(tmp_path / "m.amiss")
    loaded = amiss.load(tmp_path / "m.amiss")
    np.testing.assert_array_equal(loaded.score(odd), fitted.score(odd))
    report = loaded.report(odd, top=2)
    assert report["source"].to_list() == [ODD, ODD]
    parts = loaded.attribute(odd, [f"2015-05-17T10:07:00 {ODD}"])
    assert parts.additivity_error.max() < 0.05
