"""From access logs and others to rows by time window and entity."""

import gzip
import random

import numpy as np
import pytest

import amiss
from amiss.errors import InputError, UsageError
from amiss.read import sources
from amiss.represent.entities import EntityFeatures
from amiss.run.entity_ingest import read_activity
from amiss.run.spans import parse_every

LINE = (
    '{client} - {user} [17/May/2015:{time} +0200] "{request} HTTP/1.1" {status} {size} "-" "curl/8"'
)


def line(client="10.0.0.1", time="10:05:03", request="GET /", status=200, size=512, user="-"):
    return LINE.format(
        client=client, time=time, request=request, status=status, size=size, user=user
    )


@pytest.fixture
def log(tmp_path):
    lines = [
        line(),
        line("10.0.0.2", "10:05:09", "POST /login?a=1", 302, "-", "ann"),
        "not a request",
        line("10.0.0.1", "10:05:08", "GET /x.php", 404, 99),
        line("10.0.0.1", "10:05:10"),
        line("10.0.0.1", "10:05:04", "GET /x.php", 404, 99),
        line("10.0.0.2", "10:05:19", "GET /x.php", 404, 99),
    ]
    path = tmp_path / "access.log"
    path.write_text("\n".join(lines) + "\n")
    return path


def rows_of(table):
    names = zip(table.index.start.tolist(), table.index.entity.tolist(), strict=True)
    values = table.values.toarray()
    return {
        name: {c: v for c, v in zip(table.columns, row, strict=True) if v}
        for name, row in zip(names, values, strict=True)
    }


def test_an_access_log_is_counted_by_client_and_window(log):
    activity = amiss.read_activity(log, by="client", every="10s")
    table = EntityFeatures(min_rows=1).fit(activity).transform(activity)
    rows = rows_of(table)
    start = 1_431_849_900_000  # 10:05:00 at +02:00
    clients = ["10.0.0.1", "10.0.0.2"]
    assert list(rows) == [(at, client) for at in (start, start + 10_000) for client in clients]
    row = rows[start, "10.0.0.1"]
    wanted = {
        "lines": 3, "method__GET": 3, "status__404": 2, "status_class__4xx__share": 2 / 3,
        "bytes__sum": 710, "bytes__max": 512, "bytes__mean": 710 / 3, "path__distinct": 2,
        "extension__php": 2, "query__no": 3, "agent_product__curl": 3, "user__missing": 3,
        "referrer__missing": 3,
    }  # fmt: skip
    assert {name: row.get(name) for name in wanted} == pytest.approx(wanted)
    other = rows[start, "10.0.0.2"]
    assert (other["user__unseen"], other["query__unseen"], other["bytes__missing"]) == (1, 1, 1)
    assert table.index.line[table.index.offsets[0] : table.index.offsets[1]].tolist() == [1, 4, 6]


def test_the_log_is_described(log):
    info = read_activity(log, by="Client", every=10).log
    assert info.sources == info.paths == (str(log),)
    assert (info.format, info.unit, info.grouping) == ("combined", "entity", "client every 10 s")
    assert (info.lines, info.ungrouped) == (7, 1)
    assert info.notes == (
        "lines without a time (not counted): 1",
        "lines not in the combined access log format (kept): 1",
    )


def test_lines_without_the_entity_are_counted_not_grouped(log):
    activity = read_activity(log, by="user", every="1h")
    assert activity.index.entity.tolist() == ["ann"]
    assert activity.log.ungrouped == 6
    assert "lines without user (not counted): 5" in activity.log.notes
    with pytest.raises(InputError, match="none of the 6 lines with a time has ident"):
        read_activity(log, by="ident")


def test_fields_can_be_chosen_and_read_again_alike(log):
    activity = read_activity(log, by="client", every="1m", fields=["Status", "bytes", "template"])
    assert activity.fields == ("status", "bytes", "template")
    assert list(activity.numbers) == ["bytes"]
    space = EntityFeatures(min_rows=1).fit(activity)
    assert space.reading == {
        "by": "client",
        "every": 60,
        "format": "combined",
        "fields": ("status", "bytes", "template"),
    }
    again = read_activity(log, **space.reading)
    assert (space.transform(again).values != space.transform(activity).values).nnz == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"by": "host"},
            "no header field 'host' in the combined access log format; its fields: vhost, c",
        ),
        ({"by": "client", "fields": ["size"]}, "no header field 'size'"),
        ({"by": "client", "fields": []}, "no fields to count"),
        ({"by": "client", "every": "5 parsecs"}, "every '5 parsecs': no length.*10s, 5m, 1h or 1d"),
        ({"by": "client", "format": "klingon"}, "unknown log format 'klingon'"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(map(str, value.values())),
)
def test_a_request_that_makes_no_sense_is_a_usage_error(log, options, words):
    with pytest.raises(UsageError, match=words):
        read_activity(log, **options)


