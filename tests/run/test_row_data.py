"""Rows named by window and entity: their ids, places, labels, and whether they fit a model."""

import numpy as np
import polars as pl
import pytest
from scipy import sparse

from amiss.errors import InputError, LabelError
from amiss.present.report import report_to_csv
from amiss.represent.activity import Activity
from amiss.represent.entities import EntityFeatures
from amiss.run.row_data import (
    aligned,
    check_rows,
    describe_data,
    find_row,
    fingerprint,
    ids_of,
    items_of,
    location_of,
    unit_of,
)
from amiss.run.row_labels import known_labels, match_verdicts, read_verdicts
from amiss.types import Location, RowIndex, Table

MAY = 1_431_857_100_000  # 2015-05-17T10:05:00
EVIL = "=cmd\x1b[31m"


@pytest.fixture
def table():
    """Return rows of 10 s: two of a, one of b, one of what a spreadsheet takes for a formula."""
    lines = [(0, "a"), (1, "b"), (2, "a"), (3, "a"), (4, "b"), (12, "a"), (13, EVIL), (14, "a")]
    frame = pl.DataFrame(
        [(MAY + 1000 * second, client, "200") for second, client in lines],
        schema=["time", "client", "status"],
        orient="row",
    )
    return EntityFeatures().fit_transform(Activity.from_frame(frame, by="client", every=10_000))


def everything(table):
    return np.arange(len(table))


def test_ids_are_the_window_and_the_entity(table):
    assert unit_of(table) == "entity"
    assert items_of(table) == "entities"
    assert ids_of(table, everything(table)) == [
        "2015-05-17T10:05:00 a",
        "2015-05-17T10:05:00 b",
        f"2015-05-17T10:05:10 {EVIL}",
        "2015-05-17T10:05:10 a",
    ]
    assert find_row(table, "2015-05-17T10:05:10 a") == 3
    assert find_row(table, "2015-05-17 10:05:10 =cmd\\x1b[31m") == 2  # as it is shown
    with pytest.raises(InputError, match=r"no entity 'a' among 4; ids are such as '2015-05-17T10"):
        find_row(table, "a")


def test_locations_are_ranges_of_lines(table):
    assert location_of(table, 0) == (Location("rows", 1, 1), Location("rows", 3, 4))
    assert location_of(table, 2) == (Location("rows", 7, 7),)


def test_locations_tell_files_apart_and_are_few():
    n = 100
    index = RowIndex(
        "client", np.array([0, 0]), np.array([9, 9]), np.array(["a", "b"], dtype=object),
        np.array([0, 4, 4 + n]), np.array([7, 8, 9, 10, *range(1, 2 * n, 2)]),
        np.array([0, 0, 1, 1, *[1] * n]),
    )  # fmt: skip
    table = Table(sparse.csr_array((2, 1)), ("lines",), sources=("x.log", "y.log"), index=index)
    assert location_of(table, 0) == (Location("x.log", 7, 8), Location("y.log", 9, 10))
    ranges = location_of(table, 1)
    assert len(ranges) == 20
    assert ranges[:2] == (Location("y.log", 1, 1), Location("y.log", 3, 3))


def test_sparse_rows_are_checked_aligned_and_told_apart(table):
    check_rows(table)
    info = describe_data(table)
    assert info == {
        "unit": "entity",
        "rows": 4,
        "columns": list(table.columns),
        "shape": [len(table.columns)],
        "by": "client",
        "entities": 3,
        "every": 10.0,
        "lines": 8,
        "start": "2015-05-17T10:05:00",
        "end": "2015-05-17T10:05:20",
    }
    order = everything(table.columns)[::-1]
    columns = tuple(table.columns[i] for i in order)
    turned = Table(table.values[:, order], columns, index=table.index)
    again = aligned(turned, info)
    assert again.columns == table.columns
    assert np.array_equal(again.values.toarray(), table.values.toarray())
    assert fingerprint(again) == fingerprint(table) != fingerprint(turned)
    bad = table.values.copy()
    bad.data[-1] = np.inf
    bad.data[-2] = np.nan
    with pytest.raises(InputError, match=r"row 2015-05-17T10:05:10 a has (no|an infinite) value"):
        check_rows(Table(bad, table.columns, index=table.index))
    plain = Table(np.zeros((2, 1)), ("a",))
    with pytest.raises(InputError, match="learnt from entities; this input is rows"):
        aligned(plain, info)
    with pytest.raises(InputError, match="no entities; expected at least one"):
        check_rows(table.take(np.array([], dtype=np.int64)))


