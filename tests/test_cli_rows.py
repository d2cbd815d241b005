"""The command line on tables and images."""

import json
import subprocess
import sys

import numpy as np
import pytest

import amiss
from amiss.detect import VAE
from amiss.run.row_ingest import read_rows

CONFIG = """schema = "amiss.config/1"
detector = "vae"

[parameters]
epochs = 8
latent = 2
"""


def write_csv(path, n=250, odd=(), label=None, seed=0):
    rng = np.random.default_rng(seed)
    load = rng.normal(10, 2, n)
    columns = {"load": load, "flow": 2 * load + rng.normal(0, 0.1, n), "heat": rng.normal(50, 1, n)}
    columns["flow"][list(odd)] -= 40
    if label:
        columns[label] = np.isin(np.arange(n), list(odd)).astype(int)
    rows = [",".join(columns)]
    rows += [
        ",".join(f"{value:.6g}" for value in row) for row in zip(*columns.values(), strict=True)
    ]
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rows")


@pytest.fixture(scope="module")
def quick(folder):
    path = folder / "quick.toml"
    path.write_text(CONFIG)
    return ("--config", path)


@pytest.fixture(scope="module")
def calm(folder):
    return write_csv(folder / "calm.csv")


@pytest.fixture(scope="module")
def odd(folder):
    return write_csv(folder / "odd.csv", 60, (16, 40), seed=1)


@pytest.fixture(scope="module")
def labelled(folder):
    return write_csv(folder / "labelled.csv", 300, range(0, 300, 15), label="broken", seed=2)


@pytest.fixture(scope="module")
def model(folder, calm):
    path = folder / "m.amiss"
    data, _ = read_rows([calm])
    amiss.fit(data, detector=VAE(epochs=8, latent=2, random_state=0)).save(path)
    return path


def content_of(outcome):
    assert outcome.err == ""
    return json.loads(outcome.out)


def test_a_table_is_fitted_and_another_judged(run_amiss, calm, odd, quick, tmp_path):
    path = tmp_path / "m.amiss"
    code, out, err = run_amiss("fit", calm, *quick, "-o", path)
    assert (code, err) == (0, "")
    rows = out.splitlines()
    assert rows[0] == "table      calm.csv · 250 rows · 3 columns"
    assert rows[1].startswith("learnt     vae · from 250 rows in ")
    assert "1 % of normal rows wanted" in out
    code, out, err = run_amiss("detect", odd, "-m", path)
    assert (code, err) == (0, "")
    found = out.partition("why\n")[2].splitlines()
    assert {found[0].split()[1], found[1].split()[1]} == {"17", "41"}
    assert "flow" in found[0]
    assert f"next: amiss explain {odd} --id=" in out


def test_the_json_says_the_same(run_amiss, odd, model):
    content = content_of(run_amiss("detect", odd, "-m", model, "--json"))
    assert content["schema"] == "amiss.findings/1"
    assert content["source"]["columns"] == ["load", "flow", "heat"]
    assert {f["id"] for f in content["findings"][:2]} == {"17", "41"}
    assert content["findings"][0]["locations"][0]["file"] == str(odd)
    assert content["findings"][0]["features"][0]["name"] in ("load", "flow")


def test_a_scan_needs_no_model(run_amiss, labelled, quick, tmp_path):
    path = tmp_path / "s.amiss"
    table = ("scan", labelled, *quick, "--columns", "load, flow,heat")
    code, out, err = run_amiss(*table, "--save", path)
    assert (code, err) == (0, "")
    assert "without labels" in out
    assert f"--model {path}" in out
    assert isinstance(amiss.load(path), amiss.RowModel)


def test_a_label_column_is_used_and_not_learnt(run_amiss, labelled, quick, tmp_path):
    path = tmp_path / "m.amiss"
    fitted = ("fit", labelled, *quick, "-o", path, "--label-column", "broken", "--rule", "f1")
    content = content_of(run_amiss(*fitted, "--json"))
    assert content["model"]["columns"] == ["load", "flow", "heat"]
    assert content["model"]["labelled_anomalies"] == 20
    assert content["threshold"]["rule"] == "f1"
    report = content_of(
        run_amiss("evaluate", labelled, "-m", path, "--label-column", "broken", "--json")
    )
    assert (report["unit"], report["anomalies"]) == ("row", 20)
    assert report["f1"] > 0.9
    text = run_amiss("evaluate", labelled, "-m", path, "--label-column", "broken").out
    assert text.startswith("rows       300 with a label, 20 of them anomalies")
    assert "baselines" not in text


