"""Blocks of bytes to lines, and lines to what is left of them without their digits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from amiss.read.sources import MAX_LINE, ReadReport, Source, read_blocks


def decode_lines(block: bytes, report: ReadReport) -> pl.Series:
    """Return the lines of a block, without line ends; what had to be mended is counted."""
    text, _ = _decode(block, report)
    lines = _lines(text)
    return lines.str.strip_chars_end("\r") if "\r" in text else lines


def split_lines(block: bytes, report: ReadReport) -> tuple[pl.Series, pl.Series]:
    """Return the lines of a block, and the same with each run of digits written as one 0."""
    text, block = _decode(block, report)
    raw = _lines(text)
    keys = _lines(_collapse_digits(block))
    if "\r" in text:
        raw, keys = raw.str.strip_chars_end("\r"), keys.str.strip_chars_end("\r")
    return raw, keys


def _decode(block: bytes, report: ReadReport) -> tuple[str, bytes]:
    """Return a block as text and as UTF-8, endless lines cut."""
    block, cut = _cut_lines(block)
    if cut:
        report.counts[f"lines longer than {MAX_LINE:,} bytes (cut)"] += cut
    try:
        text = block.decode()
    except UnicodeDecodeError:
        bad = sum(line.decode(errors="ignore").encode() != line for line in block.split(b"\n"))
        report.counts["lines with bytes that are not UTF-8 (replaced)"] += bad
        text = block.decode(errors="replace")
        block = text.encode()
    return text, block


def _cut_lines(block: bytes) -> tuple[bytes, int]:
    """Return `block` with its lines cut at ``MAX_LINE`` bytes, and how many were."""
    parts: list[bytes] = []
    at = cut = 0
    while len(block) - at > MAX_LINE:
        stop = block.rfind(b"\n", at, at + MAX_LINE + 1) + 1
        if stop:
            parts.append(block[at:stop])
            at = stop
            continue
        parts.append(_cut(block[at : at + MAX_LINE + 1]))
        cut += 1
        end = block.find(b"\n", at)
        if end < 0:
            return b"".join(parts), cut
        parts.append(b"\n")
        at = end + 1
    return (b"".join([*parts, block[at:]]) if cut else block), cut


def _cut(line: bytes) -> bytes:
    """Return at most ``MAX_LINE`` bytes of a line, no character cut in two."""
    if len(line) <= MAX_LINE:
        return line
    stop = MAX_LINE
    while stop > MAX_LINE - 3 and line[stop] & 0xC0 == 0x80:  # a byte inside a character
        stop -= 1
    return line[:stop]


def _lines(text: str) -> pl.Series:
    lines = pl.Series([text]).str.split("\n").explode()
    # A line end closes a line; it does not open another one.
    return lines.head(-1) if text.endswith("\n") else lines


def _collapse_digits(block: bytes) -> str:
    """Write each run of digits as one ``0``: a pure function of a line, at memory speed."""
    characters = np.frombuffer(block, dtype=np.uint8)
    digit = (characters - np.uint8(ord("0"))) < 10  # wraps around below "0"
    keep = np.ones(len(characters), dtype=np.bool_)
    np.logical_and(digit[1:], digit[:-1], out=keep[1:])
    np.logical_not(keep[1:], out=keep[1:])
    kept = characters[keep]
    np.putmask(kept, (kept - np.uint8(ord("0"))) < 10, np.uint8(ord("0")))
    return str(kept.data, "utf-8")


def read_lines(
    sources: Sequence[Source], wanted: dict[int, set[int]]
) -> dict[tuple[int, int], str]:
    """Read single lines a second time: (source, 1-based line number) → text.

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
                    found[index, number] = line.decode(errors="replace").rstrip("\r")
                    left -= 1
            first += count
            if not left:
                break
    return found
