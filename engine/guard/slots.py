"""Slots of groups of steps: a step has one while it works, and waits for it before.

Whoever waits stands in the group's rows, for all workers to see. Whoever comes, and whoever looks
whether it is his turn, decides on the whole group, alone, by the same rules as all others.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import UUID

from engine.core.admission import Conflict, Rules, arrive, let_in
from engine.core.plan import Concurrency
from engine.core.priority import Waiter, ordered, turn
from engine.guard.refusal import Refused
from engine.store import slots
from engine.store.pool import AWAY, Connection, Pool
from engine.store.slots import Member, Slot

_LOG = logging.getLogger("sark.guard")
# How soon a slot that another worker has given back is seen, and how soon that one's own is taken.
_LOOK_SECONDS = 0.25
_HELD_SECONDS = 1.0
_Waiting = asyncio.Future[None]


class Slots:
    """Takes slots for the steps of one worker, and gives them back."""

    def __init__(self, connections: Pool) -> None:
        self._connections = connections
        self._waiting: dict[UUID, tuple[Slot, _Waiting]] = {}
        self._held: dict[UUID, asyncio.Timeout] = {}
        self._given: list[UUID] = []
        self._bell = asyncio.Event()

    @asynccontextmanager
    async def hold(self, slot: Slot, told: Concurrency, patience: timedelta) -> AsyncIterator[None]:
        """Hold a slot inside; raise Refused if there is none in time, or no place to wait.

        While the database is away there is none. Raise Refused, too, if a step that came later
        takes the place: what is done inside is then cancelled.
        """
        limit = asyncio.timeout(None)
        try:
            await self._take(slot, told, patience)
            async with limit:
                self._held[slot.id] = limit
                self._bell.set()
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise _superseded(slot) from None
        finally:
            # Even one that was perhaps not taken: the answer to the question may have been lost.
            self._held.pop(slot.id, None)
            self._given.append(slot.id)
            self._bell.set()

    async def serve(self) -> None:
        """Give back what is not needed any more, and look whose turn it is, until cancelled."""
        while True:
            pause = _LOOK_SECONDS if self._waiting else _HELD_SECONDS if self._held else None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._bell.wait()
            self._bell.clear()
            try:
                await self._look()
            except AWAY as error:
                _LOG.warning("slots cannot be looked at: %s", type(error).__name__)
                await asyncio.sleep(_LOOK_SECONDS)
                self._bell.set()

    async def _look(self) -> None:
        """Give back, let in whoever may, and tell those of this worker what has become of them."""
        given, groups = self._given[:], {
            (slot.namespace, slot.group) for slot, _ in self._waiting.values()
        }  # fmt: skip
        mine = [*self._waiting, *self._held]
        async with self._connections.connection() as connection:
            if given:
                await slots.give_back(connection, given)
                del self._given[: len(given)]
            for namespace, group in sorted(groups):
                async with connection.transaction():
                    await _settle(connection, await slots.members(connection, namespace, group))
            told = await slots.standing(connection, mine) if mine else ()
        for each in told:
            if each.id in self._waiting:
                slot, waiting = self._waiting[each.id]
                if not waiting.done() and each.is_over:
                    waiting.set_exception(_replaced(slot))
                elif not waiting.done() and each.is_taken:
                    waiting.set_result(None)
            elif each.is_over and (limit := self._held.pop(each.id, None)) is not None:
                limit.reschedule(asyncio.get_running_loop().time())

    async def _take(self, slot: Slot, told: Concurrency, patience: timedelta) -> None:
        loop = asyncio.get_running_loop()
        waiting: _Waiting = loop.create_future()
        words = f"none was free within {patience.total_seconds():g} s (timeout.queue)"
        over = _refused(slot, told, words, "sark.queue_timeout")
        try:
            async with asyncio.timeout(patience.total_seconds()):
                if await self._asked(slot, told):
                    return
                self._waiting[slot.id] = (slot, waiting)
                self._bell.set()
                await waiting
        except TimeoutError:
            raise over from None
        finally:
            self._waiting.pop(slot.id, None)

    async def _asked(self, slot: Slot, told: Concurrency) -> bool:
        """Stand in the group; return whether there is a slot already. Raise Refused if not."""
        while True:
            try:
                async with self._connections.connection() as connection, connection.transaction():
                    return await _arrive(connection, slot, told)
            except AWAY as error:
                _LOG.warning("no slot can be taken: %s", type(error).__name__)
                await asyncio.sleep(_LOOK_SECONDS)


async def _arrive(connection: Connection, slot: Slot, told: Concurrency) -> bool:
    """Let a step stand in its group, or refuse it; return whether it has a slot already."""
    members = await slots.members(connection, slot.namespace, slot.group)
    if not any(each.id == slot.id for each in members):  # the answer to it may have been lost
        live, waiting = _parted(members)
        rules = Rules(told.limit, Conflict(told.on_conflict), told.max_queue)
        admission = arrive(
            rules, [each.id for each in live], [each.id for each in waiting], slot.id
        )
        if slot.id in admission.refused:
            words = f"{told.max_queue} wait already (concurrency.max_queue)"
            if told.on_conflict == "reject":
                words = "all are taken (concurrency.on_conflict: reject)"
            raise _refused(slot, told, words)
        await slots.judge(connection, {*admission.refused, *admission.cancelled})
        number = turn(slot.fair_key, _turns(live), _turns(waiting))
        if not await slots.stand(connection, slot, number, told.limit):
            raise _refused(slot, told, "the run is another worker's by now")
        members = await slots.members(connection, slot.namespace, slot.group)
    return slot.id in await _settle(connection, members)


async def _settle(connection: Connection, members: Sequence[Member]) -> set[UUID]:
    """Let in whoever may begin; return all who have a slot then."""
    live, waiting = _parted(members)
    waiters = [Waiter(each, each.level, each.turn, each.asked_at) for each in waiting]
    found: list[UUID] = []
    if waiters:
        line = [(each.id.id, each.id.limit) for each in ordered(waiters, waiting[0].now)]
        found = let_in(len(live), line)
        if found:
            await slots.take(connection, found)
    return {*(each.id for each in live), *found}


def _parted(members: Sequence[Member]) -> tuple[list[Member], list[Member]]:
    """Return who has a slot, the oldest first, and who waits."""
    waiting = [each for each in members if each.taken_at is None]
    live = [(each.taken_at, each.id, each) for each in members if each.taken_at is not None]
    return [each for _, _, each in sorted(live, key=lambda told: told[:2])], waiting


def _turns(members: Sequence[Member]) -> list[tuple[str, int]]:
    return [(each.fair_key, each.turn) for each in members]


def _refused(slot: Slot, told: Concurrency, words: str, kind: str = "sark.concurrency") -> Refused:
    return Refused(kind, f"group {slot.group!r} has {told.limit} slots, and {words}")


def _replaced(slot: Slot) -> Refused:
    """Return why a step waits no more. It may not come again: it would replace its successor."""
    detail = f"a step that came later took its place in the line of group {slot.group!r}"
    return Refused("sark.concurrency", detail, error_class="permanent")


def _superseded(slot: Slot) -> Refused:
    detail = (
        f"a step that came later took its slot of group {slot.group!r} "
        "(concurrency.on_conflict: cancel_running); whether it took effect is unknown"
    )
    return Refused("sark.superseded", detail, error_class="permanent")
