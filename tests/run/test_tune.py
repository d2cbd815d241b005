import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.detect import CATALOGUE, EventCounts, NextEvent, SessionEnsemble, get_detector
from amiss.detect._space import Choice, Integer, Real
from amiss.errors import AmissError, InputError, LabelError, UsageError
from amiss.run.space import search_space_of, to_plain
from amiss.run.tune import tune

USUAL = [["open", "read", "close"], ["open", "close"], ["open", "read", "read", "close"]] * 20
# The last kind is unlike the usual by its counts only, so that not all parameters do equally well.
ODD = [["open", "crash"], ["close", "open"], ["open", *["read"] * 9, "close"]] * 2
ITEMS, LABELS = USUAL + ODD, [0] * len(USUAL) + [1] * len(ODD)


class Fragile(EventCounts):
    """Fails with one of its parameters."""

    def _fit(self, X, y):
        if self.vectors == "sets":
            raise RuntimeError("sets are out of stock")
        super()._fit(X, y)


class Interrupted(EventCounts):
    """Is interrupted in its n-th fit."""

    left = 0

    def _fit(self, X, y):
        type(self).left -= 1
        if type(self).left == 0:
            raise KeyboardInterrupt
        super()._fit(X, y)


def _sessions():
    rows = [(f"s{i}", event) for i, events in enumerate(ITEMS) for event in events]
    frame = pl.DataFrame(rows, schema=["session", "event"], orient="row")
    return amiss.Sessions.from_frame(frame), {f"s{i}": label == 1 for i, label in enumerate(LABELS)}


def _parameters(result):
    return [trial.parameters for trial in result.trials]


@pytest.fixture(scope="module")
def result():
    return tune(ITEMS, LABELS, "event-counts", n_trials=8)


# What is chosen.


def test_the_first_trial_is_the_defaults(result):
    assert result.trials[0].default
    assert result.trials[0].parameters == result.default_parameters
    assert result.default_parameters == {
        "vectors": "counts", "neighborhood": 0.0, "max_references": 20_000,
    }  # fmt: skip
    assert result.default_value == result.trials[0].value


def test_the_best_is_the_best_of_those_that_finished(result):
    finished = [trial for trial in result.trials if trial.state == "finished"]
    assert result.best_value == max(trial.value for trial in finished) >= result.default_value
    assert result.best_parameters in [trial.parameters for trial in finished]
    assert result.improved == (result.best_value > result.default_value)


def test_values_are_those_of_held_out_sessions():
    # Labels at random: what is learnt from, these detectors would rank well, by heart.
    labels = np.random.default_rng(0).permutation(LABELS)
    assert tune(ITEMS, labels, "event-counts", n_trials=1).best_value < 0.5


def test_equals_go_to_the_defaults():
    alike = {"max_references": Integer(1000, 20_000)}
    result = tune(ITEMS, LABELS, "event-counts", space=alike, n_trials=4)
    assert not result.improved
    assert result.best_parameters == {"max_references": 20_000}


def test_the_best_is_refitted_on_everything(result):
    expected = EventCounts(**result.best_parameters).fit(ITEMS, LABELS)
    np.testing.assert_array_equal(result.model.anomaly_score(ITEMS), expected.anomaly_score(ITEMS))


def test_of_sessions_the_best_is_a_model():
    sessions, labels = _sessions()
    result = tune(sessions, labels, "event-counts", n_trials=3)
    expected = amiss.fit(sessions, labels, detector=EventCounts(**result.best_parameters))
    assert isinstance(result.model, amiss.Model)
    assert result.model.threshold == expected.threshold
    np.testing.assert_array_equal(result.model.score(sessions), expected.score(sessions))


def test_sessions_without_a_label_are_learnt_from_and_not_judged_by():
    labels = [-1 if i < 30 else label for i, label in enumerate(LABELS)]
    learnt = []

    class Watching(EventCounts):
        def _fit(self, X, y):
            learnt.append((y == -1).sum())
            super()._fit(X, y)

    tune(ITEMS, labels, Watching(), n_trials=1)
    assert learnt == [30, 30, 30, 30]  # three folds, and the best


@pytest.mark.parametrize("metric", ["pr_auc", "f1"])
def test_a_network_is_tuned_by_either_metric(metric, monkeypatch):
    monkeypatch.setattr("amiss.detect._train._LEAST_STEPS", 1)
    space = {"hidden": Choice((4, 8)), "dropout": Real(0, 0.2)}
    base = NextEvent(hidden=4, window=3, epochs=1, embedding=4)
    result = tune(ITEMS, LABELS, base, space=space, n_trials=2, folds=2, metric=metric)
    assert 0 <= result.default_value <= result.best_value <= 1
    assert result.counts()["finished"] >= 1
    assert result.config()["parameters"] == {
        "window": 3, "epochs": 1, "embedding": 4, **result.best_parameters,
    }  # fmt: skip
    assert result.model.random_state == 0


