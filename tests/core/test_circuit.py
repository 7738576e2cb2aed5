"""A circuit breaker: when it lets calls through, and what opens and closes it."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.circuit import (
    Breaker,
    CircuitState,
    Passed,
    Slice,
    Stopped,
    Tally,
    ask,
    tell,
)
from engine.core.plan import Circuit
from tests.core.runs import NOW, SECOND

RULES = Circuit("cars", 10 * SECOND, 0.5, 4, 30 * SECOND, 2)
LATER = NOW + 30 * SECOND
OPEN = Breaker(CircuitState.OPEN, 1, LATER)
HALF = Breaker(CircuitState.HALF_OPEN, 2, LATER, trials=1)


@pytest.mark.parametrize(
    ("calls", "failures", "state"),
    [
        (3, 3, CircuitState.CLOSED),
        (4, 1, CircuitState.CLOSED),
        (4, 2, CircuitState.OPEN),
        (4, 4, CircuitState.OPEN),
        (100, 49, CircuitState.CLOSED),
        (100, 50, CircuitState.OPEN),
    ],
)
def test_when_it_opens(calls: int, failures: int, state: CircuitState):
    """
    Once enough calls were made in the window, and so large a part of them has failed.
    """
    found = tell(Breaker(), RULES, Tally(0, calls, failures), NOW)

    assert state is found.state


def test_what_left_the_window_does_not_count():
    """
    Failures of long ago open nothing, and those within the window add up over its parts.
    """
    first = tell(Breaker(), RULES, Tally(0, 3, 3), NOW)

    late = tell(first, RULES, Tally(0, 3, 3), NOW + 10 * SECOND)
    soon = tell(first, RULES, Tally(0, 3, 3), NOW + 9 * SECOND)

    assert (Slice(NOW + 10 * SECOND, 3, 3),) == late.slices
    assert CircuitState.OPEN is soon.state
    assert LATER + 9 * SECOND == soon.until


def test_calls_of_one_part_of_the_window_are_one_slice():
    """
    However many calls are made, what is kept of them is small.
    """
    breaker = Breaker()
    for step in range(1000):
        breaker = tell(breaker, RULES, Tally(0, 1, 0), NOW + step * SECOND / 50)

    assert len(breaker.slices) <= 11


def test_closed_it_lets_all_through_and_open_none():
    """
    An open one says how long it will stay so.
    """
    assert (Breaker(), Passed(0)) == ask(Breaker(), RULES, NOW)
    assert (OPEN, Stopped(30 * SECOND)) == ask(OPEN, RULES, NOW)
    assert (OPEN, Stopped(SECOND)) == ask(OPEN, RULES, LATER - SECOND)


def test_half_open_it_lets_a_few_through():
    """
    Its time over, some calls are trials, in a round of their own; the others are stopped.
    """
    first, one = ask(OPEN, RULES, LATER)
    second, two = ask(first, RULES, LATER)
    third, three = ask(second, RULES, LATER)

    assert (CircuitState.HALF_OPEN, 2) == (third.state, third.trials)
    assert [Passed(2), Passed(2), Stopped(30 * SECOND)] == [one, two, three]


def test_trials_that_all_pass_close_it():
    """
    The last of them does, and one that fails opens it again.
    """
    once = tell(HALF, RULES, Tally(2, 1, 0), NOW)

    assert (CircuitState.HALF_OPEN, 1) == (once.state, once.passed)
    assert Breaker(round=3) == tell(once, RULES, Tally(2, 1, 0), NOW)
    assert Breaker(CircuitState.OPEN, 3, LATER) == tell(once, RULES, Tally(2, 1, 1), NOW)


def test_trials_that_are_lost_do_not_keep_it_half_open():
    """
    Workers that die in a trial tell nothing: after `open_for` others are let through.
    """
    told, answer = ask(Breaker(CircuitState.HALF_OPEN, 2, LATER, trials=2), RULES, LATER)

    assert Passed(3) == answer
    assert Breaker(CircuitState.HALF_OPEN, 3, LATER + 30 * SECOND, trials=1) == told


@pytest.mark.parametrize("breaker", [Breaker(round=3), OPEN, HALF])
def test_late_answers_change_nothing(breaker: Breaker):
    """
    What a call came to counts in the round that let it through, and in no other.
    """
    assert breaker == tell(breaker, RULES, Tally(breaker.round - 1, 100, 100), NOW)
    assert breaker == tell(breaker, RULES, Tally(breaker.round, 0, 0), NOW)
    assert OPEN == tell(OPEN, RULES, Tally(1, 5, 5), NOW)


MOVES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 3), st.booleans()), min_size=1, max_size=60
)


@given(MOVES)
def test_any_walk_keeps_its_word(moves: list[tuple[int, int, bool]]):
    """
    Open it lets nothing through before its time, half-open never more than its trials, and its
    rounds only go up.
    """
    breaker, now, under_way = Breaker(), NOW, Counter[int]()
    trials = Counter[int]()
    for seconds, finished, fails in moves:
        now += timedelta(seconds=seconds)
        before = breaker
        breaker, answer = ask(breaker, RULES, now)
        if isinstance(answer, Passed):
            assert before.state is not CircuitState.OPEN or now >= (before.until or NOW)
            under_way[answer.round] += 1
            trials[answer.round] += breaker.state is CircuitState.HALF_OPEN
        else:
            assert timedelta(0) < answer.rest <= RULES.open_for
        for number in list(under_way)[:finished]:
            count = under_way.pop(number)
            breaker = tell(breaker, RULES, Tally(number, count, count * fails), now)
        assert before.round <= breaker.round
        assert (breaker.until is None) == (breaker.state is CircuitState.CLOSED)
    assert max(trials.values(), default=0) <= RULES.half_open_calls
