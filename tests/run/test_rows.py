"""Models of tables and images: what they learn, refuse, find and say."""

import json

import numpy as np
import pytest

import amiss
from amiss import RowModel, Sessions
from amiss.detect import VAE, DeepSAD, EventCounts
from amiss.detect._base import Detector, normal_items
from amiss.errors import InputError, LabelError, ModelError, UsageError
from amiss.run.models import load_model
from amiss.run.row_experiment import run_row_experiment
from amiss.run.row_fit import fit_rows, scan_rows
from amiss.types import Images, Judgement, Table

COLUMNS = ("load", "flow", "heat", "pump")


class FromMean(Detector):
    """Deviation from the mean item: quick, and of tables and images."""

    inputs = ("table", "images")
    name = "from-mean"

    def __init__(self, contamination=0.1, outlier_type="instance"):
        self.contamination = contamination
        self.outlier_type = outlier_type

    def _check(self, X, fitting=False):
        return X.values if isinstance(X, Table) else np.asarray(X.pixels, dtype=np.float64)

    def _fit(self, X, y):
        self.taught_ = y
        self.mean_ = X[normal_items(len(X), y)].mean(axis=0)
        self.training_score_ = self._anomaly_score(X)

    def _anomaly_score(self, X):
        return self._deviation(X).reshape(len(X), -1).sum(axis=1)

    def _deviation(self, X):
        return (X - self.mean_) ** 2

    def judge(self, X):
        values = self._check(X)
        score, features = self._anomaly_score(values), self._deviation(values)
        return Judgement(
            score, -self.offset_, score > -self.offset_, features, 0.05, features > 0.05, values,
            np.broadcast_to(self.mean_, values.shape), X.columns if values.ndim == 2 else (),
        )  # fmt: skip

    def _get_fitted(self):
        return {}, {"mean": self.mean_}

    def _set_fitted(self, values, arrays):
        self.mean_ = arrays["mean"]


def make_table(n=400, odd=(), seed=0, **more):
    rng = np.random.default_rng(seed)
    load = rng.normal(10, 2, n)
    values = np.column_stack([load, 2 * load, rng.normal(50, 1, n), np.full(n, 3.0)])
    values[list(odd), 1] -= 60
    label = np.zeros(n, dtype=np.int64)
    label[list(odd)] = 1
    return Table(values, COLUMNS, label if len(odd) else None, row=np.arange(1, n + 1), **more)


def make_images(n=40, odd=(), channels=3):
    rng = np.random.default_rng(0)
    pixels = 0.5 + 0.01 * rng.normal(size=(n, channels, 9, 12)).astype(np.float32)
    for i in odd:
        pixels[i, -1, 2:5, 7:11] = 1.0
    return Images(pixels, tuple(f"{i}.png" for i in range(n)), sources=("images",))


@pytest.fixture(scope="module")
def model():
    return fit_rows(make_table(), detector=VAE(hidden=(16,), epochs=20, random_state=0))


def without_labels(table):
    return Table(table.values, table.columns, row=table.row)


def test_a_model_finds_the_odd_rows_and_says_which_columns(model):
    findings = model.detect(make_table(100, (17, 60), seed=1))
    assert {"18", "61"} <= {f.id for f in findings[:2]}
    for finding in findings[:2]:
        assert finding.unit == "row"
        assert {"load", "flow"} & {f.name for f in finding.features[:2]}
        assert 0 <= finding.p_value < 0.05
        assert (finding.locations[0].file, str(finding.locations[0].first_line)) == ("", finding.id)
    flow = next(f for f in findings[0].features if f.name == "flow")
    assert flow.usual is not None
    assert flow.usual[0] == pytest.approx(2 * (10 - 2 * 2.6), abs=2.5)


def test_findings_come_the_most_anomalous_first_and_above_the_threshold(model):
    findings = model.detect(make_table(200, range(5), seed=2))
    scores = [f.score for f in findings]
    assert scores == sorted(scores, reverse=True)
    assert min(scores) > model.threshold.value
    np.testing.assert_array_equal(np.sort(findings.scores)[::-1][: len(scores)], scores)


