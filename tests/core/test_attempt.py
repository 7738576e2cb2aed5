"""What an attempt says of itself before it is made."""

import pytest

from engine.core.attempt import Attempt, first_of
from engine.core.binding import BoundStep
from engine.core.values import Json
from tests.core.runs import step


def attempt(settings: Json) -> Attempt:
    bound = BoundStep(step("a", settings=settings), 0)
    return Attempt("r", "local", "demo", "a", 1, bound, {"inputs": {"who": "acme"}}, (), False)


def test_a_step_says_how_soon_and_whose_turn() -> None:
    """
    The level and the tenant of a step are filled from its run; where it says none there is none.
    """
    told: Json = {"priority": {"level": "high", "fair_key": "{{ inputs.who }}"}}

    assert (2, "acme") == first_of(attempt(told))
    assert (None, "") == first_of(attempt(None))


@pytest.mark.parametrize(
    ("told", "words"),
    [({"level": "soon"}, "one of low, normal, high, critical"), ({"fair_key": "x" * 201}, "201")],
)
def test_a_priority_that_is_none_is_refused_in_words(told: Json, words: str) -> None:
    """
    A level that is none, or a tenant whose name is too long, is an error that says so.
    """
    with pytest.raises(ValueError, match=words):
        first_of(attempt({"priority": told}))
