"""What a reader of a plot of series sees: gaps as gaps, names as they are, the line where it is."""

import io

import numpy as np
import pytest

from amiss.errors import UsageError
from amiss.present.plots import (
    plot_contributions,
    plot_interval,
    plot_precision_recall,
    plot_projection,
    plot_score_over_time,
    plot_stage_confusion,
)
from amiss.types import NO_TIME, Feature, Finding, Judgement, Table, Timeline

START = 1_581_168_647_000


def _render(axes):
    """Write the figure as a user would: warnings are errors here."""
    figure = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()[0].figure
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=50)
    assert file.getvalue().startswith(b"\x89PNG")


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _series(n=40, gap=25, times=True):
    time = START + 1000 * (np.arange(n) + 300 * (np.arange(n) >= gap))
    timeline = Timeline(
        time if times else np.full(n, NO_TIME), (np.arange(n) >= gap).astype(np.int64)
    )
    return Table(np.ones((n, 3)), ("$x^$", "flow", "_heat"), timeline=timeline)


def _judged(series, odd=(10, 11, 12)):
    score = np.full(series.values.shape, 0.1)
    score[list(odd), 1] = 5.0
    score[list(odd), 0] = 2.0
    top = score.max(axis=1)
    return Judgement(top, 1.0, top > 1, score, 1.0, score > 1, series.values, series.values + score)


def test_inliers_and_outliers_stand_apart():
    points = np.random.default_rng(0).normal(size=(50, 3))
    ax = plot_projection(points, np.arange(50) >= 45)
    _render(ax)
    assert _legend(ax) == ["inlier (45)", "outlier (5)"]
    assert ax.collections[1].get_offsets().tolist() == points[45:, :2].tolist()
    one = plot_projection(points[:, :1], np.zeros(50, dtype=bool), names=("normal", "odd"))
    _render(one)
    assert (one.get_xlabel(), _legend(one)) == ("row", ["normal (50)"])


def test_a_gap_breaks_the_line_and_times_are_said():
    series = _series()
    scores = np.linspace(0.0, 3.9, 40)
    ax = plot_score_over_time(scores, series, 3.55, [0] * 10 + [1] * 5 + [-1] * 25)
    _render(ax)
    lines = [line for line in ax.get_lines() if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in lines] == [25, 15]
    assert _legend(ax) == ["labelled anomaly", "score", "flagged (4)", "threshold 3.55"]
    assert ax.get_xlabel() == "time (UTC)"
    (shade,) = ax.patches
    assert shade.get_width() == pytest.approx(5 / 86400)
    plain = plot_score_over_time(scores, _series(times=False), 0.9)
    _render(plain)
    assert plain.get_xlabel() == "row"
    alone = plot_score_over_time([1.0], None)
    _render(alone)
    assert _legend(alone) == ["score"]


def test_scores_of_several_decades_stand_on_a_logarithmic_scale():
    ax = plot_score_over_time([0.01, 1.0, 90.0], threshold=2.0)
    assert ax.get_yscale() == "log"


def test_stages_are_held_against_each_other_not_against_a_truth():
    ax = plot_stage_confusion([0, 0, 1, 1], [0, 1, 1, 1])
    _render(ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("second stage", "first stage")
    assert [text.get_text().split("\n")[0] for text in ax.texts] == ["1", "1", "0", "2"]


def test_precision_and_recall_cross_at_the_threshold():
    curve = (np.arange(1, 6.0), np.linspace(0.2, 1, 5), np.linspace(1, 0.2, 5))
    ax = plot_precision_recall(curve, 3.0)
    _render(ax)
    assert _legend(ax) == ["precision", "recall", "threshold 3"]
    assert set(ax.get_lines()[2].get_xdata()) == {3.0}
    with pytest.raises(UsageError, match="expected as many"):
        plot_precision_recall(([1.0, 2.0], [1.0], [1.0]))


def test_channels_stand_with_what_they_add():
    features = (Feature("$x^$", 1.0, 2.0, 7.0), Feature("_heat", 3.0, 3.0, 0.5))
    ax = plot_contributions(features)
    _render(ax)
    assert [bar.get_width() for bar in ax.patches] == [7.0, 0.5]
    assert [label.get_text() for label in ax.get_yticklabels()] == [r"\$x^\$", " _heat"]
    assert ax.get_xlabel() == "deviation"
    found = Finding("interval", "1", 1.0, 0.1, NO_TIME, NO_TIME, (), features=features)
    assert plot_contributions(found).get_xlabel() == "deviation, mean over the interval"
    parts = [Feature("flow", 1.0, None, 3.0)]
    assert plot_contributions(parts).get_xlabel() == "adds to the score"
    with pytest.raises(UsageError, match="no features"):
        plot_contributions([])


def test_an_interval_is_shown_with_the_channels_that_deviate_most():
    series = _series()
    axes = plot_interval(series, _judged(series), 10, 12, top_n=2, around=20)
    _render(axes)
    titles = [ax.get_title(loc="left") for ax in axes]
    assert titles == ["flow · mean score 5", r"\$x^\$ · mean score 2"]
    assert _legend(axes[0]) == ["flagged interval", "value", "expected"]
    # 20 rows around it, and the gap among them.
    assert [len(line.get_xdata()) for line in axes[0].get_lines()] == [25, 8, 25, 8]
    with pytest.raises(UsageError, match="positions from 0 to 39"):
        plot_interval(series, _judged(series), 30, 40)
    with pytest.raises(UsageError, match="expected all of them"):
        plot_interval(series.take(np.arange(5)), _judged(series), 1, 2)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot_projection(np.zeros((3, 2)), [True]),
        lambda: plot_score_over_time([1.0, 2.0], _series()),
        lambda: plot_score_over_time([1.0, 2.0], anomalous=[1]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(draw):
    with pytest.raises(UsageError, match="one a row"):
        draw()
