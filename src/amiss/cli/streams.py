"""What goes where: results to stdout, progress and complaints to stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

from amiss.errors import UsageError

_AT_ONCE = 10_000
"""Parts of a text that are written at once."""


def say(text: str) -> None:
    """Write a result to stdout, whatever characters its encoding lacks."""
    _write([text, "\n"])


def say_json(value: dict[str, Any]) -> None:
    """Write `value` to stdout as JSON to read, while it is made.

    Twenty thousand findings are a hundred megabytes of text, and five times as much in its parts.
    """
    parts = iter(json.JSONEncoder(indent=2, allow_nan=False).iterencode(value))
    texts = iter(lambda: "".join(islice(parts, _AT_ONCE)), "")
    _write(chain(texts, ["\n"]))


def _write(texts: Iterable[str]) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    try:
        for text in texts:
            sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as head, has enough; the exit code is still to say what was found.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def dumps(value: dict[str, Any]) -> str:
    """Return `value` as JSON to read."""
    return json.dumps(value, indent=2, allow_nan=False)


def width() -> int:
    """Return the columns of the terminal; 120 where there is none."""
    return max(40, shutil.get_terminal_size((120, 24)).columns)


def quoted(words: list[str]) -> str:
    """Return words as a shell takes them."""
    import shlex

    from amiss.present.escape import visible

    return " ".join(shlex.quote(visible(word)) for word in words)


def complain(text: str) -> None:
    """Write one line to stderr."""
    from amiss.present.escape import visible

    sys.stderr.write(f"amiss: {visible(text)}\n")


def check_target(path: Path, what: str = "a model file", reads: Iterable[str | Path] = ()) -> None:
    """Refuse a file that cannot be written now, not after minutes of learning.

    So is one of those that the command `reads`: files, folders or patterns.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; expected the name of {what}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")
    if path.exists() and any(_holds(str(given), path) for given in reads):
        raise UsageError(f"{path}: is read by this command; name another file for {what}")


def _holds(given: str, path: Path) -> bool:
    """Return whether what was given to read is, holds or matches a file."""
    import glob

    if Path(given).is_dir():
        return path.resolve().is_relative_to(Path(given).resolve())
    names = [given] if Path(given).exists() else glob.glob(given, recursive=True)  # noqa: PTH207 - takes absolute patterns too
    return any(Path(name).exists() and Path(name).samefile(path) for name in names)


class _ReadProgress:
    """Told the bytes read so far; and lines as they are grouped, where `read_sessions` reads."""

    def __init__(self, show: Callable[[int, int, float], None]) -> None:
        self._show = show
        self._started = time.monotonic()
        self._bytes = self._lines = 0

    def __call__(self, done: int) -> None:
        self._bytes = done
        self._show(done, self._lines, time.monotonic() - self._started)

    def add_lines(self, lines: int) -> None:
        self._lines += lines
        self._show(self._bytes, self._lines, time.monotonic() - self._started)


@contextmanager
def progress(quiet: bool, inputs: Sequence[str] = ()) -> Iterator[Callable[[int], None] | None]:
    """Show bytes and lines read, and the time left, on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("reading"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[speed]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("reading", total=_total_bytes(inputs), speed="")

        def show(done: int, lines: int, seconds: float) -> None:
            speed = f"{lines / seconds:,.0f} lines/s" if lines and seconds > 0.5 else ""
            bar.update(task, completed=done, speed=speed)

        yield _ReadProgress(show)


def _total_bytes(inputs: Sequence[str]) -> int | None:
    """Return the size of files and folders; None where something else is among them."""
    total = 0
    for item in map(Path, inputs):
        if not item.exists() or item.is_fifo():
            return None
        files = [item] if item.is_file() else [p for p in item.rglob("*") if p.is_file()]
        total += sum(file.stat().st_size for file in files)
    return total or None


@contextmanager
def status(text: str, quiet: bool) -> Iterator[None]:
    """Show what is being done on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
