"""Access logs: every request is read, however hostile, with its time in UTC."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import amiss
from amiss.errors import UsageError
from amiss.read.formats import FORMATS, get_format
from amiss.read.records import RecordReader
from amiss.types import NO_TIME

LINE = (
    "203.0.113.7 - {user} [17/May/2015:10:05:03 +0000] "
    '"{request}" {status} {size} "{ref}" "{agent}"'
)
FIELDS = [
    *("client", "user", "method", "path", "protocol", "status", "bytes", "referrer", "agent"),
    *("status_class", "extension", "query", "referrer_host", "agent_product"),
]


def line(
    request="GET / HTTP/1.1", user="-", status=200, size=12, ref="-", agent="curl/8.1", **rest
):
    values = {"request": request, "user": user, "status": status, "size": size, "ref": ref}
    return LINE.format(agent=agent, **values, **rest)


def read(tmp_path, lines, fields=FIELDS, **options):
    path = tmp_path / "access.log"
    path.write_text("\n".join(lines) + "\n")
    reader = RecordReader(path, fields=fields, **options)
    (batch,) = reader
    rows = [dict(zip(fields, row, strict=True)) for row in zip(*batch.fields.values(), strict=True)]
    return batch, rows, reader


def test_a_combined_line_has_all_its_fields(tmp_path):
    request = "POST /shop/cart.php?id=7&x=1 HTTP/1.1"
    batch, (row,), reader = read(
        tmp_path,
        [line(request, "ann", 404, 1234, "https://shop.example/start?a=b", "Mozilla/5.0 (X11)")],
    )
    assert reader.format.name == "combined"
    assert reader.report.counts == {}
    assert row == {
        "client": "203.0.113.7",
        "user": "ann",
        "method": "POST",
        "path": "/shop/cart.php?id=7&x=1",
        "protocol": "HTTP/1.1",
        "status": "404",
        "bytes": "1234",
        "referrer": "https://shop.example/start?a=b",
        "agent": "Mozilla/5.0 (X11)",
        "status_class": "4xx",
        "extension": "php",
        "query": "yes",
        "referrer_host": "shop.example",
        "agent_product": "Mozilla",
    }
    assert batch.time.tolist() == [
        int(datetime(2015, 5, 17, 10, 5, 3, tzinfo=UTC).timestamp()) * 1000
    ]
    assert batch.kinds["message"].to_list() == ["POST /shop/cart.php?id=0&x=0 HTTP/0.0"]


def test_a_dash_is_no_value(tmp_path):
    _, (row,), _ = read(tmp_path, [line("-", status=408, size="-", agent="-")])
    absent = {"user", "method", "path", "protocol", "bytes", "referrer", "agent", "extension"}
    absent |= {"query", "referrer_host", "agent_product"}
    assert {name for name, value in row.items() if value is None} == absent
    assert row["status_class"] == "4xx"


@pytest.mark.parametrize(
    ("request_line", "method", "path", "protocol"),
    [
        ("GET /a b/c.png HTTP/1.0", "GET", "/a b/c.png", "HTTP/1.0"),
        (r"GET /\"><script> HTTP/1.1", "GET", r"/\"><script>", "HTTP/1.1"),
        (r"GET /\\ HTTP/1.1", "GET", r"/\\", "HTTP/1.1"),
        ("GET /old", "GET", "/old", None),
        ("GET / HTTP/1.1 HTTP/1.1", "GET", "/ HTTP/1.1", "HTTP/1.1"),
        ("CONNECT mail.example:25 HTTP/1.1", "CONNECT", "mail.example:25", "HTTP/1.1"),
        ("VERSION-CONTROL /x HTTP/1.1", "VERSION-CONTROL", "/x", "HTTP/1.1"),
        (r"\x16\x03\x01\x02", None, None, None),
        (r"\x16\x03 / HTTP/1.1", None, None, None),
        ("", None, None, None),
        ("-", None, None, None),
        ("quit", None, None, None),
        ("GET ", None, None, None),
    ],
)
def test_hostile_requests_are_read_as_far_as_they_are_requests(
    tmp_path, request_line, method, path, protocol
):
    _, (row,), reader = read(tmp_path, [line(request_line, status=400)])
    assert reader.format.name == "combined"
    assert (row["method"], row["path"], row["protocol"]) == (method, path, protocol)
    assert (row["status"], row["agent"], row["client"]) == ("400", "curl/8.1", "203.0.113.7")


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        (line(user="a b [c [1] d"), {"user": "a b [c [1] d", "status": "200"}),
        (line('GET /a"b HTTP/1.1', status=500), {"path": '/a"b', "status": "500"}),
        (line()[:-8], {"agent": "c", "referrer": None, "status": "200"}),
        (
            line(ref="http://x/").split("http")[0] + "http://",
            {"referrer": "http://", "agent": None},
        ),
        (line().split(" 200")[0], {"status": None, "client": "203.0.113.7"}),
        (line("GET /long").split("ng")[0], {"path": "/lo", "status": None}),
    ],
    ids=["user", "quote", "agent cut", "referrer cut", "no result", "request cut"],
)
def test_who_sends_odd_lines_is_not_lost_for_it(tmp_path, bad, expected):
    batch, rows, reader = read(tmp_path, [line(), bad, line(user="z")])
    assert reader.format.name == "combined"
    assert reader.report.counts == {}
    assert {name: rows[1][name] for name in expected} == expected
    assert [row["user"] for row in rows[::2]] == [None, "z"]
    assert len(set(batch.time.tolist())) == 1


def test_what_is_no_request_at_all_is_kept_and_counted(tmp_path):
    batch, rows, reader = read(tmp_path, [line(), "AH00094: Command line", line()])
    assert reader.report.counts == {"lines not in the combined access log format (kept)": 1}
    assert set(rows[1].values()) == {None}
    assert batch.time[1] == NO_TIME
    assert batch.kinds["message"].gather(batch.kind).to_list()[1] == "AH0: Command line"


def test_common_logs_have_no_agent(tmp_path):
    bare = line().split(' "-"')[0]
    _, (row, _), reader = read(tmp_path, [bare, bare + " 17"], ["client", "path", "status"])
    assert reader.format.name == "common"
    assert row == {"client": "203.0.113.7", "path": "/", "status": "200"}
    with pytest.raises(UsageError, match=r"no header field 'agent' in the common .* path, proto"):
        read(tmp_path, [bare], ["agent"])


def test_fields_after_the_agent_do_not_matter(tmp_path):
    _, (row,), reader = read(tmp_path, [line() + ' "10.0.0.1" 0.003'])
    assert reader.format.name == "combined"
    assert row["agent"] == "curl/8.1"


@pytest.mark.parametrize(
    ("zone", "hour", "day"),
    [("+0000", 10, 17), ("+0300", 7, 17), ("-0530", 15, 17), ("-1400", 0, 18)],
)
def test_time_zones_are_honoured(tmp_path, zone, hour, day):
    batch, _, _ = read(tmp_path, [line().replace("+0000", zone)], [])
    minute = 35 if zone == "-0530" else 5
    moment = datetime(2015, 5, day, hour, minute, 3, tzinfo=UTC)
    assert batch.time.tolist() == [int(moment.timestamp()) * 1000]


def test_a_time_that_is_none_is_no_time(tmp_path):
    batch, rows, _ = read(tmp_path, [line(), line().replace("17/May", "37/May")])
    assert batch.time[0] != NO_TIME
    assert batch.time[1] == NO_TIME
    assert rows[1]["client"] == "203.0.113.7"


@settings(max_examples=200)
@given(
    request=st.text(st.sampled_from('/ab?%12 \\".-'), max_size=12),
    user=st.text(st.sampled_from("ab [1]-"), min_size=1, max_size=6).filter(str.strip),
    agent=st.text(st.sampled_from('Mw3/ .;()"\\'), max_size=8),
)
def test_whatever_apache_escapes_is_read_as_it_was_written(tmp_path_factory, request, user, agent):
    escaped = [text.replace("\\", "\\\\").replace('"', '\\"') for text in (request, agent)]
    folder = tmp_path_factory.getbasetemp()
    text = line(f"GET /{escaped[0]} HTTP/1.1", user.strip(), 404, 3, "-", escaped[1])
    # A neighbour of another kind, so that fields are told apart line by line.
    batch, rows, reader = read(folder, [text, line()])
    assert reader.report.counts == {}
    wanted = [f"/{escaped[0]}", user.strip(), escaped[1], "404"]
    assert [rows[0][n] for n in ("path", "user", "agent", "status")] == [
        None if cell == "-" else cell for cell in wanted
    ]
    assert batch.time[0] == batch.time[1]


def test_fields_are_the_same_from_kinds_and_from_lines(tmp_path):
    lines = [line(f"GET /{i % 3} HTTP/1.1", agent="curl") for i in range(50)]
    _, alone, _ = read(tmp_path, lines, ["agent"])
    _, among, _ = read(tmp_path, lines, FIELDS)
    assert [row["agent"] for row in alone] == [row["agent"] for row in among] == ["curl"] * 50
    assert [row["path"] for row in among] == [f"/{i % 3}" for i in range(50)]


@pytest.mark.parametrize("known", FORMATS, ids=lambda f: f.name)
def test_formats_name_fields_they_have(known):
    assert {*known.counted, *known.numeric} <= set(known.all_fields)
    made = [*known.fields, "message"]
    for field in known.derived:
        assert field.source in made
        made.append(field.name)
    assert len(set(made)) == len(made)


def test_sessions_of_access_logs_go_by_client(tmp_path):
    lines = [line().replace("113.7", f"113.{i % 3}") for i in range(9)]
    (tmp_path / "access.log").write_text("\n".join(lines))
    sessions = amiss.read_sessions(tmp_path / "access.log", session_field="client")
    assert sorted(sessions.ids) == ["203.0.113.0", "203.0.113.1", "203.0.113.2"]
    assert np.diff(sessions.offsets).tolist() == [3, 3, 3]
    assert [text[:6] for text in sessions.shapes["text"]] == ["GET / "]
    assert sessions.log.format == "combined"


@pytest.mark.parametrize(
    ("name", "lines", "without_request"),
    [("access_normal", 10_000, 0), ("scan_acunetix", 6539, 0), ("scan_w3af", 3914, 0)],
)
def test_the_real_access_logs_are_read_whole(data_dir, name, lines, without_request):
    reader = RecordReader(data_dir / "weblog" / f"{name}.log.gz", fields=["client", "path"])
    batches = list(reader)
    assert reader.format is get_format("combined")
    assert reader.report.counts == {}
    assert sum(len(batch) for batch in batches) == lines
    assert sum(batch.fields["client"].null_count() for batch in batches) == 0
    assert sum(batch.fields["path"].null_count() for batch in batches) == without_request
    assert all((batch.time != NO_TIME).all() for batch in batches)


@pytest.mark.parametrize("user", ["-", "a b"])  # the second is of no strict combined line
@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8::1"])
def test_the_host_before_a_client_is_not_the_client(tmp_path, client, user):
    plain = line(user=user).replace("203.0.113.7", client)
    fields = ["vhost", "client", "user"]
    _, rows, _ = read(tmp_path, [f"www.example.com:443 {plain}", plain], fields, format="combined")
    assert [row["vhost"] for row in rows] == ["www.example.com:443", None]
    assert [row["client"] for row in rows] == [client, client]
