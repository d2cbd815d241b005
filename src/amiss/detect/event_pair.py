"""EventPair: a network that sees a window and the event that came, and says how wrong they are."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._base import Scores, normal_items
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
    """(window, event that came, counts of the session) → logit of an anomaly.

    Attributes
    ----------
    token : Tensor of int64, shape (n_tokens,)
        What each token is to this network: itself, or UNKNOWN where its training did not have it.
    """

    token: Tensor

    def __init__(
        self, encoder: WindowEncoder, n_tokens: int, context: bool, dense: int, dropout: float
    ) -> None:
        super().__init__()
        width = encoder.width
        self.register_buffer("token", torch.arange(n_tokens))
        self.encoder = encoder
        self.came = nn.Embedding(n_tokens, width)
        self.context = nn.Linear(n_tokens, width) if context else None
        self.head = dense_head((3 if context else 2) * width, dense, 1, dropout)

    def forward(self, history: Tensor, came: Tensor, counts: Tensor) -> Tensor:
        """Map tokens (n, size) and (n,) and counts (n, n_tokens) to logits (n,)."""
        return self.judge(self.encode(history), came, counts)

    def encode(self, history: Tensor) -> Tensor:
        """Map windows of tokens, shape (n, size), to states, shape (n, width)."""
        state: Tensor = self.encoder(self.token[history])
        return state

    def judge(self, state: Tensor, came: Tensor, counts: Tensor) -> Tensor:
        """Map windows that are encoded already to logits (n,)."""
        parts = [state, self.came(self.token[came])]
        if self.context is not None:
            known = torch.zeros_like(counts).index_add_(1, self.token, counts)
            parts.append(torch.relu(self.context(torch.log1p(known))))
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
    network_ : nn.ModuleList of EventPairNetwork
        One a fold.
    vocabulary_ : Vocabulary

    Notes
    -----
    Three networks are trained, each without a third of the sessions, which it then scores: so
    ``training_score_`` is out of fold. Other items get the mean of their logits. The score is
    −ln(1 − p), where p is the probability of an anomaly; that of a session is the largest of its
    windows. A window is labelled as its session
    is, though most windows of an anomalous session are normal; where identical windows carry both
    labels the networks learn their shares.

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
    n_networks_: int
    network_: nn.ModuleList
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
        weighs = isinstance(self.class_weight, int | float) and self.class_weight > 0
        if not (weighs or self.class_weight == "balanced"):
            raise UsageError(f"class_weight={self.class_weight!r}; expected balanced or above 0")
        if not self.corrupted > 0:
            raise UsageError(f"corrupted={self.corrupted}; expected a weight above 0")
        anomalous = np.zeros(len(X), dtype=np.bool_) if y is None else y == 1
        learnt = anomalous | normal_items(len(X), y)
        check_has_events(X.take(learnt & ~anomalous))
        seed = seed_of(self.random_state)
        # A single session has no other to be judged by: its network is judged on what it learnt.
        folds = _folds(X, anomalous, seed) or [np.zeros(len(X), dtype=np.bool_)]
        self.vocabulary_ = Vocabulary.learn(X.take(learnt))
        self.n_networks_ = len(folds)
        self.network_ = cast("nn.ModuleList", self._build(seed))
        self.training_score_ = np.empty(len(X))
        for number, (module, held_out) in enumerate(zip(self.network_, folds, strict=True)):
            network = cast("EventPairNetwork", module)
            taught = learnt & ~held_out if (learnt & ~held_out).any() else learnt
            history = self._learn(network, X.take(taught), anomalous[taught], seed + number)
            self.history_ += [{"network": float(number), **entry} for entry in history]
            rows = held_out if held_out.any() else ~held_out
            self.training_score_[rows] = self._score_by([network], X.take(rows))

    def _learn(
        self,
        network: EventPairNetwork,
        X: Sequences | Windows,
        anomalous: NDArray[np.bool_],
        seed: int,
    ) -> list[dict[str, float]]:
        device = resolve_device(self.device)
        items = self._items(X)
        network.token[torch.from_numpy(self._absent(X))] = UNKNOWN_TOKEN
        bad = np.bincount(items.inverse[anomalous[items.item]], minlength=len(items.came))
        good = np.bincount(items.inverse[~anomalous[items.item]], minlength=len(items.came))
        balanced = self.class_weight == "balanced"
        weight = float(good.sum() / max(1, bad.sum()) if balanced else self.class_weight)
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
            state = module.encode(hide_some(past, noise))
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
            network,
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
        return nn.ModuleList(
            EventPairNetwork(self._encoder(), n_tokens, self.context, self.dense, self.dropout)
            for _ in range(self.n_networks_)
        )

    def _absent(self, X: Sequences | Windows) -> NDArray[np.int64]:
        """Return the tokens of the vocabulary that `X` does not have."""
        have = set(Vocabulary.learn(X).tokens)
        absent = [code for code, name in enumerate(self.vocabulary_.tokens) if name not in have]
        return np.array(absent, dtype=np.int64) + SPECIAL_TOKENS

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
        at, inverse, _ = distinct_rows(windows.history, windows.target, context)
        return _Items(
            windows.history[at],
            windows.target[at].astype(np.int64),
            context[at],
            counts,
            inverse,
            windows.sequence,
        )

    def _counts(self, X: Sequences) -> NDArray[np.float32]:
        """Return how often each sequence has each token, the unknown among them."""
        codes = self.vocabulary_.encode(X)
        tokens = np.where(codes < 0, UNKNOWN_TOKEN, codes + SPECIAL_TOKENS)
        width = len(self.vocabulary_) + SPECIAL_TOKENS
        dense: NDArray[np.float32] = count_matrix(tokens, X.offsets, width).toarray()
        return dense.astype(np.float32)

    def _anomaly_score(self, X: Sequences | Windows) -> Scores:
        return self._score_by(list(self.network_), X)

    def _score_by(self, networks: list[nn.Module], X: Sequences | Windows) -> Scores:
        items = self._items(X)
        values = _pair_score(networks, items)[items.inverse]
        return values if isinstance(X, Windows) else largest(values, items.item, len(X))

    def event_score(self, X: Any) -> list[Scores]:
        """Return the score of each event of each sequence, the end marker, if seen, last."""
        sequences = self._check(X)
        items = self._items(sequences)
        ends = np.searchsorted(items.item, np.arange(1, len(sequences)))
        return list(np.split(_pair_score(list(self.network_), items)[items.inverse], ends))

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values, arrays = super()._get_fitted()
        return {**values, "networks": self.n_networks_}, arrays

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.n_networks_ = int(values["networks"])
        super()._set_fitted(values, arrays)


@torch.no_grad()
def _pair_score(networks: list[nn.Module], items: _Items) -> Scores:
    """Return −ln(1 − p) of each item, by the mean of the networks' logits."""
    device = next(networks[0].parameters()).device
    history, came, context, counts = (
        torch.from_numpy(np.ascontiguousarray(array)).to(device) for array in items[:4]
    )
    for network in networks:
        network.eval()
    parts = []
    with threads(1):
        for rows in torch.split(torch.arange(len(came), device=device), _SCORING_BATCH):
            session = counts[context[rows]]
            logits = [network(history[rows], came[rows], session) for network in networks]
            mean = torch.stack(logits).double().mean(dim=0)
            parts.append(nn.functional.softplus(mean).cpu())
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
    """Return the items to hold out in turn, what is of one session or trace together."""
    group = np.arange(len(X))
    together = X.session if isinstance(X, Windows) else X.trace
    if together is not None:
        group = np.unique(together, return_inverse=True)[1].ravel()
        if isinstance(X, Sequences) and not group.any():  # one trace has no others to be judged by
            group = np.arange(len(X))
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
