"""How alarming a template is by its own level and words."""

import pytest

from amiss.represent.severity import CALM, FATAL, is_error_level, severities, severity

ALARMING = [
    "writeBlock <*> received exception java.io.IOException",
    "Connection refused",
    "read timed out after <*> ms",
    "timeout waiting for <*>",
    "operation time-out",
    "Failed to start <*>",
    "3 errors found",
    "ERROR: disk",
    "access denied for user <*>",
    "block is corrupted",
    "can't open <*>",
    "host unreachable",
    "Unexpected error trying to delete block <*>",
    "NullPointerException at <*>",
]
QUIET = [
    "Verification succeeded for <*>",
    "Receiving block <*> src: <*> dest: <*>",
    "BLOCK* NameSystem.addToInvalidates: <*> is added to invalidSet of <*>",
    "terrorist watch list loaded",
    "default gateway set",
    "",
]


@pytest.mark.parametrize("text", ALARMING)
def test_words_of_trouble_alarm(text):
    assert severity(text, "INFO") == 1.0


@pytest.mark.parametrize("text", QUIET)
def test_words_without_trouble_are_calm(text):
    assert severity(text, "INFO") == severity(text) == CALM


@pytest.mark.parametrize("level", ["WARN", "warning", "Error", "E"])
def test_levels_of_trouble_alarm_whatever_the_words(level):
    assert severity("all is well", level) == 1.0


@pytest.mark.parametrize("level", ["FATAL", "crit", "emerg", "alert", "F"])
def test_levels_of_what_is_beyond_help_are_fatal_whatever_the_words(level):
    assert severity("all is well", level) == FATAL


@pytest.mark.parametrize(
    "text",
    [
        "kernel: Kernel panic - not syncing: Attempted to kill init!",
        "panic: runtime error: index out of range",
        "Out of memory: Kill process <*> (java)",
        "java.lang.OutOfMemoryError: Java heap space",
        "a.out[<*>]: segfault at <*> ip <*>",
        "fatal error: concurrent map writes",
        "write failed: No space left on device",
    ],
)
def test_what_ends_a_process_or_a_machine_is_fatal(text):
    assert severity(text, "INFO") == FATAL


@pytest.mark.parametrize(
    "text",
    [
        "0 fatal errors found",
        "<*> fatal errors found",
        "no fatal error so far",
        "non-fatal error ignored",
        "panic threshold set to <*>",
    ],
)
def test_counts_and_denials_of_the_fatal_are_not(text):
    assert severity(text, "INFO") <= 1.0


def test_severities_go_text_by_text():
    assert severities(["fine", "fine", "failed"], ["INFO", "WARN", ""]).tolist() == [CALM, 1.0, 1.0]
    assert severities([], []).shape == (0,)


def test_a_warning_is_no_error_level():
    assert is_error_level("ERROR")
    assert is_error_level("fatal")
    assert not is_error_level("WARN")
    assert not is_error_level("INFO")
    assert not is_error_level("")


@pytest.mark.parametrize("text", ["22", "-1", "E22", "dc2c74b7", "<*>"])
def test_what_says_nothing_of_itself_is_not_called_calm(text):
    assert severity(text) == 1.0
