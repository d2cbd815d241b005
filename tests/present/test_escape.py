"""No text of a log moves the cursor, reorders what is read, or hides in what is shown."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.present.escape import visible

# By Unicode's own tables, not by the expression under test.
REORDERS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = set("\u061c\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u180e")

anything = st.text(alphabet=st.characters(), max_size=60)
hostile = st.text(alphabet=st.sampled_from("\x1b\x9b\x07\0\r\n\t\u202e\u2066\u200bab ]\\"))
texts = anything | hostile


def is_unsafe(character):
    return (
        unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
        or unicodedata.bidirectional(character) in REORDERS
        or character in MARKS
    )


@given(texts)
def test_what_is_shown_holds_no_unsafe_character(text):
    assert not any(is_unsafe(character) for character in visible(text))


@given(texts, st.integers(min_value=-3, max_value=80))
def test_what_is_shown_is_never_longer_than_the_width(text, width):
    shown = visible(text, width)
    assert len(shown) <= max(0, width)
    assert not any(is_unsafe(character) for character in shown)


@given(texts, st.integers(min_value=1, max_value=80))
def test_what_is_cut_is_the_start_of_the_whole_and_says_so(text, width):
    whole, shown = visible(text), visible(text, width)
    if len(whole) <= width:
        assert shown == whole
    else:
        assert shown == whole[: width - 1] + "…"


@given(texts)
def test_showing_twice_changes_nothing_more(text):
    assert visible(visible(text)) == visible(text)


@given(texts)
def test_text_without_unsafe_characters_is_shown_as_it_is(text):
    safe = "".join(character for character in text if character.isprintable())
    safe = "".join(character for character in safe if not is_unsafe(character))
    assert visible(safe) == safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("user\u202etxt.exe", r"user\u202etxt.exe"),
        ("pass\u2066word", r"pass\u2066word"),
        ("arabic\u061cmark", r"arabic\u061cmark"),
        ("soft\u00adhyphen", r"soft\xadhyphen"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("lone\udc80", r"lone\udc80"),
        ("one\r\ntwo", r"one\x0d\x0atwo"),
        ("tab\tbed", "tab bed"),
        ("Grüße, 世界 · ≠ 🙂", "Grüße, 世界 · ≠ 🙂"),
        ("<script>[red]{0}%s", "<script>[red]{0}%s"),
    ],
)
def test_known_tricks_are_written_out(text, shown):
    assert visible(text) == shown


def test_a_huge_line_is_cut_without_being_escaped_to_its_end():
    assert visible("\x1b" * 10_000_000, 12) == r"\x1b\x1b\x1…"
