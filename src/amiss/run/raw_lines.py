"""Single lines of a log, read a second time for what is said of them."""

from __future__ import annotations

from pathlib import Path

from amiss.read.formats import STRUCTURED
from amiss.read.lines import read_lines
from amiss.read.privacy import make_masker
from amiss.read.sources import Source
from amiss.read.structured import read_contents
from amiss.types import LogInfo


def read_again(log: LogInfo, wanted: dict[int, set[int]]) -> dict[tuple[int, int], str]:
    """Return lines of a log by (source, line number), masked as they were when it was read.

    Parameters
    ----------
    log : LogInfo
        With the paths of its files.
    wanted : dict of int to set of int
        1-based line numbers by source.
    """
    files = [Source(name, Path(path)) for name, path in zip(log.sources, log.paths, strict=True)]
    if log.format.startswith(STRUCTURED):
        return read_contents(files, wanted)
    return read_lines(files, wanted, make_masker(log.mask))
