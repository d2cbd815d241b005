"""Images: what is odd in a place is seen, and seen there."""

import numpy as np
import pytest

import amiss
from amiss.detect import CATALOGUE, get_detector
from amiss.errors import InputError
from amiss.types import Images

NAMES = [name for name, entry in CATALOGUE.items() if "images" in entry.inputs]
SMALL = {"hidden": (8,), "latent": 4, "epochs": 300, "folds": 0, "random_state": 0}
# What does not learn stops after an epoch or two: most promises do not need a good network.
QUICK = SMALL | {
    "hidden": (2,), "epochs": 200, "patience": 1, "validation_fraction": 0.3,
    "learning_rate": 1e-8,
}  # fmt: skip
PATCH = (slice(2, 5), slice(1, 4))


def _images(n=40, shape=(1, 8, 8), seed=0):
    """Return images that get brighter from left to right, more or less so."""
    rng = np.random.default_rng(seed)
    channels, _, width = shape
    slope = rng.uniform(0.3, 0.9, size=(n, channels, 1, 1))
    images = slope * np.linspace(0.2, 1, width)[None, None, None] + np.zeros((n, *shape))
    return (images + rng.normal(0, 0.01, size=images.shape)).clip(0, 1).astype(np.float32)


def _with_patch(images):
    odd = images.copy()
    odd[:, :, *PATCH] = 1.0
    return odd


def _quick(name, **parameters):
    return get_detector(name)(**{**QUICK, **parameters})


@pytest.fixture(scope="module", params=NAMES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def quick(name):
    return _quick(name).fit(_images())


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7)])
@pytest.mark.parametrize("name", ["vae", "aegmm"])
def test_a_planted_patch_ranks_first_and_is_where_it_is(name, shape):
    fitted = get_detector(name)(**SMALL).fit(_images(60, shape))
    usual = _images(30, shape, seed=1)
    odd = _with_patch(usual[:3])
    found = fitted.judge(np.concatenate([usual, odd]))
    assert found.score[-3:].min() > found.score[:-3].max()
    assert found.is_anomaly[-3:].all()
    assert found.feature_is_anomaly.shape == (33, *shape)
    on_patch = found.feature_is_anomaly[-3:, :, *PATCH]
    assert on_patch.mean() > 0.9
    beside = np.ones(shape, dtype=bool)
    beside[:, *PATCH] = False
    worst = found.feature_score[-3:, ~beside].mean()
    assert worst > 10 * found.feature_score[-3:, beside].mean()
    assert found.feature_is_anomaly[:-3].mean() < 0.1
    assert found.feature_names == ()
    # The reconstruction is in the units of pixels, and without the patch.
    assert found.reconstruction.min() >= 0
    assert found.reconstruction.max() <= 1
    error = np.abs(found.reconstruction[:-3] - usual).mean()
    assert error < 0.1
    np.testing.assert_allclose(
        found.feature_score, (found.reconstruction - found.values) ** 2, rtol=1e-4, atol=1e-7
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 7), (2, 1, 5), (1, 3, 1)])
@pytest.mark.parametrize("hidden", [(2,), (2, 3, 4)])
def test_images_of_any_size_come_back_in_their_size(shape, hidden):
    images = _images(6, shape)
    fitted = _quick("vae", hidden=hidden).fit(images)
    assert fitted.reconstruct(images).shape == images.shape
    assert fitted.transform(images).shape == (6, 4)
    assert fitted.shape_ == shape


@pytest.mark.parametrize(
    ("name", "score_type"),
    [("vae", "combined"), ("vae", "probability"), ("aegmm", "energy"), ("vaegmm", "combined")],
)
def test_each_kind_of_score_is_finite(name, score_type):
    fitted = _quick(name, score_type=score_type, folds=2).fit(_images())
    assert np.isfinite(fitted.training_score_).all()
    scores = fitted.anomaly_score(_images(5, seed=1))
    assert scores.dtype == np.float64
    assert np.isfinite(scores).all()


def test_the_score_of_an_image_does_not_depend_on_the_batch(quick):
    images = _images(300, seed=1)  # more than are scored at once
    together = quick.anomaly_score(images)
    alone = np.concatenate([quick.anomaly_score(image[None]) for image in images[::60]])
    np.testing.assert_allclose(alone, together[::60], rtol=1e-5)
    np.testing.assert_allclose(quick.anomaly_score(images[::-1])[::-1], together, rtol=1e-5)


