"""The HTML page without a browser: escaping, the policy, sizes, the verdict."""

import base64
import hashlib
import json
import re
import zlib
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amiss.present.page import MOST_BYTES, render_page
from amiss.present.page_alignment import GAP, align, shown_columns
from amiss.present.page_payload import cut_text
from amiss.present.page_shell import packed, shell, text
from amiss.present.page_timeline import timeline

RAW = {"script", "style"}
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Outline(HTMLParser):
    """The elements of a page, their attributes, and their text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self._in = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._in.append(tag)

    def handle_endtag(self, tag):
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data):
        if not RAW & set(self._in):
            self.text.append(data)


def payload_of(html):
    (packed_,) = re.findall(r'<template id="payload"[^>]*>([^<]*)</template>', html)
    return json.loads(zlib.decompress(base64.b64decode(packed_), wbits=-15))


def poisoned(value, word):
    """Return JSON values with `word` put into all strings that may come from a log."""
    kept = {
        "schema",
        "unit",
        "kind",
        "start",
        "end",
        "time",
        "rule",
        "detail",
        "meaning",
        "created",
    }
    if isinstance(value, dict):
        return {
            k: v if k in kept and not isinstance(v, (dict, list)) else poisoned(v, word)
            for k, v in value.items()
        }
    if isinstance(value, list):
        return [poisoned(v, word) for v in value]
    return value + word if isinstance(value, str) else value


def test_every_string_is_escaped(small_page):
    word = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\x1b[31m\u202e{{7*7}}"
    clean, dirty = (
        Outline(render_page(small_page)),
        Outline(render_page(poisoned(small_page, word))),
    )
    assert set(dirty.tags) <= set(clean.tags)
    assert dirty.tags.count("script") == 1
    assert not [name for name, _ in dirty.attributes if name.startswith("on") or name == "style"]
    hrefs = [value for name, value in dirty.attributes if name in ("href", "src")]
    assert all(value.startswith("#") for value in hrefs)
    assert "".join(dirty.text).count("<script>alert(1)</script>") > 20
    assert not UNSAFE.search("".join(dirty.text).replace("\n", ""))


def test_the_payload_has_nothing_invisible(small_page):
    word = "\x1b[31m\u202e\u200b\ud800"
    said = json.dumps(payload_of(render_page(poisoned(small_page, word))), ensure_ascii=False)
    assert not UNSAFE.search(said)
    assert r"\\u202e" in said


@given(st.text())
def test_text_has_no_markup_and_is_read_back(value):
    made = text(value)
    assert not set(made) & set("<>\"'")
    assert not UNSAFE.search(made)
    assert not [tag for tag in Outline(f'<p title="{made}">{made}</p>').tags if tag != "p"]


@given(st.text(max_size=300), st.integers(1, 100))
def test_a_line_is_cut_and_what_is_left_out_is_counted(line, width):
    shown, more = cut_text(line, width)
    assert more == max(0, len(line) - width)
    assert not UNSAFE.search(shown)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_a_payload_is_unpacked_as_it_was(value):
    assert json.loads(zlib.decompress(base64.b64decode(packed(value)), wbits=-15)) == value


def test_the_policy_allows_what_is_in_the_page_and_nothing_else(small_page):
    html = render_page(small_page)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    said = dict(part.split(" ", 1) for part in policy.split("; "))
    assert said.keys() == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert said["default-src"] == said["base-uri"] == said["form-action"] == "'none'"
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert said[f"{tag}-src"] == f"'sha256-{digest}'"
    assert html.index("Content-Security-Policy") < html.index("<style>")
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", html)


def test_a_script_that_ends_itself_is_refused():
    with pytest.raises(ValueError, match="must not contain"):
        shell("x", "", script="'</script>'")


def test_all_of_the_first_and_a_row_of_each(many):
    content = payload_of(render_page(many(450)))
    assert len(content["rows"]["id"]) == 450
    assert len(content["details"]) == 200


def test_ten_thousand_findings_fit(many):
    assert len(render_page(many(10_000)).encode()) <= MOST_BYTES


def test_long_and_random_lines_are_cut_until_the_page_fits(many):
    content = many(300)
    alphabet = "".join(map(chr, range(0x4E00, 0x8E00)))
    for i, finding in enumerate(content["findings"]["findings"]):
        line = (alphabet[(i * 7919) % len(alphabet) :] + alphabet) * 3
        finding["got"] = [{**got, "text": line} for got in finding["got"]] or finding["got"]
    html = render_page(content)
    assert len(html.encode()) <= MOST_BYTES
    assert payload_of(html)["details"]


def test_the_page_of_nothing_says_so(small_page):
    summary = {**small_page["findings"], "findings": [], "flagged": 0, "incidents": []}
    html = render_page({**small_page, "findings": summary})
    assert "Nothing is amiss: none of 153 sessions is beyond the threshold." in html
    assert 'id="findings"' not in html


def test_the_timeline_is_drawn_for_both_widths(small_page):
    html = timeline(small_page["findings"])
    assert html.count("<svg") == 2
    assert "threshold" in html
    assert "3 of them have flagged sessions" in html
    assert timeline({**small_page["findings"], "histogram": None}) == ""


@pytest.mark.parametrize("score", [None, 0.0, -3.0, 1e9], ids=["none", "zero", "negative", "huge"])
def test_the_timeline_takes_any_score(small_page, score):
    histogram = {
        "start": "2024-05-01T10:00:00",
        "bin_seconds": 0.001,
        "events": [0],
        "flagged": [0],
    }
    assert "<svg" in timeline(
        {**small_page["findings"], "histogram": {**histogram, "score": [score]}}
    )


def test_traces_are_told_the_worst_first(small_page):
    traces = [
        {
            "trace": f"t{i}<b>", "segments": 100, "flagged": i, "share": i / 100, "limit": 0.05,
            "is_anomaly": i > 5,
        }
        for i in range(8)
    ]  # fmt: skip
    html = render_page({**small_page, "findings": {**small_page["findings"], "traces": traces}})
    assert "2 of 8 traces are anomalous" in html
    section = html[html.index('id="traces"') : html.index('id="findings"')]
    assert re.findall(r"t(\d)&lt;b&gt;", section) == list("76543210")


def test_the_model_card_says_what_an_evaluation_came_to(small_page):
    kept = {
        "items": 8055, "unit": "session", "anomalies": 251, "precision": 0.9262, "recall": 1.0,
        "f1": None, "at_this_threshold": False, "threshold": 4.48,
    }  # fmt: skip
    html = render_page({**small_page, "card": {**small_page["card"], "figures": [kept]}})
    assert "251 anomalies among 8,055 sessions, precision 0.9262, recall 1.0000, at another" in html


@pytest.mark.parametrize("score", [float("inf"), float("-inf"), float("nan")], ids=str)
def test_a_score_that_is_no_number_is_no_end_of_the_page(small_page, score):
    summary = small_page["findings"]
    odd = {**summary["findings"][0], "score": score}
    odd["contributions"] = [{"name": "a member", "score": score}]
    html = render_page({**small_page, "findings": {**summary, "findings": [odd]}})
    assert len(payload_of(html)["rows"]["score"]) == 1


def longest_common(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        last = row
        row = [0]
        for j, y in enumerate(b):
            row.append(last[j] + 1 if x == y else max(last[j + 1], row[j]))
    return row[-1]


@given(st.lists(st.integers(0, 3), max_size=25), st.lists(st.integers(0, 3), max_size=25))
def test_sequences_are_aligned_along_a_longest_common_one(a, b):
    columns = align(a, b)
    assert [c.here for c in columns if c.here != GAP] == list(range(len(a)))
    assert [c.normal for c in columns if c.normal != GAP] == list(range(len(b)))
    both = [c for c in columns if GAP not in c]
    assert all(a[c.here] == b[c.normal] for c in both)
    assert len(both) == longest_common(a, b)


@given(st.integers(0, 2000), st.lists(st.integers(0, 1999), unique=True).map(sorted))
def test_of_long_sequences_some_columns_are_shown_in_order(count, telling):
    parts = shown_columns(count, [at for at in telling if at < count])
    shown = [at for part in parts for at in part]
    assert shown == sorted(set(shown))
    assert len(shown) <= 240
    assert shown == list(range(count)) if count <= 240 else shown[-1] == count - 1
