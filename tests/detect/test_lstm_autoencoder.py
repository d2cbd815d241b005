"""The LSTM autoencoder: its windows, its network, its scores."""

import numpy as np
import pytest
import torch
from torch import nn

from amiss.detect import LSTMAutoencoder
from amiss.detect._lstm_autoencoder_network import LSTMAutoencoderNetwork, StackedLSTM
from amiss.errors import UsageError
from amiss.types import NO_TIME, Table, Timeline

# What does not learn stops early: most promises do not need a good network.
SMALL = {
    "timesteps": 5, "layers": (6, 3), "folds": 2, "epochs": 50, "learning_rate": 1e-8,
    "random_state": 0,
}  # fmt: skip


def _waves(n=160, seed=0):
    noise = 0.1 * np.random.default_rng(seed).normal(size=(n, 2))
    return np.sin(np.arange(n)[:, None] / np.array([2.0, 4.0])) + noise


def _series(values, run):
    times = np.full(len(values), NO_TIME)
    return Table(values, ("a", "b"), timeline=Timeline(times, np.asarray(run)))


@pytest.fixture(scope="module")
def fitted():
    return LSTMAutoencoder(**SMALL).fit(_series(_waves(), np.zeros(160)))


# The network.


def test_a_member_is_the_lstm_of_torch():
    layer = StackedLSTM(2, 3, 4)
    peer = nn.LSTM(3, 4, batch_first=True)
    # torch orders the gates: in, forget, cell, out.
    order = np.r_[0:4, 4:8, 12:16, 8:12]
    with torch.no_grad():
        peer.weight_ih_l0.copy_(layer.given[1].T[order])
        peer.weight_hh_l0.copy_(layer.state[1].T[order])
        peer.bias_ih_l0.copy_(layer.bias[1, 0][order])
        peer.bias_hh_l0.zero_()
        x = torch.randn(2, 5, 7, 3, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(layer(x)[1], peer(x[1])[0], rtol=1e-5, atol=1e-6)


def test_a_repeated_input_is_that_input_at_each_step():
    layer = StackedLSTM(2, 3, 4)
    x = torch.ones(2, 5, 3)
    torch.testing.assert_close(layer.repeated(x, 6), layer(x[:, :, None].repeat(1, 1, 6, 1)))


def test_the_decoder_mirrors_the_encoder():
    network = LSTMAutoencoderNetwork(2, 8, timesteps=10, layers=(32, 16))
    assert [layer.n_out for layer in network.encoder] == [32, 16]
    assert [layer.n_out for layer in network.decoder] == [16, 32]
    assert network.encode(torch.zeros(1, 3, 10, 8)).shape == (2, 3, 16)


# Windows.


@pytest.mark.parametrize("stride", [1, 3, 5])
def test_windows_cover_every_row_and_cross_no_gap(stride):
    run = np.repeat([0, 1, 2], [13, 3, 9])
    values = _waves(25)
    detector = LSTMAutoencoder(**{**SMALL, "stride": stride}).fit(_series(values, run))
    rows = detector.window_rows(_series(values, run))
    assert (run[rows[:, 0]] == run[rows[:, 1]]).all()
    covered = np.concatenate([np.arange(a, b + 1) for a, b in rows])
    np.testing.assert_array_equal(np.unique(covered), np.arange(25))
    assert np.isfinite(detector.anomaly_score(_series(values, run))).all()


def test_windows_further_apart_than_they_are_long_are_refused():
    with pytest.raises(UsageError, match="stride=6"):
        LSTMAutoencoder(**{**SMALL, "stride": 6}).fit(_waves(30))


def test_a_row_has_the_mean_error_of_the_windows_that_cover_it():
    X = _waves(40)
    detector = LSTMAutoencoder(**SMALL, score_type="error").fit(X)
    rows = detector._check(X)
    total, count = np.zeros(40), np.zeros(40)
    for places, _, errors in detector._window_errors(detector.network_, rows):
        for window, of_window in zip(places, (errors**2).mean(axis=(0, 3)), strict=True):
            total[window] += of_window
            count[window] += 1
    np.testing.assert_allclose(detector.anomaly_score(X), total / count)


def test_windows_have_scores_of_their_own(fitted):
    X = _waves(40)
    scores = fitted.window_score(Table(X, ("a", "b")))
    rows = fitted.window_rows(Table(X, ("a", "b")))
    assert scores.shape == (36,)
    assert rows[0].tolist() == [0, 4]
    assert rows[-1].tolist() == [35, 39]
    X[20] += 9
    again = fitted.window_score(Table(X, ("a", "b")))
    touched = (rows[:, 0] <= 20) & (rows[:, 1] >= 20)
    assert (again[touched] > scores[touched]).all()
    np.testing.assert_allclose(again[~touched], scores[~touched])


def test_transform_gives_an_encoding_a_window(fitted):
    assert fitted.transform(Table(_waves(40), ("a", "b"))).shape == (36, 3)


# What is learnt.


def test_it_learns():
    detector = LSTMAutoencoder(
        **{**SMALL, "layers": (16, 8), "epochs": 40, "learning_rate": 0.01}
    ).fit(_waves(300))
    losses = [entry["loss"] for entry in detector.history_]
    assert losses[-1] < 0.5 * losses[0]


def test_windows_with_a_labelled_row_are_not_learnt_from():
    X = _waves(60)
    odd = X.copy()
    odd[30] = 50.0
    y = np.zeros(60)
    y[30] = 1
    other = odd.copy()
    other[30] = -70.0
    first, second = (LSTMAutoencoder(**SMALL).fit(values, y) for values in (odd, other))
    for name, weights in first.network_.state_dict().items():
        torch.testing.assert_close(weights, second.network_.state_dict()[name], rtol=0, atol=0)


@pytest.mark.parametrize("score_type", ["chart", "error"])
def test_a_fault_is_found_by_either_score(score_type):
    X = _waves(400)
    settings = {
        **SMALL,
        "layers": (16, 8),
        "epochs": 20,
        "learning_rate": 0.01,
        "score_type": score_type,
    }
    detector = LSTMAutoencoder(**settings).fit(X[:300])
    X[350:380, 0] += 3
    scores = detector.anomaly_score(X)
    assert np.median(scores[350:380]) > 2 * np.median(scores[300:340])


@pytest.mark.parametrize(
    "parameters",
    [
        {"timesteps": 0}, {"layers": ()}, {"layers": (0,)}, {"score_type": "x"}, {"epochs": 0},
        {"learning_rate": 0.0},
    ],
)  # fmt: skip
def test_lstm_parameters_that_make_no_sense(parameters):
    with pytest.raises(UsageError, match=next(iter(parameters))):
        LSTMAutoencoder(**{**SMALL, **parameters}).fit(_waves(20))
