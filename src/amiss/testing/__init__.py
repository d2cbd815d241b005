"""Checks that any detector, ours or yours, keeps the contract.

>>> from amiss.detect import EventCounts
>>> from amiss.testing import check_detector
>>> check_detector(EventCounts())
"""

from amiss.testing.checks import CHECKS, check_detector

__all__ = ["CHECKS", "check_detector"]
