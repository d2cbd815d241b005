import gzip
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from amiss.errors import InputError, LabelError, UsageError
from amiss.read.rows import is_table_file, read_table
from amiss.read.sources import ReadReport


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_separator_header_and_places(write, separator):
    text = "a,b\n1,2\n\n3,4\n".replace(",", separator)
    path = write("t.csv", text)
    table = read_table(path)
    assert table.columns == ("a", "b")
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert table.values.dtype == np.float64
    assert table.row.tolist() == [1, 3]  # the blank line is a place in the file
    assert table.file.tolist() == [0, 0]
    assert table.sources == (str(path),)
    assert table.label is None
    assert table.kind is None


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compressed_files_are_told_by_their_bytes(write, pack):
    assert read_table(write("t.csv", pack(b"a\n1\n2\n"))).values.tolist() == [[1], [2]]


def test_windows_files(write):
    path = write("t.csv", "a;b\r\n1,5;2\r\n".encode("utf-16"))
    assert read_table(path).values.tolist() == [[1.5, 2]]


def test_a_file_without_a_header(write):
    path = write("t.csv", "1,2,0\n3,4,1\n")
    table = read_table(path, label="x2")
    assert table.columns == ("x0", "x1")
    assert table.label.tolist() == [0, 1]
    assert table.row.tolist() == [1, 2]
    assert read_table(path, has_header=True).columns == ("1", "2", "0")


def test_counted_columns_are_a_header(write):
    table = read_table(write("t.csv", "0,1,2\n5,6,7\n"))
    assert (table.columns, table.values.tolist()) == (("0", "1", "2"), [[5, 6, 7]])


def test_has_header_false_keeps_a_first_line_of_words(write):
    table = read_table(write("t.csv", "nan,inf\n1,2\n"), has_header=False)
    np.testing.assert_array_equal(table.values, [[np.nan, np.inf], [1, 2]])


def test_missing_cells_are_nan_and_infinities_stay(write):
    table = read_table(write("t.csv", 'a,b,c\n,NA,"?"\n-inf,1, 2 \nnan,null,""\n'))
    expected = [[np.nan] * 3, [-np.inf, 1, 2], [np.nan] * 3]
    np.testing.assert_array_equal(table.values, expected)


def test_truth_values_are_zero_and_one(write):
    assert read_table(write("t.csv", "a\nTrue\nfalse\n")).values.tolist() == [[1], [0]]
    assert read_table(pl.DataFrame({"a": [True, None]})).values[0] == 1


def test_columns_are_taken_in_the_order_asked(write):
    table = read_table(write("t.csv", "a,name,b,anomaly\n1,x,2,0\n"), columns=["b", "a"])
    assert (table.columns, table.values.tolist()) == (("b", "a"), [[2, 1]])
    assert table.label.tolist() == [0]


@pytest.mark.parametrize("name", ["label", "Anomaly", "IS_ANOMALY", "outlier", "y"])
def test_label_is_recognised(write, name):
    table = read_table(write("t.csv", f"a,{name}\n1,0\n2,1\n3,\n"))
    assert table.columns == ("a",)
    assert table.label.tolist() == [0, 1, -1]


@pytest.mark.parametrize("words", ["Normal Anomaly", "0.0 1.0", "false TRUE", "normal abnormal"])
def test_words_of_labels(write, words):
    normal, anomaly = words.split()
    table = read_table(write("t.csv", f"a,truth\n1,{normal}\n2,{anomaly}\n3,-1\n"), label="truth")
    assert table.label.tolist() == [0, 1, -1]


def test_a_measurement_called_y_is_no_label(write):
    table = read_table(write("t.csv", "x,y\n1,0\n2,7.5\n"))
    assert table.columns == ("x", "y")
    assert table.label is None


def test_a_label_that_is_asked_for_as_a_column_is_one(write):
    table = read_table(write("t.csv", "x,y\n1,0\n2,1\n"), columns=["x", "y"])
    assert (table.columns, table.label) == (("x", "y"), None)


def test_unreadable_label_names_the_place(write):
    path = write("t.csv", "a,truth\n1,0\n2,smurf\n")
    with pytest.raises(LabelError, match=r"t\.csv: truth, row 2: label 'smurf'.*kind="):
        read_table(path, label="truth")


def test_kind_is_the_label_where_nothing_else_is(write):
    path = write("t.csv", "a,attack\n1,normal\n2,smurf\n3,\n")
    table = read_table(path, kind="attack")
    assert table.kind.tolist() == ["normal", "smurf", ""]
    assert table.label.tolist() == [0, 1, -1]
    with_label = read_table(write("u.csv", "a,attack,label\n1,smurf,0\n"), kind="attack")
    assert with_label.label.tolist() == [0]


