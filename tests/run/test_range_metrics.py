"""Figures of ranges: what they reward, and what they do not."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from amiss.errors import InputError, UsageError
from amiss.run.range_metrics import _distances, _softened, volume_under_pr

TRUTH = np.repeat([False, True, False, True, False], [100, 40, 100, 20, 40])
NOISE = np.random.default_rng(0).normal(size=300)


def softened(anomalous, buffer):
    return _softened(_distances(anomalous, np.zeros(len(anomalous), dtype=bool)), buffer)


def by_the_book(scores, anomalous, buffer):
    """Return the area for one buffer, range by range and cut by cut."""
    weight = softened(anomalous, buffer)
    edges = np.flatnonzero(np.diff((weight > 0).astype(int), prepend=0, append=0))
    ranges = [slice(a, b) for a, b in edges.reshape(-1, 2)]
    area = before = 0.0
    for cut in np.unique(scores)[::-1]:
        flagged = scores >= cut
        hit = weight[flagged].sum()
        recall = min(hit / ((anomalous.sum() + weight.sum()) / 2), 1.0)
        recall *= np.mean([flagged[rows].any() for rows in ranges])
        area += (recall - before) * hit / flagged.sum()
        before = recall
    return area


def test_all_buffers_are_averaged():
    scores = np.round(NOISE + TRUTH, 1)
    expected = np.mean([by_the_book(scores, TRUTH, buffer) for buffer in range(13)])
    assert volume_under_pr(scores, TRUTH, 12) == pytest.approx(expected)


def test_rows_near_a_range_count_less_the_further_they_are():
    weight = softened(TRUTH, 10)
    np.testing.assert_allclose(weight[99:94:-1], np.sqrt(1 - np.arange(1, 6) / 10))
    assert weight[94] == 0
    np.testing.assert_array_equal(weight[100:140], 1)


def test_rows_between_two_ranges_count_by_the_nearer():
    near = np.array([True, False, False, False, True])
    np.testing.assert_allclose(softened(near, 8)[1:4], np.sqrt(1 - np.array([1, 2, 1]) / 8))


def test_ranges_and_their_buffers_end_with_a_run():
    run = np.repeat([0, 1], 150)
    near = np.zeros(300, dtype=bool)
    near[140:150] = True
    beyond = np.zeros(300)
    beyond[150:160] = 1
    assert volume_under_pr(beyond, near, 40) > 1.5 * volume_under_pr(beyond, near, 40, run=run)
    # A range on both sides of a gap is two, of which one is found.
    across = np.zeros(300, dtype=bool)
    across[140:160] = True
    one, half = volume_under_pr(near * 1.0, across, 0), near * 1.0
    assert volume_under_pr(half, across, 0, run=run) < one


def test_rows_without_a_label_keep_their_places():
    labelled = np.ones(300, dtype=bool)
    labelled[140:160] = False
    scores = NOISE + TRUTH
    found = volume_under_pr(scores, TRUTH, 30, labelled=labelled)
    other = np.where(labelled, scores, 99)  # what unlabelled rows score is of no account
    assert volume_under_pr(other, TRUTH, 30, labelled=labelled) == pytest.approx(found)
    # Left out beforehand, row 160 would be next to the range instead of 21 rows from it.
    late = np.zeros(300)
    late[160:165] = 1
    cut = volume_under_pr(late[labelled], TRUTH[labelled], 10)
    assert volume_under_pr(late, TRUTH, 10, labelled=labelled) < cut


def test_many_short_ranges_need_no_table_of_ranges_and_cuts():
    rng = np.random.default_rng(1)
    truth = rng.random(20_000) < 0.01
    assert 0 < volume_under_pr(rng.normal(size=20_000) + 2 * truth, truth, 2) < 1


def test_without_a_buffer_and_with_one_range_it_is_average_precision():
    one = np.repeat([False, True, False], [120, 60, 120])
    # The highest score in the range, so that there is always a flagged row in it.
    scores = NOISE + one
    scores[130] = 99
    found = volume_under_pr(scores, one, 0)
    assert found == pytest.approx(average_precision_score(one, scores))


def test_a_range_without_a_flagged_row_costs_recall():
    both, first = TRUTH.astype(float), TRUTH & (np.arange(300) < 200)
    assert volume_under_pr(both, TRUTH, 20) > 1.3 * volume_under_pr(first.astype(float), TRUTH, 20)


def test_flagging_a_little_late_costs_little_and_far_off_costs_much():
    late = np.roll(TRUTH, 5).astype(float)
    off = np.roll(TRUTH, 60).astype(float)
    exact = TRUTH.astype(float)
    found = [volume_under_pr(s, TRUTH, 30) for s in (exact, late, off)]
    assert found[0] > found[1] > 0.8 > 0.5 > found[2]


def test_one_lucky_row_does_not_flag_its_range():
    lucky = np.zeros(300)
    lucky[110] = 1
    # Points adjusted, this would be a recall of two thirds at a precision of 1.
    assert volume_under_pr(lucky, TRUTH, 20) < 0.4


def test_only_the_order_of_scores_counts():
    scores = NOISE + TRUTH
    found = volume_under_pr(scores, TRUTH, 15)
    assert volume_under_pr(np.exp(3 * scores), TRUTH, 15) == pytest.approx(found)


def test_scores_that_tie_are_cut_together():
    assert volume_under_pr(np.ones(300), TRUTH, 0) == pytest.approx(TRUTH.mean())


@pytest.mark.parametrize(
    ("scores", "truth", "error"),
    [
        (NOISE, np.zeros(300, dtype=bool), InputError),
        (NOISE[:5], TRUTH, InputError),
    ],
)
def test_what_cannot_be_judged_is_refused(scores, truth, error):
    with pytest.raises(error, match=r"anomalous|expected one a row"):
        volume_under_pr(scores, truth)


def test_a_negative_buffer_is_refused():
    with pytest.raises(UsageError, match="max_buffer=-1"):
        volume_under_pr(NOISE, TRUTH, -1)
