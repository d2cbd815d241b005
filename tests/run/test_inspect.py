"""What a log is, as plain values."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amiss.errors import InputError
from amiss.run.inspect import SCHEMA, chosen_words, inspect_log

STEPS = ("accepted", "parsed", "stored", "done")
LINES = [
    f"Mar  1 09:{i // 60:02}:{i % 60:02} gate sshd[{2000 + i // 4}]: {STEPS[i % 4]} for user{i % 3}"
    for i in range(400)
]


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("".join(f"{line}\n" for line in LINES))
    return path


def test_everything_is_said_and_is_json(log):
    content = json.loads(json.dumps(inspect_log(log).to_dict(), allow_nan=False))
    assert content["schema"] == SCHEMA
    assert content["files"] == [str(log)]
    assert content["sample"]["lines"] == 400
    assert content["sample"]["whole"]
    assert content["format"]["name"] == "syslog"
    assert content["format"]["share"] == 1
    fields = {field["name"]: field for field in content["fields"]}
    assert fields["host"]["examples"] == ["gate"]
    assert fields["pid"]["distinct"] == 100
    assert content["time"]["zone"] == "none in the log; taken for UTC"
    assert content["choice"]["option"] == "session_field"
    assert content["choice"]["value"] == "pid"
    assert any("without a year" in note for note in content["notes"])


def test_templates_have_counts_rates_and_a_line_that_is_there(log):
    templates = inspect_log(log).content["templates"]
    assert sum(template["count"] for template in templates) == 400
    assert sum(template["share"] for template in templates) == pytest.approx(1, abs=1e-4)
    for template in templates:
        example = template["example"]
        assert LINES[example["line"] - 1] == example["text"]
        assert template["per_hour"] == pytest.approx(template["count"] / (399 / 3600), rel=1e-3)


def test_the_number_of_a_line_is_not_said_where_it_is_not_known(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("".join(f"{line} {'x' * 300}\n" for line in LINES * 3))
    for template in inspect_log(path, size=1 << 16).content["templates"]:
        number = template["example"]["line"]
        assert number is None or (LINES * 3)[number - 1] in template["example"]["text"]


def test_runners_up_are_named(tmp_path):
    path = tmp_path / "access.log"
    line = '10.0.0.{} - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"\n'
    path.write_text("".join(line.format(i % 5) for i in range(50)))
    found = inspect_log(path)
    assert found.content["format"]["name"] == "combined"
    assert "common" in [other["name"] for other in found.content["format"]["others"]]
    assert found.content["time"]["zone"].startswith("as written")
    assert chosen_words(found.choice) == ["--by", "client"]


def test_a_format_can_be_given(log):
    assert inspect_log(log, format="plain").content["format"]["name"] == "plain"
    own = r"^(?P<month>\S+) +(?P<day>\d+) (?P<time>\S+) (?P<machine>\S+) (?P<message>.*)$"
    content = inspect_log(log, format=own).content
    assert content["format"]["share"] == 1
    assert [field["name"] for field in content["fields"]] == ["machine"]


def test_packed_files_and_stdin_copies_are_the_same(log, tmp_path):
    packed = tmp_path / "app.log.gz"
    packed.write_bytes(gzip.compress(log.read_bytes()))
    plain, other = inspect_log(log).content, inspect_log([packed]).content
    assert plain["session_keys"] == other["session_keys"]


def test_tables_are_called_what_they_are(tmp_path):
    path = tmp_path / "sessions.csv"
    path.write_text("session_id,events\na,1 2 3\nb,1 3\n")
    found = inspect_log(path)
    assert found.choice is None
    assert found.content["format"]["name"] == "sessions"
    numbers = tmp_path / "pump.csv"
    numbers.write_text("flow,pressure\n1.5,20\n")
    assert inspect_log(numbers).content["format"]["title"] == "a table of numbers"


def test_an_empty_log_is_refused(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("\n\n")
    with pytest.raises(InputError, match="blank"):
        inspect_log(path)


@pytest.mark.parametrize(
    "data", [b"\x00\xff\xfe\n\x80abc\n", b"a,b\n", b"\x1f\x8b\x08rest", b"{]\n{}"]
)
def test_hostile_bytes_end_in_words(data, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(data)
    with suppress(InputError):
        assert inspect_log(path).to_dict()["files"] == [str(path)]


_PIECES = [
    b"\n",
    b"Mar  1 09:00:01 h a[7]: ",
    b"blk_-7 ",
    b'{"a": 1, "message": "x 5"}',
    b"k=v ",
    b"10.0.0.1",
]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=12)), max_size=40))
def test_any_bytes_are_looked_at_without_harm(parts, tmp_path):
    path = tmp_path / "app.log"
    path.write_bytes(b"".join(parts))
    with suppress(InputError):
        found = inspect_log(path)
        assert json.dumps(found.to_dict(), allow_nan=False)
        assert found.choice is None or found.choice.reason
