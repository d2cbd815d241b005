"""What a reader of a plot sees: each point once, the line where it belongs, names as they are."""

import io
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

from amiss.errors import AmissError, UsageError
from amiss.present.plots import (
    plot_confusion,
    plot_encoding,
    plot_feature_outliers,
    plot_image_outliers,
    plot_pr,
    plot_roc,
    plot_score_by_mask_size,
    plot_scores,
    plot_training,
)
from amiss.types import Judgement

HOSTILE = ["$x^$", r"$\frac{$", r"a\$b$", "_hidden", "red\x1b[31m", "two\nlines", "\ud800", "%s{0}"]
HISTORY = [{"epoch": i, "loss": 1 / i, "validation_loss": 2 / i} for i in (1.0, 2.0, 3.0)]


def _render(axes):
    """Write the figure as a user would: warnings are errors here."""
    figure = np.atleast_1d(np.asarray(axes, dtype=object)).ravel()[0].figure
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=50)
    assert file.getvalue().startswith(b"\x89PNG")


def _legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def _points(ax):
    return [len(collection.get_offsets()) for collection in ax.collections]


def _names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def _table(n=6, d=4, names=("a", "b", "c", "d")):
    values = np.arange(n * d, dtype=np.float64).reshape(n, d)
    score = np.zeros((n, d))
    score[1] = [0.5, 3.0, 0.0, 2.0]
    score[4] = [9.0, 0.0, 1.5, 0.1]
    top = score.max(axis=1)
    return Judgement(top, 1.0, top > 1, score, 1.0, score > 1, values, values + score, names)


def _images(channels, n=4):
    pixels = np.linspace(0, 1, n * channels * 48).reshape(n, channels, 6, 8)
    score = np.zeros_like(pixels)
    score[2, -1, 3, 5] = 7.0
    top = score.reshape(n, -1).max(axis=1)
    return Judgement(top, 1.0, top > 1, score, 2.0, score > 2, pixels, 1 - pixels)


# scores


def test_each_class_has_its_points_its_colour_and_its_marker():
    ax = plot_scores([1.0, 5.0, 2.0, 6.0, 3.0], [0, 1, 0, 1, -1], threshold=4.0)
    _render(ax)
    assert _legend(ax) == ["normal (2)", "unknown (1)", "anomaly (2)", "threshold 4"]
    assert ax.collections[2].get_offsets().tolist() == [[1, 5], [3, 6]]
    assert len({tuple(one.get_facecolor()[0]) for one in ax.collections}) == 3
    assert len({one.get_paths()[0].vertices.tobytes() for one in ax.collections}) == 3
    assert set(ax.get_lines()[0].get_ydata()) == {4.0}


def test_names_of_classes_go_from_the_normal_to_the_rare_and_the_rarest_are_pooled():
    kinds = ["smurf"] * 5 + ["normal."] * 2 + ["rare"] + [None] + [f"k{i}" for i in range(8)] * 2
    ax = plot_scores(np.arange(len(kinds)), np.array(kinds, dtype=object))
    legend = _legend(ax)
    assert legend[:2] == ["normal. (2)", "smurf (5)"]
    assert legend[-2:] == ["5 other classes (9)", "unknown (1)"]
    assert sum(_points(ax)) == len(kinds)


def test_what_was_left_out_of_learning_is_a_class_of_its_own():
    assert _legend(plot_scores([1, 2, 3], [0, -2, 1]))[1] == "left out (1)"


def test_digits_are_names_of_classes():
    assert _legend(plot_scores([1, 2, 3], [0, 7, 7])) == ["7 (2)", "0 (1)"]


def test_a_judgement_brings_its_threshold_and_verdicts():
    ax = plot_scores(_table())
    assert _legend(ax) == ["not flagged (4)", "flagged (2)", "threshold 1"]
    assert _legend(plot_scores(_table(), ["x"] * 6, 5.0)) == ["x (6)", "threshold 5"]


