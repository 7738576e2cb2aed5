"""Whether events get through dedupe, rate, debounce and batch, beside a slow model of each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.plan import Rate
from engine.core.trigger import Said, ledger, quota
from engine.core.trigger.gate import Batch, Debounce, Dedupe, Gates, Hold
from engine.core.trigger.ledger import Arrival, Bunch, First, Ledger, Settled
from engine.core.trigger.quota import Use
from tests.core.runs import NOW, SECOND

MINUTE = 60 * SECOND


def arrival(number: int, said: Said = Said.STARTED, size: int = 1) -> Arrival:
    return Arrival(
        f"d-{number}", said, "" if said is Said.STARTED else "why", UUID(int=number), size
    )


def told(book: Ledger, gates: Gates, *at: float, said: Said = Said.STARTED) -> list[Settled]:
    """Return what becomes of events that come so many seconds after the first."""
    return [
        book.settle(gates, arrival(number, said), NOW + each * SECOND)
        for number, each in enumerate(at)
    ]


def test_the_first_of_a_key_counts():
    """
    Within the window a key is a duplicate, which names it and the first delivery; at its end it
    is new, and a duplicate does not begin the window anew.
    """
    book = Ledger()
    settled = told(book, Gates(Dedupe("b-7", MINUTE)), 0, 30, 59.9, 60, 61)

    assert [Said.STARTED, Said.DUPLICATE, Said.DUPLICATE, Said.STARTED, Said.DUPLICATE] == [
        each.said for each in settled
    ]
    assert (
        'dedupe: the key "b-7" came first with delivery d-0, and counts until '
        f"{(NOW + MINUTE).isoformat(timespec='seconds')}"
    ) == settled[1].reason
    assert {"b-7": First("d-3", NOW + 2 * MINUTE)} == book.claimed


def test_keys_do_not_meet():
    """
    Another key is another event.
    """
    book = Ledger()

    assert Said.STARTED == told(book, Gates(Dedupe("a", MINUTE)), 0)[0].said
    assert Said.STARTED == told(book, Gates(Dedupe("b", MINUTE)), 0)[0].said


def test_what_comes_to_nothing_claims_nothing():
    """
    An event that errs, or that its rate turns away, leaves key and turn to the next.
    """
    book = Ledger()
    gates = Gates(Dedupe("a", MINUTE), Rate("", 1, MINUTE))

    (failed,) = told(book, gates, 0, said=Said.ERROR)
    assert (Said.ERROR, "why") == (failed.said, failed.reason)
    assert ({}, {}) == (book.claimed, book.used)
    (first,) = told(book, gates, 1)
    (limited,) = told(book, Gates(Dedupe("b", MINUTE), gates.rate), 2)
    (later,) = told(book, Gates(Dedupe("b", MINUTE), gates.rate), 61)

    assert [Said.STARTED, Said.LIMITED, Said.STARTED] == [first.said, limited.said, later.said]


def test_a_duplicate_that_would_err_is_a_duplicate():
    """
    The order of the stages holds: who is a duplicate is not asked whether its `with` works.
    """
    book = Ledger()
    gates = Gates(Dedupe("a", MINUTE))
    told(book, gates, 0)

    assert Said.DUPLICATE == told(book, gates, 1, said=Said.ERROR)[0].said


@pytest.mark.parametrize(
    ("group", "reason"),
    [
        ("", "rate: 2 in 1m are used up; the next may come at "),
        ("eu", 'rate: 2 of "eu" in 1m are used up; the next may come at '),
    ],
)
def test_more_than_the_rate_is_limited(group: str, reason: str):
    """
    Two a minute are let through, the third is limited and says when the next may come.
    """
    settled = told(Ledger(), Gates(rate=Rate(group, 2, MINUTE)), 0, 10, 59, 60, 61, 70)

    words = [Said.STARTED, Said.STARTED, Said.LIMITED, Said.STARTED, Said.LIMITED, Said.STARTED]
    assert words == [each.said for each in settled]
    free = (NOW + MINUTE).isoformat(timespec="seconds")
    assert reason + free == settled[2].reason


def test_a_large_rate_takes_a_burst():
    """
    A thousand a minute may come at once, and the next thousand a hundredth later than a minute
    at most.
    """
    rate = Rate("", 1_000, MINUTE)
    book = Ledger()
    burst = [told(book, Gates(rate=rate), 0)[0].said for _ in range(1_001)]

    assert [Said.STARTED] * 1_000 + [Said.LIMITED] == burst
    assert Said.STARTED == told(book, Gates(rate=rate), 60.7)[0].said


@given(
    st.integers(1, 260), st.sampled_from([1.0, 7.0, 0.1]),
    st.lists(st.floats(0, 0.3), min_size=1, max_size=600),
)  # fmt: skip
def test_no_period_sees_more_than_its_limit(limit: int, seconds: float, gaps: list[float]):
    """
    However events come, no span of the period lets through more than the limit; up to a hundred
    no event is turned away that had room, and above that a turn is a hundredth late at most.
    """
    rate = Rate("", limit, seconds * SECOND)
    log: tuple[Use, ...] = ()
    let: list[datetime] = []
    now = NOW
    for gap in gaps:
        now += gap * SECOND
        recent = sum(each > now - rate.period for each in let)
        longer = sum(each > now - rate.period * 1.01 for each in let)
        is_free = quota.is_free(log, rate, now)
        assert not is_free or recent < limit
        assert is_free or (recent if limit <= quota.FINEST else longer) >= limit
        if is_free:
            log = quota.use(log, rate, now)
            let.append(now)
        assert len(log) <= quota.FINEST + 2


def test_a_clock_that_goes_back_lets_nothing_more_through():
    """
    A use at an earlier instant than the last counts as long as the last.
    """
    rate = Rate("", 3, MINUTE)
    log = quota.use(quota.use((), rate, NOW), rate, NOW - SECOND)

    assert (Use(NOW, 2),) == log


def test_the_last_of_a_burst_counts():
    """
    Of events that come close together each takes the place of the one before, until it is quiet
    or the longest wait has passed; the next is of a new bunch.
    """
    hold = Debounce("a", 20 * SECOND, 45 * SECOND)
    settled = told(Ledger(), Gates(hold=hold), 0, 15, 30, 44, 45)

    bunches = [each.bunch for each in settled]
    assert all(bunches)
    assert [0, 0, 0, 0, 4] == [each.id.int for each in bunches if each]
    assert [20, 35, 45, 45, 65] == [(each.due - NOW) / SECOND for each in bunches if each]
    assert [None, 0, 1, 2, None] == [
        each.replaced.int if each.replaced is not None else None for each in settled
    ]
    assert 'debounce: waits until it is quiet for "a" for 20s' == settled[0].reason


def test_a_batch_fills():
    """
    Events wait together until there are enough of them, or the first has waited long enough.
    """
    hold = Batch("", 3, MINUTE)
    settled = told(Ledger(), Gates(hold=hold), 0, 10, 20, 21, 80.9, 81)

    bunches = [each.bunch for each in settled]
    assert [0, 0, 0, 3, 3, 5] == [each.id.int for each in bunches if each]
    assert [60, 60, 20, 81, 81, 141] == [(each.due - NOW) / SECOND for each in bunches if each]
    until = (NOW + MINUTE).isoformat(timespec="seconds")
    assert f"batch: waits until there are 3 events, at most until {until}" == settled[0].reason


def test_a_batch_of_large_events_leaves_early():
    """
    A batch is full by its bytes, too.
    """
    book, gates = Ledger(), Gates(hold=Batch("", 100, MINUTE))
    half = ledger.FULL_BATCH_BYTES // 2
    settled = [book.settle(gates, arrival(n, size=half), NOW) for n in range(3)]

    assert [0, 0, 2] == [each.bunch.id.int for each in settled if each.bunch]
    assert [False, True, False] == [each.bunch.due == NOW for each in settled if each.bunch]


@pytest.mark.parametrize(
    ("hold", "reason"),
    [
        (Debounce("new", SECOND, MINUTE), "debounce: no more may wait than 10,000 events and"),
        (Batch("new", 5, MINUTE), "batch: no more may wait than 10,000 events and"),
    ],
)
def test_no_more_than_so_many_wait(hold: Hold, reason: str):
    """
    Once as many wait as may, the next is limited; one that takes another's place still may.
    """
    old = Bunch(UUID(int=7), NOW, NOW + SECOND, 1, 1, UUID(int=7))
    book = Ledger(bunches={"old": old}, held=ledger.MOST_HELD, size=10)
    (settled,) = told(book, Gates(Dedupe("k", MINUTE), hold=hold), 0)
    (placed,) = told(book, Gates(hold=Debounce("old", SECOND, MINUTE)), 0)

    assert (Said.LIMITED, {}) == (settled.said, book.claimed)
    assert settled.reason.startswith(reason)
    assert (Said.HELD, UUID(int=7)) == (placed.said, placed.replaced)
    assert ledger.MOST_HELD == book.held


def test_no_more_than_so_many_bytes_wait():
    """
    The bytes of what waits are bounded as well.
    """
    book = Ledger(held=1, size=ledger.MOST_HELD_BYTES)

    assert Said.LIMITED == told(book, Gates(hold=Batch("", 2, MINUTE)), 0)[0].said


@dataclass
class Slow:
    """What a trigger lets through, told by looking at all that has happened each time."""

    firsts: list[tuple[str, datetime]] = field(default_factory=list)
    let: list[tuple[str, datetime]] = field(default_factory=list)
    held: list[tuple[str, int, datetime]] = field(default_factory=list)
    runs: list[tuple[int, ...]] = field(default_factory=list)

    def come(self, number: int, key: str, gates: Gates, now: datetime) -> Said:
        dedupe, rate, hold = gates.dedupe, gates.rate, gates.hold
        if dedupe and any(k == key and at > now - dedupe.window for k, at in self.firsts):
            return Said.DUPLICATE
        if rate and sum(at > now - rate.period for k, at in self.let if k == key) >= rate.limit:
            return Said.LIMITED
        self.firsts.append((key, now))
        self.let.append((key, now))
        if hold is None:
            return Said.STARTED
        self.held.append((key, number, now))
        return Said.HELD

    def leave(self, key: str, hold: Hold) -> list[tuple[int, ...]]:
        """Return the runs of a key, as whoever knows all of its events can tell them."""
        events = [(number, at) for k, number, at in self.held if k == key]
        runs: list[list[tuple[int, datetime]]] = []
        for number, at in events:
            if runs and self._joins(hold, runs[-1], at):
                runs[-1].append((number, at))
            else:
                runs.append([(number, at)])
        numbers = [tuple(number for number, _ in run) for run in runs]
        return [run[-1:] for run in numbers] if isinstance(hold, Debounce) else numbers

    def _joins(self, hold: Hold, run: list[tuple[int, datetime]], at: datetime) -> bool:
        if at >= run[0][1] + hold.max_wait:
            return False
        if isinstance(hold, Debounce):
            return at < run[-1][1] + hold.quiet
        return len(run) < hold.max_items


HOLDS = st.sampled_from(
    [None, Debounce("", 3 * SECOND, 8 * SECOND), Batch("", 3, 8 * SECOND), Batch("", 1, SECOND)]
)


@given(
    hold=HOLDS,
    once=st.booleans(),
    often=st.booleans(),
    events=st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 4)), max_size=40),
)
def test_a_ledger_does_as_the_slow_model(
    hold: Hold | None, once: bool, often: bool, events: list[tuple[str, int]]
):
    """
    Whatever comes when, the ledger lets through and holds together what somebody would who
    looks at all the events each time.
    """
    book, slow, now = Ledger(), Slow(), NOW
    bunches: dict[UUID, list[int]] = {}
    for number, (key, gap) in enumerate(events):
        now += gap * SECOND
        gates = Gates(
            Dedupe(key, 5 * SECOND) if once else None,
            Rate(key, 2, 6 * SECOND) if often else None,
            _keyed(hold, key),
        )
        settled = book.settle(gates, arrival(number), now)

        assert slow.come(number, key, gates, now) == settled.said
        if settled.bunch is not None:
            bunch = bunches.setdefault(settled.bunch.id, [])
            if settled.replaced is not None:
                assert [settled.replaced.int] == bunch
                bunch.clear()
            bunch.append(number)
    if hold is not None:
        expected = [run for key in "ab" for run in slow.leave(key, hold)]
        assert sorted(expected) == sorted(map(tuple, bunches.values()))
        assert sum(map(len, bunches.values())) == book.held


def _keyed(hold: Hold | None, key: str) -> Hold | None:
    match hold:
        case Debounce(_, quiet, longest):
            return Debounce(key, quiet, longest)
        case Batch(_, most, longest):
            return Batch(key, most, longest)
        case None:
            return None


def test_nothing_asked_is_no_gate():
    """
    A trigger without gates has none to pass, and one with any of them has.
    """
    names: Mapping[str, str] = {"event": "x"}

    assert not Gates(names=names)
    assert all((Gates(Dedupe("a", SECOND)), Gates(rate=Rate("", 1, SECOND))))
    assert Gates(hold=Batch("", 1, SECOND))
