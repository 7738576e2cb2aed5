"""Runs that start when a run of another workflow has ended, and how long such chains become."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any
from uuid import UUID

import pytest

from engine.core.values import Json
from engine.intake import Intake, Start
from engine.owner import owned
from engine.runs import cancel
from engine.store import outbox
from engine.store.outbox import Sending
from engine.store.pool import pool
from tests.heart import Allow, House, house, owning
from tests.test_relay import relaying
from tests.webhooks.served import activate

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
LOAD = """load
inputs:
  n: {type: integer, default: 7}
steps:
  a: {set: {n: {type: integer, value: "{{ inputs.n }}"}}}
outputs:
  n: {type: integer, value: "{{ steps.a.outputs.n }}"}
"""
FAILS = "load\nsteps:\n  a: {fail: {type: acme.no, message: no}}\n"
AFTER = """after
triggers:
  loaded:
    type: workflow
    workflow: load
    filter: event.outputs.n > 0
    with: {n: "{{ event.outputs.n }}", run: "{{ event.run }}", state: "{{ event.state }}"}
inputs:
  n: {type: integer}
  run: {type: string}
  state: {type: string}
steps:
  a: {set: {n: {type: integer, value: "{{ inputs.n }}"}}}
"""
ALARM = """alarm
triggers:
  broken:
    type: workflow
    workflow: load
    states: [failed, cancelled]
    with: {why: "{{ event.error.type | default('nothing') }}", state: "{{ event.state }}"}
inputs:
  why: {type: string}
  state: {type: string}
steps:
  a: {set: {n: {type: string, value: "{{ inputs.why }}"}}}
"""
AGAIN = """again
triggers:
  by_hand: {type: manual}
  again: {type: workflow, workflow: again, max_chain: 3}
steps:
  a: {set: {n: {type: integer, value: "{{ 1 }}"}}}
