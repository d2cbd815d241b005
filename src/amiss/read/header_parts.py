r"""What headers of log lines are made of.

Patterns are matched once a *kind* of line, in which every run of digits is written ``0``; so they
say ``\d+``, never ``\d{6}``. They keep to the syntax that Python's ``re`` and Rust's ``regex``
share: no look-around, no back-references.
"""

from __future__ import annotations

DATE = r"\d+[-/.]\d+[-/.]\d+"
CLOCK = r"\d+:\d+:\d+(?:[.,:]\d+)?"
ISO = rf"{DATE}[T ]{CLOCK}(?:Z|[+-]\d+(?::\d+)?)?"
SYSLOG = rf"[A-Z][a-z][a-z] +\d+ (?:\d+ )?{CLOCK}"
CTIME = rf"[A-Z][a-z][a-z] [A-Z][a-z][a-z] +\d+ {CLOCK}(?: [A-Z]+)? \d+"
#: Words that are levels; those that are words of any message too, in capitals only.
LEVELS = (
    "(?:(?i:TRACE|DEBUG|VERBOSE|INFO|INFORMATION|NOTICE|WARN|WARNING|ERR|ERROR|CRIT|CRITICAL|"
    "SEVERE|FATAL|EMERG|EMERGENCY|PANIC|DPANIC)|ALERT|FINE|FINER|FINEST|CONFIG|LOG|STATEMENT|"
    "DETAIL|HINT|AUDIT|SUCCESS)"
)
CLASS = r"[A-Za-z_$][\w$./-]*"
# A tag may hold blanks only where a process id says that it is one.
TAG = (
    r"(?:(?P<tag>[^\s:\[\]]+(?: \d[\d.]*)?|[^\s:\[\]][^:\[\]]*)?"
    r"(?:\[(?P<pid>\d+)\])?(?: \((?P<sender>[^()]*)\))?: ?)?"
)
#: How lines begin that have a time of any form.
TIMES = (
    rf"(?:{ISO}|{SYSLOG}|{CTIME}|{DATE}(?:,? |[-_]){CLOCK}|\d+-{CLOCK}|"
    rf"\d+[-/. ][A-Za-z]+[-/. ]\d+,?[ :T]{CLOCK}(?: [+-]\d+)?|{CLOCK})(?: ?[AaPp]\.?[Mm]\b\.?)?"
)