def test_detectors_are_compared_on_rows_held_out(run_amiss, labelled):
    code, out, err = run_amiss(
        "evaluate", labelled, "--detector", "vae", "--label-column", "broken", "--seeds", "1"
    )
    assert (code, err) == (0, "")
    assert out.startswith("split      50% to learn from, at random, stratified · 1 seed")
    for name in ("vae", "znorm", "mahalanobis", "pca", "gmm", "iforest"):
        assert f"  {name} " in out


def test_standard_input_is_a_table_too(run_amiss, odd, model):
    outcome = run_amiss("detect", "-", "-m", model, "--json", stdin=odd.read_bytes())
    content = content_of(outcome)
    assert content["source"]["files"] == ["<stdin>"]
    assert {"17", "41"} <= {f["id"] for f in content["findings"]}


def test_one_row_is_explained(run_amiss, odd, model, tmp_path):
    code, out, err = run_amiss("explain", odd, "-m", model, "--id", "17")
    assert (code, err) == (0, "")
    assert out.startswith("row 17\nscore")
    assert ", flagged (threshold" in out
    assert "feature" in out
    content = content_of(run_amiss("explain", odd, "-m", model, "--id", "17", "--json"))
    assert (content["schema"], content["id"]) == ("amiss.finding/1", "17")
    kept = tmp_path / "f.json"
    kept.write_text(run_amiss("detect", odd, "-m", model, "--json").out)
    assert run_amiss("explain", odd, "--findings", kept, "--id", "17").out == out


def test_rates_rules_previews_and_exit_codes_work_as_for_logs(run_amiss, odd, calm, model):
    loose = content_of(run_amiss("detect", odd, "-m", model, "--false-alarm-rate", "0.3", "--json"))
    assert loose["threshold"]["rate"] == 0.3
    assert len(loose["findings"]) > 2
    rule = content_of(run_amiss("detect", odd, "-m", model, "--rule", "quantile", "--json"))
    assert (rule["threshold"]["rule"], rule["threshold"]["rate"]) == ("quantile", 0.01)
    preview = content_of(run_amiss("detect", odd, "-m", model, "--preview", "--json"))
    assert (preview["unit"], preview["scored"]) == ("row", 60)
    assert run_amiss("detect", odd, "-m", model, "--fail-on", "2").code == 3
    assert run_amiss("detect", odd, "-m", model, "--fail-on", "60").code == 0
    everything = run_amiss("detect", calm, "-m", model, "--false-alarm-rate", "0.3", "--all")
    assert "… and" not in everything.out


def test_rows_left_out_are_told(run_amiss, odd, model, tmp_path):
    torn = tmp_path / "torn.csv"
    torn.write_text(odd.read_text() + "1,2,3,4,5\n")
    content = content_of(run_amiss("detect", torn, "-m", model, "--json"))
    assert any("skipped" in note for note in content["source"]["notes"])
    assert "note       " in run_amiss("detect", torn, "-m", model).out


def test_columns_go_by_name(run_amiss, odd, model, tmp_path):
    other = tmp_path / "other.csv"
    cells = [line.split(",") for line in odd.read_text().splitlines()]
    more = [["more"], *[["7"]] * (len(cells) - 1)]
    other.write_text(
        "\n".join(",".join([c, b, *m, a]) for (a, b, c), m in zip(cells, more, strict=True))
    )
    first = content_of(run_amiss("detect", odd, "-m", model, "--json"))
    second = content_of(run_amiss("detect", other, "-m", model, "--json"))
    assert [f["score"] for f in first["findings"]] == [f["score"] for f in second["findings"]]