@pytest.mark.parametrize(
    ("scores", "threshold", "scale"),
    [
        ([0.001, 2.0], None, "log"),
        ([0.1, 2.0], None, "linear"),
        ([0.0, 5000.0], None, "linear"),
        ([0.001, 2.0], -1.0, "linear"),
    ],
)
def test_scale_is_logarithmic_over_three_decades_of_positive_scores(scores, threshold, scale):
    ax = plot_scores(scores, threshold=threshold)
    _render(ax)
    assert ax.get_yscale() == scale


def test_what_is_not_finite_is_left_out_and_counted():
    ax = plot_scores([1.0, np.nan, np.inf, 2.0], [0, 0, 1, 1], threshold=np.nan)
    _render(ax)
    assert _legend(ax) == ["normal (1)", "anomaly (1)"]
    assert "2 without a finite score" in ax.get_xlabel()
    _render(plot_scores([np.nan, np.nan], threshold=np.inf))


def test_scores_say_what_does_not_fit():
    with pytest.raises(UsageError, match=r"shape \(2,\), expected \(3,\)"):
        plot_scores([1, 2, 3], [0, 1])
    with pytest.raises(UsageError, match="shape"):
        plot_scores([[1.0]])
    with pytest.raises(UsageError, match="no number"):
        plot_scores(["high"])


# features


def test_instances_go_by_score_and_features_by_how_far_they_deviate():
    axes = plot_feature_outliers(_table(), outliers_only=True, top_n=2)
    _render(axes)
    assert axes.shape == (2, 2)
    assert axes[0, 0].get_title(loc="left") == "row 4 · score 9 · anomaly"
    assert [_names(ax) for ax in axes[:, 0]] == [["a", "c"], ["b", "d"]]
    widths = sorted(bar.get_width() for bar in axes[1, 1].patches)
    assert widths == [2.0, 3.0]
    bottom, top = axes[0, 0].get_ylim()
    assert bottom > top  # the first name is on top


def test_values_stand_beside_their_reconstruction():
    left, right = plot_feature_outliers(_table(), [1])[0]
    drawn = {line.get_label(): line.get_xdata().tolist() for line in left.get_lines()}
    assert drawn == {"value": [4, 5, 6, 7], "reconstruction": [4.5, 8, 6, 9]}
    assert _names(left) == ["a", "b", "c", "d"]
    assert _names(right)[1] == "5 → 8"
    assert set(right.get_lines()[0].get_xdata()) == {1.0}
    flagged = [bar for bar in right.patches if bar.get_hatch()]
    assert sorted(bar.get_width() for bar in flagged) == [2.0, 3.0]


def test_ids_are_drawn_in_their_order_up_to_the_most():
    axes = plot_feature_outliers(_table(), [3, 0, 5], max_instances=2)
    assert [ax.get_title(loc="left")[:5] for ax in axes[:, 0]] == ["row 3", "row 0"]
    assert len(plot_feature_outliers(_table(n=9))) == 5


def test_of_very_many_features_the_top_forty_are_drawn():
    axes = plot_feature_outliers(_table(d=4, n=6, names=()))
    assert _names(axes[0, 0])[-1] == "feature 3"
    score = np.arange(50.0)[None]
    wide = Judgement(score[:, 0], 1.0, score[:, 0] > 1, score, 9.0, score > 9, score, score)
    assert _names(plot_feature_outliers(wide)[0, 0])[:2] == ["feature 49", "feature 48"]
    assert len(_names(plot_feature_outliers(wide)[0, 0])) == 40
    assert len(_names(plot_feature_outliers(wide, top_n=45)[0, 0])) == 45


