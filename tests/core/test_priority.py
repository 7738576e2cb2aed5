"""Who goes first: urgent before not, tenants in turns, and nobody never."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core.priority import AGEING, OVERDUE, Waiter, ordered, place, turn

NOW = datetime(2026, 3, 27, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEVELS = st.integers(0, 3)
AGES = st.integers(0, 4_000)
WAITERS = st.lists(st.tuples(LEVELS, st.integers(0, 5), AGES), max_size=12).map(
    lambda told: [
        Waiter(number, level, place, NOW - age * SECOND)
        for number, (level, place, age) in enumerate(told)
    ]
)


def new(number: int, level: int = 1, turn_: int = 0, age: timedelta = 0 * SECOND) -> Waiter[int]:
    return Waiter(number, level, turn_, NOW - age)


def ids(waiters: list[Waiter[int]], now: datetime = NOW) -> list[int]:
    return [each.id for each in ordered(waiters, now)]


def test_the_urgent_go_first_and_equals_as_they_came() -> None:
    """
    Of those that have just come the level decides, then the turn, then who was first.
    """
    told = [new(0, 0), new(1, 3), new(2, 1, 2), new(3, 1, 1), new(4, 1, 1, SECOND), new(5, 2)]

    assert [1, 5, 4, 3, 2, 0] == ids(told)


def test_what_waits_rises() -> None:
    """
    After a minute one of a level is equal to a new one of the next, and then it was there before.
    """
    assert [1, 0] == ids([new(0, 0, age=AGEING - SECOND), new(1, 1)])
    assert [0, 1] == ids([new(0, 0, age=AGEING), new(1, 1)])
    assert [1, 0] == ids([new(0, 0, age=2 * AGEING), new(1, 3)])
    assert [0, 1] == ids([new(0, 0, age=9 * AGEING), new(1, 3)])


def test_the_overdue_go_before_the_urgent() -> None:
    """
    Who has waited for half an hour waits for nobody who came later, of whatever level and turn.
    """
    assert [0, 1] == ids([new(0, 0, 5, OVERDUE), new(1, 3)])


@given(WAITERS)
def test_nobody_is_lost_and_the_overdue_go_as_they_came(told: list[Waiter[int]]) -> None:
    """
    All are there, once; who has waited for half an hour goes before all that came later.
    """
    found = ordered(told, NOW)
    overdue = [each for each in found if NOW - each.since >= OVERDUE]

    assert sorted(each.id for each in told) == sorted(each.id for each in found)
    assert found[: len(overdue)] == sorted(overdue, key=lambda each: (each.since, each.id))


@given(WAITERS, st.integers(0, 5), st.integers(0, 5))
def test_who_is_more_urgent_and_waits_as_long_is_never_behind(
    told: list[Waiter[int]], place: int, age: int
) -> None:
    """
    Whoever came at the same instant with a higher level, or an earlier turn, goes first.
    """
    low, high = new(100, 1, place, age * SECOND), new(101, 2, place, age * SECOND)
    early = new(102, 1, place - 1, age * SECOND)
    found = ids([*told, low, high, early])

    assert found.index(101) < found.index(100)
    assert found.index(102) < found.index(100)


@given(st.lists(LEVELS, max_size=200))
def test_nothing_starves(arrivals: list[int]) -> None:
    """
    However urgent all others are that come, one each 20 s and one each 20 s goes, the least urgent
    has gone after at most half an hour and those that stood before it.
    """
    step, line, now = 20 * SECOND, [Waiter(-1, 0, 0, NOW)], NOW
    for number, level in enumerate([*arrivals, *[3] * 120]):
        now += step
        line.append(Waiter(number, level, 0, now))
        first = ordered(line, now)[0]
        line.remove(first)
        if first.id == -1:
            break

    assert -1 not in [each.id for each in line]
    assert now - NOW <= OVERDUE


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_tenants_share_what_there_is(arrivals: list[str]) -> None:
    """
    As long as two tenants wait, neither gets two turns more than the other meanwhile.
    """
    line: list[tuple[str, Waiter[int]]] = []
    for number, key in enumerate(arrivals):
        mine = turn(key, [], [(name, each.turn) for name, each in line])
        line.append((key, Waiter(number, 1, mine, NOW + number * SECOND)))
    keys = {each.id: name for name, each in line}
    served = [keys[each] for each in ids([each for _, each in line], NOW + 40 * SECOND)]

    for one in "abc":
        for other in "abc":
            last = min(_last(served, one), _last(served, other))
            told = [served[: n + 1] for n in range(last)]
            assert all(abs(each.count(one) - each.count(other)) <= 1 for each in told)


def test_a_turn_is_the_first_that_is_free() -> None:
    """
    Who comes takes the turn that is under way, or the one after its own last; without a key it
    never waits for its own.
    """
    live, waiting = [("a", 4), ("b", 3)], [("a", 5), ("c", 7)]

    assert 6 == turn("a", live, waiting)
    assert 4 == turn("b", live, waiting)
    assert 8 == turn("c", live, waiting)
    assert 4 == turn("d", live, waiting)
    assert 4 == turn("", [*live, ("", 4)], waiting)
    assert 5 == turn("d", [], waiting)
    assert 0 == turn("a", [], [])


def _last(served: list[str], key: str) -> int:
    return max((n for n, each in enumerate(served) if each == key), default=-1)


def standing(came: list[tuple[str, int, int]]) -> list[int]:
    """Return in which order runs begin that come by tenant, level and second, as these are."""
    last: dict[tuple[str, int], datetime] = {}
    places = []
    for tenant, level, second in came:
        found = place(NOW + second * SECOND, level, last.get((tenant, level)))
        if tenant:
            last[tenant, level] = found
        places.append(found)
    return sorted(range(len(came)), key=lambda each: (places[each], each))


def test_a_level_is_a_minute_of_lead() -> None:
    """
    A run goes before one that came a minute earlier and is a level less; longer, and it was first.
    """
    assert [1, 0] == standing([("", 1, 0), ("", 2, 59)])
    assert [0, 1] == standing([("", 1, 0), ("", 2, 61)])
    assert [1, 0] == standing([("", 0, 0), ("", 3, 179)])
    assert [0, 1] == standing([("", 0, 0), ("", 3, 181)])


def test_a_tenant_with_thousands_holds_up_nobody() -> None:
    """
    Of 5,000 runs of one tenant that wait for a minute seven go before the first of another; then
    they take turns. One of no tenant goes where it came.
    """
    many = [("a", 1, 0)] * 5_000
    order = standing([*many, ("b", 1, 61), ("b", 1, 61), ("", 1, 62)])

    assert [*range(7), 5_000, 5_002, 7, 5_001, 8] == order[:12]


def test_a_flood_of_a_lower_level_does_not_hold_up_a_higher() -> None:
    """
    However long the low runs of a tenant have waited, a normal one of another passes nearly all.
    """
    order = standing([*[("a", 0, 0)] * 5_000, ("b", 1, 600)])

    assert 55 == order.index(5_000)


COMING = st.lists(
    st.tuples(st.sampled_from(["", "a", "b", "c"]), LEVELS, st.integers(0, 400)), max_size=40
).map(lambda told: sorted(told, key=lambda each: each[2]))


@given(COMING)
def test_a_tenant_that_does_not_flood_waits_for_nobody_that_comes_later(
    came: list[tuple[str, int, int]],
) -> None:
    """
    Whoever has fewer than n before it in its own line goes before all that comes n turns later.
    """
    order = standing(came)
    at = {each: order.index(each) for each in order}
    for one, (tenant, level, second) in enumerate(came):
        before = sum(bool(tenant) and each[:2] == (tenant, level) for each in came[:one])
        for other, (_, lead, later) in enumerate(came):
            if later > second + before * 10 + (lead - level) * 60 and later > second:
                assert at[one] < at[other]


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_tenants_that_come_together_take_turns(keys: list[str]) -> None:
    """
    Of tenants whose runs came at once none has begun two more than another that still waits.
    """
    order = [keys[each] for each in standing([(key, 1, 0) for key in keys])]
    left = {key: keys.count(key) for key in set(keys)}
    begun = dict.fromkeys(left, 0)
    for key in order:
        begun[key], left[key] = begun[key] + 1, left[key] - 1
        waiting = [begun[each] for each in left if left[each]]

        assert not waiting or max(begun.values()) - min(waiting) <= 1
