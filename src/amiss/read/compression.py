"""What a file is packed with, told by its first bytes; unpacking it, damaged or not.

Memory is bounded whatever an archive unpacks to: pieces of text are of ``PIECE`` bytes at most, or
of what 4 KiB of zstandard make. What is known to be no text is refused by name.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, Protocol

from amiss.errors import InputError

PIECE = 1 << 22
"""Bytes of text that are unpacked at once, where the packer lets us say so."""
_STEP = 1 << 16
_MOST_MEMORY = 1 << 27
"""Bytes that unpacking may take besides: ``xz -9`` takes half of it."""
HEAD = 512
"""Bytes by which what is no log is told."""

GZIP, ZSTD, BZIP2 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh"
XZ, ZIP = b"\xfd7zXZ\x00", b"PK\x03\x04"
PACKED = (GZIP, ZSTD, BZIP2, XZ, ZIP)
"""How packed files begin."""

_BY_HAND = "unpack it first, and name the logs in it"
_FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": ("a 7z archive", f"{_BY_HAND}: 7z x FILE"),
    b"Rar!\x1a\x07": ("a RAR archive", f"{_BY_HAND}: unrar x FILE"),
    b"\x04\x22\x4d\x18": ("lz4 data", "unpack it first: lz4 -d FILE, or lz4 -dc FILE | amiss … -"),
    b"\xff\x06\x00\x00sNaPpY": ("snappy data", "unpack it first"),
    b"\x89LZO\x00\r\n\x1a\n": ("lzop data", "unpack it first: lzop -d FILE"),
    b"\x1f\x9d\x90": ("data of compress", "unpack it first: uncompress FILE"),
    b"PK\x05\x06": ("an empty zip archive", "name the log itself"),
    b"PAR1": ("a Parquet table", "see amiss.read_table, or name a detector of tables"),
    b"ARROW1\x00\x00": ("an Arrow table", "see amiss.read_table, or name a detector of tables"),
    b"SQLite format 3\x00": ("an SQLite database", "export the log as text"),
    b"ElfFile\x00": ("a Windows event log", "export it as text: wevtutil qe FILE /lf /f:text"),
    b"LPKSHHRH": ("a systemd journal", "export it: journalctl --file FILE -o export"),
    b"%PDF-": ("a PDF", "name the log itself"),
    b"\x89PNG\r\n\x1a\n": ("an image", "name the log itself"),
    b"\xff\xd8\xff": ("an image", "name the log itself"),
    b"\x7fELF": ("a program", "name the log that it writes"),
    b"\xd4\xc3\xb2\xa1": ("a capture of packets", "export it as text"),
    b"\xa1\xb2\xc3\xd4": ("a capture of packets", "export it as text"),
}
# All but those of a log: white space, colours, and NUL, which a truncated log begins with.
_CONTROLS = frozenset(range(1, 32)) - {*b"\t\n\v\f\r\x1b"}
_ENOUGH, _MOST_CONTROLS = 64, 0.03
_TAR = (b"ustar\x00", b"ustar ")
_TAR_AT = 257


def is_known(head: bytes) -> bool:
    """Return whether a file that begins so is packed, or known to be no text.

    Examples
    --------
    >>> is_known(b"%PDF-1.7"), is_known(b"2026-11-22 up")
    (True, False)
    """
    known = head.startswith((*PACKED, *_FOREIGN))
    return known or head[_TAR_AT:].startswith(_TAR)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


class _Deflated:
    """A decoder of zlib's that says whether it needs more, as those of bzip2 and xz do."""

    def __init__(self, wbits: int) -> None:
        self._decoder = zlib.decompressobj(wbits)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, most: int, /) -> bytes:
        text = self._decoder.decompress(self._decoder.unconsumed_tail + data, most)
        # A full piece may leave text in the decoder though all of the data went in.
        self.needs_input = not self._decoder.unconsumed_tail and len(text) < most
        return text


class Packer(NamedTuple):
    """How a file is unpacked."""

    name: str
    new: Callable[[], _Decoder]
    step: int
    """Bytes to give it at once: a bomb costs time, not memory."""
    bounded: bool
    """Its decoder takes how many bytes to make at most, and says whether it needs more."""


