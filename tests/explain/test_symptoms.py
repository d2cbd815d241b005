"""Symptoms say what is the matter, and leave out how much."""

from amiss.explain.symptoms import symptoms_of
from amiss.types import (
    Deviation,
    Difference,
    Feature,
    Finding,
    Location,
    Misprediction,
    Region,
    Surprise,
    Symptom,
)

HERE, THERE = Location("a.log", 3, 3), Location("a.log", 9, 9)


def finding(**given):
    return Finding("session", "s", 9.0, 0.001, 0, 0, (HERE,), **given)


def test_numbers_make_no_other_symptom():
    first, second = (
        finding(
            surprises=(Surprise("late", HERE, probability=0.01 * n),),
            missing=(Difference("close", n),),
            deviations=(Deviation("number", "took <*>", 90.0 * n, (0.0, 5.0), 0.01 * n, 2, 1),),
        )
        for n in (1, 2)
    )
    assert (
        set(symptoms_of(first))
        == set(symptoms_of(second))
        == {
            Symptom("unexpected", "late"),
            Symptom("missing", "close"),
            Symptom("number", "took <*>", "1 high"),
        }
    )


def test_too_many_are_not_too_few():
    counts = [Deviation("count", "beat", value, (4.0, 6.0), 0.001) for value in (0.0, 50.0)]
    shown = [next(iter(symptoms_of(finding(deviations=(odd,))))) for odd in counts]
    assert [s.detail for s in shown] == ["low", "high"]


def test_the_strongest_comes_first_with_the_line_that_shows_it():
    shown = symptoms_of(
        finding(
            surprises=(
                Surprise("late", HERE, probability=0.01),
                Surprise("boom", THERE, unseen=True),
                Surprise(None, THERE, probability=0.02),
            ),
            surplus=(Difference("open", 3),),
        )
    )
    assert [(s.kind, place) for s, place in shown.items()] == [
        ("unseen", THERE), ("unexpected", HERE), ("ends", THERE), ("surplus", None)
    ]  # fmt: skip


def test_a_count_of_what_training_had_not_is_the_event_that_training_had_not():
    new = finding(deviations=(Deviation("count", "boom", 3.0, None, 0.001, location=HERE),))
    seen = finding(surprises=(Surprise("boom", HERE, unseen=True),))
    assert symptoms_of(new) == symptoms_of(seen) == {Symptom("unseen", "boom"): HERE}


def test_steps_mispredictions_and_regions_are_told_apart_by_what_they_are_of():
    shown = symptoms_of(
        finding(
            deviations=(Deviation("step", "a", 90.0, (0.0, 5.0), 0.01, next_template="b"),),
            mispredicted=(Misprediction("a", 5, 4, "c", 3),),
            features=(Feature("red", 0.9, 0.1, 5.0, region=Region(0, 0, 2, 2)),),
        )
    )
    assert list(shown) == [
        Symptom("step", "a", "b"),
        Symptom("mispredicted", "a", "c"),
        Symptom("feature", "red", "region"),
    ]


def test_features_that_hardly_deviate_beside_others_are_no_symptoms():
    features = (
        Feature("count", 90.0, 3.0, 12.0),
        Feature("bytes", 1.0, 4.0, 7.0),
        Feature("size", 5.0, 4.9, 0.2),
    )
    assert list(symptoms_of(finding(features=features))) == [
        Symptom("feature", "count", "high"),
        Symptom("feature", "bytes", "low"),
    ]


def test_a_finding_of_which_nothing_can_be_named_is_a_combination():
    assert symptoms_of(finding()) == {Symptom("combination"): None}
