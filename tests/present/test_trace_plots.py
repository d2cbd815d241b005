"""What a reader of a plot of traces sees: each segment once, what is above, names as they are."""

import io

import numpy as np
import pytest
from matplotlib.figure import Figure

from amiss.errors import UsageError
from amiss.present.plots import plot_attention, plot_rates

HOSTILE = ["$x^$", r"$\frac{$", "_hidden", "red\x1b[31m", "two\nlines"]
TRACES = [
    ("faulty", [0.1, 0.7, 0.8, 0.2], [False, True, True, False]),
    ("clean 1", [0.1, 0.2], False),
    ("clean 2", [0.6, 0.2, 0.1], False),
]


def _render(axes):
    """Write the figure as a user would: warnings are errors here."""
    file = io.BytesIO()
    np.ravel(np.asarray(axes, dtype=object))[0].figure.savefig(file, format="png", dpi=50)
    assert file.getvalue().startswith(b"\x89PNG")


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _ticks(ax):
    return [label.get_text() for label in ax.get_xticklabels()]


def test_normal_traces_are_above_and_all_share_a_scale():
    above, below = plot_rates(TRACES, 0.5)
    _render(above)
    assert (_ticks(above), _ticks(below)) == (["clean 1", "clean 2"], ["faulty"])
    assert above.get_ylim() == below.get_ylim()
    assert above.get_title(loc="left") == "normal: 1 of 5 segments above"
    assert below.get_title(loc="left") == "abnormal: 2 of 4 segments above"
    assert above.get_ylabel() == "misclassification rate"


def test_each_segment_is_drawn_once_and_those_above_are_marked():
    above, below = plot_rates(TRACES, 0.5)
    lines = [line for line in above.get_lines() if line.get_marker() == "."]
    drawn = np.concatenate([line.get_xydata() for line in lines]).tolist()
    assert drawn == [[0, 0.1], [1, 0.2], [2, 0.6], [3, 0.2], [4, 0.1]]
    (marked,) = [line for line in below.get_lines() if line.get_marker() == "X"]
    assert marked.get_xydata().tolist() == [[1, 0.7], [2, 0.8]]
    assert _legend(above) == ["above the threshold", "abnormal segments", "threshold 0.5"]


def test_abnormal_segments_are_shaded_from_edge_to_edge():
    _, below = plot_rates(TRACES)
    (shade,) = below.patches
    assert (shade.get_x(), shade.get_width()) == (0.5, 2.0)


def test_traces_of_one_sort_have_one_panel_and_no_threshold_is_no_line():
    (panel,) = plot_rates(TRACES[1:], ylabel="score")
    _render(panel)
    assert panel.get_title(loc="left") == "normal"
    assert panel.get_ylabel() == "score"
    assert not [line for line in panel.get_lines() if line.get_linestyle() == "--"]


def test_a_rate_that_is_not_finite_leaves_a_gap():
    (panel,) = plot_rates([("a", [0.1, np.nan, 0.9], True)], 0.5)
    _render(panel)
    assert panel.get_title(loc="left") == "abnormal: 1 of 3 segments above"


def test_axes_of_the_user_are_drawn_into():
    axes = Figure().subplots(2, 1)
    assert plot_rates(TRACES, 0.5, axes=axes).tolist() == axes.tolist()
    with pytest.raises(UsageError, match="2 are needed"):
        plot_rates(TRACES, axes=axes[0])


def test_of_many_traces_some_are_named():
    (panel,) = plot_rates([(f"t{i}", [0.1], False) for i in range(50)])
    _render(panel)
    assert _ticks(panel)[:2] == ["t0", "t3"]


def test_names_are_shown_as_they_are():
    _render(plot_rates([(name, [0.1], False) for name in HOSTILE], 0.5))
    ax = plot_attention(np.eye(5), HOSTILE, HOSTILE, HOSTILE[::-1])
    _render(ax)
    assert _ticks(ax)[0] == r"\$x^\$"


def test_rates_say_what_does_not_fit():
    with pytest.raises(UsageError, match="no trace"):
        plot_rates([])
    with pytest.raises(UsageError, match=r"rates of a came in shape \(0,\)"):
        plot_rates([("a", [], False)])
    with pytest.raises(UsageError, match=r"is_abnormal of a came in shape \(1,\) for 2 rates"):
        plot_rates([("a", [0.1, 0.2], [True])])


def test_attention_has_a_row_an_event_predicted_and_a_column_an_event_read():
    ax = plot_attention([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]], ["a", "b", "c"], ["d", "e"], ["d", "x"])
    _render(ax)
    assert _ticks(ax) == ["a", "b", "c"]
    labels = ax.get_yticklabels()
    assert [label.get_text() for label in labels] == ["d", "e, not x"]
    assert labels[0].get_color() != labels[1].get_color()
    assert [text.get_text() for text in ax.texts][:3] == ["0.70", "0.20", "0.10"]
    assert ax.images[0].get_array().shape == (2, 3)


def test_many_weights_and_those_that_are_none_have_no_number():
    assert not plot_attention(np.full((20, 20), 0.05), list("a" * 20), list("b" * 20)).texts
    ax = plot_attention([[np.nan, 1.0]], ["a", "b"], ["c"])
    _render(ax)
    assert [text.get_text() for text in ax.texts] == ["1.00"]
    _render(plot_attention([[0.0, 0.0]], ["a", "b"], ["c"]))


@pytest.mark.parametrize(
    ("source", "target", "predicted", "what"),
    [
        (["a"], ["c"], None, "source came with 1"),
        (["a", "b"], [], None, "target came with 0"),
        (["a", "b"], ["c"], ["c", "d"], "predicted came with 2"),
    ],
)
def test_attention_says_which_names_do_not_fit(source, target, predicted, what):
    with pytest.raises(UsageError, match=what):
        plot_attention([[0.5, 0.5]], source, target, predicted)
