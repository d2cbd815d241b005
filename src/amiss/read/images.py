"""Images of one size: files, Parquet, the binary files of CIFAR-10, and arrays.

Pillow decodes, large images on threads: it lets go of the interpreter meanwhile. All that knows it
is here.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.errors import AmissError, InputError, UsageError
from amiss.read.arrays import is_array_file, read_arrays
from amiss.read.cells import as_words
from amiss.read.frames import find_column
from amiss.read.sources import PathLike, Source, find_sources
from amiss.types import Images

CIFAR10_KINDS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)
"""What the labels 0 to 9 of CIFAR-10 stand for."""
_RECORD = 1 + 3 * 32 * 32  # a label, then the pixels of red, green and blue
IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff"})
"""Names of image files end so."""
_PACKED = frozenset({".parquet", ".bin", ".npz"})
_NORMAL = frozenset({"normal", "good"})
_LABELS = {"0": "normal", "1": "anomaly", "-1": ""}
_WORKERS = min(8, os.cpu_count() or 1)
_SMALL = 1 << 15  # bytes of an image that takes longer to hand to a thread than to decode


@dataclass(frozen=True, slots=True)
class _Item:
    """One image: encoded, in memory or in a file, or pixels (c, h, w), uint8 or from 0 to 1."""

    id: str
    kind: str
    data: bytes | Path | NDArray[Any]


class _BrokenError(Exception):
    """An image that cannot be decoded."""


def read_images(
    source: PathLike | Sequence[PathLike],
    *,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
    skip_broken: bool = False,
) -> Images:
    """Read images into one array.

    Parameters
    ----------
    source : path-like, or sequence of path-like
        Image files, glob patterns, or a folder, whose subfolders name the classes. Also Parquet in
        the layout of Hugging Face (a column `img` or `image` of encoded bytes, `label` if there
        is one), the binary files of CIFAR-10, or an ``.npz`` of an array `X` of shape
        (n, h, w), (n, c, h, w) or (n, h, w, c), with `y` if there are labels.
    size : (int, int), optional
        Height and width, in pixels, that all images are resized to.
    limit : int, optional
        Read the first so many images only.
    skip_broken : bool
        Leave out images that cannot be decoded, instead of an error.

    Returns
    -------
    Images
        Pixels from 0 to 1; one channel where all images are grey, else red, green and blue. An
        alpha channel is dropped. Where a kind is called normal or good, all others are anomalies;
        a `y` of 0 and 1 is read as normal and anomaly.

    Raises
    ------
    InputError
        A file is missing, is no image, or is broken; there are none; or their sizes differ.
    UsageError
        `size` or `limit` is not positive.
    AmissError
        Pillow, the extra ``images``, is not installed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from PIL import Image
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for kind in ("cat", "dog"):
    ...     (folder / kind).mkdir()
    ...     Image.new("L", (4, 3), 255).save(folder / kind / "1.png")
    >>> images = read_images(folder)
    >>> images.pixels.shape, images.kind.tolist(), images.pixels.max().item()
    ((2, 1, 3, 4), ['cat', 'dog'], 1.0)
    """
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise UsageError(f"size={size!r}: expected (height, width) in pixels, each at least 1")
    if limit is not None and limit < 1:
        raise UsageError(f"limit={limit}: expected at least 1; leave it out to read all")
    names, found = _find(source)
    items: list[_Item] = []
    for item, kind in found:
        left = None if limit is None else limit - len(items)
        if left == 0:
            break
        items.extend(_items_of(item, kind, left))
    if not items:
        raise InputError(f"{', '.join(names[:3])}: no images; expected one at least")
    kept, arrays = _loaded(items, size, skip_broken)
    told = any(item.kind for item in kept)
    kinds = np.array([item.kind for item in kept], dtype=np.str_) if told else None
    ids = tuple(item.id for item in kept)
    return Images(_stacked(kept, arrays), ids, _label(kinds), kinds, names)


def import_pillow() -> Any:
    """Return Pillow's ``Image``, which is an extra, or say how to get it."""
    try:
        from PIL import Image
    except ImportError:
        raise AmissError(
            "images need Pillow, which is not installed; type: pip install 'amiss[images]'"
        ) from None
    return Image


def _find(
    source: PathLike | Sequence[PathLike],
) -> tuple[tuple[str, ...], list[tuple[Source, str]]]:
    """Return what the user named, and the files there, each with its class if a folder has it."""
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    names, found = [], []
    for item in given:
        root = Path(item)
        names.append(os.fspath(item))
        files = find_sources([item])
        if root.is_dir():
            files = [f for f in files if f.path.suffix.lower() in IMAGE_SUFFIXES | _PACKED]
            if not files:
                raise InputError(
                    f"{item}: no images in this folder; expected files such as "
                    f"{', '.join(sorted(IMAGE_SUFFIXES | _PACKED))}"
                )
            found += [(file, _folder_kind(file, root)) for file in files]
        else:
            found += [(file, "") for file in files]
    return tuple(names), found


