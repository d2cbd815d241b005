"""A sweep does each file at each contamination once, and says how far the stages agree."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from amiss.detect import TwoStageLabeler, VectorAutoregression
from amiss.errors import InputError, UsageError
from amiss.run.sweep import COLUMNS, run_sweep

ODD = range(100, 104)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plant")
    made = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        values = rng.normal(size=(200, 3))
        values[list(ODD)] += 8
        rows = ["time;a;b;c;anomaly"]
        rows += [
            f"2020-01-01 00:{i // 60:02}:{i % 60:02};{a:.4f};{b:.4f};{c:.4f};0"
            for i, (a, b, c) in enumerate(values)
        ]
        made.append(folder / str(seed) / "pump.csv")
        made[-1].parent.mkdir()
        made[-1].write_text("\n".join(rows) + "\n")
    return made


def quick(**more):
    return TwoStageLabeler(autoencoder=VectorAutoregression(order=2), random_state=0, **more)


def sweep(files, folder, shares=(0.02, 0.04), jobs=1, **more):
    return run_sweep(files, folder, shares, labeler=more.pop("labeler", quick()), jobs=jobs, **more)


def stored(folder):
    return {path.name: path.read_text() for path in folder.glob("*.json")}


def test_each_file_at_each_contamination_is_a_row_and_a_file(files, tmp_path):
    seen = []
    found = sweep(files, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    frame = found.to_frame()
    assert frame.columns == list(COLUMNS)
    assert frame["file"].to_list() == [str(f) for f in files for _ in range(2)]
    assert frame["contamination"].to_list() == [0.02, 0.04] * 2
    assert (found.folder / "sweep.csv").read_text() == frame.write_csv()
    assert seen == [(i, 4) for i in range(5)]
    assert len(stored(found.folder)) == 4
    for row in frame.to_dicts():
        either = row["agreed"] + row["first_only"] + row["second_only"]
        assert row["agreement"] == pytest.approx(row["agreed"] / either)
    assert found.failed == found.notes == []


def test_rows_and_times_of_each_stage_are_exact(files, tmp_path):
    found = sweep(files[:1], tmp_path, (0.02,))
    (content,) = map(json.loads, stored(tmp_path).values())
    assert content["schema"] == "amiss.sweep/1"
    assert content == found.results[0]
    assert content["first"]["rows"] == [i + 1 for i in ODD]
    assert content["first"]["times"][0] == "2020-01-01T00:01:40"
    assert len(content["second"]["rows"]) == content["agreed"] + content["second_only"]
    assert content["final"] == content["second"]
    counts = len(set(content["first"]["rows"]) & set(content["second"]["rows"]))
    assert counts == content["agreed"]


def test_what_is_done_is_not_done_again(files, tmp_path):
    sweep(files, tmp_path, (0.02,))
    before = stored(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.json")}
    again = sweep(files, tmp_path, (0.02, 0.04))
    assert again.resumed == 2
    assert {name: stored(tmp_path)[name] for name in before} == before
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert len(again.results) == 4


def test_other_bytes_settings_or_damage_are_done_again(files, tmp_path):
    file = tmp_path / "pump.csv"
    file.write_text(files[0].read_text())
    folder = tmp_path / "out"
    first = sweep(file, folder, (0.02,))
    assert sweep(file, folder, (0.02,)).resumed == 1
    assert sweep(file, folder, (0.02,), labeler=quick(final="union")).resumed == 0
    assert sweep(file, folder, (0.02,), columns=["a", "b"], labeler=quick()).resumed == 0
    file.write_text(file.read_text().replace("2020", "2021"))
    other = sweep(file, folder, (0.02,))
    assert other.resumed == 0
    assert other.results[0]["first"]["times"][0].startswith("2021")
    assert other.results[0]["first"]["rows"] == first.results[0]["first"]["rows"]
    (path,) = folder.glob("*.json")
    path.write_text(path.read_text()[:90])
    assert sweep(file, folder, (0.02,)).resumed == 0


def test_processes_find_the_same(files, tmp_path):
    alone = sweep(files, tmp_path / "one", (0.02,))
    before = signal.getsignal(signal.SIGINT)
    several = sweep(files, tmp_path / "two", (0.02,), jobs=2)
    assert several.results == alone.results
    assert signal.getsignal(signal.SIGINT) is before


def test_one_file_that_fails_leaves_the_others(files, tmp_path):
    bad = tmp_path / "bad.csv"
    bad.write_text("time,a\n2020-01-01,1\n2020-01-02,\n")
    found = sweep([bad, files[0]], tmp_path / "out", (0.02,))
    assert len(found.results) == 1
    (failed,) = found.failed
    assert failed.startswith(f"{bad} at 0.02: row 2 of {bad} has no value in column 'a' (1 of 2")


def test_a_file_that_fails_is_named_once(files, tmp_path):
    short = tmp_path / "short.csv"
    short.write_text("time;a\n2020-01-01;1\n")
    found = sweep([short, files[0]], tmp_path / "out")
    assert len(found.results) == 2
    (failed,) = found.failed
    assert failed.startswith(f"{short} at 0.02, 0.04: ")


class Strange(BaseEstimator):
    """A stage that fails as no error of ours does."""

    def fit(self, X, y=None):
        raise ValueError("no rows\nlike these")


class Deadly(BaseEstimator):
    """A stage that takes its process with it."""

    def fit(self, X, y=None):
        os._exit(1)


def test_what_other_libraries_raise_is_told_and_the_sweep_goes_on(files, tmp_path):
    found = sweep(files, tmp_path, (0.02,), labeler=quick(forest=Strange()))
    assert found.failed == [f"{file} at 0.02: ValueError: no rows" for file in files]
    assert (tmp_path / "sweep.csv").read_text().splitlines() == [",".join(COLUMNS)]


def test_a_process_that_dies_is_told(files, tmp_path):
    found = sweep(files, tmp_path, (0.02,), labeler=quick(forest=Deadly()), jobs=2)
    assert len(found.failed) == 2
    assert "a process ended before it was done" in found.failed[0]


INTERRUPTED = """
import multiprocessing, os, signal, sys, threading, time
from amiss.run.sweep import run_sweep