"""


@dataclass
class Scene:
    """A database with a relay, an owner and an intake at work."""

    here: House
    intake: Intake

    async def use(self, *specs: str) -> None:
        """Make these specs the active ones of their source."""
        told = {f"{text.partition(chr(10))[0]}.yaml": HEAD + text for text in specs}
        await activate(self.here.url, told, "local", "shop")

    async def run(self, workflow: str, **inputs: Json) -> UUID:
        """Start a run and wait for its end."""
        started = await self.intake.start(Start("local", workflow, inputs, "token:ann"))
        await self.here.until(started.run, "succeeded", "failed", "cancelled", patience=60)
        return started.run

    async def settle(self) -> None:
        """Wait until nothing is under way any more."""
        async with asyncio.timeout(60):
            while await self._is_busy():
                await asyncio.sleep(0.01)

    async def _is_busy(self) -> bool:
        busy = (
            "SELECT EXISTS (SELECT FROM outbox) OR EXISTS (SELECT FROM runs WHERE ended_at IS NULL)"
        )
        return bool((await self.rows(busy))[0][0])

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        cursor = await self.here.connection.execute(statement.encode())
        return await cursor.fetchall()

    async def inputs(self, workflow: str) -> list[Any]:
        """Return the inputs of all runs of a workflow, oldest first."""
        told = await self.rows("SELECT workflow, inputs FROM runs ORDER BY id")
        return [inputs for name, inputs in told if name == workflow]

    async def decided(self) -> list[tuple[Any, ...]]:
        return await self.rows(
            "SELECT workflow, said, reason FROM decisions WHERE route = 'local:ended' ORDER BY 1, 2"
        )


@asynccontextmanager
async def scene(url: str, *, is_followed: bool = True) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(house(url))
        connections = await stack.enter_async_context(pool(url, "test", 2))
        intake = await stack.enter_async_context(Intake(url, connections, None, Allow()))
        await stack.enter_async_context(owning(url, hears=True))
        if is_followed:
            await stack.enter_async_context(relaying(url))
        yield Scene(here, intake)


def played(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


def test_a_run_starts_what_follows_its_workflow(database_url: str) -> None:
    """
    The end of a run starts the workflow that waits for it, with the outputs of that run, and what
    has started it is on record.
    """

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(LOAD, AFTER)
            run = await made.run("load", n=3)
            await made.settle()

            assert [{"n": 3, "run": str(run), "state": "succeeded"}] == await made.inputs("after")
            assert [("after", "started", "")] == await made.decided()
            ((told,),) = await made.rows("SELECT trigger FROM runs WHERE workflow = 'after'")
            assert ["workflow", f"run/{run}", 2] == [told[k] for k in ("type", "actor", "chain")]
            keys = ["commit", "ended_at", "error", "flags", "outputs", "run", "started_at"]
            assert [*keys, "state", "workflow"] == sorted(told["event"])

    played(story)


@pytest.mark.parametrize(
    ("load", "expected"),
    [(LOAD, []), (FAILS, [{"why": "acme.no", "state": "failed"}])],
)
def test_only_the_states_that_are_asked_for_count(
    database_url: str, load: str, expected: list[Json]
) -> None:
    """
    A trigger for failures starts on a failure alone; another end is a decision with its reason.
    """

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(load, ALARM)
            await made.run("load")
            await made.settle()

            assert expected == await made.inputs("alarm")
            ((_, said, reason),) = await made.decided()
            told = ("unmatched", "the run has ended as succeeded")
            assert (("started", "") if expected else told) == (said, reason)

    played(story)


def test_a_filter_reads_the_outputs(database_url: str) -> None:
    """
    A filter over the outputs that is false starts nothing.
    """

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(LOAD, AFTER)
            await made.run("load", n=0)
            await made.settle()

            assert ["filtered"] == [each[1] for each in await made.decided()]

    played(story)


def test_an_end_that_is_followed_twice_starts_one_run(database_url: str) -> None:
    """
    A relay that dies between starting and forgetting follows again: the run is started once.
    """

    async def story() -> None:
        async with scene(database_url, is_followed=False) as made:
            await made.use(LOAD, AFTER)
            run = await made.run("load")
            (sent,) = await outbox.take(made.here.connection, 9)
            assert ("ended", run, "load") == (sent.kind, sent.run_id, sent.workflow)
            await outbox.send(made.here.connection, [Sending(run, "local", "ended", "", None)] * 2)
            async with relaying(database_url):
                await made.settle()

            assert 1 == len(await made.inputs("after"))
            assert 1 == len(await made.decided())

    played(story)


def test_a_run_that_nobody_follows_leaves_nothing(database_url: str) -> None:
    """
    The end of a run is written for nobody where nobody waits for it, or no longer does.
    """

    async def story() -> None:
        async with scene(database_url, is_followed=False) as made:
            await made.use(LOAD, AFTER)
            await made.use(LOAD)
            assert [] == await made.rows("SELECT 1 FROM follows")
            await made.use(LOAD, AFTER, ALARM)
            await made.use(LOAD, AFTER.replace("workflow: load", "workflow: other"), OTHER)
            assert [("other", "after")] == await made.rows("SELECT workflow, follower FROM follows")
            await made.run("load")

            assert [] == await outbox.take(made.here.connection, 9)

    OTHER = LOAD.replace("load\n", "other\n", 1)
    played(story)


def test_what_was_active_before_is_followed(database_url: str) -> None:
    """
    Workflows that were active before anything could follow another are known as followers.
    """
    text = (files("engine.store") / "migrations" / "0013_follows.sql").read_text()
    begin = text.index("INSERT INTO follows")

    async def story() -> None:
        async with scene(database_url, is_followed=False) as made:
            await made.use(LOAD, AFTER, ALARM)
            kept = await made.rows("DELETE FROM follows RETURNING workflow, follower")
            statement = text[begin : text.index(";", begin)]
            again = await made.rows(f"{statement} RETURNING workflow, follower")

            assert [("load", "after"), ("load", "alarm")] == sorted(kept) == sorted(again)

    played(story)


def test_a_run_that_its_group_refuses_has_ended_too(database_url: str) -> None:
    """
    A run that never began, for its group had no place, starts what waits for cancelled runs.
    """
    rules = "concurrency: {group: one, limit: 1, on_conflict: reject}\n"
    slow = LOAD.replace("steps:\n  a: {", f"{rules}steps:\n  w: {{wait: {{for: 60s}}}}\n  a: {{")

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(slow, ALARM)
            first = await made.intake.start(Start("local", "load", {}, "token:ann"))
            await made.here.until(first.run, "waiting", "running", patience=60)
            await made.run("load")
            async with asyncio.timeout(60):
                while not await made.inputs("alarm"):
                    await asyncio.sleep(0.01)
            told = {"why": "sark.concurrency", "state": "cancelled"}
            assert [told] == await made.inputs("alarm")
            await cancel(made.here.connection, None, first.run, "ann", "")
            await made.settle()

            assert 2 == len(await made.inputs("alarm"))

    played(story)


def test_a_run_that_ends_while_its_owner_lets_go(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A run that was parked and is ended by somebody is followed as any other.
    """
    monkeypatch.setattr(owned, "PARK_AFTER", owned.PARK_AFTER * 0)
    waits = LOAD.replace("steps:\n", "steps:\n  w: {wait: {for: 60s}}\n")

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(waits, ALARM)
            run = (await made.intake.start(Start("local", "load", {}, "token:ann"))).run
            await made.here.until(run, "waiting", patience=60)
            await cancel(made.here.connection, None, run, "ann", "")
            await made.here.until(run, "cancelled", patience=60)
            await made.settle()

            assert ["cancelled"] == [each["state"] for each in await made.inputs("alarm")]

    played(story)


