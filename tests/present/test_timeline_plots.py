"""What a reader of a timeline sees: volume, scores where something ends, flags, the threshold."""

import io
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure

from amiss.errors import UsageError
from amiss.present.plots import plot_scores, plot_timeline
from amiss.types import NO_TIME, Threshold, TimeHistogram

START = 1_581_168_600_000


def findings(n=6, score=None, flagged=None, start=START):
    score = np.array([0.1, np.nan, 0.4, 7.0, np.nan, 0.2]) if score is None else np.array(score)
    flagged = np.array([0, 0, 0, 3, 0, 0]) if flagged is None else np.array(flagged)
    histogram = TimeHistogram(start, 60_000, np.arange(n) * 5, score, flagged)
    return SimpleNamespace(histogram=histogram, threshold=Threshold("tail", 1.0))


def _render(axes):
    """Write the figure as a user would: warnings are errors here."""
    axes[0].figure.savefig(io.BytesIO(), format="png", dpi=50)


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_volume_and_scores_stand_over_the_same_times():
    volume, scores = axes = plot_timeline(findings())
    _render(axes)
    assert volume.get_xlim() == scores.get_xlim()
    assert _legend(volume) == ["events in 1m"]
    assert _legend(scores) == ["highest score", "with what is flagged (3)", "threshold 1"]
    assert scores.get_xlabel() == "time (UTC)"
    quiet, flagged = scores.get_lines()[:2]
    assert quiet.get_ydata().tolist() == [0.1, 0.4, 0.2]
    assert flagged.get_ydata().tolist() == [7.0]
    middle = START + 3 * 60_000 + 30_000
    assert flagged.get_xdata().astype("int64").tolist() == [middle]
    assert flagged.get_marker() != quiet.get_marker()


def test_nothing_flagged_and_nothing_logged_is_drawn_too():
    quiet = findings(3, [np.nan, np.nan, np.nan], [0, 0, 0])
    quiet.histogram.events[:] = 0
    axes = plot_timeline(quiet)
    _render(axes)
    assert _legend(axes[1]) == ["highest score", "threshold 1"]


def test_one_bin_is_drawn():
    _render(plot_timeline(findings(1, [2.0], [1])))


def test_scores_of_many_decades_are_logarithmic():
    axes = plot_timeline(findings(3, [1e-3, 1.0, 1e4], [0, 0, 1]))
    _render(axes)
    assert axes[1].get_yscale() == "log"


@pytest.mark.parametrize("histogram", [None, findings(start=NO_TIME).histogram], ids=["none", "no"])
def test_without_times_it_says_what_to_do(histogram):
    said = SimpleNamespace(histogram=histogram, threshold=Threshold("tail", 1.0))
    with pytest.raises(UsageError, match="no times; plot_scores"):
        plot_timeline(said)


def test_axes_that_are_given_are_drawn_into():
    given = Figure().subplots(2)
    assert plot_timeline(findings(), axes=given).tolist() == given.tolist()
    with pytest.raises(UsageError, match="2 are needed"):
        plot_timeline(findings(), axes=given[0])


def test_findings_of_a_log_are_plotted_as_they_come(simulated_sessions, simulated_model):
    found = simulated_model.detect(simulated_sessions)
    _render(plot_timeline(found))
    ax = plot_scores(found)
    assert ax.get_xlabel() == "session"
    names = _legend(ax)
    assert names[:2] == [
        f"not flagged ({len(found.scores) - len(found):,})", f"flagged ({len(found):,})",
    ]  # fmt: skip
    assert names[2].startswith("threshold ")
