"""Model files: what was written comes back, and what was harmed is refused in one line."""

import hashlib
import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from amiss import store
from amiss.errors import InputError, ModelError

MANIFEST = {"name": "tëst", "rate": 0.1, "none": None, "list": [1, [2]], "flag": True}
ARRAYS = {
    "weights": np.arange(12, dtype=np.float32).reshape(3, 4),
    "ids": np.array([1, -2, 3], dtype=np.int64),
    "mask": np.array([[True], [False]]),
    "empty": np.empty((0, 7)),
    "transposed": np.arange(6.0).reshape(2, 3).T,
}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "model.amiss"
    store.write(path, "model", MANIFEST, ARRAYS)
    return path


def parts(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def repack(path, **changed):
    """Write the file again with other parts, as someone who edits it by hand would."""
    content = parts(path) | {
        {"manifest": "manifest.json", "arrays": "arrays.safetensors"}[k]: v
        for k, v in changed.items()
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


def sign(manifest, arrays):
    """Return the manifest with digests that are right, as someone who means harm would."""
    body = {k: v for k, v in manifest.items() if k != "manifest_sha256"}
    body["arrays_sha256"] = hashlib.sha256(arrays).hexdigest()
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return json.dumps(body | {"manifest_sha256": hashlib.sha256(canonical.encode()).hexdigest()})


def refused(path, message=None):
    with pytest.raises(ModelError, match=message) as caught:
        store.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_what_was_written_comes_back(saved):
    manifest, arrays = store.read(saved)
    assert manifest["kind"] == "model"
    assert manifest["content"] == MANIFEST
    assert manifest["format"] == store.FORMAT
    assert manifest["versions"]["numpy"] == np.__version__
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=30)
@given(
    content=st.dictionaries(st.text(), JSON, max_size=4),
    arrays=st.dictionaries(
        st.text("abc.", min_size=1, max_size=5),
        hnp.arrays(
            st.sampled_from([np.float64, np.int64, np.float32, np.int32, np.bool_]),
            hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
        ),
        max_size=3,
    ),
)
def test_any_values_and_arrays_come_back(tmp_path_factory, content, arrays):
    path = tmp_path_factory.getbasetemp() / "any.amiss"
    store.write(path, "detector", content, arrays)
    manifest, loaded = store.read(str(path))
    assert manifest["content"] == content
    assert loaded.keys() == arrays.keys()
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        np.testing.assert_array_equal(loaded[name], array)


@settings(max_examples=200)
@given(share=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_flipped_byte_is_refused_or_harmless(tmp_path_factory, share, flip):
    path = tmp_path_factory.getbasetemp() / "flipped.amiss"
    store.write(path, "model", MANIFEST, ARRAYS)
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= flip
    path.write_bytes(data)
    message = ""
    try:
        manifest, arrays = store.read(path)
    except ModelError as error:
        message = str(error)
    else:  # a date or an attribute of the archive was hit
        assert manifest["content"] == MANIFEST
        assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert "\n" not in message


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_refused(saved, share):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(len(data) * share)])
    refused(saved, "not an amiss model file, or damaged")


def test_an_edited_manifest_is_refused(saved):
    text = parts(saved)["manifest.json"].decode()
    assert '"rate": 0.1' in text
    repack(saved, manifest=text.replace('"rate": 0.1', '"rate": 0.2'))
    refused(saved, "altered since it was written")


def test_edited_arrays_are_refused(saved):
    arrays = parts(saved)["arrays.safetensors"]
    repack(saved, arrays=arrays[:-1] + bytes([arrays[-1] ^ 1]))
    refused(saved, "altered since it was written")


def test_a_file_without_its_digest_is_refused(saved):
    manifest = json.loads(parts(saved)["manifest.json"])
    del manifest["manifest_sha256"]
    repack(saved, manifest=json.dumps(manifest))
    refused(saved, "altered since it was written")


def test_a_newer_format_is_refused_with_what_to_do(saved):
    manifest = json.loads(parts(saved)["manifest.json"])
    manifest["format"] = store.FORMAT + 1
    repack(saved, manifest=json.dumps(manifest))
    refused(saved, f"format {store.FORMAT + 1}, this amiss reads up to {store.FORMAT}; upgrade")


@pytest.mark.parametrize("manifest", ["[]", "{}", "null", "1", '{"format": "1"}', "{", "\xff"])
def test_a_malformed_manifest_is_refused(saved, manifest):
    repack(saved, manifest=manifest)
    refused(saved)


@pytest.mark.parametrize(
    "change",
    [{"kind": "pickle"}, {"kind": None}, {"content": ...}],
    ids=["kind", "null", "content"],
)
def test_a_manifest_of_another_kind_is_refused_though_its_digests_are_right(saved, change):
    held = parts(saved)
    manifest = json.loads(held["manifest.json"]) | change
    manifest = {k: v for k, v in manifest.items() if v is not ...}
    repack(saved, manifest=sign(manifest, held["arrays.safetensors"]))
    refused(saved, "manifest is malformed")


@pytest.mark.parametrize(
    "header",
    [
        {"x": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4_000_000]}},
        {"x": {"dtype": "O", "shape": [1], "data_offsets": [0, 4]}},
        {"x": {"dtype": "F8_E8M0", "shape": [4], "data_offsets": [0, 4]}},
        [],
    ],
)
def test_malformed_arrays_are_refused_though_their_digests_are_right(saved, header):
    text = json.dumps(header).encode()
    arrays = len(text).to_bytes(8, "little") + text + bytes(4)
    manifest = json.loads(parts(saved)["manifest.json"])
    repack(saved, manifest=sign(manifest, arrays), arrays=arrays)
    refused(saved)


def test_a_foreign_archive_is_refused(tmp_path):
    path = tmp_path / "foreign.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"cos\nsystem\n(S'true'\ntR.")
    refused(path, "not an amiss model file")


def test_an_archive_with_a_part_too_many_is_refused(saved):
    with zipfile.ZipFile(saved, "a") as archive:
        archive.writestr("code.py", "raise SystemExit")
    refused(saved, "not an amiss model file")


@pytest.mark.parametrize("data", [b"", b"PK", b"just text\n" * 100, bytes(1000)])
def test_what_is_no_archive_is_refused(tmp_path, data):
    path = tmp_path / "notes.txt"
    path.write_bytes(data)
    refused(path, "not an amiss model file, or damaged")


def test_what_would_unpack_to_more_than_memory_is_refused(saved, monkeypatch):
    monkeypatch.setattr(store, "_MAX_BYTES", 100)
    refused(saved, "unpacks to more than")


def test_a_missing_file_is_an_input_error_that_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="no such model file; fit one with: amiss fit"):
        store.read(tmp_path / "absent.amiss")
    with pytest.raises(InputError, match="cannot be read"):
        store.read(tmp_path)


@pytest.mark.parametrize("name", ["absent/model", "file/model", "folder", "x" * 300])
def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="cannot be written"):
        store.write(tmp_path / name, "model", MANIFEST, ARRAYS)
    assert {p.name for p in tmp_path.iterdir()} == {"file", "folder"}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), object()])
def test_values_that_json_cannot_hold_leave_the_old_file_as_it_was(saved, bad):
    before = saved.read_bytes()
    with pytest.raises((ValueError, TypeError)):
        store.write(saved, "model", {"bad": bad}, ARRAYS)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_finite_turns_what_json_cannot_hold_into_none():
    values = [store.finite(x) for x in (1.5, float("nan"), float("inf"))]
    assert values == [1.5, None, None]
