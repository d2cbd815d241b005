"""Headers of servers and of loggers of languages, as data."""

from __future__ import annotations

from amiss.read.format_type import Format
from amiss.read.header_parts import CLOCK, CTIME, DATE, ISO, LEVELS

SERVICES = (
    Format(
        name="apache_error",
        title="Apache error log",
        header=(
            rf"^\[(?P<time>{CTIME})\] \[(?:(?P<module>[\w-]+):)?(?P<level>[a-z]+\d*)\] "
            r"(?:\[pid (?P<pid>\d+)(?::tid (?P<tid>\d+))?\] )?"
            r"(?:\[(?:client|remote) (?P<client>[^\]]*)\] )?(?P<message>.*)$"
        ),
        time="ctime",
        counted=("level", "module"),
    ),
    Format(
        name="nginx_error",
        title="Nginx error log",
        header=(
            rf"^(?P<time>{ISO}) \[(?P<level>[a-z]+)\] (?P<pid>\d+)#(?P<tid>\d+): "
            r"(?:\*(?P<connection>\d+) )?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level",),
    ),
    Format(
        name="openstack",
        title="OpenStack",
        header=(
            rf"^(?:(?P<logfile>\S+) )?(?P<time>{ISO}) (?P<pid>\d+) (?P<level>{LEVELS}) "
            r"(?P<component>[\w.-]+) \[(?P<request>[^\s\]]+)(?: (?P<context>[^\]]*))?\] ?"
            r"(?:\[instance: (?P<instance>[\w-]+)\] +)?(?P<message>.*)$"
        ),
        time="iso",
        absent="-",
        counted=("level", "component"),
    ),
    Format(
        name="postgres",
        title="PostgreSQL",
        header=(
            rf"^(?P<time>{DATE} {CLOCK}(?: ?[+-]\d+(?::\d+)?)?)(?: (?P<zone>[A-Z]+))? "
            r"\[(?P<pid>\d+)(?:-\d+)?\]:? (?:\[\d+-\d+\] )?"
            r"(?:(?:user=)?(?P<user>[^\s@,]*)(?:@|,db=)(?P<database>\S*) )?"
            r"(?P<level>[A-Z]+\d*): +(?P<message>.*)$"
        ),
        time="iso",
        counted=("level",),
    ),
    Format(
        name="mysql",
        title="MySQL error log",
        header=(
            rf"^(?P<time>{ISO}) (?P<thread>\d+) \[(?P<level>[A-Za-z]+)\] "
            r"(?:\[(?P<code>MY-\d+)\] )?(?:\[(?P<component>\w+)\] )?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="redis",
        title="Redis",
        header=(
            rf"^(?P<pid>\d+):(?P<role>[A-Z]) (?P<time>\d+ [A-Z][a-z][a-z] \d+ {CLOCK}) "
            r"(?P<level>[.*#-]) (?P<message>.*)$"
        ),
        time="day, month's name, year",
        counted=("role",),
    ),
    Format(
        name="klog",
        title="klog",
        header=(
            r"^(?P<level>[IWEFD])(?P<time>\d+ \d+:\d+:\d+\.\d+) +(?P<pid>\d+) "
            r"(?P<file>[^\s:\]]+):(?P<at>\d+)\] ?(?P<message>.*)$"
        ),
        time="auto",
        counted=("level", "file"),
    ),
    Format(
        name="python",
        title="Python logging",
        header=(
            rf"^(?P<time>{ISO})(?: -)? (?P<component>[\w.]+) ?- ?(?P<level>{LEVELS}) ?- "
            r"(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="python_default",
        title="Python logging, its default",
        header=(
            r"^(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL):(?P<component>[\w.]+):(?P<message>.*)$"
        ),
        counted=("level", "component"),
    ),
    Format(
        name="flask",
        title="Python logging, as Flask has it",
        header=(
            rf"^\[(?P<time>{ISO})\] (?P<level>{LEVELS}) in (?P<component>[\w.]+): "
            r"(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="gunicorn",
        title="Gunicorn",
        header=(
            rf"^\[(?P<time>{ISO}(?: [+-]\d+)?)\] \[(?P<pid>\d+)\] \[(?P<level>{LEVELS})\] "
            r"(?P<message>.*)$"
        ),
        time="iso",
        counted=("level",),
    ),
    Format(
        name="env_logger",
        title="Rust env_logger",
        header=(
            rf"^\[(?P<time>{ISO}) (?P<level>{LEVELS}) +(?P<component>[\w:.-]+)\] ?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="rails",
        title="Ruby logger",
        header=(
            rf"^[A-Z], \[(?P<time>{ISO}) #(?P<pid>\d+)\] +(?P<level>[A-Z]+) -- "
            r"(?P<program>[^:]*): ?(?P<message>.*)$"
        ),
        time="iso",
        counted=("level",),
    ),
)
