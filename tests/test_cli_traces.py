"""The command line on kernel traces: simulate, overview, fit, detect, evaluate, explain."""

import csv
import io
import json
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

SCHEMA = resources.files("amiss.present").joinpath("findings.schema.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from amiss import simulate_traces

    root = tmp_path_factory.mktemp("kernel")
    simulate_traces(root, scale=0.02, seed=4)
    return root


@pytest.fixture
def model(folder, run_amiss):
    path = folder / "m.amiss"
    if not path.exists():
        names = [folder / "traces" / f"clean_{n:02}.csv" for n in range(1, 7)]
        options = ("--detector", "n-grams", "--clean", "--segment", "300", "--rule", "sigma-3")
        fitted = run_amiss("fit", *names, "-o", path, *options)
        assert fitted.code == 0, fitted.err
        assert "segments" in fitted.out
    return path


def judged(folder):
    traces = folder / "traces"
    return [*(traces / f"clean_{n:02}.csv" for n in (7, 8, 9, 10)), *traces.glob("[lb]*.csv")]


def test_detect_names_the_anomalous_traces(folder, model, run_amiss):
    found = run_amiss("detect", *judged(folder), "-m", model, "--fail-on", "any")
    assert found.code == 3
    shown = [line for line in found.out.splitlines() if line.startswith("  ls_")]
    assert len(shown) == 3
    assert "  4 of 9 traces are normal" in found.out
    assert "of 300 events" in found.out


def test_json_is_of_the_schema_and_explain_shows_what_was_mispredicted(folder, model, run_amiss):
    found = run_amiss("detect", *judged(folder), "-m", model, "--json")
    content = json.loads(found.out)
    Draft202012Validator(json.loads(SCHEMA.read_text("utf-8"))).validate(content)
    assert sum(t["is_anomaly"] for t in content["traces"]) == 5
    first = content["findings"][0]
    told = run_amiss("explain", *judged(folder), "-m", model, "--id", first["id"])
    assert "mispredicted most often, and what was held likelier" in told.out
    assert first["mispredicted"][0]["template"] in told.out


def test_evaluate_takes_the_truth_of_whole_traces(folder, model, run_amiss):
    labels = folder / "truth.csv"
    told = run_amiss("evaluate", *judged(folder), "-m", model, "--labels", labels)
    assert "flagged 5 of 5 anomalous traces, and 0 of 4 normal ones" in told.out


def test_overview_shows_what_fits_and_csv_all(folder, run_amiss, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    shown = run_amiss("overview", folder / "traces")
    assert shown.out.splitlines()[0].startswith("event")
    assert "more traces: --csv and --json show all" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    rows = list(csv.reader(io.StringIO(run_amiss("overview", folder / "traces", "--csv").out)))
    assert len(rows[0]) == 2 + 15
    counts = json.loads(run_amiss("overview", folder / "traces", "--json").out)["counts"]
    assert len(counts) == len(rows) - 1
    assert run_amiss("overview", folder / "traces", "--json", "--csv").code == 2


def test_predictions_need_a_detector_and_a_kind_of_file(folder, model, run_amiss, tmp_path):
    trace = folder / "traces" / "clean_07.csv"
    wrong = run_amiss("detect", trace, "-m", model, "--predictions", tmp_path / "p.csv")
    assert wrong.code == 2
    assert ".parquet or .npy" in wrong.err
    none = run_amiss("detect", trace, "-m", model, "--predictions", tmp_path / "p.npy")
    assert none.code == 2
    assert "predicts no windows" in none.err


def test_a_model_of_segments_cuts_other_traces_as_its_own(folder, model, run_amiss):
    found = run_amiss("detect", folder / "traces" / "clean_07.csv", "-m", model, "--json")
    assert json.loads(found.out)["source"]["grouping"] == "segments of 300 events"


def test_a_clean_trace_with_a_segment_beyond_the_threshold_does_not_fail(folder, model, run_amiss):
    names = [folder / "traces" / f"clean_{n:02}.csv" for n in (7, 8, 9, 10)]
    found = run_amiss("detect", *names, "-m", model, "--fail-on", "any")
    assert found.code == 0
    one = run_amiss("detect", names[0], "-m", model)
    assert "the trace is normal" in one.out


def test_a_rule_that_asks_a_rate_follows_one_that_asks_none(folder, model, run_amiss):
    trace = folder / "traces" / "clean_07.csv"
    told = run_amiss("detect", trace, "-m", model, "--rule", "tail")
    assert told.code == 0, told.err
    assert "at most 0.05 % of normal segments wanted" in told.out
    preview = run_amiss("detect", trace, "-m", model, "--preview", "--rule", "sigma-2")
    assert preview.code == 2
    both = run_amiss("detect", trace, "-m", model, "--preview", "--predictions", "p.npy")
    assert both.code == 2
    assert "sigma-K" in run_amiss("detect", "--help").out


def test_overview_as_csv_is_harmless_to_open(tmp_path, run_amiss):
    path = tmp_path / "t.csv"
    path.write_text("class,event\nA,=1+1\nB,\x1b[31mred\n")
    out = run_amiss("overview", path, "--csv").out
    assert "'=1+1" in out
    assert "\x1b" not in out
    assert "\x1b" not in run_amiss("overview", path).out
