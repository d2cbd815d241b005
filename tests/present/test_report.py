"""The detection report: rows by time and source, as frame, CSV, JSON and text."""

import csv
import io
import json
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from amiss.errors import UsageError
from amiss.present.report import describe_report, report_frame, report_to_csv, report_to_dict
from amiss.run.row_findings import RowFindings
from amiss.run.row_labels import known_labels
from amiss.types import NO_TIME, Feature, Finding, Location, RowIndex, Table, Threshold

START = 1431857100000  # 2015-05-17T10:05:00
PLACES = (Location("logs/access.log", 1233, 1240), Location("logs/access.log", 1250, 1250))
ERRORS = Feature("status_class__4xx", 96.0, None, 12.3, (0.0, 3.0))
RATE = Feature("lines", 100.0, None, 2.5)


def entity(source, score=15.1, features=(ERRORS, RATE), start=START, places=PLACES):
    name = f"2015-05-17T10:05:00 {source}"
    return Finding(
        "entity", name, score, 0.001, start, start + 10_000, places, features=tuple(features)
    )


def row(i, score):
    return Finding(
        "row", str(i), score, 0.1, NO_TIME, NO_TIME, (Location("kdd.csv", i, i),),
        features=(Feature("count", 511.0, 3.0, 40.0),),
    )  # fmt: skip


def findings(*items, unit="entity"):
    threshold = Threshold("tail", 3.0, 0.01, 0.01)
    return RowFindings(items, {"unit": unit}, {}, threshold, np.ones(3))


def test_a_report_has_a_row_for_each_time_and_source_the_worst_first():
    frame = findings(entity("1.2.3.4", 9.0), entity("5.6.7.8")).report(2)
    assert frame.columns == [
        "time", "source", "anomaly_score",
        "top_1_feature", "top_1_attribution", "top_1_value",
        "top_2_feature", "top_2_attribution", "top_2_value",
        "file", "first_line", "lines",
    ]  # fmt: skip
    assert frame["source"].to_list() == ["5.6.7.8", "1.2.3.4"]
    assert frame.row(0) == (
        datetime(2015, 5, 17, 10, 5), "5.6.7.8", 15.1, "status_class__4xx", 12.3, 96.0,
        "lines", 2.5, 100.0, "logs/access.log", 1233, "1233 to 1240, 1250",
    )  # fmt: skip


def test_rows_without_time_and_source_have_their_id():
    frame = findings(row(3, 1.0), row(4, 2.0), unit="row").report(1)
    assert frame.columns[:2] == ["row", "anomaly_score"]
    assert frame["row"].to_list() == ["4", "3"]
    assert frame.row(0)[-3:] == ("kdd.csv", 4, "4")


def test_features_that_there_are_not_are_null():
    frame = findings(entity("a", features=[ERRORS])).report()
    assert frame["top_5_feature"].to_list() == [None]
    assert frame["top_2_attribution"].to_list() == [None]


def test_a_report_of_nothing_has_the_same_columns():
    empty, one = findings().report(), findings(entity("a")).report()
    assert empty.schema == one.schema
    assert report_to_csv(empty) == ",".join(one.columns) + "\n"
    assert report_to_dict(empty)["rows"] == []
    assert describe_report(empty) == "nothing was flagged"


@pytest.mark.parametrize("top_k", [0, 6])
def test_more_features_than_there_are_are_refused(top_k):
    with pytest.raises(UsageError, match=f"top_k={top_k}; expected 1 to 5"):
        findings(entity("a")).report(top_k)


def test_lines_of_several_files_say_which():
    places = (Location("a.log", 3, 3), Location("b.log", 1, 2), Location("b.log", 9, 9))
    frame = findings(entity("a", places=places)).report()
    assert frame["lines"].to_list() == ["3; b.log: 1 to 2, 9"]


