import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.errors import InputError, UsageError
from amiss.simulate.outliers import apply_mask, create_outlier_batch
from amiss.types import Table


def _table(normal=60, anomalies=40, unknown=5):
    label = np.repeat([0, 1, -1], [normal, anomalies, unknown])
    n = len(label)
    row = np.arange(1, n + 1)
    return Table(
        np.arange(n, dtype=float)[:, None], ("a",), label, label.astype(str), (), None, row
    )


@given(st.integers(1, 60), st.floats(0, 66), st.integers(0, 2**32))
def test_a_batch_has_the_share_and_no_row_twice(n, share, seed):
    batch = create_outlier_batch(_table(), n, share, random_state=seed)
    assert len(batch) == n
    assert batch.label.sum() == round(n * share / 100)
    assert set(batch.label) <= {0, 1}
    assert len(set(batch.row)) == n
    np.testing.assert_array_equal(batch.values[:, 0] + 1, batch.row)
    np.testing.assert_array_equal(batch.kind, batch.label.astype(str))


def test_a_batch_is_shuffled_and_repeatable():
    one, same, other = (create_outlier_batch(_table(), 50, 40, random_state=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.row, same.row)
    assert one.row.tolist() != other.row.tolist()
    assert 0 < one.label[:20].sum() < 20
    generator = np.random.default_rng(1)
    np.testing.assert_array_equal(
        one.row, create_outlier_batch(_table(), 50, 40, random_state=generator).row
    )


def test_all_rows_can_be_drawn():
    batch = create_outlier_batch(_table(6, 4, 0), 10, 40, random_state=0)
    assert sorted(batch.row) == list(range(1, 11))


def test_batches_that_cannot_be():
    with pytest.raises(InputError, match=r"has 40 anomalies; expected 45 at least for 90 % of 50"):
        create_outlier_batch(_table(), 50, 90, random_state=0)
    with pytest.raises(InputError, match="has 60 normal rows; expected 90"):
        create_outlier_batch(_table(), 90, 0, random_state=0)
    with pytest.raises(InputError, match="no labels"):
        create_outlier_batch(Table(np.zeros((3, 1)), ("a",)), 1, 0, random_state=0)
    for n, share in ((0, 10), (10, -1), (10, 101), (10, float("nan"))):
        with pytest.raises(UsageError):
            create_outlier_batch(_table(), n, share, random_state=0)


SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 9), st.integers(1, 9))


@given(st.data(), SHAPES, st.sampled_from(["uniform", "normal", "zero"]), st.integers(0, 999))
def test_only_what_the_mask_covers_changes(data, shape, noise, seed):
    _, channels, height, width = shape
    size = data.draw(st.tuples(st.integers(1, height), st.integers(1, width)))
    n_masks = data.draw(st.integers(1, 3))
    on = data.draw(st.sets(st.integers(0, channels - 1), min_size=1))
    # Beyond the range that masked pixels are clipped to: the others must stay.
    pixels = np.random.default_rng(seed).uniform(-1, 2, shape).astype(np.float32)
    before = pixels.copy()
    masked = apply_mask(pixels, size, n_masks, channels=sorted(on), noise=noise, random_state=seed)
    np.testing.assert_array_equal(pixels, before)
    assert masked.pixels.dtype == np.float32
    assert masked.mask.shape == masked.pixels.shape == shape
    np.testing.assert_array_equal(masked.pixels[~masked.mask], pixels[~masked.mask])
    inside = masked.pixels[masked.mask]
    assert ((inside >= 0) & (inside <= 1)).all()
    off = [channel for channel in range(channels) if channel not in on]
    assert not masked.mask[:, off].any()
    covered = masked.mask[:, sorted(on)].sum(axis=(2, 3))
    area = size[0] * size[1]
    assert (covered >= area).all()
    assert (covered <= min(area * n_masks, height * width)).all()
    assert (covered == covered[:, :1]).all()


def test_masks_stand_where_they_are_told():
    pixels = np.full((2, 1, 5, 6), 0.5)
    one = apply_mask(pixels, (2, 3), coord=(1, 2), noise="zero", random_state=None)
    expected = np.zeros((5, 6), dtype=bool)
    expected[1:3, 2:5] = True
    np.testing.assert_array_equal(one.mask, np.broadcast_to(expected, (2, 1, 5, 6)))
    assert (one.pixels[one.mask] == 0).all()
    two = apply_mask(pixels, 1, 2, coord=[(0, 0), (4, 5)], noise="zero", random_state=None)
    assert np.argwhere(two.mask[1, 0]).tolist() == [[0, 0], [4, 5]]
    each = apply_mask(pixels, 1, coord=[[(0, 0)], [(4, 5)]], noise="zero", random_state=None)
    assert np.argwhere(each.mask).tolist() == [[0, 0, 0, 0], [1, 0, 4, 5]]


def test_places_differ_between_images_and_reach_every_edge():
    masked = apply_mask(np.zeros((400, 1, 4, 5)), 2, random_state=3)
    assert masked.mask.any(axis=0).all()
    assert len({image.tobytes() for image in masked.mask}) == 12


def test_noise_is_as_asked():
    pixels = np.zeros((20, 1, 30, 30))
    size, seed = (30, 30), {"random_state": 5}
    uniform = apply_mask(pixels, size, noise_range=(2, 4), clip=None, **seed).pixels
    assert uniform.min() >= 2
    assert uniform.max() <= 4
    assert uniform.mean() == pytest.approx(3, abs=0.05)
    normal = apply_mask(pixels, size, noise="normal", noise_std=0.1, clip=None, **seed).pixels
    assert normal.std() == pytest.approx(0.1, rel=0.05)
    again = apply_mask(pixels, size, noise="normal", noise_std=0.1, clip=None, **seed).pixels
    np.testing.assert_array_equal(normal, again)
    added = apply_mask(pixels + 0.5, size, noise_range=(0.25, 0.25), **seed).pixels
    assert (added == 0.75).all()


@pytest.mark.parametrize(
    "request_",
    [
        {"size": 9},
        {"size": 0},
        {"size": (2, 9)},
        {"size": (2, 2, 2)},
        {"n_masks": 0},
        {"channels": [3]},
        {"noise": "salt"},
        {"noise_range": (1, 0)},
        {"noise_std": -1},
        {"clip": (1, 0)},
        {"coord": (4, 0)},
        {"coord": (-1, 0)},
        {"coord": (0.5, 0)},
        {"coord": [(0, 0), (1, 1)]},
        {"coord": 3},
    ],
)
def test_masks_that_cannot_be(request_):
    with pytest.raises(UsageError):
        apply_mask(np.zeros((1, 3, 5, 5)), **{"size": 2, "random_state": 0, **request_})


def test_pixels_that_are_no_images():
    with pytest.raises(InputError, match=r"shape \(5, 5\).*expected floats"):
        apply_mask(np.zeros((5, 5)), 2, random_state=0)
    with pytest.raises(InputError, match="uint8"):
        apply_mask(np.zeros((1, 1, 5, 5), dtype=np.uint8), 2, random_state=0)
