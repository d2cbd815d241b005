"""EventPair: a network that sees a window and the event that came, and says how wrong they are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._base import Scores
from amiss.detect._layers import WindowEncoder, dense_head
from amiss.detect._space import Choice, Integer, Real, SearchSpace
from amiss.detect._train import resolve_device, seed_of, threads, train
from amiss.detect._windowed import WindowDetector, check_has_events, hide_some, largest
from amiss.errors import InputError, UsageError
from amiss.represent.sequences import Vocabulary, count_matrix, distinct_sequences
from amiss.represent.windows import SPECIAL_TOKENS, UNKNOWN_TOKEN, EventWindows, distinct_rows
from amiss.types import Sequences, Windows

_FOLDS = 3
_SCORING_BATCH = 4096


class EventPairNetwork(nn.Module):
    """(window, event that came, counts of the session) → logit of an anomaly."""

    def __init__(
        self, encoder: WindowEncoder, n_tokens: int, context: int, dense: int, dropout: float
    ) -> None:
        super().__init__()
        width = encoder.width
        self.encoder = encoder
        self.came = nn.Embedding(n_tokens, width)
        self.context = nn.Linear(context, width) if context else None
        self.head = dense_head((3 if context else 2) * width, dense, 1, dropout)

    def forward(self, history: Tensor, came: Tensor, context: Tensor) -> Tensor:
        """Map tokens (n, size) and (n,) and counts (n, n_tokens) to logits (n,)."""
        return self.judge(self.encoder(history), came, context)

    def judge(self, state: Tensor, came: Tensor, context: Tensor) -> Tensor:
        """Map windows that are encoded already, shape (n, width), to logits (n,)."""
        parts = [state, self.came(came)]
        if self.context is not None:
            parts.append(torch.relu(self.context(context)))
        logits: Tensor = self.head(torch.cat(parts, dim=1))[:, 0]
        return logits


class _Items(NamedTuple):
    """Distinct (window, event, session context) and how often each is normal or anomalous."""

    history: NDArray[np.int32]
    came: NDArray[np.int64]
    context: NDArray[np.int64]  # row of `counts`
    counts: NDArray[np.float32]
    inverse: NDArray[np.int64]  # window → item
    item: NDArray[np.int64]  # window → row of X


class EventPair(WindowDetector):
    r"""Classify pairs of a window and the event that came: a network with two inputs.

    Learns from labelled anomalies, however few, and beside them from pairs that never happened:
    normal windows with another event put in the place of the one that came. So it knows what an
    anomaly may look like before it has seen one, and works without labels too. With `context`
    it also sees how often each event occurs in the whole session.

    Parameters
    ----------
    window : int, default 10
        Events of history.
    cell : {"lstm", "gru"}, default "gru"
    embedding, hidden, layers, dense : int
        Sizes of the network; `dense` units between the inputs and the output, 0 for none.
    bidirectional : bool, default False
    dropout : float, default 0.1
    context : bool, default True
        See the counts of the whole session. Windows that were given as arrays, not cut by
        `cut_windows`, have no session: set it to False for these.
    class_weight : "balanced" or float, default 1.0
        How much a labelled anomaly weighs, a normal item weighing 1; "balanced" makes both
        classes weigh the same in sum.
    corrupted : float, default 0.1
        How much the pairs that never happened weigh in sum, the normal pairs weighing 1.
    epochs, batch_size, learning_rate, patience
        See `amiss.detect._train.train`.
    device : {"auto", "cpu", "cuda"}, default "auto"
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional

    Attributes
    ----------
    network_ : EventPairNetwork
    vocabulary_ : Vocabulary

    Notes
    -----
    The score is −ln(1 − p), where p is the probability of an anomaly; that of a session is the
    largest of its windows. A window is labelled as its session
    is, though most windows of an anomalous session are normal; where identical windows carry both
    labels the network learns their shares. ``training_score_`` is out of fold.

    Examples
    --------
    >>> normal = [["open", "read", "close"], ["open", "close"]] * 50
    >>> y = [0] * 100 + [1] * 5
    >>> detector = EventPair(random_state=0).fit([*normal, *[["open", "read"]] * 5], y)
    >>> cut, usual = detector.anomaly_score([["open", "read"], ["open", "close"]])
    >>> bool(cut > usual)
    True
    """

    name = "event-pair"
    resolution = 0.5
    search_space: ClassVar[SearchSpace] = {
        "window": Integer(5, 20),
        "cell": Choice(("gru", "lstm")),
        "embedding": Integer(8, 64, log=True),
        "hidden": Integer(8, 128, log=True),
        "dense": Integer(0, 64, step=16),
        "bidirectional": Choice((False, True)),
        "dropout": Real(0.0, 0.5),
        "context": Choice((False, True)),
        "class_weight": Real(1.0, 20.0, log=True),
        "corrupted": Real(0.01, 1.0, log=True),
        "learning_rate": Real(1e-3, 5e-2, log=True),
        "epochs": Integer(5, 40, log=True),
    }

    def __init__(
        self,
        window: int = 10,
        cell: Literal["lstm", "gru"] = "gru",
        embedding: int = 16,
        hidden: int = 32,
        layers: int = 1,
        bidirectional: bool = False,
        dense: int = 32,
        dropout: float = 0.1,
        context: bool = True,
        class_weight: Literal["balanced"] | float = 1.0,
        corrupted: float = 0.1,
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
        self.context = context
        self.class_weight = class_weight
        self.corrupted = corrupted
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.patience = patience
        self.device = device
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, X: Sequences | Windows, y: NDArray[Any] | None) -> None:
        if not (self.class_weight == "balanced" or float(self.class_weight) > 0):
            raise UsageError(f"class_weight={self.class_weight!r}; expected balanced or above 0")
        if not self.corrupted > 0:
            raise UsageError(f"corrupted={self.corrupted}; expected a weight above 0")
        anomalous = np.zeros(len(X), dtype=np.bool_) if y is None else y == 1
        check_has_events(X.take(~anomalous))
        seed = seed_of(self.random_state)
        out_of_fold = np.full(len(X), np.nan)
        for fold, held_out in enumerate(_folds(X, anomalous, seed)):
            self._learn(X.take(~held_out), anomalous[~held_out], seed + fold)
            out_of_fold[held_out] = self._anomaly_score(X.take(held_out))
        self.history_ = self._learn(X, anomalous, seed)
        alone = np.isnan(out_of_fold)  # a single session has no other to be judged by
        if alone.any():
            out_of_fold[alone] = self._anomaly_score(X.take(alone))
        self.training_score_ = out_of_fold

    def _learn(
        self, X: Sequences | Windows, anomalous: NDArray[np.bool_], seed: int
    ) -> list[dict[str, float]]:
        device = resolve_device(self.device)
        self.vocabulary_ = Vocabulary.learn(X)
        self.network_ = self._build(seed)
        items = self._items(X)
        bad = np.bincount(items.inverse[anomalous[items.item]], minlength=len(items.came))
        good = np.bincount(items.inverse[~anomalous[items.item]], minlength=len(items.came))
        weight = good.sum() / max(1, bad.sum()) if self.class_weight == "balanced" else None
        weight = float(self.class_weight if weight is None else weight)
        history, came, context, positive, negative = (
            torch.from_numpy(np.ascontiguousarray(array)).to(device)
            for array in (
                items.history,
                items.came,
                items.context,
                (bad * weight).astype(np.float32),
                good.astype(np.float32),
            )
        )
        counts = torch.from_numpy(items.counts).to(device)
        noise = torch.Generator(device).manual_seed(seed)
        n_tokens = len(self.vocabulary_) + SPECIAL_TOKENS

        def batch(indices: Tensor) -> tuple[Tensor, ...]:
            return (
                history[indices],
                came[indices],
                counts[context[indices]],
                positive[indices],
                negative[indices],
            )

        def loss(
            module: nn.Module,
            past: Tensor,
            event: Tensor,
            session: Tensor,
            bad: Tensor,
            good: Tensor,
        ) -> tuple[Tensor, Tensor]:
            assert isinstance(module, EventPairNetwork)  # noqa: S101 - what _network builds
            state = module.encoder(hide_some(past, noise))
            logits = module.judge(state, event, session)
            losses = bad * nn.functional.softplus(-logits) + good * nn.functional.softplus(logits)
            other = torch.randint(
                UNKNOWN_TOKEN, n_tokens, event.shape, generator=noise, device=device
            )
            changed = session.scatter_add(1, other[:, None], torch.ones_like(session[:, :1]))
            never = nn.functional.softplus(-module.judge(state, other, changed))
            made_up = self.corrupted * good * (other != event)
            total: Tensor = (losses + made_up * never).sum()
            return total, (bad + good + made_up).sum()

        return train(
            self.network_,
            loss,
            batch,
            len(items.came),
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            patience=self.patience,
            random_state=seed,
            device=device,
        )

    def _network(self) -> nn.Module:
        n_tokens = len(self.vocabulary_) + SPECIAL_TOKENS
        context = n_tokens if self.context else 0
        return EventPairNetwork(self._encoder(), n_tokens, context, self.dense, self.dropout)

    def _items(self, X: Sequences | Windows) -> _Items:
        """Return the distinct windows of `X`, those of different sessions apart if they matter."""
        windows = self._tokens(X)
        counts = np.zeros((1, len(self.vocabulary_) + SPECIAL_TOKENS), dtype=np.float32)
        context = np.zeros(len(windows.target), dtype=np.int64)
        if self.context:
            sessions, owner = _sessions_of(X, windows)
            first, kind, _ = distinct_sequences(sessions)
            counts = self._counts(sessions.take(first))
            context = kind[owner]
        rows = np.column_stack([windows.history, windows.target, context.astype(np.int32)])
        at, inverse, _ = distinct_rows(rows)
        return _Items(
            windows.history[at],
            windows.target[at].astype(np.int64),
            context[at],
            counts,
            inverse,
            windows.sequence,
        )

    def _counts(self, X: Sequences) -> NDArray[np.float32]:
        """Return log(1 + count) of each token in each sequence, the unknown among them."""
        codes = self.vocabulary_.encode(X)
        tokens = np.where(codes < 0, UNKNOWN_TOKEN, codes + SPECIAL_TOKENS)
        width = len(self.vocabulary_) + SPECIAL_TOKENS
        dense: NDArray[np.float32] = count_matrix(tokens, X.offsets, width).toarray()
        return np.log1p(dense).astype(np.float32)

    def _anomaly_score(self, X: Sequences | Windows) -> Scores:
        items = self._items(X)
        values = self._pair_score(items)[items.inverse]
        return values if isinstance(X, Windows) else largest(values, items.item, len(X))

    def event_score(self, X: Any) -> list[Scores]:
        """Return the score of each event of each sequence, the end marker, if seen, last."""
        sequences = self._check(X)
        items = self._items(sequences)
        ends = np.searchsorted(items.item, np.arange(1, len(sequences)))
        return list(np.split(self._pair_score(items)[items.inverse], ends))

    @torch.no_grad()
    def _pair_score(self, items: _Items) -> Scores:
        device = next(self.network_.parameters()).device
        self.network_.eval()
        history, came, context, counts = (
            torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in items[:4]
        )
        parts = []
        with threads(1):
            for rows in torch.split(torch.arange(len(came)), _SCORING_BATCH):
                logits = self.network_(history[rows], came[rows], counts[context[rows]])
                parts.append(nn.functional.softplus(logits.double()).cpu())
        return np.asarray(torch.cat(parts).numpy() if parts else np.empty(0), dtype=np.float64)


def _sessions_of(
    X: Sequences | Windows, windows: EventWindows
) -> tuple[Sequences, NDArray[np.int64]]:
    """Return the sessions, and the row in them of each window's own."""
    if isinstance(X, Sequences):
        return X, windows.sequence
    if X.sessions is None or X.session is None:
        raise InputError(
            "these windows do not know their sessions; use context=False, or cut them with "
            "amiss.represent.windows.cut_windows"
        )
    return X.sessions, X.session


def _folds(
    X: Sequences | Windows, anomalous: NDArray[np.bool_], seed: int
) -> list[NDArray[np.bool_]]:
    """Return the items to hold out in turn, a session's windows together, anomalies spread."""
    group = np.arange(len(X))
    if isinstance(X, Windows) and X.session is not None:
        group = np.unique(X.session, return_inverse=True)[1].ravel()
    n_groups = int(group.max()) + 1
    bad = np.zeros(n_groups, dtype=np.bool_)
    bad[group[anomalous]] = True
    n_folds = min(_FOLDS, n_groups)
    if n_folds < 2:
        return []
    order = np.random.default_rng(seed).permutation(n_groups)
    order = order[np.argsort(~bad[order], kind="stable")]
    fold = np.empty(n_groups, dtype=np.int64)
    fold[order] = np.arange(n_groups) % n_folds
    return [fold[group] == held_out for held_out in range(n_folds)]