def test_features_hold_value_and_reconstruction_in_units_of_the_data(model):
    table = make_table(100, (17,), seed=1)
    finding = model.explain(table, "18")
    reconstruction = model.detector.reconstruct(table)[17]
    for feature in finding.features:
        column = COLUMNS.index(feature.name)
        assert feature.value == table.values[17, column]
        assert feature.expected == pytest.approx(reconstruction[column])
    deviations = [f.score for f in finding.features]
    assert deviations == sorted(deviations, reverse=True)


def test_rows_that_were_not_flagged_can_be_explained(model):
    table = make_table(100, (17,), seed=1)
    finding = model.explain(table, "1")
    assert finding.score == pytest.approx(model.score(table)[0])
    assert finding.explain().startswith("row 1\nscore")
    with pytest.raises(InputError, match="no row '101' among 100; ids are such as '1'"):
        model.explain(table, "101")


def test_columns_in_another_order_are_put_in_order(model):
    table = make_table(50, (3,), seed=3)
    order = [2, 0, 3, 1]
    shuffled = Table(table.values[:, order], tuple(COLUMNS[i] for i in order), row=table.row)
    np.testing.assert_array_equal(model.score(shuffled), model.score(table))
    assert (
        model.detect(shuffled).to_dict()["findings"]
        == (model.detect(without_labels(table)).to_dict()["findings"])
    )


def test_missing_and_other_columns_are_named(model):
    table = make_table(5)
    with pytest.raises(InputError, match="lacks columns 'flow', 'pump' and has column 'watts'"):
        model.detect(Table(table.values[:, :3], ("load", "watts", "heat")))
    with pytest.raises(InputError, match="has column 'more' besides; expected the 4 columns"):
        model.detect(Table(np.ones((2, 5)), (*COLUMNS, "more")))


def test_values_that_are_missing_are_named_by_row_and_column(model):
    table = make_table(9)
    table.values[4, 2] = np.nan
    with pytest.raises(InputError, match=r"row 5 has no value in column 'heat' \(1 of 9 rows"):
        model.detect(table)
    with pytest.raises(InputError, match="row 5"):
        fit_rows(table, detector=FromMean())


def test_labelled_anomalies_are_told_to_the_detector_and_not_calibrated_on():
    table = make_table(100, (5, 6))
    fitted = fit_rows(table, detector=FromMean())
    assert fitted.detector.taught_.tolist() == table.label.tolist()
    assert len(fitted.calibration) == 98
    assert fitted.calibration.tolist() == sorted(fitted.calibration)
    assert fitted.info["labelled_anomalies"] == 2
    assert [f.id for f in fitted.detect(table)[:2]] in (["6", "7"], ["7", "6"])


@pytest.mark.parametrize(
    "labels",
    [
        {"6": True, "7": 1, "1": False, "2": None},
        [1 if i in (5, 6) else 0 if i == 0 else -1 for i in range(100)],
    ],
)
def test_labels_may_be_given_by_id_or_in_order(labels):
    fitted = fit_rows(without_labels(make_table(100, (5, 6))), labels, detector=FromMean())
    assert np.flatnonzero(fitted.detector.taught_ == 1).tolist() == [5, 6]
    assert np.flatnonzero(fitted.detector.taught_ == 0).tolist() == [0]


