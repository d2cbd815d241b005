"""Standard input that never ends: blocks of whole lines as they come."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import BinaryIO

from amiss.read.sources import BLOCK, MAX_LINE

_CHUNK = 1 << 16
_WAITING = 64  # chunks that may wait to be judged: whoever writes faster has to wait


def live_blocks(stream: BinaryIO, interval: float) -> Iterator[bytes]:
    r"""Yield what a stream brings, in blocks of whole lines, at least one each `interval`.

    A block is empty where nothing came. The last one may lack its line end. Of a line without end
    no more than ``MAX_LINE`` bytes are kept, as of those in files.

    Parameters
    ----------
    stream : binary file
        Such as ``sys.stdin.buffer``; read by a thread of its own.
    interval : float
        Seconds.

    Examples
    --------
    >>> from io import BytesIO
    >>> list(live_blocks(BytesIO(b"one\ntwo\nthr"), 0.1))
    [b'one\ntwo\n', b'thr']
    """
    chunks: queue.Queue[bytes | OSError] = queue.Queue(_WAITING)
    threading.Thread(target=_read, args=(stream, chunks), daemon=True).start()
    rest, ended = b"", False
    while not ended:
        parts, size = [rest], len(rest)
        until = time.monotonic() + interval
        while not ended and size < BLOCK and (left := until - time.monotonic()) > 0:
            try:
                chunk = chunks.get(timeout=left)
            except queue.Empty:
                break
            if isinstance(chunk, OSError):
                raise chunk
            ended = not chunk
            parts.append(chunk)
            size += len(chunk)
        found = b"".join(parts).replace(b"\0", b"")
        end = found.rfind(b"\n") + 1
        rest = found[end:][: MAX_LINE + 1]
        if end or not ended:
            yield found[:end]
    if rest:
        yield rest


def _read(stream: BinaryIO, chunks: queue.Queue[bytes | OSError]) -> None:
    read = getattr(stream, "read1", stream.read)
    try:
        while chunk := read(_CHUNK):
            chunks.put(chunk)
        chunks.put(b"")
    except OSError as error:
        chunks.put(error)
