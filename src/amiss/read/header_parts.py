r"""What headers of log lines are made of.

Patterns are matched once a *kind* of line, in which every run of digits is written ``0``; so they
say ``\d+``, never ``\d{6}``. They keep to the syntax that Python's ``re`` and Rust's ``regex``
share: no look-around, no back-references.
"""

from __future__ import annotations

DATE = r"\d+[-/.]\d+[-/.]\d+"
CLOCK = r"\d+:\d+:\d+(?:[.,:]\d+)?"
ISO = rf"{DATE}(?:[T ]| +){CLOCK}(?:Z|[+-]\d+(?::\d+)?)?"
SYSLOG = rf"[A-Z][a-z][a-z] +\d+,? (?:\d+,? )?{CLOCK}"
CTIME = rf"[A-Z][a-z][a-z] [A-Z][a-z][a-z] +\d+ {CLOCK}(?: [A-Z]+)? \d+"
#: Words that are levels; those that are words of any message too, in capitals only.
LEVELS = (
    "(?:(?i:TRACE|DEBUG|VERBOSE|INFO|INFORMATION|NOTICE|WARN|WARNING|ERR|ERROR|CRIT|CRITICAL|"
    "SEVERE|FATAL|EMERG|EMERGENCY|PANIC|DPANIC)|ALERT|FINE|FINER|FINEST|CONFIG|LOG|STATEMENT|"
    "DETAIL|HINT|AUDIT|SUCCESS|INF|WRN|DBG|VRB|FTL|TRC|DDEBUG|SUBDEBUG)"
)
#: Levels behind something else, where a word in small letters is one of the message.
CAPITALS = (
    "(?:TRACE|DEBUG|VERBOSE|INFO|INFORMATION|NOTICE|WARN|WARNING|ERR|ERROR|CRIT|CRITICAL|SEVERE|"
    "FATAL|EMERG|EMERGENCY|PANIC|ALERT|FINE|FINER|FINEST|CONFIG|LOG|INF|WRN|DBG|VRB|FTL|TRC)"
)
CLASS = r"[A-Za-z_$][\w$./-]*"
# A tag may hold blanks only where a process id says that it is one.
TAG = (
    r"(?:(?P<tag>[^\s:\[\]]+(?: \d+\.[\d.]*)?|[^\s:\[\]][^:\[\]]*)?"
    r"(?:\[(?P<pid>\d+)\])?(?: \((?P<sender>[^()]*)\))?: ?)?"
)
_NOON = r"(?: ?[AaPp]\.?[Mm]\b\.?)?"
_UTC = "(?: (?:UTC|GMT))?"
_DATED = (
    rf"(?:[A-Z][a-z][a-z] )?{ISO}|{SYSLOG}|{CTIME}|{DATE}(?:,? |[-_]| - ){CLOCK}|"
    rf"\d+-{CLOCK}|\d+[-/]\d+[ -]{CLOCK}|"
    rf"\d+[-/. ]?[A-Za-z]+[-/. ]? *\d+,?[ :T]+{CLOCK}(?: [+-]\d+)?"
)
#: Times of any form that say the day.
DATED = rf"(?:{_DATED}){_NOON}{_UTC}"
#: How lines begin that have a time of any form.
TIMES = rf"(?:{_DATED}|{CLOCK}){_NOON}{_UTC}"
