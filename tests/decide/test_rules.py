import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.decide import (
    RULES,
    best_f1_threshold,
    decide,
    equal_precision_recall_threshold,
    precision_recall_curve,
    probability_threshold,
    quantile_threshold,
    score_of_rule,
    tail_threshold,
    top_k_threshold,
)
from amiss.errors import InputError, UsageError


@pytest.mark.parametrize("rule", ["quantile", "tail"])
@pytest.mark.parametrize("rate", [0.001, 0.005, 0.02])
def test_realised_rate_on_new_normal_items_stays_near_or_below_the_rate(rule, rate):
    generator = np.random.default_rng(3)
    realised = []
    for _ in range(40):
        threshold = RULES[rule](generator.exponential(size=2000), rate)
        realised.append((generator.exponential(size=20_000) > threshold.value).mean())
    assert np.mean(realised) <= rate * 1.15


@given(
    scores=st.lists(st.integers(0, 5), min_size=1, max_size=300),
    rate=st.floats(1e-4, 0.5),
)
def test_quantile_never_flags_more_calibration_items_than_the_rate_allows(scores, rate):
    threshold = quantile_threshold(np.array(scores, dtype=float), rate)
    flagged = sum(score > threshold.value for score in scores)
    assert flagged <= rate * (len(scores) + 1)


def test_ties_resolve_downward():
    scores = np.array([0.0] * 90 + [1.0] * 10)
    threshold = quantile_threshold(scores, 0.05)
    # Five of the ten ones would be allowed; all or none can be flagged.
    assert threshold.value == 1.0
    assert threshold.realised == 0.0


@pytest.mark.parametrize("rule", ["quantile", "tail"])
def test_too_few_items_cut_at_the_maximum_and_say_so(rule):
    scores = np.arange(100.0)
    threshold = RULES[rule](scores, 0.0005)
    assert threshold.value == 99.0
    assert "100 calibration items cannot resolve" in threshold.note
    assert "1,999 would" in threshold.note


def test_one_odd_item_does_not_move_the_tail_far():
    generator = np.random.default_rng(0)
    scores = generator.exponential(size=3900)
    clean = tail_threshold(scores, 0.0005).value
    odd = tail_threshold(np.append(scores, 40.0), 0.0005).value
    assert quantile_threshold(np.append(scores, 40.0), 0.0005).value == 40.0
    assert odd < 2 * clean


def test_constant_scores_flag_nothing_that_is_equal():
    assert tail_threshold(np.zeros(5000), 0.0005).value == 0.0


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 2.0, math.nan])
def test_a_rate_that_is_no_share_is_refused(rate):
    with pytest.raises(UsageError, match="expected a share between 0 and 1"):
        tail_threshold(np.arange(10.0), rate)


def test_no_calibration_scores_are_refused():
    with pytest.raises(InputError, match="expected those of at least one"):
        quantile_threshold(np.array([]), 0.1)


@pytest.mark.parametrize("rule", ["magic", "top-", "top-x", "p-much", "top", ""])
def test_unknown_rules_name_the_known_ones(rule):
    with pytest.raises(
        UsageError, match="expected one of: tail, quantile, f1, sigma-K, top-K, p-X"
    ):
        decide(np.arange(10.0), 0.1, rule)


def test_resolution_lifts_the_threshold():
    scores = np.arange(10_000.0)
    assert decide(scores, 0.01, resolution=2.5).value == decide(scores, 0.01).value + 2.5


def test_top_k_and_probability():
    assert top_k_threshold(9).value == 8  # rank 9, counted from 0, is outside the top nine
    assert probability_threshold(0.01).value == pytest.approx(-math.log(0.01))
    with pytest.raises(UsageError):
        top_k_threshold(0)
    with pytest.raises(UsageError):
        probability_threshold(1.0)


