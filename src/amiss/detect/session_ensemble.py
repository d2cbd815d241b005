"""SessionEnsemble: several views of a session, put on one scale by their p-values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from amiss import store
from amiss.detect import get_detector
from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._calibration import Calibration
from amiss.detect.event_counts import EventCounts
from amiss.detect.event_numbers import EventNumbers
from amiss.detect.event_rates import EventRates
from amiss.detect.next_event import NextEvent
from amiss.detect.step_times import StepTimes
from amiss.errors import UsageError
from amiss.represent.event_columns import give_back_memory
from amiss.types import NO_TIME, Sequences

Members = list[tuple[str, Detector]]


class SessionEnsemble(Detector):
    """Sum of the members' surprises, or the least: −log₁₀ of their out-of-fold p-values.

    A member that is noisy on normal sessions needs a higher score to be as surprising as a quiet
    one, so none drowns the others. Beyond what the calibration sessions resolve, a fitted tail
    ranks on. What each member said stays visible in `member_score`.

    Parameters
    ----------
    members : list of (name, detector), optional
        By default event counts, event sets, and the next event; of windows of time, event rates
        instead. With them the numbers of messages and the times of steps, where there are any.
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional
        Seeds the members that have a ``random_state`` of None.
    combine : {"sum", "least"}, default "sum"
        The score is the sum of the surprises, or the least of them: what any one member knows well
        is normal.

    Attributes
    ----------
    members_ : list of (name, detector)
        Fitted copies, without their ``training_score_``.
    calibrations_ : list of Calibration
        One a member.

    Examples
    --------
    >>> normal = [["open", "read", "close"], ["open", "close"]] * 50
    >>> ensemble = SessionEnsemble(members=[("counts", EventCounts())]).fit(normal)
    >>> ensemble.is_anomaly([["open", "close"], ["open", "crash"]])
    array([False,  True])
    """

    inputs = ("sequences",)
    name = "session-ensemble"

    def __init__(
        self,
        members: Members | None = None,
        contamination: float = 0.1,
        random_state: int | None = None,
        combine: Literal["sum", "least"] = "sum",
    ) -> None:
        self.members = members
        self.contamination = contamination
        self.random_state = random_state
        self.combine = combine

    def _default_members(self, X: Sequences) -> Members:
        members: Members = [("numbers", EventNumbers())]
        if X.start is not None:
            members.insert(0, ("event rates", EventRates()))
        else:
            members = [
                ("event counts", EventCounts()),
                ("event sets", EventCounts("sets")),
                ("next event", NextEvent(weigh_severity=True)),
                *members,
                ("step times", StepTimes()),
            ]
        return [(name, member) for name, member in members if has_needs(member, X)]

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        members = self._default_members(X) if self.members is None else self.members
        if not members:
            raise UsageError("an ensemble of no members; expected at least one")
        if self.combine not in ("sum", "least"):
            raise UsageError(f"combine={self.combine!r}; expected sum or least")
        self.members_: Members = []
        self.calibrations_: list[Calibration] = []
        scores: Scores | None = None
        for name, unfitted in members:
            member = clone(unfitted)
            if "random_state" in member.get_params() and member.random_state is None:
                member.set_params(random_state=self.random_state)
            member.fit(X, y)
            give_back_memory(len(X.events))  # the next one needs as much
            learnt = normal_items(len(X), y)
            calibration = Calibration.learn(
                member.training_score_[learnt], member.resolution, member.tail_scale
            )
            surprise = calibration.surprise(member.training_score_)
            del member.training_score_  # that of the ensemble is kept
            scores = surprise if scores is None else self._together(scores, surprise)
            self.members_.append((name, member))
            self.calibrations_.append(calibration)
            self.history_.extend(
                {"member": float(len(self.members_) - 1), **e} for e in member.history_
            )
        self.training_score_ = np.asarray(scores) + 0.0  # minus zero is zero

    def _anomaly_score(self, X: Sequences) -> Scores:
        return reduce(self._together, self._surprises(X)) + 0.0

    def _together(self, one: Scores, other: Scores) -> Scores:
        return np.minimum(one, other) if self.combine == "least" else one + other

    def _surprises(self, X: Sequences) -> Iterator[Scores]:
        """Yield what each member says, one after the other."""
        for (_, member), calibration in zip(self.members_, self.calibrations_, strict=True):
            yield calibration.surprise(member.anomaly_score(X))
            give_back_memory(len(X.events))  # the next one needs as much

    def member_score(self, X: Any) -> NDArray[np.float64]:
        """Return each member's −log₁₀ p, shape (n, n_members); `combine` makes them the score."""
        return np.column_stack([*self._surprises(self._check(X))])

    @property
    def member_names(self) -> list[str]:
        """Names of the columns of `member_score`."""
        return [name for name, _ in self.members_]

    def _get_parameters(self) -> dict[str, Any]:
        names = ("contamination", "random_state", "combine")
        return {name: getattr(self, name) for name in names}

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values: list[dict[str, Any]] = []
        arrays: dict[str, NDArray[Any]] = {}
        for i, ((name, member), calibration) in enumerate(
            zip(self.members_, self.calibrations_, strict=True)
        ):
            manifest, member_arrays = member.to_state()
            values.append({"name": name, **manifest})
            arrays |= {f"members.{i}.{key}": array for key, array in member_arrays.items()}
            arrays[f"members.{i}.calibration"] = calibration.scores
        return {"members": values}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.members_, self.calibrations_ = [], []
        for i, manifest in enumerate(values["members"]):
            prefix = f"members.{i}."
            own = store.with_prefix(arrays, prefix)
            member = get_detector(manifest["detector"])(**manifest["parameters"])
            member.from_state(manifest, own)
            self.members_.append((manifest["name"], member))
            self.calibrations_.append(
                Calibration(own["calibration"], member.resolution, member.tail_scale)
            )
        self.members = self.members_


def has_needs(detector: Detector, X: Sequences) -> bool:
    """Return whether `X` has what the detector needs besides events."""
    has = {
        "numbers": X.numbers is not None and len(X.numbers.values) > 0,
        "time": X.time is not None and bool((X.time != NO_TIME).any()),
    }
    return all(has[need] for need in detector.needs)