HOSTILE = [
    "=cmd|'/c calc'!A1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "a\x1b[31m\u202e",
    'a,"b"\n',
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_csv_is_harmless_to_open(hostile):
    spoilt = ERRORS._replace(name=hostile)
    places = (Location(hostile, 1, 1),)
    text = report_to_csv(findings(entity(hostile, features=[spoilt], places=places)).report(1))
    (header, cells) = csv.reader(io.StringIO(text))
    assert header[0] == "time"
    assert cells[0] == "2015-05-17T10:05:00"
    for cell in (cells[1], cells[3], cells[6]):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert cell.isprintable()


def test_numbers_in_csv_are_numbers():
    text = report_to_csv(findings(entity("a", -0.5)).report(1))
    assert text.splitlines()[1] == (
        "2015-05-17T10:05:00,a,-0.5,status_class__4xx,12.3,96.0,logs/access.log,1233,"
        '"1233 to 1240, 1250"'
    )


@pytest.mark.parametrize("hostile", ["-", *(text for text in HOSTILE if text == text.lstrip("\t"))])
def test_a_verdict_added_to_the_csv_is_a_label(tmp_path, hostile):
    sources = [hostile, "calm"]
    index = RowIndex(
        "client", np.full(2, START), np.full(2, START + 10_000), np.array(sources, dtype=object),
        np.arange(3), np.arange(1, 3), np.zeros(2, dtype=np.int64),
    )  # fmt: skip
    found = findings(*(entity(source) for source in sources)).report(1)
    written = csv.reader(io.StringIO(report_to_csv(found)))
    path = tmp_path / "report.csv"
    with path.open("w", newline="") as file:
        verdicts = ["verdict", "malicious", ""]
        csv.writer(file).writerows(
            [*cells, verdict] for cells, verdict in zip(written, verdicts, strict=True)
        )
    table = Table(np.zeros((2, 1)), ("lines",), index=index)
    assert known_labels(table, path).tolist() == [1, -1]


def test_json_has_plain_values():
    content = report_to_dict(findings(entity("a\x1b")).report(1))
    again = json.loads(json.dumps(content, allow_nan=False))
    assert again["schema"] == "amiss.report/1"
    assert again["rows"] == [
        {
            "time": "2015-05-17T10:05:00", "source": "a\x1b", "anomaly_score": 15.1,
            "top_1_feature": "status_class__4xx", "top_1_attribution": 12.3, "top_1_value": 96.0,
            "file": "logs/access.log", "first_line": 1233, "lines": "1233 to 1240, 1250",
        }
    ]  # fmt: skip
    assert list(again["rows"][0]) == again["columns"]


def test_the_table_says_score_time_source_where_and_features():
    rows = describe_report(findings(entity("5.6.7.8"), entity("1.2.3.4", 3.0)).report(), width=120)
    assert rows.splitlines() == [
        "   score  time                 source   where                   top features",
        (
            "   15.10  2015-05-17 10:05:00  5.6.7.8  access.log:1233-1240 …  "
            "status_class__4xx 96 (+12.3); lines 100 (+2.5)"
        ),
        (
            "    3.00  2015-05-17 10:05:00  1.2.3.4  access.log:1233-1240 …  "
            "status_class__4xx 96 (+12.3); lines 100 (+2.5)"
        ),
    ]


def test_the_table_leaves_out_what_hardly_matters_and_the_csv_does_not():
    report = findings(entity("a", features=[ERRORS, RATE._replace(score=0.1)])).report()
    assert "lines" not in describe_report(report, width=120).partition("top features")[2]
    assert ",lines,0.1," in report_to_csv(report)


def test_the_table_may_say_features_in_words():
    frame = findings(entity("5.6.7.8", places=PLACES[1:])).report()
    rows = describe_report(frame, words={"status_class__4xx": "lines with status_class 4xx"})
    assert rows.splitlines()[1:] == [
        "   15.10  2015-05-17 10:05:00  5.6.7.8  access.log:1250",
        "          lines with status_class 4xx: 96 (+12.3); lines 100 (+2.5)",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160])
@pytest.mark.parametrize("source", ["-", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "x" * 300])
def test_the_table_fits_the_width(width, source):
    long = ERRORS._replace(name="path__" + "y" * 200)
    places = (Location("z" * 200, 1, 1),)
    frame = findings(entity(source, features=[long, RATE], places=places), entity("a")).report()
    assert max(map(len, describe_report(frame, width=width).splitlines())) <= width


def test_the_table_escapes_what_comes_from_the_log():
    spoilt = ERRORS._replace(name="\x1b[2J")
    frame = findings(entity("\u202eevil", features=[spoilt])).report()
    text = describe_report(frame)
    assert text.replace("\n", "").isprintable()
    assert "\\x1b[2J" in text


def test_the_table_says_how_many_it_leaves_out():
    frame = report_frame([row(i, float(i)) for i in range(9)], "row", 1)
    assert isinstance(frame, pl.DataFrame)
    assert describe_report(frame, most=2).splitlines()[-1] == "  … and 7 more"