def test_repeats_are_other_folds_and_seeds():
    seeds = []

    class Watching(NextEvent):
        def _fit(self, X, y):
            seeds.append(self.random_state)
            self.training_score_ = np.zeros(len(X))

        def _anomaly_score(self, X):
            return np.zeros(len(X))

    tune(ITEMS, LABELS, Watching(), n_trials=1, folds=2, repeats=3, random_state=5)
    assert seeds == [5, 5, 6, 6, 7, 7, 5]


def test_same_seed_same_trials(result):
    again = tune(ITEMS, LABELS, "event-counts", n_trials=8)
    assert _parameters(again) == _parameters(result)
    assert [t.value for t in again.trials] == [t.value for t in result.trials]
    other = tune(ITEMS, LABELS, "event-counts", n_trials=8, random_state=1)
    assert _parameters(other) != _parameters(result)


def test_poor_trials_are_pruned_and_never_the_defaults():
    space = {"vectors": Choice(("sets",))}
    good = tune(ITEMS, LABELS, EventCounts(), space=space, n_trials=4)
    assert good.trials[0].state == "finished"
    assert "pruned" in {trial.state for trial in good.trials}
    # "sets" cannot tell nine reads from one.
    assert good.best_parameters == {"vectors": "counts"}


def test_the_frame_has_a_row_a_trial(result):
    frame = result.to_frame()
    assert frame["trial"].to_list() == list(range(8))
    assert frame.columns[:5] == ["trial", "state", "pr_auc", "seconds", "error"]
    assert set(frame.columns[5:]) == set(EventCounts.search_space)


# What goes wrong.


def test_a_failing_trial_is_recorded_and_the_others_go_on():
    space = {"vectors": Choice(("counts", "sets", "log"))}
    result = tune(ITEMS, LABELS, Fragile(), space=space, n_trials=8)
    failed = [trial for trial in result.trials if trial.state == "failed"]
    assert failed
    assert {trial.error for trial in failed} == {"RuntimeError: sets are out of stock"}
    assert sum(result.counts().values()) == 8
    errors = result.to_frame().filter(pl.col("state") == "failed")["error"]
    assert errors.str.contains("out of stock").all()


def test_defaults_that_fail_are_no_end():
    space = {"vectors": Choice(("counts", "log"))}
    result = tune(ITEMS, LABELS, Fragile("sets"), space=space, n_trials=3)
    assert result.default_value is None
    assert result.improved
    assert "default failed" in repr(result)


def test_if_all_fail_the_first_error_is_told():
    space = {"vectors": Choice(("sets",))}
    with pytest.raises(InputError, match=r"none of 2 trials .* RuntimeError: sets are out"):
        tune(ITEMS, LABELS, Fragile("sets"), space=space, n_trials=2)


def test_without_labels_there_is_nothing_to_choose_by():
    with pytest.raises(UsageError, match="tuning needs labels"):
        tune(ITEMS, None, "event-counts")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"metric": "accuracy"}, "metric 'accuracy'; expected one of: pr_auc, f1"),
        ({"n_trials": 0}, "trials 0; expected 1 or more"),
        ({"repeats": 0}, "repeats 0; expected 1 or more"),
        ({"folds": 1}, "folds 1; expected 2 or more"),
        ({"timeout": 0}, "timeout 0; expected more than 0"),
        ({"detector": "x"}, "unknown detector 'x'"),
        ({"storage": "sqlite:///x"}, "expected the path of an SQLite file"),
        ({"storage": "absent/x.db"}, "in a folder that there is"),
    ],
)
def test_options_without_sense_are_refused(options, said):
    with pytest.raises(UsageError, match=said):
        tune(ITEMS, LABELS, **{"detector": "event-counts", "n_trials": 1, **options})


def test_labels_that_do_not_fit_are_refused():
    with pytest.raises(LabelError, match=r"labels of shape \(2,\) for 66 sequences"):
        tune(ITEMS, [0, 1], "event-counts")
    with pytest.raises(LabelError, match="expected, for sessions, a mapping"):
        tune(_sessions()[0], LABELS, "event-counts")


def test_fewer_anomalies_than_folds_are_refused():
    with pytest.raises(InputError, match=r"2 anomalies are labelled; 3 folds .* or take 2 folds"):
        tune(USUAL + ODD[:2], [0] * len(USUAL) + [1, 1], "event-counts")


def test_a_missing_optuna_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(AmissError, match=r"type: pip install 'amiss\[tune\]'"):
        tune(ITEMS, LABELS, "event-counts")


def test_the_module_does_not_import_optuna():
    code = "import sys, amiss.run.tune, amiss.cli; assert 'optuna' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# Going on.