def test_a_circle_is_as_long_as_it_may_be(database_url: str) -> None:
    """
    A workflow that follows itself runs as often in turn as `max_chain` says, and the last one
    leaves a decision that says why it starts no other.
    """

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(AGAIN)
            await made.run("again")
            await made.settle()

            assert [(1,), (2,), (3,)] == await made.rows("SELECT chain FROM runs ORDER BY id")
            last = (await made.decided())[0]
            reason = "it would be run 4 of a chain of runs that start each other; at most 3 may"
            assert ("again", "denied", reason) == last

    played(story)


def test_a_chain_of_two_sources_has_an_end(database_url: str) -> None:
    """
    Workflows of two sources that start each other, which no check of one commit can see, end
    after 16 runs: by the end of a run, by an event, by a call that is detached.
    """
    ping = "ping\ntriggers:\n  h: {type: manual}\n  p: {type: event, event: acme.pong}\n"
    ping += "steps:\n  a: {emit: {type: acme.ping}}\n"
    pong = "pong\ntriggers:\n  p: {type: event, event: acme.ping}\n"
    pong += "steps:\n  a: {emit: {type: acme.pong}}\n"

    async def story() -> None:
        async with scene(database_url) as made:
            await activate(made.here.url, {"ping.yaml": HEAD + ping}, "local", "one")
            await activate(made.here.url, {"pong.yaml": HEAD + pong}, "local", "two")
            await made.run("ping")
            await made.settle()

            chains = await made.rows("SELECT chain FROM runs ORDER BY id")
            assert list(range(1, 17)) == [chain for (chain,) in chains]
            denied = "SELECT workflow, reason FROM decisions WHERE said = 'denied'"
            ((name, reason),) = await made.rows(denied)
            assert "ping" == name
            assert "run 17 of a chain" in reason

    played(story)


def test_a_detached_call_may_be_second(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """
    A detached call of a workflow whose idempotency key is taken starts nothing, harms nobody, and
    the log names the run in its way.
    """
    once = LOAD.replace("\ninputs:", "\nidempotency: {key: one}\ninputs:")

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(once, "calls\nsteps:\n  a: {call: load, detach: true, with: {n: 1}}\n")
            first = await made.run("load")
            await made.run("calls")
            await made.settle()

            assert [{"n": 7}] == await made.inputs("load")
            assert f"starts nothing: run {first} has its idempotency.key" in caplog.text

    played(story)


def test_a_detached_call_is_one_more_of_its_chain(database_url: str) -> None:
    """
    What a run starts by a detached call counts on from that run; beyond the limit it is not begun.
    """

    async def story() -> None:
        async with scene(database_url) as made:
            await made.use(LOAD, "calls\nsteps:\n  a: {call: load, detach: true, with: {n: 1}}\n")
            run = await made.run("calls")
            await made.settle()
            chains = "SELECT workflow, chain FROM runs ORDER BY id"
            assert [("calls", 1), ("load", 2)] == await made.rows(chains)

            await made.rows(f"UPDATE runs SET chain = 16 WHERE id = '{run}' RETURNING 1")
            data: Json = {"run": str(UUID(int=7)), "workflow": "load", "inputs": {}}
            await outbox.send(made.here.connection, [Sending(run, "local", "started", "a", data)])
            await made.settle()

            assert 2 == len(await made.rows(chains))

    played(story)
