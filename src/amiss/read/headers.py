"""All header formats of text logs, in the order in which they are tried, and the general ones."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import CAPITALS, DATED, ISO, LEVELS, TIMES
from amiss.read.headers_access import ACCESS
from amiss.read.headers_java import JAVA
from amiss.read.headers_service import SERVICES
from amiss.read.headers_system import AUDIT, SYSTEM

# What stands between a time, a level and a message, and the brackets about a level.
_THEN = r"(?:\s*\|\s*|\s*;|(?:[:,]|\s-)?\s+)"
_ROW = r"^[^;]*(?:;\s*(?:[-+]?\d*[.,]?\d*(?:[eE][-+]?\d+)?|(?i:nan|inf|true|false|null))\s*)+$"
"""A row of a table: behind the time are numbers alone."""
_SAID = rf"(?:[\[(<]?(?P<level>{LEVELS})[\])>]?{_THEN})?"
# What may stand before a level: in brackets, or a cell, or a word.
_PART = (
    r"(?:\[[^\[\]]*\]|\([^()]*\)|\{[^{}]*\}|<[^<>]*>|[^\s|]+(?: [^\s|]+)? +\||"
    r"[\w./@][\w.$:/#@=,+-]*)"
)
_ANY = (
    Format(
        name="zone_level",
        title="time, zone, level, message",
        header=rf"^\[?(?P<time>{ISO} [+-]\d+(?::\d+)?)\]?{_THEN}{_SAID}(?P<message>.*)$",
        unless=_ROW,
        time="iso",
        counted=("level",),
    ),
    Format(
        name="compose",
        title="Docker Compose: service, time, level, message",
        header=(rf"^(?P<service>[\w.-]+) +\| +(?P<time>{TIMES}){_THEN}{_SAID}(?P<message>.*)$"),
        time="auto",
        counted=("service", "level"),
    ),
    Format(
        name="time_context_level",
        title="time, context, level, message",
        header=(
            rf"^[\[(]?(?P<time>{TIMES}(?:Z| [+-]\d+)?)[\])]?{_THEN}"
            rf"(?P<context>{_PART}(?:[ \t]*{_PART}){{0,2}}?)"
            rf"(?:\s*[|:,]?\s*|\s-\s)[\[(<]?(?P<level>{CAPITALS})[\])>]?{_THEN}(?P<message>.*)$"
        ),
        loose=(
            rf"^[\[(]?(?P<time>{TIMES}(?:Z| [+-]\d+)?)[\])]?{_THEN}(?P<context>\x00)?{_SAID}"
            r"(?P<message>.*)$"
        ),
        unless=r" [AP]M\W",
        time="auto",
        counted=("level",),
    ),
    Format(
        name="time_level",
        title="time, level, message",
        header=rf"^[\[(<*.]?(?P<time>{TIMES})[\])>]?{_THEN}{_SAID}(?P<message>.*)$",
        unless=_ROW,
        time="auto",
        counted=("level",),
    ),
    Format(
        name="level_time",
        title="level, time, message",
        header=(
            rf"^[\[(<]?(?P<level>{LEVELS})[\])>]?{_THEN}[\[(]?(?P<time>{TIMES})[\])]?{_THEN}"
            r"(?P<message>.*)$"
        ),
        time="auto",
        counted=("level",),
    ),
    Format(
        name="level_epoch",
        title="level, epoch, message",
        header=(
            rf"^[\[(<]?(?P<level>{LEVELS})[\])>]?{_THEN}[\[(](?P<time>\d+(?:\.\d+)?)[\])]{_THEN}"
            r"(?P<message>.*)$"
        ),
        time="epoch",
        counted=("level",),
    ),
    Format(
        name="source_time",
        title="source, time, level, message",
        header=(
            rf"^(?P<source>[^\s\"'{{}}=][^\"'{{}}=]{{0,79}}?)[\s|:<]+[\[(<]?(?P<time>{DATED})[\])>]?"
            rf"{_THEN}{_SAID}(?P<message>.*)$"
        ),
        unless=r"\] \"",  # a request
        time="auto",
        counted=("level",),
    ),
    Format(
        name="epoch_level",
        title="epoch, level, message",
        header=(  # In the kind of a number such as 1.7149896001e+09 there is a hexadecimal one.
            rf"^[\[(]?(?P<time>\d+(?:\.\d[\da-f]*)?(?:e?\+\d+)?)[\])]?{_THEN}{_SAID}(?P<message>.*)$"
        ),
        time="epoch",
        counted=("level",),
    ),
    Format(
        name="uptime_level",
        title="seconds since the start, level, message",
        header=rf"^(?:<\d+>)?\[ *(?P<time>\d+\.\d+)s?\] ?{_SAID}(?P<message>.*)$",
        time="uptime",
        counted=("level",),
    ),
    Format(
        name="logrus",
        title="logrus, as terminals show it",
        header=(
            r"^(?P<level>TRAC|TRACE|DEBU|DEBUG|INFO|WARN|ERRO|ERROR|FATA|FATAL|PANI|PANIC)"
            rf"\[(?P<time>\d+|{TIMES})\] +(?P<message>.*)$"
        ),
        time="uptime",
        counted=("level",),
    ),
    Format(
        name="level",
        title="level, message",
        header=rf"^[\[(<]?(?P<level>{LEVELS})(?:[\])>]:?|[:|,;]| -) *(?P<message>.*)$",
        counted=("level",),
    ),
)

__all__ = ["AUDIT", "HEADERS"]

HEADERS = (*ACCESS, *JAVA, *SYSTEM, *SERVICES, *_ANY)
