"""A longer log made of one that is there: copies with fresh identifiers, one after the other."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import BinaryIO

_PARTS = re.compile(rb"(?m)(^[0-9]{6} [0-9]{6}|blk_-?[0-9]+)")
_APART = timedelta(days=2)
"""Between the beginnings of two copies: the log is of 39 hours."""


def write_repeated(log: Path, target: Path, lines: int, *, hexadecimal: bool = False) -> int:
    """Write an HDFS log again and again until there are `lines` lines, and return their bytes.

    Each copy is later than the one before, and its blocks have other identifiers: of decimal
    digits as in the log, or `hexadecimal` (``blk_`` and a UUID).
    """
    parts = _PARTS.split(log.read_bytes())
    in_copy = sum(part.count(b"\n") for part in parts)
    left, copy = lines, 0
    with target.open("wb") as file:
        while left > 0:
            fresh = {part: _fresh(part, copy, hexadecimal) for part in set(parts[1::2])}
            parts_then = list(parts)
            parts_then[1::2] = [fresh[part] for part in parts[1::2]]
            text = b"".join(parts_then)
            if left < in_copy:
                _write_head(text, left, file)
            else:
                file.write(text)
            left -= in_copy
            copy += 1
        return file.tell()


def _write_head(text: bytes, lines: int, file: BinaryIO) -> None:
    file.writelines(islice(text.splitlines(keepends=True), lines))


def _fresh(part: bytes, copy: int, hexadecimal: bool) -> bytes:
    if not part.startswith(b"blk_"):
        return _later(part, copy)
    digest = blake2b(part, digest_size=16, salt=copy.to_bytes(8, "little"))
    if hexadecimal:
        text = digest.hexdigest()
        return f"blk_{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}".encode()
    number = int.from_bytes(digest.digest()[:8], "little", signed=True)
    return b"blk_%d" % number


@lru_cache(maxsize=1 << 16)
def _day(text: str) -> datetime:
    return datetime.strptime(text, "%y%m%d")


def _later(stamp: bytes, copy: int) -> bytes:
    day, clock = stamp.decode().split()
    return f"{_day(day) + copy * _APART:%y%m%d} {clock}".encode()
