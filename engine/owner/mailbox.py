"""What has come for the runs of an owner since its last turn, folded into what the next commits."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from engine.core import machine
from engine.core.event import Cancel, Event, Failed, Started
from engine.core.machine import Decision, Launch
from engine.owner.batch import Batch
from engine.owner.left import ASIDE
from engine.owner.owned import Owned
from engine.store.handouts import Offer
from engine.store.outbox import Sending
from engine.store.turns import Change
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.owner")


class Mailbox:
    """Gathers for the next turn, and rings the `bell` for it; `owned` are the runs that count."""

    def __init__(self, owned: Mapping[UUID, Owned], bell: asyncio.Event) -> None:
        self._owned = owned
        self._bell = bell
        self._told: list[tuple[Owned, Event, int | None]] = []
        self._sent: list[Sending] = []
        self._offers: list[Offer] = []
        self._starts: list[tuple[Owned, Launch, asyncio.Event | None]] = []
        self._settling: list[tuple[Owned, Decision]] = []
        self._aside: list[Change] = []
        self._gates: set[asyncio.Event] = set()

    @property
    def puts_aside(self) -> bool:
        """True if runs are to be put back that were claimed and cannot be loaded."""
        return bool(self._aside)

    def tell(self, one: Owned, event: Event, told: int | None = None) -> None:
        """Let a run hear an event; `told` is the row of its inbox that says so."""
        self._told.append((one, event, told))
        self._bell.set()

    def fail(self, one: Owned, failures: Sequence[Failed]) -> None:
        """Let a run hear of attempts that cannot be made."""
        for each in failures:
            self.tell(one, each)

    def cancel(self, one: Owned, cancel: object) -> None:
        """Let a run hear that somebody wants it to end."""
        assert isinstance(cancel, dict)
        one.heard = True
        self.tell(one, Cancel(str(cancel.get("by", "")), str(cancel.get("reason", ""))))

    def settle(self, one: Owned, decision: Decision) -> None:
        """Look whether the run's row must say something else, then follow a decision."""
        self._settling.append((one, decision))
        self._bell.set()

    def start(self, one: Owned, launch: Launch, waiting: asyncio.Event | None = None) -> None:
        """Journal that an attempt begins; that begins it, or sets what it is `waiting` for."""
        self._starts.append((one, launch, waiting))
        self._bell.set()

    def forget_starts(self) -> None:
        """Let nothing begin that is not written down as begun."""
        self._starts.clear()

    def owe(self, sent: Sequence[Sending] = (), offers: Sequence[Offer] = ()) -> None:
        """Send to the world and hand out what a run owes as it is claimed."""
        self._sent += sent
        self._offers += offers
        if sent or offers:
            self._bell.set()

    def keep(self, gate: asyncio.Event) -> None:
        """Let what was claimed be on the disk, and then open a gate."""
        self._gates.add(gate)
        self._bell.set()

    def put_aside(self, change: Change) -> None:
        """Put back a run that was claimed and cannot be loaded."""
        self._aside.append(change)
        self._bell.set()

    def empty(self, now: datetime, draining: bool) -> Batch:
        """Fold all of it into the runs; return what is to be committed."""
        batch = Batch()
        batch.changes = {each.id: each for each in self._aside}
        self._aside.clear()
        batch.sent, self._sent = self._sent, []
        batch.offers, self._offers = self._offers, []
        batch.gates, self._gates = self._gates, set()
        self._advance(batch, now)
        self._mark(batch, now)
        batch.decisions += [told for told in self._settling if self._is_here(told[0], batch)]
        self._settling.clear()
        for one in {one.id: one for one, _ in batch.decisions}.values():
            # One that has yet to hear of what cannot be handed out stays.
            leaves = (draining or one.leaves) and all(each is not one for each, _, _ in self._told)
            change = None if one.id in batch.changes else one.change(now, leaves)
            if change is not None:
                batch.changes[one.id] = change
        self._take_in(batch)
        return batch

    def _advance(self, batch: Batch, now: datetime) -> None:
        heard, self._told = self._told, []
        for one, event, told in heard:
            if not self._is_here(one, batch):
                continue
            if told is not None:
                batch.taken.setdefault(one.id, []).append(told)
            try:
                decision = machine.advance(one.run, event, now)
            except Exception:
                # A defect of ours, but one of this run alone: the others must not die of it.
                _LOG.exception("run %s cannot be advanced; it is set aside", one.id)
                METRICS.set_aside.inc()
                batch.changes[one.id] = one.lost(now + ASIDE)
                continue
            if not decision.echo:
                one.heard_at = now
                batch.rows.append(one.row(event, now))
                batch.decisions.append((one, decision))
                batch.sent += one.sent(decision)
                if one.run.handed_out or decision.revoked:
                    self.fail(one, batch.hand_out(one, decision))

    def _mark(self, batch: Batch, now: datetime) -> None:
        """Journal the start of attempts that must not be repeated; they begin after the commit."""
        starts, self._starts = self._starts, []
        for one, launch, waiting in starts:
            event = Started(launch.path, launch.attempt)
            if self._is_here(one, batch) and not machine.advance(one.run, event, now).echo:
                batch.rows.append(one.row(event, now))
                if waiting is None:
                    batch.marked.append((one, launch))
                else:
                    batch.waiting.append(waiting)

    def _take_in(self, batch: Batch) -> None:
        """Say of each run how many rows of its inbox it takes; one set aside takes none."""
        for identity, taken in list(batch.taken.items()):
            one = self._owned[identity]
            change = batch.changes.get(identity)
            if change is not None and change.lost:
                del batch.taken[identity]
                continue
            batch.changes[identity] = replace(change or one.kept(), taken=len(taken))

    def _is_here(self, one: Owned, batch: Batch) -> bool:
        """True if the run is still owned, and nothing has set it aside in this turn."""
        return self._owned.get(one.id) is one and one.id not in batch.changes
