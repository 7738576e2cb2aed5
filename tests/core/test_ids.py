"""Ids that sort by time."""

from datetime import UTC, datetime, timedelta
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import ids

MILLISECOND = timedelta(milliseconds=1)
instants = st.datetimes(
    datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59), timezones=st.just(UTC)
)


@given(instants, instants, st.uuids(), st.uuids())
def test_an_id_sorts_by_its_instant(one: datetime, two: datetime, name: UUID, other: UUID):
    """
    Of two ids the one that was made a millisecond earlier, or more, comes first, whatever the rest.
    """
    a, b = ids.timed(one, name), ids.timed(two, other)

    assert (ids.instant(a) < ids.instant(b)) <= (a < b)
    assert one - MILLISECOND < ids.instant(a) <= one


@given(instants, st.uuids())
def test_an_id_by_name_is_the_same_each_time_and_is_lawful(at: datetime, name: UUID):
    """
    The same instant and name give one id; other readers of UUIDs know it as a version 8.
    """
    made = ids.timed(at, name)

    assert made == ids.timed(at, name)
    assert (8, RFC_4122) == (made.version, made.variant)
    assert name.int & ((1 << 62) - 1) == made.int & ((1 << 62) - 1)


@given(instants, st.uuids())
def test_the_first_id_of_an_instant_is_below_all_of_it_and_above_all_before(
    at: datetime, name: UUID
):
    """
    A range of time is a range of ids.
    """
    assert ids.first(at) <= ids.timed(at, name) < ids.first(at + MILLISECOND)


@pytest.mark.parametrize(
    ("at", "first"),
    [
        (datetime(1969, 7, 20, tzinfo=UTC), "00000000-0000-0000-0000-000000000000"),
        (datetime(2026, 11, 28, tzinfo=UTC), "01a21f73-9c00-0000-0000-000000000000"),
    ],
)
def test_an_id_holds_milliseconds_since_1970(at: datetime, first: str):
    """
    What is before has the lowest id there is.
    """
    assert UUID(first) == ids.first(at)
