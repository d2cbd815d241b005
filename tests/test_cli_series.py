"""The command line on sensor series."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import amiss

START = datetime(2020, 2, 8, 13, 30, 0, tzinfo=UTC)
ODD = range(250, 262)


def write_csv(path, n=300, odd=(), seed=0, labels=True):
    rng = np.random.default_rng(seed)
    columns = {
        "flow": rng.normal(5, 0.1, n),
        "heat": 70 + np.cumsum(rng.normal(0, 0.01, n)),
        "volts": rng.normal(230, 1, n),
    }
    columns["flow"][list(odd)] += 2
    header = ["datetime", *columns, *(["anomaly", "changepoint"] if labels else [])]
    rows = [";".join(header)]
    for i in range(n):
        time = (START + timedelta(seconds=i)).strftime("%Y-%m-%d %H:%M:%S")
        cells = [time, *(f"{column[i]:.5g}" for column in columns.values())]
        rows.append(";".join([*cells, *([f"{float(i in odd)}", "0.0"] if labels else [])]))
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("series")


@pytest.fixture(scope="module")
def series(folder):
    return write_csv(folder / "pump.csv", odd=ODD)


@pytest.fixture(scope="module")
def model(folder, series):
    path = folder / "m.amiss"
    amiss.fit(
        amiss.read_series(series, head=200), detector="vector-autoregression",
        false_alarm_rate=0.001,
    ).save(path)  # fmt: skip
    return path


def content_of(outcome):
    assert outcome.code == 0
    return json.loads(outcome.out)


def test_the_first_rows_are_learnt_and_the_others_judged(run_amiss, series, tmp_path):
    path = tmp_path / "m.amiss"
    fitted = ("fit", series, "--head", "200", "-o", path)
    code, out, err = run_amiss(*fitted)
    assert code == 0
    assert err == "amiss: changepoint: labels, so no measurement; anomaly is taken\n"
    assert out.startswith(
        "series     pump.csv · 200 rows · 2020-02-08 13:30:00 – 13:33:19 · 3 columns\n"
    )
    code, out, err = run_amiss("detect", series, "--skip", "200", "-m", path)
    assert (code, err) == (0, "")
    assert "series     pump.csv · 100 rows" in out
    first = out.partition("why\n")[2].splitlines()[0]
    assert first.split()[1:3] == ["2020-02-08", "13:34:10"]
    assert "flow" in first
    assert f"next: amiss explain {series} --id=2020-02-08T13:34:10 --model {path} --skip=200" in out


def test_findings_are_intervals(run_amiss, series, model):
    content = content_of(run_amiss("detect", series, "--skip", "200", "-m", model, "--json"))
    assert (content["source"]["unit"], content["scored"]) == ("interval", 100)
    found = content["findings"][0]
    assert found["unit"] == "interval"
    assert found["locations"][0]["first_line"] == 251
    assert 262 <= found["locations"][0]["last_line"] <= 290
    assert found["features"][0]["name"] == "flow"
    limits = ("detect", series, "--skip", "200", "-m", model, "--fail-on")
    assert run_amiss(*limits, len(content["findings"])).code == 3
    assert run_amiss(*limits, len(content["findings"]) + 1).code == 0


def test_any_time_within_is_explained(run_amiss, series, model):
    asked = ("explain", series, "--skip", "200", "-m", model, "--id", "2020-02-08 13:34:15")
    code, out, err = run_amiss(*asked)
    assert (code, err) == (0, "")
    assert out.startswith("interval 2020-02-08T13:34:10\nscore")
    assert ", flagged (threshold" in out
    assert "where      " in out
    assert "what deviates most on average" in out
    calm = run_amiss("explain", series, "-m", model, "--id", "2020-02-08T13:30:20").out
    assert "not flagged" in calm
    assert "when       2020-02-08 13:30:20\n" in calm


def test_a_labelled_series_is_evaluated_row_by_row(run_amiss, series, model):
    report = content_of(run_amiss("evaluate", series, "--skip", "200", "-m", model, "--json"))
    assert (report["unit"], report["sessions"], report["anomalies"]) == ("row", 100, 12)
    assert report["recall"] > 0.9
    assert report["missing_rate"] == 1 - report["recall"]
    text = run_amiss("evaluate", series, "--skip", "200", "-m", model).out
    assert "rates      false-alarm rate " in text
    assert " · VUS-PR " in text


def test_reports_of_intervals(run_amiss, series, model):
    code, out, _ = run_amiss("detect", series, "--skip", "200", "-m", model, "--csv")
    assert code == 0
    header, first, *_ = out.splitlines()
    assert header.startswith("interval,start,end,anomaly_score,top_1_feature")
    assert first.startswith("2020-02-08T13:34:10,2020-02-08T13:34:10,2020-02-08T13:34:")
    table = run_amiss("detect", series, "--skip", "200", "-m", model, "--top-k", "2", "--top", "3")
    assert "pump.csv:251-" in table.out
    assert "flow" in table.out


def test_a_scan_learns_and_judges_out_of_fold(run_amiss, series, tmp_path):
    path = tmp_path / "s.amiss"
    scanned = ("scan", series, "--detector", "vector-autoregression", "--save", path)
    code, out, _ = run_amiss(*scanned)
    assert code == 0
    assert "300 rows" in out
    assert amiss.load(path).info["unit"] == "interval"


def test_detectors_of_tables_take_a_series_if_told_that_it_is_one(run_amiss, series, tmp_path):
    config = tmp_path / "quick.toml"
    config.write_text(
        'schema = "amiss.config/1"\ndetector = "vae"\n[parameters]\nepochs = 1\nlatent = 2\n'
    )
    path = tmp_path / "v.amiss"
    told = ("--config", config, "-o", path, "--time-column", "datetime", "--ignore", "volts")
    fitted = content_of(run_amiss("fit", series, *told, "--json"))
    assert (fitted["model"]["unit"], fitted["model"]["columns"]) == ("interval", ["flow", "heat"])
    content = content_of(run_amiss("detect", series, "-m", path, "--json"))
    assert content["source"]["columns"] == ["flow", "heat"]
    assert {f["unit"] for f in content["findings"]} == {"interval"}


def test_a_table_with_times_is_taken_for_a_series(run_amiss, series, tmp_path):
    config = tmp_path / "quick.toml"
    config.write_text(
        'schema = "amiss.config/1"\ndetector = "vae"\n[parameters]\nepochs = 1\nlatent = 2\n'
    )
    code, out, err = run_amiss("fit", series, "--config", config, "-o", tmp_path / "v.amiss")
    assert code == 0
    assert "amiss: rows have times: taken for a series\n" in err
    assert out.startswith("series     pump.csv · 300 rows")


def test_a_labeler_of_two_stages_keeps_its_own_cut(run_amiss, series, tmp_path):
    config = tmp_path / "quick.toml"
    config.write_text(
        'schema = "amiss.config/1"\ndetector = "two-stage"\n[parameters]\ncontamination = 0.04\n'
    )
    path = tmp_path / "t.amiss"
    told = ("fit", series, "--head", "100", "--config", config, "-o", path)
    content = content_of(run_amiss(*told, "--json"))["threshold"]
    assert (content["rule"], content["rate"]) == ("own", None)
    assert content["value"] == -amiss.load(path).detector.offset_
    text = run_amiss("detect", series, "-m", path).out
    assert "score above" in text
    assert "wanted" not in text
    asked = content_of(run_amiss(*told, "--json", "--false-alarm-rate", "0.02"))["threshold"]
    assert (asked["rule"], asked["rate"]) == ("tail", 0.02)


def test_a_separator_that_is_hard_to_type_has_a_name(run_amiss, series, tmp_path):
    path = tmp_path / "tabs.csv"
    path.write_text(series.read_text().replace(";", "\t"))
    for name in ("tab", r"\t"):
        code, out, _ = run_amiss(
            "fit", path, "--head", "99", "--separator", name, "-o", tmp_path / "m.amiss"
        )
        assert code == 0
        assert "99 rows" in out
    wrong = run_amiss("fit", path, "--head", "99", "--separator", ";", "-o", tmp_path / "m.amiss")
    assert "separator= (--separator)" in wrong.err


def test_help_names_intervals(run_amiss):
    said = " ".join(run_amiss("explain", "--help").out.split())
    assert "entity or interval" in said
    assert "any time in it" in said


def test_gaps_are_told(run_amiss, series, model):
    content = content_of(run_amiss("detect", series, "-m", model, "--max-gap", "0.5", "--json"))
    assert content["source"]["runs"] == 300
    text = run_amiss("detect", series, "-m", model, "--max-gap", "0.5").out
    assert "300 rows in 300 runs without gaps" in text


def test_a_sweep_is_a_table_and_goes_on_where_it_was(run_amiss, series, tmp_path):
    folder = tmp_path / "out"
    where = ("--head", "40", "--contamination", "0.05", "--jobs", "1", "-o", folder)
    code, out, err = run_amiss("sweep", series, *where)
    assert code == 0
    assert err == f"amiss: {series}: changepoint: labels, so no measurement; anomaly is taken\n"
    header, row = out.splitlines()
    assert header == ("file,contamination,rows,threshold,agreed,first_only,second_only,agreement")
    assert row.startswith(f"{series},0.05,40,")
    again = content_of(run_amiss("sweep", series, *where, "--json"))
    assert (again["schema"], again["resumed"]) == ("amiss.sweep-table/1", 1)
    assert again["results"][0]["rows"] == 40


def test_what_detectors_take_is_listed(run_amiss):
    rows = dict(row.split(maxsplit=1) for row in run_amiss("detectors").out.splitlines())
    assert rows["lstm-autoencoder"] == rows["two-stage"] == "sensor series"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["scan", "SERIES"], 2, ["holds a sensor series", "--detector vector-autoregression"]),
        (["scan", "SERIES", "--window", "9", "--skip", "3"], 2, ["--window is for logs"]),
        (
            ["scan", "LOG", "--detector", "next-event", "--window", "9", "--skip", "3"],
            2,
            ["--skip is for sensor series, with a detector such as vector-autoregression"],
        ),
        (["explain", "SERIES", "--skip", "9", "--id", "noon"], 2, ["give --model m.amiss"]),
        (
            ["fit", "SERIES", "--detector", "vae", "--columns", "datetime", "-o", "OUT"],
            1,
            ["(--columns)"],
        ),
        (["detect", "SERIES", "-m", "MODEL", "--window", "3"], 2, ["--window is for logs"]),
        (["detect", "SERIES", "-m", "MODEL", "--head", "0"], 2, ["head=0"]),
        (["detect", "SERIES", "-m", "MODEL", "--skip", "900"], 1, ["more rows than 300"]),
        (["detect", "SERIES", "-m", "MODEL", "--time-column", "t"], 1, ["no column t"]),
        (["detect", "SERIES", "-m", "MODEL", "--separator", ",,"], 2, ["one character"]),
        (["detect", "SERIES", "-m", "MODEL", "--image-size", "8x8"], 2, ["is for images"]),
        (["explain", "SERIES", "-m", "MODEL", "--id", "noon"], 1, ["no time or row 'noon'"]),
        (["evaluate", "PLAIN", "-m", "MODEL"], 1, ["no row has a label", "--label-column"]),
        (["evaluate", "SERIES", "-m", "MODEL", "--each-file"], 2, ["without --model"]),
        (["evaluate", "LOG", "--each-file"], 2, ["--each-file is for series"]),
        (["sweep", "SERIES", "--contamination", "few", "-o", "OUT"], 2, ["such as 0.01,0.02"]),
        (["sweep", "SERIES", "--contamination", "0.9", "-o", "OUT"], 2, ["contamination 0.9"]),
        (
            ["sweep", "SERIES", "--jobs", "1", "--final", "none", "-o", "OUT"],
            2,
            ["expected second, agreement"],
        ),
        (["scan", "LOG", "--by", "client", "--detector", "two-stage"], 2, ["takes series"]),
    ],
    ids=lambda value: " ".join(value[:1] + value[-2:]) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_refused_in_one_line(
    run_amiss, tmp_path, series, model, arguments, code, words
):
    log = tmp_path / "app.log"
    log.write_text("open id=1\nclose id=1\n")
    plain = write_csv(tmp_path / "plain.csv", 40, labels=False)
    named = {"SERIES": series, "LOG": log, "MODEL": model, "PLAIN": plain, "OUT": tmp_path / "o"}
    outcome = run_amiss(*(named.get(a, a) for a in arguments))
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("amiss: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_detectors_learn_from_the_first_part_of_each_file(run_amiss, tmp_path):
    path = write_csv(tmp_path / "a.csv", odd=[*range(60, 70), *ODD])
    named = ("--detector", "vector-autoregression", "--seeds", "1", "--ignore-labels")
    code, out, _ = run_amiss("evaluate", path, *named)
    assert code == 0
    assert out.startswith("split      50% to learn from, in time order")
    assert "  vector-autoregress" in out
    assert "  mahalanobis " in out
    assert run_amiss("evaluate", path, "--head", "290", *named[2:]).out.startswith("split      50%")
    own = run_amiss("evaluate", path, *named, "--each-file", "--train", "100").out
    assert own.startswith("split      100 rows of each file, a model for each file, to learn from")
