"""Events that start runs, callbacks, and texts that PostgreSQL cannot hold, through the relay."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine import callbacks as door
from engine.core import codec
from engine.core.plan import FORMAT, Assignment, Await, Emit, Plan, Projection, Trigger
from engine.core.values import Json
from engine.errors import Conflict
from engine.store import callbacks, events, outbox, plans, sources, workflows
from engine.store.callbacks import Callback
from engine.store.outbox import Sending
from engine.store.plans import StoredPlan
from engine.store.workflows import Activation, Active
from tests.core.runs import step
from tests.heart import House, house, owning, plan, sealed
from tests.test_relay import MINUTE, outputs, relaying


async def activate(here: House, made: Plan) -> None:
    """Make a plan the active one of its name, as the reconciler does it."""
    async with here.connection.transaction():
        await plans.insert(here.connection, [StoredPlan(made.digest, FORMAT, codec.encode(made))])
        await sources.declare(
            here.connection,
            {"name": "hand", "namespace": "local", "environment": "test", "url": "/hand",
             "ref": "refs/heads/main", "root": ".", "verify": "none"},
        )  # fmt: skip
        active = Active("local", made.name, "hand", "c0ffee", made.digest, made.file, made.title)
        wanted = Activation("local", "hand", None, "c0ffee", [active], [], [])
        assert await workflows.activate(here.connection, wanted)


def started_by(type_: str, filter_: str | None = None) -> Plan:
    """Return a plan that events of a type start, and that says their `n`."""
    trigger = Trigger(
        "paid", "event", {"event": type_}, filter=filter_, arguments={"n": "{{ event.data.n }}"}
    )
    made = plan(step("a"), name="pay")
    inputs: Json = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    return sealed(replace(made, inputs=inputs, triggers=(trigger,)))


def paid(n: Json, **more: Json) -> Sending:
    data = {"id": str(uuid4()), "type": "paid", "source": "/orders", "data": {"n": n}, **more}
    return Sending(None, "local", "emitted", "", data)


async def until_followed(here: House) -> None:
    async with asyncio.timeout(60):
        while await outbox.take(here.connection, 1):
            await asyncio.sleep(0.01)


def test_an_event_starts_what_it_triggers_once(database_url: str):
    """
    Each event and trigger leave one decision, whatever comes twice; a run that is started knows
    its event by the sender's id, and who has sent it.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url), relaying(database_url):
            await activate(here, started_by("paid", "event.data.n != 2"))
            one = paid(1, identity="order-1", actor="token:ann")
            await outbox.send(here.connection, [one, one, paid(2), paid("three")])
            await until_followed(here)

            assert ["filtered", "invalid", "started"] == await _column(
                here, "SELECT said FROM decisions WHERE route = 'local:events' ORDER BY said"
            )
            ((inputs, told),) = await _rows(here, "SELECT inputs, trigger FROM runs")
            assert {"n": 1} == inputs
            assert ["event", "paid", "token:ann", "order-1"] == [
                told["type"], told["id"], told["actor"], told["event"]["id"],
            ]  # fmt: skip

    asyncio.run(check())


def test_a_run_that_emits_has_started_what_comes_of_it(database_url: str):
    """
    What a run's event starts was started by that run, so that approvals know who stands behind it.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url):
            (run,) = await here.start(plan(step("a", verb=Emit("paid", None, {"n": 5}))))
            await here.until(run, "succeeded")
            await activate(here, started_by("paid"))
            async with relaying(database_url):
                await until_followed(here)

            statement = "SELECT trigger->>'actor' FROM runs WHERE workflow = 'pay'"
            assert [f"run/{run}"] == await _column(here, statement)

    asyncio.run(check())


def test_a_callback_ends_a_wait(database_url: str):
    """
    A wait for a request is ended by one body, which it reads as `event`; then it is over.
    """

    async def check() -> None:
        verb = Await(MINUTE, callback={"type": "object"})
        made = plan(step("ready", verb=verb, outputs=(Projection("by", "event.by", {}),)))
        told = Assignment("by", "{{ steps.ready.outputs.by }}", {})
        made = sealed(replace(made, root=replace(made.root, outputs=(told,))))
        async with house(database_url) as here, owning(database_url), relaying(database_url):
            (run,) = await here.start(made)
            wait = await _handed_out(here, run)
            await door.take(here.connection, None, run, "ready", wait.id, {"by": "ann"})
            with pytest.raises(Conflict):
                await door.take(here.connection, None, run, "ready", wait.id, {"by": "bob"})

            assert {"by": "ann"} == await outputs(here, run)
            async with asyncio.timeout(60):
                while await callbacks.listed(here.connection, run, "", 9):
                    await asyncio.sleep(0.01)

    asyncio.run(check())


def test_a_nul_harms_nobody(database_url: str):
    """
    An event with a character that PostgreSQL cannot look for is kept and passed on all the same,
    and so are those behind it.
    """

    async def check() -> None:
        verb = Await(MINUTE, "paid", None, ("data.n", "inputs.n"))
        made = plan(step("paid", verb=verb))
        async with house(database_url) as here, owning(database_url), relaying(database_url):
            (one,) = await here.start(made, inputs={"n": "a\0b"})
            (two,) = await here.start(made, inputs={"n": "\\u0000"})
            await here.until(one, "waiting")
            await here.until(two, "waiting")
            bad = paid("a\0b", subject="s\0s")
            await outbox.send(here.connection, [bad, paid("\\u0000")])

            assert "succeeded" == await here.until(one, "succeeded", "failed")
            assert "succeeded" == await here.until(two, "succeeded", "failed")
            listed = await events.listed(here.connection, ["local"], None, None, 9)
            assert {"s\ufffds", None} == {each.subject for each in listed}

    asyncio.run(check())


async def _handed_out(here: House, run: UUID) -> Callback:
    async with asyncio.timeout(60):
        while not (found := await callbacks.listed(here.connection, run, "", 9)):
            await asyncio.sleep(0.01)
    return found[0]


async def _rows(here: House, statement: str) -> list[tuple[Any, ...]]:
    return await (await here.connection.execute(statement.encode())).fetchall()


async def _column(here: House, statement: str) -> list[Any]:
    return [row[0] for row in await _rows(here, statement)]
