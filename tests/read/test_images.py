import sys

import numpy as np
import polars as pl
import pytest

from amiss.errors import AmissError, InputError, UsageError
from amiss.read.images import CIFAR10_KINDS, read_images

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(7)


def _png(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def _noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def test_folders_are_kinds(tmp_path):
    cat, dog = _noise(5, 4, 3), _noise(5, 4, 3)
    _png(tmp_path / "dog" / "1.png", dog)
    _png(tmp_path / "cat" / "deep" / "1.PNG", cat)
    (tmp_path / "notes.txt").write_text("no image")
    images = read_images(tmp_path)
    assert images.kind.tolist() == ["cat", "dog"]
    assert images.label is None
    assert images.sources == (str(tmp_path),)
    assert images.ids[1] == str(tmp_path / "dog" / "1.png")
    assert images.pixels.dtype == np.float32
    expected = np.stack([cat, dog]).transpose(0, 3, 1, 2) / 255
    np.testing.assert_allclose(images.pixels, expected, rtol=1e-6)


def test_a_kind_called_good_makes_the_others_anomalies(tmp_path):
    for kind in ("good", "crack"):
        _png(tmp_path / kind / "1.png", _noise(3, 3))
    _png(tmp_path / "unsorted.png", _noise(3, 3))
    images = read_images(tmp_path)
    assert dict(zip(images.kind.tolist(), images.label.tolist(), strict=True)) == {
        "crack": 1,
        "good": 0,
        "": -1,
    }


def test_a_flat_folder_has_no_kinds(tmp_path):
    _png(tmp_path / "a.png", _noise(3, 3))
    images = read_images(tmp_path)
    assert (images.kind, images.label) == (None, None)


def test_grey_images_have_one_channel_unless_there_are_others(tmp_path):
    grey, colour = _noise(3, 3), _noise(3, 3, 3)
    a, b = _png(tmp_path / "a.png", grey), _png(tmp_path / "b.png", colour)
    assert read_images(a).pixels.shape == (1, 1, 3, 3)
    images = read_images([a, b])
    assert images.pixels.shape == (2, 3, 3, 3)
    for channel in images.pixels[0]:
        np.testing.assert_allclose(channel, grey / 255, rtol=1e-6)


def test_sixteen_bits_alpha_and_palettes(tmp_path):
    deep = np.array([[0, 65535], [13107, 0]], dtype=np.uint16)
    images = read_images(_png(tmp_path / "deep.png", deep))
    np.testing.assert_allclose(images.pixels[0, 0], [[0, 1], [0.2, 0]], rtol=1e-6)
    assert read_images(_png(tmp_path / "alpha.png", _noise(2, 2, 4))).pixels.shape == (1, 3, 2, 2)
    Image.new("P", (2, 2)).save(tmp_path / "palette.gif", transparency=0)
    Image.new("P", (2, 2)).save(tmp_path / "palette.png", transparency=b"\0\1")
    assert read_images(str(tmp_path / "palette.*")).pixels.shape == (2, 3, 2, 2)


def test_sizes_that_differ_name_the_file_and_the_remedy(tmp_path):
    for name in ("a", "b"):
        _png(tmp_path / f"{name}.png", _noise(6, 4))
    _png(tmp_path / "odd.png", _noise(3, 5))
    with pytest.raises(InputError, match=r"odd\.png is 3 × 5 and .*a\.png is 6 × 4.*size=\(6, 4\)"):
        read_images(tmp_path)
    images = read_images(tmp_path, size=(2, 3))
    assert images.pixels.shape == (3, 1, 2, 3)
    assert images.pixels.min() >= 0
    assert images.pixels.max() <= 1


def test_resizing_keeps_the_mean(tmp_path):
    ramp = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1))
    images = read_images(_png(tmp_path / "a.png", ramp), size=(16, 8))
    assert images.pixels.mean() == pytest.approx(ramp.mean() / 255, abs=0.01)
    assert (np.diff(images.pixels[0, 0, 0]) > 0).all()


def test_broken_images(tmp_path):
    good = _png(tmp_path / "good.png", _noise(40, 40))
    torn = tmp_path / "torn.png"
    torn.write_bytes(good.read_bytes()[:-500])
    with pytest.raises(InputError, match=r"torn\.png: cannot be decoded.*skip_broken=True"):
        read_images(tmp_path)
    images = read_images(tmp_path, skip_broken=True)
    assert images.ids == (str(good),)
    torn.write_bytes(b"no image")
    with pytest.raises(InputError, match="not an image of a known format"):
        read_images(torn, skip_broken=True)


def test_large_images_are_decoded_in_order(tmp_path):
    shades = range(0, 240, 20)
    for shade in shades:
        pixels = _noise(120, 120, 3) // 16 + np.uint8(shade)
        _png(tmp_path / f"{shade:03}.png", pixels)
    means = read_images(tmp_path).pixels.mean(axis=(1, 2, 3))
    assert (np.diff(means) > 0).all()


