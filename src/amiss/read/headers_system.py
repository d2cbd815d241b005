"""Headers of operating systems, devices and clusters, as data."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import CLOCK, DATE, ISO, LEVELS, SYSLOG, TAG

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
        name="cisco",
        title="Cisco IOS or ASA",
        header=(
            rf"^(?:<\d+>)?(?:{SYSLOG} (?P<host>\S+) )?(?:(?P<sequence>\d+): )?(?:[\w.-]+: )?"
            rf"[*.]?(?P<time>{SYSLOG})(?: (?P<zone>[A-Z]+))?(?: [\w.-]+)? ?: ?"
            r"%(?P<facility>[A-Z0-9_-]+)-(?P<pri>\d+)-(?P<message>[A-Z0-9_]+: .*)$"
        ),
        time="auto",
        counted=("facility",),
    ),
    Format(
        name="syslog",
        title="BSD syslog",
        header=(
            rf"^(?:<(?P<pri>\d+)>)?(?P<time>{SYSLOG}) +(?P<host>[^\s:\[\]]+) (?:: )?{TAG}"
            r"(?:\[ *\d+\.\d+\] )?(?P<message>.*)$"
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
            rf"^(?:<(?P<pri>\d+)>)?(?P<time>{DATE}[T ]{CLOCK}(?:Z|[+-]\d+(?::\d+)?)) "
            r"(?P<host>[A-Za-z0-9][\w.-]*) (?P<tag>[^\s:\[\]]+)(?:\[(?P<pid>\d+)\])?: ?"
            r"(?:\[ *\d+\.\d+\] )?(?P<message>.*)$"
        ),
        unless=rf"^\S+ +{LEVELS} ",
        time="iso",
        counted=("tag",),
    ),
    Format(
        name="syslog_weekday",
        title="systemd journal, its full form",
        header=(
            rf"^(?P<time>[A-Z][a-z][a-z] {DATE} {CLOCK}(?: (?:UTC|GMT))?)(?: (?P<zone>[A-Z]+))? "
            rf"(?P<host>[A-Za-z0-9][\w.-]*) {TAG}(?P<message>.*)$"
        ),
        time="iso",
        counted=("tag",),
    ),
    Format(
        name="syslog_epoch",
        title="syslog with seconds since 1970",
        header=(
            r"^(?P<time>\d+\.\d+) (?P<host>[A-Za-z0-9][\w.-]*) (?P<tag>[^\s:\[\]]+)"
            r"(?:\[(?P<pid>\d+)\])?: ?(?P<message>.*)$"
        ),
        time="epoch",
        counted=("tag",),
    ),
    Format(
        name="syslog_uptime",
        title="syslog with seconds since the start",
        header=(
            r"^\[ *(?P<time>\d+\.\d+)\] (?P<host>[A-Za-z0-9][\w.-]*) (?P<tag>[A-Za-z_][^\s:\[\]]*)"
            r"(?:\[(?P<pid>\d+)\]: ?|: )(?P<message>.*)$"
        ),
        time="uptime",
        counted=("tag",),
    ),
    Format(
        name="xorg",
        title="X server",
        header=r"^\[ *(?P<time>\d+\.\d+)\] \((?P<level>[A-Z!?*=+-]+)\) (?P<message>.*)$",
        time="uptime",
        counted=("level",),
    ),
    Format(
        name="macos",
        title="macOS unified log",
        header=(
            rf"^(?P<time>{ISO}) +0x(?P<thread>[0-9a-f]+) +(?P<level>[A-Z][a-z]+) +0x[0-9a-f]+ +"
            r"(?P<pid>\d+) +\d+ +(?P<program>[^:]+): (?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "program"),
    ),
    Format(
        name="apt",
        title="apt history",
        header=rf"^Start-Date: (?P<time>{ISO})(?P<message>)$",
        time="iso",
        tells="^(?:Install|Reinstall|Upgrade|Downgrade|Remove|Purge|Error): ",
        blocks=True,
    ),
    Format(
        name="ossec",
        title="OSSEC or Wazuh alerts",
        header=r"^\*\* Alert (?P<time>\d+\.\d+):(?P<flags>.*?)- ?(?P<groups>.*?),?(?P<message>)$",
        time="epoch",
        tells="^Rule: ",
        blocks=True,
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
        partial=r"^\S+ (stdout|stderr) P ",
        wraps=True,
    ),
)
