"""Modules that several networks are made of."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from amiss.represent.windows import PAD_TOKEN


class WindowEncoder(nn.Module):
    """Embedding → LSTM or GRU over a window of tokens → its last state.

    Attributes
    ----------
    width : int
        Features of the last state: `hidden`, twice that if bidirectional.
    """

    def __init__(
        self,
        n_tokens: int,
        embedding: int,
        hidden: int,
        layers: int,
        cell: Literal["lstm", "gru"],
        bidirectional: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.width = hidden * (2 if bidirectional else 1)
        self.embedding = nn.Embedding(n_tokens, embedding, padding_idx=PAD_TOKEN)
        recurrent = nn.LSTM if cell == "lstm" else nn.GRU
        self.encoder = recurrent(
            embedding,
            hidden,
            num_layers=layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )

    def forward(self, history: Tensor) -> Tensor:
        """Map tokens, shape (n, size), to states, shape (n, width)."""
        encoded, _ = self.encoder(self.embedding(history))
        if not self.encoder.bidirectional:
            last: Tensor = encoded[:, -1]
            return last
        # The last step has seen all the history; of the backward direction, the first step has.
        half = encoded.shape[2] // 2
        return torch.cat([encoded[:, -1, :half], encoded[:, 0, half:]], dim=1)


def dense_head(width: int, dense: int, n_out: int, dropout: float) -> nn.Sequential:
    """Return dropout and a linear layer, with a hidden layer of `dense` units before if not 0."""
    if not dense:
        return nn.Sequential(nn.Dropout(dropout), nn.Linear(width, n_out))
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(width, dense),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(dense, n_out),
    )
