"""Headers of services on the Java virtual machine, as data."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import CLASS, CLOCK, ISO, LEVELS, TIMES

JAVA = (
    Format(
        name="hdfs",
        title="HDFS",
        header=(
            r"^(?P<date>\d+) (?P<time>\d+) (?P<pid>\d+) (?P<level>[A-Z]+) "
            r"(?P<component>[^\s:]+): ?(?P<message>.*)$"
        ),
        time="%y%m%d %H%M%S",
        time_width=13,
        session_key=r"blk_-?\d+",
        counted=("level", "component"),
    ),
    Format(
        name="zookeeper",
        title="ZooKeeper",
        header=(
            rf"^(?P<time>{ISO}) (?:\[myid:\d*\] )?- (?P<level>{LEVELS}) +"
            r"\[(?P<thread>.*?):(?P<component>[\w$.]+)@(?P<id>\d+)\] - (?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="spring",
        title="Spring Boot",
        header=(
            rf"^(?P<time>{ISO}) +(?P<level>{LEVELS}) (?P<pid>\d+) --- (?:\[[^\]]*\] )?"
            r"\[ *(?P<thread>[^\]]*)\] (?:\[ *(?P<trace>[^\]]*)\] )?(?P<component>[^\s:]+) *: "
            r"(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="hadoop",
        title="Hadoop (log4j)",
        header=(
            rf"^(?P<time>{ISO}) +(?P<level>{LEVELS}) +\[(?P<thread>.*?)\] "
            rf"(?P<component>{CLASS}): ?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="log4j",
        title="log4j, thread before the level",
        header=(
            rf"^(?P<time>{ISO}|{CLOCK}) +\[(?P<thread>.*?)\] +(?P<level>{LEVELS}) +"
            rf"(?P<component>{CLASS})(?::\d+)?(?: \[(?P<context>[^\]]*)\])?(?: -|:| -:) "
            r"(?P<message>.*)$"
        ),
        time="auto",
        counted=("level", "component"),
    ),
    Format(
        name="elasticsearch",
        title="Elasticsearch",
        header=(
            rf"^\[(?P<time>{ISO})\]\[(?P<level>[A-Z]+) *\]\[(?P<component>[^\]]*?) *\]"
            r"(?: ?\[(?P<node>[^\]]*)\])? ?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="jvm",
        title="Java virtual machine, unified logging",
        header=(
            rf"^\[(?P<time>{ISO})\](?:\[(?P<uptime>\d+[.,]\d+s)\])?\[(?P<level>[a-z]+) *\]"
            r"\[(?P<component>[^\]]*?) *\] ?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="jvm_uptime",
        title="Java virtual machine, unified logging by uptime",
        header=(
            r"^\[(?P<time>\d+[.,]\d+)s\](?:\[(?P<pid>\d+)\])?\[(?P<level>[a-z]+) *\]"
            r"\[(?P<component>[^\]]*?) *\] ?(?P<message>.*)$"
        ),
        time="uptime",
        counted=("level", "component"),
    ),
    Format(
        name="wildfly",
        title="WildFly",
        header=(
            rf"^(?P<time>{ISO}|{CLOCK}) +(?P<level>{LEVELS}) +\[(?P<component>[^\]]*)\] "
            r"(?:\[[^\]]*\] )?\((?P<thread>[^()]*(?:\([^()]*\)[^()]*)?)\) (?P<message>.*)$"
        ),
        time="auto",
        counted=("level", "component"),
    ),
    Format(
        name="weblogic",
        title="WebLogic",
        header=(
            r"^####<(?P<time>[A-Z][a-z]+ \d+, \d+,? [\d:,.]+ [AP]M)(?: (?P<zone>[A-Z]+))?> "
            r"<(?P<level>[^<>]*)> <(?P<component>[^<>]*)> <(?P<host>[^<>]*)> "
            r"<(?P<server>[^<>]*)> <(?P<thread>[^<>]*)> <(?P<user>(?:<[^<>]*>|[^<>]*))> "
            r"(?:<[^<>]*> )+<(?P<code>BEA-\d+)> <(?P<message>.*?)>?$"
        ),
        time="auto",
        counted=("level", "component", "code"),
    ),
    Format(
        name="minecraft",
        title="time, thread and level, message",
        header=(
            rf"^\[(?P<time>{TIMES})\] \[(?P<thread>[^\]]*)/(?P<level>{LEVELS})\]"
            r"(?: \[(?P<component>[^\]]*)\])?: (?P<message>.*)$"
        ),
        time="auto",
        counted=("level",),
    ),
    Format(
        name="jul",
        title="java.util.logging",  # its message is on the line below
        header=(
            rf"^(?P<time>[A-Z][a-z][a-z] \d+, \d+,? {CLOCK} ?[AP]M) (?P<component>[\w.$]+)"
            r"(?: (?P<method>[\w$<>]+))?(?P<message>)$"
        ),
        time="syslog with year",
        counted=("component",),
    ),
    Format(
        name="kafka",
        title="Kafka",
        header=(
            rf"^\[(?P<time>{ISO})\] +(?P<level>{LEVELS}) +(?P<message>.*?)"
            r" \((?P<component>[\w$.]+)\)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="cassandra",
        title="Cassandra",
        header=(
            rf"^(?P<level>{LEVELS}) +\[(?P<thread>[^\]]*)\] (?P<time>{ISO}) "
            rf"(?P<component>{CLASS}):\d+ - (?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="spark",
        title="Spark",
        header=(
            rf"^(?P<time>\d+/\d+/\d+ \d+:\d+:\d+) (?P<level>{LEVELS}) "
            rf"(?P<component>{CLASS}): ?(?P<message>.*)$"
        ),
        time="auto",
        counted=("level", "component"),
    ),
    Format(
        name="tomcat",
        title="Tomcat",
        header=(
            rf"^(?P<time>\d+-[A-Z][a-z][a-z]-\d+ {CLOCK}) (?P<level>{LEVELS}) "
            rf"\[(?P<thread>[^\]]*)\] (?P<component>{CLASS}) (?P<message>.*)$"
        ),
        time="day, month's name, year",
        counted=("level", "component"),
    ),
)
