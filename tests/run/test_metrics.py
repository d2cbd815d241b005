import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import classification_report, f1_score

from amiss.run.metrics import areas, at_threshold, ceiling, curves, top_k_table


@given(data=st.data())
def test_figures_are_those_of_scikit_learn(data):
    n = data.draw(st.integers(1, 30))
    truth, flagged = (data.draw(hnp.arrays(np.bool_, n)) for _ in range(2))
    found = at_threshold(truth, flagged)
    wanted = classification_report(
        truth, flagged, labels=[False, True], output_dict=True, zero_division=0.0
    )
    for ours, theirs in ((found, wanted["True"]), (found["normal"], wanted["False"])):
        assert ours["precision"] == pytest.approx(theirs["precision"])
        assert ours["recall"] == pytest.approx(theirs["recall"])
        assert ours["f1"] == pytest.approx(theirs["f1-score"])
    assert sum(found["confusion"].values()) == n


@given(data=st.data())
def test_no_verdict_by_kind_passes_the_ceiling(data):
    n = data.draw(st.integers(1, 12))
    kind = data.draw(hnp.arrays(np.int64, n, elements=st.integers(0, 3)))
    truth = data.draw(hnp.arrays(np.bool_, n))
    verdicts = [np.array([bool(choice >> k & 1) for k in range(4)])[kind] for choice in range(16)]
    best = max(f1_score(truth, flagged, zero_division=0.0) for flagged in verdicts)
    assert ceiling(kind, truth) == pytest.approx(best)


def test_curves_are_points_to_draw():
    generator = np.random.default_rng(0)
    truth = generator.random(2000) < 0.1
    found = curves(truth, truth + generator.normal(size=2000))
    assert len(found["pr"]) <= 100
    assert found["roc"][0] == [0, 0]
    assert found["roc"][-1] == [1, 1]
    assert found["pr"][-1][0] == 1  # all recalled
    assert curves(np.zeros(3, dtype=bool), np.arange(3.0)) == {"pr": [], "roc": []}
    assert areas(np.ones(3, dtype=bool), np.arange(3.0)) == {"pr_auc": None, "roc_auc": None}


def test_an_event_outside_the_k_likeliest_is_flagged():
    ranks = np.array([0.0, 1.0, 5.0])
    truth = np.array([False, False, True])
    table = top_k_table(truth, ranks)
    assert [row["k"] for row in table] == list(range(1, 11))
    assert table[0]["precision"] == 0.5  # k = 1 flags rank 1 too
    assert table[4]["f1"] == 1  # k = 5 passes ranks 0 … 4
    assert table[5]["recall"] == 0
