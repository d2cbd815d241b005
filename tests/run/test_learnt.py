"""What a model file says of the sessions learnt from, read without the model."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from amiss import Sessions, fit
from amiss.detect import EventCounts
from amiss.run.learnt import describe_learnt, learnt_of_file


@pytest.fixture(scope="module")
def sessions():
    rows = pl.DataFrame({"session": list("aabb"), "event": ["open", "shut"] * 2})
    return Sessions.from_frame(rows)


def test_a_file_says_what_its_model_learnt_from(sessions, tmp_path):
    model = fit(sessions, detector="event-counts")
    model.save(tmp_path / "m.amiss")
    assert learnt_of_file(tmp_path / "m.amiss") == model.info


def test_of_a_bare_detector_there_are_no_sessions(tmp_path):
    EventCounts().fit([["a"], ["b"]]).save(tmp_path / "d.amiss")
    assert learnt_of_file(tmp_path / "d.amiss") is None


def test_no_detector_is_imported():
    code = (
        "import sys, amiss.run.learnt, amiss.run.ingest; "
        "assert not {'torch', 'sklearn'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_how_many_bytes_shapes_take_is_no_part_of_what_was_learnt(sessions):
    wider = replace(sessions, shape=sessions.shape.astype(np.int32))
    assert sessions.shape.dtype == np.int16
    assert describe_learnt(sessions, EventCounts()) == describe_learnt(wider, EventCounts())
    assert sessions.to_frame().equals(wider.to_frame())
