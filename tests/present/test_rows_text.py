"""Findings of rows and images as text and as JSON."""

import json
from importlib import resources

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from amiss.explain.rows import explain_judged
from amiss.present.layout import shown_score
from amiss.present.rows import number
from amiss.present.summary import findings_to_dict
from amiss.present.text import describe_finding, describe_model, summarise
from amiss.types import NO_TIME, Feature, Finding, Judgement, Location, Region, Threshold

VALIDATOR = Draft202012Validator(
    json.loads(resources.files("amiss.present").joinpath("findings.schema.json").read_text("utf-8"))
)
MODEL = {
    "sources": ["calm.csv"],
    "unit": "row",
    "rows": 2000,
    "columns": ["srv_count", "flag"],
    "shape": [2],
    "labelled_anomalies": 3,
    "labelled_normal": 0,
    "detector": "vae",
    "random_state": 0,
    "cpu_seconds": 4.5,
    "fingerprint": "0123456789abcdef",
    "notes": [],
}
COUNTED = {
    "by": "client", "entities": 40, "every": 300.0, "lines": 10_000, "format": "combined",
    "start": "2015-05-17T10:05:00", "end": "2015-05-20T21:05:00",
}  # fmt: skip
ODD = Feature("srv_count", 511.0, 3.2049, 40.0, (1.0, 24.0))
MILD = Feature("flag", 0.25, 0.5, 20.0, (0.0, 1.0))


def row(i, *features, file="kdd.csv", id_=None):
    at = (Location(file, i, i),)
    name = str(i) if id_ is None else id_
    return Finding("row", name, 12.5 - i, 0.001, NO_TIME, NO_TIME, at, features=features)


def entity(*features):
    return Finding(
        "entity", "2015-05-17T10:05:00 83.149.9.216", 15.1, 0.001, 1431857100000, 1431857400000,
        (Location("access.log", 1233, 1240), Location("access.log", 1250, 1250)),
        features=features,
    )  # fmt: skip


ERRORS = Feature("status_class__4xx", 96.0, None, 12.3, (0.0, 3.0))
SHARE = Feature("status_class__4xx__share", 0.96, None, 2.104, (0.0, 0.5))


def image(*features):
    return Finding("image", "new/4.png", 3.0, 0.001, NO_TIME, NO_TIME, (), features=features)


def report(*findings, files=("kdd.csv",), unit="row", shape=(2,), model=MODEL):
    columns = [] if unit == "image" else ["srv_count", "flag"]
    source = {
        "files": list(files), "unit": unit, "rows": 300, "columns": columns,
        "shape": list(shape), "notes": ["blank lines (skipped): 2"],
    }  # fmt: skip
    model = {**model, "unit": unit, "shape": list(shape)}
    if unit == "entity":
        source, model = source | COUNTED, model | COUNTED | {"mask": []}
    threshold = Threshold("tail", 3.25, 0.01, 0.009)
    return findings_to_dict(findings, source, model, threshold, scored=300, flagged=len(findings))


def test_the_overview_says_what_was_read_learnt_and_flagged():
    rows = summarise(report(row(17, ODD, MILD), row(18, MILD))).splitlines()
    assert rows == [
        "table      kdd.csv · 300 rows · 2 columns",
        "learnt     vae · from 2,000 rows in 4.5 s · 3 labelled anomalies not taken for normal",
        "flagged    2 rows (0.67 %) · at most 1 % of normal rows wanted, 0.9 % in calibration",
        "           score above 3.25",
        (
            "verdict    Probably nothing is wrong: 2 of 300 rows are beyond the threshold, and the "
            "false-alarm"
        ),
        "           rate allows for about 3.",
        "note       blank lines (skipped): 2",
        "",
        "   score  row  why",
        "   -4.50  17   srv_count 511, usually 1 to 24; flag 0.25, expected 0.5",
        "   -5.50  18   flag 0.25, expected 0.5",
    ]


def test_the_overview_of_several_files_says_which():
    found = report(row(2, ODD, file="x/b.csv", id_="x/b.csv:2"), files=("x/a.csv", "x/b.csv"))
    text = summarise(found)
    assert "table      2 files, a.csv first" in text
    assert " b.csv:2  srv_count 511" in text


def test_ten_findings_are_shown_unless_asked_for_all():
    found = report(*(row(i, ODD) for i in range(1, 14)))
    assert "… and 3 more: --all shows them" in summarise(found)
    assert "more: --all" not in summarise(found, None)


def test_a_feature_that_says_nothing_beside_the_first_is_left_out():
    text = summarise(report(row(1, ODD, MILD._replace(score=1.0))))
    assert "flag 0.25" not in text


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_row_is_wider_than_the_terminal(width):
    long = ODD._replace(name="a_column_with_a_name_that_goes_on_and_on_and_on")
    found = report(row(1, long, MILD, long), row(2, ODD, MILD), row(3, ERRORS, SHARE))
    text = summarise(found, None, width) + "\n" + describe_finding(row(1, ODD, MILD), width)
    text += "\n" + describe_finding(row(3, ERRORS, SHARE), width)
    text += "\n" + summarise(report(entity(ERRORS, SHARE), unit="entity"), None, width)
    assert max(map(len, text.splitlines())) <= width


def test_an_explanation_sets_value_against_expected():
    rows = describe_finding(row(17, ODD, MILD)).splitlines()
    assert rows[0] == "row 17"
    assert rows[2] == "where      kdd.csv, row 17 of its data"
    assert rows[5].split() == ["feature", "value", "expected", "usual", "score"]
    assert rows[6].split()[:6] == ["srv_count", "511", "3.2", "1", "to", "24"]
    assert rows[6].count("▇") == 2 * rows[7].count("▇") == 20


