"""Identifiers in hexadecimal digits, written alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_HYPHEN, _X, _ZERO = (np.uint8(ord(character)) for character in "-x0")
_LOWER = np.uint8(32)
_AT_ONCE = 1 << 16
"""Bytes of whole lines looked at in one go, so that all that is made of them stays in the cache."""
_LONG = 8
"""Hexadecimal digits in a row that may be an identifier."""
_LOOKED_AT = 64
"""Digits of a number that are looked at, and the last eight: is there a letter among them?"""
_LETTERS = np.uint64(0x4040404040404040)
"""Of eight hexadecimal digits, the bits that are set in letters."""
_DATE = (9, np.uint64(0x0000004040400000))
"""Digits of what may be a date, such as 08dec2024, and where in the first eight its letters are."""
_UUID = b"0aaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
_HYPHENS, _FOURS = (8, 13, 18, 23), (9, 14, 19, 24, 28, 32)
"""Where in a UUID hyphens are, and behind the first eight digits four in a row."""
_BEFORE = 3
"""Bytes before a number that are looked at."""

_ALL = np.arange(256, dtype=np.uint8)
_IN_WORD = ((_ALL | _LOWER) - np.uint8(ord("a")) < 26) | (_ALL - _ZERO < 10) | (_ALL >= 128)
"""Letters, decimal digits, and what is beyond ASCII."""


def level_hexadecimal(text: bytes) -> bytes:
    r"""Return text in which all UUIDs are the same, and all hexadecimal numbers of one length.

    The first of their digits is written as ``0``, the others as ``a``: they begin with a decimal
    digit, which is the only one, and are as long as they were. A number is a word of eight
    hexadecimal digits or more, letters and decimal digits among them; behind ``0x`` all may be
    letters.

    Parameters
    ----------
    text : bytes
        UTF-8.

    Examples
    --------
    >>> level_hexadecimal(b"trace 9f86d081884c7d65 of 12345678, feedface, 0xfeedface")
    b'trace 0aaaaaaaaaaaaaaa of 12345678, feedface, 0x0aaaaaaa'
    >>> level_hexadecimal(b"[c3ab8ff1-3720-e8ad-9047-dd39466b3c89]")
    b'[0aaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa]'
    """
    parts = []
    start = 0
    while start < len(text):
        stop = text.rfind(b"\n", start, start + _AT_ONCE) + 1 if len(text) - start > _AT_ONCE else 0
        stop = stop or (text.find(b"\n", start + _AT_ONCE) + 1) or len(text)
        parts.append(_level(text[start:stop]))
        start = stop
    return b"".join(parts)


def _level(text: bytes) -> bytes:
    # Hyphens around it, so that each place has one before and behind it.
    around = np.full(len(text) + _BEFORE + len(_UUID), _HYPHEN)
    data = around[_BEFORE:]
    data[: len(text)] = np.frombuffer(text, dtype=np.uint8)
    is_letter = (data | _LOWER) - np.uint8(ord("a")) < 6
    is_digit = is_letter | (data - _ZERO < 10)
    two = is_digit[:-1] & is_digit[1:]
    four = two[:-2] & two[2:]
    eight = four[:-4] & four[4:]
    edges = np.flatnonzero(eight[1:] != eight[:-1]) + 1
    if eight[0]:
        edges = np.concatenate([[0], edges])
    edges[1::2] += _LONG - 1
    start, end = edges[::2], edges[1::2]
    first, second, third = (around[start + _BEFORE - back] for back in (1, 2, 3))
    marked = (first | _LOWER == _X) & (second == _ZERO) & ~_IN_WORD[third]
    begins = marked | ~_IN_WORD[first]
    closes = ~_IN_WORD[data[end]]
    size = end - start
    words = np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,))
    last = words[end - _LONG] & _LETTERS
    some = words[start] & _LETTERS
    is_date = (size == _DATE[0]) & (some == _DATE[1]) & (last == _DATE[1] >> np.uint64(8))
    every = some & last
    some = some | last
    for place in range(_LONG, min(int(size.max(initial=0)), _LOOKED_AT) - _LONG, _LONG):
        word = words[np.minimum(start + place, end - _LONG)] & _LETTERS
        some |= word
        every &= word
    named = begins & closes & (some != 0) & (marked | (every != _LETTERS)) & ~is_date
    uuid = start[begins & (size == _LONG)]
    for place in _HYPHENS:
        uuid = uuid[data[uuid + place] == _HYPHEN]
    for place in _FOURS:
        uuid = uuid[four[uuid + place]]
    uuid = uuid[~_IN_WORD[data[uuid + len(_UUID)]]]
    for length in np.flatnonzero(np.bincount(size[named])):
        _write(data, start[named & (size == length)], b"0" + b"a" * (int(length) - 1))
    _write(data, uuid, _UUID)
    return data[: len(text)].tobytes()


def _write(data: NDArray[np.uint8], places: NDArray[np.int64], text: bytes) -> None:
    """Write a text at each of `places`."""
    size = len(text)
    pieces = np.ndarray(len(data) - size + 1, dtype=f"V{size}", buffer=data, strides=(1,))
    pieces[places] = np.void(text)
