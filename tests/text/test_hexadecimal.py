"""Identifiers in hexadecimal digits: what is written alike, and what is left as it is."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.text import hexadecimal as module
from amiss.text.hexadecimal import level_hexadecimal

DIGIT = "[0-9A-Fa-f]"
BEFORE, BEHIND = r"(?<![0-9A-Za-z\x80-\xff])", r"(?![0-9A-Za-z\x80-\xff])"
UUID = re.compile(rf"{BEFORE}(0[xX])?({DIGIT}{{8}}(?:-{DIGIT}{{4}}){{3}}-{DIGIT}{{12}}){BEHIND}")
NUMBER = re.compile(rf"{BEFORE}(0[xX])?({DIGIT}{{8,}}){BEHIND}")
DATE = re.compile("[0-9]{2}[A-Fa-f]{3}[0-9]{4}")
PARTS = st.one_of(
    st.uuids().map(str),
    st.text("0123456789abcdefABCDEF", min_size=4, max_size=40),
    st.text("0xX-_ zé19a\n", max_size=4),
)


def expected(text):
    """The same by regular expressions, each byte a character."""

    def number(found):
        digits = found[2]
        letters = sum(c.isalpha() for c in digits)
        if not letters or DATE.fullmatch(digits) or (letters == len(digits) and not found[1]):
            return found[0]
        return (found[1] or "") + "0" + "a" * (len(digits) - 1)

    def uuid(found):
        return (found[1] or "") + "0aaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"

    return NUMBER.sub(number, UUID.sub(uuid, text))


@given(st.lists(PARTS, max_size=8).map("".join))
def test_each_byte_keeps_its_place_and_identifiers_are_alike(text):
    found = level_hexadecimal(text.encode())
    assert found.decode("latin1") == expected(text.encode().decode("latin1"))


@given(st.lists(PARTS, max_size=8), st.integers(1, 60))
def test_lines_are_looked_at_by_themselves(parts, at_once):
    lines = "".join(parts).encode().split(b"\n")
    usual = module._AT_ONCE
    module._AT_ONCE = at_once
    try:
        found = level_hexadecimal(b"\n".join(lines)).split(b"\n")
    finally:
        module._AT_ONCE = usual
    assert found == [level_hexadecimal(line) for line in lines]


@pytest.mark.parametrize(
    "text",
    [b"", b"deadbeef cafe", b"12345678", b"08dec2024", b"xc0ffee55", b"c0ffee55x", b"c0ffee5"],
    ids=["nothing", "words", "decimal", "date", "in a word", "goes on", "short"],
)
def test_what_is_no_identifier_is_left_as_it_is(text):
    assert level_hexadecimal(text) == text


def test_a_very_long_number_is_looked_at_in_its_first_digits_and_the_last():
    text = b"1" * 100_000
    assert level_hexadecimal(text) == text
    assert level_hexadecimal(text + b"f") == b"0" + b"a" * 100_000
