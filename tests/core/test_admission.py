"""Runs that share slots: who is let in, who waits, who ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.admission import Admission, Conflict, Rules, admit, arrive, let_in


@pytest.mark.parametrize(
    ("conflict", "live", "waiting", "expected"),
    [
        ("queue", [], [1, 2], Admission((1,))),
        ("queue", [1], [2, 3], Admission()),
        ("queue", [], [1, 2, 3, 4], Admission((1,), (4,))),
        ("reject", [], [1, 2], Admission((1,), (2,))),
        ("reject", [1], [2], Admission((), (2,))),
        ("replace_queued", [1], [2, 3, 4], Admission((), (2, 3))),
        ("replace_queued", [], [2, 3, 4], Admission((2,), (3,))),
        ("cancel_running", [1], [2, 3], Admission((), (2,), (1,))),
        ("cancel_running", [], [2], Admission((2,))),
    ],
)
def test_a_group_does_as_it_says(
    conflict: str, live: list[int], waiting: list[int], expected: Admission[int]
) -> None:
    """
    With one slot and a queue of two, each way of settling a conflict has its own outcome.
    """
    assert expected == admit(Rules(1, Conflict(conflict), 2), live, waiting)


@given(
    st.sampled_from(Conflict), st.integers(1, 4), st.integers(0, 5), st.integers(0, 6),
    st.integers(0, 12),
)  # fmt: skip
def test_slots_are_never_overrun(
    conflict: Conflict, limit: int, queue: int, live: int, waiting: int
) -> None:
    """
    Whatever waits, no more go than there are slots, nobody is told two things, and somebody goes
    where there is room.
    """
    rules, new = Rules(limit, conflict, queue), list(range(100, 100 + waiting))

    told = admit(rules, list(range(live)), new)

    assert len(told.admitted) <= max(0, limit - live)
    assert not set(told.admitted) & set(told.refused)
    assert set(told.admitted) | set(told.refused) <= set(new)
    assert set(told.cancelled) <= set(range(live))
    if live < limit and new:
        assert told.admitted


@pytest.mark.parametrize(
    ("conflict", "live", "waiting", "expected"),
    [
        ("queue", [1], [2], Admission()),
        ("queue", [1], [2, 3], Admission((), (9,))),
        ("queue", [1], [2, 3, 4, 5], Admission((), (9,))),
        ("queue", [], [2], Admission((2,))),
        ("reject", [], [], Admission((9,))),
        ("reject", [1], [], Admission((), (9,))),
        ("reject", [1], [2, 3], Admission((), (9,))),
        ("replace_queued", [1], [2, 3], Admission((), (2, 3))),
        ("cancel_running", [1], [2], Admission((), (2,), (1,))),
    ],
)
def test_one_more_of_a_group_of_steps(
    conflict: str, live: list[int], waiting: list[int], expected: Admission[int]
) -> None:
    """
    One that queues or is rejected harms nobody else, whatever the others were promised; one that
    replaces others does.
    """
    assert expected == arrive(Rules(1, Conflict(conflict), 2), live, waiting, 9)


@pytest.mark.parametrize(
    ("live", "limits", "expected"),
    [(0, [], []), (0, [2, 2, 2], [0, 1]), (1, [2, 2], [0]), (0, [1, 9], [0, 1]), (1, [1, 9], [])],
)
def test_a_line_goes_as_far_as_its_next_one_bears(
    live: int, limits: list[int], expected: list[int]
) -> None:
    """
    Who bears less company holds up all behind him.
    """
    assert expected == let_in(live, list(enumerate(limits)))


@given(st.integers(0, 5), st.lists(st.integers(1, 4), max_size=8))
def test_nobody_overtakes_in_a_line(live: int, limits: list[int]) -> None:
    """
    The first of a line go, each only while fewer are at work than it bears, and the rest waits.
    """
    found = let_in(live, list(enumerate(limits)))

    assert list(range(len(found))) == found
    assert all(live + number < limits[number] for number in found)
    assert len(found) == len(limits) or live + len(found) >= limits[len(found)]
