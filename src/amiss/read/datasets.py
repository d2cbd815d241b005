"""Public data sets by name: found on disk, or downloaded when told to."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from types import MappingProxyType
from typing import IO, Literal, get_args

import numpy as np

from amiss.errors import InputError, UsageError
from amiss.read.images import CIFAR10_KINDS, read_images
from amiss.read.rows import read_table
from amiss.read.sources import PathLike
from amiss.types import Images, Table

KDD99_FEATURES = (
    *("srv_count", "serror_rate", "srv_serror_rate", "rerror_rate", "srv_rerror_rate"),
    *("same_srv_rate", "diff_srv_rate", "srv_diff_host_rate"),
    *("dst_host_count", "dst_host_srv_count", "dst_host_same_srv_rate", "dst_host_diff_srv_rate"),
    *("dst_host_same_src_port_rate", "dst_host_srv_diff_host_rate"),
    *("dst_host_serror_rate", "dst_host_srv_serror_rate"),
    *("dst_host_rerror_rate", "dst_host_srv_rerror_rate"),
)
"""The 18 continuous columns on the traffic of the last seconds and connections."""

_KDD99_COLUMNS = (
    *("duration", "protocol_type", "service", "flag", "src_bytes", "dst_bytes", "land"),
    *("wrong_fragment", "urgent", "hot", "num_failed_logins", "logged_in", "num_compromised"),
    *("root_shell", "su_attempted", "num_root", "num_file_creations", "num_shells"),
    *("num_access_files", "num_outbound_cmds", "is_host_login", "is_guest_login", "count"),
    *KDD99_FEATURES,
)
_KDD99_WORDS = frozenset({"protocol_type", "service", "flag"})

KDD99_FAMILIES = MappingProxyType(
    {
        **dict.fromkeys(["back", "land", "neptune", "pod", "smurf", "teardrop"], "dos"),
        **dict.fromkeys(["ftp_write", "guess_passwd", "imap", "multihop", "phf"], "r2l"),
        **dict.fromkeys(["spy", "warezclient", "warezmaster"], "r2l"),
        **dict.fromkeys(["buffer_overflow", "loadmodule", "perl", "rootkit"], "u2r"),
        **dict.fromkeys(["ipsweep", "nmap", "portsweep", "satan"], "probe"),
    }
)
"""The family of each attack: denial of service, from remote to local, from user to root, probe."""

Split = Literal["train", "test"]

_KDD99_FILE = "kddcup.data_10_percent.gz"
_KDD99_URL = "http://kdd.ics.uci.edu/databases/kddcup99/kddcup.data_10_percent.gz"
_KDD99_BYTES = 74_889_749  # decompressed; no checksum of the archive is published
_CIFAR10_FOLDER = "cifar-10-batches-bin"
_CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
_CIFAR10_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_CIFAR10_FILES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}
_CIFAR10_BYTES = 30_730_000  # of each binary file
_TIMEOUT = 60.0  # seconds of silence


def load_kdd99(
    path: PathLike | None = None,
    *,
    columns: Sequence[str] = KDD99_FEATURES,
    download: bool = False,
) -> Table:
    r"""Read KDD Cup 1999: network connections, four in five of them attacks.

    Parameters
    ----------
    path : path-like, optional
        The file ``kddcup.data_10_percent.gz``, or another of its layout. By default it is looked
        for in the folder `AMISS_DATA`, in ``kdd99``, and then among earlier downloads.
    columns : sequence of str, optional
        Any of the 38 numeric columns; by default the 18 continuous ones of `KDD99_FEATURES`.
    download : bool
        If the file is not there, fetch it from the UCI KDD Archive (2 MB).

    Returns
    -------
    Table
        Of the 10 % file 494,021 rows. `kind` is the name of the attack, or ``normal``; `label` is
        1 for attacks. `KDD99_FAMILIES` has the family of each.

    Raises
    ------
    InputError
        The file is not there, is damaged or of another layout, or cannot be downloaded.
    UsageError
        A column does not exist, or is no number.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> row = ",".join(["0", "udp", "http", "SF", *["0"] * 18, *["0.5"] * 19, "smurf."])
    >>> path = pathlib.Path(tempfile.mkdtemp(), "kdd")
    >>> _ = path.write_text(row + "\n")
    >>> table = load_kdd99(path)
    >>> table.values.shape, table.kind.tolist(), table.label.tolist()
    ((1, 18), ['smurf'], [1])
    >>> KDD99_FAMILIES[table.kind[0]]
    'dos'
    """
    for name in columns:
        if name not in _KDD99_COLUMNS or name in _KDD99_WORDS:
            wrong = "holds words" if name in _KDD99_WORDS else "is no column of KDD Cup 1999"
            there = ", ".join(column for column in _KDD99_COLUMNS if column not in _KDD99_WORDS)
            raise UsageError(f"{name}: {wrong}; its numeric columns: {there}")
    if path is None:
        path = _located([Path("kdd99", _KDD99_FILE)], _download_kdd99, download, "KDD Cup 1999")
    try:
        table = read_table(
            path,
            columns=[f"x{_KDD99_COLUMNS.index(name)}" for name in columns],
            kind=f"x{len(_KDD99_COLUMNS)}",
            has_header=False,
        )
    except InputError as error:
        raise InputError(
            f"{error}; expected the {len(_KDD99_COLUMNS) + 1} columns of KDD Cup 1999, without a "
            "header"
        ) from None
    assert table.kind is not None  # noqa: S101 - it was asked for
    kind = np.char.rstrip(table.kind, ".")
    label = (kind != "normal").astype(np.int64)
    return replace(table, columns=tuple(columns), kind=kind, label=label)


def load_cifar10(
    path: PathLike | None = None,
    split: Split = "train",
    *,
    limit: int | None = None,
    download: bool = False,
) -> Images:
    """Read CIFAR-10: colour photographs of ten kinds, 32 × 32 pixels.

    Parameters
    ----------
    path : path-like, optional
        The folder of the binary files (``data_batch_1.bin``, …) or of Parquet files in the layout
        of Hugging Face (``train.parquet``, ``test.parquet``), or one such file, whatever `split`.
        By default it is looked for in the folder `AMISS_DATA`, in ``cifar10``, and then among
        earlier downloads.
    split : {"train", "test"}
        50,000 or 10,000 images.
    limit : int, optional
        Read the first so many images only.
    download : bool
        If the files are not there, fetch them from the University of Toronto (170 MB).

    Returns
    -------
    Images
        `pixels` of shape (n, 3, 32, 32); `kind` from ``airplane`` to ``truck``. Nothing is an
        anomaly by itself: `label` is None.

    Raises
    ------
    InputError
        The files are not there, are damaged, or cannot be downloaded.
    UsageError
        There is no such split, or `limit` is not positive.
    AmissError
        The files are Parquet, and Pillow, the extra ``images``, is not installed.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "test_batch.bin").write_bytes(bytes([3]) + bytes(3072))
    >>> images = load_cifar10(folder, "test")
    >>> images.pixels.shape, images.kind.tolist()
    ((1, 3, 32, 32), ['cat'])
    """
    if split not in get_args(Split):
        raise UsageError(f"split={split!r}: expected train or test")
    if path is None:
        places = [Path("cifar10"), Path(_CIFAR10_FOLDER)]
        path = _located(
            places,
            _download_cifar10,
            download,
            "CIFAR-10",
            lambda p: bool(_cifar10_files(p, split)),
        )
    given = Path(path)
    files = _cifar10_files(given, split) if given.is_dir() else [given]
    if not files:
        raise InputError(
            f"{path}: no CIFAR-10 here; expected {_CIFAR10_FILES[split][0]} or {split}.parquet"
        )
    images = read_images(files, limit=limit)
    kind = images.kind
    if kind is not None and set(kind) <= {str(i) for i in range(len(CIFAR10_KINDS))}:
        kind = np.array(CIFAR10_KINDS)[kind.astype(np.int64)]
    if kind is None or not set(kind) <= set(CIFAR10_KINDS):
        raise InputError(
            f"{path}: its labels are not those of CIFAR-10; expected 0 to 9, or {CIFAR10_KINDS[0]} "
            f"to {CIFAR10_KINDS[-1]}"
        )
    return replace(images, kind=kind, label=None)


def _cifar10_files(folder: Path, split: Split) -> list[Path]:
    for inner in (folder, folder / _CIFAR10_FOLDER):
        binary = [inner / name for name in _CIFAR10_FILES[split]]
        there = [file for file in binary if file.is_file()]
        if there:  # some of the batches are a smaller set
            return there
    parquet = folder / f"{split}.parquet"
    return [parquet] if parquet.is_file() else []


def _located(
    names: list[Path],
    fetch: Callable[[Path], Path],
    download: bool,
    title: str,
    is_there: Callable[[Path], bool] = Path.is_file,
) -> Path:
    """Return where a data set is: in `AMISS_DATA`, in the cache, or there after a download."""
    cache = cache_folder()
    data = os.environ.get("AMISS_DATA")
    roots = [*([Path(data)] if data else []), cache]
    for place in (root / name for root in roots for name in names):
        if is_there(place):
            return place
    if download:
        return fetch(cache)
    looked = " and ".join(str(root / names[0]) for root in roots)
    raise InputError(
        f"{title} is not in {looked}; pass path=, name its folder in AMISS_DATA, or let "
        "download=True fetch it"
    )


def cache_folder() -> Path:
    """Return where downloads are kept: ``amiss`` in `XDG_CACHE_HOME`, or in ``~/.cache``."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "amiss"