def test_what_each_detector_takes_is_listed(run_amiss):
    content = content_of(run_amiss("detectors", "--json"))
    assert content["inputs"]["vae"] == ["table", "images"]
    assert set(content["inputs"]) == set(content["detectors"])
    rows = dict(row.split(maxsplit=1) for row in run_amiss("detectors").out.splitlines())
    assert rows["vae"] == "tables, images"
    assert rows["event-counts"] == "logs"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["scan", "TABLE"], 2, ["holds a table of numbers", "--detector vae", "--window LINES"]),
        (["scan", "LOG", "--detector", "vae"], 1, ["if it is a log", "session-ensemble"]),
        (["scan", "TABLE", "--detector", "vae", "--gap", "3"], 2, ["--gap is for logs"]),
        (["scan", "TABLE", "--detector", "vae", "--session-key", "x"], 2, ["--session-key is"]),
        (["detect", "TABLE", "-m", "MODEL", "--window", "9"], 2, ["--window is for logs"]),
        (["scan", "TABLE", "--detector", "vae", "--clean"], 2, ["--clean is for logs"]),
        (["scan", "LOG", "--window", "2", "--columns", "a"], 2, ["--columns is for tables"]),
        (["scan", "LOG", "--window", "2", "--label-column", "a"], 2, ["--label-column is for"]),
        (["scan", "TABLE", "--detector", "vae", "--image-size", "big"], 2, ["'big'", "32x32"]),
        (["scan", "TABLE", "--detector", "vae", "--image-size", "8x8"], 2, ["is a table"]),
        (["scan", "TABLE", "--detector", "vae", "--columns", "load,x"], 1, ["no column x"]),
        (["scan", "TABLE", "--detector", "vae", "--rule", "top-3"], 2, ["single events", "tail"]),
        (["scan", "TABLE", "--detector", "vae", "--rule", "f1"], 2, ["f1 without labels"]),
        (["scan", "TABLE", "--detector", "vae", "--false-alarm-rate", "0"], 2, ["between 0 and"]),
        (["detect", "OTHER", "-m", "MODEL"], 1, ["no column", "load"]),
        (["explain", "TABLE", "-m", "MODEL", "--id", "999"], 1, ["no row '999'", "'1'"]),
        (["evaluate", "TABLE", "-m", "MODEL"], 1, ["no row has a label", "--label-column"]),
        (["evaluate", "LOG"], 2, ["--labels", "evaluate --help"]),
        (
            ["evaluate", "TABLE", "--detector", "vae", "--detector", "event-counts"],
            2,
            ["some take logs, some tables"],
        ),
        (["evaluate", "TABLE", "--detector", "vae", "--level", "window"], 2, ["is for logs"]),
    ],
    ids=lambda value: " ".join(value[:1] + value[-2:]) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_refused_in_one_line(
    run_amiss, tmp_path, calm, model, arguments, code, words
):
    log, other = tmp_path / "app.log", tmp_path / "other.csv"
    log.write_text("open id=1\nclose id=1\n")
    other.write_text("volts,watts\n1,2\n")
    named = {"TABLE": calm, "LOG": log, "MODEL": model, "OTHER": other}
    outcome = run_amiss(*(named.get(a, a) for a in arguments))
    assert (outcome.code, outcome.out) == (code, "")
    assert outcome.err.startswith("amiss: ")
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err


def test_images_are_read_by_what_they_are(run_amiss, tmp_path):
    rng = np.random.default_rng(0)
    pixels = (0.5 + 0.02 * rng.normal(size=(40, 8, 8))).astype(np.float32)
    np.savez(tmp_path / "calm.npz", X=pixels)
    pixels[3, 2:4, 5:8] = 1.0
    np.savez(tmp_path / "odd.npz", X=pixels[:6])
    model = tmp_path / "m.amiss"
    config = tmp_path / "quick.toml"
    config.write_text(CONFIG.replace("epochs = 8", 'epochs = 2\nscore_type = "mse"'))
    fitted = content_of(
        run_amiss("fit", tmp_path / "calm.npz", "--config", config, "-o", model, "--json")
    )
    assert (fitted["model"]["unit"], fitted["model"]["shape"]) == ("image", [1, 8, 8])
    content = content_of(run_amiss("detect", tmp_path / "odd.npz", "-m", model, "--json"))
    assert [f["id"] for f in content["findings"]] == [f"{tmp_path / 'odd.npz'}:4"]
    region = content["findings"][0]["features"][0]["region"]
    assert (region["left"], region["top"]) == (5, 2)
    small = tmp_path / "small.npz"
    np.savez(small, X=np.zeros((2, 4, 6)))
    outcome = run_amiss("detect", small, "-m", model)
    assert outcome.code == 1
    assert "6 × 4 pixels" in outcome.err
    assert "8 × 8 pixels" in outcome.err
    assert "--image-size 8x8" in outcome.err
    outcome = run_amiss("scan", tmp_path / "calm.npz")
    assert (outcome.code, "holds images, not a log" in outcome.err) == (2, True)


def test_telling_detectors_apart_imports_no_torch():
    code = (
        "import sys; from amiss.cli.inputs import takes_rows; "
        "assert takes_rows('vae') and not takes_rows('next-event'); "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
