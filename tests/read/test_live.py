"""A stream in pieces, as it comes."""

import os
import threading
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from amiss.read import live
from amiss.read.live import live_blocks


@given(data=st.lists(st.sampled_from([b"a", b"\n", b"\xff", b"\0", b"line\n"])).map(b"".join))
def test_every_byte_comes_in_whole_lines(data):
    blocks = list(live_blocks(BytesIO(data), 10.0))
    assert b"".join(blocks) == data.replace(b"\0", b"")
    assert all(block.endswith(b"\n") for block in blocks[:-1] if block)


def test_a_quiet_stream_gives_empty_blocks_and_half_a_line_waits_for_its_end():
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        blocks = live_blocks(stream, 0.05)
        os.write(writing, b"one\ntw")
        got = [next(blocks) for _ in range(3)]
        assert b"".join(got) == b"one\n"
        assert b"" in got
        threading.Timer(0.1, lambda: (os.write(writing, b"o\n"), os.close(writing))).start()
        assert b"".join(blocks) == b"two\n"


def test_a_line_without_end_does_not_grow(monkeypatch):
    monkeypatch.setattr(live, "MAX_LINE", 8)
    assert b"".join(live_blocks(BytesIO(b"x" * 100_000), 0.01)) == b"x" * 9
