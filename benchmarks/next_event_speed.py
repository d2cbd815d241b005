"""NextEvent beside a plain DeepLog loop: CPU seconds to a validation loss, windows a CPU second.

The reference is the loop of the public PyTorch implementations of DeepLog: every window of every
session, the event's number as the one input feature, two LSTM layers of 64, Adam at 1e-3, a
shuffled DataLoader of 2048; to judge sessions, one forward pass a window up to the first event
outside the top 9. A number as a feature is what those programs do and the cheapest input; the
paper's one-hot vectors, which come to a better loss, are measured beside it.

Both sides learn from the windows of the same normal sessions and are measured on the windows of
the same others, in one process, on one thread. A window is ten events, padded in front, and what
came next, the end of the session included; NextEvent has ``scope="next"`` and so learns and scores
no more than that. It writes BEGIN for the last of the padding: a function of the window, so that
neither side is told more. The loss is the mean cross-entropy of what came next over all classes
that can come: the events, and the end. Windows whose next event no training session has are left
out for both.

CPU seconds of the reference are those of its training steps up to its best epoch. Those of
NextEvent are of a whole ``fit``, which trains three networks: one that is kept, and one a half for
scores out of fold. It must come to the reference's loss with every seed; a single network is told
beside it.
"""

from __future__ import annotations

import copy
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from amiss.detect import NextEvent
from amiss.represent.sequences import as_sequences
from amiss.represent.windows import cut_windows, distinct_rows
from amiss.types import END, PAD, Sequences, Windows
from benchmarks.figures import Figures, data_dir, parse_arguments

WINDOW = 10
TOP = 9  # candidates, as published for HDFS
PATIENCE = 30  # epochs without a better loss, after which the reference is done
EPOCHS = 300  # as published
OUR_EPOCHS = (20, 50, 100, 200, 400, 800)  # 20 is the default


def main() -> None:
    quick = parse_arguments(__doc__).quick
    torch.set_num_threads(1)
    sessions, normal = _sessions()
    figures = Figures("next_event_speed")
    order = np.random.default_rng(0).permutation(np.flatnonzero(normal))
    cut = int(len(order) * 0.8)
    train = cut_windows(sessions.take(order[:cut]), WINDOW)
    validation = cut_windows(sessions.take(order[cut:]), WINDOW)
    known = np.isin(validation.next_event, np.append(train.events, END))
    validation = validation.take(known)
    figures.add("train_windows", len(train))
    figures.add("validation_windows", len(validation))
    figures.add("validation_windows_left_out", float((~known).sum()))

    reference = training(figures, train, validation, quick)
    scoring(figures, train, reference, quick)
    if not quick:
        print(f"wrote {figures.write()}")


def _sessions() -> tuple[Sequences, NDArray[np.bool_]]:
    frame = pl.read_parquet(data_dir() / "hdfs" / "HDFS_100k_sessions.parquet")
    return as_sequences(frame["templates"]), (frame["label"] == 0).to_numpy()


class DeepLog(nn.Module):
    """Two LSTM layers and a linear one over windows of numbered events.

    Attributes
    ----------
    one_hot : bool
        Events are one-hot vectors, as in the paper, and not numbers, as in its implementations.
    """

    def __init__(self, n_events: int, one_hot: bool = False) -> None:
        super().__init__()
        self.one_hot = one_hot
        self.n_inputs = n_events + 1  # 0 is the padding
        self.lstm = nn.LSTM(self.n_inputs if one_hot else 1, 64, num_layers=2, batch_first=True)
        self.head = nn.Linear(64, n_events + 1)  # the last class is the end

    def forward(self, history: Tensor) -> Tensor:
        """Map event numbers, shape (n, size), to logits, shape (n, n_events + 1)."""
        if self.one_hot:
            features = nn.functional.one_hot(history, self.n_inputs).float()
        else:
            features = history.float().unsqueeze(2)
        encoded, _ = self.lstm(features)
        logits: Tensor = self.head(encoded[:, -1])
        return logits


def _numbered(windows: Windows) -> tuple[Tensor, Tensor]:
    """Return the input of the reference: 0 for padding, events from 1; classes from 0, end last."""
    history = np.where(windows.history == PAD, 0, windows.history + 1)
    came = np.where(windows.next_event == END, len(windows.names), windows.next_event)
    return torch.from_numpy(history), torch.from_numpy(came)