def test_columns_of_text_are_named_with_what_to_do(write):
    path = write("t.csv", "a,proto,label\n1,tcp,smurf\n2,udp,normal\n")
    with pytest.raises(InputError, match=r"proto \(row 1: 'tcp'\), label \(row 1.*kind=.*columns="):
        read_table(path)
    with pytest.raises(InputError, match="id looks like the name of each row"):
        read_table(write("u.csv", "id,a\nn1,1\nn2,2\n"))
    with pytest.raises(InputError, match=r"a \(row 2: '1\.2\.3'\)"):
        read_table(write("v.csv", "a,b\n1,1\n1.2.3,2\n"))


def test_files_are_aligned_by_name(write):
    a, b = write("a.csv", "p,q\n1,2\n"), write("b.csv", "q;p\n4;3\n6;5\n")
    table = read_table([a, b])
    assert table.columns == ("p", "q")
    assert table.values.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert table.file.tolist() == [0, 1, 1]
    assert table.row.tolist() == [1, 1, 2]
    pattern = read_table(str(a.parent / "*.csv"))
    assert pattern.values.tolist() == table.values.tolist()


def test_files_of_other_columns_say_which(write):
    a, b = write("a.csv", "p,q\n1,2\n"), write("b.csv", "p,r\n4,3\n")
    with pytest.raises(InputError, match=r"b\.csv: without q and with r, unlike .*a\.csv"):
        read_table([a, b])
    assert read_table([a, b], columns=["p"]).values.tolist() == [[1], [4]]
    with pytest.raises(InputError, match=r"b\.csv: no column q; its columns: p, r"):
        read_table([a, b], columns=["q"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("a,b\n", r"no rows \(a, b\)"),
        ("a,b,a\n1,2,3\n", "more than one column is called a"),
        (",a\n0,2\n", "column 1 has no name"),
        ("a,,\n0,2,3\n", "columns 2, 3 have no name"),
        ("a,b\n1\n2,3,4\n", "none of its 2 rows has as many cells as the header, 2"),
        ("label\n1\n", "no column of numbers beside label and kind"),
    ],
)
def test_what_is_no_table(write, text, message):
    with pytest.raises(InputError, match=message):
        read_table(write("t.csv", text))


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(InputError, match="no file matches"):
        read_table(str(tmp_path / "*.csv"))


def test_requests_that_make_no_sense(write):
    path = write("t.csv", "a,b\n1,2\n")
    for request in ({"columns": "a"}, {"columns": []}, {"columns": ["a", "a"]}):
        with pytest.raises(UsageError):
            read_table(path, **request)
    with pytest.raises(UsageError, match="more than once"):
        read_table(path, columns=["a"], label="a")
    with pytest.raises(UsageError, match="got int"):
        read_table(3)


def test_torn_rows_are_left_out_and_counted(write):
    path = write("t.csv", 'a,b\n1,2\n3\n4,5,6\n7,"8\n9,"10"\n')
    report = ReadReport()
    table = read_table(path, report=report)
    assert table.values.tolist() == [[1, 2], [9, 10]]
    assert table.row.tolist() == [1, 5]
    assert [n for what, n in report.counts.items() if "too few" in what] == [3]
    with pytest.warns(UserWarning, match="too few or too many cells.*: 3"):
        read_table(path)


def test_a_damaged_archive_is_read_up_to_its_damage(write):
    rng = np.random.default_rng(0)
    text = "a,b\n" + "".join(f"{x},{y}\n" for x, y in rng.random((3000, 2)))
    path = write("t.csv.gz", gzip.compress(text.encode())[:-2000])
    with pytest.warns(UserWarning, match="ends early"):
        table = read_table(path)
    assert 1000 < len(table) < 3000


def test_an_empty_part_does_not_lose_the_others(write):
    paths = [write("a.csv", "p\n"), write("b.csv", "p\n1\n")]
    with pytest.warns(UserWarning, match="header only"):
        table = read_table(paths)
    assert table.file.tolist() == [1]


