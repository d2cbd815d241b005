"""Series: rows are scored, intervals are found, and no detector sees across a gap."""

import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from sklearn.base import clone

import amiss
from amiss.detect import VAE, TwoStageLabeler, VectorAutoregression
from amiss.detect._base import Detector, normal_items
from amiss.errors import InputError, UsageError
from amiss.run.evaluate_rows import range_figures
from amiss.run.intervals import BRIDGED, find_intervals, highest_intervals
from amiss.run.row_data import as_series, ids_of
from amiss.types import NO_TIME, Judgement, Table, Timeline

COLUMNS = ("flow", "heat", "volts")
START = 1_581_168_647_000
SCHEMA = json.loads(
    resources.files("amiss.present").joinpath("findings.schema.json").read_text(encoding="utf-8")
)


class Smoothed(Detector):
    """Deviation from the mean row, averaged with the row before it in its run."""

    inputs = ("series",)
    name = "smoothed"

    def __init__(self, contamination=0.1):
        self.contamination = contamination

    def _check(self, X, fitting=False):
        return as_series(X)

    def _fit(self, X, y):
        self.mean_ = X.values[normal_items(len(X), y)].mean(axis=0)
        self.training_score_ = self._anomaly_score(X)

    def _anomaly_score(self, X):
        return self._deviation(X).sum(axis=1)

    def _deviation(self, X):
        parts = (X.values - self.mean_) ** 2
        smoothed = parts.copy()
        same = np.flatnonzero(np.diff(X.timeline.run) == 0) + 1
        smoothed[same] = (parts[same] + parts[same - 1]) / 2
        return smoothed

    def judge(self, X):
        X = self._check(X)
        score, features = self._anomaly_score(X), self._deviation(X)
        return Judgement(
            score, -self.offset_, score > -self.offset_, features, 1.0, features > 1.0, X.values,
            np.broadcast_to(self.mean_, X.values.shape), X.columns,
        )  # fmt: skip

    def _get_fitted(self):
        return {}, {"mean": self.mean_}

    def _set_fitted(self, values, arrays):
        self.mean_ = arrays["mean"]


def make_series(n=200, odd=(), seed=0, files=1, times=True):
    rng = np.random.default_rng(seed)
    values = rng.normal([5, 70, 230], 0.1, size=(n * files, 3))
    label = np.zeros(n * files, dtype=np.int64)
    for first, last in odd:
        values[first : last + 1, 1] += 4
        label[first : last + 1] = 1
    second = np.tile(np.arange(n), files)
    time = START + 1000 * second if times else np.full(n * files, NO_TIME)
    file = np.repeat(np.arange(files), n)
    sources = tuple(f"{name}.csv" for name in "abc"[:files])
    row = np.tile(np.arange(1, n + 1), files)
    return Table(
        values, COLUMNS, label if odd else None, sources=sources, file=file, row=row,
        timeline=Timeline(time, file),
    )  # fmt: skip


@pytest.fixture(scope="module")
def model():
    return amiss.fit(make_series(), detector=Smoothed(), rule="sigma-9")


def test_flagged_rows_that_follow_each_other_are_one_interval():
    flagged = np.zeros(30, dtype=bool)
    flagged[[2, 3, 4 + BRIDGED, 6 + 2 * BRIDGED, 20]] = True
    found = find_intervals(flagged, np.zeros(30, dtype=np.int64))
    assert [(rows[0], rows[-1]) for rows in found] == [(2, 4 + BRIDGED), (12, 12), (20, 20)]


def test_runs_end_intervals_wherever_their_rows_stand():
    run = np.array([0, 1, 0, 1, 0, 1])
    found = find_intervals(np.ones(6, dtype=bool), run)
    assert [rows.tolist() for rows in found] == [[0, 2, 4], [1, 3, 5]]
    assert find_intervals(np.zeros(6, dtype=bool), run) == []


def test_the_highest_intervals_are_those_flagged_and_then_other_rows():
    scores = np.array([0.0, 9, 9, 0, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 1])
    run = np.zeros(15, dtype=np.int64)
    assert [r.tolist() for r in highest_intervals(scores, run, 5.0, None)] == [[1, 2]]
    assert [r.tolist() for r in highest_intervals(scores, run, 5.0, 1)] == [[1, 2]]
    top = highest_intervals(scores, run, 5.0, 3)
    assert [r.tolist() for r in top] == [[1, 2], [8, 9]]  # two rows, and neighbours


def test_a_fault_is_one_finding_with_its_time_rows_and_channel(model):
    series = make_series(odd=[(50, 60), (120, 121)], seed=1)
    findings = model.detect(series)
    assert [f.unit for f in findings] == ["interval", "interval"]
    first = findings[0] if findings[0].start < findings[1].start else findings[1]
    assert first.id == "2020-02-08T13:31:37"
    assert (first.start, first.end) == (START + 50_000, START + 61_000)
    assert first.locations == (("a.csv", 51, 62),)
    assert first.score == findings.scores[50:62].max()
    assert first.features[0].name == "heat"
    assert 73 < first.features[0].value < 75
    assert first.features[0].expected == pytest.approx(70, abs=0.1)
    parts = model.detector.judge(series).feature_score[50:62, 1]
    assert first.features[0].score == pytest.approx(parts.mean())
    assert len(findings.scores) == 200
    assert findings.intervals == 2


