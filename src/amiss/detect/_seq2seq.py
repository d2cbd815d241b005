"""A network that reads some events and writes the next ones, looking back at what it read."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from amiss.represent.windows import BEGIN_TOKEN, PAD_TOKEN, UNKNOWN_TOKEN


class Decoded(NamedTuple):
    """What the network wrote by itself.

    Attributes
    ----------
    token : Tensor of int64, shape (n, length)
    attention : Tensor of float32, shape (n, length, source)
        How much each source event counted for each token; rows sum to 1.
    """

    token: Tensor
    attention: Tensor


class Seq2SeqNetwork(nn.Module):
    """GRU encoder, additive attention, GRU decoder.

    References
    ----------
    D. Bahdanau, K. Cho, Y. Bengio: Neural Machine Translation by Jointly Learning to Align and
    Translate. ICLR 2015.
    """

    def __init__(
        self, n_tokens: int, embedding: int, hidden: int, attention: int, dropout: float
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, embedding, padding_idx=PAD_TOKEN)
        self.encoder = nn.GRU(embedding, hidden, batch_first=True)
        self.decoder = nn.GRUCell(embedding + hidden, hidden)
        self.key = nn.Linear(hidden, attention, bias=False)
        self.query = nn.Linear(hidden, attention)
        self.energy = nn.Linear(attention, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * hidden + embedding, n_tokens)

    def forward(self, source: Tensor, target: Tensor, own: Tensor | None = None) -> Tensor:
        """Return the logits of each target token, given those before it (teacher forcing).

        Parameters
        ----------
        source : Tensor of int, shape (n, source)
        target : Tensor of int, shape (n, length)
            The decoder's inputs: the last one is not used.
        own : Tensor of bool, shape (n, length), optional
            After which targets the decoder goes on from what it held likeliest itself.

        Returns
        -------
        Tensor, shape (n, length, n_tokens)
        """
        read, state = self._read(source)
        before, logits = source[:, -1], []
        for place in range(target.shape[1]):
            features, state, _ = self._step(before, state, *read)
            logits.append(self.head(self.dropout(features)))
            before = target[:, place]
            if own is not None:
                before = torch.where(own[:, place], likeliest(logits[-1].detach()), before)
        return torch.stack(logits, dim=1)

    @torch.no_grad()
    def decode(self, source: Tensor, length: int) -> Decoded:
        """Write `length` tokens, each the likeliest after those written so far."""
        read, state = self._read(source)
        before, tokens, weights = source[:, -1], [], []
        for _ in range(length):
            features, state, attention = self._step(before, state, *read)
            before = likeliest(self.head(features))
            tokens.append(before)
            weights.append(attention)
        return Decoded(torch.stack(tokens, dim=1), torch.stack(weights, dim=1))

    def _read(self, source: Tensor) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
        states, last = self.encoder(self.dropout(self.embedding(source)))
        return (states, self.key(states), source == PAD_TOKEN), last[0]

    def _step(
        self, before: Tensor, state: Tensor, states: Tensor, keys: Tensor, padding: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        energy = self.energy(torch.tanh(keys + self.query(state)[:, None])).squeeze(2)
        # Not −∞: where all is padding, the weights have to be numbers too.
        attention = energy.masked_fill(padding, -1e9).softmax(dim=1)
        context = torch.bmm(attention[:, None], states)[:, 0]
        token = self.dropout(self.embedding(before))
        state = self.decoder(torch.cat([token, context], dim=1), state)
        return torch.cat([state, context, token], dim=1), state, attention


def without_markers(logits: Tensor) -> Tensor:
    """Return logits in which nothing is left for what never comes next."""
    logits = logits.clone()
    logits[..., [PAD_TOKEN, BEGIN_TOKEN, UNKNOWN_TOKEN]] = -torch.inf
    return logits


def likeliest(logits: Tensor) -> Tensor:
    """Return the likeliest token."""
    return without_markers(logits).argmax(dim=-1)
