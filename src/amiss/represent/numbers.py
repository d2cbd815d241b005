"""The numbers in messages that say how much: not ids, addresses, ports, versions or times."""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.types import Numbers, RecordBatch, level_hexadecimal, ragged_index

_NUMBER = re.compile(r"0(?:\.0)?")
_OPENS = " \t=([{,|\"'"
_CLOSES = re.compile(
    r"(?P<unit>%|(?:[KMGT]i?B|[kmgt]b|[Bb]ytes?|[Bb]|[mun]s|s|secs?|seconds?|min|minutes?|h|hours?"
    r"|[kKMG]?Hz|x|W|C|V)\b)?(?=[\s,;)\]}|\"']|[.:](?:\s|$)|$)"
)
_NAMES = re.compile(
    r"(?:\b|_)(?:[pteug]{0,2}id|port|session|thread|seq|sequence|epoch|timestamp|date|year|user|"
    r"no|nr|serial|inode|cpu|core|node|job|task|stage|line|block|attempt|version)s?[\s=:#\"'(]*$",
    re.IGNORECASE,
)
"""A number after such a word says which one, not how much."""
_ID = re.compile(r"(?:Id|ID|_id)[\s=:\"']*$")
_DIGITS = 18
"""Digits of a number that count; the others are its size alone."""
_PREFIX = 40


class Place(NamedTuple):
    """A number of a kind of line."""

    run: int
    """Which run of digits of the line it begins with, from 0."""
    decimal: bool
    negative: bool


def find_numbers(batch: RecordBatch) -> Numbers:
    r"""Return the numbers in the messages of a batch, in the order in which they stand there.

    Where they are is found once a kind of line; a line is looked at if its kind has any.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from amiss.read.records import RecordReader
    >>> log = pathlib.Path(tempfile.mkdtemp(), "a.log")
    >>> _ = log.write_text("081109 203518 143 INFO dfs.DataNode: took -3.5 ms for 10 of blk_7\n")
    >>> find_numbers(next(iter(RecordReader(log)))).values
    array([-3.5, 10. ])
    """
    n = len(batch)
    places = _places_of_kinds(batch.kinds)
    counts = np.array([len(own) for own in places], dtype=np.int64)
    many = counts[batch.kind] if len(counts) else np.zeros(n, dtype=np.int64)
    rows = np.flatnonzero(many)
    values = np.zeros(0)
    if len(rows):
        values, found = _read_values(batch.raw.gather(rows), batch.kind[rows], places, batch.kinds)
        many[rows] = np.where(found, many[rows], 0)
    offsets = np.concatenate([[0], np.cumsum(many)]).astype(np.int64)
    return Numbers(offsets, values)


def _places_of_kinds(kinds: pl.DataFrame) -> list[tuple[Place, ...]]:
    if "line" not in kinds.columns:
        return [()] * len(kinds)
    likely = kinds["message"].str.contains(r"(?:^|[\s=(\[{,|\"':])[-+]?0").fill_null(False)
    return [
        find_places(message, line) if some else ()
        for message, line, some in zip(kinds["message"], kinds["line"], likely, strict=True)
    ]


def find_places(message: str, line: str) -> tuple[Place, ...]:
    """Return where a kind of line has numbers in its message.

    Parameters
    ----------
    message, line : str
        With each run of digits written as zeros.

    Examples
    --------
    >>> find_places("size 0 of blk_0 from 0.0.0.0:0", "0:0 size 0 of blk_0 from 0.0.0.0:0")
    (Place(run=2, decimal=False, negative=False),)
    """
    message, line = (re.sub("00+", "0", text) for text in (message, line))
    at = line.rfind(message)
    if at < 0:  # the message of a record of several lines goes on beyond its first one
        at = line.rfind(message[:_PREFIX])
        if at < 0 or not message.startswith(line[at:]):
            return ()
        message = line[at:]
    before = line[:at].count("0")
    found = []
    for match in _NUMBER.finditer(message):
        start, end = match.span()
        signed = message[start - 1 : start] in ("-", "+")
        first = start - signed
        if not (_opens(message, first) and (closes := _CLOSES.match(message, end))):
            continue
        if not closes["unit"] and _is_name(message[:first]):
            continue
        run = before + message.count("0", 0, start)
        found.append(Place(run, end - start > 1, message[first] == "-"))
    return tuple(found)


def _opens(message: str, at: int) -> bool:
    """Return whether a number may begin there."""
    if at == 0:
        return True
    last, word = message[at - 1], message[at - 2 : at - 1]
    if last == ":":
        return word.isalpha() or word in ('"', "'", ")")
    # What follows a word in brackets is a place or a process: sshd[123], node[4].
    return last in _OPENS and not (last == "[" and (word.isalnum() or word == "_"))


def _is_name(before: str) -> bool:
    return bool(_NAMES.search(before[-_PREFIX:]) or _ID.search(before[-_PREFIX:]))


def _read_values(
    raw: pl.Series,
    kind: NDArray[np.int64],
    places: list[tuple[Place, ...]],
    kinds: pl.DataFrame,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of lines, and which lines have as many runs of digits as their kind."""
    text = level_hexadecimal(f"{raw.str.join(chr(10)).item()}\n".encode())
    block = np.frombuffer(text, dtype=np.uint8)
    digit = (block - np.uint8(ord("0"))) < 10
    edges = np.flatnonzero(np.diff(digit.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2]
    line_ends = np.flatnonzero(block == ord("\n"))
    first = np.concatenate([[0], np.searchsorted(starts, line_ends)])
    texts = kinds["line"].str.replace_all("00+", "0")
    runs = texts.str.count_matches("0", literal=True).to_numpy().astype(np.int64)
    found: NDArray[np.bool_] = np.diff(first) == runs[kind]
    counts = np.array([len(own) for own in places], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at, own_offsets = ragged_index(offsets, kind[found])
    flat = np.array([place for own in places for place in own], dtype=np.int64).reshape(-1, 3)[at]
    run = np.repeat(first[:-1][found], np.diff(own_offsets)) + flat[:, 0]
    values = _whole(block, starts[run], ends[run])
    decimal = np.flatnonzero(flat[:, 1])
    following = run[decimal] + 1
    length = ends[following] - starts[following]
    values[decimal] += _whole(block, starts[following], ends[following]) / 10.0**length
    return np.where(flat[:, 2], -values, values), found


def _whole(
    block: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the value of each run of digits."""
    values = np.zeros(len(starts))
    length = ends - starts
    for place in range(min(_DIGITS, int(length.max(initial=0)))):
        rows = np.flatnonzero(length > place)
        values[rows] = 10 * values[rows] + (block[starts[rows] + place] - np.uint8(ord("0")))
    return np.asarray(values * 10.0 ** np.clip(length - _DIGITS, 0, 290))
