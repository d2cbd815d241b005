"""Label files: what is understood, and that what is not is named with file and line."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.errors import InputError, LabelError
from amiss.read.labels import read_labels, read_verdicts

WANTED = {"blk_1": False, "blk_-2": True}


@pytest.mark.parametrize(
    "text",
    [
        "BlockId,Label\nblk_1,Normal\nblk_-2,Anomaly\n",
        "BlockId,Label\r\nblk_1,Normal\r\nblk_-2,Anomaly\r\n",
        "\ufeffBlockId,Label\nblk_1,Normal\nblk_-2,Anomaly",
        "BlockId;Label\nblk_1;Normal\nblk_-2;Anomaly\n",
        "session\tlabel\nblk_1\t0\nblk_-2\t1\n",
        "session, label\n blk_1 , normal \n blk_-2, ANOMALY\n",
        'BlockId,Label\n"blk_1","Normal"\n"blk_-2","Anomaly"\n',
        "BlockId,Source,Label\nblk_1,7,False\nblk_-2,8,true\n",
        "BlockId,Class\nblk_1,-\nblk_-2,abnormal\n",
        "BlockId,Label\n\nblk_1,Normal\n\nblk_-2,Anomaly\n\n\n",
        "BlockId,Label\nblk_1,Normal\nblk_-2,Anomaly\nblk_1,Normal\n",
    ],
)
def test_layouts_that_people_use_are_understood(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_bytes(text.encode())
    assert read_labels(path) == WANTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("BlockId,Label\na,Normal\nb,Anormal\n", "labels.csv:3: label 'Anormal'; expected Normal"),
        ("BlockId,Label\na,2\n", "labels.csv:2: label '2'"),
        ("BlockId,Label\na,Normal\n\nb\n", "labels.csv:4: label ''"),
        ("BlockId,Label\n,Normal\n", "labels.csv:2: no session"),
        ("BlockId,Label\na,0\nb,0\na,1\n", "labels.csv:4: session 'a' is labelled both"),
        ("a,Normal\nb,Anomaly\n", "labels.csv:1: expected a header such as BlockId,Label"),
        ("BlockId,Label\n", "no labels below the header"),
        ("BlockId\na\nb\n", "expected a header and two columns.* first line is 'BlockId'"),
        ("", "expected a header and two columns"),
        ("\0\x01\x02\xff", "expected a header and two columns"),
        ('BlockId,Label\n"a,Normal\nb,Anomaly\n', "not a CSV of session and label"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line(tmp_path, text, message):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(LabelError, match=message) as caught:
        read_labels(path)
    assert "\n" not in str(caught.value)


def test_a_missing_label_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read"):
        read_labels(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path)


@settings(max_examples=60)
@given(
    labels=st.dictionaries(
        st.text(st.characters(codec="ascii", categories=["L", "N", "P", "S"]), min_size=1).filter(
            lambda key: not set(key) & set(',;"')
        ),
        st.booleans(),
        min_size=1,
    ),
    separator=st.sampled_from(",;\t"),
)
def test_what_is_written_is_what_is_read(tmp_path_factory, labels, separator):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    words = {True: "Anomaly", False: "Normal"}
    rows = [("Session", "Label"), *((key, words[value]) for key, value in labels.items())]
    path.write_text("".join(separator.join(row) + "\n" for row in rows))
    assert read_labels(path) == labels


def test_the_label_file_of_the_real_log_is_read_whole(data_dir):
    labels = read_labels(data_dir / "hdfs" / "anomaly_label.csv")
    assert len(labels) >= 8055
    assert sum(labels.values()) >= 251


def test_verdicts_have_times_and_other_labels_do_not(tmp_path):
    path = tmp_path / "verdicts.csv"
    path.write_text("BlockId,Label\nblk_1,Normal\n")
    assert read_verdicts(path) is None
    path.write_text("start;user;verdict\n1970-01-01T00:00:01.5;'@ann;malicious\n1970-01-01;bob;\n")
    verdicts = read_verdicts(path, "user")
    assert verdicts.time.tolist() == [1500]
    assert verdicts.entity == ["@ann"]
    assert verdicts.label.tolist() == [1]
    assert verdicts.row.tolist() == [1]
    with pytest.raises(InputError, match="cannot be read"):
        read_verdicts(tmp_path / "absent.csv")