@pytest.mark.parametrize(
    ("every", "millis"),
    [("10s", 10_000), (" 1.5 H ", 5_400_000), ("250ms", 250), ("2min", 120_000), (7, 7000)],
)
def test_lengths_of_windows(every, millis):
    assert parse_every(every) == millis


@pytest.mark.parametrize("every", ["", "0", "0s", "-5m", "s", "5x", "1e3", "nan", 1e12, 0, "2000d"])
def test_what_is_no_length_of_a_window(every):
    with pytest.raises(UsageError, match="no length of time"):
        parse_every(every)


def test_a_log_without_times_says_what_to_do(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("hello\n")
    with pytest.raises(UsageError, match=r"no header field 'client' in the plain lines format"):
        read_activity(path, by="client")
    path.write_text("a.csv\nEventId,Content,Node\n")
    path.write_text("EventId,Content,Node\nE1,hello,n1\nE2,there,n1\n")
    with pytest.raises(InputError, match=r"none of 2 lines carries a time.*--session-field"):
        read_activity(path, by="Node")
    path.write_text("session,events\na,E1 E2\n")
    with pytest.raises(UsageError, match="its events carry no times"):
        read_activity(path, by="session", format="sessions")


def test_neither_blocks_nor_order_of_lines_nor_files_change_the_matrix(tmp_path, monkeypatch):
    draw = random.Random(0)
    lines = [
        line(
            f"10.0.0.{draw.randrange(9)}",
            f"10:{draw.randrange(60):02}:{draw.randrange(60):02}",
            f"GET /{draw.randrange(30)}.html",
            draw.choice([200, 200, 404]),
            draw.randrange(5000),
        )
        for _ in range(2000)
    ]
    whole = tmp_path / "a.log"
    whole.write_text("\n".join(lines) + "\n")
    draw.shuffle(lines)
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "1.log").write_text("\n".join(lines[:700]) + "\n")
    (tmp_path / "cut" / "2.log.gz").write_bytes(gzip.compress("\n".join(lines[700:]).encode()))
    a = read_activity(whole, by="client", every="5m")
    monkeypatch.setattr(sources, "BLOCK", 5000)
    b = read_activity(tmp_path / "cut", by="client", every="5m")
    ta, tb = EntityFeatures().fit_transform(a), EntityFeatures().fit_transform(b)
    assert ta.columns == tb.columns
    assert np.array_equal(ta.values.toarray(), tb.values.toarray())
    assert set(b.index.file.tolist()) == {0, 1}
    at = range(b.index.offsets[3], b.index.offsets[4])
    files = [(tmp_path / "cut" / "1.log").read_text().splitlines(), lines[700:]]
    texts = [files[b.index.file[i]][b.index.line[i] - 1] for i in at]
    assert all(text.startswith(b.index.entity[3]) for text in texts)


def test_hdfs_is_counted_by_component_with_templates(simulation):
    activity = read_activity(simulation.log, by="component", every="1h")
    space = EntityFeatures()
    table = space.fit_transform(activity)
    assert activity.log.lines == simulation.lines == table.values[:, [0]].sum()
    texts = [space.describe(c) for c in table.columns if c.startswith("template__")]
    assert any("<*>" in text for text in texts)


def test_a_structured_log_is_counted_as_the_raw_one(simulation, tmp_path):
    amiss.parse_log(simulation.log, tmp_path / "log.csv")
    raw = read_activity(simulation.log, by="component", every="1h", fields=["level", "template"])
    parsed = read_activity(
        tmp_path / "log.csv", by="Component", every="1h", fields=["Level", "template"]
    )
    assert np.array_equal(raw.index.entity, parsed.index.entity)
    assert np.array_equal(raw.index.start, parsed.index.start)
    assert np.array_equal(raw.counts["level"].lines, parsed.counts["Level"].lines)
    assert parsed.log.format == "structured"
    space = EntityFeatures().fit(parsed)
    again = read_activity(tmp_path / "log.csv", **space.reading)
    assert space.transform(again).columns == space.columns


def test_the_real_scans_are_counted_though_out_of_order(data_dir):
    normal = read_activity(data_dir / "weblog" / "access_normal.log.gz", by="client", every="10s")
    scan = read_activity(data_dir / "weblog" / "scan_acunetix.log.gz", by="client", every="10s")
    assert (len(normal), len(normal.index.line)) == (6237, 10_000)
    assert (len(scan), len(scan.index.line)) == (136, 6539)
    mixed = amiss.Activity.concat([normal, scan])
    assert len(mixed) == 6237 + 136
    table = EntityFeatures().fit_transform(mixed)
    unseen = table.values[:, [table.columns.index("path__unseen")]].toarray()[:, 0]
    is_scan = mixed.index.entity == "192.168.4.25"
    assert (unseen[is_scan] > 0).mean() > 0.5 > (unseen[~is_scan] > 0).mean()
    assert table.values.indices.dtype == table.take(is_scan).values.indices.dtype == np.int32
    assert table.sources == normal.log.sources + scan.log.sources
    assert set(table.index.take(np.flatnonzero(is_scan)).file.tolist()) == {1}