def test_of_cuts_as_good_as_the_best_the_one_in_the_widest_gap_is_taken():
    # One normal item at 8.9 would have the cut between two anomalies of one kind, 9.0 and 8.8.
    anomalies, normals = [9.0] * 15 + [8.8] * 1, [8.9, *[1.0] * 100]
    scores = np.array(anomalies + normals)
    truth = np.arange(len(scores)) < len(anomalies)
    assert best_f1_threshold(scores, truth).value == pytest.approx(4.9)


def test_the_best_f1_cuts_half_way_below_the_lowest_score_that_is_flagged():
    scores = np.array([0.0, 0.0, 2.0, 3.0, 9.0])
    truth = np.array([False, False, True, False, True])
    threshold = best_f1_threshold(scores, truth)
    assert threshold.value == 1.0
    assert threshold.realised == pytest.approx(1 / 3)
    assert best_f1_threshold(np.ones(3), np.array([True, False, True])).value < 1


@pytest.mark.parametrize("truth", [[True, True], [False, False]])
def test_the_best_f1_needs_both_kinds(truth):
    with pytest.raises(InputError, match="both kinds"):
        best_f1_threshold(np.array([1.0, 2.0]), np.array(truth))


def test_to_flag_all_is_no_gap():
    scores, truth = np.array([0.46, 0.39, 0.34, 0.19]), np.array([True, False, True, False])
    for scale in (1, 100):
        threshold = best_f1_threshold(scores * scale, truth).value
        assert threshold == pytest.approx((0.34 + 0.19) / 2 * scale)


class TestSigma:
    def test_cuts_so_many_standard_deviations_above_the_mean(self):
        scores = np.random.default_rng(0).normal(5, 2, 10_000)
        threshold = decide(scores, 0.01, "sigma-3")
        assert threshold.rule == "sigma-3"
        assert threshold.value == pytest.approx(scores.mean() + 3 * scores.std())
        assert threshold.rate is None
        assert threshold.realised == pytest.approx(0.00135, abs=0.001)

    def test_of_equal_scores_flags_none(self):
        assert decide(np.full(20, 0.1), 0.01, "sigma-3").realised == 0

    @pytest.mark.parametrize("rule", ["sigma--1", "sigma-nan", "sigma-inf"])
    def test_refuses_what_is_no_number_of_deviations(self, rule: str):
        with pytest.raises(UsageError, match="expected standard deviations"):
            decide(np.arange(9.0), 0.01, rule)

    def test_is_a_rule_of_any_score(self):
        assert score_of_rule("sigma-2.5") is None


class TestPrecisionEqualsRecall:
    def test_flags_as_many_as_are_anomalous(self):
        rng = np.random.default_rng(1)
        anomalous = rng.random(500) < 0.1
        scores = rng.normal(size=500) + anomalous
        value = equal_precision_recall_threshold(scores, anomalous).value
        flagged = scores > value
        assert flagged.sum() == anomalous.sum()
        hits = (flagged & anomalous).sum()
        assert hits / flagged.sum() == hits / anomalous.sum()

    def test_takes_the_nearest_cut_where_scores_tie(self):
        scores = np.array([0.0, 1.0, 1.0, 1.0, 2.0])
        anomalous = np.array([False, True, True, False, False])
        # One or four can be flagged; two are anomalous.
        assert equal_precision_recall_threshold(scores, anomalous).value == 1.5

    def test_needs_both_kinds(self):
        with pytest.raises(InputError, match="both kinds"):
            equal_precision_recall_threshold(np.arange(3.0), np.zeros(3, dtype=bool))

    @given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=40))
    def test_curve_agrees_with_counting(self, items: list[tuple[int, bool]]):
        scores = np.array([score for score, _ in items], dtype=float)
        anomalous = np.array([odd for _, odd in items])
        for cut, precision, recall in zip(*precision_recall_curve(scores, anomalous), strict=True):
            flagged = scores >= cut
            assert precision == anomalous[flagged].mean()
            assert recall == (anomalous[flagged].sum() / max(1, anomalous.sum()))
