"""amiss.diff_logs: what two logs differ in."""

import json

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.errors import InputError, UsageError
from amiss.present.diff import compared_words, diff_verdict

STEPS = ("open file", "read page", "read page", "close file")
HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def line(second, text):
    stamp = f"{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}"
    return f"2026-03-01 {stamp} INFO {text}\n"


def usual(n=300, start=0, steps=STEPS):
    return [
        line(start + 4 * i + j, f"{step} job_{start + i:06}")
        for i in range(n)
        for j, step in enumerate(steps)
    ]


@pytest.fixture
def compare(tmp_path):
    def run(before, after, **options):
        paths = [tmp_path / "before.log", tmp_path / "after.log"]
        for path, lines in zip(paths, (before, after), strict=True):
            path.write_text("".join(lines), encoding="utf-8")
        return amiss.diff_logs(*paths, **options)

    return run


def test_identical_files_are_silent(compare):
    found = compare(usual(), usual())
    assert found.alarms == 0
    assert found.within_chance == found.transitions_within_chance == ()
    assert found.found == {"new": 0, "gone": 0, "transitions": 0}


def test_a_new_template(compare):
    after = usual()
    after[::40] = [line(i, f"cache of job_{i:06} is cold") for i in range(len(after[::40]))]
    found = compare(usual(), after)
    (change,) = found.new
    assert change.template == "cache of job_<*> is cold"
    assert (change.before, change.after, change.alarming) == (0, 30, False)
    assert change.example.line == 1
    assert "cache of job_000000 is cold" in change.example.text
    assert change.p_value < 0.001
    back = compare(after, usual())
    assert [c.template for c in back.gone] == ["cache of job_<*> is cold"]
    assert not back.new
    assert not back.gone[0].ratio


def test_a_hapax_is_within_chance_however_alarming(compare):
    found = compare(usual(), [*usual(), line(5000, "fatal: disk lost")])
    assert found.alarms == 0
    (change,) = found.within_chance
    assert change.alarming
    assert change.after == 1
    assert found.expected["new"] == pytest.approx(0.5)


def test_a_burst_is_within_chance(compare):
    """Two hundred lines in one place are one event."""
    after = usual()
    after[600:600] = [line(2400, f"retry of job_{i:06}") for i in range(50)]
    found = compare(usual(), after)
    assert not found.new
    assert [c.after for c in found.within_chance] == [50]


def test_a_changed_rate(compare):
    def log(every):
        misses = {i: [line(i, f"cache miss of page {i}")] for i in range(0, 1200, every)}
        return [text for i, known in enumerate(usual()) for text in [*misses.get(i, []), known]]

    found = compare(log(24), log(6))
    (change,) = found.changed
    assert change.template == "cache miss of page <*>"
    assert change.low < 4 < change.high
    assert not compare(log(24), log(6), min_ratio=8).changed


def test_a_new_transition(compare):
    after = usual()
    for i in range(0, 1200, 40):  # read before it is open
        after[i], after[i + 1] = after[i + 1], after[i]
    found = compare(usual(), after)
    assert found.grouping == r"job_\d+"
    pairs = [(pair.first, pair.second) for pair in found.transitions]
    assert ("read page job_<*>", "open file job_<*>") in pairs
    first = found.transitions[0]
    assert "open file" in first.example[1].text
    assert first.example[0].line < first.example[1].line
    assert not found.new
    assert not found.changed


def test_longer_and_busier_logs_compare(compare):
    found = compare(usual(200), usual(2000))
    assert found.alarms == 0
    assert found.after.stretches == 10 * found.before.stretches


def test_a_template_that_varies_in_one_log_only(compare):
    """Mined together: users of the one log and of the other are one template."""
    names = ("ann", "bob", "cid", "dan", "eva", "fay", "gus", "hal")
    before = [line(i, f"session opened for {names[i % 4]} by cron") for i in range(400)]
    after = [line(i, f"session opened for {names[4 + i % 4]} by cron") for i in range(400)]
    assert compare(before, after).alarms == 0


def test_both_kinds_of_nothing_to_tie(compare):
    lines = [f"alpha {i * i}\n" if i % 3 else "omega\n" for i in range(400)]
    found = compare(lines, lines)
    assert any("transitions were not" in note for note in found.notes)
    assert found.before.sessions == 0


def test_a_release_that_adds_many_templates(compare):
    """Each of them alone might be chance, among so many; all of them are not."""
    trees = ("ash", "birch", "cedar", "elm", "fir", "hazel")
    news = [" ".join([tree] * (2 + i)) for tree in trees for i in range(5)]
    rng = np.random.default_rng(1)
    after = usual(800)
    for at in rng.permutation(np.repeat(np.arange(len(news)), 12)).tolist():
        after.insert(int(rng.integers(len(after))), line(7, news[at]))
    found = compare(usual(800), after, session_key=r"job_\d+")
    assert len(found.new) == len(news)


def bursty(seed, mean, n=2000):
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, 31)
    lines = []
    while len(lines) < n:
        kind = chr(97 + int(rng.choice(30, p=share / share.sum())) % 26) * 3
        lines += [f"{kind} did {kind} {i}\n" for i in range(int(rng.geometric(1 / mean)))]
    return lines[:n]


@pytest.mark.parametrize("mean", [30, 200])
def test_bursts_longer_than_a_stretch_raise_no_alarms(compare, mean):
    """Two parts of one kind of log; half of them had an alarm when stretches were what counts."""
    alarms = [compare(bursty(i, mean), bursty(100 + i, mean)).alarms for i in range(8)]
    assert sum(map(bool, alarms)) <= 1


def test_longer_stretches_are_said(compare):
    found = compare(bursty(1, 200), bursty(2, 200))
    assert any("longer stretches" in note for note in found.notes)