def test_labels_may_be_in_a_file(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("id,label\n6,anomaly\n1,normal\n")
    fitted = amiss.fit(without_labels(make_table(100, (5,))), path, detector=FromMean())
    assert fitted.info["labelled_anomalies"] == 1


def test_labels_that_do_not_fit_are_refused():
    table = make_table(10)
    for labels, words in (
        ([0, 1], r"shape \(2,\) for 10 rows"),
        ([3] * 10, "label .*3.*; expected 1"),
        ({"x": True}, "none of 1 labels names a row"),
        ({"1": "bad"}, "label 'bad' of '1'"),
    ):
        with pytest.raises(LabelError, match=words):
            fit_rows(table, labels, detector=FromMean())
    with pytest.raises(InputError, match="every row is labelled an anomaly"):
        fit_rows(table, [1] * 10, detector=FromMean())


def test_ids_name_the_file_where_there_are_several():
    table = make_table(10, (7,))
    file = np.repeat([0, 1], 5)
    row = np.tile(np.arange(1, 6), 2)
    two = Table(table.values, COLUMNS, sources=("a.csv", "b.csv"), file=file, row=row)
    fitted = fit_rows(make_table(), detector=FromMean())
    (finding, *_) = fitted.detect(two)
    assert finding.id == "b.csv:3"
    assert tuple(finding.locations[0]) == ("b.csv", 3, 3)
    assert fitted.explain(two, "b.csv:3") == finding


def test_the_rules_cut_as_they_do_for_logs():
    table = make_table(400, range(8))
    tail, quantile, best = (
        fit_rows(table, detector=FromMean(), rule=rule) for rule in ("tail", "quantile", "f1")
    )
    assert tail.threshold.rate == quantile.threshold.rate == 0.01
    assert best.threshold.rule == "f1"
    assert len(best.detect(table)) == 8
    with pytest.raises(UsageError, match="rule f1 without labels"):
        fit_rows(make_table(), detector=FromMean(), rule="f1")
    with pytest.raises(UsageError, match=r"'top-9' cuts the rank .* 'from-mean'"):
        fit_rows(make_table(), detector=FromMean(), rule="top-9")


def test_another_rate_needs_no_other_fit(model):
    table = make_table(500, range(20), seed=4)
    loose = model.set_threshold(0.2)
    assert len(loose.detect(table)) > len(model.detect(table))
    assert loose.detector.offset_ == -loose.threshold.value
    assert model.detector.offset_ == -model.threshold.value
    preview = model.preview(table, rates=[0.01, 0.2])
    assert preview["flagged"].to_list() == [len(model.detect(table)), len(loose.detect(table))]


def test_a_scan_judges_out_of_fold():
    table = without_labels(make_table(300, (50,)))
    detector = VAE(hidden=(16,), epochs=10, random_state=0)
    findings = scan_rows(table, detector=detector)
    np.testing.assert_array_equal(findings.scores, findings.fitted.detector.training_score_)
    assert "51" in [f.id for f in findings]


def test_a_saved_model_finds_the_same(model, tmp_path):
    model.save(tmp_path / "m.amiss")
    loaded = amiss.load(tmp_path / "m.amiss")
    assert isinstance(loaded, RowModel)
    assert isinstance(load_model(tmp_path / "m.amiss"), RowModel)
    assert loaded.info == model.info
    table = make_table(100, (17, 60), seed=1)
    before, after = model.detect(table), loaded.detect(table)
    assert json.dumps(before.to_dict()) == json.dumps(after.to_dict())


def test_damaged_and_unfit_model_files_are_refused(model, tmp_path, monkeypatch):
    path = tmp_path / "m.amiss"
    model.save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelError):
        amiss.load(path)
    from amiss import store

    for content in ({}, {"info": {}, "threshold": {}, "detector": {"detector": "oracle"}}):
        store.write(path, "rows", content, {"calibration": np.zeros(2)})
        with pytest.raises(ModelError, match="does not fit this version"):
            amiss.load(path)
    store.write(path, "columns", {}, {"x": np.zeros(2)})
    with pytest.raises(ModelError, match="malformed"):
        amiss.load(path)


