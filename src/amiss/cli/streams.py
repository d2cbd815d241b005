"""What goes where: results to stdout, progress and complaints to stderr."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from amiss.errors import UsageError


def say(text: str) -> None:
    """Write a result to stdout, whatever characters its encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
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


def check_target(path: Path, what: str = "a model file") -> None:
    """Refuse a file that cannot be written now, not after minutes of learning."""
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; expected the name of {what}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}; make it first")


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[int], None] | None]:
    """Show bytes read on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        DownloadColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("reading"), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading", total=None)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def status(text: str, quiet: bool) -> Iterator[None]:
    """Show what is being done on a terminal's stderr; nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield
