"""How the events of a turn get through the gates of their triggers: locked, looked up, settled.

What is decided here is decided by `engine.core.trigger.ledger`; here it is known what to ask for,
and what to write afterwards.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.core.frozen import frozen
from engine.core.trigger import Said
from engine.core.trigger.gate import NO_GATES, Gates
from engine.core.trigger.ledger import Arrival, Ledger, Settled
from engine.core.values import canonical
from engine.intake.request import Fire
from engine.store import gates, passages
from engine.store.deliveries import Name
from engine.store.gates import Held, Spot
from engine.store.passages import Changes, Claim, Gone, Used
from engine.store.pool import Connection
from engine.store.starts import NewDecision, NewRun

Told = TypeVar("Told")
_LATER = "debounce: a later event took its place, that of delivery "


@frozen
class Candidate:
    """A decision on its way: the run that it would start, and the gates before that."""

    told: NewDecision
    run: NewRun | None = None
    gates: Gates = NO_GATES
    actor: str = ""
    chain: int = 1

    @property
    def spot(self) -> Spot:
        return Spot(self.told.namespace, self.told.workflow, self.told.trigger)


class Passage:
    """The gates of a turn, held shut for others until its transaction ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ledgers: dict[Spot, Ledger] = {}
        self._now = datetime.min
        self._held: dict[UUID, Held] = {}
        self._settled: list[Candidate] = []
        self._places: dict[UUID, int] = {}
        self.changes = Changes()
        self.known = frozenset[Name]()

    async def open(
        self, names: Collection[Name], candidates: Sequence[Candidate], fires: Iterable[Fire]
    ) -> None:
        """Lock the triggers; look up what their gates need to know, and which names are known."""
        gated = [each for each in candidates if each.gates]
        spots = {each.spot for each in gated}
        fired = {Spot(each.namespace, each.workflow, each.trigger) for each in fires}
        self._now = await gates.lock(self._connection, spots | fired)
        self.known = await gates.known(self._connection, sorted(names)) if names else frozenset()
        self._ledgers = {spot: Ledger() for spot in spots}
        await self._look_up(gated)

    async def bunches(self, fires: Sequence[Fire]) -> dict[UUID, list[Held]]:
        """Return the bunches that are still there and due, each in the order of its events."""
        found = await gates.of_bunches(self._connection, [each.bunch for each in fires])
        return {
            bunch: events
            for bunch, events in found.items()
            if min(each.due_at for each in events) <= self._now
        }

    def settle(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Return what becomes of candidates, in the order in which they came."""
        self._settled = []
        for each in candidates:
            self._settled.append(self._through(each) if each.gates else each)
        return self._settled

    async def write(self) -> bool:
        """Write what has changed; return whether some of what waits is due at once."""
        for spot, ledger in self._ledgers.items():
            claims = ledger.claimed.items()
            self.changes.claims += [Claim(spot, key, first) for key, first in claims]
            for group, rate in ledger.used.items():
                log = ledger.uses[group]
                self.changes.used.append(Used(spot, group, log, log[-1].at + rate.period))
        self.changes.held += self._held.values()
        await passages.write(self._connection, self.changes)
        return any(each.due_at <= self._now for each in self._held.values())

    def _through(self, candidate: Candidate) -> Candidate:
        told, gates_ = candidate.told, candidate.gates
        identity = uuid7()
        size = len(canonical(gates_.names)) if gates_.hold is not None else 0
        arrival = Arrival(told.delivery.id, Said(told.said), told.reason, identity, size)
        settled = self._ledgers[candidate.spot].settle(gates_, arrival, self._now)
        if settled.said is Said.HELD:
            self._keep(candidate, arrival, settled)
        told = replace(told, said=settled.said, reason=settled.reason)
        if settled.said is Said.STARTED:
            return replace(candidate, told=told)
        return replace(candidate, told=replace(told, run=None), run=None)

    def _keep(self, candidate: Candidate, arrival: Arrival, settled: Settled) -> None:
        """Let a candidate wait, perhaps in the place of an earlier one."""
        told, gates_, bunch = candidate.told, candidate.gates, settled.bunch
        assert bunch is not None
        assert gates_.hold is not None
        if settled.replaced is not None:
            self._supersede(settled.replaced, told.delivery.id)
        self._places[arrival.id] = len(self._settled)
        self._held[arrival.id] = Held(
            arrival.id, bunch.id, told.namespace, told.workflow, told.trigger, gates_.hold.key,
            told.delivery.route, told.delivery.id, told.item, candidate.actor,
            candidate.chain, gates_.names, arrival.size, bunch.since, bunch.due,
        )  # fmt: skip

    def _supersede(self, replaced: UUID, by: str) -> None:
        place = self._places.get(replaced)
        if place is None:
            self.changes.gone.append(Gone(replaced, Said.SUPERSEDED, _LATER + by))
            return
        del self._held[replaced]
        earlier = self._settled[place]
        told = replace(earlier.told, said=Said.SUPERSEDED, reason=_LATER + by)
        self._settled[place] = replace(earlier, told=told)

    async def _look_up(self, gated: Sequence[Candidate]) -> None:
        """Fill the ledgers with what is known of the keys and groups that are asked for."""
        link = self._connection
        keys = {(c.spot, c.gates.dedupe.key) for c in gated if c.gates.dedupe is not None}
        groups = {(c.spot, c.gates.rate.group) for c in gated if c.gates.rate is not None}
        holds = {(c.spot, c.gates.hold.key) for c in gated if c.gates.hold is not None}
        for spot, of in _by_spot(await gates.firsts(link, keys) if keys else {}).items():
            self._ledgers[spot].firsts = of
        for spot, log in _by_spot(await gates.uses(link, groups) if groups else {}).items():
            self._ledgers[spot].uses = log
        if not holds:
            return
        for spot, bunch in _by_spot(await gates.bunches(link, holds)).items():
            self._ledgers[spot].bunches = bunch
        totals = await gates.held(link, {spot for spot, _ in holds})
        for spot, (count, size) in totals.items():
            self._ledgers[spot].held, self._ledgers[spot].size = count, size


def _by_spot(found: Mapping[tuple[Spot, str], Told]) -> dict[Spot, dict[str, Told]]:
    told: dict[Spot, dict[str, Told]] = {}
    for (spot, key), value in found.items():
        told.setdefault(spot, {})[key] = value
    return told