def test_a_storm_is_mentioned(compare):
    storm = [line(5000 + i // 9, f"retry of disk {i}") for i in range(100)]
    found = compare(usual(), [*usual(), *storm])
    assert found.alarms == 0
    assert diff_verdict(found.to_dict()) == (
        "no change beyond chance; 1 template seen after only (100 lines), in too few places to "
        "tell from chance"
    )


def test_access_logs_are_said_to_be_no_good_subject(compare):
    lines = [
        f'10.0.0.{i % 9} - - [01/Mar/2026:10:{i // 60:02}:{i % 60:02} +0000] "GET /a/{i} HTTP/1.1" '
        f'200 {i} "-" "curl/8.0"\n'
        for i in range(300)
    ]
    assert any("access log" in note for note in compare(lines, lines).notes)


def test_few_lines_say_so(compare):
    found = compare(["one\n", "two\n"], ["one\n", "three\n"])
    assert found.alarms == 0
    assert any("too few" in note for note in found.notes)
    one = compare(["one\n"], ["two\n"])
    assert any("1 line is too few" in note for note in one.notes)
    assert "1 stretch each" in compared_words(one.to_dict())


@pytest.mark.parametrize("side", [0, 1], ids=["before", "after"])
def test_an_empty_side(compare, side):
    logs = [usual(20), usual(20)]
    logs[side] = []
    with pytest.raises(InputError, match=r"before\.log|after\.log"):
        compare(*logs)


def test_formats_that_differ(compare):
    other = [
        f"081109 2036{i % 60:02} 143 INFO dfs.DataNode: Receiving blk_{i}\n" for i in range(99)
    ]
    with pytest.raises(InputError, match="--format"):
        compare(usual(), other)
    assert compare(usual(), other, format="plain").before.format == "plain"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"session_key": "a", "gap": 1.0}, "only one"),
        ({"min_ratio": 0.5}, "least ratio 0.5"),
        ({"min_ratio": float("inf")}, "least ratio inf"),
        ({"false_alarm_rate": 2.0}, "rate"),
        ({"false_alarm_rate": 1e-9}, "0.0001 or more"),
    ],
    ids=["two groupings", "ratio", "endless ratio", "rate", "tiny rate"],
)
def test_options_that_make_no_sense(compare, options, said):
    with pytest.raises(UsageError, match=said):
        compare(usual(5), usual(5), **options)


def test_a_table_and_a_log(tmp_path, compare):
    table = "LineId,Content,EventId,EventTemplate\n" + "1,a,E1,does E1\n" * 20
    with pytest.raises(InputError, match=r"give logs of one format$"):
        compare([table], usual())


def test_standard_input_holds_one_log():
    with pytest.raises(UsageError, match="standard input"):
        amiss.diff_logs("-", "-")


def test_a_model_names_templates(compare, tmp_path):
    log = tmp_path / "known.log"
    log.write_text("".join(usual()))
    sessions = amiss.read_sessions(log, session_key=r"job_\d+")
    model = amiss.fit(sessions, detector="event-counts")
    names = model.miner.templates
    model.miner.name(names.index("close file job_<*>"), "the end")
    found = compare(usual(), usual(steps=STEPS[:3]), model=model)
    assert [change.name for change in found.gone] == ["the end"]
    assert found.grouping == r"job_\d+"


def test_masked_words_stay_masked(compare):
    before = [line(i, f"mail to {name}@example.org") for i, name in enumerate("abcd" * 100)]
    after = [line(i, f"lost mail of {name}@example.org") for i, name in enumerate("abcd" * 100)]
    found = compare(before, after, mask=("emails",))
    assert found.new
    assert "example.org" not in json.dumps(found.to_dict())


def test_values(compare, tmp_path):
    after = usual(steps=(*STEPS[:3], f"shut {HOSTILE}"))
    found = compare(usual(), after)
    content = found.to_dict()
    assert content["schema"] == "amiss.diff/1"
    assert set(content) == {
        "schema", "before", "after", "grouping", "false_alarm_rate", "min_ratio", "alarms",
        "expected_by_chance", "in_one_log_only", "new", "gone", "changed", "transitions",
        "within_chance", "transitions_within_chance", "notes",
    }  # fmt: skip
    assert set(content["new"][0]) == {
        "template", "name", "alarming", "before", "after", "before_stretches", "after_stretches",
        "ratio", "low", "high", "p_value", "example",
    }  # fmt: skip
    assert set(content["transitions"][0]) == {
        "first", "second", "alarming", "after", "after_stretches", "new_template", "p_value",
        "example",
    }  # fmt: skip
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["new"][0]["ratio"] is None
    frame = found.to_frame()
    assert isinstance(frame, pl.DataFrame)
    assert frame["kind"].to_list()[:2] == ["new", "gone"]
    assert compare(usual(), usual()).to_frame().is_empty()


def test_the_same_twice(compare):
    after = usual(steps=STEPS[:3])
    assert compare(usual(), after).to_dict() == compare(usual(), after).to_dict()


def test_tables_of_templates(tmp_path):
    paths = []
    for name, last in (("a", "E3"), ("b", "E4")):
        rows = [
            {
                "LineId": i + 1,
                "Content": f"job_{i // 3}",
                "EventId": e,
                "EventTemplate": f"does {e}",
            }
            for i, e in enumerate(["E1", "E2", last] * 100)
        ]
        paths.append(tmp_path / f"{name}.csv")
        pl.DataFrame(rows).write_csv(paths[-1])
    found = amiss.diff_logs(*paths, session_key=r"job_\d+")
    assert [change.template for change in found.new] == ["does E4"]
    assert [change.template for change in found.gone] == ["does E3"]
    assert len(found.transitions) == 1