def test_a_region_of_an_image_is_named_by_its_channel_and_place():
    odd = Feature("red", 0.0, 0.45251, 3.31, region=Region(9, 3, 4, 1))
    found = report(image(odd), unit="image", shape=(3, 16, 20), files=("new",))
    text = summarise(found)
    assert text.startswith("images     new · 300 images · 20 × 16 pixels · 3 channels")
    assert "new/4.png  red at x 9–12, y 3: 0, expected 0.453" in text
    explained = describe_finding(image(odd))
    assert "    red at x 9–12, y 3      0     0.453" in explained
    assert "where" not in explained
    assert "usual" not in explained


def test_parts_of_a_score_are_said_as_what_they_add():
    found = report(entity(ERRORS, SHARE), unit="entity", files=("access.log",))
    text = summarise(found, width=180)
    assert "flagged    1 entity (0.33 %) · at most 1 % of normal entities wanted" in text
    assert text.splitlines()[-1] == (
        "   15.10  2015-05-17T10:05:00 83.149.9.216  status_class__4xx 96, usually 0 to 3, adds "
        "12.3 of 15.1 to the score; status_class__4xx__share 0.96, usually 0 to 0.5, adds 2.1"
    )


def test_parts_of_a_score_are_explained_with_when_and_where():
    rows = describe_finding(entity(ERRORS, SHARE)).splitlines()
    assert rows[2] == "when       2015-05-17 10:05:00 to 10:10:00"
    assert rows[3] == "where      access.log, lines 1,233 to 1,240, and 1 range more"
    assert rows[5] == "  what adds most to the score of 15.10"
    assert rows[6].split() == ["feature", "value", "usual", "adds"]
    assert rows[7].split()[:6] == ["status_class__4xx", "96", "0", "to", "3", "12.30"]


def test_reasons_go_below_ids_that_leave_no_room():
    found = report(entity(ERRORS, SHARE), unit="entity", files=("access.log",))
    assert summarise(found, width=80).splitlines()[-3:] == [
        "   score  entity",
        "   15.10  2015-05-17T10:05:00 83.149.9.216",
        "          status_class__4xx 96, usually 0 to 3, adds 12.3 of 15.1 to the score",
    ]


def test_what_is_usual_of_a_part_is_told_though_the_value_is_usual_too():
    calm = ERRORS._replace(value=2.0)
    assert "status_class__4xx 2, usually 0 to 3, adds 12.3" in summarise(report(row(1, calm)))
    unknown = ERRORS._replace(usual=None)
    assert "status_class__4xx 96, adds 12.3 of 11.5" in summarise(report(row(1, unknown)))


def test_findings_of_rows_and_images_fit_the_schema():
    for found in (
        report(row(17, ODD, MILD), row(18)),
        report(entity(ERRORS, SHARE), unit="entity"),
        report(
            image(Feature("red", 0.0, 0.4, 3.0, region=Region(0, 0, 1, 1))),
            unit="image", shape=(1, 8, 8),
        ),
    ):  # fmt: skip
        printed = json.loads(json.dumps(found, allow_nan=False))
        VALIDATOR.validate(printed)
        for spoil in (
            lambda c: c["findings"][0].pop("features"),
            lambda c: c["findings"][0]["features"][0].update(region={"left": 0}),
            lambda c: c["findings"][0]["features"][0].update(usual=[1]),
            lambda c: c["source"].update(shape=[]),
            lambda c: c["model"].update(sessions=3),
        ):
            spoilt = json.loads(json.dumps(printed))
            spoil(spoilt)
            assert not VALIDATOR.is_valid(spoilt)


def test_a_row_has_a_place_and_an_image_has_none():
    found = report(row(17, ODD))
    found["findings"][0]["locations"] = []
    assert not VALIDATOR.is_valid(found)


def test_names_from_the_data_are_escaped():
    hostile = "\x1b[2Jwipe\u202e"
    found = report(row(1, ODD._replace(name=hostile)), files=(hostile,))
    described = {
        "model": {**MODEL, "sources": [hostile]}, "threshold": found["threshold"],
        "file": "m.amiss", "bytes": 1000,
    }  # fmt: skip
    for text in (
        summarise(found),
        describe_finding(row(1, ODD._replace(name=hostile), file=hostile, id_=hostile)),
        describe_model(described),
    ):
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\\x1b[2Jwipe" in text


def test_numbers_are_as_people_write_them():
    assert [number(x) for x in (511.0, -0.0, 1e9, 0.1 + 0.2)] == ["511", "0", "1e+09", "0.3"]
    assert [shown_score(x) for x in (0.0, 0.25, -305.187, 1e-5)] == [
        "0.00", "0.25", "-305.19", "1e-05",
    ]  # fmt: skip


def judged(scores, threshold, values=None):
    scores = np.asarray(scores, dtype=float)
    values = np.zeros_like(scores) if values is None else values
    anomalous = np.array([True])
    return Judgement(
        np.array([9.0]), 1.0, anomalous, scores, threshold, scores > threshold, values,
        np.ones_like(scores),
    )  # fmt: skip


def test_regions_that_touch_by_a_corner_are_one():
    scores = np.zeros((1, 1, 6, 6))
    scores[0, 0, [1, 2, 3], [1, 2, 3]] = 2.0
    scores[0, 0, 5, 5] = 1.0
    first, second = explain_judged(judged(scores, 0.5))[0]
    assert (first.region, first.score) == (Region(1, 1, 3, 3), 6.0)
    assert (second.region, second.value, second.expected) == (Region(5, 5, 1, 1), 0.0, 1.0)


def test_columns_without_names_are_numbered():
    (features,) = explain_judged(judged([[0.1, 3.0]], 0.5), most=1)
    assert [f.name for f in features] == ["column 2"]
