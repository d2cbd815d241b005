"""Which columns a score comes from: Shapley-style attributions against background rows.

They need captum: ``pip install 'amiss[explain]'``.

The anomaly score of a row, less the mean score of the background, is shared out among the columns.
Two ways, both averaged over every background row:

- **Gradients** where the detector has ``differentiable_score``: captum's `IntegratedGradients` on
  the path from each background row. That is what expected gradients draw at random (captum's
  `GradientShap`, shap's `GradientExplainer`), by quadrature: it agrees with 5,000 draws as well as
  5,000 others do, for a sixth to a half of their time. 800 draws take about as long, agree less,
  and miss the score of single rows by more than itself; shap's take up to seven times as long, and
  its `DeepExplainer` is wrong on a distance to a centre (docs/attribution.md). The score is bent
  where a unit of the network switches; rows that do not add up to within 2 % get more steps.
- **Shapley sampling** else: captum's `ShapleyValueSampling` through ``anomaly_score``, one order of
  the columns for each background row. It adds up but for rounding; each background row costs as
  many scores as there are columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from amiss.errors import AmissError, InputError, UsageError
from amiss.types import Table

Floats = NDArray[np.float64]

MOST_BACKGROUND = 100
"""Rows that are drawn as background."""
_STEPS, _MOST_STEPS = 4, 128
_TOLERANCE = 0.02
"""Of the score difference: paths that miss it by more are taken in smaller steps."""
_CELLS = 2_000_000
"""Numbers held at once, several times over: 20,000 columns are explained in small blocks."""


@dataclass(frozen=True, slots=True)
class Attributions:
    """Each column's part in the anomaly scores of some rows.

    Attributes
    ----------
    values : ndarray of float64, shape (n, n_columns)
        In units of the score; a row's add up to ``score - base``.
    score : ndarray of float64, shape (n,)
        Anomaly scores of the rows.
    base : float
        The mean score of the background rows.
    rows : ndarray or scipy.sparse.csr_array, shape (n, n_columns)
        The rows themselves.
    """

    values: Floats
    score: Floats
    base: float
    rows: Any

    def __len__(self) -> int:
        return len(self.score)

    @property
    def additivity_error(self) -> Floats:
        """How far the values miss ``score - base``, as a share of it, shape (n,)."""
        wanted = self.score - self.base
        missed: Floats = np.abs(self.values.sum(axis=1) - wanted)
        return missed / np.maximum(np.abs(wanted), np.finfo(np.float64).tiny)

    def top(self, k: int) -> NDArray[np.int64]:
        """Return the columns that raise each score most, the first first, shape (n, k).

        Columns of equal parts are in the order of the table; k is at most their number.
        """
        k = min(k, self.values.shape[1])
        return np.argsort(-self.values, axis=1, kind="stable")[:, :k].astype(np.int64)

    def rescaled(self) -> Floats:
        """Return magnitudes for display, shape of `values`: 0, or from 1 upwards.

        As the published Deep SAD workflow shows them, on bars: a column whose value in the row is
        zero gets 0, for the row shows nothing there. The others are moved up together, row by row,
        until the least of them is 1: their order and their differences stay, their sum does not,
        and 1 does not mean that a column adds anything. For all else, use `values`.

        Examples
        --------
        >>> parts = np.array([[-0.5, 4.0, 0.25]])
        >>> row = np.array([[7.0, 96.0, 0.0]])
        >>> Attributions(parts, np.array([4.0]), 0.25, row).rescaled()
        array([[1. , 5.5, 0. ]])
        """
        shown = np.zeros_like(self.values)
        for at in range(len(self)):
            there = np.flatnonzero(_dense(self.rows[at : at + 1])[0])
            if len(there):
                parts = self.values[at, there]
                shown[at, there] = 1.0 + parts - parts.min()
        return shown


def attribute(
    detector: Any,
    X: Any,
    background: Any,
    *,
    n_steps: int = _STEPS,
    random_state: int | None = 0,
) -> Attributions:
    """Share out the anomaly scores of rows among their columns.

    Parameters
    ----------
    detector : Detector
        Fitted, of tables. Gradients are taken where it has ``differentiable_score()``: a module
        that gives the scores of float64 rows in units of the data.
    X : Table, ndarray or CSR matrix, shape (n, n_columns)
        Few rows: the values of all their columns are returned.
    background : as `X`, shape (n_background, n_columns)
        What the rows are compared with; `draw_background` draws them from training rows.
    n_steps : int
        Of the path from a background row to a row, by gradients; up to 128 where so many do not
        add up to within 2 %.
    random_state : int, optional
        Orders the columns where there are no gradients.

    Returns
    -------
    Attributions

    Raises
    ------
    AmissError
        captum is not installed.
    InputError
        Rows and background differ in their columns, or there is no background.
    """
    import_captum()
    rows, known = _matrix(X), _matrix(background)
    if rows.shape[1] != known.shape[1]:
        raise InputError(
            f"background of {known.shape[1]:,} columns for rows of {rows.shape[1]:,}; expected the "
            "same columns"
        )
    if not known.shape[0]:
        raise InputError("no background rows; expected one or more: draw_background draws them")
    if n_steps < 1:
        raise UsageError(f"n_steps={n_steps}; expected 1 or more")
    score = _scorer(detector)
    if hasattr(detector, "differentiable_score"):
        share = _gradients(detector.differentiable_score(), known, n_steps)
    else:
        share = _sampling(score, known, np.random.SeedSequence(random_state))
    values = np.zeros(rows.shape)
    for at in range(len(values)):
        values[at] = share(_dense(rows[at : at + 1])[0])
    return Attributions(
        values, _in_blocks(score, rows), float(_in_blocks(score, known).mean()), rows
    )


def draw_background(
    values: Any,
    rows_allowed: NDArray[np.int64] | NDArray[np.bool_] | None = None,
    random_state: int | None = 0,
    most: int = MOST_BACKGROUND,
) -> Any:
    """Draw background rows, without replacement and in their order; CSR stays CSR.

    Parameters
    ----------
    values : ndarray or CSR matrix, shape (n, n_columns)
    rows_allowed : ndarray of int or bool, optional
        Positions, or a mask, of the rows to draw from: those that are not labelled anomalies, say.
    random_state : int, optional
    most : int
        All are taken where there are no more.

    Examples
    --------
    >>> draw_background(np.arange(4.0)[:, None], np.array([True, False, True, True])).ravel()
    array([0., 2., 3.])
    """
    rows = np.arange(values.shape[0])
    if rows_allowed is not None:
        rows = rows[rows_allowed]
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(random_state).choice(rows, most, replace=False))
    return values[rows]


def import_captum() -> Any:
    """Return ``captum.attr``, which is an extra, or say how to get it."""
    try:
        import captum.attr
    except ImportError:
        raise AmissError(
            "attributions need captum, which is not installed; type: pip install 'amiss[explain]'"
        ) from None
    return captum.attr


Share = Callable[[Floats], Floats]
"""A row, shape (n_columns,) → the part of each column in its score, of the same shape."""


def _gradients(module: Any, background: Any, n_steps: int) -> Share:
    """Return integrated gradients of `module`, the mean over paths from the background rows."""
    import torch

    module = module.eval()
    weight = next(iter([*module.parameters(), *module.buffers()]), torch.empty(0))
    method = import_captum().IntegratedGradients(module)

    def add_up(row: Any, base: Any) -> Any:
        """Return the parts on the paths from so many background rows, of their mean score."""
        with torch.no_grad():
            wanted = module(row[None]) - module(base)
        goal = _TOLERANCE * wanted.mean().abs()
        parts = torch.zeros_like(base)
        todo, steps = torch.arange(len(base), device=base.device), n_steps
        while True:
            for some in torch.split(todo, max(1, _CELLS // (steps * base.shape[1]))):
                parts[some] = method.attribute(
                    row.expand(len(some), -1), base[some], n_steps=steps, method="gausslegendre"
                ).detach()
            missed = parts.sum(dim=1) - wanted
            if missed.mean().abs() <= goal or 2 * steps > _MOST_STEPS:
                return parts.sum(dim=0)
            steps *= 2
            todo = torch.nonzero(missed.abs() > goal).squeeze(1)

    def share(row: Floats) -> Floats:
        total: Floats = np.zeros(len(row))
        x = torch.from_numpy(row).to(weight.device)
        for block in _blocks(background, MOST_BACKGROUND):
            total += add_up(x, torch.from_numpy(block).to(weight.device)).cpu().numpy()
        return total / int(background.shape[0])

    return share


def _sampling(
    score: Callable[[Floats], Floats], background: Any, seed: np.random.SeedSequence
) -> Share:
    """Return Shapley values of `score`, with one order of the columns for each background row."""
    import torch

    method_of = import_captum().ShapleyValueSampling

    def walk(row: Any, base: Any, columns: Any, rng: np.random.Generator) -> Any:
        """Return the parts of `columns`, summed over the rows of `base`."""
        n, size = len(base), base.shape[1]
        # captum takes all rows of a call in one order; columns that are shuffled beforehand give
        # each background row an order of its own.
        order = torch.from_numpy(rng.permuted(np.tile(columns.numpy(), (n, 1)), axis=1))

        def scores(x: Any, order: Any) -> Any:
            whole = row.expand(len(x), size).scatter(1, order, x)
            return torch.from_numpy(score(whole.numpy()))

        parts = method_of(scores).attribute(
            row.expand(n, size).gather(1, order),
            base.gather(1, order),
            additional_forward_args=(order,),
            n_samples=1,
            perturbations_per_eval=int(np.clip(_CELLS // (n * size), 1, len(columns))),
        )
        total = torch.zeros(size, dtype=torch.float64)
        return total.index_add(0, order.ravel(), parts.double().ravel())

    def share(row: Floats) -> Floats:
        total: Floats = np.zeros(len(row))
        rng = np.random.default_rng(seed)  # anew: what a row gets does not depend on those before
        for block in _blocks(background, max(1, min(MOST_BACKGROUND, _CELLS // len(row)))):
            differs = np.flatnonzero((block != row).any(axis=0))
            if len(differs):
                with torch.random.fork_rng(devices=[]):  # captum draws from the global generator
                    torch.manual_seed(int(rng.integers(2**31)))
                    x, base = torch.from_numpy(row), torch.from_numpy(block)
                    parts = walk(x, base, torch.from_numpy(differs), rng)
                total += parts.numpy()
        return total / int(background.shape[0])

    return share


def _scorer(detector: Any) -> Callable[[Floats], Floats]:
    """Return the anomaly score of dense rows."""
    names = getattr(detector, "feature_names_in_", None)

    def score(values: Floats) -> Floats:
        known = values if names is None else Table(values, tuple(str(name) for name in names))
        return np.asarray(detector.anomaly_score(known), dtype=np.float64)

    return score


def _in_blocks(score: Callable[[Floats], Floats], rows: Any) -> Floats:
    blocks = _blocks(rows, max(1, _CELLS // max(1, rows.shape[1])))
    return np.concatenate([np.empty(0), *(score(block) for block in blocks)])


def _blocks(rows: Any, size: int) -> Iterator[Floats]:
    for start in range(0, rows.shape[0], size):
        yield _dense(rows[start : start + size])


def _matrix(X: Any) -> Any:
    """Return rows as a float64 matrix, or as CSR if they are sparse."""
    values: Any = X.values if isinstance(X, Table) else X
    if hasattr(values, "tocsr"):
        return values.tocsr().astype(np.float64)
    dense = np.asarray(values, dtype=np.float64)
    if dense.ndim != 2:
        raise InputError(f"an array of shape {dense.shape}; expected rows, (n, n_columns)")
    return dense


def _dense(rows: Any) -> Floats:
    return np.ascontiguousarray(rows.toarray() if hasattr(rows, "toarray") else rows)