def _folder_kind(file: Source, root: Path) -> str:
    inside = file.path.relative_to(root).parts
    return inside[0] if len(inside) > 1 else ""


def _items_of(source: Source, kind: str, limit: int | None) -> Iterator[_Item]:
    try:
        with source.path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None
    if magic == b"PAR1":
        yield from _parquet_items(source, kind, limit)
    elif is_array_file(source):
        yield from _array_items(source, kind, limit)
    elif source.path.suffix.lower() == ".bin":
        yield from _cifar_items(source, limit)
    else:
        yield _Item(source.name, kind, source.path)


def _parquet_items(source: Source, kind: str, limit: int | None) -> Iterator[_Item]:
    try:
        schema = pl.read_parquet_schema(source.path)
        image = find_column(schema, ["img", "image"])
        if image is None:
            raise InputError(
                f"{source.name}: no column img or image; its columns: {', '.join(schema)[:300]}"
            )
        label = find_column(schema, ["label"])
        columns = [image, *([label] if label else [])]
        frame = pl.read_parquet(source.path, columns=columns, n_rows=limit)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(
            f"{source.name}: not a whole Parquet file ({reason}); copy or write it again"
        ) from None
    cells = frame[image]
    if isinstance(cells.dtype, pl.Struct) and "bytes" in [f.name for f in cells.dtype.fields]:
        cells = cells.struct.field("bytes")
    if cells.dtype != pl.Binary:
        raise InputError(
            f"{source.name}: column {image} holds {cells.dtype}; expected the bytes of encoded "
            "images, or a struct with them in its field bytes"
        )
    kinds = as_words(frame[label]).tolist() if label else [kind] * len(frame)
    for row, (data, name) in enumerate(zip(cells, kinds, strict=True), 1):
        yield _Item(f"{source.name}:{row}", name, data or b"")