def test_what_is_said_fits_the_schema(model):
    findings = model.detect(make_series(odd=[(50, 60), (120, 121)], seed=1))
    content = json.loads(json.dumps(findings.to_dict(), allow_nan=False))
    Draft202012Validator(SCHEMA).validate(content)
    assert (content["scored"], content["flagged"], len(content["findings"])) == (200, 15, 2)
    assert (content["source"]["unit"], content["source"]["runs"]) == ("interval", 1)
    assert content["source"]["end"] == "2020-02-08T13:34:06"
    text = repr(findings)
    assert "series     a.csv · 200 rows · 2020-02-08 13:30:47 – 13:34:06 · 3 columns" in text
    assert "15 rows (7.5 %)" in text
    assert "2020-02-08 13:31:37 to 13:31:48  heat 7" in text


def test_a_frame_and_a_report_have_a_row_an_interval(model):
    findings = model.detect(make_series(odd=[(50, 60)], seed=1))
    frame = findings.to_frame()
    assert frame.columns[:3] == ["interval", "start", "end"]
    assert frame["line"].to_list() == [51]
    assert frame["last_line"].to_list() == [62]
    report = findings.report(1)
    assert report.columns[:4] == ["interval", "start", "end", "anomaly_score"]
    assert report["lines"].to_list() == ["51 to 62"]
    none = model.detect(make_series(seed=2, n=5))
    assert none.to_frame().schema == frame.schema


def test_any_time_in_an_interval_names_it_and_others_name_their_row(model):
    series = make_series(odd=[(50, 60)], seed=1)
    (found,) = model.detect(series)
    for name in (found.id, "2020-02-08 13:31:40", "2020-02-08T13:31:40.400Z", "55"):
        assert model.explain(series, name) == found
    calm = model.explain(series, "2020-02-08T13:30:48")
    assert calm.locations == (("a.csv", 2, 2),)
    assert calm.score == model.score(series)[1]
    assert "row 2 of its data" in calm.explain()
    for name in ("2019-01-01T00:00:00", "noon", "0", "201"):
        with pytest.raises(InputError, match=r"no time or row .* from '2020-02-08T13:30:47' to"):
            model.explain(series, name)


def test_files_stand_before_times_where_there_are_several(model):
    series = make_series(odd=[(250, 260)], files=2, seed=1)
    (found,) = model.detect(series)
    assert found.id == "b.csv:2020-02-08T13:31:37"
    assert found.locations[0].file == "b.csv"
    assert model.explain(series, "b.csv:2020-02-08T13:31:41") == found
    with pytest.raises(InputError, match="no time or row"):
        model.explain(series, "2020-02-08T13:31:41")


def test_rows_without_times_are_named_by_number(model):
    series = make_series(odd=[(50, 60)], seed=1, times=False)
    (found,) = model.detect(series)
    assert (found.id, found.start) == ("51", NO_TIME)
    assert model.explain(series, "57") == found
    assert "51 to 62  heat" in repr(model.detect(series))


def test_a_plain_table_is_one_run_a_file_to_a_detector_of_series(model):
    series = make_series(odd=[(50, 60)], seed=1)
    plain = Table(series.values, COLUMNS, row=series.row)
    assert [f.id for f in model.detect(plain)] == ["51"]
    np.testing.assert_array_equal(model.score(plain), model.score(series))
    fitted = amiss.fit(Table(make_series().values, COLUMNS), detector=Smoothed())
    assert fitted.info["unit"] == "interval"


def test_a_gap_keeps_rows_apart(model):
    series = make_series(20, odd=[(9, 9)])
    run = (np.arange(20) >= 10).astype(np.int64)
    parted = Table(series.values, COLUMNS, timeline=Timeline(series.timeline.time, run))
    whole, apart = model.score(series), model.score(parted)
    assert whole[10] > 1 > apart[10]
    assert np.flatnonzero(whole != apart).tolist() == [10]


def test_detectors_of_tables_take_series_and_find_intervals():
    detector = VAE(hidden=(8,), epochs=5, random_state=0)
    fitted = amiss.fit(make_series(), detector=detector)
    found = fitted.detect(make_series(odd=[(50, 60)], seed=1))
    assert found[0].locations[0] == ("a.csv", 51, 61)
    table = Table(make_series().values, COLUMNS)
    of_rows = amiss.fit(table, detector=VAE(hidden=(8,), epochs=5, random_state=0))
    assert {f.unit for f in of_rows.detect(make_series(odd=[(50, 60)], seed=1))} == {"row"}


def test_a_series_has_a_detector_of_its_own():
    fitted = amiss.fit(make_series())
    assert fitted.info["detector"] == "vector-autoregression"


