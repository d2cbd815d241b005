"""Strings as views on memory: the same as those that are cut."""

import gc

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from amiss.text.views import cut_texts, texts_at

TEXTS = st.lists(st.text("ab é𝄞0123456789", max_size=40), max_size=12)


@given(TEXTS)
def test_texts_are_found_in_their_memory(texts):
    coded = [text.encode() for text in texts]
    length = np.array([len(text) for text in coded], dtype=np.int64)
    start = np.cumsum(length) - length
    assert texts_at(b"".join(coded), start, length).to_list() == texts


@given(TEXTS, TEXTS, st.data())
def test_parts_of_texts_are_what_slices_of_them_are(texts, others, data):
    # Of one piece of memory, of several, and of what was put together.
    series = pl.concat([pl.Series(texts, dtype=pl.String), pl.Series(others, dtype=pl.String)])
    texts = texts + others
    rows = data.draw(st.lists(st.integers(0, max(0, len(texts) - 1)), max_size=20 if texts else 0))
    spans = [sorted(data.draw(st.tuples(*[st.integers(0, len(texts[r]))] * 2))) for r in rows]
    start = [len(texts[r][:a].encode()) for r, (a, _) in zip(rows, spans, strict=True)]
    length = [len(texts[r][a:b].encode()) for r, (a, b) in zip(rows, spans, strict=True)]
    wanted = [texts[r][a:b] for r, (a, b) in zip(rows, spans, strict=True)]
    where = [np.array(values, dtype=np.int64) for values in (rows, start, length)]
    assert cut_texts(series, *where).to_list() == wanted
    assert cut_texts(series.rechunk(), *where).to_list() == wanted


def test_memory_stays_as_long_as_its_texts():
    texts = texts_at(bytes(bytearray(b"what is longer than twelve")), np.array([0]), np.array([26]))
    parts = cut_texts(texts, np.array([0]), np.array([5]), np.array([21]))
    del texts
    gc.collect()
    assert parts.to_list() == ["is longer than twelve"]
