"""How history is cut into spans of time."""

import itertools
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import retention
from engine.core.retention import HIGHEST, LOWEST, Span

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
hours = st.integers(0, 24 * 400)


def span(begin: int, end: int) -> Span:
    return Span(START + begin * DAY, START + end * DAY)


@pytest.mark.parametrize(
    ("keep", "days"), [(1, 1), (7, 1), (30, 2), (90, 7), (365, 30), (3650, 30), (None, 30)]
)
def test_a_span_is_a_twelfth_of_what_is_kept(keep: int | None, days: int):
    """
    So little is kept too long, and partitions stay few; none is wider than 30 days.
    """
    assert days * DAY == retention.width(None if keep is None else keep * DAY)


@pytest.mark.parametrize(
    ("there", "at", "wanted"),
    [
        ([], 0.5, [span(0, 7), span(7, 14), span(14, 21)]),
        ([span(0, 7)], 0.5, [span(7, 14), span(14, 21)]),
        ([span(0, 15)], 0.5, []),
        ([span(-7, 0)], 0.5, [span(0, 7), span(7, 14), span(14, 21)]),
        ([span(3, 4)], 0.5, [span(0, 3), span(4, 11), span(11, 18)]),
        ([span(-7, 0), span(30, 37)], 0.5, [span(0, 7), span(7, 14), span(14, 21)]),
        ([span(30, 37)], 20.5, [span(20, 27), span(27, 30)]),
    ],
)
def test_spans_are_made_ahead_and_none_twice(there: list[Span], at: float, wanted: list[Span]):
    """
    From an instant until two widths later each has a span; those there are stay as they are.
    """
    assert wanted == retention.wanted(there, START + at * DAY, 7 * DAY)


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 40)), max_size=20), hours,
       st.integers(1, 30))  # fmt: skip
def test_spans_cover_what_is_ahead_and_overlap_nowhere(
    told: list[tuple[int, int]], at: int, width: int
):
    """
    Whatever there is already, in gaps or in one piece.
    """
    there: list[Span] = []
    for begin, length in told:
        new = span(begin, begin + length)
        if all(new.end <= each.begin or each.end <= new.begin for each in there):
            there.append(new)
    now = START + timedelta(hours=at)
    every = sorted([*there, *retention.wanted(there, now, width * DAY)])

    assert all(one.end <= two.begin for one, two in itertools.pairwise(every))
    assert all(
        any(each.begin <= now + hour * timedelta(hours=1) < each.end for each in every)
        for hour in range(2 * 24 * width)
    )
    assert [] == retention.wanted(every, now, width * DAY)


def test_what_no_span_holds_is_known():
    """
    The ranges before, between and behind; of what is wholly held there is none.
    """
    a, b, c, d = (UUID(int=each) for each in (10, 20, 30, 40))

    assert [(LOWEST, a), (b, c), (d, HIGHEST)] == retention.gaps([(c, d), (a, b)])
    assert [(LOWEST, HIGHEST)] == retention.gaps([])
    assert [(d, HIGHEST)] == retention.gaps([(LOWEST, c), (c, d)])
    assert [] == retention.gaps([(LOWEST, HIGHEST)])