def test_a_study_goes_on_to_the_total_that_is_asked(tmp_path):
    path = tmp_path / "odd name %41?.db"
    first = tune(ITEMS, LABELS, "event-counts", n_trials=3, storage=path)
    assert first.study == path
    assert path.is_file()
    told = []
    second = tune(
        ITEMS, LABELS, "event-counts", n_trials=6, storage=path,
        progress=lambda *told_now: told.append(told_now),
    )  # fmt: skip
    assert second.trials[:3] == first.trials
    assert len(second.trials) == 6
    assert [done for done, _, _ in told] == [3, 4, 5, 6]
    assert told[-1][1:] == (6, second.best_value)
    # As if it had not been stopped, and no parameters suggested twice for want of memory.
    whole = tune(ITEMS, LABELS, "event-counts", n_trials=6)
    assert _parameters(second) == _parameters(whole)
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [1 - label for label in LABELS]}, "begun with other data, so"),
        ({"sessions": [*ITEMS[:-1], ["open"]]}, "begun with other data, so"),
        ({"detector": Fragile("log")}, r"other parameters \(vectors\)"),
        (
            {"space": {"vectors": Choice(("counts", "log"))}},
            r"other space \(vectors, neighborhood, max_references\)",
        ),
        ({"metric": "f1"}, r"other metric \(pr_auc, not f1\)"),
        ({"folds": 2}, r"other folds \(3, not 2\)"),
        ({"repeats": 2}, "other repeats"),
        ({"random_state": 1}, "other seed"),
        (
            {"detector": "next-event", "space": {"hidden": Integer(4, 8)}},
            r"other detector \(event-counts, not next-event\), other parameters",
        ),
    ],
)
def test_a_study_begun_otherwise_is_refused(tmp_path, change, said):
    path = tmp_path / "study.db"
    given = {"sessions": ITEMS, "labels": LABELS, "detector": "event-counts", "n_trials": 1}
    tune(**given, storage=path)
    with pytest.raises(UsageError, match=said) as caught:
        tune(**{**given, **change}, storage=path)
    assert "name another study file" in str(caught.value)


def test_what_is_no_study_is_refused(tmp_path):
    import optuna

    (tmp_path / "text.db").write_text("not a database, by far" * 50)
    with pytest.raises(InputError, match=r"text\.db: cannot be used as a study"):
        tune(ITEMS, LABELS, "event-counts", storage=tmp_path / "text.db")
    url = f"sqlite:///{tmp_path / 'other.db'}"
    storage = optuna.storages.RDBStorage(url)
    optuna.create_study(storage=storage, study_name="amiss").add_trial(
        optuna.trial.create_trial(value=1.0)
    )
    storage.remove_session()
    storage.engine.dispose()
    with pytest.raises(UsageError, match="a study that amiss tune did not make"):
        tune(ITEMS, LABELS, "event-counts", storage=tmp_path / "other.db")


@pytest.mark.skipif(sys.platform == "win32", reason="no advisory locks")
def test_two_at_a_time_are_refused(tmp_path):
    path = tmp_path / "study.db"

    def try_as_well(*_):
        with pytest.raises(UsageError, match="another process is at this study"):
            tune(ITEMS, LABELS, "event-counts", n_trials=1, storage=path)

    tune(ITEMS, LABELS, "event-counts", n_trials=1, storage=path, progress=try_as_well)