def _download_kdd99(cache: Path) -> Path:
    target = cache / "kdd99" / _KDD99_FILE

    def keep(archive: Path) -> None:
        decoder, size = zlib.decompressobj(wbits=31), 0
        with archive.open("rb") as file:
            while data := file.read(1 << 16):
                size += len(decoder.decompress(data))
        if not decoder.eof or size != _KDD99_BYTES:
            raise ValueError(f"{size:,} bytes of text instead of {_KDD99_BYTES:,}")
        archive.replace(target)

    _download(_KDD99_URL, target.parent, keep)
    return target


def _download_cifar10(cache: Path) -> Path:
    target = cache / _CIFAR10_FOLDER

    def keep(archive: Path) -> None:
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != _CIFAR10_SHA256:
            raise ValueError(f"its SHA-256 is {found} instead of {_CIFAR10_SHA256}")
        # Six members by name and to names of ours: nothing else of the archive reaches the disk.
        with tarfile.open(archive) as tar:
            for name in (name for names in _CIFAR10_FILES.values() for name in names):
                member = tar.extractfile(f"{_CIFAR10_FOLDER}/{name}")
                if member is None:
                    raise ValueError(f"{name} in it is no file")
                _write(member, target / name)

    _download(_CIFAR10_URL, target, keep)
    return target


def _write(stream: IO[bytes], target: Path) -> None:
    """Copy a stream to a file that is there whole or not at all."""
    part = target.with_suffix(f".{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _download(url: str, folder: Path, keep: Callable[[Path], None]) -> None:
    """Fetch `url` to a temporary file in `folder`, which `keep` checks and puts in its place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            part = Path(temporary, "download")
            answer = urllib.request.urlopen(url, timeout=_TIMEOUT)  # noqa: S310 - one of ours
            with answer as response, part.open("wb") as file:
                shutil.copyfileobj(response, file, 1 << 20)
            keep(part)
    except (ValueError, KeyError, EOFError, tarfile.TarError, zlib.error) as error:
        raise InputError(
            f"{url}: came damaged ({error}); try again, or fetch it by other means and pass path="
        ) from None
    except (OSError, HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise InputError(
            f"{url}: cannot be downloaded to {folder} ({reason}); is there a connection? "
            "Fetch it by other means and pass path="
        ) from None
