"""States with less work, against the encoder's own forward pass."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from amiss.detect import NextEvent
from amiss.detect._inference import state_function
from amiss.detect._layers import WindowEncoder
from amiss.represent.windows import cut_windows
from amiss.types import Windows


@torch.no_grad()
def check_same(encoder, n, size, n_tokens, alike=0):
    for tensor in encoder.parameters():  # all of them used, padding and biases included
        torch.nn.init.uniform_(tensor, -0.7, 0.7)
    history = torch.randint(0, n_tokens, (n, size), dtype=torch.int32)
    history[:, :alike] = torch.randint(0, n_tokens, (alike,), dtype=torch.int32)
    torch.testing.assert_close(
        state_function(encoder)(history), encoder(history), rtol=0, atol=2e-6
    )


@settings(max_examples=50)
@given(
    n=st.integers(0, 40),
    size=st.integers(1, 12),
    alike=st.integers(0, 12),
    n_tokens=st.integers(5, 30),
    embedding=st.integers(1, 20),
    hidden=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_states_are_those_of_the_module(n, size, alike, n_tokens, embedding, hidden, seed):
    torch.manual_seed(seed)
    encoder = WindowEncoder(n_tokens, embedding, hidden, 1, "gru", False, 0.0).eval()
    assert state_function(encoder) is not encoder
    check_same(encoder, n, size, n_tokens, min(size, alike))


@pytest.mark.parametrize(
    ("layers", "cell", "bidirectional"), [(2, "gru", False), (1, "lstm", False), (1, "gru", True)]
)
def test_other_shapes_are_left_to_the_module(layers, cell, bidirectional):
    encoder = WindowEncoder(9, 4, 8, layers, cell, bidirectional, 0.0).eval()
    assert state_function(encoder) is encoder
    check_same(encoder, 5, 6, 9)


def test_states_are_of_the_weights_that_training_left():
    sessions = [["a", "b", "c"], ["a", "c"]] * 30
    detector = NextEvent(random_state=0, epochs=1).fit(sessions)
    fitted = detector.anomaly_score(sessions[:2])
    with torch.no_grad():
        detector.network_.encoder.encoder.weight_hh_l0.mul_(-1)
    assert (detector.anomaly_score(sessions[:2]) != fitted).any()


SESSIONS = [[*"ab" * i, *"cd" * (i % 3), "e"] for i in range(8)] * 5
PARAMETERS = [{}, {"score": "rank"}, {"cell": "lstm"}, {"bidirectional": True}, {"window": 3}]


@pytest.mark.parametrize("parameters", PARAMETERS)
def test_windows_score_as_their_session_does_event_by_event(parameters):
    detector = NextEvent(random_state=0, epochs=2, scope="next", **parameters).fit(SESSIONS)
    odd = [*SESSIONS, [*"ab" * 9], ["never", "seen"], ["a", "never", "e"], []]
    by_event = detector.event_score(odd)
    np.testing.assert_allclose(
        detector.anomaly_score(odd), [values.max() for values in by_event], rtol=1e-5, atol=1e-6
    )
    size = detector.window
    odd.pop()  # windows without any event before cannot tell if the session was seen to begin
    by_event.pop()
    windows = cut_windows(odd, size)
    wanted = np.concatenate([[*s[size:-1], s[-1]] if len(s) > size else s[-1:] for s in by_event])
    np.testing.assert_allclose(detector.anomaly_score(windows), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("scope", ["window", "next"])
def test_scores_do_not_depend_on_where_batches_and_chunks_end(scope, monkeypatch):
    detector = NextEvent(random_state=0, epochs=2, scope=scope).fit(SESSIONS)
    windows = cut_windows([*SESSIONS, [*"ab" * 9], ["never", "seen"], ["a", "never", "e"]])
    wanted = detector.anomaly_score(windows)
    monkeypatch.setattr("amiss.detect.next_event._SCORING_BATCH", 3)
    monkeypatch.setattr("amiss.detect.next_event._SCORING_CHUNK", 5)
    monkeypatch.setattr("amiss.represent.windows._IN_CACHE", 8)
    order = np.random.default_rng(0).integers(0, len(windows), 3 * len(windows))
    scores = detector.anomaly_score(windows.take(order))
    np.testing.assert_allclose(scores, wanted[order], rtol=1e-5, atol=1e-6)


def test_no_windows_have_no_scores():
    detector = NextEvent(random_state=0, epochs=1).fit(SESSIONS)
    nothing = Windows(np.empty((0, 10), dtype=np.int64), np.empty(0, dtype=np.int64))
    assert detector._anomaly_score(nothing).shape == (0,)
    assert [len(part) for part in detector.event_score([[]])] == [1]
