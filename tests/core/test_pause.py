"""For how long a run may be paused."""

from datetime import timedelta

import pytest

from engine.core.pause import span
from engine.core.values import Json


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, timedelta(days=1)),
        ("90s", timedelta(seconds=90)),
        ("2h", timedelta(hours=2)),
        ("30d", timedelta(days=30)),
    ],
)
def test_a_pause_has_an_end(told: Json, expected: timedelta) -> None:
    """
    A pause lasts as long as is asked for, a day if nothing is said.
    """
    assert expected == span(told)


@pytest.mark.parametrize("told", ["", "soon", "0s", "31d", 5, True, [], "9" * 40 + "d"])
def test_what_is_no_span_is_refused(told: Json) -> None:
    """
    What is no span, or too long a one, is refused with what is expected.
    """
    with pytest.raises(ValueError, match="expected a span such as 30m or 2h, up to 30d"):
        span(told)