def test_features_without_numbers_and_of_many_units_are_drawn():
    values = np.array([[np.nan, 1e7, -3.0, 1e-4]])
    score = np.array([[np.nan, 1e6, np.inf, 0.0]])
    judgement = Judgement(
        np.array([np.nan]), 1.0, np.array([True]), score, 1.0, score > 1, values, -values
    )
    axes = plot_feature_outliers(judgement, top_n=4)
    _render(axes)
    assert _names(axes[0, 0]) == ["feature 2", "feature 1", "feature 3", "feature 0"]
    assert [text.get_text().strip() for text in axes[0, 1].texts] == ["infinite", "no score"]
    assert axes[0, 0].get_xscale() == axes[0, 1].get_xscale() == "symlog"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"instance_ids": [0, 6]}, "holds 6, expected positions from 0 to 5"),
        ({"instance_ids": [-1]}, "holds -1, expected positions from 0 to 5"),
        ({"instance_ids": [0.5]}, "whole numbers from 0 to 5"),
        ({"instance_ids": []}, "whole numbers from 0 to 5"),
        ({"instance_ids": [0], "outliers_only": True}, "none of the instances"),
        ({"max_instances": 0}, "max_instances came as 0"),
        ({"top_n": 0}, "top_n came as 0"),
        ({"feature_names": ["a"]}, "1 feature_names came, expected 4"),
    ],
)
def test_a_request_for_features_that_cannot_be_met_says_why(options, message):
    with pytest.raises(UsageError, match=message):
        plot_feature_outliers(_table(), **options)


# images


@pytest.mark.parametrize(
    ("channels", "titles"),
    [
        (1, ["original", "reconstruction", "score"]),
        (3, ["original", "reconstruction", "score, red", "score, green", "score, blue"]),
        (2, ["original, mean", "reconstruction, mean", "score, channel 0", "score, channel 1"]),
    ],
)
def test_an_image_is_a_row_of_original_reconstruction_and_scores(channels, titles):
    axes = plot_image_outliers(_images(channels), max_instances=2, ids=["w", "x", "$y$", "z"])
    _render(axes)
    assert axes.shape == (2, 2 + channels)
    assert [ax.get_title() for ax in axes[0]] == titles
    assert axes[0, 0].get_ylabel() == "\\$y\\$\nscore 7\nanomaly"
    last = axes[0, -1].images[0]
    assert last.get_array()[3, 5] == 7
    # one scale for the channels of an image
    assert {ax.images[0].get_clim() for ax in axes[0, 2:]} == {(0, 7)}


def test_colours_are_those_of_the_image():
    pixels = np.zeros((1, 3, 2, 2))
    pixels[0, 0] = 255
    lost = np.full_like(pixels, np.nan)
    judgement = Judgement(
        np.zeros(1), 1.0, np.array([False]), pixels, 1.0, pixels > 1, pixels, lost
    )
    original, reconstruction = plot_image_outliers(judgement)[0, :2]
    assert original.images[0].get_array()[0, 0].tolist() == [1, 0, 0]
    assert reconstruction.images[0].get_array()[0, 0].tolist() == [0, 0, 0]


def test_images_without_scores_are_drawn():
    pixels = np.zeros((1, 1, 3, 3))
    nan = np.full_like(pixels, np.nan)
    _render(
        plot_image_outliers(
            Judgement(np.zeros(1), np.nan, np.array([False]), nan, np.nan, nan > 1, pixels, pixels)
        )
    )


def test_tables_and_images_are_not_mixed_up():
    with pytest.raises(UsageError, match="use plot_feature_outliers"):
        plot_image_outliers(_table())
    with pytest.raises(UsageError, match="use plot_image_outliers"):
        plot_feature_outliers(_images(1))
    with pytest.raises(UsageError, match="2 ids came, expected 4"):
        plot_image_outliers(_images(1), ids=["a", "b"])


# truth


