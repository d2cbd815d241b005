"""Counts by time window and entity: nothing is lost, whatever the order; news counts as news."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.errors import InputError, ModelError
from amiss.represent.activity import LONGEST_VALUE, Activity, count_records
from amiss.represent.entities import EntityFeatures
from amiss.types import NO_TIME, RecordBatch

LINES = st.lists(
    st.tuples(
        st.integers(-30_000, 60_000),
        st.sampled_from(["a", "b", "ü c", ""]) | st.none(),
        st.sampled_from(["200", "404", "rare", "x__y", '"', ""]) | st.none(),
        st.sampled_from(["1", "12", "-3", "0", "nan", "1e400", "?"]) | st.none(),
        st.sampled_from(["open 0", "close 0 now", "open file a", "open file b"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)


def batch_of(lines, numbers):
    time, client, status, size, message, timed = zip(*lines, strict=True)
    kinds = pl.DataFrame({"message": message}).select(level=pl.lit(""), message="message")
    return RecordBatch(
        source=0,
        line=np.array(numbers),
        raw=pl.Series(message),
        kind=np.arange(len(lines)),
        kinds=kinds,
        time=np.where(timed, time, NO_TIME),
        fields={
            "client": pl.Series(client, dtype=pl.String),
            "status": pl.Series(status, dtype=pl.String),
            "size": pl.Series(size, dtype=pl.String),
        },
    )


def counted(lines, numbers, cuts=()):
    bounds = [0, *sorted({cut % len(lines) for cut in cuts} - {0}), len(lines)]
    batches = [batch_of(lines[a:b], numbers[a:b]) for a, b in pairwise(bounds)]
    fields = ["status", "size", "template"]
    return count_records(batches, "client", 10_000, fields=fields, numeric=["size"])


def keys_of(activity):
    return list(zip(activity.index.start.tolist(), activity.index.entity.tolist(), strict=True))


def cells(table, row):
    values = table.values[[row]].toarray()[0]
    return {name: value for name, value in zip(table.columns, values, strict=True) if value}


def is_counted(line):
    return line[5] and bool(line[1])


@settings(max_examples=150)
@given(lines=LINES, cuts=st.lists(st.integers(0, 40), max_size=4), data=st.data())
def test_neither_order_nor_batches_change_the_matrix(lines, cuts, data):
    numbers = list(range(1, len(lines) + 1))
    if not any(map(is_counted, lines)):
        with pytest.raises(InputError):
            counted(lines, numbers, cuts)
        return
    order = data.draw(st.permutations(range(len(lines))))
    whole = counted(lines, numbers)
    parts = counted([lines[i] for i in order], [numbers[i] for i in order], cuts)
    assert keys_of(parts) == keys_of(whole) == sorted(keys_of(whole))
    for name in ("offsets", "line", "file", "end"):
        assert np.array_equal(getattr(parts.index, name), getattr(whole.index, name))
    assert parts.log == whole.log
    space, other = (
        EntityFeatures(min_rows=2, max_values=2),
        EntityFeatures(min_rows=2, max_values=2),
    )
    a, b = space.fit_transform(whole), other.fit_transform(parts)
    assert a.columns == b.columns
    assert np.array_equal(a.values.toarray(), b.values.toarray())


@settings(max_examples=150)
@given(lines=LINES, new=LINES)
def test_every_line_is_counted_once_in_each_field(lines, new):
    if not any(map(is_counted, lines)) or not any(map(is_counted, new)):
        return
    space = EntityFeatures(min_rows=2, max_values=2)
    learnt = space.fit_transform(counted(lines, list(range(1, len(lines) + 1))))
    again = counted(new, list(range(1, len(new) + 1)))
    assert again.log.ungrouped == sum(not is_counted(line) for line in new)
    for table, given_lines in ((learnt, lines), (space.transform(again), new)):
        wanted = Counter(
            (line[0] // 10_000 * 10_000, line[1]) for line in given_lines if is_counted(line)
        )
        values = table.values.toarray()
        assert len(table) == len(wanted) == len(table.index)
        assert np.isfinite(values).all()
        column = {name: values[:, i] for i, name in enumerate(table.columns)}
        named = zip(table.index.start.tolist(), table.index.entity.tolist(), strict=True)
        assert column["lines"].tolist() == [wanted[key] for key in named]
        assert np.diff(table.index.offsets).tolist() == column["lines"].tolist()
        for name in ("status", "template"):
            parts = [
                cell
                for key, cell in column.items()
                if key.startswith(f"{name}__")
                and not key.endswith(("__distinct", "__length_max", "__share"))
            ]
            assert np.array_equal(sum(parts), column["lines"])
        numbers = [
            int(n[3])
            for n in given_lines
            if is_counted(n) and (n[3] or "?")[-1].isdigit() and n[3] != "1e400"
        ]
        assert column["size__sum"].sum() == sum(numbers)
        assert column["size__missing"].sum() == sum(wanted.values()) - len(numbers)


@settings(max_examples=60)
@given(lines=LINES, new=LINES)
def test_a_space_that_went_through_a_file_is_the_same(lines, new):
    if not any(map(is_counted, lines)) or not any(map(is_counted, new)):
        return
    space = EntityFeatures(min_rows=2, max_values=2).fit(counted(lines, list(range(len(lines)))))
    read = EntityFeatures.from_content(json.loads(json.dumps(space.to_content())))
    activity = counted(new, list(range(len(new))))
    assert read.columns == space.columns
    assert read.reading == space.reading
    assert [read.describe(c) for c in read.columns] == [space.describe(c) for c in space.columns]
    a, b = space.transform(activity), read.transform(activity)
    assert np.array_equal(a.values.toarray(), b.values.toarray())
    assert read.to_content() == space.to_content()


@settings(max_examples=60)
@given(lines=LINES, other=LINES, data=st.data())
def test_rows_taken_and_put_together_are_the_rows_they_were(lines, other, data):
    if not any(map(is_counted, lines)) or not any(map(is_counted, other)):
        return
    a = counted(lines, list(range(1, len(lines) + 1)))
    b = counted(other, list(range(1, len(other) + 1)))
    both = Activity.concat([a, b])
    space = EntityFeatures(min_rows=1).fit(both)
    rows = np.array(data.draw(st.lists(st.integers(0, len(both) - 1), min_size=1, max_size=9)))
    apart = np.vstack([space.transform(part).values.toarray() for part in (a, b)])
    taken = space.transform(both.take(rows))
    assert np.array_equal(taken.values.toarray(), apart[rows])
    assert [(s, e) for s, e in zip(taken.index.start, taken.index.entity, strict=True)] == [
        (keys_of(a) + keys_of(b))[i] for i in rows
    ]
    assert both.log.lines == len(lines) + len(other)


def frame_of(**columns):
    n = len(columns["client"])
    return pl.DataFrame({"time": [1000 * i for i in range(n)], **columns})


def test_values_of_enough_rows_have_columns_and_all_others_are_counted():
    status = ["200"] * 20 + ["404"] * 10 + ["500"] * 3 + ["418"]
    activity = Activity.from_frame(
        frame_of(client=["a", "b"] * 17, status=status), by="client", every=1000
    )
    space = EntityFeatures(min_rows=5, max_shares=2)
    table = space.fit_transform(activity)
    assert table.columns == (
        *("lines", "status__200", "status__404", "status__rare", "status__unseen"),
        *("status__missing", "status__distinct", "status__length_max"),
    )
    always = {"lines": 1, "status__distinct": 1, "status__length_max": 3}
    assert cells(table, 31) == {**always, "status__rare": 1}
    # Without the only row that has it, 418 would never have been seen.
    assert cells(table, 33) == {**always, "status__unseen": 1}
    new = Activity.from_frame(
        pl.DataFrame({"time": [0, 1, 2, 3], "client": "z", "status": ["200", "418", "666", None]}),
        by="client",
        every=1000,
    )
    assert cells(space.transform(new), 0) == {
        "lines": 4, "status__200": 1, "status__unseen": 2,
        "status__missing": 1, "status__distinct": 3, "status__length_max": 3,
    }  # fmt: skip


def test_of_a_field_of_few_values_each_has_a_column_and_a_share():
    status = ["2xx"] * 30 + ["5xx"] * 2 + ["4xx"]
    activity = Activity.from_frame(
        frame_of(client=["a", "b"] * 16 + ["a"], status=status), by="client", every=1000
    )
    space = EntityFeatures()
    table = space.fit_transform(activity)
    assert [c for c in table.columns if "xx" in c] == [
        *("status__2xx", "status__5xx", "status__2xx__share", "status__5xx__share"),
    ]
    assert cells(table, 30) == {
        "lines": 1, "status__5xx": 1, "status__distinct": 1, "status__5xx__share": 1,
    }  # fmt: skip
    assert space.describe("status__5xx__share") == "share of lines with status 5xx"


def test_rows_that_were_learnt_from_are_counted_as_others_are():
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {
            "time": np.sort(rng.integers(0, 10_000_000, 3000)),
            "client": rng.integers(0, 40, 3000).astype(str),
            "path": (rng.pareto(0.7, 3000) * 5).astype(int).astype(str),
            "bytes": rng.integers(0, 99, 3000),
        }
    )
    activity = Activity.from_frame(frame, by="client", every=60_000)
    space = EntityFeatures()
    learnt = space.fit_transform(activity)
    assert (learnt.values != space.transform(activity).values).nnz == 0
    assert learnt.values[:, [learnt.columns.index("path__unseen")]].nnz > 100


def test_what_one_visitor_did_before_is_no_odder_than_what_nobody_did():
    """Were it rare instead of unseen, a column that is 0 in all of training would not be 0."""
    minute = 60_000
    rows = [(i * minute, f"visitor {i % 20}", "200") for i in range(100)]
    rows += [((40 + i) * minute, "scanner", "500") for i in range(10)]
    frame = pl.DataFrame(rows, schema=["time", "client", "status"], orient="row")
    space = EntityFeatures().fit(Activity.from_frame(frame, by="client", every=minute))
    later = pl.DataFrame({"time": [0, 0], "client": ["y", "z"], "status": ["500", "501"]})
    table = space.transform(Activity.from_frame(later, by="client", every=minute))
    assert cells(table, 0) == cells(table, 1)
    assert cells(table, 0)["status__unseen"] == 1


def test_what_one_visitor_alone_has_is_news_and_what_one_part_has_is_not():
    """A scanner asks for the same odd page in ten windows; the next scanner for another one."""
    minute = 60_000
    rows = [(i * minute, "server", "/stats") for i in range(100)]
    rows += [(i * minute, f"visitor {i % 20}", "/") for i in range(100)]
    rows += [((40 + i) * minute, "scanner", "/admin.php") for i in range(10)]
    frame = pl.DataFrame(rows, schema=["time", "client", "path"], orient="row")
    activity = Activity.from_frame(frame, by="client", every=minute)
    space = EntityFeatures()
    table = space.fit_transform(activity)
    assert {c for c in table.columns if c.startswith("path__/") and "share" not in c} == {
        "path__/stats",
        "path__/",
    }
    unseen = table.values[:, [table.columns.index("path__unseen")]].toarray()[:, 0]
    assert set(activity.index.entity[unseen > 0]) == {"scanner"}
    assert unseen.sum() == 10


def test_templates_are_learnt_once_and_new_messages_are_unseen():
    users = ("ann", "bob", "dan", "liz")
    messages = [*(f"session opened for {user}" for user in users), "disk failed"] * 5
    lines = [(1000 * i, "host", None, None, text, True) for i, text in enumerate(messages)]
    batch = batch_of(lines, list(range(25)))
    activity = count_records([batch], "client", 1000, fields=["template"])
    space = EntityFeatures()
    table = space.fit_transform(activity)
    assert table.columns[:3] == ("lines", "template__1", "template__0")
    assert space.describe("template__1") == "session opened for <*>"
    assert space.describe("template__1__share") == "share of session opened for <*>"
    new = [
        (0, "host", None, None, text, True)
        for text in ("session opened for eve", "fan failed", "disk on fire at last")
    ]
    found = space.transform(
        count_records([batch_of(new, [1, 2, 3])], "client", 1000, fields=["template"])
    )
    assert cells(found, 0) == {
        "lines": 3, "template__1": 1, "template__unseen": 2, "template__distinct": 3,
        "template__1__share": pytest.approx(1 / 3),
    }  # fmt: skip


def test_numbers_are_added_up():
    frame = pl.DataFrame(
        {"time": [0, 1, 2, 5000], "client": ["a", "a", "a", "b"], "bytes": [10, 30, None, None]}
    )
    table = EntityFeatures().fit_transform(Activity.from_frame(frame, by="client", every=1000))
    assert cells(table, 0) == {
        "lines": 3, "bytes__sum": 40, "bytes__max": 30, "bytes__mean": 20, "bytes__missing": 1,
        "bytes__distinct": 2,
    }  # fmt: skip
    assert cells(table, 1) == {"lines": 1, "bytes__missing": 1}


def test_negative_numbers_have_a_largest_one_too():
    frame = pl.DataFrame({"time": [0, 1], "client": ["a", "a"], "change": [-5.5, -7.0]})
    table = EntityFeatures().fit_transform(Activity.from_frame(frame, by="client", every=1000))
    assert cells(table, 0)["change__max"] == -5.5


def test_an_endless_value_is_cut_and_its_length_known():
    paths = ["/" + "a" * 100_000, "/" + "a" * 90_000, *(f"/{i}" for i in range(20))]
    activity = Activity.from_frame(
        frame_of(client=["a"] * 22, path=paths), by="client", every=100_000
    )
    assert activity.counts["path"].values.str.len_chars().max() == LONGEST_VALUE
    row = cells(EntityFeatures().fit_transform(activity), 0)
    assert row["path__length_max"] == 100_001
    assert row["path__distinct"] == 21


def test_names_of_columns_are_distinct_whatever_the_log_says():
    values = ["rare", "unseen", "404__share", "404", '"rare"', "", "distinct", "missing"]
    frame = frame_of(client=["a", "b"] * 40, status=[v for v in values for _ in range(10)])
    space = EntityFeatures().fit(Activity.from_frame(frame, by="client", every=1000))
    assert len(set(space.columns)) == len(space.columns) == 1 + 8 + 4 + 8
    assert {'status__"rare"', 'status__"404__share"', 'status__""rare""'} <= {*space.columns}


def test_columns_of_a_field_are_bounded():
    paths = [f"/{i % 100}" for i in range(1000)]
    frame = frame_of(client=[f"c{i % 7}" for i in range(1000)], path=paths)
    space = EntityFeatures(max_values=30).fit(Activity.from_frame(frame, by="client", every=1000))
    assert sum(name.startswith("path__/") for name in space.columns) == 30


def test_the_log_does_not_stand_in_a_model_beyond_its_columns():
    frame = frame_of(client=["a"] * 12, path=["/"] * 10 + ["/secret"] * 2)
    activity = Activity.from_frame(frame, by="client", every=1000)
    space = EntityFeatures(max_shares=1).fit(activity)
    assert "secret" not in json.dumps(space.to_content())


def test_windows_are_of_utc_and_rows_know_their_lines():
    frame = pl.DataFrame(
        {"time": [59_999, 60_000, -1, 60_500], "client": ["b", "a", "b", "a"], "x": ["1"] * 4}
    )
    activity = Activity.from_frame(frame, by="client", every=60_000)
    assert keys_of(activity) == [(-60_000, "b"), (0, "b"), (60_000, "a")]
    assert activity.index.line.tolist() == [3, 1, 2, 4]
    assert activity.index.offsets.tolist() == [0, 1, 2, 4]
    assert (activity.log.start, activity.log.end) == (-1, 60_500)


def test_other_windows_entities_and_fields_are_refused_in_words():
    frame = frame_of(client=["a"] * 9, host=["h"] * 9, status=["200"] * 9)
    space = EntityFeatures().fit(Activity.from_frame(frame, by="client", every=1000))
    with pytest.raises(InputError, match=r"by client every 5 s; expected by client every 1 s"):
        space.transform(Activity.from_frame(frame, by="client", every=5000))
    with pytest.raises(InputError, match="by host every 1 s; expected by client"):
        space.transform(Activity.from_frame(frame, by="host", every=1000))
    with pytest.raises(InputError, match=r"lacks host.*expected the fields host, status"):
        space.transform(Activity.from_frame(frame.drop("host"), by="client", every=1000))
    with pytest.raises(InputError, match="no activities"):
        Activity.concat([])
    with pytest.raises(InputError, match="no column 'nope'"):
        space.describe("nope")


def test_a_log_without_times_or_entities_says_what_to_do():
    lines = [(0, "a", "200", "1", "x", False)] * 3
    with pytest.raises(InputError, match=r"none of 3 lines carries a time.*--session-key"):
        counted(lines, [1, 2, 3])
    lines = [(0, None, "200", "1", "x", True), (0, "a", "200", "1", "x", False)]
    with pytest.raises(InputError, match="none of the 1 lines with a time has client"):
        counted(lines, [1, 2])
    with pytest.raises(InputError, match="no column 'who'"):
        Activity.from_frame({"time": [1]}, by="who", every=1)
    with pytest.raises(InputError, match="expected a data frame"):
        Activity.from_frame(7, by="who", every=1)


@pytest.mark.parametrize(
    "content",
    [{}, {"fields": 3}, None, "text"],
    ids=["empty", "fields", "none", "text"],
)
def test_malformed_content_is_a_model_error(content):
    frame = frame_of(client=["a"] * 9, status=["200"] * 9)
    good = EntityFeatures().fit(Activity.from_frame(frame, by="client", every=1000)).to_content()
    bad = {**good, **content} if content == {"fields": 3} else content
    with pytest.raises(ModelError, match="malformed"):
        EntityFeatures.from_content(bad)


def test_the_values_that_a_column_pools_are_told():
    minute = 60_000
    rows = [(i * minute, f"visitor {i % 20}", "200") for i in range(100)]
    frame = pl.DataFrame(rows, schema=["time", "client", "status"], orient="row")
    space = EntityFeatures().fit(Activity.from_frame(frame, by="client", every=minute))
    later = pl.DataFrame(
        {"time": [0] * 6, "client": "z", "status": ["405", "500", "200", "500", None, "500"]}
    )
    activity = Activity.from_frame(later, by="client", every=minute)
    assert space.values_behind("status__unseen", activity, 0) == [("500", 3), ("405", 1)]
    for column in ("status__rare", "status__200", "status__missing", "lines"):
        assert space.values_behind(column, activity, 0) == []


def test_the_templates_that_a_column_pools_are_told():
    frame = pl.DataFrame({"time": range(10), "client": "a", "message": ["up"] * 10})
    frame = frame.rename({"message": "template"})
    space = EntityFeatures().fit(Activity.from_frame(frame, by="client", every=1))
    later = pl.DataFrame({"time": [0, 0], "client": "a", "template": ["up", "disk on fire"]})
    activity = Activity.from_frame(later, by="client", every=1)
    assert space.values_behind("template__unseen", activity, 0) == [("disk on fire", 1)]


def test_one_visitor_with_made_up_methods_does_not_undo_the_shares_of_all():
    minute = 60_000
    rows = [(i * minute, f"visitor {i % 20}", ("GET", "POST")[i % 2]) for i in range(100)]
    junk = [((40 + i) * minute, "scanner", f"M{i}") for i in range(20)]

    def columns(of):
        frame = pl.DataFrame(of, schema=["time", "client", "method"], orient="row")
        return EntityFeatures().fit(Activity.from_frame(frame, by="client", every=minute)).columns

    assert columns(rows + junk) == columns(rows)
    assert "method__POST__share" in columns(rows)
