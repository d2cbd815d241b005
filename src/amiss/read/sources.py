"""From what the user names (files, folders, globs, standard input) to blocks of whole lines.

Compression is told by the first bytes, not by the name. Memory is bounded by the block, and by
``MAX_LINE`` for a line without end. What cannot be read is counted, and what can be is kept.
"""

from __future__ import annotations

import codecs
import glob
import os
import re
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeAlias

from amiss.errors import InputError
from amiss.read.compression import (
    HEAD,
    PIECE,
    ZIP,
    Members,
    check_is_text,
    is_damage,
    looks_binary,
    open_zip,
    packer_of,
)

BLOCK = 1 << 22
"""Bytes of text in a block."""
MAX_LINE = 1 << 20
"""Bytes of a line that are kept; the rest is cut off and the line counted."""

_NEWEST = (2, 0)
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
    notes : list of str
        What else a reader should know, such as columns that were taken for no measurement.
    """

    lines: int = 0
    bytes: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    damage: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: ReadReport) -> None:
        """Take over what `other` counted after this; its `bytes` include those of this one."""
        self.lines += other.lines
        self.bytes = max(self.bytes, other.bytes)
        self.counts.update(other.counts)
        self.damage += other.damage
        self.notes += other.notes


def find_sources(inputs: PathLike | Sequence[PathLike | Source]) -> list[Source]:
    """Return the files that `inputs` name, in the order to read them.

    Files of one rotated log (``app.log.2.gz``, ``app.log.1``, ``app.log``, or with dates) stand
    where the first of them does, the oldest first.

    Parameters
    ----------
    inputs : path-like, or sequence of path-like
        Files, folders (their files, by name), glob patterns, or ``-`` for standard input, which
        is copied to a temporary file so that findings can show its lines. Sources found before
        are taken as they are.

    Raises
    ------
    InputError
        A file does not exist or cannot be read, or nothing matches.
    """
    if isinstance(inputs, str | os.PathLike):
        inputs = [inputs]
    found: list[Source] = []
    for item in inputs:
        if isinstance(item, Source):
            found.append(item)
            continue
        try:
            found.extend(_expand(os.fspath(item)))
        except OSError as error:
            raise InputError(f"{item}: cannot be read ({error.strerror})") from None
    if not found:
        raise InputError("no input: expected a file, a folder, a glob pattern, or - for stdin")
    return _oldest_first(found)


def _oldest_first(sources: list[Source]) -> list[Source]:
    """Return sources with the files of one rotated log together, the oldest first."""
    logs: dict[tuple[str, str], list[tuple[tuple[int, int], Source]]] = {}
    for source in sources:
        folder, name = os.path.split(source.name)
        base, age = _rotation(name)
        logs.setdefault((folder, base), []).append((age, source))
    ordered: list[Source] = []
    for (_, base), files in logs.items():
        # Without the file that is written to, numbers may count parts as well as ages.
        if base.endswith(".log") or any(age == _NEWEST for age, _ in files):
            files.sort(key=lambda file: file[0])
        ordered += [source for _, source in files]
    return ordered


def _rotation(name: str) -> tuple[str, tuple[int, int]]:
    """Return the name of a rotated log, and what orders its files by age."""
    plain = re.sub(r"\.(?:gz|zst|bz2|xz|zip)$", "", name)
    match = re.fullmatch(r"(.+?)(?:[.-]([0-9]{1,4})|[.-]([0-9]{4}-?[0-9]{2}-?[0-9]{2}.*))", plain)
    if match is None:
        return plain, _NEWEST
    base, number, date = match.groups()
    if number:
        return base, (1, -int(number))
    return base, (0, int(re.sub("[^0-9]", "", date)))


def _expand(item: str) -> Iterator[Source]:
    path = Path(item)
    if item == "-":
        yield Source("<stdin>", _spool(sys.stdin.buffer))
    elif path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
        if not files:
            raise InputError(f"{item}: the folder holds no files; name a log file")
        yield from (Source(str(p), p) for p in files)
    elif path.is_file():
        yield Source(item, path)
    elif path.exists():  # a pipe, such as a shell's <(command), is read once only, as stdin is
        with path.open("rb") as stream:
            yield Source(item, _spool(stream))
    elif _GLOB & set(item):
        matches = sorted(glob.glob(item, recursive=True))  # noqa: PTH207 - takes absolute patterns too
        if not matches:
            raise InputError(f"{item}: no file matches this pattern")
        yield from (Source(m, Path(m)) for m in matches if Path(m).is_file())
    else:
        raise InputError(f"{item}: no such file; check the path, or pass - to read stdin")


def _spool(stream: BinaryIO) -> Path:
    """Copy a stream to disk: explanations read some of its lines a second time."""
    handle = tempfile.NamedTemporaryFile(prefix="amiss-stdin-", delete=False)  # noqa: SIM115 - it outlives this function
    _spooled.append(handle.name)  # first, so that an interrupted copy is removed too
    with handle:
        shutil.copyfileobj(stream, handle, 1 << 20)
    return Path(handle.name)


_spooled: list[str] = []


def remove_spooled() -> None:
    """Delete the copies of standard input and pipes made by `find_sources`."""
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
        The file cannot be opened, or nothing of it be read.
    """
    try:
        file = source.path.open("rb")
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None
    with file:
        chunks = _decompressed(file, source, report, progress)
        yield from _whole_lines(_without_nul(_as_utf8(chunks), report), report)


