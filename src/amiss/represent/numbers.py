"""The numbers in messages that say how much: not ids, addresses, ports, versions or times."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from amiss.text.hexadecimal import level_hexadecimal
from amiss.text.places import Places
from amiss.text.views import cut_texts
from amiss.types import Numbers, RecordBatch, ragged_index

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
_PREFIX = 40
_LARGEST = 1e307
"""What is larger is only large."""


class Place(NamedTuple):
    """A number of a kind of line."""

    run: int
    """Which run of digits of the line it begins with, from 0."""
    decimal: bool
    negative: bool


def find_numbers(batch: RecordBatch) -> Numbers:
    r"""Return the numbers in the messages of a batch, in the order in which they stand there.

    Where they are is found once a kind of line, and where these places are once a form.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from amiss.read.records import RecordReader
    >>> log = pathlib.Path(tempfile.mkdtemp(), "a.log")
    >>> _ = log.write_text("081109 203518 143 INFO dfs.DataNode: took -3.5 ms for 10 of blk_7\n")
    >>> find_numbers(next(iter(RecordReader(log)))).values
    array([-3.5, 10. ])
    """
    n, n_kinds = len(batch), len(batch.kinds)
    places = _places_of_kinds(batch.kinds)
    counts = np.array([len(own) for own in places], dtype=np.int64)
    rows = np.flatnonzero(counts[batch.kind]) if n_kinds else np.zeros(0, dtype=np.int64)
    values, many = np.zeros(0), np.zeros(n, dtype=np.int64)
    if len(rows):
        forms, form = (
            (batch.raw, np.arange(n)) if batch.forms is None else (batch.forms, batch.form)
        )
        assert form is not None  # noqa: S101 - they come together
        pairs, pair = np.unique(form[rows] * n_kinds + batch.kind[rows], return_inverse=True)
        of_form, of_kind = np.divmod(pairs, n_kinds)
        found = _find_places(forms.gather(of_form), of_kind, places, batch.kinds)
        at, offsets = ragged_index(found.offsets, pair)
        many[rows] = np.diff(offsets)
        texts = cut_texts(
            batch.raw, np.repeat(rows, np.diff(offsets)), found.start[at], found.length[at]
        )
        values = np.clip(texts.cast(pl.Float64).to_numpy(), -_LARGEST, _LARGEST)
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


@lru_cache(maxsize=1 << 12)
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


def _find_places(
    texts: pl.Series,
    kind: NDArray[np.int64],
    places: list[tuple[Place, ...]],
    kinds: pl.DataFrame,
) -> Places:
    """Return where texts have the numbers of their kinds; none if they have other digits."""
    block = level_hexadecimal(f"{texts.str.join(chr(10)).item()}\n".encode())
    data = np.frombuffer(block, dtype=np.uint8)
    edges = np.flatnonzero(np.diff((data - np.uint8(ord("0"))) < 10, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    line_ends = np.flatnonzero(data == ord("\n"))
    first = np.concatenate([[0], np.searchsorted(starts, line_ends)])
    alike = kinds["line"].str.replace_all("00+", "0")
    runs = alike.str.count_matches("0", literal=True).to_numpy().astype(np.int64)
    fits = np.flatnonzero(np.diff(first) == runs[kind])
    counts = np.array([len(own) for own in places], dtype=np.int64)
    own, own_offsets = ragged_index(np.concatenate([[0], np.cumsum(counts)]), kind[fits])
    flat = np.array([place for own in places for place in own], dtype=np.int64).reshape(-1, 3)[own]
    of = np.repeat(fits, np.diff(own_offsets))
    run = first[of] + flat[:, 0]
    many = np.bincount(of, minlength=len(texts))
    line_start = np.concatenate([[0], line_ends[:-1] + 1])
    start = starts[run] - flat[:, 2]  # a minus stands before it
    return Places(
        np.concatenate([[0], np.cumsum(many)]).astype(np.int64),
        start - line_start[of],
        ends[run + flat[:, 1]] - start,
    )
