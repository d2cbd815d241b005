"""Files of numpy arrays, without pickle: nothing in them is code."""

from __future__ import annotations

import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.errors import InputError
from amiss.read.sources import Source

_MAGIC = b"PK\x03\x04"


def is_array_file(source: Source) -> bool:
    """Return whether a file is an ``.npz``, by its first bytes and what is in it.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    try:
        with source.path.open("rb") as file:
            if file.read(4) != _MAGIC:
                return False
        with zipfile.ZipFile(source.path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile:  # torn: its name says what it was to be
        return source.path.suffix.lower() == ".npz"
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None


def read_arrays(source: Source, ndims: tuple[int, ...]) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Return the array `X` of an ``.npz``, and `y` where it has one.

    Parameters
    ----------
    source : Source
    ndims : tuple of int
        How many dimensions `X` may have. An array of another name is `X` if it is the only one.

    Raises
    ------
    InputError
        The file is damaged, holds objects, or no such array; or `y` is not one value a row.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp(), "a.npz")
    >>> np.savez(path, X=np.ones((2, 3)), y=[0, 1])
    >>> X, y = read_arrays(Source("a.npz", path), (2,))
    >>> X.shape, y.tolist()
    ((2, 3), [0, 1])
    """
    try:
        # Opened here: numpy leaves a torn file open.
        with source.path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {str(name): np.asarray(stored[name]) for name in stored.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(
            f"{source.name}: not a whole .npz of plain arrays ({error}); "
            "write it again with numpy.savez, without arrays of objects"
        ) from None
    wanted = " or ".join(f"{n}-D" for n in ndims)
    fitting = [name for name, array in arrays.items() if array.ndim in ndims]
    name = "X" if "X" in arrays else fitting[0] if len(fitting) == 1 else ""
    if name not in fitting:
        there = ", ".join(f"{key} {array.shape}" for key, array in arrays.items()) or "nothing"
        raise InputError(
            f"{source.name}: expected a {wanted} array X, or a single such array; "
            f"it holds {there[:300]}"
        )
    X, y = arrays[name], arrays.get("y") if name != "y" else None
    if X.dtype.kind not in "biuf":
        raise InputError(f"{source.name}: {name} holds {X.dtype}; expected real numbers")
    if y is not None and (y.ndim != 1 or len(y) != len(X)):
        y = y.reshape(-1) if y.size == len(X) else None  # a column vector is as good
        if y is None:
            raise InputError(
                f"{source.name}: y has the shape {arrays['y'].shape}; "
                f"expected one label for each of the {len(X):,} rows of {name}"
            )
    return X, y
