"""What runs say to the world and to each other: events, waits, approvals, other runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from engine.core.plan import (
    Approve,
    Assignment,
    Await,
    Emit,
    Otherwise,
    Plan,
    Projection,
    Start,
)
from engine.core.values import Json
from engine.intake import Intake
from engine.relay import Relay
from engine.store import approvals, inbox, leases, outbox
from engine.store.inbox import Telling
from engine.store.outbox import Sending
from engine.store.pool import connect, pool
from tests.core.runs import edge, scope, step
from tests.heart import Allow, House, house, owning, plan, sealed

MINUTE = timedelta(minutes=1)
BY = Projection("by", "event.data.by", {})


@asynccontextmanager
async def relaying(url: str) -> AsyncIterator[Relay]:
    """Give a relay that follows the outbox all the time."""
    async with AsyncExitStack() as stack:
        connection = await stack.enter_async_context(await connect(url, "relay"))
        connections = await stack.enter_async_context(pool(url, "test", 2))
        intake = await stack.enter_async_context(Intake(url, connections, None, Allow()))
        relay = Relay(await leases.lead(connection, "relay"), intake, None)
        task = asyncio.create_task(_follow(relay))
        yield relay
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(relay: Relay) -> None:
    while True:
        await relay.follow()
        await relay.let_in()
        await asyncio.sleep(0.01)


def waits(match: str = "event.data.n == inputs.n", **more: object) -> Plan:
    """Return a plan that waits for the `paid` of its own number."""
    verb = Await(MINUTE, "paid", match, ("data.n", "inputs.n"), **more)  # type: ignore[arg-type]
    made = plan(step("paid", verb=verb, outputs=(BY,)))
    told = Assignment("by", "{{ steps.paid.outputs.by }}", {})
    return sealed(replace(made, root=replace(made.root, outputs=(told,))))


def emits(number: int) -> Plan:
    return plan(step("a", verb=Emit("paid", None, {"n": number, "by": "ann"})))


async def outputs(here: House, run: UUID) -> Json:
    await here.until(run, "succeeded", "failed")
    told: Json = (await here.row(run))["outputs"]
    return told


def test_an_event_reaches_the_run_that_waits_for_it(database_url: str) -> None:
    """
    Of two runs that wait, an event wakes the one whose number it has, once.
    """

    async def check() -> None:
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            (one,) = await here.start(waits(), inputs={"n": 1})
            (two,) = await here.start(waits(), inputs={"n": 2})
            await here.until(one, "waiting")
            await here.until(two, "waiting")
            await here.start(emits(2))

            assert {"by": "ann"} == await outputs(here, two)
            assert "waiting" == (await here.row(one))["status"]

    asyncio.run(check())


def test_a_wait_for_a_long_value_is_one_like_any_other(database_url: str) -> None:
    """
    A value of thousands of characters is waited for, and holds up nobody else.
    """
    long = "".join(chr(0x4E00 + place % 9973) for place in range(20_000))

    async def check() -> None:
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            (run,) = await here.start(waits(), inputs={"n": long})
            await here.until(run, "waiting")
            for each in (2, long):
                await here.start(
                    plan(step("a", verb=Emit("paid", None, {"n": each, "by": f"of {each}"})))
                )

            assert {"by": f"of {long}"} == await outputs(here, run)

    asyncio.run(check())


def test_an_event_that_came_before_the_wait_is_not_lost(database_url: str) -> None:
    """
    A wait looks back to the start of its run: an event that was quicker ends it at once.
    """

    async def check() -> None:
        made = waits()
        wait = made.root.steps[0]
        late = sealed(
            replace(made, root=replace(scope(step("b"), step("paid", edge(0), verb=wait.verb,
                    outputs=wait.outputs)), outputs=made.root.outputs))
        )  # fmt: skip
        async with house(database_url) as here:
            (run,) = await here.start(late, inputs={"n": 3})
            async with relaying(database_url), owning(database_url, hears=True):
                event: Json = {
                    "id": str(uuid4()), "type": "paid", "source": "test",
                    "data": {"n": 3, "by": "bob"},
                }  # fmt: skip
                await outbox.send(here.connection, [Sending(None, "local", "emitted", "", event)])

                assert {"by": "bob"} == await outputs(here, run)

    asyncio.run(check())


@pytest.mark.parametrize("awaited", ["github.pull_request.closed", "github.pull_request"])
@pytest.mark.parametrize("is_early", [True, False])
def test_an_event_of_github_is_read_as_its_payload(
    database_url: str, is_early: bool, awaited: str
) -> None:
    """
    What GitHub tells of stands at the top of such an event, be it here before the wait or after;
    who waits for the event hears of every action.
    """

    async def check() -> None:
        kind = "github.pull_request.closed"
        verb = Await(MINUTE, awaited, "event.number == inputs.n", ("number", "inputs.n"), MINUTE)
        by = Projection("by", "event.sender", {})
        told = Assignment("by", "{{ steps.closed.outputs.by }}", {})
        made = plan(step("closed", verb=verb, outputs=(by,)))
        made = sealed(replace(made, root=replace(made.root, outputs=(told,))))
        events: list[Json] = [
            {"id": str(uuid4()), "type": kind, "source": "test",
             "data": {"number": number, "sender": f"ann-{number}", "type": "ours wins"}}
            for number in (3, 4)
        ]  # fmt: skip
        other: Json = {"id": str(uuid4()), "type": "github.pull_request_review.closed",
                       "source": "test", "data": {"number": 4, "sender": "eve"}}  # fmt: skip
        events.insert(0, other)
        async with house(database_url) as here:
            (run,) = await here.start(made, inputs={"n": 4})
            sent = [Sending(None, "local", "emitted", "", each) for each in events]
            if is_early:
                await outbox.send(here.connection, sent)
            async with relaying(database_url), owning(database_url, hears=True):
                if not is_early:
                    await here.until(run, "waiting")
                    await outbox.send(here.connection, sent)

                assert {"by": "ann-4"} == await outputs(here, run)

    asyncio.run(check())


def test_nobody_who_comes_in_time_is_a_timeout(database_url: str) -> None:
    """
    A wait that may go on without its event ends with null outputs when its time is over.
    """

    async def check() -> None:
        made = waits()
        verb = Await(timedelta(milliseconds=50), "paid", on_timeout=Otherwise.CONTINUE)
        wait = replace(made.root.steps[0], verb=verb)
        brief = sealed(replace(made, root=replace(made.root, steps=(wait,))))
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            (run,) = await here.start(brief, inputs={"n": 3})

            assert {"by": None} == await outputs(here, run)

    asyncio.run(check())


def test_a_decision_ends_an_approval(database_url: str) -> None:
    """
    An approval shows what is asked until somebody has decided on exactly that.
    """

    async def check() -> None:
        verb = Approve(("group:sre",), MINUTE, show="deploy {{ inputs.n }}?")
        made = plan(step("ok", verb=verb))
        told = Assignment("decision", "{{ steps.ok.outputs.decision }}", {})
        made = sealed(replace(made, root=replace(made.root, outputs=(told,))))
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            (run,) = await here.start(made, inputs={"n": 7})
            asked = await _asked(here, run)
            assert ("ok", "deploy 7?") == (asked.path, asked.body["show"])

            for digest in ("another", str(asked.body["asked"])):
                data: Json = {
                    "by": "ann", "approved": True, "asked": digest, "form": {}, "note": "",
                }  # fmt: skip
                async with here.connection.transaction():
                    told_ = [Telling(run, "decided", "ok", digest, data)]
                    await inbox.tell(here.connection, told_)

            assert {"decision": "approved"} == await outputs(here, run)
            async with asyncio.timeout(60):
                while await approvals.listed(here.connection, run, 9):
                    await asyncio.sleep(0.01)

    asyncio.run(check())


async def _asked(here: House, run: UUID) -> approvals.Approval:
    async with asyncio.timeout(60):
        while not (found := await approvals.listed(here.connection, run, 9)):
            await asyncio.sleep(0.01)
    return found[0]


def test_what_is_sent_twice_is_done_once(database_url: str) -> None:
    """
    A relay that dies between following and forgetting follows again: nothing is doubled.
    """

    async def check() -> None:
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(waits(), inputs={"n": 2})
            await here.until(run, "waiting")
            await here.start(emits(2))
            async with asyncio.timeout(60):
                while len(sent := await outbox.take(here.connection, 9)) < 2:
                    await asyncio.sleep(0.01)
            again = [Sending(each.run_id, each.namespace, each.kind, each.path, each.data)
                     for each in sent]  # fmt: skip
            await outbox.send(here.connection, again)
            async with relaying(database_url):
                assert {"by": "ann"} == await outputs(here, run)
                async with asyncio.timeout(60):
                    while await outbox.take(here.connection, 1):
                        await asyncio.sleep(0.01)

            assert 1 == [kind for kind, _, _ in await here.history(run)].count("arrived")

    asyncio.run(check())


def test_a_run_that_is_let_go_hears_what_it_is_told(database_url: str) -> None:
    """
    A run that waits for long has no owner; what it is told brings it back.
    """

    async def check() -> None:
        async with house(database_url) as here:
            async with owning(database_url, hears=True) as serving:
                (run,) = await here.start(waits(), inputs={"n": 2})
                await here.until(run, "waiting")
                serving.owner.drain()
                async with asyncio.timeout(60):
                    while (await here.row(run))["owner"] is not None:
                        await asyncio.sleep(0.01)
            event: Json = {"type": "paid", "data": {"n": 2, "by": "eve"}}
            async with here.connection.transaction():
                await inbox.tell(here.connection, [Telling(run, "arrived", "paid", "k", event)])
            async with owning(database_url, hears=True):
                assert {"by": "eve"} == await outputs(here, run)

    asyncio.run(check())


def test_a_run_starts_another_once(database_url: str) -> None:
    """
    A detached call starts an active workflow under an id that the step gives; no such workflow
    starts nothing and harms nobody.
    """

    async def check() -> None:
        made = plan(step("go", verb=Start("nothing", {})))
        async with (
            house(database_url) as here,
            owning(database_url, hears=True),
            relaying(database_url),
        ):
            (run,) = await here.start(made)
            await here.until(run, "succeeded")
            async with asyncio.timeout(60):
                while await outbox.take(here.connection, 1):
                    await asyncio.sleep(0.01)

    asyncio.run(check())
