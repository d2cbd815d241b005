import gzip
import hashlib
import io
import tarfile
import urllib.error
import urllib.request

import numpy as np
import polars as pl
import pytest

from amiss.errors import InputError, UsageError
from amiss.read import datasets
from amiss.read.datasets import (
    KDD99_FAMILIES,
    KDD99_FEATURES,
    cache_folder,
    load_cifar10,
    load_kdd99,
)


@pytest.fixture(autouse=True)
def no_data_but_the_tests(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("AMISS_DATA", str(tmp_path / "data"))

    def offline(url, timeout):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(urllib.request, "urlopen", offline)


@pytest.fixture
def serve(monkeypatch):
    """Answer every download with these bytes, and remember what was asked for."""

    def serve(data):
        asked = []
        monkeypatch.setattr(
            urllib.request, "urlopen", lambda url, timeout: asked.append(url) or io.BytesIO(data)
        )
        return asked

    return serve


def _kdd_rows(*attacks):
    head = ["7", "tcp", "http", "SF"]
    return "".join(
        ",".join([*head, *(str(i) for i in range(4, 41)), attack]) + "\n" for attack in attacks
    )


def _cifar(label, n=1):
    return (bytes([label]) + bytes(range(256)) * 12) * n


def _archive(**files):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_bin", ".bin"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def _cifar_archive():
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    files = {f"cifar-10-batches-bin__{name}_bin": _cifar(i) for i, name in enumerate(names)}
    return _archive(**files, **{"..__escaped": b"bad"})


def test_kdd99_columns_kinds_and_labels(tmp_path):
    path = tmp_path / "kdd"
    path.write_text(_kdd_rows("normal.", "smurf.", "rootkit."))
    table = load_kdd99(path)
    assert table.columns == KDD99_FEATURES
    assert len(set(KDD99_FEATURES)) == 18
    # srv_count is the 24th of 41 columns, and the 17 after it follow
    assert table.values.tolist() == [list(range(23, 41))] * 3
    assert table.kind.tolist() == ["normal", "smurf", "rootkit"]
    assert table.label.tolist() == [0, 1, 1]
    assert table.row.tolist() == [1, 2, 3]
    assert load_kdd99(path, columns=["src_bytes", "duration"]).values[0].tolist() == [4, 7]


def test_kdd99_columns_that_cannot_be(tmp_path):
    with pytest.raises(UsageError, match="flag: holds words; its numeric columns: duration"):
        load_kdd99(tmp_path, columns=["flag"])
    with pytest.raises(UsageError, match=r"nope: is no column of KDD Cup 1999"):
        load_kdd99(tmp_path, columns=["nope"])


def test_kdd99_of_another_layout(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("1,2,3\n")
    with pytest.raises(InputError, match=r"other\.csv.*expected the 42 columns of KDD Cup 1999"):
        load_kdd99(path)


def test_nothing_is_downloaded_unasked(serve, tmp_path):
    asked = serve(b"")
    for load in (load_kdd99, load_cifar10):
        with pytest.raises(InputError, match="download=True") as caught:
            load()
        assert str(tmp_path / "data") in str(caught.value)
        assert str(tmp_path / "cache" / "amiss") in str(caught.value)
    assert asked == []


@pytest.mark.parametrize("load", [load_kdd99, load_cifar10])
def test_without_a_connection(load):
    with pytest.raises(InputError, match=r"cannot be downloaded.*no route.*pass path="):
        load(download=True)
    assert not [path for path in cache_folder().rglob("*") if path.is_file()]


def test_kdd99_is_downloaded_once(serve, monkeypatch):
    text = _kdd_rows("normal.", "smurf.").encode()
    monkeypatch.setattr(datasets, "_KDD99_BYTES", len(text))
    asked = serve(gzip.compress(text, mtime=0))
    assert len(load_kdd99(download=True)) == 2
    assert len(load_kdd99(download=True)) == len(load_kdd99()) == 2
    assert asked == ["http://kdd.ics.uci.edu/databases/kddcup99/kddcup.data_10_percent.gz"]
    kept = [path.name for path in cache_folder().rglob("*") if path.is_file()]
    assert kept == ["kddcup.data_10_percent.gz"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>moved</html>",
        gzip.compress(b"1,2\n", mtime=0),
        gzip.compress(b"1,2\n", mtime=0)[:-4],
    ],
)
@pytest.mark.parametrize("load", [load_kdd99, load_cifar10])
def test_what_comes_damaged_is_not_kept(serve, load, data):
    serve(data)
    with pytest.raises(InputError, match="came damaged"):
        load(download=True)
    assert not [path for path in cache_folder().rglob("*") if path.is_file()]


def test_cifar10_is_downloaded_and_only_its_files_are_kept(serve, monkeypatch, tmp_path):
    archive = _cifar_archive()
    monkeypatch.setattr(datasets, "_CIFAR10_SHA256", hashlib.sha256(archive).hexdigest())
    asked = serve(archive)
    images = load_cifar10(download=True)
    assert images.kind.tolist() == ["airplane", "automobile", "bird", "cat", "deer"]
    assert load_cifar10(split="test").kind.tolist() == ["dog"]
    assert len(asked) == 1
    kept = sorted(path.name for path in tmp_path.rglob("*") if path.is_file())
    assert kept == [*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"]


def test_an_archive_without_the_files(serve, monkeypatch):
    archive = _archive(readme=b"moved")
    monkeypatch.setattr(datasets, "_CIFAR10_SHA256", hashlib.sha256(archive).hexdigest())
    serve(archive)
    with pytest.raises(InputError, match=r"came damaged.*data_batch_1"):
        load_cifar10(download=True)


def test_cifar10_from_a_folder(tmp_path):
    (tmp_path / "data_batch_1.bin").write_bytes(_cifar(3, 4))
    images = load_cifar10(tmp_path, limit=2)
    assert images.pixels.shape == (2, 3, 32, 32)
    assert images.kind.tolist() == ["cat", "cat"]
    assert images.label is None
    assert load_cifar10(tmp_path / "data_batch_1.bin", "test").kind.tolist() == ["cat"] * 4
    with pytest.raises(InputError, match=r"expected test_batch\.bin or test\.parquet"):
        load_cifar10(tmp_path, "test")
    with pytest.raises(UsageError, match="expected train or test"):
        load_cifar10(tmp_path, "validation")


def test_other_images_are_not_cifar10(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.zeros((2, 3, 32, 32)), y=[3, 41])
    with pytest.raises(InputError, match="expected 0 to 9, or airplane to truck"):
        load_cifar10(tmp_path / "a.npz")


def test_public_kdd99(data_dir, monkeypatch):
    monkeypatch.setenv("AMISS_DATA", str(data_dir))
    table = load_kdd99()
    assert table.values.shape == (494_021, 18)
    assert np.isfinite(table.values).all()
    assert set(table.kind) == {"normal", *KDD99_FAMILIES}
    families = pl.Series([KDD99_FAMILIES.get(kind, kind) for kind in table.kind.tolist()])
    counts = {row["families"]: row["count"] for row in _counted(families)}
    assert counts == {"dos": 391_458, "normal": 97_278, "probe": 4_107, "r2l": 1_126, "u2r": 52}
    assert table.label.sum() == 494_021 - 97_278


def _counted(families):
    return families.alias("families").value_counts().to_dicts()


def test_public_cifar10(data_dir, monkeypatch):
    pytest.importorskip("PIL")
    monkeypatch.setenv("AMISS_DATA", str(data_dir))
    images = load_cifar10(split="test", limit=100)
    assert images.pixels.shape == (100, 3, 32, 32)
    assert set(images.kind) == set(datasets.CIFAR10_KINDS)
