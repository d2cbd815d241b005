"""From a raw log to explained findings, without labels.

Run it on a log of your own, or on a generated one:

    python examples/hdfs_scan.py [HDFS.log]
"""

from __future__ import annotations

import sys
import tempfile

import amiss


def main() -> None:
    if len(sys.argv) > 1:
        log = sys.argv[1]
    else:
        log = str(amiss.simulate_hdfs(tempfile.mkdtemp(), lines=20_000, seed=1).log)

    sessions = amiss.read_sessions(log, session_key=r"blk_-?\d+")
    print(sessions)

    findings = amiss.scan(sessions)
    print(findings)
    if findings:
        print(findings[0].explain())

    # The model that decided can judge other logs, and be kept.
    model = findings.fitted
    print(model)
    print(model.preview(sessions) if model else "")


if __name__ == "__main__":
    main()
