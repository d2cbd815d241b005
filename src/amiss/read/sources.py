"""From what the user names (files, folders, globs, standard input) to blocks of whole lines.

Compression is told by the first bytes, not by the name. Memory is bounded by the block, and by
``MAX_LINE`` for a line without end. What cannot be read is counted, and what can be is kept.
"""

from __future__ import annotations

import codecs
import glob
import os
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias

from amiss.errors import InputError

BLOCK = 1 << 22
"""Bytes of text in a block."""
MAX_LINE = 1 << 20
"""Bytes of a line that are kept; the rest is cut off and the line counted."""

_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_GLOB = frozenset("*?[")

PathLike: TypeAlias = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Source:
    """One file to read: `name` is what the user sees, `path` where the bytes are."""

    name: str
    path: Path


@dataclass(slots=True)
class ReadReport:
    """What was read and what was not, filled while reading.

    Attributes
    ----------
    lines : int
        Lines read, blank ones included.
    counts : Counter of str
        Lines that needed mending, by what was done, such as ``"NUL bytes removed"``.
    damage : list of str
        One sentence for each file that could not be read to its end.
    """

    lines: int = 0
    bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    damage: list[str] = field(default_factory=list)


def find_sources(inputs: PathLike | Sequence[PathLike]) -> list[Source]:
    """Return the files that `inputs` name, in the order to read them.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files, folders (their files, by name), glob patterns, or ``-`` for standard input, which
        is copied to a temporary file so that findings can show its lines.

    Raises
    ------
    InputError
        A file does not exist or cannot be read, or nothing matches.
    """
    if isinstance(inputs, str | os.PathLike):
        inputs = [inputs]
    found: list[Source] = []
    for item in inputs:
        found.extend(_expand(os.fspath(item)))
    if not found:
        raise InputError("no input: expected a file, a folder, a glob pattern, or - for stdin")
    return found


def _expand(item: str) -> Iterator[Source]:
    path = Path(item)
    if item == "-":
        yield Source("<stdin>", _spool(sys.stdin.buffer))
    elif path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        if not files:
            raise InputError(f"{item}: the folder holds no files; name a log file")
        yield from (Source(str(p), p) for p in files)
    elif path.exists():
        yield Source(item, path)
    elif _GLOB & set(item):
        matches = sorted(glob.glob(item, recursive=True))  # noqa: PTH207 - takes absolute patterns too
        if not matches:
            raise InputError(f"{item}: no file matches this pattern")
        yield from (Source(m, Path(m)) for m in matches if Path(m).is_file())
    else:
        raise InputError(f"{item}: no such file; check the path, or pass - to read stdin")


def _spool(stream: BinaryIO) -> Path:
    """Copy standard input to disk: explanations read some of its lines a second time."""
    handle = tempfile.NamedTemporaryFile(prefix="amiss-stdin-", delete=False)  # noqa: SIM115 - it outlives this function
    with handle:
        shutil.copyfileobj(stream, handle, 1 << 20)
    _spooled.append(handle.name)
    return Path(handle.name)


_spooled: list[str] = []


def remove_spooled() -> None:
    """Delete the copies of standard input made by `find_sources`."""
    while _spooled:
        Path(_spooled.pop()).unlink(missing_ok=True)


def read_blocks(
    source: Source, report: ReadReport, progress: Callable[[int], None] | None = None
) -> Iterator[bytes]:
    """Yield the bytes of `source` in blocks of whole lines, decompressed, as UTF-8.

    The last block may lack its line end. A damaged file ends early, with a sentence in
    ``report.damage``; what came before the damage has been yielded.

    Parameters
    ----------
    source : Source
    report : ReadReport
        Filled in place.
    progress : callable, optional
        Told the number of bytes read from disk so far.

    Raises
    ------
    InputError
        The file cannot be opened.
    """
    try:
        file = source.path.open("rb")
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None
    with file:
        chunks = _decompressed(file, source, report, progress)
        yield from _whole_lines(_as_utf8(chunks), report)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _decompressed(
    file: BinaryIO,
    source: Source,
    report: ReadReport,
    progress: Callable[[int], None] | None,
) -> Iterator[bytes]:
    magic = file.read(4)
    file.seek(0)
    if magic.startswith(_GZIP):
        # 64 KiB of gzip are at most 64 MiB of text: a bomb costs time, not memory.
        new, step, name = _new_gzip, 1 << 16, "gzip"
    elif magic == _ZSTD:
        new, step, name = _new_zstd, 1 << 12, "zstd"
    else:
        new, step, name = None, BLOCK, ""
    decoder = new() if new else None
    try:
        while data := file.read(step):
            report.bytes += len(data)
            if progress:
                progress(report.bytes)
            if decoder is None or new is None:
                yield data
                continue
            while data:
                if decoder.eof:
                    decoder = new()  # the next member of a concatenated archive
                yield decoder.decompress(data)
                data = decoder.unused_data if decoder.eof else b""
        if decoder is not None and not decoder.eof:
            report.damage.append(f"{source.name}: the {name} data ends early; read up to there")
    except (zlib.error, OSError) as error:
        report.damage.append(f"{source.name}: damaged, read up to the damage ({error})")
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        report.damage.append(f"{source.name}: damaged, read up to the damage ({error})")


def _new_gzip() -> _Decoder:
    return zlib.decompressobj(wbits=31)


def _new_zstd() -> _Decoder:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj()


def _as_utf8(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Drop a UTF-8 byte-order mark and transcode UTF-16, which Windows tools write."""
    chunks = iter(chunks)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= 3:
            break
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        decoder = codecs.getincrementaldecoder("utf-16")(errors="replace")
        yield decoder.decode(head).encode()
        for chunk in chunks:
            yield decoder.decode(chunk).encode()
        yield decoder.decode(b"", final=True).encode()
        return
    yield head.removeprefix(codecs.BOM_UTF8)
    yield from chunks


def _whole_lines(chunks: Iterable[bytes], report: ReadReport) -> Iterator[bytes]:
    """Regroup `chunks` into blocks that end with a line end, endless lines cut."""
    parts: list[bytes] = []
    size = 0
    tail = 0  # bytes since the last line end
    for chunk in chunks:
        end = chunk.rfind(b"\n")
        if end < 0:
            # Beyond MAX_LINE the rest of the line is dropped here; `_mend` counts it as cut.
            kept = chunk[: max(0, MAX_LINE + 1 - tail)]
            parts.append(kept)
            size += len(kept)
            tail += len(kept)
            continue
        if size + len(chunk) >= BLOCK:
            yield b"".join([*parts, chunk[: end + 1]])
            parts, size = [chunk[end + 1 :]], len(chunk) - end - 1
        else:
            parts.append(chunk)
            size += len(chunk)
        tail = len(chunk) - end - 1
    if size:
        last = b"".join(parts)
        if not last.endswith(b"\n"):
            report.counts["last line without a line end (kept)"] += 1
        yield last