def training(figures: Figures, train: Windows, validation: Windows, quick: bool) -> DeepLog:
    """CPU seconds of the reference to its best validation loss, and of ours to the same."""
    runs = 1 if quick else 3
    model, curve = _train_reference(train, validation, one_hot=False, quick=quick)
    _, hot_curve = _train_reference(train, validation, one_hot=True, quick=quick)
    goal, hot_goal = curve[-1][1], hot_curve[-1][1]
    figures.add("reference_validation_loss", goal)
    figures.add("reference_train_cpu_s", curve[-1][0])
    figures.add("reference_one_hot_validation_loss", hot_goal)
    figures.add("reference_one_hot_train_cpu_s", hot_curve[-1][0])
    hot_seconds = next((seconds for seconds, loss in hot_curve if loss <= goal), None)
    figures.add("reference_one_hot_cpu_s_to_same_loss", hot_seconds)

    epochs, fits, singles = _reach(goal, train, validation, runs)
    figures.add("epochs", epochs)
    figures.add("fit_cpu_s", _median(fits), fits)
    figures.add("train_speedup", _ratio(curve[-1][0], fits))
    figures.add("train_speedup_one_network", _ratio(curve[-1][0], singles))
    figures.add("train_speedup_one_hot", _ratio(hot_seconds, fits))
    epochs, fits, singles = _reach(hot_goal, train, validation, runs)
    figures.add("epochs_one_hot_best", epochs)
    figures.add("fit_cpu_s_one_hot_best", _median(fits), fits)
    figures.add("train_speedup_one_hot_best", _ratio(hot_curve[-1][0], fits))
    figures.add("train_speedup_one_hot_best_one_network", _ratio(hot_curve[-1][0], singles))
    return model


def _median(seconds: list[float]) -> float | None:
    return float(np.median(seconds)) if seconds else None


def _ratio(theirs: float | None, ours: list[float]) -> float | None:
    return theirs / float(np.median(ours)) if theirs is not None and ours else None


