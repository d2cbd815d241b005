"""Blocks of bytes to lines, and lines to what is left of them without their digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.privacy import Masker
from amiss.read.sources import MAX_LINE, ReadReport, Source, read_blocks
from amiss.text.hexadecimal import level_hexadecimal
from amiss.text.views import texts_at
from amiss.types import distinct_codes

T = TypeVar("T")
_ZERO = np.uint8(ord("0"))
_NEWLINE, _RETURN = np.uint8(ord("\n")), np.uint8(ord("\r"))
_SCRATCH = 1 << 18
"""Bytes looked at in one go, in words of eight, so what is made of them stays in the cache."""
_FEW = 4096
"""Forms of a block that are looked up one by one."""
_OTHERS = 256
"""Kinds that are kept, beside four times as many as a block has."""
_REMEMBERED = 1 << 14
"""Forms that are kept from block to block."""
_REMEMBERED_SIZE = 1 << 23
"""Characters of forms that are kept from block to block."""


class Lines(NamedTuple):
    """Lines of a block, and what they are without their digits.

    Of one *form* are lines with the same characters in the same places, but for the values of
    digits; of one *kind* those that differ in how many digits there are in a run, too, and in UUIDs
    and hexadecimal numbers of one length.

    Attributes
    ----------
    raw : polars.Series of str, shape (n,)
        The lines, without line ends.
    kind : ndarray of int64, shape (n,)
        Row of `kinds` that each line belongs to.
    kinds : polars.Series of str
        The distinct lines with each run of digits written as one ``0``, and hexadecimal as
        `amiss.text.hexadecimal`  has it, by first appearance; some are of lines before.
    form : ndarray of int64, shape (n,)
        Row of `forms` that each line belongs to.
    forms : polars.Series of str
        The distinct lines with each digit written as ``0``.
    """

    raw: pl.Series
    kind: NDArray[np.int64]
    kinds: pl.Series
    form: NDArray[np.int64]
    forms: pl.Series


def read_kinds(
    source: Source,
    report: ReadReport,
    progress: Callable[[int], None] | None = None,
    masker: Masker | None = None,
) -> Iterator[Lines]:
    """Yield the lines of `source` block by block, the next one made while one is looked at.

    Parameters, Raises
    ------------------
    As `amiss.read.sources.read_blocks`. `report` is complete when the last block was taken.
    """
    # What the thread counts goes to a report of its own, so that counts come in the same order
    # whichever of the two is ahead.
    own = ReadReport(bytes=report.bytes)
    blocks = read_blocks(source, own, progress)
    known = KindsOfForms()

    def next_lines() -> Lines | None:
        block = next(blocks, None)
        return None if block is None else split_kinds(block, own, masker, known)

    with ThreadPoolExecutor(1, "amiss-read") as ahead:
        coming = ahead.submit(next_lines)
        while (lines := coming.result()) is not None:
            coming = ahead.submit(next_lines)
            yield lines
    report.add(own)


def split_kinds(
    block: bytes,
    report: ReadReport,
    masker: Masker | None = None,
    known: KindsOfForms | None = None,
) -> Lines:
    r"""Return the lines of a block and their kinds; nothing after this sees what is masked.

    Lines that hold the same digits but for their values are the same with each digit written as
    ``0``. These are few, so runs of digits, and hexadecimal ones, are only looked for in those that
    are not `known` yet.

    Examples
    --------
    >>> lines = split_kinds(b"a 12\na 345\n", ReadReport())
    >>> lines.kind.tolist(), lines.kinds.to_list()
    ([0, 0], ['a 0'])
    >>> lines.form.tolist(), lines.forms.to_list()
    ([0, 1], ['a 00', 'a 000'])
    """
    block = _mended(block, report)
    if masker is not None:
        block = masker(block.decode()).encode()
    start, length = _where(block)
    form, forms = distinct_codes(texts_at(_zeroed(block), start, length))
    kind, kinds = (known or KindsOfForms()).of(forms)
    return Lines(texts_at(block, start, length), kind[form], kinds, form, forms)


class KindsOfForms:
    """The kinds of forms; most of those of a block were there in the one before.

    Examples
    --------
    >>> kind, kinds = KindsOfForms().of(pl.Series(["a 00", "up 0c0ffee0", "a 000", "up f00dbabe"]))
    >>> kind.tolist(), kinds.to_list()
    ([0, 1, 0, 1], ['a 0', 'up 0aaaaaaa'])
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._of_form: dict[str, int] = {}
        self._size = 0
        self._rows: dict[str, int] = {}
        self._kinds = pl.Series([], dtype=pl.String)

    def of(self, forms: pl.Series) -> tuple[NDArray[np.int64], pl.Series]:
        """Return for each form its row among the distinct kinds, and these.

        As long as no new kind comes, these are the same object.
        """
        if len(forms) > _FEW:
            leveled, distinct = distinct_codes(_leveled(forms))
            kind, kinds = distinct_codes(_without_runs(distinct))
            return kind[leveled], kinds
        texts = forms.to_list()
        if new := [text for text in texts if text not in self._of_form]:
            if len(self._of_form) > _REMEMBERED or self._size > _REMEMBERED_SIZE:
                self._forget()
                new = texts
            self._size += sum(map(len, new))
            for text, kind in zip(new, _without_runs(_leveled(pl.Series(new))), strict=True):
                self._of_form[text] = self._rows.setdefault(kind, len(self._rows))
            if len(self._rows) > len(self._kinds):
                self._kinds = pl.Series(list(self._rows), dtype=pl.String)
        found = np.fromiter((self._of_form[text] for text in texts), np.int64, len(texts))
        if len(self._kinds) > _OTHERS + 4 * len(set(found.tolist())):
            self._forget()  # what is made of all kinds would be made of too many that are gone
            return self.of(forms)
        return found, self._kinds


