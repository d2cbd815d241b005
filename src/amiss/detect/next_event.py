"""NextEvent: a recurrent network that predicts the next event of a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._base import Scores, normal_items
from amiss.detect._inference import state_function
from amiss.detect._layers import WindowEncoder, dense_head
from amiss.detect._space import Choice, Integer, Real, SearchSpace
from amiss.detect._train import resolve_device, seed_of, threads, train
from amiss.detect._windowed import (
    WindowDetector,
    check_has_events,
    fold_of,
    hide_some,
    largest,
)
from amiss.errors import UsageError
from amiss.represent.sequences import Vocabulary, distinct_sequences, split_by_events
from amiss.represent.windows import (
    BEGIN_TOKEN,
    END_TOKEN,
    PAD_TOKEN,
    SPECIAL_TOKENS,
    UNKNOWN_TOKEN,
    EventWindows,
    distinct_rows,
    prefixes,
)
from amiss.types import END, Sequences, Windows

_VALIDATION_SHARE = 0.1
_SCORING_BATCH = 1024
"""Windows in one pass of the network: its states stay in the processor's cache."""
_SCORING_CHUNK = 1 << 17
"""Distinct windows that are made tokens of at once: some 200 MB where each event is judged."""


class NextEventNetwork(nn.Module):
    """Encoder of the history → logits of the next token."""

    def __init__(self, encoder: WindowEncoder, n_tokens: int, dense: int, dropout: float) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = dense_head(encoder.width, dense, n_tokens, dropout)

    def forward(self, history: Tensor) -> Tensor:
        """Map token histories, shape (n, size), to logits, shape (n, n_tokens)."""
        logits: Tensor = self.head(self.encoder(history))
        return logits


