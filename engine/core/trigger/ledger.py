"""Whether events get through the gates of their trigger, one after the other.

A ledger holds what is known of one trigger's keys, rates and held events, and takes down what
each event changes. Whoever has it keeps others from the same trigger until that is written.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from engine.core.frozen import frozen
from engine.core.plan import Rate
from engine.core.quoting import shown
from engine.core.trigger import quota
from engine.core.trigger.decision import Said
from engine.core.trigger.gate import Batch, Debounce, Dedupe, Gates, Hold
from engine.core.trigger.quota import Use
from engine.core.values import format_duration

# Of one trigger, how many events may wait, and how many bytes they may have together.
MOST_HELD = 10_000
MOST_HELD_BYTES = 64 << 20
# A batch leaves early once its events have so many bytes together.
FULL_BATCH_BYTES = 4 << 20


@frozen
class First:
    """The delivery whose event counts for a key, and until when."""

    delivery: str
    until: datetime


@frozen
class Bunch:
    """Events of one key that are held together: when the first came, and when they leave.

    `last` is the event that came last, under the id that its `Arrival` gave it.
    """

    id: UUID
    since: datetime
    due: datetime
    count: int
    size: int
    last: UUID


@frozen
class Arrival:
    """An event, or item, on its way: what would become of it if it had no gates.

    `id` is its own if it is held, `size` its bytes then.
    """

    delivery: str
    said: Said
    reason: str
    id: UUID
    size: int = 0


@frozen
class Settled:
    """What became of an arrival: if it is held, in which bunch, and in whose place."""

    said: Said
    reason: str = ""
    bunch: Bunch | None = None
    replaced: UUID | None = None


@dataclass
class Ledger:
    """What is known of one trigger: first events and bunches by key, uses by group.

    `held` and `size` are how many events wait, of all keys, and their bytes. `changed` keys and
    groups are to be written.
    """

    firsts: dict[str, First] = field(default_factory=dict)
    uses: dict[str, tuple[Use, ...]] = field(default_factory=dict)
    bunches: dict[str, Bunch] = field(default_factory=dict)
    held: int = 0
    size: int = 0
    claimed: dict[str, First] = field(default_factory=dict)
    used: dict[str, Rate] = field(default_factory=dict)

    def settle(self, gates: Gates, arrival: Arrival, now: datetime) -> Settled:
        """Return what becomes of an arrival.

        One that comes to nothing claims no key, uses up no turn and waits for nobody.
        """
        settled = (
            self._twice(gates.dedupe, now)
            or self._too_often(gates.rate, now)
            or self._hold(gates.hold, arrival, now)
            or Settled(arrival.said, arrival.reason)
        )
        if settled.said in (Said.STARTED, Said.HELD):
            self._count(gates, arrival, now)
        return settled

    def _twice(self, dedupe: Dedupe | None, now: datetime) -> Settled | None:
        first = None if dedupe is None else self.firsts.get(dedupe.key)
        if dedupe is None or first is None or first.until <= now:
            return None
        reason = (
            f'dedupe: the key "{shown(dedupe.key)}" came first with delivery '
            f"{shown(first.delivery)}, and counts until {_instant(first.until)}"
        )
        return Settled(Said.DUPLICATE, reason)

    def _too_often(self, rate: Rate | None, now: datetime) -> Settled | None:
        if rate is None:
            return None
        log = self.uses.get(rate.group, ())
        if quota.is_free(log, rate, now):
            return None
        of = f' of "{shown(rate.group)}"' if rate.group else ""
        free = quota.free_at(quota.counted(log, rate, now), rate)
        reason = (
            f"rate: {rate.limit:,}{of} in {format_duration(rate.period)} are used up; "
            f"the next may come at {_instant(free)}"
        )
        return Settled(Said.LIMITED, reason)

    def _count(self, gates: Gates, arrival: Arrival, now: datetime) -> None:
        if gates.dedupe is not None:
            first = First(arrival.delivery, now + gates.dedupe.window)
            self.firsts[gates.dedupe.key] = self.claimed[gates.dedupe.key] = first
        if gates.rate is not None:
            group = gates.rate.group
            self.uses[group] = quota.use(self.uses.get(group, ()), gates.rate, now)
            self.used[group] = gates.rate

    def _hold(self, hold: Hold | None, arrival: Arrival, now: datetime) -> Settled | None:
        if hold is None:
            return None
        told = self.bunches.get(hold.key)
        bunch = told if told is not None and _is_open(hold, told, now) else None
        takes_place = bunch if isinstance(hold, Debounce) else None
        held = self.held + (takes_place is None)
        size = self.size + arrival.size - (takes_place.size if takes_place else 0)
        if held > MOST_HELD or size > MOST_HELD_BYTES:
            return Settled(Said.LIMITED, _crowded(hold))
        self.held, self.size = held, size
        joined = _joined(hold, bunch, arrival, now)
        self.bunches[hold.key] = joined
        return Settled(
            Said.HELD, _waits(hold, joined), joined, takes_place.last if takes_place else None
        )


def _is_open(hold: Hold, bunch: Bunch, now: datetime) -> bool:
    """Return whether one more may join a bunch, or whether that is on its way already."""
    match hold:
        case Debounce():
            return bunch.due > now
        case Batch(_, most, _):
            return bunch.due > now and bunch.count < most
        case _:
            assert_never(hold)


def _joined(hold: Hold, bunch: Bunch | None, arrival: Arrival, now: datetime) -> Bunch:
    """Return a bunch with one more, or a new one that goes by the id of its first."""
    alone = Bunch(arrival.id, now, now + hold.max_wait, 1, arrival.size, arrival.id)
    match hold:
        case Debounce(_, quiet, _):
            last = alone if bunch is None else replace(bunch, last=arrival.id, size=arrival.size)
            return replace(last, due=min(now + quiet, last.since + hold.max_wait))
        case Batch(_, most, _):
            whole = alone
            if bunch is not None:
                count, size = bunch.count + 1, bunch.size + arrival.size
                whole = replace(bunch, count=count, size=size, last=arrival.id)
            is_full = whole.count >= most or whole.size >= FULL_BATCH_BYTES
            return replace(whole, due=now) if is_full else whole
        case _:
            assert_never(hold)


def _waits(hold: Hold, bunch: Bunch) -> str:
    of = f' for "{shown(hold.key)}"' if hold.key else ""
    match hold:
        case Debounce(_, quiet, _):
            return f"debounce: waits until it is quiet{of} for {format_duration(quiet)}"
        case Batch(_, most, _):
            until = _instant(bunch.due)
            return f"batch: waits until there are {most:,} events{of}, at most until {until}"
        case _:
            assert_never(hold)


def _crowded(hold: Hold) -> str:
    name = "debounce" if isinstance(hold, Debounce) else "batch"
    most = f"{MOST_HELD:,} events and {MOST_HELD_BYTES >> 20} MiB"
    return f"{name}: no more may wait than {most} of one trigger"


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
