"""From measures to verdicts, each with its reason."""

import pytest

from amiss.represent.key_rating import ENTITY, NEITHER, RUN, names_no_one, rate_key
from amiss.represent.keys import KeyMeasures

GOOD = KeyMeasures(
    coverage=0.9, values=300, reuse=5, recurring=1, recurring_values=300, templates=12,
    template_share=0.8, variety=4.5, life=0.01, life_at_random=0.66, freedom=0.95, bits=0.5,
    bits_raw=1.0, bits_at_random=3.0,
)  # fmt: skip
IDS = ("blk_-1608999687919862906", "blk_7503483334202473044")
NUMBERS = ("17", "18", "101")


def test_a_session_key():
    rating = rate_key(GOOD, name="block", examples=IDS)
    assert rating.kind == RUN
    assert "on 90 % of the lines, in 12 of 15 templates" in rating.reason
    assert "0.50 bits a line, 1.00 in the order of the log, 3.00 in random groups" in rating.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": 1}, "the same wherever it stands"),
        ({"freedom": 0.1}, "the template tells it"),
        ({"recurring": 0.0, "recurring_values": 0}, "each value comes once"),
        ({"variety": 1.0, "template_share": 0.5}, "all alike"),
        ({"templates": 3, "template_share": 0.1}, "only 3 of 30 templates hold it"),
        ({"coverage": 0.1}, "on 10 % of the lines only"),
        ({"life": 0.66}, "live as long as the log"),
        ({"variety": 1.001}, "too weak"),
    ],
)
def test_what_is_no_session_key_is_told_why(change, reason):
    rating = rate_key(GOOD._replace(**change), name="block", examples=IDS)
    assert rating.kind == NEITHER
    assert reason in rating.reason


def test_times_are_no_session_keys():
    stamps = ["2026-03-01 09:00:01", "Nov 9 12:01:01", "17/05/2026 10:05:03", "1131566461"]
    for stamp in stamps:
        assert rate_key(GOOD, name="seen", examples=[stamp]).reason == "a time"
    assert rate_key(GOOD, name="peer", examples=["aa:11:22:33:44:55"]).reason != "a time"


def test_a_small_number_counts_less_than_a_made_identifier():
    made, number = (rate_key(GOOD, name="", examples=values) for values in (IDS, NUMBERS))
    assert number.kind == RUN
    assert number.score < made.score


def test_a_request_with_a_colon_is_no_address():
    examples = ["9A5F1B2C:00000001", "9A5F1B2D:00000001"]
    assert rate_key(GOOD, name="RequestId", examples=examples).kind == RUN


def test_a_number_that_several_hosts_have_is_none():
    rating = rate_key(GOOD, name="pid", examples=NUMBERS, mixed=0.4)
    assert "on several hosts" in rating.reason
    assert rate_key(GOOD, name="block", examples=IDS, mixed=0.4).kind == RUN


@pytest.mark.parametrize(
    ("name", "examples"), [("node", ("R02-M1-N0", "R23")), ("", ("10.0.0.1", "10.0.0.2"))]
)
def test_who_logs_is_an_entity_that_goes_behind_good_session_keys(name, examples):
    rating = rate_key(GOOD, name=name, examples=examples)
    assert rating.kind == ENTITY
    assert 0 < rating.score < rate_key(GOOD, name="pid", examples=NUMBERS).score


def test_a_thin_sample_of_what_the_log_is_about():
    thin = GOOD._replace(
        coverage=1.0, template_share=1.0, reuse=1.003, recurring=0.01, recurring_values=6,
        variety=1.2,
    )  # fmt: skip
    rating = rate_key(thin, name="", examples=IDS)
    assert rating.kind == RUN
    assert "too thin" in rating.reason
    assert rate_key(thin, name="", examples=NUMBERS).kind == NEITHER


def test_names_of_fields():
    assert names_no_one("eventTime")
    assert names_no_one("response.status")
    assert not names_no_one("requestId")
    assert not names_no_one("runtime")