class NextEvent(WindowDetector):
    """Predict the next event; sessions are as anomalous as their least expected event.

    After DeepLog: the network sees the last `window` events and gives a probability to each event
    that may come next, the end of the session included. Windows are reduced to the distinct ones,
    with counts as weights, for training and for scoring. The padding in front of a short history
    is never scored, so no session is flagged only for being short.

    Parameters
    ----------
    window : int, default 10
        Events of history.
    cell : {"lstm", "gru"}, default "gru"
    embedding, hidden, layers : int
        Sizes of the network.
    bidirectional : bool, default False
        Read the history in both directions.
    dense : int, default 0
        Units of a hidden layer between the recurrent one and the output; 0 is none.
    dropout : float, default 0.1
    score : {"probability", "rank"}, default "probability"
        A session's score is the largest −ln p of its events, or the largest rank, 0 being the
        event held most likely. "rank" is DeepLog's rule: a threshold of k − 1 flags a session with
        an event outside its top k.
    scope : {"window", "next"}, default "window"
        What makes a window that is given, not cut from a session here, anomalous: any event in it,
        each predicted from those before it in the window; or only the event that came next.
    weigh_severity : bool, default False
        Multiply −ln p of an unseen event by the severity that the sequences carry, so that a calm
        novelty weighs less than an error. Fewer false alarms where a log takes up new habits, but
        anomalies in calm words are missed.
    epochs, batch_size, learning_rate, patience
        See `amiss.detect._train.train`.
    device : {"auto", "cpu", "cuda"}, default "auto"
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional

    Attributes
    ----------
    network_ : NextEventNetwork
    vocabulary_ : Vocabulary

    Notes
    -----
    ``training_score_`` comes from two networks, each trained on one half of the sessions and
    scoring the other; ``network_`` is trained on all of them. An event never seen in training has
    probability 1/(N + 1), for N training events, or that of the least likely of them out of fold,
    if it is less.

    References
    ----------
    M. Du, F. Li, G. Zheng, V. Srikumar: DeepLog: Anomaly Detection and Diagnosis from System Logs
    through Deep Learning. CCS 2017.

    Examples
    --------
    >>> normal = [["open", "read", "close"], ["open", "close"]] * 50
    >>> detector = NextEvent(epochs=30, random_state=0).fit(normal)
    >>> late, usual = detector.anomaly_score([["close", "open"], ["open", "close"]])
    >>> bool(late > usual)
    True
    """

    name = "next-event"
    resolution = 0.5  # nats: a factor of 1.6 in a probability
    search_space: ClassVar[SearchSpace] = {
        "window": Integer(5, 20),
        "cell": Choice(("gru", "lstm")),
        "embedding": Integer(8, 32, log=True),
        "hidden": Integer(8, 64, log=True),
        "layers": Integer(1, 2),
        "bidirectional": Choice((False, True)),
        "dropout": Real(0.0, 0.5),
        "learning_rate": Real(1e-3, 5e-2, log=True),
        "batch_size": Choice((128, 256, 512)),
        "epochs": Integer(5, 30, log=True),
    }
    unseen_: float

    def __init__(
        self,
        window: int = 10,
        cell: Literal["lstm", "gru"] = "gru",
        embedding: int = 16,
        hidden: int = 32,
        layers: int = 1,
        bidirectional: bool = False,
        dense: int = 0,
        dropout: float = 0.1,
        score: Literal["probability", "rank"] = "probability",
        scope: Literal["window", "next"] = "window",
        weigh_severity: bool = False,
        epochs: int = 20,
        batch_size: int = 512,
        learning_rate: float = 0.01,
        patience: int = 10,
        device: str = "auto",
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.window = window
        self.cell = cell
        self.embedding = embedding
        self.hidden = hidden
        self.layers = layers
        self.bidirectional = bidirectional
        self.dense = dense
        self.dropout = dropout
        self.score = score
        self.scope = scope
        self.weigh_severity = weigh_severity
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.device = device
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, X: Sequences | Windows, y: NDArray[Any] | None) -> None:
        if self.score not in ("probability", "rank"):
            raise UsageError(f"score={self.score!r}; expected probability or rank")
        if self.scope not in ("window", "next"):
            raise UsageError(f"scope={self.scope!r}; expected window or next")
        normal = normal_items(len(X), y)
        items, row = _distinct_items(X)
        check_has_events(items.take(np.unique(row[normal])))
        seed = seed_of(self.random_state)
        fold = fold_of(X, 2, seed)
        scores = np.empty(len(X))
        for half in (0, 1):
            teachers = normal & (fold != half) if (normal & (fold != half)).any() else normal
            self._learn(items, row[teachers], seed + half)
            used, at = np.unique(row[fold == half], return_inverse=True)
            scores[fold == half] = self._anomaly_score(items.take(used))[at]
        self.history_ = self._learn(items, row[normal], seed)
        if self.score == "probability":
            # Nothing that normal sessions do is more surprising than what they never do.
            self.unseen_ = max(float(scores[normal].max()), self.unseen_)
        self.training_score_ = scores

    def _learn(
        self, items: Sequences | Windows, row: NDArray[np.int64], seed: int
    ) -> list[dict[str, float]]:
        """Learn from the rows of the items, each as often as it is there."""
        device = resolve_device(self.device)
        self.vocabulary_ = Vocabulary.learn(items.take(np.unique(row)))
        self.network_ = self._build(seed)
        held_out = np.random.default_rng(seed).random(len(row)) < _VALIDATION_SHARE
        if len(row) < 20 or held_out.all():
            held_out[:] = False  # too few to spare any
        parts = [
            self._distinct_windows(items, row[part]) for part in (~held_out, held_out) if part.any()
        ]
        history, target, weight = (
            torch.from_numpy(np.concatenate(column)).to(device)
            for column in zip(*parts, strict=True)
        )
        n_train = len(parts[0][0])
        validation = torch.arange(n_train, len(target), device=device) if len(parts) > 1 else None
        noise = torch.Generator(device).manual_seed(seed)

        def batch(indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return history[indices], target[indices], weight[indices]

        def loss(
            module: nn.Module, past: Tensor, came: Tensor, counts: Tensor
        ) -> tuple[Tensor, Tensor]:
            logits = module(hide_some(past, noise) if module.training else past)
            losses = nn.functional.cross_entropy(logits, came, reduction="none")
            return (losses * counts).sum(), counts.sum()

        self.unseen_ = float(np.log(1 + weight[target != END_TOKEN].sum().item()))
        return train(
            self.network_,
            loss,
            batch,
            len(target),
            validation=validation,
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            patience=self.patience,
            random_state=seed,
            device=device,
        )

    def _network(self) -> nn.Module:
        n_tokens = len(self.vocabulary_) + SPECIAL_TOKENS
        return NextEventNetwork(self._encoder(), n_tokens, self.dense, self.dropout)

    def _anomaly_score(self, X: Sequences | Windows) -> Scores:
        if isinstance(X, Windows):
            first, inverse, _ = distinct_rows(X.history[:, -self.window :], X.next_event)
            parts = (X.take(rows) for rows in _chunks(first))
            return np.concatenate([self._window_values(part) for part in parts])[inverse]
        first, inverse, _ = distinct_sequences(X)
        scores = [
            self._sequence_values(X.take(first[part])) for part in split_by_events(X.lengths[first])
        ]
        return np.concatenate([*scores, np.empty(0)])[inverse]

    def _sequence_values(self, X: Sequences) -> Scores:
        windows = self._tokens(X)
        return largest(self._event_values(X, windows), windows.sequence, len(X))

    def _distinct_windows(
        self, items: Sequences | Windows, row: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]:
        """Return the distinct windows that are judged, what came next, and how often each is there.

        Windows are not cut of more events at a time than memory should hold.
        """
        used, times = np.unique(row, return_counts=True)
        parts = [slice(None)]
        if isinstance(items, Sequences):
            parts = split_by_events(items.lengths[used])
        found = []
        for part in parts:
            windows = self._judged(items.take(used[part]))
            found.append(_summed(windows.history, windows.target, times[part][windows.sequence]))
        history, target, counts = (np.concatenate(c) for c in zip(*found, strict=True))
        if len(found) > 1:
            history, target, counts = _summed(history, target, counts)
        return history, target.astype(np.int64), counts.astype(np.float32)

    def _judged(self, X: Sequences | Windows) -> EventWindows:
        """Return a window for each event that is judged."""
        windows = self._tokens(X)
        whole = isinstance(X, Windows) and self.scope == "window"
        return prefixes(windows) if whole else windows

    def _window_values(self, X: Windows) -> Scores:
        windows = self._judged(X)
        return largest(self._event_values(X, windows), windows.sequence, len(X))

    def event_score(self, X: Any) -> list[Scores]:
        """Return the score of each event of each sequence, the end marker, if seen, last.

        Returns
        -------
        list of ndarray of float64
            Shape (length,) or, for ended sequences, (length + 1,).
        """
        sequences = self._check(X)
        windows = self._tokens(sequences)
        ends = np.searchsorted(windows.sequence, np.arange(1, len(sequences)))
        return list(np.split(self._event_values(sequences, windows), ends))

    def expected_events(
        self, X: Any, k: int = 3
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Return the `k` likeliest events at each place, with their probabilities.

        Returns
        -------
        list of (ids, probabilities)
            Both of shape (length + 1, k), the last row for what may follow; ids index the
            vocabulary's tokens, ``END`` stands for the end of the session.
        """
        sequences = self._check(X)
        if isinstance(sequences, Sequences):
            sequences = replace(sequences, ended=np.ones(len(sequences), dtype=np.bool_))
        windows = self._tokens(sequences)
        first, inverse, _ = distinct_rows(windows.history)
        log_p = np.concatenate(list(self._log_probabilities(windows.history[first])))
        k = min(k, log_p.shape[1])
        top = np.argsort(-log_p, axis=1, kind="stable")[:, :k]
        ids = np.where(top == END_TOKEN, END, top - SPECIAL_TOKENS)[inverse]
        probabilities = np.exp(np.take_along_axis(log_p, top, axis=1))[inverse]
        ends = np.searchsorted(windows.sequence, np.arange(1, len(sequences)))
        return list(zip(np.split(ids, ends), np.split(probabilities, ends), strict=True))

    def _event_values(self, X: Sequences | Windows, windows: EventWindows) -> Scores:
        """Return −ln p, or the rank, of each window's target; distinct windows computed once."""
        first, inverse, _ = distinct_rows(windows.history, windows.target)
        values = self._values(windows.history[first], windows.target[first])[inverse]
        if (
            isinstance(X, Sequences)
            and self.weigh_severity
            and X.severity is not None
            and self.score == "probability"
        ):
            unseen = np.flatnonzero(windows.target == UNKNOWN_TOKEN)
            at = X.offsets[windows.sequence[unseen]] + windows.position[unseen]
            values[unseen] *= np.minimum(X.severity[X.events[at]], 1.0)
        return values

    def _values(self, history: NDArray[np.int32], target: NDArray[np.int32]) -> Scores:
        rank = self.score == "rank"
        parts = []
        done = 0
        for log_p in self._log_probabilities(history):
            came = np.take_along_axis(log_p, target[done : done + len(log_p), None], axis=1)
            parts.append((log_p > came).sum(axis=1) if rank else -came[:, 0])
            done += len(log_p)
        values = np.concatenate(parts).astype(np.float64)
        n_tokens = len(self.vocabulary_) + SPECIAL_TOKENS
        values[target == UNKNOWN_TOKEN] = n_tokens if rank else self.unseen_
        return values

    @torch.no_grad()
    def _log_probabilities(self, history: NDArray[np.int32]) -> Iterator[NDArray[np.float64]]:
        """Yield ln p of each token, a batch of windows at a time; at least one, maybe empty."""
        network = cast(NextEventNetwork, self.network_.eval())
        device = next(network.parameters()).device
        with threads(1):
            states = state_function(network.encoder)
            for past in torch.split(torch.from_numpy(history).to(device), _SCORING_BATCH):
                logits = network.head(states(past)).double()
                # Padding, the begin marker and the unknown event never come next.
                logits[:, [PAD_TOKEN, BEGIN_TOKEN, UNKNOWN_TOKEN]] = -torch.inf
                yield torch.log_softmax(logits, dim=1).cpu().numpy()

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values, arrays = super()._get_fitted()
        return {**values, "unseen": self.unseen_}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._set_fitted(values, arrays)
        self.unseen_ = float(values["unseen"])


def _chunks(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for at in range(0, max(len(rows), 1), _SCORING_CHUNK):
        yield rows[at : at + _SCORING_CHUNK]


def _distinct_items(X: Sequences | Windows) -> tuple[Sequences | Windows, NDArray[np.int64]]:
    """Return what differs among the items, and which of it each one is; windows are as they are."""
    if isinstance(X, Windows):
        return X, np.arange(len(X))
    first, inverse, _ = distinct_sequences(X)
    return X.take(first), inverse


def _summed(
    history: NDArray[np.int32], target: NDArray[np.int32], weight: NDArray[Any]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Return the distinct windows, in lexicographic order, and the sum of their weights."""
    first, inverse, _ = distinct_rows(history, target)
    counts = np.bincount(inverse, weights=weight).astype(np.float64, copy=False)
    return history[first], target[first], counts
