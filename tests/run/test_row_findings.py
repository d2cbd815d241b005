"""Findings of rows whose detector reconstructs nothing: their score is shared out."""

import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

from amiss.detect._base import Detector
from amiss.run.row_findings import explain_at, notes_on
from amiss.types import RowIndex, Table

COLUMNS = ("lines", "status__404", "bytes__sum")


class SquaredNorm(Detector):
    """A detector that says nothing but a score."""

    inputs = ("table",)
    name = "squared-norm"

    def __init__(self, contamination=0.1):
        self.contamination = contamination

    def _check(self, X, fitting=False):
        return X.values if isinstance(X, Table) else np.asarray(X)

    def _fit(self, X, y):
        self.training_score_ = self._anomaly_score(X)

    def _anomaly_score(self, X):
        return (X**2).sum(axis=1)

    def _get_fitted(self):
        return {}, {}

    def _set_fitted(self, values, arrays):
        pass


@pytest.fixture(scope="module")
def table():
    values = np.random.default_rng(0).normal(size=(300, 3))
    values[7] = [0.0, 9.0, 3.0]
    return Table(values, COLUMNS, row=np.arange(1, 301))


@pytest.fixture(scope="module")
def detector(table):
    return SquaredNorm().fit(table)


def explained(detector, data, at, **more):
    scores = (np.asarray(data.values @ np.eye(3)) ** 2).sum(axis=1)
    return explain_at(detector, np.linspace(0, 12, 200), data, scores, np.array(at), **more)


@pytest.mark.parametrize("sparse", [False, True])
def test_columns_that_add_most_to_the_score_are_named(table, detector, sparse):
    usual = np.array([[-3.0] * 3, [3.0] * 3])
    data = Table(csr_array(table.values), COLUMNS) if sparse else table
    background = csr_array(table.values[100:200]) if sparse else table.values[100:200]
    (finding,) = explained(detector, data, [7], usual=usual, background=background)
    first, second = finding.features
    assert (first.name, first.value, first.expected) == ("status__404", 9.0, None)
    assert first.usual == (-3.0, 3.0)
    assert first.score == pytest.approx(81 - 1, abs=1)
    assert (second.name, second.value) == ("bytes__sum", 3.0)
    assert "status__404 " in finding.explain()


def test_all_rows_are_explained_in_their_order(table, detector):
    background = table.values[100:110]
    both = explained(detector, table, [7, 3], background=background)
    (alone,) = explained(detector, table, [3], background=background)
    assert [f.id for f in both] == ["8", "4"]
    assert both[1] == alone


def test_a_window_of_an_entity_has_its_time(table, detector):
    index = RowIndex(
        "client", np.arange(300) * 10_000, np.arange(1, 301) * 10_000, np.array(["a"] * 300),
        np.arange(301), np.arange(1, 301), np.zeros(300, dtype=np.int64),
    )  # fmt: skip
    data = Table(table.values, COLUMNS, sources=("access.log",), index=index)
    (finding,) = explained(detector, data, [7])
    assert (finding.start, finding.end) == (70_000, 80_000)


def test_without_background_there_is_the_score_alone(table, detector):
    (finding,) = explained(detector, table, [7])
    assert finding.features == ()
    assert notes_on(detector, None) == []


def test_without_captum_findings_say_what_to_type(table, detector, monkeypatch):
    background = table.values[100:110]
    assert notes_on(detector, background) == []
    monkeypatch.setitem(sys.modules, "captum", None)
    (finding,) = explained(detector, table, [7], background=background)
    assert finding.features == ()
    assert "pip install 'amiss[explain]'" in notes_on(detector, background)[0]
