"""What is measured of an identifier."""

import numpy as np
import pytest

from amiss.represent.keys import event_bits, measure_bits, measure_key


def _interleaved(sessions=60, steps=5, at_once=4, seed=0):
    """Return rows, codes and templates of sessions that each go through all steps in order."""
    rng = np.random.default_rng(seed)
    left = dict.fromkeys(range(at_once), 0)
    codes, template, new = [], [], at_once
    while left:
        code = int(rng.choice(list(left)))
        codes.append(code)
        template.append(left[code])
        left[code] += 1
        if left[code] == steps:
            del left[code]
            if new < sessions:
                left[new] = 0
                new += 1
    n = len(codes)
    return np.arange(n), np.array(codes), np.array(template)


def test_measures_of_interleaved_sessions():
    rows, codes, template = _interleaved()
    m = measure_key(rows, codes, template, rows)
    assert (m.coverage, m.values, m.reuse, m.recurring) == (1, 60, 5, 1)
    assert (m.templates, m.template_share, m.variety) == (5, 1, 5)
    assert m.life < 0.2 < m.life_at_random
    assert m.freedom > 0.8


def test_sequences_of_a_session_key_are_predictable_where_the_log_is_not():
    rows, codes, template = _interleaved()
    raw = event_bits(np.zeros_like(template), template, 5)
    m = measure_bits(measure_key(rows, codes, template, rows), rows, codes, template, raw)
    assert m.bits < 0.1
    assert m.bits_raw > 1.5
    assert m.bits_at_random > 1.5
    assert m.predictability > 0.9


def test_what_the_template_tells_is_not_free():
    _, _, template = _interleaved()
    rows = np.arange(len(template))
    assert measure_key(rows, template // 2, template, rows).freedom == 0


def test_values_that_live_as_long_as_the_log():
    rng = np.random.default_rng(1)
    rows = np.arange(900)
    m = measure_key(rows, rng.integers(0, 9, 900), rng.integers(0, 4, 900), rows)
    assert m.life == pytest.approx(m.life_at_random, abs=0.05)


def test_a_line_that_holds_two_values_counts_once_for_coverage():
    rows, codes = np.array([0, 0, 1, 3]), np.array([0, 1, 0, 1])
    m = measure_key(rows, codes, np.array([0, 1, 1, 1]), np.arange(4))
    assert m.coverage == 0.75
    assert m.values == 2


def test_life_is_a_mean_of_time_and_lines():
    rows, codes = np.arange(10), np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    clock = np.array([0, 0, 10, 10, 20, 20, 30, 30, 90, 90])
    m = measure_key(rows, codes, rows % 2, clock)
    assert m.life == pytest.approx((0 + 1 / 9) / 2)


def test_values_that_come_once_predict_nothing():
    rows, template = np.arange(50), np.arange(50) % 5
    raw = event_bits(np.zeros_like(template), template, 5)
    m = measure_bits(measure_key(rows, rows, template, rows), rows, rows, template, raw)
    assert m.recurring == 0
    assert m.bits == pytest.approx(m.bits_at_random)
    assert m.predictability == pytest.approx(0, abs=1e-9)


def test_events_that_always_follow_each_other_cost_little():
    event = np.arange(300) % 3
    assert event_bits(np.zeros(300, dtype=np.int64), event, 3)[10:].max() < 0.1


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_lines(n):
    rows = np.arange(n)
    m = measure_key(rows, rows * 0, rows * 0, rows)
    m = measure_bits(m, rows, rows * 0, rows * 0, np.ones(n))
    assert m.values == 1
    assert np.isfinite(list(m)).all()