def test_an_interrupt_loses_no_trial(tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    monkeypatch.setattr(Interrupted, "left", 5)
    with pytest.raises(KeyboardInterrupt):
        tune(ITEMS, LABELS, Interrupted(), n_trials=4, storage=path)
    monkeypatch.setattr(Interrupted, "left", 0)
    result = tune(ITEMS, LABELS, Interrupted(), n_trials=4, storage=path)
    assert result.counts()["interrupted"] == 1
    assert sum(result.counts().values()) == 5
    again = next(t for t in result.trials if t.state == "interrupted").parameters
    assert [t.parameters for t in result.trials].count(again) == 2


def test_optuna_is_left_as_it_was(capsys):
    import optuna

    before = optuna.logging.get_verbosity()
    tune(ITEMS, LABELS, "event-counts", n_trials=2)
    assert optuna.logging.get_verbosity() == before
    assert capsys.readouterr() == ("", "")


def _ended(path):
    """Return how many trials of a study have ended; 0 before there is one."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            query = "select count(*) from trials where state in ('COMPLETE', 'PRUNED', 'FAIL')"
            return connection.execute(query).fetchone()[0]
    except sqlite3.Error:
        return 0


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_killed_search_goes_on(simulation, tmp_path):
    study, model = tmp_path / "study.db", tmp_path / "m.amiss"
    command = [
        sys.executable, "-m", "amiss.cli", "tune", simulation.log, "--labels", simulation.labels,
        "--detector", "event-counts", "--repeats", "3", "--study", study, "-o", model,
    ]  # fmt: skip
    process = subprocess.Popen([*command, "--trials", "500"])
    try:
        while _ended(study) < 3:
            assert process.poll() is None
            time.sleep(0.005)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = _ended(study)
    assert 3 <= before < 500
    assert not model.exists()
    done = subprocess.run(
        [*command, "--trials", str(before + 3), "--json"], check=True, capture_output=True
    )
    content = json.loads(done.stdout)
    counted = {s: n for s, n in content["counts"].items() if s != "interrupted"}
    assert sum(counted.values()) == before + 3
    numbers = [trial["trial"] for trial in content["trials"]]
    assert numbers == list(range(len(numbers)))
    assert done.stderr == b""
    assert amiss.load(model).detector.name == "event-counts"


# Search spaces that are given.


def test_a_space_is_read_from_toml(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text(
        '[hidden]\ntype = "integer"\nlow = 8\nhigh = 64\nlog = true\n'
        '[cell]\ntype = "choice"\noptions = ["gru", "lstm"]\n'
        '[dropout]\ntype = "real"\nlow = 0\nhigh = 0.3\n'
    )
    expected = {
        "hidden": Integer(8, 64, log=True),
        "cell": Choice(("gru", "lstm")),
        "dropout": Real(0, 0.3),
    }
    assert search_space_of(NextEvent, path) == expected
    assert search_space_of(NextEvent, to_plain(expected)) == expected


def test_the_default_may_lie_outside_the_space():
    space = {"neighborhood": Choice((0.05,)), "max_references": Integer(10, 25, step=10)}
    result = tune(ITEMS, LABELS, "event-counts", space=space, n_trials=4)
    assert result.trials[0].parameters == {"neighborhood": 0.0, "max_references": 20_000}
    assert {t.parameters["max_references"] for t in result.trials[1:]} <= {10, 20}
    assert {t.parameters["neighborhood"] for t in result.trials[1:]} == {0.05}


@pytest.mark.parametrize("name", [n for n in CATALOGUE if get_detector(n).search_space])
def test_the_own_space_fits_the_detector_and_has_its_defaults(name):
    detector = get_detector(name)
    space = search_space_of(detector)
    assert search_space_of(detector, to_plain(space)) == space
    defaults = detector().get_params()
    assert not [name for name in space if defaults[name] not in space[name]]


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ({}, "the search space is empty"),
        ({"hiden": Integer(1, 2)}, "no parameter 'hiden' to set; it has: window, cell"),
        ({"hidden": Integer(3, 2)}, r"\[hidden\] low 3 is above high 2"),
        ({"hidden": Integer(0, 2, log=True)}, r"\[hidden\] low 0 with log; expected more than 0"),
        ({"hidden": Integer(1, 2, step=0)}, r"\[hidden\] step 0"),
        ({"hidden": Integer(1, 9, log=True, step=2)}, r"\[hidden\] step 2; .* 1 with log"),
        ({"hidden": Real(1, 9)}, "hidden = 1.0; expected a whole number"),
        ({"cell": Choice(())}, r"\[cell\] has no options"),
        ({"cell": Choice(("gru", "rnn"))}, "cell = 'rnn'; expected one of"),
        ({"cell": Choice((None,))}, r"\[cell\] option None"),
        ({"cell": ["gru"]}, r"\[cell\] \['gru'\]; expected Integer, Real, Choice"),
        ({"cell": {"type": "any"}}, r"\[cell\] type 'any'; expected one of: integer, real, choice"),
        ({"cell": {"type": "choice"}}, r"\[cell\] lacks 'options'"),
        ({"hidden": {"type": "integer", "low": 1}}, r"\[hidden\] lacks 'high'"),
        ({"hidden": {"type": "integer", "low": 1, "high": 2.5}}, r"\[hidden\] high = 2.5"),
        ({"hidden": {"type": "integer", "low": 1, "top": 2}}, r"\[hidden\] has 'top'"),
        ({"random_state": Integer(0, 9)}, "random_state is not searched"),
    ],
)
def test_spaces_that_make_no_sense_are_refused(space, said):
    with pytest.raises(UsageError, match=said):
        search_space_of(NextEvent, space)


def test_an_error_in_a_file_names_it(tmp_path):
    path = tmp_path / "space.toml"
    path.write_text("[hiden]\n")
    with pytest.raises(UsageError, match=r"space\.toml: .*'hiden'"):
        search_space_of(NextEvent, path)


def test_a_detector_without_a_space_names_those_that_have_one():
    with pytest.raises(UsageError, match=r"no search space of its own; .*event-counts.*next-event"):
        search_space_of(SessionEnsemble)