def test_arrays(tmp_path):
    path = tmp_path / "a.npz"
    X, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    np.savez_compressed(path, X=X, y=y)
    table = read_table(path)
    assert table.columns == ("x0", "x1")
    np.testing.assert_array_equal(table.values, X)
    assert table.label.tolist() == [0, 1, 0]
    np.savez(path, measured=X.astype(np.float32), times=np.arange(3))
    assert read_table(path).values.tolist() == X.tolist()
    np.savez(path, X=X, y=y[:, None])
    assert read_table(path).label.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": np.zeros(3)}, r"expected a 2-D array X.*X \(3,\)"),
        ({"a": np.zeros((3, 1)), "b": np.zeros((3, 1))}, "or a single such array"),
        ({"X": np.zeros((3, 1)), "y": np.zeros(2)}, r"y has the shape \(2,\).*each of the 3 rows"),
        ({"X": np.array([["a"]])}, "expected real numbers"),
        ({"X": np.array([[{}]], dtype=object)}, "without arrays of objects"),
        ({"X": np.zeros((0, 2))}, "no rows"),
    ],
)
def test_arrays_that_are_no_table(tmp_path, arrays, message):
    path = tmp_path / "a.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=message):
        read_table(path)


def test_torn_arrays(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, X=np.random.default_rng(0).random((500, 3)))
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(InputError, match=r"a\.npz: not a whole \.npz"):
        read_table(path)


def test_parquet_and_data_frames_agree(tmp_path):
    frame = pl.DataFrame({"a": [1, 2, None], "b": [0.5, None, 1.5], "label": [0, 1, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    frame.write_csv(tmp_path / "t.csv")
    pandas = pd.DataFrame(
        {"a": pd.array([1, 2, None], "Int64"), "b": [0.5, None, 1.5], "label": [0, 1, None]}
    )
    expected = [[1, 0.5], [2, np.nan], [np.nan, 1.5]]
    for source in (tmp_path / "t.parquet", tmp_path / "t.csv", frame, frame.lazy(), pandas):
        table = read_table(source)
        np.testing.assert_array_equal(table.values, expected)
        assert table.label.tolist() == [0, 1, -1]
        assert table.columns == ("a", "b")
        assert table.row.tolist() == [1, 2, 3]


def test_data_frames_have_no_files():
    table = read_table(pl.DataFrame({"a": [1]}))
    assert (table.sources, table.file) == ((), None)
    with pytest.raises(InputError, match=r"t \(row 1: '2020"):
        read_table(pd.DataFrame({"t": [pd.Timestamp("2020-01-01")]}))
    with pytest.raises(InputError, match="more than one column is called a"):
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_kind_of_a_pandas_frame():
    frame = pd.DataFrame({"a": [1.0, 2.0], "kind": ["normal", None]})
    assert read_table(frame, kind="kind").label.tolist() == [0, -1]


@given(
    st.lists(st.lists(st.floats(allow_nan=True), min_size=3, max_size=3), min_size=1, max_size=20)
)
def test_values_come_back_as_they_were_written(tmp_path_factory, values):
    path = tmp_path_factory.mktemp("rows") / "t.csv"
    lines = [",".join(repr(value) for value in row) for row in values]
    path.write_text("\n".join(["a,b,c", *lines]))
    np.testing.assert_array_equal(read_table(path).values, np.array(values))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_table_or_an_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("rows") / "t.csv"
    path.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        try:
            table = read_table(path)
        except InputError as error:
            table, told = None, str(error)
    if table is None:
        assert "t.csv" in told
    else:
        assert table.values.shape == (len(table.row), len(table.columns))


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.csv.gz", "a.csv.zst", "a.parquet", "a.npz"])
def test_table_files_by_name(name):
    assert is_table_file(name)


def test_table_files_by_their_bytes(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((1, 1)))
    (tmp_path / "a.npz").rename(tmp_path / "measurements")
    (tmp_path / "a.log").write_text("a,b\n")
    assert is_table_file(tmp_path / "measurements")
    assert not is_table_file(tmp_path / "a.log")
    assert not is_table_file(tmp_path / "none.log.gz")
    assert not is_table_file(tmp_path)


def test_public_tables(data_dir):
    cardio = read_table(data_dir / "adbench" / "6_cardio.npz")
    assert cardio.values.shape == (1831, 21)
    assert cardio.label.sum() == 176
    sensors = ["Pressure", "Current"]
    skab = read_table(data_dir / "skab" / "valve1", columns=sensors)
    assert skab.values.shape == (18160, 2)
    assert skab.label.sum() == 6309
    assert len(skab.sources) == 16
    with pytest.raises(InputError, match=r"datetime \(row 1: '2020"):
        read_table(data_dir / "skab" / "anomaly-free.csv")


def test_a_header_may_begin_with_digits(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1st_sensor,24h_mean\n1.5,2\n-3e4,4\n")
    assert read_table(path).columns == ("1st_sensor", "24h_mean")


def test_an_infinity_in_a_column_that_may_be_the_label_is_read():
    frame = pl.DataFrame({"a": [1.0, 2.0, 3.0], "y": [0.0, 1.0, float("inf")]})
    table = read_table(frame)
    assert table.columns == ("a", "y")
    assert table.label is None