def write(tmp_path, text):
    path = tmp_path / "verdicts.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "time,source,verdict\n{t}:03,a,malicious\n{t}:10,a,benign\n",
        "Time;Client;Label\n{t}:00Z;a;1\n2015-05-17 12:05:19.999+02:00;a;0\n",
        "time,source,verdict\n{t}:03, a ,Attack\n\n{t}:10,a,normal\n{t}:00,b,\n{t}:01,b,unknown\n",
        "time\tentity\tverdict\n{t}:09\ta\tTRUE\n{t}:19\ta\tFalse\n",
        "time,source,verdict\n{t}:03,a,1\n{t}:04,a,1\n{t}:10,a,0\n{t}:10,z,1\n",
        "verdict,time,x,source\n1.0,{t}:03,5,a\n0.0,{t}:10,6,a\n-1,{t}:10,6,b\n",
    ],
)
def test_verdicts_are_of_the_window_they_fall_in(tmp_path, table, text):
    path = write(tmp_path, text.format(t="2015-05-17T10:05"))
    assert known_labels(table, path).tolist() == [1, -1, -1, 0]


def test_a_report_with_verdicts_is_read_as_it_is(tmp_path, table):
    text = (
        "time,source,anomaly_score,top_1_feature,top_1_value,verdict\n"
        '2015-05-17T10:05:10,\'=cmd\\x1b[31m,7.5,"\'=a, ""b""",1,malicious\n'
        "2015-05-17T10:05:00,b,7.5,path__unseen,1,\n"
    )
    assert known_labels(table, write(tmp_path, text)).tolist() == [-1, -1, 1, -1]


def test_verdicts_of_another_part_of_the_log_are_counted(tmp_path, table):
    text = "time,source,verdict\n2015-05-17T10:05:03,a,1\n2015-05-18T10:05:03,a,0\n"
    verdicts = read_verdicts(write(tmp_path, text), "client")
    labels, unmatched = match_verdicts(table.index, verdicts)
    assert labels.tolist() == [1, -1, -1, -1]
    assert unmatched == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "time,verdict\n{t},1\n",
            r"columns time, source \(or client\) and verdict; its.*: time, v",
        ),
        ("time,source,verdict\n{t},a,evil\n", "row 1 has the verdict 'evil'; expected malicious"),
        ("time,source,verdict\n17.5.2015,a,1\n", r"row 1 has the time '17.5.2015'; expected one"),
        ("time,source,verdict\n{t},a,\n", "no verdict in any of its 1 rows; write malicious"),
        ("time,source,verdict\n{t},,1\n", "row 1 has a verdict but no source"),
        ("time,source,verdict\n", "no verdicts below the header"),
        ("time,source,verdict\n{t},a,1,9\n{t},a,1\n", "1 rows that do not fit the header"),
        ("time,source,verdict\n{t},a,1\n{t},a,0\n", "rows 1 and 2 contradict each other on 'a'"),
        (
            "time,source,verdict\n{t},z,1\n",
            r"none of its 1 verdicts.*such as '2015-05-17T10:05:03 z', windows.*'2015-\S+ a'",
        ),
    ],
)
def test_verdicts_that_do_not_fit_are_refused_in_words(tmp_path, table, text, words):
    path = write(tmp_path, text.format(t="2015-05-17T10:05:03"))
    with pytest.raises(LabelError, match=words) as caught:
        known_labels(table, path)
    assert "\n" not in str(caught.value)


def test_verdicts_may_be_a_table_with_times(tmp_path, table):
    path = tmp_path / "verdicts.parquet"
    frame = pl.DataFrame({"time": [MAY + 5000], "client": ["b"], "verdict": [True]})
    frame.with_columns(pl.col("time").cast(pl.Datetime("ms"))).write_parquet(path)
    assert known_labels(table, path).tolist() == [-1, 1, -1, -1]


def test_labels_by_id_and_by_order_still_do(tmp_path, table):
    assert known_labels(table, {"2015-05-17T10:05:10 a": True}).tolist() == [-1, -1, -1, 1]
    path = write(tmp_path, "id,label\n2015-05-17T10:05:00 b,Normal\n")
    assert known_labels(table, path).tolist() == [-1, 0, -1, -1]
    assert known_labels(table, np.array([0, 1, -1, 0])).tolist() == [0, 1, -1, 0]
    with pytest.raises(LabelError, match=r"labels of shape \(2,\) for 4 entities"):
        known_labels(table, [0, 1])


@pytest.mark.parametrize("name", ["=x", "'=x", "''-1", "'a", "bob ", " @b", "\tz"])
def test_a_verdict_finds_its_entity_whatever_its_name(tmp_path, name):
    frame = pl.DataFrame({"time": [MAY, MAY], "client": [name, "other"], "status": "200"})
    table = EntityFeatures().fit_transform(Activity.from_frame(frame, by="client", every=10_000))
    at = table.index.entity.tolist().index(name)
    report = pl.DataFrame({"time": "2015-05-17T10:05:00", "source": [name], "verdict": "attack"})
    path = tmp_path / "report.csv"
    path.write_text(report_to_csv(report))
    labels = known_labels(table, path)
    assert labels[at] == 1
    assert labels.sum() == 0  # and no other