def _train_reference(
    train: Windows, validation: Windows, one_hot: bool, quick: bool
) -> tuple[DeepLog, list[tuple[float, float]]]:
    """Return the best model, and (CPU seconds, validation loss) of each epoch that was the best.

    Only training steps are timed, not the validation that finds the best epoch.
    """
    torch.manual_seed(0)
    model = DeepLog(len(train.names), one_hot)
    loader = DataLoader(TensorDataset(*_numbered(train)), batch_size=2048, shuffle=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    curve: list[tuple[float, float]] = []
    best, seconds, waited = model, 0.0, 0
    for _ in range(5 if quick else EPOCHS):
        started = time.process_time()
        model.train()
        for history, came in loader:
            value = criterion(model(history), came)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        seconds += time.process_time() - started
        loss = _reference_loss(model, validation)
        waited += 1
        if not curve or loss < curve[-1][1]:
            curve.append((seconds, loss))
            best, waited = copy.deepcopy(model), 0
        if waited >= PATIENCE:
            break
    return best.eval(), curve


@torch.no_grad()
def _reference_loss(model: DeepLog, windows: Windows) -> float:
    model.eval()
    history, came = _numbered(windows)
    return float(nn.functional.cross_entropy(model(history), came))


def _reach(
    goal: float, train: Windows, validation: Windows, runs: int
) -> tuple[int | None, list[float], list[float]]:
    """Return the epochs that reach `goal`, CPU seconds of whole fits, and of single networks."""
    for epochs in OUR_EPOCHS:
        fits, singles, losses = [], [], []
        for seed in range(runs):
            # As many epochs as are asked for: the schedule of the learning rate has that length.
            detector = NextEvent(
                WINDOW, scope="next", epochs=epochs, patience=epochs, random_state=seed
            )
            started = time.process_time()
            detector.fit(train)
            fits.append(time.process_time() - started)
            losses.append(float(detector.anomaly_score(validation).mean()))
            started = time.process_time()
            detector._learn(train, seed)
            singles.append(time.process_time() - started)
        print(f"    {epochs} epochs: loss {np.round(losses, 4)}, CPU s {np.round(fits, 2)}")
        if max(losses) <= goal:
            return epochs, fits, singles
    return None, [], []


def scoring(figures: Figures, train: Windows, reference: DeepLog, quick: bool) -> None:
    """Windows scored a CPU second, in a process of its own for its memory."""
    next_only = NextEvent(WINDOW, scope="next", random_state=0).fit(train)
    each_event = NextEvent(WINDOW, scope="window", random_state=0).fit(train)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        rates, peak = process.submit(_score, next_only, each_event, reference, quick).result()
    for key, runs in rates.items():
        figures.add(key, float(np.median(runs)), runs)
    for key, ours, theirs in (
        ("score_speedup", "score_windows", "reference_loop_windows"),
        ("score_distinct_ratio_batched", "score_distinct_windows", "reference_batched_windows"),
    ):
        pairs = zip(rates[f"{ours}_per_cpu_s"], rates[f"{theirs}_per_cpu_s"], strict=True)
        ratios = [our / their for our, their in pairs]
        figures.add(key, float(np.median(ratios)), ratios)
    figures.add("score_peak_gb", peak)


def _score(
    next_only: NextEvent, each_event: NextEvent, reference: DeepLog, quick: bool
) -> tuple[dict[str, list[float]], float]:
    """Return windows a CPU second, a value a run, and GB of memory to score the many."""
    torch.set_num_threads(1)
    sessions, _ = _sessions()
    windows = cut_windows(sessions, WINDOW)
    rng = np.random.default_rng(0)
    many = 1_000_000 if quick else 10_000_000
    drawn = windows.take(rng.integers(0, len(windows), many))
    rates: dict[str, list[float]] = {}

    def measure(key: str, judge: Callable[[], int]) -> None:
        started = time.process_time()
        judged = judge()
        rates.setdefault(key, []).append(judged / (time.process_time() - started))

    next_only.anomaly_score(drawn)
    peak = _peak_gb()
    rows = _session_rows(windows, rng.permutation(len(sessions))[: 200 if quick else 2_000])
    distinct = _distinct_windows(sessions.names, many // 10, rng)
    batches = torch.split(_numbered(distinct)[0], 2048)
    for _ in range(1 if quick else 3):
        measure("score_windows_per_cpu_s", lambda: len(next_only.anomaly_score(drawn)))
        measure("reference_loop_windows_per_cpu_s", lambda: _judge_one_by_one(reference, rows))
        measure("score_distinct_windows_per_cpu_s", lambda: len(next_only.anomaly_score(distinct)))
        measure("reference_batched_windows_per_cpu_s", lambda: _judge_batches(reference, batches))
        measure("score_each_event_windows_per_cpu_s", lambda: len(each_event.anomaly_score(drawn)))
        measure(
            "score_each_event_distinct_windows_per_cpu_s",
            lambda: len(each_event.anomaly_score(distinct)),
        )
    return rates, peak


def _session_rows(windows: Windows, sessions: NDArray[np.int64]) -> list[tuple[Tensor, list[int]]]:
    """Return the histories and next events of some sessions, as the reference numbers them."""
    history, came = _numbered(windows)
    rows = [np.flatnonzero(windows.session == session) for session in sessions]
    return [(history[row], came[row].tolist()) for row in rows]


def _distinct_windows(names: tuple[str, ...], n: int, rng: np.random.Generator) -> Windows:
    """Return windows of random events, no two histories alike."""
    events = rng.integers(0, len(names), (n, WINDOW + 1))
    distinct = Windows(events[:, :WINDOW], events[:, WINDOW], names)
    return distinct.take(np.sort(distinct_rows(distinct.history)[0]))


@torch.no_grad()
def _judge_one_by_one(model: DeepLog, rows: list[tuple[Tensor, list[int]]]) -> int:
    """Judge sessions as the published test loops do; return the windows that it took."""
    judged = 0
    for history, came in rows:
        for i, event in enumerate(came):
            logits = model(history[i : i + 1])
            judged += 1
            if event not in torch.argsort(logits, dim=1)[0][-TOP:]:
                break
    return judged


@torch.no_grad()
def _judge_batches(model: DeepLog, batches: tuple[Tensor, ...]) -> int:
    for history in batches:
        torch.topk(model(history), TOP, dim=1)
    return sum(len(history) for history in batches)


def _peak_gb() -> float:
    """Return the peak resident memory so far; that of the parent, which is less, is in it."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used * (1 if sys.platform == "darwin" else 1024) / 1e9


if __name__ == "__main__":
    main()
