"""Model files: a zip of a JSON manifest and a safetensors file. Data only, never code.

The manifest carries a digest of itself and of the tensors, so that a damaged or edited file is
told from a good one before anything of it is used.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError, ModelError

FORMAT = 1
"""Version of the file format; a reader refuses files of a newer one."""
KINDS = ("model", "rows", "detector")
"""What a file may hold: a model of logs, one of tables or images, or a bare detector."""

_MANIFEST, _ARRAYS = "manifest.json", "arrays.safetensors"
_MAX_BYTES = 1 << 32
_LIBRARIES = ("numpy", "polars", "scikit-learn", "scipy", "torch")
_REPAIR = "fit the model again, or restore the file from a copy"


def write(
    path: str | PathLike[str],
    kind: str,
    manifest: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
) -> None:
    """Write a model file.

    Parameters
    ----------
    path : path-like
    kind : str
        One of `KINDS`.
    manifest : dict
        JSON values.
    arrays : dict of str to ndarray

    Raises
    ------
    InputError
        The file cannot be written.
    """
    from safetensors.numpy import save

    tensors = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    body = {
        "format": FORMAT,
        "kind": kind,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": _versions(),
        "arrays_sha256": hashlib.sha256(tensors).hexdigest(),
        "content": manifest,
    }
    body["manifest_sha256"] = _digest(body)
    text = json.dumps(body, indent=1, allow_nan=False, default=_plain)
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    try:
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_MANIFEST, text)
            archive.writestr(_ARRAYS, tensors)
        partial.replace(target)  # never a half-written model under the final name
    except OSError as error:
        with suppress(OSError):  # there is none where the folder is what is wrong
            partial.unlink()
        raise InputError(f"{target}: cannot be written ({error.strerror})") from None


def read(path: str | PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a model file: (manifest, arrays), the manifest with its ``content`` and ``kind``.

    Raises
    ------
    InputError
        There is no such file, or it cannot be read.
    ModelError
        It is not a model file, or it is truncated, altered, or of a newer format.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    target = Path(path)
    try:
        file = target.open("rb")
    except FileNotFoundError:
        raise InputError(
            f"{target}: no such model file; fit one with: amiss fit LOG -o MODEL"
        ) from None
    except OSError as error:
        raise InputError(f"{target}: cannot be read ({error.strerror})") from None
    try:
        with file, zipfile.ZipFile(file) as archive:
            sizes = {info.filename: info.file_size for info in archive.infolist()}
            if set(sizes) != {_MANIFEST, _ARRAYS}:
                raise ModelError(f"{target}: not an amiss model file; {_REPAIR}")
            if sum(sizes.values()) > _MAX_BYTES:
                raise ModelError(f"{target}: unpacks to more than {_MAX_BYTES >> 30} GiB; refused")
            manifest = json.loads(archive.read(_MANIFEST))
            tensors = archive.read(_ARRAYS)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, EOFError, RuntimeError) as error:
        raise ModelError(
            f"{target}: not an amiss model file, or damaged ({error}); {_REPAIR}"
        ) from None
    _check(target, manifest, tensors)
    try:
        return manifest, load(tensors)
    except (SafetensorError, KeyError) as error:  # KeyError: a type of number unknown to numpy
        raise ModelError(f"{target}: its arrays are malformed ({error}); {_REPAIR}") from None


@contextmanager
def locked(path: str | PathLike[str]) -> Iterator[None]:
    """Let nobody else who asks change a file meanwhile; where the system cannot, do nothing."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        yield
        return
    descriptor = -1
    while descriptor < 0:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:  # reading says what is wrong
            yield
            return
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Who had it may have put another file in its place.
        if not _is_there(descriptor, path):
            os.close(descriptor)
            descriptor = -1
    try:
        yield
    finally:
        os.close(descriptor)


def _is_there(descriptor: int, path: str | PathLike[str]) -> bool:
    try:
        return os.fstat(descriptor).st_ino == os.stat(path).st_ino  # noqa: PTH116
    except OSError:
        return False


def sizes(path: str | PathLike[str]) -> dict[str, int]:
    """Return how many bytes of a model file its manifest and its arrays take, packed."""
    with zipfile.ZipFile(path) as archive:
        return {info.filename: info.compress_size for info in archive.infolist()}


def text_size(value: Any) -> int:
    """Return how many bytes a part of a manifest takes, unpacked."""
    return len(json.dumps(value, indent=1, default=_plain))


def _check(target: Path, manifest: Any, tensors: bytes) -> None:
    if not isinstance(manifest, dict) or not isinstance(manifest.get("format"), int):
        raise ModelError(f"{target}: its manifest is malformed; {_REPAIR}")
    if manifest["format"] > FORMAT:
        raise ModelError(
            f"{target}: written in model format {manifest['format']}, this amiss reads up to "
            f"{FORMAT}; upgrade amiss, or fit the model again"
        )
    claimed = manifest.pop("manifest_sha256", None)
    if (
        claimed != _digest(manifest)
        or manifest.get("arrays_sha256") != hashlib.sha256(tensors).hexdigest()
    ):
        raise ModelError(f"{target}: altered since it was written; {_REPAIR}")
    if manifest.get("kind") not in KINDS or "content" not in manifest:
        raise ModelError(f"{target}: its manifest is malformed; {_REPAIR}")


def _digest(manifest: dict[str, Any]) -> str:
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return scalars and arrays of numpy, as parameters may be, as JSON has them."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored")


def _versions() -> dict[str, str]:
    from amiss import __version__

    found = {"amiss": __version__}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:  # a part of the library may be vendored
            continue
    return found


def with_prefix(arrays: dict[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with `prefix`, without it."""
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def finite(value: float) -> float | None:
    """Return `value` as JSON can hold it: None for infinities and NaN."""
    return value if math.isfinite(value) else None
