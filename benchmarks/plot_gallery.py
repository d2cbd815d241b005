"""Draw the picture of docs/plots.md: each workflow once, on simulated data.

python -m benchmarks.plot_gallery docs/images/plots.png
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import amiss
from amiss.detect import VAE, VectorAutoregression
from amiss.present import plots
from amiss.types import Judgement, Table, Timeline

_DPI, _GAP, _COLUMNS, _COLOURS = 68, 16, 2, 256


def main() -> None:
    """Write the picture to the path that is given."""
    target = Path(sys.argv[1])
    target.parent.mkdir(parents=True, exist_ok=True)
    pictures = [_rendered(axes) for axes in (*_of_a_log(), *_of_tables(), *_of_others())]
    sheet = _tiled(pictures).quantize(_COLOURS, kmeans=1, dither=Image.Dither.NONE)
    sheet.save(target, optimize=True)


def _of_a_log() -> Iterator[Any]:
    with tempfile.TemporaryDirectory() as folder:
        made = amiss.simulate_hdfs(folder, lines=12_000, seed=1)
        sessions = amiss.read_sessions(made.log)
        labels = amiss.read_labels(made.labels)
        found = {name: amiss.scan(sessions, detector=name) for name in ("event-counts", "n-grams")}
    first = found["event-counts"]
    yield plots.plot_timeline(first)
    yield plots.plot_scores(first)
    truth = np.array([labels[name] for name in first.ids.to_list()])
    scores = (truth, {name: findings.scores for name, findings in found.items()})
    yield plots.plot_roc(scores)
    yield plots.plot_pr(scores)


def _of_tables() -> Iterator[Any]:
    rng = np.random.default_rng(0)
    load = rng.normal(10, 2, 400)
    noise = rng.normal(0, 0.3, (400, 4))
    values = np.column_stack([load, 2 * load, 50 - load, 0.5 * load + 5]) + noise
    names = ("load", "flow", "heat", "power")
    detector = VAE(latent=2, epochs=40, random_state=0).fit(Table(values[:300], names))
    odd = values[300:].copy()
    odd[10, 1] += 25
    odd[40, 2] -= 18
    yield plots.plot_training(detector.history_)
    yield plots.plot_feature_outliers(detector.judge(Table(odd, names)), max_instances=2)


def _of_others() -> Iterator[Any]:
    yield plots.plot_image_outliers(_images(), max_instances=2)
    series, judged = _series()
    yield plots.plot_score_over_time(judged.score, series, judged.threshold)
    yield plots.plot_interval(series, judged, 300, 319, top_n=2)
    rng = np.random.default_rng(1)
    rate = rng.beta(2, 8, 90)
    rate[65:80] += 0.4
    traces: list[tuple[str, Any, Any]] = [
        ("calm-1", rate[:30], False),
        ("calm-2", rate[30:55], False),
        ("faulty", rate[55:], np.isin(np.arange(55, 90), np.arange(65, 80))),
    ]
    yield plots.plot_rates(traces, 0.5)
    weights = rng.dirichlet(np.full(6, 0.4), 4)
    events = ["open", "read", "read", "write", "sync", "read"]
    came, predicted = ["read", "write", "sync", "close"], ["read", "read", "sync", "close"]
    yield plots.plot_attention(weights, events, came, predicted)


def _images() -> Judgement:
    """Return what a mean of stripes makes of stripes with masks."""
    rng = np.random.default_rng(2)
    stripes = np.sin(np.arange(24) / 2)[None, None, None, :] * 0.3 + 0.5
    pixels = np.repeat(np.repeat(stripes, 24, axis=2), 3, axis=1) + rng.normal(
        0, 0.02, (6, 3, 24, 24)
    )
    masked = amiss.apply_mask(pixels[:2], 7, random_state=3).pixels
    came = np.concatenate([masked, pixels[2:]])
    expected = np.broadcast_to(pixels[2:].mean(axis=0), came.shape)
    score = np.abs(came - expected)
    top = score.reshape(len(came), -1).max(axis=1)
    return Judgement(top, 0.15, top > 0.15, score, 0.15, score > 0.15, came, expected)


def _series() -> tuple[Table, Any]:
    """Return a series with a fault, and what a vector autoregression says of it."""
    rng = np.random.default_rng(3)
    at = np.arange(500)
    values = np.column_stack([np.sin(at / 15), np.cos(at / 15), np.sin(at / 40)])
    values = values * [2.0, 3.0, 1.0] + [20, 40, 5] + rng.normal(0, 0.08, (500, 3))
    values[300:320, 1] += 2.5
    time = 1_790_000_000_000 + 60_000 * at
    timeline = Timeline(time, np.zeros(500, dtype=np.int64))
    names = ("flow", "pressure", "heat")
    series = Table(values, names, timeline=timeline)
    calm = Table(values[:250], names, timeline=Timeline(time[:250], timeline.run[:250]))
    detector = VectorAutoregression(contamination=0.01).fit(calm)
    return series, detector.judge(series)


def _rendered(axes: Any) -> Image.Image:
    figure = np.asarray(axes, dtype=object).ravel()[0].figure
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return Image.open(file).convert("RGB")


def _tiled(pictures: list[Image.Image]) -> Image.Image:
    """Return the pictures in columns, each below the shortest one so far."""
    width = max(picture.width for picture in pictures) + _GAP
    ends = [_GAP] * _COLUMNS
    places = []
    for picture in pictures:
        column = ends.index(min(ends))
        places.append((_GAP + column * width, ends[column]))
        ends[column] += picture.height + _GAP
    sheet = Image.new("RGB", (_GAP + _COLUMNS * width, max(ends)), "white")
    for picture, place in zip(pictures, places, strict=True):
        sheet.paste(picture, place)
    return sheet


if __name__ == "__main__":
    main()
