"""A sample of a log: enough of it to say what it is, however large it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from amiss.read.compression import HEAD, PACKED
from amiss.read.format_type import GIVEN, HEADER, JSON, LOGFMT, Format
from amiss.read.formats import FORMATS
from amiss.read.records import RecordReader
from amiss.read.sources import ReadReport, Source, read_blocks
from amiss.represent.key_rating import names_no_one
from amiss.represent.shapes import ShapeTable
from amiss.represent.templates import TemplateMiner
from amiss.types import RecordBatch

SAMPLE_BYTES = 4 << 20
"""Bytes of text that are looked at."""
_MOST_FILES = 6
_PIECES = 3
_ANYWHERE = (HEADER, GIVEN, JSON, LOGFMT)
"""Layouts of which a stretch of the middle can be read."""
_FROM_THE_START = (*PACKED, b"\xff\xfe", b"\xfe\xff")
"""How files begin that cannot be read from their middle: packed ones, UTF-16."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file; `first_line` is 0 where it begins somewhere in the file."""

    source: Source
    first_line: int
    whole: bool
    """The file ends with it and begins with it."""


@dataclass(frozen=True)
class LogSample:
    """Lines of a log, from its start, its middle and its end where they could be read.

    Attributes
    ----------
    sources : list of Source
        All files of the log.
    pieces : list of Piece
        What was read; ``RecordBatch.source`` is the index of one.
    batches : list of RecordBatch
        With all header fields but times, levels and messages.
    fields : tuple of str
        Names of those fields.
    format : Format
    report : ReadReport
    """

    sources: list[Source]
    pieces: list[Piece]
    batches: list[RecordBatch]
    fields: tuple[str, ...]
    format: Format
    report: ReadReport

    @property
    def lines(self) -> int:
        """Records in the sample."""
        return sum(map(len, self.batches))

    @cached_property
    def templates(self) -> tuple[NDArray[np.int64], list[str]]:
        """The template of each record, and the texts of templates."""
        shapes = ShapeTable()
        shape = np.concatenate([shapes.add(batch.kinds)[batch.kind] for batch in self.batches])
        miner = TemplateMiner()
        ids = miner.add(shapes.texts)
        return ids[shape], miner.templates

    @property
    def whole(self) -> bool:
        """Whether the sample is all there is."""
        return len({p.source.path for p in self.pieces}) == len(self.sources) and all(
            piece.whole for piece in self.pieces
        )


def take_sample(
    sources: Sequence[Source],
    format: str | None = None,  # noqa: A002 - the option's name
    size: int = SAMPLE_BYTES,
    mask: Sequence[str] = (),
) -> LogSample:
    """Read a sample of `sources`: start, middle and end of a plain file, the start of a packed one.

    Of many files, some are read: the first, the last, and some between.

    Parameters
    ----------
    sources : sequence of Source
    format : str, optional
        Name of the header format; by default it is recognised.
    size : int
        Bytes of text.
    mask : sequence of str
        What becomes pseudonyms before anything is looked at (see `amiss.read.privacy`).

    Raises
    ------
    InputError
        A file cannot be read, or there is no line in what was read.
    """
    with _pieces(list(sources), size) as found:
        pieces, stored = [piece for piece, _ in found], [path for _, path in found]
        files = [Source(p.source.name, at) for p, at in zip(pieces, stored, strict=True)]
        recognised = RecordReader(files, format=format, mask=mask)
        next(iter(recognised))
        known = recognised.format or FORMATS[-1]
        if known.layout not in _ANYWHERE:  # what stands in its middle, only its start tells
            starts = [i for i, piece in enumerate(pieces) if piece.first_line]
            files, pieces = [files[i] for i in starts], [pieces[i] for i in starts]
        fields = tuple(
            name for name in known.fields if not names_no_one(name) and name not in known.numeric
        )
        reader = RecordReader(files, format=known.name, fields=fields, mask=mask)
        batches = list(reader)
    return LogSample(list(sources), pieces, batches, fields, known, reader.report)


@contextmanager
def _pieces(sources: list[Source], size: int) -> Iterator[list[tuple[Piece, Path]]]:
    """Give out pieces and where their bytes are: files that are gone afterwards, or the logs."""
    chosen = sources
    if len(sources) > _MOST_FILES:
        spread = np.linspace(0, len(sources) - 1, _MOST_FILES).round().astype(int)
        chosen = [sources[i] for i in dict.fromkeys(spread.tolist())]
    each = max(1 << 16, size // len(chosen))
    folder = Path(tempfile.mkdtemp(prefix="amiss-sample-"))
    try:
        yield [
            (piece, path)
            for number, source in enumerate(chosen)
            for piece, path in _pieces_of(source, each, folder / str(number))
        ]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _pieces_of(source: Source, size: int, folder: Path) -> list[tuple[Piece, Path]]:
    stat = source.path.stat()
    with source.path.open("rb") as file:
        packed = file.read(HEAD).startswith(_FROM_THE_START)
        if not packed and stat.st_size <= size:
            return [(Piece(source, 1, True), source.path)]
        folder.mkdir()
        if packed:
            text, whole = _head(source, size)
            parts = [(text, 1, whole)]
        else:
            one = size // _PIECES
            starts = np.linspace(0, stat.st_size - one, _PIECES).astype(int).tolist()
            parts = [(_whole_lines(file, at, one), 1 if at == 0 else 0, False) for at in starts]
    found = []
    for number, (text, first_line, whole) in enumerate(parts):
        path = folder / str(number)
        path.write_bytes(text)
        # When a file was written bounds what year its times are of.
        os.utime(path, (stat.st_atime, stat.st_mtime))
        found.append((Piece(source, first_line, whole), path))
    return found


def _head(source: Source, size: int) -> tuple[bytes, bool]:
    """Return about `size` bytes of text from the start, and whether that is all."""
    parts: list[bytes] = []
    total = 0
    for block in read_blocks(source, ReadReport()):
        if total >= size:
            return b"".join(parts), False
        kept = block if total + len(block) <= 2 * size else block[: block.rfind(b"\n", 0, size) + 1]
        parts.append(kept)
        total += len(kept)
        if len(kept) < len(block):
            return b"".join(parts), False
    return b"".join(parts), True


def _whole_lines(file: BinaryIO, at: int, size: int) -> bytes:
    """Return the whole lines of a stretch of a file."""
    file.seek(at)
    text: bytes = file.read(size)
    start = 0 if at == 0 else text.find(b"\n") + 1
    end = text.rfind(b"\n") + 1
    return text[start:end] if end > start else text
