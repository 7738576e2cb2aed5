"""Spans of time as text, canonical bytes, and the pause before another attempt."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.machine.retrying import backoff, wished
from engine.core.plan import Retry
from engine.core.values import canonical, digest, format_duration, parse_duration


@given(st.integers(0, 10**12).map(lambda count: timedelta(milliseconds=count)))
def test_a_span_that_is_shown_can_be_written(span: timedelta) -> None:
    """
    What a page or finding shows as a span of time may be copied into a spec.
    """
    assert span == parse_duration(format_duration(span))


@pytest.mark.parametrize(
    "text", ["", "5", "m", "5 m", "1.5h", "-5m", "5m3h", "P", "PT", "PT5", "5M"]
)
def test_what_is_no_span_is_refused(text: str) -> None:
    """
    A span is whole numbers with their units, the large ones first; the message shows how.
    """
    with pytest.raises(ValueError, match="write 30s, 5m, 1h30m, 7d or PT5M"):
        parse_duration(text)


def test_equal_values_have_equal_bytes() -> None:
    """
    The order of keys is not part of a value.
    """
    assert canonical({"b": [1], "a": None}) == b'{"a":null,"b":[1]}'
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_the_first_attempt_has_no_pause_before_it() -> None:
    """
    Asking for one is a defect of ours, and says so.
    """
    with pytest.raises(ValueError, match="attempt 1 never waits"):
        backoff(Retry(), 1, "seed")


@pytest.mark.parametrize(
    ("told", "expected"),
    [(120, 120), (0.5, 0.5), (7200, 3600), (1e300, 3600), (-5, 0), ("120", 0), (None, 0)],
)
def test_the_far_side_may_ask_for_a_pause(told: object, expected: float) -> None:
    """
    `Retry-After` is honoured up to an hour; what is no number of seconds is passed over.
    """
    error = {"type": "http.status", "retry_after": told}

    assert timedelta(seconds=expected) == wished(error)  # type: ignore[arg-type]
