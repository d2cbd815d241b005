"""All header formats of text logs, in the order in which they are tried, and the general ones."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import ISO, LEVELS, TIMES
from amiss.read.headers_access import ACCESS
from amiss.read.headers_java import JAVA
from amiss.read.headers_service import SERVICES
from amiss.read.headers_system import AUDIT, SYSTEM

# What stands between a time, a level and a message, and the brackets about a level.
_THEN = r"(?:\s*\|\s*|(?:[:,;]|\s-)?\s+)"
_SAID = rf"(?:[\[(<]?(?P<level>{LEVELS})[\])>]?{_THEN})?"
_ANY = (
    Format(
        name="zone_level",
        title="time, zone, level, message",
        header=rf"^\[?(?P<time>{ISO} [+-]\d+(?::\d+)?)\]?{_THEN}{_SAID}(?P<message>.*)$",
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
        name="time_level",
        title="time, level, message",
        header=rf"^[\[(]?(?P<time>{TIMES})[\])]?{_THEN}{_SAID}(?P<message>.*)$",
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
        name="epoch_level",
        title="epoch, level, message",
        header=rf"^[\[(]?(?P<time>\d+(?:\.\d+)?)[\])]?{_THEN}{_SAID}(?P<message>.*)$",
        time="epoch",
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
