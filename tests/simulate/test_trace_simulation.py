"""What a user of the simulated traces relies on: their counts, their faults, the truth of both."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from amiss.errors import UsageError
from amiss.simulate._kernel import EVENTS, Jobs, repeat_steps, schedule
from amiss.simulate.trace import TRACE_FAULTS, TraceSimulation, simulate_traces

if TYPE_CHECKING:
    from pathlib import Path

SCALE = 0.04
KINDS = ("SND_MESSAGE", "REC_MESSAGE", "REPLY_MESSAGE")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TraceSimulation:
    return simulate_traces(tmp_path_factory.mktemp("traces"), scale=SCALE, seed=2)


@pytest.fixture(scope="module")
def traces(made: TraceSimulation) -> dict[str, pl.DataFrame]:
    return {path.name: pl.read_csv(path) for path in sorted(made.traces.iterdir())}


@pytest.fixture(scope="module")
def counts(traces: dict[str, pl.DataFrame]) -> dict[str, dict[str, int]]:
    """Return how often each event of the class COMM is in each file."""
    return {
        name: dict(trace.filter(pl.col("class") == "COMM")["event"].value_counts().iter_rows())
        for name, trace in traces.items()
    }


def clean_names() -> list[str]:
    return [f"clean_{number:02d}.csv" for number in range(1, 11)]


def tokens(trace: pl.DataFrame) -> list[str]:
    return (trace["class"] + " " + trace["event"]).to_list()


def pairs(trace: pl.DataFrame) -> set[tuple[str, str]]:
    words = tokens(trace)
    return set(itertools.pairwise(words))


def test_ten_clean_files_and_one_a_fault_have_classes_and_events(made, traces):
    assert sorted(traces) == sorted([*clean_names(), *(f"{name}.csv" for name in TRACE_FAULTS)])
    assert all(trace.columns == ["class", "event"] for trace in traces.values())
    assert not any(trace.null_count().sum_horizontal().item() for trace in traces.values())
    assert (made.files, made.anomalies) == (15, 5)
    assert made.events == sum(len(trace) for trace in traces.values())


def test_the_truth_names_every_file_and_its_fault(made, traces):
    truth = pl.read_csv(made.truth)
    assert truth.columns == ["file", "label", "fault"]
    assert set(truth["file"]) == set(traces)
    faulty = truth.filter(pl.col("label") == "Anomaly")
    assert faulty["fault"].to_list() == list(TRACE_FAULTS)
    assert truth.filter(pl.col("label") == "Normal")["fault"].null_count() == 10


def test_clean_traces_have_equal_messages_no_sent_pulse_and_few_errors(counts):
    for name in clean_names():
        assert [counts[name][kind] for kind in KINDS] == pytest.approx(
            [18_000 * SCALE] * 3, rel=0.01
        )
        assert "SND_PULSE" not in counts[name]
        assert counts[name]["MSG_ERROR"] == 1  # six at full scale


def test_pulses_climb_from_clean_file_to_clean_file(counts):
    sent = [counts[name]["SND_PULSE_EXE"] for name in clean_names()]
    assert sent == [counts[name]["REC_PULSE"] for name in clean_names()]
    assert [sent[0], sent[-1]] == [round(36_701 * SCALE), round(144_575 * SCALE)]
    assert all(low < high for low, high in itertools.pairwise(sent))


def test_the_drift_brings_hardly_anything_new(traces):
    early = set().union(*(pairs(traces[name]) for name in clean_names()[:5]))
    for name in clean_names()[5:]:
        words = tokens(traces[name])
        new = sum(pair not in early for pair in itertools.pairwise(words))
        assert new < 0.001 * len(words), name


def test_faulty_traces_have_more_messages_pulses_that_are_sent_and_errors(counts):
    for fault in TRACE_FAULTS:
        found = counts[f"{fault}.csv"]
        assert all(45_000 * SCALE <= found[kind] <= 67_000 * SCALE for kind in KINDS), fault
        assert found["SND_PULSE"] > 0, fault
        assert 300 * SCALE < found["MSG_ERROR"] < 5_000 * SCALE, fault
        assert abs(found["SND_MESSAGE"] - found["REPLY_MESSAGE"] - found["MSG_ERROR"]) < 5


def test_ranges_lie_in_the_faulty_files_and_hold_all_that_is_new(made, traces):
    ranges = pl.read_csv(made.ranges)
    assert ranges.columns == ["file", "first_row", "last_row", "fault"]
    assert set(ranges["fault"]) == set(TRACE_FAULTS)
    known = set().union(*(pairs(traces[name]) for name in clean_names()))
    for name in (f"{fault}.csv" for fault in TRACE_FAULTS):
        words = tokens(traces[name])
        active = np.zeros(len(words), np.bool_)
        before = 0
        for first, last in ranges.filter(file=name).select("first_row", "last_row").iter_rows():
            assert before < first <= last <= len(words)
            active[first - 1 : last] = True
            before = last
        assert 0.3 < active.mean() < 0.85, name
        news = [at for at, pair in enumerate(itertools.pairwise(words)) if pair not in known]
        # What a fault has displaced runs on a little after it.
        assert active[news].mean() > 0.97, name


def test_in_most_of_a_fault_each_event_is_one_that_clean_traces_have(made, traces):
    known = set().union(*(tokens(traces[name]) for name in clean_names()))
    ranges = pl.read_csv(made.ranges)
    for name, first, last, _ in ranges.iter_rows():
        words = tokens(traces[name][first - 1 : last])
        assert np.mean([word not in known for word in words]) < 0.02


def test_what_runs_was_switched_to_and_each_interrupt_ends(traces):
    for name, trace in traces.items():
        words = tokens(trace)
        entered = [word for word in words if word.startswith("INT_")]
        assert all(
            first.replace("ENTR", "EXIT") == last
            for first, last in zip(entered[::2], entered[1::2], strict=True)
        ), name
        # A pulse or a message is received by what has just begun to run, or runs already.
        blocked = {"THRECEIVE", "THINTR", "THNANOSLEEP"}
        rows = trace.filter(~pl.col("class").is_in(["INT_ENTR", "INT_EXIT"]))
        after = rows.filter(pl.col("event").shift().is_in(blocked).fill_null(False))
        events = set(after["event"])
        assert events <= {"THRUNNING", "SND_PULSE_EXE", "THREADY"}, name


def test_the_higher_priority_runs_first_and_the_lower_goes_on():
    jobs = Jobs()
    jobs.add(np.array([0.0]), 6, repeat_steps("begin filter end", 1))
    jobs.add(np.array([0.0005]), 0, repeat_steps("serial", 1))
    jobs.add(np.array([0.0005]), 1, repeat_steps("received listen", 1), burst=7)
    events, burst = schedule(np.random.default_rng(0), jobs)
    words = [EVENTS[event].split("/")[1] for event in events]
    assert words == [
        "THRUNNING", "REC_PULSE", "MSG_RECEIVEV", "FUNC_ENTER",
        "0x00000024", "THREADY", "0x00000024", "THREADY",
        "THRUNNING", "INTERRUPT_WAIT", "INTERRUPT_WAIT", "THINTR", "THRUNNING",
        "FUNC_EXIT", "MSG_RECEIVEV", "THRECEIVE", "THRUNNING",
    ]  # fmt: skip
    assert np.flatnonzero(burst == 7).tolist() == [8, 9, 10, 11]


def test_jobs_of_one_level_run_one_after_the_other():
    jobs = Jobs()
    jobs.add(np.array([0.001, 0.0]), 6, repeat_steps("begin filter end", 2))
    jobs.add(np.array([0.0012]), 7, repeat_steps("received listen", 1))
    events, _ = schedule(np.random.default_rng(0), jobs)
    words = [EVENTS[event].split("/")[1] for event in events]
    once = ["THRUNNING", "REC_PULSE", "MSG_RECEIVEV", "FUNC_ENTER", "FUNC_EXIT", "MSG_RECEIVEV"]
    last = ["THRUNNING", "INTERRUPT_WAIT", "INTERRUPT_WAIT", "THINTR", "THRUNNING"]
    assert words == [*once, "THRECEIVE", *once, "THRECEIVE", *last]


def test_same_arguments_give_the_same_bytes_and_others_do_not(tmp_path: Path):
    first, second, other = (
        simulate_traces(tmp_path / name, scale=0.005, seed=seed)
        for name, seed in (("first", 1), ("second", 1), ("other", 2))
    )
    for path in sorted(first.traces.iterdir()):
        assert path.read_bytes() == (second.traces / path.name).read_bytes()
        assert path.read_bytes() != (other.traces / path.name).read_bytes()
    assert first.ranges.read_bytes() == second.ranges.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": 0}, "scale is 0"),
        ({"scale": 2.0}, r"from 0\.005 to 1"),
        ({"scale": float("nan")}, "scale is nan"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_senseless_requests_are_refused(tmp_path: Path, arguments, message):
    with pytest.raises(UsageError, match=message):
        simulate_traces(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


def test_the_command_writes_traces_and_says_what_comes_next(run_amiss, tmp_path):
    command = ("simulate", "trace", "-o", tmp_path / "sim", "--scale", "0.005")
    code, out, err = run_amiss(*command)
    assert (code, err) == (0, "")
    assert "15 files" in out
    assert "next: amiss fit " in out
    content = json.loads(run_amiss(*command, "--json").out)
    assert (content["schema"], content["anomalies"]) == ("amiss.simulation/1", 5)
    (tmp_path / "file").touch()
    refused = run_amiss("simulate", "trace", "-o", tmp_path / "file")
    assert (refused.code, "is a file" in refused.err) == (2, True)
    assert run_amiss(*command[:-1], "7").code == 2
