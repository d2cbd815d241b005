"""Findings one by one: the schema ``amiss.finding/1``, a line each, for programs that follow."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from amiss.present.summary import threshold_of

SCHEMA = "amiss.finding/1"


def finding_line(finding: dict[str, Any], threshold: float | None) -> dict[str, Any]:
    """Return one finding with the threshold it was judged by, as `amiss explain --json` has it.

    Parameters
    ----------
    finding : dict
        One of ``findings`` of the schema ``amiss.findings/1``, or without what it gets there: its
        ``incident``, and whether it is ``confirmed``.
    threshold : float or None
    """
    alone = {"incident": None, "confirmed": False}  # unless it says otherwise
    return {"schema": SCHEMA, **alone, **finding, "threshold": threshold}


def findings_to_lines(content: dict[str, Any]) -> Iterator[str]:
    """Yield each finding as one line of JSON, the most anomalous first.

    Parameters
    ----------
    content : dict
        The schema ``amiss.findings/1``.

    Examples
    --------
    >>> content = {"threshold": {"value": 1.5}, "findings": [{"id": "a", "incident": "3fdf315b"}]}
    >>> list(findings_to_lines(content))[0][:53]
    '{"schema": "amiss.finding/1", "incident": "3fdf315b",'
    """
    for finding in content["findings"]:
        threshold = threshold_of(content, finding.get("unit"))["value"]
        yield json.dumps(finding_line(finding, threshold), allow_nan=False)
