"""What a process writes to standard error."""

import logging
import re

from engine.logs import Line


def written(message: str, *arguments: object) -> str:
    """Return what is written of one warning of the sweep."""
    record = logging.LogRecord("sark.sweep", logging.WARNING, "", 0, message, arguments, None)
    record.created, record.msecs = 1_774_751_400.12, 120.0
    return Line().format(record)


def test_a_line_of_a_log_says_when_how_bad_it_is_who_says_it_and_what():
    """
    An operator who reads the log of a night sees of each line when it was, in UTC.
    """
    told = written("worker %d is dead", 3)

    assert told == "2026-03-29T02:30:00.120Z WARNING sark.sweep: worker 3 is dead"


def test_a_text_in_a_log_forges_no_line_of_its_own():
    """
    Words of others that hold line breaks stay within the record that tells them.
    """
    told = written("it said %s", "a\n2026-03-29T02:30:00.120Z ERROR sark.sweep: b\rc\x85d")

    assert [True, False, False, False] == [
        bool(re.match(r"\S", each)) for each in told.splitlines()
    ]