def test_roc_names_the_best_first_and_says_its_area():
    truth = [0, 0, 1, 1, -1, -2, 0]
    worse = (truth, [1, 3, 2, 4, 9, 9, np.nan])
    ax = plot_roc({"worse": worse, "best": (truth, [1, 2, 3, np.inf, 0, 0, -np.inf])})
    _render(ax)
    assert _legend(ax) == ["best · AUC 1.000", "worse · AUC 0.750", "chance"]
    best = ax.get_lines()[0]
    assert (0, 1) in set(zip(best.get_xdata(), best.get_ydata(), strict=True))


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({}, "no detector came"),
        ([1, 2], "came as list"),
        ({"a": [1, 2, 3]}, "no pair"),
        (([0, 1], {"a": [1, 2, 3]}), "a: 2 of truth and 3 scores"),
        (([0, 0], {"a": [1, 2]}), "0 anomalies among 2"),
        (([0, 5], {"a": [1, 2]}), "other values than 0 and 1"),
    ],
)
def test_roc_says_what_does_not_fit(scores, message):
    with pytest.raises(UsageError, match=message):
        plot_roc(scores)


def test_confusion_has_counts_and_shares_that_can_be_read():
    ax = plot_confusion([0, 0, 0, 0, 1, -1, -2], np.array([0, 0, 0, 1, 1, 1, 1], dtype=bool))
    _render(ax)
    cells = [text.get_text() for text in ax.texts]
    assert cells == ["3\n75.0 %", "1\n25.0 %", "0\n0.0 %", "1\n100.0 %"]
    for text, share in zip(ax.texts, ax.images[0].get_array().ravel(), strict=True):
        red, green, blue, _ = ax.images[0].cmap(share)
        is_dark = 0.3 * red + 0.6 * green + 0.1 * blue < 0.5
        assert text.get_color() == ("white" if is_dark else "black")


def test_confusion_of_more_classes_and_of_a_class_without_instances():
    ax = plot_confusion([0, 0], [0, 2], ["a", "b", "a class with a long name"])
    _render(ax)
    assert [text.get_text() for text in ax.texts][3:6] == ["0\nnone of them"] * 3


def test_confusion_refuses_plus_and_minus_one():
    with pytest.raises(UsageError, match=r"predicted holds -1.*is_anomaly"):
        plot_confusion([0, 1], [1, -1])
    with pytest.raises(UsageError, match="2 values, predicted 1"):
        plot_confusion([0, 1], [1])


# encodings, masks, training


@pytest.mark.parametrize(("d", "rows"), [(1, 1), (2, 2), (5, 2)])
def test_encoding_has_a_panel_for_each_measure(d, rows):
    code = np.random.default_rng(0).normal(size=(10, d))
    code[3] = np.nan
    axes = plot_encoding(code, np.abs(code[:, :1]) + np.arange(3), [0] * 8 + [1] * 2)
    _render(axes)
    assert axes.shape == (rows, 3)
    assert all(_points(ax) == [7, 2] for ax in axes.ravel())


def test_of_a_long_encoding_the_direction_that_varies_most_is_drawn():
    code = np.zeros((4, 3))
    code[:, 1] = [0, 2, 4, 6]
    axes = plot_encoding(code, [1, 2, 3, 4], feature_names=["distance"])
    assert "100 %" in axes[0, 0].get_ylabel()
    drawn = axes[0, 0].collections[0].get_offsets()[:, 1]
    assert np.allclose(np.abs(drawn), [3, 1, 1, 3])
    assert axes[0, 0].get_xlabel() == "distance"


def test_encoding_says_what_does_not_fit():
    with pytest.raises(UsageError, match="2 rows, recon_features 3"):
        plot_encoding([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="1 feature_names came, expected 2"):
        plot_encoding([1], [[1, 2]], feature_names=["a"])
    with pytest.raises(UsageError, match="finite"):
        plot_encoding(np.full((2, 3), np.nan), [1, 2])


def test_mask_sizes_are_sorted_with_mean_and_band():
    ax = plot_score_by_mask_size([8, 4], [[1.0, 3.0], [0.0, np.nan]], threshold=1.5)
    _render(ax)
    mean, threshold = ax.get_lines()
    assert mean.get_xdata().tolist() == [4, 8]
    assert mean.get_ydata().tolist() == [0, 2]
    assert set(threshold.get_ydata()) == {1.5}
    heights = ax.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0, 3)


