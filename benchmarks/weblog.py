"""Deep SAD on access logs: learn from a site's traffic and one scanner, find another scanner.

What each client did in windows of 10 seconds is counted. Training is the first 60 % of the windows
of a real access log, unlabelled, and a vulnerability scan by Acunetix, moved in time into that
period, of whose windows 0, 1 or 5 % are labelled. Judged are the other 40 % of the access log,
taken for normal, and a scan by w3af, which training has nothing of.

The scans are of another web server than the log. So baselines stand beside that look at paths
alone, or at agents alone; and Deep SAD is measured without the columns that may tell no more than
the server apart (`SERVER`), and without those that are zero in all of training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.metrics import average_precision_score, roc_auc_score

import amiss
from amiss.detect import get_detector
from amiss.represent.activity import Activity
from amiss.represent.entities import EntityFeatures
from benchmarks.figures import Figures, data_dir, parse_arguments

Values = NDArray[np.float64]
Rows = Any
"""CSR matrix, shape (n, n_columns)."""

EVERY = "10s"
TRAINING = 0.6
PERCENTS = (0, 1, 5)
SEEDS = 5
SERVER = ("path", "extension", "query", "referrer", "referrer_host", "user")
"""Fields of what a server holds, and of who has an account on it."""
FALSE_ALARMS = 0.01
EXPLAINED = 3


class Case(NamedTuple):
    """Rows to learn from, and rows to judge."""

    columns: tuple[str, ...]
    train: Rows
    known: NDArray[np.int64]
    """1: labelled an anomaly, −1: not labelled."""
    judged: Rows
    truth: NDArray[np.int64]

    def without(self, dropped: NDArray[np.bool_]) -> Case:
        """Return the same without some columns."""
        kept = np.flatnonzero(~dropped)
        columns = tuple(self.columns[i] for i in kept)
        return Case(columns, self.train[:, kept], self.known, self.judged[:, kept], self.truth)


def main() -> None:
    options = parse_arguments(__doc__)
    seeds = range(1 if options.quick else SEEDS)
    logs = Logs()
    figures = Figures("weblog")
    for key, count in logs.counts().items():
        figures.add(key, count)
    for percent in PERCENTS:
        cases = [logs.case(percent, seed) for seed in seeds]
        figures.add(f"labelled_windows_{percent}", int((cases[0].known == 1).sum()))
        _measure(figures, "", percent, cases, _deep_sad)
        _measure(
            figures, "server_left_out_", percent, [_without_server(c) for c in cases], _deep_sad
        )
        _measure(figures, "idle_left_out_", percent, [_without_idle(c) for c in cases], _deep_sad)
        both = [_without_idle(_without_server(c)) for c in cases]
        _measure(figures, "both_left_out_", percent, both, _deep_sad)
        if percent:
            _measure(figures, "random_forest_", percent, cases, _random_forest)
    cases = [logs.case(0, seed) for seed in seeds]
    _measure(figures, "isolation_forest_", 0, cases, _isolation_forest)
    for column in ("path__unseen", "agent__unseen", "lines"):
        _measure(figures, f"{column.replace('__', '_')}_", 0, cases[:1], _column(column))
    figures.add("columns", len(cases[0].columns))
    _decide(figures, logs, seeds)
    if not options.quick:
        print(f"written: {figures.write()}")


class Logs:
    """The three logs as activity; the scan that is learnt from stands in the period of training."""

    def __init__(self) -> None:
        folder = data_dir() / "weblog"
        normal, scan, self.unseen = (
            amiss.read_activity(folder / f"{name}.log.gz", by="client", every=EVERY)
            for name in ("access_normal", "scan_acunetix", "scan_w3af")
        )
        start = normal.index.start
        cut = np.sort(start)[int(TRAINING * len(normal))]
        self.before = normal.take(np.flatnonzero(start < cut))
        self.after = normal.take(np.flatnonzero(start >= cut))
        self.scan = _moved(scan, int(np.median(self.before.index.start)))
        self.mixed = Activity.concat([self.before, self.scan])
        scanners = np.unique(self.scan.index.entity)
        self.scanning = np.flatnonzero(np.isin(self.mixed.index.entity, scanners))

    def counts(self) -> dict[str, int]:
        """Return the numbers of windows and lines."""
        parts = {
            "training": self.before, "scan": self.scan, "held_out": self.after,
            "unseen_scan": self.unseen,
        }  # fmt: skip
        windows = {f"{name}_windows": len(part) for name, part in parts.items()}
        return windows | {f"{name}_lines": len(part.index.line) for name, part in parts.items()}

    def known(self, percent: int, seed: int) -> NDArray[np.int64]:
        """Return labels with so many of the scan's windows labelled."""
        labels = np.full(len(self.mixed), -1)
        count = round(percent / 100 * len(self.scanning))
        labels[np.random.default_rng(seed).permutation(self.scanning)[:count]] = 1
        return labels

    def case(self, percent: int, seed: int) -> Case:
        """Return rows to learn from and to judge."""
        from scipy.sparse import vstack

        space = EntityFeatures()
        train = space.fit_transform(self.mixed)
        parts = [space.transform(part).values for part in (self.after, self.unseen)]
        truth = np.repeat([0, 1], [len(self.after), len(self.unseen)])
        judged = vstack(parts, format="csr")
        return Case(train.columns, train.values, self.known(percent, seed), judged, truth)


