"""NextEvent: a recurrent network that predicts the next event of a session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._base import Scores
from amiss.detect._layers import WindowEncoder, dense_head
from amiss.detect._space import Choice, Integer, Real, SearchSpace
from amiss.detect._train import resolve_device, seed_of, threads, train
from amiss.detect._windowed import WindowDetector, check_has_events, hide_some, largest
from amiss.errors import UsageError
from amiss.represent.sequences import Vocabulary
from amiss.represent.windows import (
    BEGIN_TOKEN,
    END_TOKEN,
    PAD_TOKEN,
    SPECIAL_TOKENS,
    UNKNOWN_TOKEN,
    EventWindows,
    distinct_rows,
)
from amiss.types import END, Sequences, Windows

_VALIDATION_SHARE = 0.1
_SCORING_BATCH = 4096
_SCORING_CHUNK = 1 << 20
"""Windows reduced to the distinct ones at once: some 100 MB."""


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
    if it is less. Where sequences carry severities, −ln p of an unseen event is multiplied by its
    own, so that a calm novelty weighs less than an error.

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
        normal = np.ones(len(X), dtype=np.bool_) if y is None else y != 1
        check_has_events(X.take(normal))
        seed = seed_of(self.random_state)
        fold = _folds(X, seed)
        scores = np.empty(len(X))
        for half in (0, 1):
            teachers = normal & (fold != half) if (normal & (fold != half)).any() else normal
            self._learn(X.take(teachers), seed + half)
            scores[fold == half] = self._anomaly_score(X.take(fold == half))
        self.history_ = self._learn(X.take(normal), seed)
        if self.score == "probability":
            # Nothing that normal sessions do is more surprising than what they never do.
            self.unseen_ = max(float(scores[normal].max()), self.unseen_)
        self.training_score_ = scores

    def _learn(self, X: Sequences | Windows, seed: int) -> list[dict[str, float]]:
        device = resolve_device(self.device)
        self.vocabulary_ = Vocabulary.learn(X)
        self.network_ = self._build(seed)
        held_out = np.random.default_rng(seed).random(len(X)) < _VALIDATION_SHARE
        if len(X) < 20 or held_out.all():
            held_out[:] = False  # too few to spare any
        items = [
            _distinct_windows(self._tokens(X.take(part)))
            for part in (~held_out, held_out)
            if part.any()
        ]
        history, target, weight = (
            torch.from_numpy(np.concatenate(column)).to(device)
            for column in zip(*items, strict=True)
        )
        n_train = len(items[0][0])
        validation = torch.arange(n_train, len(target), device=device) if len(items) > 1 else None
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
            parts = range(0, len(X), _SCORING_CHUNK)
            rows = (X.take(np.arange(i, min(i + _SCORING_CHUNK, len(X)))) for i in parts)
            return np.concatenate([self._event_values(part, self._tokens(part)) for part in rows])
        windows = self._tokens(X)
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
        log_p = self._log_probabilities(windows.history[first])
        k = min(k, log_p.shape[1])
        top = np.argsort(-log_p, axis=1, kind="stable")[:, :k]
        ids = np.where(top == END_TOKEN, END, top - SPECIAL_TOKENS)[inverse]
        probabilities = np.exp(np.take_along_axis(log_p, top, axis=1))[inverse]
        ends = np.searchsorted(windows.sequence, np.arange(1, len(sequences)))
        return list(zip(np.split(ids, ends), np.split(probabilities, ends), strict=True))

    def _event_values(self, X: Sequences | Windows, windows: EventWindows) -> Scores:
        """Return −ln p, or the rank, of each window's target; distinct windows computed once."""
        rows = np.column_stack([windows.history, windows.target])
        first, inverse, _ = distinct_rows(rows)
        log_p = self._log_probabilities(windows.history[first])
        target = windows.target[first]
        came = np.take_along_axis(log_p, target[:, None].astype(np.int64), axis=1)[:, 0]
        unseen = target == UNKNOWN_TOKEN
        if self.score == "rank":
            values = (log_p > came[:, None]).sum(axis=1).astype(np.float64)
            values[unseen] = log_p.shape[1]
        else:
            values = np.where(unseen, self.unseen_, -came)
        values = np.asarray(values[inverse], dtype=np.float64)
        if isinstance(X, Sequences) and X.severity is not None and self.score == "probability":
            unseen = np.flatnonzero(windows.target == UNKNOWN_TOKEN)
            at = X.offsets[windows.sequence[unseen]] + windows.position[unseen]
            values[unseen] *= X.severity[X.events[at]]
        return values

    @torch.no_grad()
    def _log_probabilities(self, history: NDArray[np.int32]) -> NDArray[np.float64]:
        device = next(self.network_.parameters()).device
        self.network_.eval()
        parts = []
        with threads(1):
            for past in torch.split(torch.from_numpy(history).to(device), _SCORING_BATCH):
                logits = self.network_(past).double()
                # Padding, the begin marker and the unknown event never come next.
                logits[:, [PAD_TOKEN, BEGIN_TOKEN, UNKNOWN_TOKEN]] = -torch.inf
                parts.append(torch.log_softmax(logits, dim=1).cpu())
        if not parts:
            return np.empty((0, len(self.vocabulary_) + SPECIAL_TOKENS))
        return np.asarray(torch.cat(parts).numpy(), dtype=np.float64)

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values, arrays = super()._get_fitted()
        return {**values, "unseen": self.unseen_}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        super()._set_fitted(values, arrays)
        self.unseen_ = float(values["unseen"])


def _folds(X: Sequences | Windows, seed: int) -> NDArray[np.int64]:
    """Return 0 or 1 for each item; windows of one session stay together."""
    generator = np.random.default_rng(seed)
    if isinstance(X, Sequences) or X.session is None:
        return generator.permutation(len(X)) % 2
    return (generator.permutation(int(X.session.max()) + 1) % 2)[X.session]


def _distinct_windows(
    windows: EventWindows,
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.float32]]:
    rows = np.column_stack([windows.history, windows.target])
    first, _, counts = distinct_rows(rows)
    return (
        windows.history[first],
        windows.target[first].astype(np.int64),
        counts.astype(np.float32),
    )
