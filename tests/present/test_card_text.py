"""The model card as people read it."""

import numpy as np
import pytest

from amiss import Table, fit, model_card, mute
from amiss.detect import VAE, EventCounts
from amiss.present.card import describe_card, threshold_meaning
from amiss.present.feedback import describe_entry, feedback_to_dicts
from amiss.types import Feedback


def test_it_says_what_matters(simulated_model, simulated_model_file):
    text = describe_card(model_card(simulated_model, simulated_model_file), 100)
    info = simulated_model.info
    for words in (
        "session-ensemble · model of a log",
        f"{info['sessions']:,} by {info['grouping']}",
        "left out as unlike the rest",
        f"fingerprint of the data {info['fingerprint']}",
        "calibration scores",
        "0.05 % was asked for",
        "figures    none: no evaluation was kept",
        "next event · next-event",
        "Embedding",
        "epochs · loss",
        "18 templates",
        "torch",
    ):
        assert words in text


@pytest.mark.parametrize("width", [60, 100, 160])
def test_it_keeps_to_the_width(simulated_model, simulated_model_file, width):
    mute(simulated_model, "0", why="known " * 60)
    card = model_card(simulated_model, simulated_model_file)
    card["file"]["path"] = "m.amiss"
    assert max(map(len, describe_card(card, width).splitlines())) <= width


def test_a_table_has_columns_and_no_templates():
    table = Table(np.random.default_rng(0).normal(size=(300, 3)), ("volts", "b\x1b[31m", "c"))
    detector = VAE(hidden=(4,), epochs=2, n_networks=1, folds=2, random_state=0)
    text = describe_card(model_card(fit(table, detector=detector)), 100)
    assert "3 columns: volts, b\\x1b[31m, c" in text
    assert "templates" not in text
    assert "\x1b" not in text


def test_a_bare_detector_says_that_it_knows_no_data():
    text = describe_card(model_card(EventCounts().fit([["open"]] * 30)), 100)
    assert "a bare detector does not know" in text


def test_what_came_from_a_log_or_a_user_is_harmless(simulated_model):
    hostile = "\x1b]0;x\x07\u202e<script>" + "x" * 5000
    simulated_model.miner.name(0, hostile)
    simulated_model.info["sources"] = [hostile]
    simulated_model.info["why"] = hostile
    mute(simulated_model, "0", why=hostile, who=hostile)
    text = describe_card(model_card(simulated_model), 100)
    assert not {"\x1b", "\x07", "\u202e"} & set(text)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("tail", "exponential tail"),
        ("quantile", "probability of at most 0.05 %"),
        ("maximum", "too few to tell"),
        ("sigma-2.5", "plus 2.5 standard deviations"),
        ("top-9", "not among the 9 likeliest"),
        ("probability 0.001", "less likely than 0.001"),
        ("f1", "best F1 on labelled sessions"),
        ("own", "the detector's own cut"),
    ],
)
def test_each_rule_has_words(rule, words):
    assert words in threshold_meaning({"rule": rule, "rate": 0.0005}, "session", 400)


def test_feedback_says_until_when_and_that_it_was_taken_back():
    day = 86_400_000
    over = Feedback("disk <*>", "template", "mute", "me", when=0, until=day)
    undone = Feedback("3fdf315b", "incident", "mute", "me", 0, "", 9 * day, undone=day,
                      undone_by="you")  # fmt: skip
    entries = feedback_to_dicts([over, undone], now=2 * day)
    assert describe_entry(entries[0]).endswith("until 1970-01-02, over")
    assert describe_entry(entries[1]).endswith("until 1970-01-10 · undone by you, 1970-01-02")
