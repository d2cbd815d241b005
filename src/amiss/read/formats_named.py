"""Formats whose records name their values, as data."""

from __future__ import annotations

from amiss.read.format_type import CSV, HASHED, JOURNAL, JSON, LOGFMT, Format

PAIR = r'[A-Za-z_@][^\s="]*=(?:"(?:[^"\\]|\\.)*"|[^\s"]*)'

NAMED = (
    Format(
        name="json",
        title="JSON lines",
        header=r"^\s*\{.*\}\s*,?\s*$",
        layout=JSON,
    ),
    Format(
        name="journal",
        title="systemd journal export",
        # As it is exported, and as ``-o verbose`` shows it.
        header=r"^(?:__CURSOR=|[A-Z][a-z][a-z] \d+-\d+-\d+ \d+:\d+:\d+(?:\.\d+)? \S+ \[s=)",
        layout=JOURNAL,
    ),
    Format(
        name="zeek",
        title="Zeek",
        header=r"^[^#]",
        multiline=False,
        absent="-",
        layout=HASHED,
        separator="\t",
    ),
    Format(
        name="w3c",
        title="W3C extended log",
        header=r"^[^#]",
        multiline=False,
        absent="-",
        layout=HASHED,
        separator=" ",
    ),
    Format(
        name="logfmt",
        title="logfmt",
        header=rf"^{PAIR}(?:\s+{PAIR})+\s*$",
        layout=LOGFMT,
    ),
    Format(
        name="csv",
        title="CSV with a header",
        header=".",
        layout=CSV,
    ),
)
