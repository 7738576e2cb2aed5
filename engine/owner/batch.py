"""One turn of an owner: what is committed together, and what follows from it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from engine.core.event import Failed, Row
from engine.core.machine import Decision, Launch
from engine.owner.handing import handed_out
from engine.owner.owned import Owned
from engine.store.handouts import Offer
from engine.store.outbox import Sending
from engine.store.turns import Change


@dataclass(slots=True)
class Batch:
    """What to commit, and what follows from it once it is committed.

    `taken` are rows of the inbox by run. `offers` are attempts for workers of pools, `revoked`
    run, path and attempt of those that nobody waits for any more. `gate` opens when it is
    committed: the attempts that wait there may begin, and those under way that have asked to be
    `marked` go on, as do those at the `gates` of runs that were claimed before.
    `is_lazy`: it writes nothing, so what it claims is not on the disk yet.
    """

    rows: list[tuple[UUID, Row]] = field(default_factory=list)
    changes: dict[UUID, Change] = field(default_factory=dict)
    sent: list[Sending] = field(default_factory=list)
    taken: dict[UUID, list[int]] = field(default_factory=dict)
    offers: list[Offer] = field(default_factory=list)
    revoked: list[tuple[UUID, str, int]] = field(default_factory=list)
    decisions: list[tuple[Owned, Decision]] = field(default_factory=list)
    marked: list[tuple[Owned, Launch]] = field(default_factory=list)
    waiting: list[asyncio.Event] = field(default_factory=list)
    gates: set[asyncio.Event] = field(default_factory=set)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    is_ready: bool = False
    is_lazy: bool = False

    def hand_out(self, one: Owned, decision: Decision) -> Sequence[Failed]:
        """Offer what workers of pools are to do, and take back what nobody waits for any more.

        Return the failures of what cannot be handed out.
        """
        offers, failures = handed_out(one.run, decision.launches)
        self.offers += offers
        steps = (one.run.steps[path] for path in decision.revoked)
        gone = {(one.id, each.path, each.attempt) for each in steps if each.step.is_handed_out}
        if gone:
            self.revoked += gone
            self.offers = [e for e in self.offers if (e.run, e.path, e.attempt) not in gone]
        return failures