class Members:
    """A decoder of concatenated archives: one member after another."""

    def __init__(self, packer: Packer) -> None:
        self._packer = packer
        self._decoder: Any = packer.new()

    @property
    def eof(self) -> bool:
        """Whether the last member has ended."""
        return bool(self._decoder.eof)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the archive hold."""
        while data:
            if self._decoder.eof:
                data = data.lstrip(b"\0")  # padding after the last member, as tapes have it
                if not data:
                    return
                self._decoder = self._packer.new()
            if not self._packer.bounded:
                yield self._decoder.decompress(data)
            else:
                yield self._decoder.decompress(data, PIECE)
                while not (self._decoder.eof or self._decoder.needs_input):
                    yield self._decoder.decompress(b"", PIECE)
            data = self._decoder.unused_data if self._decoder.eof else b""


def packer_of(head: bytes) -> Packer | None:
    """Return how a file is unpacked that begins so; None: it is not packed, or a zip archive.

    Examples
    --------
    >>> packer_of(b"BZh91AY&SY").name, packer_of(b"2026-11-22 up")
    ('bzip2', None)
    """
    if head.startswith(GZIP):
        return Packer("gzip", lambda: _Deflated(31), _STEP, bounded=True)
    if head.startswith(ZSTD):
        return Packer("zstd", _new_zstd, 1 << 12, bounded=False)
    if head.startswith(BZIP2) and head[3:4].isdigit() and head[4:10] in _BZIP2_BLOCKS:
        return Packer("bzip2", bz2.BZ2Decompressor, _STEP, bounded=True)
    if head.startswith(XZ):
        return Packer("xz", _new_xz, _STEP, bounded=True)
    return None


_BZIP2_BLOCKS = (b"\x31\x41\x59\x26\x53\x59", b"\x17\x72\x45\x38\x50\x90")
"""A block, or the end of an empty archive."""


def _new_zstd() -> _Decoder:
    import zstandard

    return zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY).decompressobj()


def _new_xz() -> _Decoder:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)


def is_damage(error: Exception) -> bool:
    """Return whether a decoder says that what it was given is damaged."""
    if isinstance(error, zlib.error | lzma.LZMAError):
        return True
    # bz2 has no error of its own; one of the system has a number.
    return type(error).__name__ == "ZstdError" or (isinstance(error, OSError) and not error.errno)


def check_is_text(name: str, head: bytes) -> None:
    """Refuse what is known to be no text by how it begins, unpacked.

    Raises
    ------
    InputError
        It says what came and what to do.

    Examples
    --------
    >>> check_is_text("a.pdf", b"%PDF-1.7")
    Traceback (most recent call last):
        ...
    amiss.errors.InputError: a.pdf: holds a PDF, not a log; name the log itself
    """
    found = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
    if head[_TAR_AT:].startswith(_TAR):
        found = ("a tar archive", f"{_BY_HAND}: tar xf FILE")
    if found is not None:
        what, do = found
        raise InputError(f"{name}: holds {what}, not a log; {do.replace('FILE', name)}")


def looks_binary(head: bytes) -> bool:
    r"""Return whether the start of a file has more control characters than any text.

    Examples
    --------
    >>> looks_binary(b"2026-11-22 up\n" * 8), looks_binary(bytes(range(1, 255)))
    (False, True)
    """
    if len(head) < _ENOUGH or head[:2] in (b"\xff\xfe", b"\xfe\xff"):  # UTF-16 is text
        return False
    return sum(byte in _CONTROLS for byte in head) > _MOST_CONTROLS * len(head)


class ZipMember(NamedTuple):
    """The log in a zip archive."""

    packer: Packer | None
    start: int
    """Where its data are."""
    size: int | None
    """How many bytes they are; None where the archive was cut before it says so."""
    checksum: int | None
    """Of the text."""
    damage: str
    """What is to be said of the archive."""


_LOCAL = struct.Struct("<4s5H3I2H")
_METHODS = {8: "deflate", 12: "bzip2", 14: "lzma", 93: "zstd"}


def open_zip(file: BinaryIO, name: str) -> ZipMember:
    """Return the one log in a zip archive; what systems put beside it does not count.

    An archive that was cut lacks its list of members: its first member is read then.

    Raises
    ------
    InputError
        It holds none, or several, or what it holds is encrypted or packed in a rare way.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            infos = [info for info in archive.infolist() if _is_log(info)]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError):
        return _member_at(file, name, 0, None, "its list of members is damaged or cut off")
    if len(infos) != 1:
        names = ", ".join(repr(info.filename[:60]) for info in infos[:3])
        more = ", …" if len(infos) > 3 else ""
        raise InputError(
            f"{name}: a zip archive of {len(infos):,} files{f' ({names}{more})' if names else ''}; "
            "expected one log in it: unpack it first, and name the logs that belong together"
        )
    return _member_at(file, name, infos[0].header_offset, infos[0])


def _is_log(info: zipfile.ZipInfo) -> bool:
    last = info.filename.rsplit("/", 1)[-1]
    hidden = last.startswith(".") or info.filename.startswith("__MACOSX/")
    return not (info.is_dir() or hidden)


def _member_at(
    file: BinaryIO, name: str, at: int, info: zipfile.ZipInfo | None, damage: str = ""
) -> ZipMember:
    """Return the member whose header stands at a place."""
    file.seek(at)
    header = file.read(_LOCAL.size)
    if len(header) < _LOCAL.size or not header.startswith(ZIP):
        raise InputError(f"{name}: a zip archive that is damaged: nothing of it can be read")
    _, _, flags, method, *_, packed, _, of_name, extra = _LOCAL.unpack(header)
    if flags & 1:
        raise InputError(f"{name}: a zip archive that is encrypted; unpack it first")
    start = at + _LOCAL.size + of_name + extra
    size, checksum = (None, None) if info is None else (info.compress_size, info.CRC)
    if info is None and not flags & 8 and 0 < packed < 0xFFFFFFFF:
        size = packed
    if method == 0:
        return ZipMember(None, start, size, checksum, damage)
    packers = {
        8: Packer("zip", lambda: _Deflated(-15), _STEP, bounded=True),
        12: Packer("zip", bz2.BZ2Decompressor, _STEP, bounded=True),
    }
    if method not in packers:
        how = _METHODS.get(method, f"method {method}")
        raise InputError(f"{name}: a zip archive packed by {how}; unpack it first")
    return ZipMember(packers[method], start, size, checksum, damage)
