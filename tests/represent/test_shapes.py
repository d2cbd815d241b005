"""Masks: what varies by its form alone is written <*>, and nothing else is."""

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.read.records import RecordReader
from amiss.represent.shapes import ShapeTable, mask


def collapse(text):
    return re.sub("[0-9]+", "0", text)


def shape(message):
    return mask(pl.Series([collapse(message)])).to_list()[0]


@pytest.mark.parametrize(
    ("message", "masked"),
    [
        ("took 15 ms", "took <*> ms"),
        ("took 15ms", "took <*>ms"),
        ("at 12:34:56.789", "at <*>"),
        ("version 1.2.3", "version <*>"),
        ("moved 1,024 bytes", "moved <*> bytes"),
        ("offset -17 of x", "offset <*> of x"),
        ("-17 of x", "<*> of x"),
        ("offset=-1.5, next", "offset=<*>, next"),
        ("(-3) [-4]", "(<*>) [<*>]"),
        ("from 10.250.19.102", "from <*>"),
        ("from /10.250.19.102:50010 to x", "from /<*>:<*> to x"),
        ("mask 0x1F4a", "mask <*>"),
        ("id 123e4567-e89b-12d3-a456-426614174000", "id <*>"),
        ("block blk_-1608999687919862906 done", "block blk_<*> done"),
        ("block blk_38 done", "block blk_<*> done"),
        ("job_200811092030_0001", "job_<*>"),
        ("open /var/log/app/part-00017.log now", "open <*> now"),
        ("open /var/log/app.log now", "open /var/log/app.log now"),
        ("GET /index.html", "GET /index.html"),
        ("no numbers here, at all", "no numbers here, at all"),
        ("well-known state -> other", "well-known state -> other"),
        ("  padded  ", "padded"),
        ("one\t two  7", "one two <*>"),
        ("at Wed Jul 27 10:59:53 2005 by x", "at <*> by x"),
        ("Jul 7, 2005", "<*>"),
        ("from 00:11:43:e3:ba:c3 via eth1", "from <*> via <*>"),
        ("from fe80:0:0:0:202:b3ff:fe1e:8329", "from <*>"),
        ("took 6.0 KB, 12 ms", "took <*> KB, <*> ms"),
        ("generating core.6161", "generating core.<*>"),
        ("illegal instruction......1", "illegal instruction......<*>"),
        ('x="View 7 Lock", y=a3f', 'x="<*>", y=<*>'),
        ("GET /v2/54fa/x?all=True&since=2017 HTTP/1.1", "GET <*> <*>"),
        ("10.2.2.2:50010:Got it", "<*>:<*>:Got it"),
        ("digest cafebabe", "digest <*>"),
        ("bad decade facade", "bad decade facade"),
        ("", ""),
        ("literal <*> stays", "literal <*> stays"),
    ],
)
def test_variable_parts_are_masked_and_words_are_kept(message, masked):
    assert shape(message) == masked


@given(value=st.uuids() | st.integers(0, 2**64).map(hex))
def test_uuids_and_hexadecimals_are_masked_whole(value):
    assert shape(f"request {value} done") == "request <*> done"
    assert shape(f"request={str(value).upper().replace('X', 'x')}") == "request=<*>"


@given(octets=st.tuples(*[st.integers(0, 255)] * 4), port=st.none() | st.integers(1, 65535))
def test_addresses_are_masked_whole(octets, port):
    address = ".".join(map(str, octets)) + (f":{port}" if port else "")
    masked = "<*>:<*>" if port else "<*>"
    assert shape(f"from {address} to /{address}") == f"from {masked} to /{masked}"


TEXTS = st.text("abcfxz -_/.,:;=()[]<*>é\t", max_size=8)
RUNS = st.lists(st.tuples(*[st.text("0123456789", min_size=1, max_size=6)] * 2), max_size=6)


@settings(max_examples=200)
@given(data=st.data(), runs=RUNS)
def test_lines_that_differ_only_in_digits_have_one_shape(tmp_path_factory, data, runs):
    texts = data.draw(st.lists(TEXTS, min_size=len(runs) + 1, max_size=len(runs) + 1))
    lines = [
        texts[0] + "".join(run[i] + text for run, text in zip(runs, texts[1:], strict=True))
        for i in range(2)
    ]
    lines = [f"m {line}" for line in lines]  # what is indented belongs to the line before
    path = tmp_path_factory.getbasetemp() / "two-lines.log"
    path.write_text("\n".join(lines) + "\n")
    (batch,) = RecordReader(path)
    table = ShapeTable()
    ids = table.add(batch.kinds)[batch.kind]
    assert ids.tolist() == [0, 0]
    assert not re.search("[0-9]", table.texts[0])


KINDS = st.lists(
    st.tuples(st.sampled_from(["INFO", "WARN", ""]), st.text("ab0 -._", max_size=6).map(collapse)),
    max_size=8,
)


@given(batches=st.lists(KINDS, max_size=5))
def test_an_id_never_changes_its_meaning(batches):
    table = ShapeTable()
    for rows in batches:
        before = list(zip(table.levels, table.texts, strict=True))
        kinds = pl.DataFrame(rows, schema={"level": pl.String, "message": pl.String}, orient="row")
        ids = table.add(kinds)
        now = list(zip(table.levels, table.texts, strict=True))
        assert now[: len(before)] == before
        assert len(now) == len(set(now)) == len(table)
        assert [now[i] for i in ids] == [(level, shape(text)) for level, text in rows]


def test_one_message_at_two_levels_is_two_shapes():
    table = ShapeTable()
    kinds = pl.DataFrame({"level": ["INFO", "WARN"], "message": ["full", "full"]})
    assert table.add(kinds).tolist() == [0, 1]
