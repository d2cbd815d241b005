"""Blocks of bytes to lines, and lines to what is left of them without their digits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.read.privacy import Masker
from amiss.read.sources import MAX_LINE, ReadReport, Source, read_blocks
from amiss.types import distinct_codes

_ZERO = np.uint8(ord("0"))
_SCRATCH = 1 << 18
"""Bytes looked at in one go, so that all that is made of them stays in the cache."""


class Lines(NamedTuple):
    """Lines of a block, and what they are without their digits.

    Of one *form* are lines with the same characters in the same places, but for the values of
    digits; of one *kind* those that differ in how many digits there are in a run, too.

    Attributes
    ----------
    raw : polars.Series of str, shape (n,)
        The lines, without line ends.
    kind : ndarray of int64, shape (n,)
        Row of `kinds` that each line belongs to.
    kinds : polars.Series of str
        The distinct lines with each run of digits written as one ``0``, by first appearance.
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

    def next_lines() -> Lines | None:
        block = next(blocks, None)
        return None if block is None else split_kinds(block, own, masker)

    with ThreadPoolExecutor(1, "amiss-read") as ahead:
        coming = ahead.submit(next_lines)
        while (lines := coming.result()) is not None:
            coming = ahead.submit(next_lines)
            yield lines
    report.add(own)


def split_kinds(block: bytes, report: ReadReport, masker: Masker | None = None) -> Lines:
    r"""Return the lines of a block and their kinds; nothing after this sees what is masked.

    Lines that hold the same digits but for their values are the same with each digit written as
    ``0``. These are few, so runs of digits are only looked for in the distinct ones.

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
    form, forms = distinct_codes(_lines(_zeroed(block)))
    kind, kinds = distinct_codes(forms.str.replace_all("00+", "0"))
    return Lines(_lines(block), kind[form], kinds, form, forms)


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
    if not block:
        return pl.Series([], dtype=pl.String)
    carriage_returns = b"\r" in block
    if not carriage_returns and b"\0" not in block:
        # As a table of one column: none of these lines is cut in two.
        lines = pl.read_csv(
            block,
            has_header=False,
            separator="\0",
            quote_char=None,
            schema={"line": pl.String},
            raise_if_empty=False,
        )["line"]
        if lines.null_count():
            lines = lines.fill_null("")
        ends = len(lines) - (not block.endswith(b"\n"))
        if lines.str.len_bytes().sum() + ends == len(block):
            return lines  # every byte is there; of a byte-order mark they are not
    text = block.decode()
    lines = pl.Series([text]).str.split("\n").explode()
    if text.endswith("\n"):  # a line end closes a line; it does not open another one
        lines = lines.head(-1)
    return lines.str.strip_chars_end("\r") if carriage_returns else lines


def _zeroed(block: bytes) -> bytes:
    """Return a block with each digit written as ``0``, at memory speed."""
    characters = np.frombuffer(block, dtype=np.uint8)
    zeroed = np.empty_like(characters)
    value = np.empty(min(len(block), _SCRATCH), dtype=np.uint8)
    for at in range(0, len(block), _SCRATCH):
        part = characters[at : at + _SCRATCH]
        above = np.subtract(part, _ZERO, out=value[: len(part)])  # wraps around below "0"
        np.multiply(above, above < 10, out=above)
        np.subtract(part, above, out=zeroed[at : at + len(part)])
    return zeroed.tobytes()


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