def _decompressed(
    file: BinaryIO,
    source: Source,
    report: ReadReport,
    progress: Callable[[int], None] | None,
) -> Iterator[bytes]:
    try:
        head = file.read(HEAD)
        file.seek(0)
    except OSError as error:
        raise InputError(f"{source.name}: cannot be read ({error.strerror})") from None
    packer, start, size, checksum = packer_of(head), 0, None, None
    if head.startswith(ZIP):
        packer, start, size, checksum, damage = open_zip(file, source.name)
        file.seek(start)
        report.damage += [f"{source.name}: a zip archive, {damage}"] if damage else []
        report.bytes += start
    decoder = Members(packer) if packer else None
    step = packer.step if packer else BLOCK
    steps, given, begun, found = 0, 0, False, 0
    try:
        for data in _steps(file, step, size):
            report.bytes += len(data)
            given = 0
            if progress:
                progress(report.bytes)
            for piece in decoder.pieces(data) if decoder else (data,):
                if not begun and piece:
                    _check_begin(source, piece, report)
                    begun = True
                if checksum is not None:
                    found = zlib.crc32(piece, found)
                given += len(piece)
                yield piece
            steps += 1
        cut = not decoder.eof if decoder else size is not None and report.bytes < start + size
        if not cut and checksum not in (None, found):
            report.damage.append(f"{source.name}: damaged, its checksum is another")
        if cut:
            kind = packer.name if packer else "zip"
            report.damage.append(f"{source.name}: the {kind} data ends early; read up to there")
    except InputError:
        raise
    except Exception as error:
        if not (is_damage(error) or isinstance(error, OSError)):
            raise
        if packer and is_damage(error):
            file.seek(start)
            for piece in _up_to_damage(file, Members(packer), step, steps, given):
                if not begun:
                    _check_begin(source, piece, report)
                    begun = True
                yield piece
        report.damage.append(f"{source.name}: damaged, read up to the damage ({error})")


def _check_begin(source: Source, text: bytes, report: ReadReport) -> None:
    """Refuse what is known to be no text, and say what does not look like any."""
    check_is_text(source.name, text[:HEAD])
    if looks_binary(text[:HEAD]):
        report.notes.append(f"{source.name}: looks like binary data, not like a log")


def _steps(file: BinaryIO, step: int, size: int | None) -> Iterator[bytes]:
    """Yield the bytes of a file in steps, only `size` of them if that is known."""
    while data := file.read(step if size is None else min(step, size)):
        size = None if size is None else size - len(data)
        yield data


def _up_to_damage(
    file: BinaryIO, decoder: Members, step: int, steps: int, given: int
) -> Iterator[bytes]:
    """Yield what the step after `steps` good ones holds before its damage, from `given` bytes on.

    A decoder that fails keeps what it made last; fed byte by byte, it gives it out.
    """
    for _ in range(steps):
        for _ in decoder.pieces(file.read(step)):
            pass
    parts: list[bytes] = []
    size = 0
    try:
        while byte := file.read(1):
            for piece in decoder.pieces(byte):
                parts.append(piece[given:])
                given -= min(given, len(piece))
                size += len(parts[-1])
                if size >= PIECE:
                    yield b"".join(parts)
                    parts, size = [], 0
    except Exception as error:
        if not is_damage(error):
            raise
    if size:
        yield b"".join(parts)


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


def _without_nul(chunks: Iterable[bytes], report: ReadReport) -> Iterator[bytes]:
    """Remove NUL bytes, which a log truncated under its writer starts with, by the gigabyte."""
    open_line = False  # the line that the next chunk goes on with is counted already
    for chunk in chunks:
        if b"\0" not in chunk:
            open_line = open_line and b"\n" not in chunk
            yield chunk
            continue
        holds = [b"\0" in line for line in chunk.split(b"\n")]
        report.counts["lines with NUL bytes (removed)"] += sum(holds) - (holds[0] and open_line)
        open_line = holds[-1] or (open_line and len(holds) == 1)
        yield chunk.replace(b"\0", b"")


def _whole_lines(chunks: Iterable[bytes], report: ReadReport) -> Iterator[bytes]:
    """Regroup `chunks` into blocks that end with a line end, endless lines cut."""
    parts: list[bytes] = []
    size = 0
    tail = 0  # bytes since the last line end
    for chunk in chunks:
        end = chunk.rfind(b"\n")
        if end < 0:
            # Far beyond MAX_LINE the rest is dropped here; `records` cuts, and counts the line.
            kept = chunk[: max(0, MAX_LINE + 1 - tail)]
            parts.append(kept)
            size += len(kept)
            tail += len(kept)
            continue
        if size + len(chunk) >= BLOCK:
            # Views are not copied on the way; a block of whole lines goes as it came.
            whole = not size and end + 1 == len(chunk)
            yield chunk if whole else b"".join([*parts, memoryview(chunk)[: end + 1]])
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