def interrupt():
    # Both processes are there, and have not got far: a terminal tells them as well.
    while len(multiprocessing.active_children()) < 2:
        time.sleep(0.001)
    for process in multiprocessing.active_children():
        os.kill(process.pid, signal.SIGINT)
    time.sleep(0.5)  # for what they would say to it
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

if __name__ == "__main__":
    threading.Thread(target=interrupt, daemon=True).start()
    try:
        run_sweep(sys.argv[1:-1], sys.argv[-1], (0.02, 0.04), jobs=2)
    except KeyboardInterrupt:
        print("stopped")
"""


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals to a thread")
def test_ctrl_c_while_processes_start_is_quiet(files, tmp_path):
    script = tmp_path / "stopped.py"
    script.write_text(INTERRUPTED)
    command = [sys.executable, str(script), *map(str, files), str(tmp_path / "out")]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert (ended.stdout, ended.stderr, ended.returncode) == ("stopped\n", "", 0)
    assert len((tmp_path / "out" / "sweep.csv").read_text().splitlines()) < 5


def test_what_was_done_is_kept_when_it_is_stopped(files, tmp_path):
    def stop(done, total):
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(files, tmp_path, (0.02,), progress=stop)
    assert len(stored(tmp_path)) == 1
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 2
    assert sweep(files, tmp_path, (0.02,)).resumed == 1
    assert not list(tmp_path.glob("*.partial"))


def test_what_makes_no_sense_is_refused(files, tmp_path):
    for shares, words in (([0.6], "contamination 0.6"), ([], "one or more"), ([0.1, 0.1], "once")):
        with pytest.raises(UsageError, match=words):
            run_sweep(files, tmp_path, shares)
    with pytest.raises(UsageError, match="jobs=0"):
        run_sweep(files, tmp_path, jobs=0)
    with pytest.raises(UsageError, match="not -"):
        run_sweep("-", tmp_path)
    with pytest.raises(InputError, match="no such file"):
        run_sweep(tmp_path / "none.csv", tmp_path)
    with pytest.raises(InputError, match="no folder to write to"):
        run_sweep(files, files[0])
