"""The JSON that others build on is what its published schema says."""

import json
from importlib import resources

import pytest
from jsonschema import Draft202012Validator

from amiss import Sessions, fit, read_sessions, scan
from amiss.present.summary import timestamp
from amiss.types import NO_TIME

SCHEMA = json.loads(
    resources.files("amiss.present").joinpath("findings.schema.json").read_text(encoding="utf-8")
)
VALIDATOR = Draft202012Validator(SCHEMA)


def as_printed(findings):
    return json.loads(json.dumps(findings.to_dict(), allow_nan=False))


def objects_of(schema):
    if isinstance(schema, dict):
        if schema.get("type") in ("object", ["object", "null"]):
            yield schema
        for value in schema.values():
            yield from objects_of(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects_of(value)


def test_the_schema_is_a_schema_and_ships_with_the_package():
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["title"] == "amiss.findings/1"


def test_the_schema_leaves_no_key_unsaid():
    for described in objects_of(SCHEMA):
        assert described["additionalProperties"] is False
        assert set(described["required"]) == set(described["properties"])


def test_findings_of_the_default_detector_fit_the_schema(simulated_model, simulated_sessions):
    content = as_printed(simulated_model.detect(simulated_sessions))
    assert content["findings"]
    VALIDATOR.validate(content)


def test_findings_of_a_scan_fit_the_schema(simulated_sessions):
    content = as_printed(scan(simulated_sessions, detector="event-counts"))
    assert content["findings"]
    VALIDATOR.validate(content)


@pytest.mark.parametrize("by", [{"gap": 60.0}, {"window": 50}, {"session_field": "pid"}])
def test_findings_of_every_grouping_fit_the_schema(simulation, by):
    findings = scan(read_sessions(simulation.log, **by), detector="event-counts")
    VALIDATOR.validate(as_printed(findings))


def test_findings_of_a_log_without_times_fit_the_schema(tmp_path):
    log = tmp_path / "plain.log"
    lines = [f"{event} id={i}" for i in range(40) for event in ("open", "close")]
    log.write_text("\n".join([*lines, "open id=x1", "crash id=x1", "close id=x1"]))
    findings = scan(read_sessions(log, session_key=r"id=\w+"), detector="event-counts")
    content = as_printed(findings)
    VALIDATOR.validate(content)
    (finding,) = content["findings"]
    assert (finding["start"], finding["end"]) == (None, None)
    assert finding["got"][0]["unseen"]


def test_findings_of_a_data_frame_fit_the_schema():
    rows = {"session": ["a", "a", "b", "b"] * 9, "event": ["open", "close"] * 18}
    findings = scan(Sessions.from_frame(rows), detector="event-counts")
    VALIDATOR.validate(as_printed(findings))


def test_the_schema_says_what_a_finding_is_not(simulated_sessions):
    content = as_printed(scan(simulated_sessions, detector="event-counts"))
    for spoil in (
        lambda c: c.update(schema="amiss.findings/2"),
        lambda c: c["findings"][0].pop("id"),
        lambda c: c["findings"][0].update(extra=1),
        lambda c: c["findings"][0].update(start="yesterday"),
        lambda c: c["findings"][0].update(p_value=1.5),
        lambda c: c["findings"][0]["locations"].clear(),
        lambda c: c["threshold"].update(value="high"),
    ):
        spoilt = json.loads(json.dumps(content))
        spoil(spoilt)
        assert not VALIDATOR.is_valid(spoilt)


def test_what_was_expected_is_listed_beside_what_came(simulated_model, simulated_sessions):
    content = simulated_model.detect(simulated_sessions).to_dict()
    for finding in content["findings"]:
        assert len(finding["expected"]) == len(finding["got"])


def test_the_members_scores_add_up_and_none_is_minus_zero(simulated_model, simulated_sessions):
    content = simulated_model.detect(simulated_sessions).to_dict()
    for finding in content["findings"]:
        parts = [part["score"] for part in finding["contributions"]]
        assert finding["score"] == pytest.approx(sum(parts))
        assert "-0.0" not in map(str, parts)


def test_every_line_that_a_finding_names_is_the_line_it_quotes(
    simulation, simulated_model, simulated_sessions
):
    lines = simulation.log.read_text().splitlines()
    content = simulated_model.detect(simulated_sessions).to_dict()
    for finding in content["findings"]:
        for got in finding["got"]:
            assert got["text"] == lines[got["first_line"] - 1]
            assert finding["id"] in got["text"]


def test_times_are_iso_8601_in_utc():
    assert timestamp(0) == "1970-01-01T00:00:00"
    assert timestamp(1_500) == "1970-01-01T00:00:01.500"
    assert timestamp(-1) == "1969-12-31T23:59:59.999"
    assert timestamp(NO_TIME) is None


def test_two_fits_of_one_log_with_one_seed_find_the_same(simulated_sessions):
    first = fit(simulated_sessions, detector="event-counts").detect(simulated_sessions)
    second = fit(simulated_sessions, detector="event-counts").detect(simulated_sessions)
    assert first.to_dict()["findings"] == second.to_dict()["findings"]