def test_a_scan_judges_rows_as_the_detector_held_them_out():
    series = make_series(odd=[(50, 60)], seed=1)
    findings = amiss.scan(series, [-1] * 200, detector=Smoothed(), false_alarm_rate=0.05)
    np.testing.assert_array_equal(findings.scores, findings.fitted.detector.training_score_)
    assert findings[0].locations[0].first_line == 51


def test_a_saved_model_finds_the_same(model, tmp_path, monkeypatch):
    from amiss import detect

    entry = detect.Entry("smoothed", "Smoothed", ("series",))
    monkeypatch.setitem(detect.CATALOGUE, "smoothed", entry)
    monkeypatch.setattr("amiss.run.detectors.get_detector", lambda name: Smoothed)
    model.save(tmp_path / "m.amiss")
    series = make_series(odd=[(50, 60)], seed=1)
    loaded = amiss.load(tmp_path / "m.amiss")
    assert loaded.detect(series).to_dict() == model.detect(series).to_dict()


def test_an_evaluation_scores_rows_among_those_without_a_label(model):
    series = make_series(odd=[(50, 60)], seed=1)
    label = series.label.copy()
    label[100:] = -1
    report = amiss.evaluate(model, series, label)
    assert (report["unit"], report["sessions"], report["anomalies"]) == ("row", 100, 11)
    assert report["confusion"]["true_positive"] == 11
    assert report["missing_rate"] == 0.0
    assert report["false_alarm_rate"] == report["confusion"]["false_positive"] / 89
    assert 0.8 < report["vus_pr"] <= 1.0
    json.dumps(report, allow_nan=False)
    calm = amiss.evaluate(model, make_series(20), [0] * 20)
    assert (calm["missing_rate"], calm["vus_pr"]) == (None, None)


def test_a_detector_that_decides_keeps_its_cut_unless_a_rule_or_a_rate_is_given():
    series = replace(make_series(200, odd=[(50, 55)]), label=None)
    labeler = TwoStageLabeler(0.03, autoencoder=VectorAutoregression(order=2), random_state=0)
    model = amiss.fit(series, detector=labeler)
    assert (model.threshold.rule, model.threshold.rate) == ("own", None)
    assert model.threshold.value == labeler.second_threshold_ == -labeler.offset_
    flagged = model.calibration > model.threshold.value
    assert model.threshold.realised == flagged.mean() == labeler.labels_.final.mean()
    found = amiss.scan(series, detector=clone(labeler))
    np.testing.assert_array_equal(found.scores > found.threshold.value, labeler.labels_.final)
    for asked in ({"rule": "quantile"}, {"false_alarm_rate": 0.01}):
        assert amiss.fit(series, detector=clone(labeler), **asked).threshold.rate == 0.01
    assert model.set_threshold(0.2).threshold.rate == 0.2


def test_rows_whose_times_repeat_are_named_by_their_numbers():
    series = make_series(5)
    time = series.timeline.time.copy()
    time[2] = time[1]
    twins = replace(series, timeline=replace(series.timeline, time=time))
    ids = ids_of(twins, np.arange(5))
    assert ids[1:3] == ["2", "3"]
    assert ids[0].startswith("2020")
    assert ids == [ids_of(twins, np.array([i]))[0] for i in range(5)]
    apart = replace(twins, file=np.array([0, 0, 1, 1, 1]), sources=("a", "b"))
    assert all(name[1:6] == ":2020" for name in ids_of(apart, np.arange(5)))


def test_ranges_are_judged_within_runs_and_with_the_rows_that_have_no_label():
    series = make_series(120)
    truth = np.zeros(120, dtype=np.int64)
    truth[50:60] = 1
    late = np.zeros(120)
    late[60:70] = 1
    gap = replace(series, timeline=Timeline(series.timeline.time, np.repeat([0, 1], 60)))
    near = range_figures(series, truth, late)["vus_pr"]
    assert range_figures(gap, truth, late)["vus_pr"] < 0.8 * near
    truth[60:90] = -1
    late[90:100] = 1  # thirty rows from the fault, whether they have a label or not
    left_out = series.take(truth >= 0), truth[truth >= 0], late[truth >= 0]
    assert range_figures(series, truth, late)["vus_pr"] < range_figures(*left_out)["vus_pr"]


def test_labels_may_name_rows_by_their_times(model, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("time,label\n2020-02-08 13:30:48,0\n2020-02-08T13:31:37,1\n")
    report = amiss.evaluate(model, make_series(odd=[(50, 60)], seed=1), path)
    assert (report["sessions"], report["anomalies"], report["f1"]) == (2, 1, 1.0)


def test_what_makes_no_sense_is_refused(model):
    with pytest.raises(UsageError, match="'smoothed' takes sensor series, not images"):
        amiss.fit(amiss.Images(np.zeros((2, 1, 8, 8), np.float32), ("a", "b")), detector=Smoothed())
    with pytest.raises(InputError, match="scores a row by those around it"):
        model.attribute(make_series())
    bad = make_series()
    bad.values[7, 1] = np.nan
    with pytest.raises(InputError, match=r"row 8 of a.csv has no value in column 'heat'"):
        model.detect(bad)