def test_fit_and_scan_go_by_what_they_are_given():
    rows = {"session": ["a", "a", "b", "b"] * 9, "event": ["open", "close"] * 18}
    sessions = Sessions.from_frame(rows)
    assert isinstance(amiss.fit(sessions, detector="event-counts"), amiss.Model)
    assert isinstance(amiss.fit(make_table(), detector=FromMean()), RowModel)
    assert isinstance(amiss.scan(make_images(), detector=FromMean()), amiss.RowFindings)
    with pytest.raises(InputError, match=r"ndarray; expected Sessions .* Table .* Images"):
        amiss.fit(np.ones((3, 3)))
    with pytest.raises(UsageError, match="clean is for sessions"):
        amiss.fit(make_table(), detector=FromMean(), clean=True)
    with pytest.raises(
        UsageError, match="'event-counts' takes the sessions of a log, not the rows"
    ):
        amiss.fit(make_table(), detector=EventCounts())
    with pytest.raises(
        UsageError, match=r"'vae' takes .* not the sessions of a log; .* event-pair"
    ):
        amiss.fit(sessions, detector="vae")
    with pytest.raises(UsageError, match="outlier_type"):
        amiss.fit(make_table(), detector=FromMean(outlier_type="feature"))


def test_the_region_of_an_image_is_found():
    fitted = amiss.fit(make_images(), detector=FromMean())
    images = make_images(6, odd=(4,))
    (finding,) = fitted.detect(images)
    assert (finding.unit, finding.id, finding.locations) == ("image", "4.png", ())
    (region,) = finding.features
    assert region.name == "blue"
    assert tuple(region.region) == (7, 2, 4, 3)
    assert (region.value, region.expected) == (1.0, pytest.approx(0.5, abs=0.01))
    assert region.score == pytest.approx(12 * 0.25, rel=0.05)
    assert fitted.explain(images, "4.png") == finding


def test_an_image_that_is_odd_all_over_has_a_region_too():
    fitted = amiss.fit(make_images(channels=1), detector=FromMean())
    finding = fitted.explain(make_images(6, channels=1), "0.png")
    assert finding.features
    assert {feature.name for feature in finding.features} == {"grey"}


def test_images_of_another_size_or_a_table_are_refused():
    fitted = amiss.fit(make_images(), detector=FromMean())
    other = Images(np.zeros((2, 3, 5, 6), dtype=np.float32), ("a", "b"))
    with pytest.raises(InputError, match=r"6 × 5 pixels with 3 .* learnt from 12 × 9 pixels"):
        fitted.detect(other)
    with pytest.raises(InputError, match=r"12 × 9 pixels with 1 channel;.* as many channels"):
        fitted.detect(make_images(channels=1))
    with pytest.raises(InputError, match="learnt from images; this input is rows"):
        fitted.detect(make_table())
    with pytest.raises(InputError, match="list; expected a Table"):
        fitted.detect([[1.0]])


def test_an_evaluation_counts_and_names_the_kinds():
    odd = make_table(200, range(10), seed=5)
    kind = np.array(["leak"] * 6 + ["clog"] * 4 + ["normal"] * 190)
    label = odd.label.copy()
    label[-20:] = -1
    judged = Table(odd.values, COLUMNS, label, kind, row=odd.row)
    train = make_table(300)
    report = amiss.evaluate(amiss.fit(train, detector=FromMean()), judged, train=train)
    assert report["schema"] == "amiss.evaluation/1"
    assert (report["sessions"], report["unlabelled"], report["anomalies"]) == (180, 20, 10)
    assert report["recall"] == 1.0
    assert report["roc_auc"] == 1.0
    assert report["kinds"] == {
        "clog": {"items": 4, "flagged": 4, "recall": 1.0},
        "leak": {"items": 6, "flagged": 6, "recall": 1.0},
    }
    assert set(report["baselines"]) == {"znorm", "mahalanobis", "pca", "gmm", "iforest"}
    assert report["baselines"]["mahalanobis"]["f1"] > 0.8
    confusion = report["confusion"]
    assert sum(confusion.values()) == 180
    json.dumps(report, allow_nan=False)


def test_an_evaluation_of_images_has_the_cheap_baselines():
    train, test = make_images(), make_images(12, odd=(3, 4))
    labels = {f"{i}.png": i in (3, 4) for i in range(12)}
    fitted = amiss.fit(train, detector=FromMean())
    report = amiss.evaluate(fitted, test, labels, train=train)
    assert (report["unit"], report["f1"]) == ("image", 1.0)
    assert set(report["baselines"]) == {"znorm", "pca"}
    assert report["baselines"]["znorm"]["roc_auc"] == 1.0


