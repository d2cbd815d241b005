import math

import pytest

from amiss.detect import EventCounts, NextEvent
from amiss.errors import InputError, UsageError
from amiss.run.config import make_config, read_config, write_config


def _written(tmp_path, text):
    path = tmp_path / "some.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _config(tmp_path, parameters, detector="next-event"):
    return _written(
        tmp_path,
        f'schema = "amiss.config/1"\ndetector = "{detector}"\n[parameters]\n{parameters}\n',
    )


def test_what_is_written_is_read_again(tmp_path):
    parameters = {
        "cell": "lstm", "window": 7, "bidirectional": True, "learning_rate": 1e-05, "dropout": 0.0,
    }  # fmt: skip
    path = tmp_path / "best.toml"
    write_config(path, make_config("next-event", parameters))
    detector = read_config(path, random_state=3).detector
    assert isinstance(detector, NextEvent)
    found = detector.get_params()
    assert {name: found[name] for name in parameters} == parameters
    assert found == NextEvent(**parameters, random_state=3).get_params()


def test_strings_survive_whatever_is_in_them(tmp_path):
    odd = 'a "quoted" \\ one\n\twith \x7f, \x01 and 🦉'
    path = tmp_path / "odd.toml"
    write_config(path, make_config("next-event", {"device": odd}))
    assert read_config(path).detector.device == odd


def test_a_config_says_its_own_seed(tmp_path):
    path = _config(tmp_path, "random_state = 9")
    assert read_config(path, random_state=3).detector.random_state == 9


def test_a_detector_without_seed_takes_none(tmp_path):
    path = _config(tmp_path, 'vectors = "sets"', "event-counts")
    assert isinstance(read_config(path, random_state=3).detector, EventCounts)


def test_a_whole_number_is_a_number(tmp_path):
    assert math.isclose(read_config(_config(tmp_path, "dropout = 0")).detector.dropout, 0)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("hiden = 3", "no parameter 'hiden' to set; it has: window, cell, embedding, hidden"),
        ('hidden = "3"', "hidden = '3'; expected a whole number"),
        ("hidden = 3.0", "hidden = 3.0; expected a whole number"),
        ("layers = true", "layers = True; expected a whole number"),
        ("bidirectional = 1", "bidirectional = 1; expected true or false"),
        ('cell = "rnn"', "cell = 'rnn'; expected one of: 'lstm', 'gru'"),
        ("dropout = true", "dropout = True; expected a number"),
        ("device = 3", "device = 3; expected a string"),
    ],
)
def test_parameters_that_do_not_fit_are_named(tmp_path, parameters, said):
    path = _config(tmp_path, parameters)
    with pytest.raises(UsageError, match=r"some\.toml") as caught:
        read_config(path)
    assert said in str(caught.value)


def test_what_only_python_can_say_is_not_offered(tmp_path):
    path = _config(tmp_path, "members = []", "session-ensemble")
    with pytest.raises(UsageError, match=r"it has: contamination, random_state, combine$"):
        read_config(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "schema None; expected schema = "),
        ('schema = "amiss.config/2"', "schema 'amiss.config/2'"),
        ('schema = "amiss.config/1"', "expected detector as a string"),
        ('schema = "amiss.config/1"\ndetector = "x"', "unknown detector 'x'; expected one of: "),
        ('schema = "amiss.config/1"\nhidden = 3', "unknown key 'hidden'"),
        ('schema = "amiss.config/1"\ndetector = "next-event"\nparameters = 3', "as a table"),
    ],
)
def test_what_is_no_config_is_refused(tmp_path, text, said):
    path = _written(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert said in str(caught.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.toml: cannot be read"):
        read_config(tmp_path / "absent.toml")
    with pytest.raises(InputError, match=r"some\.toml: not TOML"):
        read_config(_written(tmp_path, "hidden: 3"))
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"bytes\.toml: not text"):
        read_config(tmp_path / "bytes.toml")


def test_what_toml_cannot_hold_is_not_written(tmp_path):
    with pytest.raises(UsageError, match="cannot be written to a config"):
        write_config(tmp_path / "x.toml", make_config("next-event", {"random_state": None}))


def test_a_config_may_hold_a_format_of_ones_own(tmp_path):
    pattern = r"^(?P<time>\S+) (?P<message>.*)$"
    path = _written(tmp_path, f"schema = \"amiss.config/1\"\nformat = '{pattern}'\n")
    assert read_config(path) == (None, pattern)
    with pytest.raises(UsageError, match="klingon"):
        read_config(_written(tmp_path, 'schema = "amiss.config/1"\nformat = "klingon"\n'))
    with pytest.raises(UsageError, match="expected the name of one"):
        read_config(_written(tmp_path, 'schema = "amiss.config/1"\nformat = 3\n'))
