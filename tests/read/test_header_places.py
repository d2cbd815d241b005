"""Header groups are cut where forms have them: as if each line were matched."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.read.format_type import HEADER
from amiss.read.formats import FORMATS, get_format
from amiss.read.header_fields import match_headers
from amiss.read.header_places import HeaderPlaces, upto_group
from amiss.types import distinct_codes

SYSLOG = st.builds(
    "{} {}{:02}:{:02}:{:02} {} {}{}: {}".format,
    st.sampled_from(["Jun", "Dec"]),
    st.sampled_from([" 1 ", "21 "]),
    st.integers(0, 23),
    st.integers(0, 59),
    st.integers(0, 59),
    st.sampled_from(["combo", "höst", "n1"]),
    st.sampled_from(["sshd", "cron é", "kernel"]),
    st.sampled_from(["", "[7]", "[123]"]),
    st.text("ab: é[]0123456789", max_size=20),
)


def forms_of(raw):
    return distinct_codes(raw.str.replace_all("[0-9]", "0"))


@given(st.lists(SYSLOG | st.just("something else 12:03"), min_size=1, max_size=8))
def test_cells_are_those_of_matched_lines(lines):
    fmt = get_format("syslog")
    raw = pl.Series(lines * 40)
    form, forms = forms_of(raw)
    places = HeaderPlaces(fmt)
    wanted = match_headers(raw, fmt)
    for name in ("time", "host", "tag", "pid"):
        cells = places.cells(name, raw, form, forms)
        assert cells is not None or name in ("tag", "pid")  # what follows may decide about them
        assert cells is None or cells.to_list() == wanted[name].to_list()


def test_lines_that_are_all_of_their_own_form_are_left_to_be_matched():
    raw = pl.Series([f"Jun 14 15:16:01 combo sshd: {'a' * i}" for i in range(20)])
    form, forms = forms_of(raw)
    assert HeaderPlaces(get_format("syslog")).cells("time", raw, form, forms) is None


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (r"^(?P<a>[1-5]+)(?P<b>\d*) (?P<message>.*)$", "12399 x"),
        (r"^(?P<a>\S+?)(?P<b>\d*) (?P<message>.*)$", "ab12 x"),
    ],
    ids=["digits told apart", "what follows decides"],
)
def test_a_header_that_forms_do_not_tell_is_matched(header, line):
    fmt = replace(get_format("syslog"), header=header)
    raw = pl.Series([line] * 20)
    form, forms = forms_of(raw)
    assert HeaderPlaces(fmt).cells("a", raw, form, forms) is None


def test_most_formats_tell_the_places_of_their_times():
    timed = [f for f in FORMATS if f.layout == HEADER and "(?P<time>" in f.header and not f.loose]
    told = [f for f in timed if upto_group(f.header, "time")]
    assert len(told) >= 0.9 * len(timed)
    assert all(f.header.startswith(str(upto_group(f.header, "time"))) for f in told)