def test_several_values_of_a_parameter_each_get_a_line():
    scores = {100: [1, 2], 95: [[2, 4], [3, 5]], 75: [np.nan, np.nan]}
    ax = plot_score_by_mask_size([4, 8], scores, quantiles=(0.25, 0.75))
    _render(ax)
    assert _legend(ax) == ["100", "95", "75"]
    assert ax.get_legend().get_title().get_text() == "mean; band: 25 to 75 %"
    assert len(ax.collections) == 1  # a single score a size has no band


def test_mask_sizes_say_what_does_not_fit():
    with pytest.raises(UsageError, match="3 rows of scores came for 2 sizes"):
        plot_score_by_mask_size([1, 2], [1, 2, 3])
    with pytest.raises(UsageError, match="quantiles"):
        plot_score_by_mask_size([1, 2], [1, 2], quantiles=(0.9, 0.1))
    with pytest.raises(UsageError, match="no scores"):
        plot_score_by_mask_size([1, 2], {})


def test_training_has_both_losses():
    ax = plot_training(HISTORY)
    _render(ax)
    assert _legend(ax) == ["loss", "validation loss"]
    assert ax.get_lines()[1].get_ydata().tolist() == [2, 1, 2 / 3]


def test_each_network_gets_its_curve_and_the_legend_one_row():
    ax = plot_training([*HISTORY, *HISTORY[:2]])
    assert [len(line.get_xdata()) for line in ax.get_lines()] == [3, 2, 3, 2]
    assert _legend(ax) == ["loss of 2 networks", "validation loss of 2 networks"]


def test_pretraining_has_a_curve_of_its_own():
    losses = [{"epoch": i, "loss": 9 / (i + 1)} for i in (0.0, 1.0)]
    phases = [{**entry, "phase": phase} for phase in (0.0, 1.0) for entry in losses]
    ax = plot_training([*phases, {"epoch": 2.0, "loss": 1.0, "phase": 1.0}])
    _render(ax)
    assert _legend(ax) == ["pretraining loss", "loss"]
    assert [len(line.get_xdata()) for line in ax.get_lines()] == [2, 3]


def test_a_detector_that_was_not_trained_has_no_curve():
    with pytest.raises(UsageError, match="none of 0 entries has a loss"):
        plot_training([])


# all of them


def _all_plots(names, axes=None):
    """Draw each plot with eight `names` in all places that take some."""
    n = len(names)
    hostile = Judgement(
        np.arange(n) + 1.0, 1.0, np.ones(n, bool), np.ones((n, n)), 1.0, np.ones((n, n)) > 1,
        np.ones((n, n)), np.ones((n, n)), tuple(names),
    )  # fmt: skip
    kind = np.array(names, dtype=object)
    yield plot_scores(np.arange(n), kind)
    yield plot_feature_outliers(hostile, [0])
    yield plot_image_outliers(_images(1, n), [0, n - 1], ids=names)
    yield plot_roc(([0, 1], {name: [1, 2] for name in names}))
    yield plot_encoding(np.arange(n), np.ones((n, n)), kind, feature_names=names)
    yield plot_confusion([0], [1], names)
    yield plot_score_by_mask_size([1, 2], {name: [1, 2] for name in names})
    yield plot_training([{"epoch": 1, f"{name}loss": 1} for name in names])


