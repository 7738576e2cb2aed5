"""What wakes processes: Valkey, another broker of Dramatiq's, or nothing but the sweep."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from dramatiq.broker import Broker
from dramatiq.brokers.stub import StubBroker

from engine import runs
from engine.broker import EVERY, RUNS, Bell, HintBroker, ring, serving_queue
from engine.clock import Clock
from engine.core.plan import Plan
from engine.hints import Hints
from engine.owner import Owner
from engine.performer import Performer
from engine.store import schedules, workers
from engine.store.handouts import Served
from engine.store.pool import OWNER, connect
from engine.sweep import Sweep
from tests.core.runs import edge, step
from tests.heart import Gate, House, calls, executor, house, plan, pooled
from tests.pools import arrived

_POOL = "gpu"
_NEVER, _OFTEN = timedelta(hours=1), timedelta(milliseconds=50)
History = list[tuple[str, str, int]]


def stub() -> StubBroker:
    """Return a broker in memory, which demands that a queue is known before it is sent to."""
    broker = StubBroker()
    for queue in ("relay", serving_queue(EVERY)):
        broker.declare_queue(queue)
    return broker


@asynccontextmanager
async def working(url: str, hears: Broker | None, tells: Broker | None, *operations: Any,
                  ) -> AsyncIterator[Bell | None]:  # fmt: skip
    """Be a worker of runs and of a pool. With a broker the sweep never comes."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await connect(url, OWNER, plan_once=True))
        taking, side = [
            await stack.enter_async_context(await connect(url, name))
            for name in ("performer", "sweep")
        ]
        served, how = Served((_POOL,), {}), executor(*operations)
        worker = await workers.register(connection, RUNS, "test", 1, served)
        bell = None if tells is None else Bell(tells)
        clock = Clock(await schedules.now(side))
        owner = Owner(connection, worker, RUNS, how, 100, clock, bell)
        performer = Performer(taking, worker, served, how, 10, bell, owner.look)
        period = _OFTEN if hears is None else _NEVER
        sweep = Sweep(side, owner, clock, period, _NEVER, performer)
        if hears is not None:
            hints = Hints(hears)
            hints.listen(RUNS, worker, owner.attend, owner.look, performer.attend, (_POOL,))
            stack.push_async_callback(asyncio.to_thread, hints.close)
        tasks = [asyncio.create_task(each.serve()) for each in (owner, performer, sweep)]
        try:
            yield bell
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def shift() -> Plan:
    """Return steps of the owner and of a pool, one after the other."""
    return plan(step("a"), pooled("b", edge(0), operation="echo.say@1"), step("c", edge(1)))


async def lived(
    here: House, hears: Broker | None, tells: Broker | None
) -> tuple[History, History, list[str]]:
    """Return what the journals say of a run that ends, and of one that is cancelled."""
    gate = Gate()
    async with working(here.url, hears, tells, gate) as bell:
        await asyncio.sleep(0)
        (ends,) = await here.start(shift())
        ring(bell, [(None, RUNS)])
        (stops,) = await here.start(plan(step("a", verb=calls("test.gate@1")), name="stops"))
        ring(bell, [(None, RUNS)])
        await arrived(gate)
        await runs.cancel(here.connection, bell, stops, "ann", "no")
        how = [await here.until(each, "succeeded", "cancelled") for each in (ends, stops)]
        return await here.history(ends), await here.history(stops), how


def test_a_run_is_the_same_whatever_wakes_its_worker(database_url: str, redis_url: str):
    """
    A run with steps of a pool, and one that is cancelled, go the same way through Valkey, through
    Dramatiq's broker in memory, and through none, where the sweep finds all of it.
    """
    memory = stub()

    async def story() -> None:
        async with house(database_url) as here:
            valkey = await lived(here, HintBroker(redis_url), HintBroker(redis_url))
            other = await lived(here, memory, memory)
            none = await lived(here, None, None)

        assert ["succeeded", "cancelled"] == valkey[2]
        assert valkey == other
        assert valkey == none

    asyncio.run(story())
