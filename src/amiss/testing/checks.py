"""The contract of detectors, as checks of one promise each."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone

from amiss.detect._base import Detector
from amiss.errors import AmissError
from amiss.types import Numbers, Sequences, Table, Timeline

_RTOL = 1e-5


def check_detector(detector: Detector) -> None:
    """Raise AssertionError if `detector` breaks a promise of the contract.

    Parameters
    ----------
    detector : Detector
        Not fitted; each check works on a clone of it. Give it a ``random_state``, if it has one,
        and parameters that train in a second or so.

    Raises
    ------
    AssertionError
        Names the promise that was broken.
    """
    for check in CHECKS:
        check(clone(detector))


def check_init_only_assigns(detector: Detector) -> None:
    """Parameters come out as they went in, and nothing else is set."""
    parameters = detector.get_params(deep=False)
    assert set(vars(detector)) == set(parameters), "__init__ sets more, or less, than parameters"
    for name, value in parameters.items():
        assert getattr(detector, name) is value, f"__init__ changes {name}"


def check_fit_returns_self_and_sets_attributes(detector: Detector) -> None:
    """`fit` returns self and sets offset_, history_ and training_score_."""
    normal, _ = _data(detector)
    assert detector.fit(normal) is detector, "fit does not return self"
    scores = detector.training_score_
    assert scores.shape == (len(normal),), "training_score_ is not one score a training item"
    assert np.isfinite(scores).all(), "training_score_ has infinities or NaN"
    assert isinstance(detector.offset_, float), "offset_ is not a float"
    assert isinstance(detector.history_, list), "history_ is not a list"


def check_planted_outlier_ranks_first(detector: Detector) -> None:
    """Score an item unlike all others higher than each of them."""
    normal, outlier = _data(detector)
    detector.fit(normal)
    scores = detector.anomaly_score([*normal, outlier])
    assert scores[-1] > scores[:-1].max(), "the planted outlier does not rank first"


def check_score_conventions(detector: Detector) -> None:
    """score_samples, decision_function, predict and is_anomaly say the same thing."""
    normal, outlier = _data(detector)
    detector.fit(normal)
    items = [*normal, outlier]
    scores = detector.anomaly_score(items)
    assert scores.dtype == np.float64, f"scores are {scores.dtype}, expected float64"
    assert scores.shape == (len(items),), "expected one score an item"
    np.testing.assert_array_equal(detector.score_samples(items), -scores)
    decision = detector.decision_function(items)
    np.testing.assert_allclose(decision, -scores - detector.offset_)
    anomalous = scores > -detector.offset_
    np.testing.assert_array_equal(detector.is_anomaly(items), anomalous)
    np.testing.assert_array_equal(detector.predict(items), np.where(anomalous, -1, 1))


def check_same_seed_same_scores(detector: Detector) -> None:
    """Two fits with the same seed give the same scores."""
    normal, outlier = _data(detector)
    items = [*normal, outlier]
    first = clone(detector).fit(normal).anomaly_score(items)
    second = clone(detector).fit(normal).anomaly_score(items)
    np.testing.assert_array_equal(first, second, err_msg="same seed, other scores")


def check_global_generators_untouched(detector: Detector) -> None:
    """Neither fit nor scoring draws from, or seeds, the global generators."""
    normal, outlier = _data(detector)
    before = _global_states()
    detector.fit(normal)
    detector.anomaly_score([outlier])
    for name, old, new in zip(("numpy", "torch", "random"), before, _global_states(), strict=True):
        assert old == new, f"the global generator of {name} was used"


def check_scores_do_not_depend_on_the_batch(detector: Detector) -> None:
    """Give an item its own score: alone, in any order, in any company."""
    normal, outlier = _data(detector)
    if "series" in detector.inputs:
        _check_runs_do_not_depend_on_the_batch(detector, normal, outlier)
        return
    detector.fit(normal)
    items = [*normal[:7], outlier]
    together = detector.anomaly_score(items)
    alone = np.concatenate([detector.anomaly_score([item]) for item in items])
    np.testing.assert_allclose(alone, together, rtol=_RTOL, atol=_RTOL)
    reverse = detector.anomaly_score(items[::-1])[::-1]
    np.testing.assert_allclose(reverse, together, rtol=_RTOL, atol=_RTOL)


def check_save_and_load(detector: Detector) -> None:
    """Score as before once saved and loaded."""
    from amiss.run.models import load

    normal, outlier = _data(detector)
    detector.fit(normal)
    items = [*normal[:7], outlier]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "detector.amiss")
        detector.save(path)
        loaded = load(path)
    assert type(loaded) is type(detector), f"loading gives a {type(loaded).__name__}"
    assert isinstance(loaded, Detector)
    np.testing.assert_array_equal(loaded.anomaly_score(items), detector.anomaly_score(items))
    assert loaded.offset_ == detector.offset_, "offset_ is another one after loading"


def check_few_items(detector: Detector) -> None:
    """Learn from a few items, and score them; from one too, or say what is needed."""
    normal, _ = _data(detector)
    scores = clone(detector).fit(normal[:3]).anomaly_score(normal[:3])
    assert np.isfinite(scores).all(), "fitted to 3 items, the scores are not finite"
    message = ""
    try:
        scores = clone(detector).fit(normal[:1]).anomaly_score(normal[:1])
    except AmissError as error:
        message = str(error)
    assert np.isfinite(scores).all(), "fitted to 1 item, the score is not finite"
    assert not message or "expected" in message, f"says nothing of what was expected: {message}"


def check_empty_input_names_the_remedy(detector: Detector) -> None:
    """No items: an error of amiss that says what was expected."""
    for call in (detector.fit, clone(detector).fit(_data(detector)[0]).anomaly_score):
        try:
            call([])
        except AmissError as error:
            message = str(error)
        else:
            raise AssertionError("empty input is accepted")
        assert "expected" in message, f"says nothing of what was expected: {message}"


def check_training_score_is_out_of_sample(detector: Detector) -> None:
    """training_score_ makes an odd item among the training items stand out."""
    normal, outlier = _data(detector)
    items = [*normal, outlier]
    scores = detector.fit(items).training_score_
    assert scores[-1] >= scores[:-1].max(), "training_score_ is the score of what was fitted to"


def check_labelled_anomalies_are_not_learnt(detector: Detector) -> None:
    """Items with label 1 do not become normal."""
    normal, outlier = _data(detector)
    items = [*normal, *[outlier] * 5]
    labels = np.array([0] * len(normal) + [1] * 5)
    scores = detector.fit(items, labels).anomaly_score([*normal, outlier])
    assert scores[-1] > scores[:-1].max(), "anomalies labelled 1 were learnt as normal"


CHECKS: tuple[Callable[[Detector], None], ...] = (
    check_init_only_assigns,
    check_fit_returns_self_and_sets_attributes,
    check_planted_outlier_ranks_first,
    check_score_conventions,
    check_same_seed_same_scores,
    check_global_generators_untouched,
    check_scores_do_not_depend_on_the_batch,
    check_save_and_load,
    check_few_items,
    check_empty_input_names_the_remedy,
    check_training_score_is_out_of_sample,
    check_labelled_anomalies_are_not_learnt,
)


def _data(detector: Detector) -> tuple[list[Any], Any]:
    """Return normal items and an outlier, of a kind that the detector takes."""
    generator = np.random.default_rng(7)
    if "sequences" in detector.inputs:
        normal = []
        for _ in range(60):
            reads = ["read"] * int(generator.integers(1, 4))
            normal.append(["open", *reads, "close"])
        if detector.needs:
            return [_measured(items, generator) for items in normal], _measured(normal[0], None)
        return normal, ["open", "crash", "crash", "open"]
    if "table" in detector.inputs or "series" in detector.inputs:
        base = generator.normal(size=(60, 2))
        rows = np.column_stack([base, base @ [[1.0], [-1.0]], np.ones(60)])
        return rows.tolist(), [4.0, -4.0, -8.0, 1.0]
    raise NotImplementedError(f"no data for detectors of {' or '.join(detector.inputs)}")


def _measured(events: list[str], generator: np.random.Generator | None) -> Sequences:
    """Return one sequence with a number in each event and a second or so between two.

    Without a generator both are a million times what is usual.
    """
    names = ("close", "open", "read")
    n = len(events)
    sizes = np.full(n, 1e6) if generator is None else generator.uniform(0.5, 1.5, n)
    whole = np.ones(1, dtype=np.bool_)
    return Sequences(
        np.array([names.index(event) for event in events]),
        np.array([0, n]),
        whole,
        whole,
        names,
        time=np.cumsum(1000 * sizes).astype(np.int64),
        numbers=Numbers(np.arange(n + 1), sizes),
    )


def _check_runs_do_not_depend_on_the_batch(
    detector: Detector, normal: list[Any], outlier: Any
) -> None:
    """Rows of a series are scored with those around them: here runs of them are the items."""
    names = tuple(f"feature {i}" for i in range(len(outlier)))
    detector.fit(Table(np.array(normal), names))
    rows = np.array([*normal[:12], outlier])
    run = np.arange(len(rows)) // 5
    series = Table(rows, names, timeline=Timeline(1000 * np.arange(len(rows)), run))

    def scores(order: list[int]) -> list[NDArray[np.float64]]:
        index = np.concatenate([np.flatnonzero(run == k) for k in order])
        found = detector.anomaly_score(series.take(index))
        return [found[run[index] == k] for k in order]

    runs = list(range(int(run.max()) + 1))
    together = scores(runs)
    reverse = scores(runs[::-1])[::-1]
    for k in runs:
        np.testing.assert_allclose(scores([k])[0], together[k], rtol=_RTOL, atol=_RTOL)
        np.testing.assert_allclose(reverse[k], together[k], rtol=_RTOL, atol=_RTOL)


def _global_states() -> tuple[bytes, bytes, Any]:
    legacy: Any = np.random.get_state()  # noqa: NPY002 - the global generator is what is checked
    return np.asarray(legacy[1]).tobytes(), bytes(torch.get_rng_state().numpy()), random.getstate()