def _moved(activity: Activity, start: int) -> Activity:
    """Return activity that begins at another time, its windows where windows are."""
    index = activity.index
    by = (start - int(index.start.min())) // activity.every * activity.every
    return replace(activity, index=replace(index, start=index.start + by, end=index.end + by))


Scorer = Callable[[Case, int], Values]


def _deep_sad(case: Case, seed: int) -> Values:
    detector = get_detector("deep-sad")(random_state=seed)
    return np.asarray(detector.fit(case.train, case.known).anomaly_score(case.judged))


def _isolation_forest(case: Case, seed: int) -> Values:
    forest = IsolationForest(n_estimators=200, random_state=seed).fit(case.train)
    return np.asarray(-forest.score_samples(case.judged))


def _random_forest(case: Case, seed: int) -> Values:
    forest = RandomForestClassifier(300, random_state=seed)
    forest.fit(case.train, case.known == 1)
    return np.asarray(forest.predict_proba(case.judged)[:, 1])


def _column(name: str) -> Scorer:
    def score(case: Case, seed: int) -> Values:
        del seed
        return np.asarray(case.judged[:, [case.columns.index(name)]].toarray()).ravel()

    return score


def _without_server(case: Case) -> Case:
    return case.without(np.array([c.split("__")[0] in SERVER for c in case.columns]))


def _without_idle(case: Case) -> Case:
    filled = np.asarray(abs(case.train).sum(axis=0)).ravel()
    return case.without(filled == 0)


def _measure(
    figures: Figures, prefix: str, percent: int, cases: list[Case], scorer: Scorer
) -> None:
    print(f"{prefix or 'deep-sad'}, {percent} % labelled")
    aps, areas, recalls = [], [], []
    for seed, case in enumerate(cases):
        scores = scorer(case, seed)
        aps.append(average_precision_score(case.truth, scores))
        areas.append(roc_auc_score(case.truth, scores))
        cut = np.quantile(scores[case.truth == 0], 1 - FALSE_ALARMS)
        recalls.append(float((scores[case.truth == 1] > cut).mean()))
    name = f"{prefix}unseen_scanner"
    figures.add(f"{name}_ap_{percent}", float(np.mean(aps)), aps)
    figures.add(f"{name}_auc_{percent}", float(np.mean(areas)), areas)
    figures.add(f"{prefix}recall_at_1pct_fpr_{percent}", float(np.mean(recalls)), recalls)
    if not prefix and percent == max(PERCENTS):
        figures.add("recall_at_1pct_fpr", float(np.mean(recalls)), recalls)


def _decide(figures: Figures, logs: Logs, seeds: Iterable[int]) -> None:
    """Fit models as a user does: their own threshold, and what they say of the scan."""
    alarms, recalls = [], []
    for seed in seeds:
        model = amiss.fit(logs.mixed, logs.known(max(PERCENTS), seed), random_state=seed)
        alarms.append(float((model.score(logs.after) > model.threshold.value).mean()))
        recalls.append(float((model.score(logs.unseen) > model.threshold.value).mean()))
        if not seed:
            report = model.report(logs.unseen, top_k=3).drop("file")
            rows = np.linspace(0, len(report) - 1, EXPLAINED).round().astype(int)
            for at in rows:
                print(report.row(int(at), named=True))
            figures.parts["explained"] = {
                str(at + 1): {k: str(v) for k, v in report.row(int(at), named=True).items()}
                for at in rows
            }
    figures.add("false_alarms_asked", FALSE_ALARMS)
    figures.add("false_alarms_at_threshold", float(np.mean(alarms)), alarms)
    figures.add("recall_at_threshold", float(np.mean(recalls)), recalls)


if __name__ == "__main__":
    main()
