"""Headers of operating systems, devices and clusters, as data."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import CLOCK, DATE, ISO, SYSLOG, TAG

# Its lines look like pairs of names and values too, so it is tried before these.
AUDIT = Format(
    name="audit",
    title="Linux audit",
    header=(
        r"^(?:node=(?P<node>\S+) )?(?P<message>type=(?P<type>[A-Z][A-Z0-9_]*) "
        r"msg=audit\((?P<time>\d+\.\d+):(?P<serial>\d+)\):.*)$"
    ),
    time="epoch",
    counted=("type",),
)
SYSTEM = (
    Format(
        name="bgl",
        title="Blue Gene/L",
        header=(
            r"^(?P<label>[A-Z-]\S*) (?P<time>\d+) (?P<date>\d+\.\d+\.\d+) (?P<node>\S+) "
            r"(?P<stamp>\d+-\d+-\d+-\d+\.\d+\.\d+\.\d+) (?P<reporter>\S+) (?P<type>\S+) "
            r"(?P<component>\S+) (?P<level>[A-Z]+) ?(?P<message>.*)$"
        ),
        time="epoch",
        absent="-",
        counted=("level", "component", "type"),
    ),
    Format(
        name="thunderbird",
        title="Thunderbird (labelled syslog)",
        header=(
            r"^(?P<label>[A-Z-]\S*) (?P<time>\d+) (?P<date>\d+\.\d+\.\d+) (?P<node>\S+) "
            rf"(?P<stamp>{SYSLOG}) (?P<location>\S+) {TAG}(?P<message>.*)$"
        ),
        time="epoch",
        absent="-",
        counted=("tag",),
    ),
    Format(
        name="rfc5424",
        title="RFC 5424 syslog",
        header=(
            r"^<(?P<pri>\d+)>\d+ (?P<time>\S+) (?P<host>\S+) (?P<tag>\S+) (?P<pid>\S+) "
            r'(?P<msgid>\S+) (?P<data>-|(?:\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])+)'
            "(?: \ufeff?)?(?P<message>.*)$"
        ),
        time="iso",
        absent="-",
        counted=("tag", "msgid"),
    ),
    Format(
        name="syslog",
        title="BSD syslog",
        header=(
            rf"^(?:<(?P<pri>\d+)>)?(?P<time>{SYSLOG}) (?P<host>[^\s:\[\]]+) {TAG}"
            r"(?P<message>.*)$"
        ),
        time="auto",
        counted=("tag",),
    ),
    Format(
        name="syslog_local",
        title="BSD syslog without a host",
        header=(
            rf"^(?:<(?P<pri>\d+)>)?(?P<time>{SYSLOG}) (?P<tag>[^\s:\[\]]+)(?:\[(?P<pid>\d+)\])?: ?"
            r"(?P<message>.*)$"
        ),
        time="auto",
        counted=("tag",),
    ),
    Format(
        name="syslog_iso",
        title="syslog with ISO times",
        header=(
            rf"^(?:<(?P<pri>\d+)>)?(?P<time>{DATE}T{CLOCK}(?:Z|[+-]\d+(?::\d+)?)) "
            r"(?P<host>[A-Za-z0-9][\w.-]*) (?P<tag>[^\s:\[\]]+)(?:\[(?P<pid>\d+)\])?: ?"
            r"(?P<message>.*)$"
        ),
        time="iso",
        counted=("tag",),
    ),
    Format(
        name="windows",
        title="Windows event text",
        header=(rf"^(?P<time>{ISO}), (?P<level>[A-Z][a-z]+) +(?P<component>\S+) +(?P<message>.*)$"),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="android",
        title="Android logcat",
        header=(
            rf"^(?P<time>(?:\d+-)?\d+-\d+ {CLOCK}) +(?P<pid>\d+) +(?P<tid>\d+) "
            r"(?P<level>[VDIWEFAS]) (?P<tag>.*?) *: ?(?P<message>.*)$"
        ),
        time="auto",
        counted=("level", "tag"),
    ),
    Format(
        name="android_brief",
        title="Android logcat, brief",
        header=(r"^(?P<level>[VDIWEFAS])/(?P<tag>[^(]*?) *\( *(?P<pid>\d+)\): ?(?P<message>.*)$"),
        counted=("level", "tag"),
    ),
    Format(
        name="healthapp",
        title="HealthApp",
        header=(
            r"^(?P<time>\d+-\d+:\d+:\d+:\d+)\|(?P<component>[^|]*)\|(?P<pid>[^|]*)\|"
            r"(?P<message>.*)$"
        ),
        time="yyyymmdd, milliseconds unpadded",
        counted=("component",),
    ),
    Format(
        name="hpc",
        title="HPC cluster",
        header=(
            r"^(?P<id>\d+) (?P<node>\S+) (?P<component>\S+) (?P<state>\S+) (?P<time>\d+) "
            r"(?P<flag>\d+) (?P<message>.*)$"
        ),
        time="epoch",
        counted=("component", "state"),
    ),
    Format(
        name="proxifier",
        title="Proxifier",
        header=(
            rf"^\[(?P<time>\d+\.\d+ {CLOCK})\] (?P<program>.*?\S)(?: \*\d+)? - (?P<message>.*)$"
        ),
        time="mm-dd",
        counted=("program",),
    ),
    Format(
        name="cri",
        title="container runtime",
        header=(
            rf"^(?P<time>{DATE}T{CLOCK}(?:Z|[+-]\d+(?::\d+)?)) (?P<stream>stdout|stderr) "
            r"(?P<flag>[FP]) (?P<message>.*)$"
        ),
        time="iso",
        counted=("stream",),
    ),
)