def test_limit_is_over_all_files(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((3, 2, 2)))
    np.savez(tmp_path / "b.npz", X=np.ones((3, 2, 2)))
    images = read_images(tmp_path, limit=4)
    assert images.pixels[:, 0, 0, 0].tolist() == [0, 0, 0, 1]
    assert images.ids[3] == f"{tmp_path / 'b.npz'}:1"


@pytest.mark.parametrize("shape", [(2, 4, 5), (2, 1, 4, 5), (2, 4, 5, 1)])
def test_arrays_of_one_channel(tmp_path, shape):
    pixels = RNG.random(shape)
    np.savez(tmp_path / "a.npz", X=pixels, y=[0, 1])
    images = read_images(tmp_path / "a.npz")
    np.testing.assert_array_equal(images.pixels[:, 0], pixels.reshape(2, 4, 5).astype(np.float32))
    assert images.label.tolist() == [0, 1]
    assert images.kind.tolist() == ["normal", "anomaly"]


def test_arrays_of_bytes_and_classes(tmp_path):
    pixels = _noise(3, 4, 5, 3)
    np.savez(tmp_path / "a.npz", X=pixels, y=[7, 1, 0])
    images = read_images(tmp_path / "a.npz", limit=2)
    np.testing.assert_allclose(images.pixels, pixels[:2].transpose(0, 3, 1, 2) / 255, rtol=1e-6)
    assert images.kind.tolist() == ["7", "1"]
    assert images.label is None


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.full((1, 2, 2), 200.0), "pixels from 200 to 200 as float64; expected 0 to 1"),
        (np.full((1, 2, 2), -1), "expected 0 to 255"),
        (np.zeros((1, 2, 2, 2)), "of 1 or 3 channels"),
        (np.zeros((2, 2)), "expected a 3-D or 4-D array"),
        (np.zeros((0, 2, 2)), "no images"),
    ],
)
def test_arrays_that_are_no_images(tmp_path, X, message):
    np.savez(tmp_path / "a.npz", X=X)
    with pytest.raises(InputError, match=message):
        read_images(tmp_path / "a.npz")


def test_parquet(tmp_path):
    pixels = _noise(2, 4, 4, 3)
    encoded = [_png(tmp_path / f"{i}.png", p).read_bytes() for i, p in enumerate(pixels)]
    cells = [{"bytes": data, "path": None} for data in encoded]
    path = tmp_path / "a.parquet"
    pl.DataFrame({"image": cells, "label": ["normal", "bent"]}).write_parquet(path)
    images = read_images(path)
    np.testing.assert_allclose(images.pixels, pixels.transpose(0, 3, 1, 2) / 255, rtol=1e-6)
    assert images.label.tolist() == [0, 1]
    pl.DataFrame({"img": encoded}).write_parquet(path)
    assert read_images(path, limit=1).ids == (f"{path}:1",)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match="no column img or image; its columns: a"):
        read_images(path)
    pl.DataFrame({"img": [1]}).write_parquet(path)
    with pytest.raises(InputError, match="expected the bytes of encoded images"):
        read_images(path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match="not a whole Parquet file"):
        read_images(path)


def test_binary_files_of_cifar10(tmp_path):
    pixels, labels = _noise(3, 3, 32, 32), np.array([[3], [9], [0]], dtype=np.uint8)
    records = np.hstack([labels, pixels.reshape(3, -1)])
    path = tmp_path / "data_batch_1.bin"
    path.write_bytes(records.tobytes())
    images = read_images(path)
    np.testing.assert_allclose(images.pixels, pixels / 255, rtol=1e-6)
    assert images.kind.tolist() == ["cat", "truck", "airplane"]
    path.write_bytes(records.tobytes()[:-1])
    with pytest.raises(InputError, match="records of 3,073 bytes"):
        read_images(path)


def test_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_images(tmp_path / "none.png")
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(InputError, match="no images in this folder"):
        read_images(tmp_path)
    for request in ({"size": (0, 3)}, {"limit": 0}):
        with pytest.raises(UsageError):
            read_images(tmp_path, **request)


def test_without_pillow_arrays_are_read_and_files_say_what_to_install(tmp_path, monkeypatch):
    path = _png(tmp_path / "a.png", _noise(3, 3))
    np.savez(tmp_path / "a.npz", X=np.zeros((1, 2, 2)))
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert len(read_images(tmp_path / "a.npz")) == 1
    with pytest.raises(AmissError, match=r"pip install 'amiss\[images\]'"):
        read_images(path)


def test_public_images(data_dir):
    images = read_images(data_dir / "cifar10" / "test.parquet", limit=50)
    assert images.pixels.shape == (50, 3, 32, 32)
    assert set(images.kind) <= {str(i) for i in range(len(CIFAR10_KINDS))}
    assert 0.3 < images.pixels.mean() < 0.7
