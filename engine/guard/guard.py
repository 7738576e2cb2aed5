"""The guard of a worker's calls: one pool of connections for all that workers share about calls."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import TypeAlias
from uuid import UUID

from uuid_utils.compat import uuid7

from engine import files
from engine.artifacts import Artifacts
from engine.core.attempt import Attempt, first_of
from engine.core.event import Succeeded
from engine.core.expression import Compiled
from engine.core.plan import Circuit
from engine.core.priority import LEVELS
from engine.core.spilled import decode
from engine.core.values import Json
from engine.errors import Invalid, NotFound, Unavailable
from engine.guard.cache import Cache
from engine.guard.circuits import Circuits
from engine.guard.rates import Rates
from engine.guard.refusal import Refused
from engine.guard.slots import Slots
from engine.store.pool import Pool, pool
from engine.store.slots import Slot
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.guard")
# Says what a call came to: the class of its error, or nothing where it succeeded.
Tell: TypeAlias = Callable[[Json], None]

_CONNECTIONS = 4
_NONE = timedelta(0)
_LONGEST_GROUP = 200
# The far side answered a call that failed for good; only these say that it is not well.
_UNWELL = frozenset({"transient", "unknown"})


class Guard:
    """Lets calls through, and remembers what they gave. Made by `guarding`."""

    def __init__(self, connections: Pool) -> None:
        self._cache = Cache(connections)
        self._circuits = Circuits(connections)
        self._rates = Rates(connections)
        self._slots = Slots(connections)

    @asynccontextmanager
    async def turn(self, attempt: Attempt) -> AsyncIterator[Tell]:
        """Let one call be made inside, and take what it came to.

        It waits for a slot and then for its turn by rate, as long as is left of `timeout.queue`,
        and raises Refused if the call must not be made. Raise EvaluationError or ValueError for a
        group that cannot be told.
        """
        plan, namespace = attempt.step.plan, attempt.namespace
        try:
            if plan.circuit is not None:
                await self._circuits.check(namespace, plan.circuit)
            async with AsyncExitStack() as stack:
                await self._wait(attempt, stack)
                if plan.circuit is None:
                    yield _ignore
                else:
                    number = await self._circuits.enter(namespace, plan.circuit)
                    yield self._teller(namespace, plan.circuit, number)
        except Refused as refused:
            METRICS.unmade.labels(refused.type).inc()
            raise

    async def recall(
        self, attempt: Attempt, key: bytes, artifacts: Artifacts, retain: timedelta
    ) -> Succeeded | None:
        """Return an earlier outcome of the same call, if there is one and its files are there.

        The files are then retained from now on, as if they had just been made: for `retain` where
        they are outputs that are passed by reference.
        """
        found = await self._cache.find(key)
        if found is None:
            return None
        spilled = {name: decode(each) for name, each in found.spilled.items()}
        try:
            await asyncio.to_thread(
                files.prolong, attempt.step.plan.artifacts, found.artifacts, artifacts
            )
            for each in spilled.values():
                await asyncio.to_thread(artifacts.prolong, each.told(), retain)
        except (Invalid, NotFound, Unavailable):
            METRICS.cache.labels("stale").inc()
            return None
        METRICS.cache.labels("hit").inc()
        return Succeeded(
            attempt.path, attempt.number, found.outputs, found.artifacts, True, spilled
        )

    def remember(self, attempt: Attempt, key: bytes, outcome: Succeeded) -> None:
        """Keep an outcome for calls to come; it is written soon, or lost."""
        assert attempt.step.plan.cache is not None
        ttl = attempt.step.plan.cache.ttl
        self._cache.keep(key, outcome, ttl)

    async def serve(self) -> None:
        """Write and read what is shared, until cancelled; log a defect whole, and go on."""
        async with asyncio.TaskGroup() as tasks:
            for each in (self._cache, self._circuits, self._slots):
                tasks.create_task(_always(each.serve))

    async def _wait(self, attempt: Attempt, stack: AsyncExitStack) -> None:
        """Wait for a slot, which the stack gives back, and for a turn."""
        plan, loop = attempt.step.plan, asyncio.get_running_loop()
        began, patience = loop.time(), max(_NONE, plan.timeout.queue - attempt.waited)
        if plan.concurrency is not None:
            group = _group(attempt, attempt.step.slot_group)
            if plan.concurrency.scope == "workflow":
                group = f"{attempt.workflow}/{group}"
            level, key = first_of(attempt)
            level = LEVELS["normal"] if level is None else level
            slot = Slot(
                uuid7(), attempt.namespace, group, UUID(attempt.run), attempt.path, level, key
            )
            await stack.enter_async_context(self._slots.hold(slot, plan.concurrency, patience))
            METRICS.turns.labels("concurrency").observe(loop.time() - began)
        if plan.rate is not None:
            begun, uses = loop.time(), attempt.step.uses
            group = _group(attempt, attempt.step.rate_group)
            if not plan.rate.group and uses is not None:
                group = f"{attempt.workflow}/{uses.operation}"
            rest = patience - timedelta(seconds=begun - began)
            await self._rates.wait(attempt.namespace, group, plan.rate, rest)
            METRICS.turns.labels("rate").observe(loop.time() - begun)

    def _teller(self, namespace: str, rules: Circuit, number: int) -> Tell:
        def tell(error_class: Json) -> None:
            self._circuits.leave(namespace, rules, number, error_class in _UNWELL)

        return tell


@asynccontextmanager
async def guarding(url: str) -> AsyncIterator[Guard]:
    """Give the guard of a worker."""
    async with pool(url, "guard", _CONNECTIONS, durable=False) as connections:
        guard = Guard(connections)
        serving = asyncio.create_task(guard.serve())
        try:
            yield guard
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


async def _always(serve: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await serve()
        except Exception:
            _LOG.exception("a duty of the guard has a defect; it begins anew")
            await asyncio.sleep(1)


def _ignore(error_class: Json) -> None:
    return None


def _group(attempt: Attempt, template: Compiled) -> str:
    group = str(template.evaluate(attempt.names))
    if len(group) > _LONGEST_GROUP:
        raise ValueError(f"a group has at most {_LONGEST_GROUP} characters; this has {len(group)}")
    return group
