"""Templates: ids that keep their meaning, models that are frozen, parameters that come back."""

import json
from itertools import chain

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amiss.errors import ModelError
from amiss.represent.shapes import mask
from amiss.represent.templates import TemplateMiner, parameters

BASE = ["Starting", "thread", "to", "transfer", "block", "of", "size", "from", "node", "to"]


@st.composite
def related_shapes(draw, max_size=12):
    """Draw shapes of one length that differ in a few words: where templates widen and overlap."""
    length = draw(st.integers(1, len(BASE)))
    word = st.sampled_from(["x", "y", "z", "<*>", "blk<*>"])
    changes = st.dictionaries(st.integers(0, length - 1), word, max_size=5)
    shapes = draw(st.lists(changes, min_size=1, max_size=max_size))
    return [" ".join(new.get(i, w) for i, w in enumerate(BASE[:length])) for new in shapes]


# What differs in one place, and in several.
DRIFT = [
    "Starting thread to transfer block of size from node to",
    "Starting x x x x of size from node to",
    "Starting thread to transfer block x size from node to",
    "Starting thread to transfer block y size from node to",
]
# Values at one place, and what covers one of them.
VALUES = [f"Starting thread to transfer {word}" for word in ("x", "y", "z", "blk<*>", "w")]


@settings(max_examples=150)
@given(batches=st.lists(related_shapes(), min_size=1, max_size=4))
@example(batches=[VALUES[:2], VALUES[2:]])
def test_ids_never_change_their_meaning_when_shapes_are_added(batches):
    miner = TemplateMiner()
    ids: dict[str, int] = {}
    for shapes in batches:
        texts = miner.templates
        found = miner.add(shapes).tolist()
        assert all(ids.get(s, i) == i for s, i in zip(shapes, found, strict=True))
        ids |= dict(zip(shapes, found, strict=True))
        assert miner.templates[: len(texts)] == texts
        assert miner.match(ids).tolist() == list(ids.values())
    assert set(ids.values()) == set(range(len(miner)))


@settings(max_examples=150)
@given(data=st.data(), shapes=related_shapes(30))
def test_templates_do_not_depend_on_the_order_of_shapes(data, shapes):
    shuffled = data.draw(st.permutations(shapes))
    one, other = TemplateMiner(), TemplateMiner()
    ids, other_ids = one.add(shapes), other.add(shuffled)
    text = dict(zip(shapes, (one.templates[i] for i in ids), strict=True))
    other_text = dict(zip(shuffled, (other.templates[i] for i in other_ids), strict=True))
    assert text == other_text


@settings(max_examples=150)
@given(
    known=related_shapes(),
    fresh=st.lists(related_shapes(4), max_size=3).map(lambda x: list(chain(*x))),
)
@example(known=DRIFT[:2], fresh=DRIFT[2:] + DRIFT[:1])
def test_a_frozen_miner_numbers_new_shapes_beyond_the_known_ones(known, fresh):
    miner = TemplateMiner()
    ids = miner.add(known).tolist()
    state = json.dumps(miner.to_state())
    matched = miner.match(fresh).tolist()
    extended_ids, extended = miner.extended([*known, *fresh])
    assert json.dumps(miner.to_state()) == state
    assert extended.templates[: len(miner)] == miner.templates
    assert extended_ids[: len(known)].tolist() == ids
    for was, now in zip(matched, extended_ids[len(known) :].tolist(), strict=True):
        assert now == was if was >= 0 else now >= len(miner)
    assert extended.match([*known, *fresh]).tolist() == extended_ids.tolist()
    again_ids, again = extended.extended([*known, *fresh])
    assert again_ids.tolist() == extended_ids.tolist()
    assert len(again) == len(extended)


@settings(max_examples=100)
@given(shapes=related_shapes(), others=related_shapes())
@example(shapes=DRIFT, others=DRIFT)
def test_a_miner_comes_back_from_its_state_as_it_was(shapes, others):
    miner = TemplateMiner()
    ids = miner.add(shapes).tolist()
    loaded = TemplateMiner.from_state(json.loads(json.dumps(miner.to_state())))
    assert loaded.templates == miner.templates
    assert loaded.match(shapes).tolist() == ids
    assert loaded.match(others).tolist() == miner.match(others).tolist()
    assert loaded.extended(others)[0].tolist() == miner.extended(others)[0].tolist()


def test_words_of_the_log_that_became_variable_do_not_stay_in_the_state():
    miner = TemplateMiner()
    miner.add(
        [f"session opened for user {name} by root" for name in ("alice", "bob", "carol", "dave")]
    )
    state = json.dumps(miner.to_state())
    assert "session opened for user <*> by root" in state
    assert "alice" not in state


