"""Keys: what two shapes must share, whatever the statistics say."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.represent.template_keys import blank_of, items_of, keys_of


def keys(shape):
    return [item.key for item in items_of([shape])[0]]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("block blk_<*> from /<*>:<*>: done", "block <*> from <*>: done"),
        ("by user=root, uid=<*>", "by user=<*>, uid=<*>"),
        ("method=GET status=<*> uri=/a/b", "method=GET status=<*> uri=<*>"),
        ("open /etc/passwd: denied", "open <*>: denied"),
        ("(run-parts /etc/cron.hourly)", "(run-parts <*>)"),
        ("load C:\\Windows\\x.dll", "load <*>"),
        ("GET /v<*>/x?all=True&y=<*> now", "GET <*> now"),
        ("read and/or write", "read and/or write"),
        ("via proxy.example.org:<*> open", "via <*> open"),
        ("<*>::powerChange: sleep", "<*>::powerChange: sleep"),
        ("illegal instruction......<*>", "illegal instruction...<*>"),
        ("sent <*> KB, <*> bytes", "sent <*> bytes"),
        ("(<*> KB) or (<*> MB)", "(<*>) or (<*>)"),
        ("life <<*> sec", "life <*>"),
        ("id<*> <*>, <*> end", "<*> end"),
        ("is drawn= true, moved=false null", "is drawn=<*> <*>, moved=<*> <*>"),
        ("is untrue nullable", "is untrue nullable"),
        ("from host () at", "from host (<*>) at"),
        ("init() ok", "init() ok"),
        ("", ""),
    ],
)
def test_what_varies_by_its_form_is_left_out(shape, expected):
    assert " ".join(keys(shape)) == expected


@pytest.mark.parametrize(
    ("key", "blank"),
    [("alice", "<*>"), ("(alice),", "(<*>),"), ("", "<*>"), ("()", "<*>"), ("<*>", "<*>"),
     ("'a.b'.", "'<*>'."), ("(<*>)", "(<*>)"), ("uid=<*>", "<*>"), ("a=b", "a=<*>")],
)  # fmt: skip
def test_a_blank_keeps_the_punctuation_around_a_word(key, blank):
    assert blank_of(key) == blank
    assert "=" in blank or blank_of(blank) == blank


WORDS = st.lists(
    st.text("ab/\\=<>*()[]{}.,:;'\"-_é", max_size=8) | st.sampled_from(["<*>", "KB", "k=<*>,"]),
    max_size=8,
)


@settings(max_examples=200)
@given(words=WORDS)
def test_no_word_of_a_shape_is_lost(words):
    shape = " ".join(words)
    (items,) = items_of([shape])
    assert " ".join(item.text for item in items).split() == shape.split()
    assert all(item.key for item in items)


def test_keys_of_long_words_are_found_in_linear_time():
    words = ["a" * 50_000 + "<*>", "a/" * 25_000, "a=" * 25_000, "." * 50_000, "<*>" * 20_000]
    assert all(keys_of(words))
    assert all(map(blank_of, words))