def test_an_evaluation_without_labels_is_refused():
    fitted = amiss.fit(make_table(), detector=FromMean())
    with pytest.raises(LabelError, match="no row has a label"):
        amiss.evaluate(fitted, make_table(20))


def test_an_experiment_learns_from_a_part_and_judges_the_rest():
    table = make_table(400, range(0, 400, 20))
    result = run_row_experiment(table, detectors={"mine": FromMean()}, seeds=[0, 1])
    report = result.to_dict()
    assert report["schema"] == "amiss.experiment/1"
    train, test = report["data"][:2]
    assert (train["rows"], train["anomalous_rows"]) == (200, 10)
    assert (test["rows"], test["anomalous_rows"]) == (200, 10)
    level = report["levels"]["row"]
    assert level["detectors"]["mine"]["f1"]["mean"] == 1.0
    assert "gmm" in level["baselines"]
    assert len(result.to_frame()) == 2 * 6
    assert "rows" in repr(result)
    blind = run_row_experiment(table, detectors=[FromMean()], seeds=[0], use_labels=False)
    assert "training labels unused: all is learnt from" in repr(blind)
    json.dumps(report, allow_nan=False)


def test_an_experiment_that_makes_no_sense_is_refused():
    table = make_table(40, (1, 2))
    for options, words in (
        ({"seeds": []}, "no seeds"),
        ({"train": 2}, "training share"),
        ({"split": "odd"}, "expected uniform or time"),
        ({"detectors": [FromMean(), FromMean()]}, "two detectors have one name"),
    ):
        with pytest.raises(UsageError, match=words):
            run_row_experiment(table, **({"detectors": [FromMean()]} | options))


def test_findings_are_a_frame_even_where_there_are_none(model):
    frame = model.detect(make_table(100, (17,), seed=1)).to_frame()
    assert frame["row"][0] == "18"
    assert frame["feature"][0] in COLUMNS
    none = model.set_threshold(1e-6).detect(make_table(1))
    assert none.to_frame().schema == frame.schema
    assert repr(none).startswith("table")


def test_a_threshold_of_the_detectors_own_is_refused():
    with pytest.raises(UsageError, match="a model finds its own"):
        amiss.fit(make_table(), detector=VAE(threshold=3.0))


def _contaminated(labelled, seed=0):
    """Return rows of which 4 % are odd, in one way, and labels of some of these."""
    rng = np.random.default_rng(seed)
    values = np.concatenate([rng.normal(size=(960, 3)), rng.normal(6, 0.5, size=(40, 3))])
    labels = np.full(1000, -1)
    labels[960 : 960 + labelled] = 1
    return Table(values, ("a", "b", "c")), labels


def test_unlabelled_rows_like_the_labelled_anomalies_do_not_raise_the_threshold():
    table, labels = _contaminated(10)
    detector = DeepSAD(epochs=10, n_networks=1, folds=2, random_state=0)
    model = fit_rows(table, labels, detector=detector)
    scores = model.score(table)
    assert (scores[960:] > model.threshold.value).all()
    assert (scores[:960] > model.threshold.value).mean() <= 0.03
    # What is a guarantee for all rows that are not labelled anomalies stays one.
    guaranteed = fit_rows(table, labels, detector=detector, rule="quantile")
    assert len(guaranteed.calibration) == 990
    assert guaranteed.threshold.value > model.threshold.value


def test_a_threshold_above_most_labelled_anomalies_is_told():
    table, labels = _contaminated(2)
    detector = DeepSAD(epochs=10, n_networks=1, folds=2, random_state=0)
    model = fit_rows(table, labels, detector=detector, false_alarm_rate=0.001)
    assert any("labelled anomalies" in note for note in model.info["notes"])