@pytest.mark.parametrize(
    "state",
    [
        {},
        [],
        None,
        "templates",
        {"similarity": 0.6, "joined": {}},
        {"similarity": "much", "templates": [], "joined": {}},
        {"similarity": 0.6, "templates": "a b", "joined": {}},
        {"similarity": 0.6, "templates": [1, 2], "joined": {}},
        {"similarity": 0.6, "templates": None, "joined": {}},
        {"similarity": 0.6, "templates": ["a"], "joined": {"b": 1}},
        {"similarity": 0.6, "templates": ["a"], "joined": {"b": -1}},
        {"similarity": 0.6, "templates": ["a"], "joined": {"b": "0"}},
        {"similarity": 0.6, "templates": ["a"], "joined": ["b"]},
        {"exact": 1, "templates": ["a"], "joined": {}, "keys": []},
        {"exact": False, "templates": ["a"], "joined": {}, "keys": "a"},
        {"exact": False, "templates": ["a"], "joined": {}, "keys": [[[["a"], 1, True]]]},
        {"exact": False, "templates": ["a"], "joined": {}, "keys": [[[["a"], 0]]]},
    ],
)
def test_a_malformed_state_is_a_model_error(state):
    with pytest.raises(ModelError, match="malformed"):
        TemplateMiner.from_state(state)


def test_shapes_of_other_lengths_or_first_words_are_kept_apart():
    miner = TemplateMiner()
    ids = miner.add(["open a file", "open a big file", "close a file", "", "<*> a file"])
    assert ids.tolist() == [0, 1, 2, 3, 4]


def test_a_message_no_template_covers_is_new():
    miner = TemplateMiner()
    miner.add([f"open file {name}" for name in "abcd"])
    assert miner.templates == ["open file <*>"]
    assert miner.match(["open file e", "open door e", "", "open file"]).tolist() == [0, -1, -1, -1]


def test_few_words_and_words_that_name_states_are_no_values():
    few = [f"limit of {what} not given" for what in ("disk", "memory", "swap")]
    states = [f"VM {what} (life cycle)" for what in ("Started", "Paused", "Resumed", "Stopped")]
    methods = [f"request {what} for <*>" for what in ("GET", "PUT", "HEAD", "POST", "DELETE")]
    links = [f"port <*> changed state to {what}" for what in ("up", "down", "testing", "dormant")]
    reasons = [f"request <*> failed: {what}" for what in ("timeout", "refused", "reset", "denied")]
    named = [f"event={what} proto=UDP" for what in ("dns", "flow", "alert", "http", "tls")]
    verbs = [f"{what} job_<*> for user=<*>" for what in ("open", "read", "check", "close", "<*>")]
    miner = TemplateMiner()
    shapes = few + states + methods + links + reasons + named + verbs
    assert len(set(miner.add(shapes).tolist())) == len(shapes)
    users = [f"session opened for user {name} by (uid=<*>)" for name in ("ann", "bob", "eve")]
    assert len(set(miner.add(users).tolist())) == 1  # much beside it agrees


def test_what_a_key_leaves_out_does_not_make_a_template():
    shapes = ["login user=ann from /a/b", "login user=bob from /c", "login user=bob from <*>"]
    miner = TemplateMiner()
    assert miner.add(shapes).tolist() == [0, 0, 0]
    assert miner.templates == ["login user=<*> from <*>"]
    assert miner.match(["login user=eve from C:\\x"]).tolist() == [0]


def test_names_with_a_number_beside_them_are_values():
    shapes = [f"install {what}:<*> of <*>" for what in ("bash", "vim", "curl")]
    assert TemplateMiner().add([*shapes, "install lib<*>:<*> of <*>"]).tolist() == [0, 0, 0, 0]


def test_a_list_is_one_template_whatever_its_length():
    miner = TemplateMiner()
    assert miner.add(["del <*>", "del <*> <*>", "del blk_<*>, blk_<*> <*>"]).tolist() == [0, 0, 0]
    assert miner.templates == ["del <*>"]
    assert miner.match(["del <*> <*> <*> <*>"]).tolist() == [0]


def test_a_model_of_an_earlier_version_still_knows_its_templates():
    state = {
        "similarity": 0.6,
        "templates": ["got <*> of <*>", "user <*> left", "user <*> in", "user <*> in"],
        "joined": {"user root in": 3},
    }
    miner = TemplateMiner.from_state(state)
    assert miner.templates == state["templates"]
    shapes = ["got blk_<*> of <*>", "user bob left", "user root in", "user bob in", "other"]
    assert miner.match(shapes).tolist() == [0, 1, 3, 2, -1]


