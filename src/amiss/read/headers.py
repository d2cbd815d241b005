"""All header formats of text logs, in the order in which they are tried, and the general ones."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import LEVELS, TIMES
from amiss.read.headers_access import ACCESS
from amiss.read.headers_java import JAVA
from amiss.read.headers_service import SERVICES
from amiss.read.headers_system import SYSTEM

# The level may stand on either side of a few brackets; then what follows is the message.
_SAID = rf"(?:[\[(<]?(?P<level>{LEVELS})[\])>]?(?:[:|,;]| -)? +)?"
_ANY = (
    Format(
        name="time_level",
        title="time, level, message",
        header=(
            rf"^[\[(]?(?P<time>{TIMES})[\])]?"
            rf"(?:[:|,;]| -)? +{_SAID}(?P<message>.*)$"
        ),
        time="auto",
        counted=("level",),
    ),
    Format(
        name="epoch_level",
        title="epoch, level, message",
        header=rf"^[\[(]?(?P<time>\d+(?:\.\d+)?)[\])]?(?:[:|,;]| -)? +{_SAID}(?P<message>.*)$",
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

HEADERS = (*ACCESS, *JAVA, *SYSTEM, *SERVICES, *_ANY)
