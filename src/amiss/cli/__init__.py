"""The command line: parse, call run/, format. Results on stdout, everything else on stderr.

Exit codes: 0 fine, 1 failure, 2 usage, 3 anomalies found under --fail-on, 130 interrupted.
Heavy libraries are imported where they are used, so that --help is quick.
"""

from amiss.cli.commands import app, main

__all__ = ["app", "main"]