def test_images_arrays_and_lists_score_alike(quick):
    pixels = _images(4, seed=1)
    images = Images(pixels, tuple(f"{i}.png" for i in range(4)))
    expected = quick.anomaly_score(pixels)
    np.testing.assert_array_equal(quick.anomaly_score(images), expected)
    np.testing.assert_array_equal(quick.anomaly_score(pixels.tolist()), expected)
    np.testing.assert_array_equal(quick.anomaly_score(pixels.astype(np.float64)), expected)
    np.testing.assert_array_equal(quick.judge(images).score, expected)


@pytest.mark.filterwarnings("error")
def test_images_may_be_views_and_read_only(quick):
    images = _images(4, seed=1)
    flipped = quick.anomaly_score(np.ascontiguousarray(images[:, :, :, ::-1]))
    np.testing.assert_array_equal(quick.anomaly_score(images[:, :, :, ::-1]), flipped)
    expected = quick.anomaly_score(images)
    images.setflags(write=False)
    np.testing.assert_array_equal(quick.anomaly_score(images), expected)


def test_images_that_do_not_fit_are_refused(quick):
    with pytest.raises(
        InputError, match=r"images of 8 × 7 pixels with 1 channel; .* from 8 × 8 pixels .*resize"
    ):
        quick.anomaly_score(_images(2, (1, 8, 7)))
    with pytest.raises(InputError, match=r"8 × 8 pixels with 3 channels; .*with 1 channel:"):
        quick.judge(_images(2, (3, 8, 8)))
    with pytest.raises(InputError, match=r"rows of 4 columns; .* learnt from images of 8 × 8"):
        quick.anomaly_score(np.zeros((2, 4)))
    with pytest.raises(InputError, match=r"shape \(40, 8, 8\).*\(n, channels, height, width\)"):
        _quick(quick.name).fit(_images()[:, 0])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_pixels_that_are_not_finite_are_told_by_the_image(name, quick, value):
    images = _images()
    images[3, 0, 4, 4] = value
    for call in (_quick(name).fit, quick.anomaly_score, quick.judge):
        with pytest.raises(InputError, match="image 3 has pixels that are NaN or infinite"):
            call(images)


def test_too_few_images_are_refused(name, quick):
    for images in (np.zeros((0, 1, 8, 8)), np.zeros((2, 1, 0, 8))):
        with pytest.raises(InputError, match="expected one or more, with pixels"):
            _quick(name).fit(images)
    with pytest.raises(InputError, match="expected two normal ones or more"):
        _quick(name).fit(_images(1))
    assert quick.anomaly_score(_images(1)).shape == (1,)


def test_labelled_images_are_not_learnt(name, quick):
    images, odd = _images(), _with_patch(_images(10, seed=2))
    labels = [0] * len(images) + [1] * len(odd)
    fitted = _quick(name).fit(np.concatenate([images, odd]), labels)
    np.testing.assert_array_equal(fitted.anomaly_score(odd), quick.anomaly_score(odd))


def test_thresholds_are_inferred_from_images(name):
    fitted = _quick(name, outlier_type="feature").fit(_images())
    fitted.infer_threshold(_images(40, seed=3), 90)
    found = fitted.judge(_images(40, seed=3))
    assert found.is_anomaly.sum() == 4
    assert found.feature_is_anomaly.mean() == pytest.approx(0.1, abs=0.01)


def test_the_worst_pixels_alone_make_the_score():
    images = _images(6)
    features = _quick("vae").fit(images).feature_score(images).reshape(6, -1)
    fitted = _quick("vae", outlier_perc=100).fit(images)
    np.testing.assert_allclose(fitted.anomaly_score(images), features.mean(axis=1), rtol=1e-6)
    worst = _quick("vae").fit(images)  # one in a hundred, of 64
    np.testing.assert_allclose(worst.anomaly_score(images), features.max(axis=1), rtol=1e-6)


def test_a_saved_detector_of_images_judges_as_before(name, quick, tmp_path):
    path = tmp_path / "images.amiss"
    quick.save(path)
    again = amiss.load(path)
    images = _with_patch(_images(5, seed=1))
    before, after = quick.judge(images), again.judge(images)
    for part in ("score", "is_anomaly", "feature_is_anomaly", "reconstruction"):
        np.testing.assert_array_equal(getattr(after, part), getattr(before, part))
    assert (after.threshold, again.shape_) == (before.threshold, (1, 8, 8))
    with pytest.raises(InputError, match="resize"):
        again.anomaly_score(_images(2, (1, 8, 9)))


def test_a_detector_may_go_from_rows_to_images_and_back(name):
    rows, images = np.random.default_rng(0).normal(size=(20, 3)), _images()
    detector = _quick(name)
    for items in (rows, images, rows):
        scores = detector.fit(items).anomaly_score(items)
        assert np.isfinite(scores).all()
        assert detector.reconstruct(items).shape == items.shape