class WhileSame(Generic[T]):
    """What is made of kinds, kept as long as they are the same object.

    Examples
    --------
    >>> count = WhileSame(len)
    >>> kinds = pl.Series(["a", "b"])
    >>> count(kinds), count(kinds), count(kinds.head(1))
    (2, 2, 1)
    """

    def __init__(self, make: Callable[[pl.Series], T]) -> None:
        self._make = make
        self._last: tuple[pl.Series, T] | None = None

    def __call__(self, kinds: pl.Series) -> T:
        """Return what is made of `kinds`."""
        if self._last is None or self._last[0] is not kinds:
            self._last = kinds, self._make(kinds)
        return self._last[1]


def _leveled(forms: pl.Series) -> pl.Series:
    leveled = level_hexadecimal((forms.str.join("\n").item() + "\n").encode())
    return texts_at(leveled, *_where(leveled))


def _without_runs(forms: pl.Series) -> pl.Series:
    return forms.str.replace_all("00+", "0")


def decode_lines(block: bytes, report: ReadReport) -> pl.Series:
    """Return the lines of a block, without line ends; what had to be mended is counted."""
    return _lines(_mended(block, report))


def _mended(block: bytes, report: ReadReport) -> bytes:
    """Return a block as valid UTF-8, endless lines cut."""
    block, cut = _cut_lines(block)
    if cut:
        report.counts[f"lines longer than {MAX_LINE:,} bytes (cut)"] += cut
    if block.isascii():
        return block
    try:
        block.decode()
    except UnicodeDecodeError:
        bad = sum(line.decode(errors="ignore").encode() != line for line in block.split(b"\n"))
        report.counts["lines with bytes that are not UTF-8 (replaced)"] += bad
        return block.decode(errors="replace").encode()
    return block


def _lines(block: bytes) -> pl.Series:
    """Return the lines of a block, without line ends."""
    return texts_at(block, *_where(block))