def test_many_shapes_of_text_like_hashes_are_mined_in_linear_time():
    rng = np.random.default_rng(0)
    words = rng.integers(0, 26, (5_000, 6, 8)) + 97
    shapes = [" ".join(bytes(word.tolist()).decode() for word in row) for row in words]
    miner = TemplateMiner()
    assert len(set(miner.add(shapes).tolist())) == len(shapes)  # nothing alike in them
    merged = TemplateMiner().add(f"task {shape} of node" for shape in shapes)
    assert len(merged) == len(shapes)


CONSTANT = st.text("ab.+*?()|[]{}^$#&-~/\\<>=%é", min_size=1, max_size=6).filter(
    lambda word: "<*>" not in word
)
PARAMETER = st.text("0123456789", min_size=1, max_size=8)
GAP = st.sampled_from([" ", "  ", "\t", "\x1f", "\u3000"])


@settings(max_examples=150)
@given(data=st.data(), n=st.integers(0, 8))
def test_parameters_put_into_a_template_come_back(data, n):
    # A word is a constant, a parameter, or a parameter between constants.
    sides = st.tuples(CONSTANT | st.just(""), CONSTANT | st.just(""))
    words = data.draw(st.lists(st.one_of(CONSTANT, sides), min_size=n, max_size=n))
    template = " ".join(w if isinstance(w, str) else "<*>".join(w) for w in words)
    put, message = [], data.draw(st.sampled_from(["", " "]))
    for word in words:
        if isinstance(word, str):
            message += word
        else:
            put.append(data.draw(PARAMETER))
            message += put[-1].join(word)
        message += data.draw(GAP)
    assert parameters(pl.Series([message]), template) == [put]


@settings(max_examples=150)
@given(
    message=st.lists(
        st.sampled_from(
            ["block", "blk_-7", " ", "  ", "\t", "\x1f", "-3", "0x1f", "/10.0.0.1:80", "7ms",
             "/a/b/c7", "*", "(", "\\", "[x]", ".", "<*>", "é", "="]
        ),
        max_size=10,
    ).map("".join)
)  # fmt: skip
def test_the_shape_of_a_message_fits_the_message(message):
    collapsed = pl.Series([message]).str.replace_all("[0-9]+", "0")
    shape = mask(collapsed).to_list()[0]
    miner = TemplateMiner()
    miner.add([shape])
    (template,) = miner.templates
    found = parameters(pl.Series([message]), template)[0]
    assert found is not None
    assert len(found) == template.count("<*>")


def test_messages_that_differ_from_the_template_have_no_parameters():
    messages = pl.Series(["Served blk_7 to x", "Saved blk_7 to x", "Served  blk_8  to  y "])
    template = "Served <*> to <*>"
    assert parameters(messages, template) == [["blk_7", "x"], None, ["blk_8", "y"]]
    assert parameters(pl.Series(["done", "not done"]), "done") == [[], None]


def test_a_message_of_one_letter_a_million_times_is_matched_in_linear_time():
    # A backtracking engine would not come back within the life of the universe.
    hostile = pl.Series(["a" * 100_000 + "!"])
    assert parameters(hostile, " ".join(["<*>a"] * 12)) == [None]


GIVEN = ["open <*>", "open file", "<*>", "open  file", " open file", "22", "", "<*> <*>", "a|b"]


def test_given_templates_stay_apart_even_where_only_wildcards_or_blanks_differ():
    miner = TemplateMiner.exact()
    assert miner.add(GIVEN).tolist() == list(range(len(GIVEN)))
    assert miner.add(reversed(GIVEN)).tolist() == list(range(len(GIVEN)))[::-1]
    assert miner.templates == GIVEN
    assert miner.match(["open door", *GIVEN]).tolist() == [-1, *range(len(GIVEN))]


def test_an_exact_miner_is_extended_and_saved_as_one():
    known = TemplateMiner.exact()
    known.add(GIVEN)
    loaded = TemplateMiner.from_state(json.loads(json.dumps(known.to_state())))
    for miner in (known, loaded):
        ids, extended = miner.extended(["open door", "open <*>", "open <*> door", "open door"])
        n = len(GIVEN)
        assert ids.tolist() == [n, 0, n + 1, n]
        assert extended.templates == [*GIVEN, "open door", "open <*> door"]
        assert len(miner) == n
        assert miner.to_state() == known.to_state()
        again = TemplateMiner.from_state(json.loads(json.dumps(extended.to_state())))
        assert again.match(extended.templates).tolist() == list(range(n + 2))


def test_a_named_value_at_the_start_is_no_verb():
    names = ("alice", "bob", "carol", "dave", "eve", "frank")
    miner = TemplateMiner()
    miner.add([f"worker={name} state={state}" for name in names for state in ("idle", "busy")])
    assert sorted(miner.templates) == ["worker=<*> state=busy", "worker=<*> state=idle"]
