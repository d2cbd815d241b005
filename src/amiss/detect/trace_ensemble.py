"""TraceEnsemble: views of a trace that have to agree before it is anomalous."""

from __future__ import annotations

from typing import Literal

from amiss.detect.event_counts import EventCounts
from amiss.detect.nearest_profile import NearestProfile
from amiss.detect.ngrams import NGrams
from amiss.detect.session_ensemble import Members, SessionEnsemble
from amiss.types import Sequences


class TraceEnsemble(SessionEnsemble):
    """The least of the members' surprises: −log₁₀ of their out-of-fold p-values.

    For whole traces of processes, of which normal ones do many things that training has not:
    what is news to one view of a normal trace is often known to another, while a process under
    attack is strange to all of them, and from end to end. So the members judge a trace by its
    calmest stretch, and the ensemble by its calmest member.

    Parameters
    ----------
    members : list of (name, detector), optional
        By default an n-gram model of the calmest stretch, the nearest n-gram profile, and
        saturated event counts: seconds where a network takes minutes.
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional
        Seeds the members that have a ``random_state`` of None.
    combine : {"sum", "least"}, default "least"

    Attributes
    ----------
    members_, calibrations_
        As in `SessionEnsemble`.

    Examples
    --------
    >>> normal = [["open", "read", "close"], ["open", "close"]] * 50
    >>> members = [("n-grams", NGrams()), ("profile", NearestProfile())]
    >>> ensemble = TraceEnsemble(members=members, random_state=0).fit(normal)
    >>> ensemble.is_anomaly([["open", "close"], ["open", "crash"]])
    array([False,  True])
    """

    name = "trace-ensemble"

    def __init__(
        self,
        members: Members | None = None,
        contamination: float = 0.1,
        random_state: int | None = None,
        combine: Literal["sum", "least"] = "least",
    ) -> None:
        super().__init__(members, contamination, random_state, combine)

    def _default_members(self, X: Sequences) -> Members:
        return [
            ("n-grams", NGrams(stretch=100)),
            ("n-gram profile", NearestProfile()),
            ("event counts", EventCounts("saturated")),
        ]