def _where(block: bytes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    r"""Return where the lines of a block begin, and how long they are without their ends, in bytes.

    Examples
    --------
    >>> _where(b"one\r\n\nthree")
    (array([0, 5, 6]), array([3, 0, 5]))
    """
    data = np.frombuffer(block, dtype=np.uint8)
    ends = _line_ends(data)
    if len(block) and not block.endswith(b"\n"):  # an end closes a line, it does not open one
        ends = np.append(ends, len(block))
    start = np.zeros(len(ends), dtype=np.int64)
    start[1:] = ends[:-1] + 1
    length = ends - start
    if b"\r" in block:
        length[_returns(data, start, length)] -= 1
        for row in _returns(data, start, length):  # some tools write two
            line = block[start[row] : start[row] + length[row]]
            length[row] = len(line.rstrip(b"\r"))
    return start, length


def _returns(
    data: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return which lines end with a carriage return."""
    filled: NDArray[np.int64] = np.flatnonzero(length)
    ends: NDArray[np.bool_] = data[start[filled] + length[filled] - 1] == _RETURN
    return filled[ends]


def _line_ends(data: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return where the line ends of a block are, of which most words of eight bytes have none."""
    found = []
    is_end = np.empty(_SCRATCH, dtype=np.bool_)
    for at in range(0, len(data), _SCRATCH):
        part = data[at : at + _SCRATCH]
        np.equal(part, _NEWLINE, out=is_end[: len(part)])
        is_end[len(part) :] = False
        words = np.flatnonzero(is_end.view(np.uint64) != 0)
        within = np.flatnonzero(is_end.reshape(-1, 8)[words])
        found.append((words[within >> 3] << 3) + (within & 7) + at)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _zeroed(block: bytes) -> memoryview:
    """Return a block with each digit written as ``0``, at memory speed."""
    characters = np.frombuffer(block, dtype=np.uint8)
    zeroed = np.empty_like(characters)
    value = np.empty(_SCRATCH, dtype=np.uint8)
    is_digit = np.empty(_SCRATCH, dtype=np.bool_)
    ones = is_digit.view(np.uint8)
    for at in range(0, len(block), _SCRATCH):
        part = characters[at : at + _SCRATCH]
        size = len(part)
        above = np.subtract(part, _ZERO, out=value[:size])  # wraps around below "0"
        np.less(above, 10, out=is_digit[:size])
        np.multiply(above, ones[:size], out=above)
        np.subtract(part, above, out=zeroed[at : at + size])
    return zeroed.data


def _cut_lines(block: bytes) -> tuple[bytes, int]:
    """Return `block` with its lines cut at ``MAX_LINE`` bytes, and how many were."""
    parts: list[bytes] = []
    start = at = cut = 0  # what stands before `start` is in `parts`
    while len(block) - at > MAX_LINE:
        stop = block.rfind(b"\n", at, at + MAX_LINE + 1) + 1
        if stop:
            at = stop
            continue
        parts += [block[start:at], _cut(block[at : at + MAX_LINE + 1])]
        cut += 1
        end = block.find(b"\n", at)
        if end < 0:
            return b"".join(parts), cut
        start = at = end  # the line end is kept, and is not longer than a line may be
    return (b"".join([*parts, block[start:]]) if cut else block), cut


def _cut(line: bytes) -> bytes:
    """Return at most ``MAX_LINE`` bytes of a line, no character cut in two."""
    if len(line) <= MAX_LINE:
        return line
    stop = MAX_LINE
    while stop > MAX_LINE - 3 and line[stop] & 0xC0 == 0x80:  # a byte inside a character
        stop -= 1
    return line[:stop]


def read_lines(
    sources: Sequence[Source], wanted: dict[int, set[int]], masker: Masker | None = None
) -> dict[tuple[int, int], str]:
    """Read single lines a second time: (source, 1-based line number) → text, as `masker` has it.

    One pass over each source that has wanted lines; no other line is decoded.
    """
    found: dict[tuple[int, int], str] = {}
    for index, numbers in wanted.items():
        report, first = ReadReport(), 1
        left = len(numbers)
        for block in read_blocks(sources[index], report):
            ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n"))
            count = len(ends) + (not block.endswith(b"\n"))
            starts = np.concatenate([[0], ends + 1])
            stops = np.append(ends, len(block))
            for number in numbers:
                at = number - first
                if 0 <= at < count:
                    line = _cut(block[starts[at] : stops[at]])
                    text = line.decode(errors="replace").rstrip("\r")
                    found[index, number] = text if masker is None else masker(text)
                    left -= 1
            first += count
            if not left:
                break
    return found
