"""Rows of a sparse matrix as networks take them: what is zero is never touched."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class SparseRows(NamedTuple):
    """Rows in compressed form, resident on the device that trains.

    Attributes
    ----------
    columns : Tensor of int64, shape (n_filled,)
    values : Tensor, shape (n_filled,)
    offsets : Tensor of int64, shape (n + 1,)
        Row *i* is ``offsets[i]:offsets[i + 1]`` of the other two.
    n_columns : int
    """

    columns: Tensor
    values: Tensor
    offsets: Tensor
    n_columns: int

    @classmethod
    def of(cls, matrix: Any, dtype: torch.dtype, device: torch.device) -> SparseRows:
        """Return the rows of a CSR matrix.

        Examples
        --------
        >>> from scipy.sparse import csr_array
        >>> rows = SparseRows.of(csr_array([[0, 2.0], [3, 0]]), torch.float32, torch.device("cpu"))
        >>> rows.take(torch.tensor([1])).dense()
        tensor([[3., 0.]])
        """
        return cls(
            torch.from_numpy(matrix.indices).to(device, torch.int64),
            torch.from_numpy(matrix.data).to(device, dtype),
            torch.from_numpy(matrix.indptr).to(device, torch.int64),
            matrix.shape[1],
        )

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def take(self, rows: Tensor) -> SparseRows:
        """Return the rows at these positions, shape (n,), in that order."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        offsets = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        at = torch.arange(int(offsets[-1]), device=rows.device)
        at += torch.repeat_interleave(self.offsets[rows] - offsets[:-1], lengths)
        return SparseRows(self.columns[at], self.values[at], offsets, self.n_columns)

    def dense(self) -> Tensor:
        """Return the rows as a matrix, shape (n, n_columns)."""
        full = self.values.new_zeros(len(self), self.n_columns)
        row = torch.repeat_interleave(
            torch.arange(len(self), device=self.offsets.device), self.offsets.diff()
        )
        return full.index_put((row, self.columns), self.values, accumulate=True)


class SharedLinear(nn.Module):
    """A first layer for each member, without biases; all get the same rows, dense or sparse.

    Parameters
    ----------
    n_members, n_in, n_out : int

    Examples
    --------
    >>> SharedLinear(3, 4, 2)(torch.zeros(5, 4)).shape
    torch.Size([3, 5, 2])
    """

    def __init__(self, n_members: int, n_in: int, n_out: int) -> None:
        super().__init__()
        bound = 1 / math.sqrt(max(1, n_in))
        self.n_members = n_members
        # Members side by side, so that a row is looked up once for all of them.
        self.weight = nn.Parameter(torch.empty(n_in, n_members * n_out).uniform_(-bound, bound))

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Map (n, n_in) to (members, n, n_out)."""
        if isinstance(x, Tensor):
            flat: Tensor = x @ self.weight
        else:
            flat = functional.embedding_bag(
                x.columns,
                self.weight,
                x.offsets[:-1],
                per_sample_weights=x.values,
                mode="sum",
            )
        return flat.reshape(len(flat), self.n_members, -1).transpose(0, 1)
