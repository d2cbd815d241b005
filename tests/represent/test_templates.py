"""Templates: ids that keep their meaning, models that are frozen, parameters that come back."""

import json
from itertools import chain

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


def covers(template, shape):
    words, found = template.split(), shape.split()
    return len(words) == len(found) and all(
        a in ("<*>", b) for a, b in zip(words, found, strict=True)
    )


# The second template, once widened, covers the first shape more closely than its own does.
DRIFT = [
    "Starting thread to transfer block of size from node to",
    "Starting x x x x of size from node to",
    "Starting thread to transfer block x size from node to",
    "Starting thread to transfer block y size from node to",
]


@settings(deadline=None, max_examples=150)
@given(shapes=related_shapes(), similarity=st.sampled_from([0.4, 0.6, 0.9]))
@example(shapes=DRIFT, similarity=0.6)
def test_ids_never_change_their_meaning_when_shapes_are_added(shapes, similarity):
    miner = TemplateMiner(similarity)
    ids = []
    for shape in shapes:
        ids.append(int(miner.add([shape])[0]))
        assert miner.match(shapes[: len(ids)]).tolist() == ids
    assert miner.add(shapes).tolist() == ids
    assert all(covers(miner.templates[i], s) for i, s in zip(ids, shapes, strict=True))
    assert set(ids) == set(range(len(miner)))


@settings(deadline=None, max_examples=150)
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


@settings(deadline=None, max_examples=100)
@given(shapes=related_shapes(), others=related_shapes())
@example(shapes=DRIFT, others=DRIFT)
def test_a_miner_comes_back_from_its_state_as_it_was(shapes, others):
    miner = TemplateMiner(0.5)
    ids = miner.add(shapes).tolist()
    loaded = TemplateMiner.from_state(json.loads(json.dumps(miner.to_state())))
    assert loaded.similarity == 0.5
    assert loaded.templates == miner.templates
    assert loaded.match(shapes).tolist() == ids
    assert loaded.match(others).tolist() == miner.match(others).tolist()
    assert loaded.extended(others)[0].tolist() == miner.extended(others)[0].tolist()


def test_words_of_the_log_that_became_variable_do_not_stay_in_the_state():
    miner = TemplateMiner()
    miner.add([f"session opened for user {name} by root" for name in ("alice", "bob", "carol")])
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
    miner.add(["open file a", "open file b"])
    assert miner.templates == ["open file <*>"]
    assert miner.match(["open file c", "open door c", "", "open file"]).tolist() == [0, -1, -1, -1]


CONSTANT = st.text("ab.+*?()|[]{}^$#&-~/\\<>=%é", min_size=1, max_size=6).filter(
    lambda word: "<*>" not in word
)
PARAMETER = st.text("0123456789", min_size=1, max_size=8)
GAP = st.sampled_from([" ", "  ", "\t", "\x1f", "\u3000"])


@settings(deadline=None, max_examples=150)
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


@settings(deadline=None, max_examples=150)
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