def _cifar_items(source: Source, limit: int | None) -> Iterator[_Item]:
    data = np.fromfile(source.path, dtype=np.uint8)
    records = data[: len(data) // _RECORD * _RECORD].reshape(-1, _RECORD)
    if len(data) % _RECORD or not len(data) or records[:, 0].max() >= len(CIFAR10_KINDS):
        raise InputError(
            f"{source.name}: {len(data):,} bytes; expected the binary layout of CIFAR-10, "
            f"records of {_RECORD:,} bytes of which the first is a label from 0 to 9; "
            "get the file again"
        )
    for row, record in enumerate(records[:limit], 1):
        pixels = record[1:].reshape(3, 32, 32)
        yield _Item(f"{source.name}:{row}", CIFAR10_KINDS[record[0]], pixels)


def _array_items(source: Source, kind: str, limit: int | None) -> Iterator[_Item]:
    X, y = read_arrays(source, (3, 4))
    X = _channels_first(source, X[:limit])
    if X.dtype.kind == "b":
        X = X.astype(np.float32)
    elif X.dtype.kind in "iu" and X.dtype != np.uint8:
        top = np.iinfo(X.dtype).max if X.dtype == np.uint16 else 255
        _check_range(source, X, top)
        X = (X / top).astype(np.float32)
    elif X.dtype.kind == "f":
        _check_range(source, X, 1)
    kinds = [kind] * len(X)
    if y is not None:
        words = as_words(pl.Series(y.tolist())).tolist()
        if set(words) <= set(_LABELS):  # labels of anomalies, unlike those of several classes
            words = [_LABELS[word] for word in words]
        kinds = words[: len(X)]
    for row, (pixels, name) in enumerate(zip(X, kinds, strict=True), 1):
        yield _Item(f"{source.name}:{row}", name, pixels)


def _channels_first(source: Source, X: NDArray[Any]) -> NDArray[Any]:
    if X.ndim == 3:
        return X[:, None]
    if X.shape[1] in (1, 3):
        return X
    if X.shape[3] in (1, 3):
        return np.moveaxis(X, 3, 1)
    raise InputError(
        f"{source.name}: X has the shape {X.shape}; expected (n, channels, height, width) or "
        "(n, height, width, channels), of 1 or 3 channels"
    )


def _check_range(source: Source, X: NDArray[Any], top: float) -> None:
    if (X < 0).any() or (top < X).any():  # NaN is for detectors to refuse, who name its place
        raise InputError(
            f"{source.name}: pixels from {np.nanmin(X):g} to {np.nanmax(X):g} as {X.dtype}; "
            f"expected 0 to {top}: scale them, or store 0 to 255 as uint8"
        )


def _decode(data: bytes | Path) -> NDArray[Any]:
    """Return the pixels of an encoded image, (channels, height, width): uint8, or from 0 to 1."""
    image_of = import_pillow()
    try:
        with image_of.open(BytesIO(data) if isinstance(data, bytes) else data) as image:
            if image.mode == "F" or image.mode.startswith("I"):
                top = 1 if image.mode == "F" else 65535
                deep = np.asarray(image, dtype=np.float32)[None] / np.float32(top)
                if not (deep.min() >= 0 and deep.max() <= 1):
                    raise ValueError(f"pixels beyond 0 to {top}")
                return deep
            if image.mode == "P" and "transparency" in image.info:
                pixels = np.asarray(image.convert("RGBA").convert("RGB"))
            else:
                grey = image.mode in ("1", "L", "LA")
                pixels = np.asarray(image.convert("L" if grey else "RGB"))
    except Exception as error:  # decoders raise what they like on broken bytes
        known = type(error).__name__ != "UnidentifiedImageError"
        raise _BrokenError(str(error) if known else "not an image of a known format") from None
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _resized(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    image_of = import_pillow()
    if pixels.dtype != np.uint8:
        pixels = pixels.astype(np.float32)
    channels = [
        image_of.fromarray(channel).resize(size[::-1], image_of.Resampling.BILINEAR)
        for channel in np.ascontiguousarray(pixels)
    ]
    return np.stack([np.asarray(channel) for channel in channels])


def _loaded(
    items: list[_Item], size: tuple[int, int] | None, skip_broken: bool
) -> tuple[list[_Item], list[NDArray[Any]]]:
    """Return the images that can be decoded, and their pixels."""
    if size is not None or not all(isinstance(item.data, np.ndarray) for item in items):
        import_pillow()  # before the threads start, so that its absence is one error

    def load(item: _Item) -> NDArray[Any] | _BrokenError:
        try:
            data = item.data
            pixels = data if isinstance(data, np.ndarray) else _decode(data)
        except _BrokenError as error:
            return error
        return pixels if size is None or pixels.shape[1:] == size else _resized(pixels, size)

    if max(map(_encoded_bytes, items[:: len(items) // 100 + 1])) < _SMALL:
        loaded = list(map(load, items))
    else:
        with ThreadPoolExecutor(_WORKERS) as pool:
            loaded = list(pool.map(load, items))
    results = list(zip(items, loaded, strict=True))
    good = [(item, pixels) for item, pixels in results if not isinstance(pixels, _BrokenError)]
    broken = [(item, error) for item, error in results if isinstance(error, _BrokenError)]
    if broken and not (skip_broken and good):
        first, error = broken[0]
        more = f", and {len(broken) - 1:,} more of {len(items):,}" if len(broken) > 1 else ""
        remedy = "; skip_broken=True leaves it out" if good else "; expected images such as PNG"
        raise InputError(f"{first.id}: cannot be decoded ({error}){more}{remedy}")
    return [item for item, _ in good], [pixels for _, pixels in good]


def _encoded_bytes(item: _Item) -> int:
    if isinstance(item.data, np.ndarray):
        return 0
    return len(item.data) if isinstance(item.data, bytes) else item.data.stat().st_size


def _stacked(items: list[_Item], arrays: list[NDArray[Any]]) -> NDArray[np.float32]:
    sizes = [pixels.shape[1:] for pixels in arrays]
    (usual, _), *others = Counter(sizes).most_common()
    if others:
        odd, one = (
            next(i for i, s in enumerate(sizes) if (s == usual) == u) for u in (False, True)
        )
        told = [f"{items[i].id} is {sizes[i][0]} × {sizes[i][1]}" for i in (odd, one)]
        raise InputError(
            f"{' and '.join(told)} pixels high and wide, and {len(others) + 1} sizes there are; "
            f"expected one: size={usual} resizes all"
        )
    # A grey image among coloured ones is repeated for each channel.
    stack = np.empty((len(arrays), max(len(p) for p in arrays), *usual), dtype=np.float32)
    for row, pixels in zip(stack, arrays, strict=True):
        if pixels.dtype == np.uint8:
            np.divide(pixels, 255, out=row, dtype=np.float32)
        else:
            row[:] = pixels
    return stack


def _label(kinds: NDArray[Any] | None) -> NDArray[np.int64] | None:
    if kinds is None or not np.isin(lower := np.char.lower(kinds), [*_NORMAL, "anomaly"]).any():
        return None
    labels = 1 - np.isin(lower, [*_NORMAL]).astype(np.int64)
    labels[kinds == ""] = -1
    return labels