def test_names_from_the_data_are_shown_and_never_obeyed():
    for drawn in _all_plots(HOSTILE):
        _render(drawn)
        figure = np.atleast_1d(drawn).ravel()[0].figure
        texts = [text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text"))]
        text = "\n".join(texts)
        assert "\x1b" not in text
        assert "\ud800" not in text
        assert "two\nlines" not in text


def _draw_label(name, **options):
    figure = Figure(figsize=(2, 1))
    figure.text(0.2, 0.4, name, **options)
    file = io.BytesIO()
    figure.savefig(file, format="rgba", dpi=50)
    return file.getvalue()


@pytest.mark.parametrize("name", ["$x$", "$x", r"a\$b$", "no formula"])
def test_a_formula_is_shown_as_it_is_written(name):
    ax = plot_confusion([0], [0], [name])
    shown = ax.get_xticklabels()[0].get_text()
    assert _draw_label(shown) == _draw_label(name, parse_math=False)


def test_every_name_is_in_the_legend():
    assert len(_legend(plot_scores(range(7), np.array(HOSTILE[:7], dtype=object)))) == 7


def test_axes_of_the_user_are_drawn_into():
    figure = Figure()
    grid = figure.subplots(2, 4)
    drawn = [
        plot_scores([1, 2], [0, 1], ax=grid[0, 0]),
        plot_roc(([0, 1], {"a": [1, 2]}), ax=grid[0, 1]),
        plot_confusion([0], [1], ax=grid[0, 2]),
        plot_score_by_mask_size([1, 2], [1, 2], ax=grid[0, 3]),
        plot_training(HISTORY, ax=grid[1, 0]),
        plot_encoding([1, 2], [1, 2], [0, 1], axes=grid[1, 1])[0, 0],
        *plot_feature_outliers(_table(), [1], axes=grid[1, 2:])[0],
    ]
    assert drawn == grid.ravel().tolist()
    _render(grid)
    images = Figure().subplots(2, 3)
    assert (plot_image_outliers(_images(1), [0, 1], axes=images) == images).all()
    _render(images)


def test_axes_that_do_not_fit_are_refused():
    grid = Figure().subplots(1, 3)
    with pytest.raises(UsageError, match=r"3 axes came, 4 are needed \(2 × 2\)"):
        plot_feature_outliers(_table(), [0, 1], axes=grid)
    with pytest.raises(UsageError, match="came as str"):
        plot_scores([1, 2], ax="ax")


def test_nothing_of_the_user_is_changed():
    code = """
import sys
import amiss.present.plots as plots
assert "matplotlib" not in sys.modules
import matplotlib
before = matplotlib.rcParams.copy()
ax = plots.plot_scores([1, 2], [0, 1])
ax.figure.savefig(sys.stdout.buffer, format="png")
assert matplotlib.rcParams.copy() == before
assert "matplotlib.pyplot" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.startswith(b"\x89PNG")


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for plot in (
        lambda: plot_scores([1, 2]),
        lambda: plot_roc(([0, 1], {"a": [1, 2]})),
        lambda: plot_image_outliers(_images(1)),
        lambda: plot_training(HISTORY),
    ):
        with pytest.raises(AmissError, match=r"pip install 'amiss\[plot\]'"):
            plot()


# precision over recall


def test_precision_over_recall_begins_at_the_share_of_anomalies_and_ends_at_the_best():
    ax = plot_pr(([0, 0, 0, 1], {"bad": [4, 3, 2, 1], "good": [1, 2, 3, 4]}))
    _render(ax)
    assert _legend(ax) == ["good · AP 1.000", "bad · AP 0.250", "chance"]
    good, bad, chance = ax.get_lines()
    assert max(bad.get_ydata()[:-1]) == 0.25
    assert set(chance.get_ydata()) == {0.25}
    assert good.get_linestyle() != bad.get_linestyle()


def test_without_one_truth_there_is_no_chance():
    ax = plot_pr({"one": ([0, 1], [1, 2]), "other": ([0, 0, 1], [1, 2, 3])})
    assert "chance" not in _legend(ax)


def test_precision_over_recall_needs_both_classes():
    with pytest.raises(UsageError, match="needs anomalies and normal ones"):
        plot_pr(([0, 0], {"a": [1, 2]}))


# one look


def test_no_plot_has_lines_on_top_and_right_but_images_are_framed():
    ax = plot_scores([1.0, 2.0])
    assert [ax.spines[side].get_visible() for side in ("top", "right", "left")] == [0, 0, 1]
    framed = plot_confusion([0, 1], [0, 1])
    assert framed.spines["top"].get_visible()


def test_axes_of_the_user_keep_their_look():
    ax = Figure().subplots()
    plot_scores([1.0, 2.0], ax=ax)
    assert ax.spines["top"].get_visible()
