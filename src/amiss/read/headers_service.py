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
        name="postgres_rds",
        title="PostgreSQL, as Amazon RDS has it",
        header=(
            rf"^(?P<time>{DATE} {CLOCK})(?: (?P<zone>[A-Z]+))?:(?P<client>[^\s(]*)(?:\(\d+\))?:"
            r"(?P<user>[^\s@]*)@(?P<database>[^\s:]*):\[(?P<pid>\d+)\]:"
            r"(?P<level>[A-Z]+\d*): +(?P<message>.*)$"
        ),
        time="iso",
        counted=("level",),
    ),
    Format(
        name="postgres_csv",
        title="PostgreSQL csvlog",
        header=(
            rf"^(?P<time>{DATE} {CLOCK}) (?P<zone>[A-Z]+|[+-]\d+),(?:\"(?P<user>[^\"]*)\")?,"
            r"(?:\"(?P<database>[^\"]*)\")?,(?P<pid>\d*),(?:\"(?P<client>[^\"]*)\")?,"
            r"(?P<session>[0-9a-f.]*),\d*,(?:\"(?P<command>[^\"]*)\")?,[^,]*,[^,]*,\d*,"
            r"(?P<level>[A-Z]+\d*),(?P<code>[0-9A-Z]*),\"?(?P<message>(?:[^\"]|\"\")*)(?:\".*|,.*)?$"
        ),
        time="iso",
        counted=("level", "code"),
    ),
    Format(
        name="mongodb",
        title="MongoDB, before version 4.4",
        header=(
            rf"^(?P<time>{ISO}) (?P<level>[A-Z]\d?) +(?P<component>[A-Z_-]+) +"
            r"\[(?P<context>[^\]]*)\] (?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="bind",
        title="BIND",
        header=(
            rf"^(?P<time>\d+-[A-Z][a-z][a-z]-\d+ {CLOCK}) (?P<component>[\w-]+): "
            r"(?P<level>[a-z]+(?: \d+)?): (?:client (?:@0x[0-9a-f]+ )?(?P<client>[^\s#]+)#\d+"
            r"(?: \([^)]*\))?: )?(?P<message>.*)$"
        ),
        time="day, month's name, year",
        counted=("level", "component"),
    ),
    Format(
        name="fail2ban",
        title="Fail2ban",
        header=(
            rf"^(?P<time>{ISO}) +(?P<component>fail\d+ban\.\w+) *\[(?P<pid>\d+)\]: "
            rf"(?P<level>{LEVELS}) +(?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="monolog",
        title="Monolog",
        header=(
            rf"^\[(?P<time>{ISO})\] (?P<component>[\w-]+)\.(?P<level>{LEVELS}): (?P<message>.*)$"
        ),
        time="iso",
        counted=("level", "component"),
    ),
    Format(
        name="celery",
        title="Celery",
        header=(rf"^\[(?P<time>{ISO}): (?P<level>{LEVELS})/(?P<process>[^\]]+)\] (?P<message>.*)$"),
        time="iso",
        counted=("level",),
    ),
    Format(
        name="erlang",
        title="Erlang reports",
        header=(
            r"^=(?P<level>[A-Z]+) REPORT==== (?P<time>\d+-[A-Z][a-z]+-\d+::\d+:\d+:\d+(?:\.\d+)?) "
            r"(?:UTC )?===(?P<message>)$"
        ),
        time="day, month's name, year",
        counted=("level",),
        blocks=True,
    ),
    Format(
        name="dotnet",
        title=".NET console",
        header=(
            r"^(?P<level>trce|dbug|info|warn|fail|crit): (?P<component>[A-Za-z_][\w.$+`<>-]*)"
            r"\[\d+\](?P<message>)$"
        ),
        counted=("level", "component"),
    ),
    Format(
        name="mysql_slow",
        title="MySQL slow log",
        header=r"^# Time: (?P<time>\S+(?: +\S+)?)(?P<message>)$",
        time="auto",
        tells=(
            r"^(?i:select|insert|update|delete|replace|create|alter|drop|call|commit|rollback|begin|"
            r"with|show|load|truncate|lock|analyze|optimize|explain|# administrator command)\b"
        ),
        blocks=True,
    ),
    Format(
        name="mysql_general",
        title="MySQL general log",
        header=(
            rf"^(?P<time>{ISO})\s+(?P<thread>\d+) (?P<message>[A-Z][a-z]+(?: [A-Za-z]+)?(?:\t.*)?)$"
        ),
        time="iso",
    ),
    Format(
        name="heroku",
        title="Heroku",
        header=(rf"^(?P<time>{ISO}) (?P<source>app|heroku)\[(?P<dyno>[\w.-]+)\]: (?P<message>.*)$"),
        time="iso",
        counted=("source", "dyno"),
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
        unless=r"^\S+ \S+ [AP]M ",
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
