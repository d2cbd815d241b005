"""EventSeq2Seq: read some events of a trace, predict the next ones, and count what came instead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from amiss.detect._base import Detector, Scores, normal_items
from amiss.detect._seq2seq import Decoded, Seq2SeqNetwork, without_markers
from amiss.detect._space import Integer, Real, SearchSpace
from amiss.detect._stretch import check_stretch, trace_mean
from amiss.detect._train import resolve_device, seed_of, seeded, threads, train
from amiss.detect._windowed import (
    check_has_events,
    event_offsets,
    fold_of,
    hide_some,
    load_network,
    network_arrays,
)
from amiss.errors import UsageError
from amiss.represent.sequences import UNKNOWN, Vocabulary
from amiss.represent.source_target import SourceTargetWindows, source_target_windows
from amiss.represent.windows import (
    BEGIN_TOKEN,
    END_TOKEN,
    PAD_TOKEN,
    SPECIAL_TOKENS,
    UNKNOWN_TOKEN,
    distinct_rows,
)
from amiss.types import BEGIN, END, PAD, Sequences

_SCORING_BATCH = 1024
_ID_OF_MARKER = {PAD_TOKEN: PAD, BEGIN_TOKEN: BEGIN, END_TOKEN: END, UNKNOWN_TOKEN: UNKNOWN}


@dataclass(frozen=True, slots=True)
class SequencePredictions:
    """What `EventSeq2Seq` expected, window by window.

    Event ids index ``vocabulary_.tokens`` of the detector; ``PAD``, ``BEGIN``, ``END`` and −3, an
    event that training did not have, stand where there is none.

    Attributes
    ----------
    sequence : ndarray of int64, shape (n,)
        Row of the sequence each window is from.
    position : ndarray of int64, shape (n,)
        Place in the sequence of the first event that was predicted.
    source : ndarray of int64, shape (n, source_length)
        The events that were read.
    target, predicted : ndarray of int64, shape (n, target_length)
        The events that came, and those that the decoder wrote.
    surprise : ndarray of float64, shape (n, target_length)
        −ln of the probability of the event that came, given those before it.
    attention : ndarray of float32, shape (n, target_length, source_length)
        How much each event read counted for each event written; rows sum to 1.
    counted : ndarray of bool, shape (n, target_length)
        False past the end of the sequence, where nothing came.
    """

    sequence: NDArray[np.int64]
    position: NDArray[np.int64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    predicted: NDArray[np.int64]
    surprise: NDArray[np.float64]
    attention: NDArray[np.float32]
    counted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.sequence)


class EventSeq2Seq(Detector):
    """Predict the next events from those before; a trace is as anomalous as it is mispredicted.

    A GRU reads `source_length` events, another writes the next `target_length`, looking back at
    what was read by additive attention. A trace, or a segment of one, scores the mean −ln p of its
    events or the share of them that are not what the network wrote, so segments of any length are
    on one scale. Windows are reduced to the distinct ones, for training and for scoring.

    Parameters
    ----------
    source_length : int, default 10
        Events that are read. Where fewer came before, padding is read.
    target_length : int, default 5
        Events that are predicted.
    train_stride : int, default 1
        Events from one training window to the next.
    score_stride : int, optional
        The same in scoring, at most `target_length`, which is the default. If it is less, events
        are predicted more than once, and the mean counts.
    score : {"probability", "rate"}, default "probability"
        Mean −ln p of the events that came, each given those before it; or the misclassification
        rate: the share of events that are not those the decoder wrote by itself.
    stretch : int, optional
        Score a trace by its calmest stretch: the lowest mean of so many events in a row. For
        traces that are anomalous from end to end (see `NGrams`).
    embedding, hidden, attention : int
        Sizes of the event vectors, of both GRUs, and of the attention's hidden layer.
    dropout : float, default 0.1
    teacher_forcing : float, default 1
        In training, the share of the decoder's inputs that are the events that came; the others
        are those it wrote itself.
    max_windows : int, default 500000
        Training windows are drawn if there are more.
    epochs, batch_size, learning_rate
        See `amiss.detect._train.train`. All epochs are made.
    folds : int, default 2
        Networks that score what the others learnt from, for ``training_score_``.
    device : {"auto", "cpu", "cuda"}, default "auto"
    contamination : float, default 0.1
        Share of training items above the threshold of the bare detector.
    random_state : int, optional

    Attributes
    ----------
    network_ : Seq2SeqNetwork
    vocabulary_ : Vocabulary
    windows_ : dict of str to int
        How many training windows there were (``cut``), and ``distinct`` ones.

    Notes
    -----
    ``training_score_`` is out of fold; segments of one trace (``Sequences.trace``) are in one fold.
    The begin and the end of a sequence, where they were seen, are read and predicted like events.
    An event never seen in training has probability 1/(N + 1), for N training events.

    References
    ----------
    D. Bahdanau, K. Cho, Y. Bengio: Neural Machine Translation by Jointly Learning to Align and
    Translate. ICLR 2015.
    M. O. Ezeme, Q. H. Mahmoud, A. Azim: Hierarchical Attention-Based Anomaly Detection Model for
    Embedded Operating Systems. RTCSA 2018.

    Examples
    --------
    >>> normal = [["open", "read", "close"], ["open", "close"]] * 50
    >>> detector = EventSeq2Seq(hidden=16, embedding=8, random_state=0).fit(normal)
    >>> late, usual = detector.anomaly_score([["close", "open"], ["open", "close"]])
    >>> bool(late > usual)
    True
    """

    inputs = ("sequences",)
    name = "event-seq2seq"
    resolution = 1e-3
    search_space: ClassVar[SearchSpace] = {
        "source_length": Integer(5, 20),
        "target_length": Integer(1, 10),
        "embedding": Integer(8, 64, log=True),
        "hidden": Integer(16, 128, log=True),
        "dropout": Real(0.0, 0.5),
        "teacher_forcing": Real(0.5, 1.0),
        "learning_rate": Real(1e-3, 2e-2, log=True),
        "epochs": Integer(4, 20, log=True),
    }
    vocabulary_: Vocabulary
    network_: nn.Module
    unseen_: float
    windows_: dict[str, int]

    def __init__(
        self,
        source_length: int = 10,
        target_length: int = 5,
        train_stride: int = 1,
        score_stride: int | None = None,
        score: Literal["probability", "rate"] = "probability",
        stretch: int | None = None,
        embedding: int = 32,
        hidden: int = 64,
        attention: int = 32,
        dropout: float = 0.1,
        teacher_forcing: float = 1.0,
        max_windows: int = 500_000,
        epochs: int = 8,
        batch_size: int = 512,
        learning_rate: float = 0.01,
        folds: int = 2,
        device: str = "auto",
        contamination: float = 0.1,
        random_state: int | None = None,
    ) -> None:
        self.source_length = source_length
        self.target_length = target_length
        self.train_stride = train_stride
        self.score_stride = score_stride
        self.score = score
        self.stretch = stretch
        self.embedding = embedding
        self.hidden = hidden
        self.attention = attention
        self.dropout = dropout
        self.teacher_forcing = teacher_forcing
        self.max_windows = max_windows
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.folds = folds
        self.device = device
        self.contamination = contamination
        self.random_state = random_state

    def _fit(self, X: Sequences, y: NDArray[Any] | None) -> None:
        self._check_parameters()
        normal = normal_items(len(X), y)
        check_has_events(X.take(normal))
        seed = seed_of(self.random_state)
        fold = fold_of(X, self.folds, seed)
        scores = np.empty(len(X))
        for held_out in np.unique(fold):
            rows = fold == held_out
            teachers = normal & ~rows
            self._learn(X.take(teachers if teachers.any() else normal), seed + 1 + int(held_out))
            scores[rows] = self._anomaly_score(X.take(rows))
        self.history_ = self._learn(X.take(normal), seed)
        self.training_score_ = scores

    def _check_parameters(self) -> None:
        least = {"source_length": 1, "target_length": 1, "train_stride": 1, "max_windows": 1}
        for name, lowest in {**least, "epochs": 1, "folds": 2}.items():
            if getattr(self, name) < lowest:
                raise UsageError(f"{name}={getattr(self, name)}; expected {lowest} or more")
        if self.score_stride is not None and not 1 <= self.score_stride <= self.target_length:
            raise UsageError(
                f"score_stride={self.score_stride}; expected 1 to target_length="
                f"{self.target_length}, or events would go unpredicted"
            )
        if self.score not in ("probability", "rate"):
            raise UsageError(f"score={self.score!r}; expected probability or rate")
        if not 0 <= self.teacher_forcing <= 1:
            raise UsageError(f"teacher_forcing={self.teacher_forcing}; expected a share, 0 to 1")
        check_stretch(self.stretch)

    def _learn(self, X: Sequences, seed: int) -> list[dict[str, float]]:
        device = resolve_device(self.device)
        self.vocabulary_ = Vocabulary.learn(X)
        self.unseen_ = float(np.log(1 + len(X.events)))
        self.network_ = seeded(self._network, seed).to(device)
        windows = self._windows(X, self.train_stride, (self.max_windows, seed))
        first, _, counts = distinct_rows(windows.source, windows.target)
        self.windows_ = {"cut": len(windows.sequence), "distinct": len(first)}
        source = torch.from_numpy(windows.source[first]).to(device)
        target = torch.from_numpy(windows.target[first]).long().to(device)
        weight = torch.from_numpy(counts.astype(np.float32)).to(device)
        noise = torch.Generator(device).manual_seed(seed)

        def batch(indices: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            return source[indices], target[indices], weight[indices]

        def loss(
            module: nn.Module, past: Tensor, came: Tensor, count: Tensor
        ) -> tuple[Tensor, Tensor]:
            own = None
            if self.teacher_forcing < 1:
                drawn = torch.rand(came.shape, generator=noise, device=came.device)
                own = drawn >= self.teacher_forcing
            logits = module(hide_some(past, noise), hide_some(came, noise), own)
            losses = nn.functional.cross_entropy(
                logits.flatten(0, 1), came.flatten(), ignore_index=PAD_TOKEN, reduction="none"
            )
            weights = count[:, None] * (came != PAD_TOKEN)
            return (losses.view_as(weights) * weights).sum(), weights.sum()

        return train(
            self.network_,
            loss,
            batch,
            len(target),
            epochs=self.epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            patience=None,
            random_state=seed,
            device=device,
        )

    def _network(self) -> nn.Module:
        n_tokens = len(self.vocabulary_) + SPECIAL_TOKENS
        return Seq2SeqNetwork(n_tokens, self.embedding, self.hidden, self.attention, self.dropout)

    def _windows(
        self, X: Sequences, stride: int, draw: tuple[int, int] | None = None
    ) -> SourceTargetWindows:
        return source_target_windows(
            self.vocabulary_.encode(X), X.offsets, X.begun, X.ended,
            self.source_length, self.target_length, stride, draw,
        )  # fmt: skip

    def _scoring_windows(self, X: Sequences) -> SourceTargetWindows:
        return self._windows(X, self.score_stride or self.target_length)

    def _anomaly_score(self, X: Sequences) -> Scores:
        return self._score_by(self.score, X)

    def mean_surprise(self, X: Any) -> Scores:
        """Return the mean −ln p of the events of each sequence, or of its calmest stretch."""
        return self._score_by("probability", self._check(X))

    def misclassification_rate(self, X: Any) -> Scores:
        """Return the share of the events of each sequence that the decoder did not write.

        With `stretch`, of the calmest stretch.

        Returns
        -------
        ndarray of float64, shape (n,)
            From 0 to 1.
        """
        return self._score_by("rate", self._check(X))

    def event_score(self, X: Any) -> list[Scores]:
        """Return −ln p of each event of each sequence, the end marker, if seen, last."""
        sequences: Sequences = self._check(X)
        windows = self._scoring_windows(sequences)
        values = _by_event(sequences, windows, self._surprise(windows))
        return list(np.split(values, event_offsets(sequences)[1:-1]))

    def expected_events(
        self, X: Any, k: int = 3
    ) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
        """Return the `k` likeliest events at each place, with their probabilities.

        Returns
        -------
        list of (ids, probabilities)
            Both of shape (length + 1, k), the last row for what may follow; ids index the
            vocabulary's tokens, ``END`` stands for the end of the sequence.
        """
        sequences: Sequences = self._check(X)
        whole = replace(sequences, ended=np.ones(len(sequences), dtype=np.bool_))
        windows = self._windows(whole, self.target_length)  # every event is predicted once
        counted = windows.target != PAD_TOKEN
        first, inverse, _ = distinct_rows(windows.source, windows.target)
        k = min(k, len(self.vocabulary_) + 1)
        ids, probabilities = [], []
        for log_p in self._log_probabilities(windows.source[first], windows.target[first]):
            p, top = torch.topk(log_p, k, dim=2)
            probabilities.append(p.exp().cpu().numpy())
            ids.append(self._ids(top.cpu().numpy()))
        ends = event_offsets(whole)[1:-1]
        return list(
            zip(
                np.split(np.concatenate(ids)[inverse][counted], ends),
                np.split(np.concatenate(probabilities)[inverse][counted], ends),
                strict=True,
            )
        )

    def predict_windows(self, X: Any) -> SequencePredictions:
        """Return what was read, what came and what was written, for each window of `X`.

        Keeps the attention of every window: for sequences that are looked at, not for all.
        """
        sequences: Sequences = self._check(X)
        windows = self._scoring_windows(sequences)
        first, inverse, _ = distinct_rows(windows.source)
        parts = list(self._decode(windows.source[first]))
        tokens = np.concatenate([part.token.numpy() for part in parts])
        attention = np.concatenate([part.attention.numpy() for part in parts])
        return SequencePredictions(
            windows.sequence,
            windows.position,
            self._ids(windows.source),
            self._ids(windows.target),
            self._ids(tokens[inverse]),
            self._surprise(windows),
            attention[inverse],
            windows.target != PAD_TOKEN,
        )

    def _score_by(self, score: str, X: Sequences) -> Scores:
        windows = self._scoring_windows(X)
        values = self._surprise(windows) if score == "probability" else self._misses(windows)
        return trace_mean(_by_event(X, windows, values), event_offsets(X), self.stretch)

    def _misses(self, windows: SourceTargetWindows) -> NDArray[np.float64]:
        """Return 1 for each target that the decoder did not write, shape (n, target_length)."""
        first, inverse, _ = distinct_rows(windows.source)
        tokens = np.concatenate(
            [part.token.numpy() for part in self._decode(windows.source[first])]
        )
        return np.asarray(tokens[inverse] != windows.target, dtype=np.float64)

    def _surprise(self, windows: SourceTargetWindows) -> NDArray[np.float64]:
        """Return −ln p of each target, shape (n, target_length); 0 past the end."""
        first, inverse, _ = distinct_rows(windows.source, windows.target)
        target = windows.target[first]
        values = np.zeros(target.shape)
        done = 0
        for log_p in self._log_probabilities(windows.source[first], target):
            part = slice(done, done + len(log_p))
            came = torch.from_numpy(target[part]).long().to(log_p.device)
            values[part] = -log_p.gather(2, came[:, :, None])[:, :, 0].cpu().numpy()
            done += len(log_p)
        values[target == UNKNOWN_TOKEN] = self.unseen_
        values[target == PAD_TOKEN] = 0
        return np.asarray(values[inverse])

    @torch.no_grad()
    def _log_probabilities(
        self, source: NDArray[np.int32], target: NDArray[np.int32]
    ) -> Iterator[Tensor]:
        """Yield ln p of each token at each place, a batch of windows at a time."""
        network = cast("Seq2SeqNetwork", self.network_.eval())
        device = next(network.parameters()).device
        with threads(1):
            for at in range(0, max(len(source), 1), _SCORING_BATCH):
                part = slice(at, at + _SCORING_BATCH)
                read, came = (torch.from_numpy(a[part]).to(device) for a in (source, target))
                yield without_markers(network(read, came).double()).log_softmax(dim=2)

    def _decode(self, source: NDArray[np.int32]) -> Iterator[Decoded]:
        """Yield what the decoder writes after each source, a batch at a time; at least one."""
        network = cast("Seq2SeqNetwork", self.network_.eval())
        device = next(network.parameters()).device
        with threads(1):
            for at in range(0, max(len(source), 1), _SCORING_BATCH):
                part = torch.from_numpy(source[at : at + _SCORING_BATCH]).to(device)
                yield Decoded(*(t.cpu() for t in network.decode(part, self.target_length)))

    def _ids(self, tokens: NDArray[Any]) -> NDArray[np.int64]:
        ids = tokens.astype(np.int64) - SPECIAL_TOKENS
        for marker, stands_for in _ID_OF_MARKER.items():
            ids[tokens == marker] = stands_for
        return ids

    def _get_fitted(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        values = {
            "vocabulary": self.vocabulary_.tokens,
            "unseen": self.unseen_,
            "windows": self.windows_,
        }
        return values, network_arrays(self.network_)

    def _set_fitted(self, values: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
        self.vocabulary_ = Vocabulary(values["vocabulary"])
        self.unseen_ = float(values["unseen"])
        self.windows_ = dict(values["windows"])
        self.network_ = seeded(self._network, 0).to(resolve_device(self.device))
        load_network(self.network_, arrays)


def _by_event(
    X: Sequences, windows: SourceTargetWindows, values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return one value an event, the mean where it was predicted more than once."""
    counted = windows.target != PAD_TOKEN
    first = event_offsets(X)[windows.sequence] + windows.position
    at = (first[:, None] + np.arange(values.shape[1]))[counted]
    n_events = int(event_offsets(X)[-1])
    times = np.bincount(at, minlength=n_events)
    summed = np.bincount(at, weights=values[counted], minlength=n_events)
    return np.asarray(summed / np.maximum(times, 1), dtype=np.float64)
