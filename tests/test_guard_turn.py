"""Turns of calls: by rate, and by the slots of a group."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from adapters import contract
from adapters.contract import Call, Manifest, Outcome
from engine.core.event import Failed, Succeeded
from engine.core.plan import Concurrency, Plan, Rate, Retry, Timeout
from engine.guard import guarding
from engine.store import rates, runs, slots
from engine.store.pool import connect
from tests.core.runs import step
from tests.heart import calls, executor, house, owning, plan
from tests.test_guard_cache import attempt, two

SECOND = timedelta(seconds=1)
SHORT = Timeout(queue=0.5 * SECOND)
ONE_AT_ONCE = Concurrency("db-{{ inputs.db | default('x') }}", 1)


@dataclass
class Works:
    """Works for a while, and keeps how many worked at once at most, and when each began."""

    seconds: float = 0.0
    now: int = 0
    most: int = 0
    began: list[float] = field(default_factory=list)
    manifest: Manifest = field(
        default_factory=lambda: Manifest(
            "test.work@1", "work", {"type": "object"}, {"type": "object"}, "write", False, ()
        )
    )

    async def invoke(self, call: Call) -> Outcome:
        self.now += 1
        self.most = max(self.most, self.now)
        self.began.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now -= 1
        return contract.Succeeded({})


def rated(limit: int, period: timedelta, group: str = "crm", **more: Any) -> Plan:
    verb = calls("test.work@1", repeatable=False)
    return plan(step("a", verb=verb, rate=Rate(group, limit, period), **more))


def slotted(told: Concurrency = ONE_AT_ONCE, **more: Any) -> Plan:
    verb = calls("test.work@1", repeatable=False)
    return plan(step("a", verb=verb, concurrency=told, **more))


def kind(outcome: Succeeded | Failed) -> object:
    return outcome.error["type"] if isinstance(outcome, Failed) else "ok"


def test_two_workers_keep_one_rate(database_url: str):
    """
    Five a second, whoever makes them: eleven calls take two seconds.
    """

    async def check() -> None:
        works, made = Works(), rated(5, SECOND)
        async with two(database_url, works) as workers:
            each = [attempt(workers[number % 2], made) for number in range(11)]
            assert {kind(one) for one in await asyncio.gather(*each)} == {"ok"}
        began = sorted(works.began)
        assert 1.9 <= began[-1] - began[0] < 20

    asyncio.run(check())


def test_groups_have_rates_of_their_own(database_url: str):
    """
    Other texts of `group`, other namespaces, and steps without a group of other workflows.
    """

    async def check() -> None:
        works, made = Works(), rated(1, 60 * SECOND, "{{ inputs.who }}", timeout=SHORT)
        bare = rated(1, 60 * SECOND, "", timeout=SHORT)
        async with two(database_url, works) as (one, other):
            assert kind(await attempt(one, made, inputs={"who": "a"})) == "ok"
            assert kind(await attempt(other, made, inputs={"who": "b"})) == "ok"
            assert kind(await attempt(one, made, inputs={"who": "a"}, namespace="n")) == "ok"
            assert kind(await attempt(one, bare)) == "ok"
            assert kind(await attempt(other, bare, workflow="b")) == "ok"
            assert kind(await attempt(other, bare)) == "sark.queue_timeout"

    asyncio.run(check())


def test_a_turn_that_is_too_far_away_fails_at_once(database_url: str):
    """
    Who would wait longer than `timeout.queue` is told so now, and takes no turn from others.
    """

    async def check() -> None:
        works, made = Works(), rated(1, 2 * SECOND, timeout=SHORT)
        async with two(database_url, works) as (one, other):
            assert kind(await attempt(one, made)) == "ok"
            outcomes = [await attempt(other, made) for _ in range(5)]
            assert {kind(each) for each in outcomes} == {"sark.queue_timeout"}
            assert isinstance(outcomes[0], Failed)
            assert outcomes[0].error["class"] == "transient"
            assert "rate of 1 in 2 s: crm" in str(outcomes[0].error["detail"])
            await asyncio.sleep(2)
            assert kind(await attempt(other, made)) == "ok"

    asyncio.run(check())


def test_a_group_that_cannot_be_told(database_url: str):
    """
    A template that fails, or gives a text without end, fails the step for good.
    """

    async def check() -> None:
        async with two(database_url, Works()) as (one, _):
            for group in ("{{ inputs.gone }}", "x" * 201):
                outcome = await attempt(one, rated(1, SECOND, group))
                assert isinstance(outcome, Failed)
                assert (outcome.error["type"], outcome.error["class"]) == (
                    "sark.argument", "permanent",
                )  # fmt: skip

    asyncio.run(check())


def test_two_owners_keep_one_group(database_url: str):
    """
    Of twelve runs with two owners never more than three steps work at once, and all end.
    """

    async def check() -> None:
        works, made = Works(0.1), slotted(Concurrency("db", 3))
        async with (
            house(database_url) as here,
            guarding(database_url) as first, guarding(database_url) as second,
            owning(database_url, made=executor(works, guard=first), capacity=6),
            owning(database_url, made=executor(works, guard=second), capacity=6),
        ):  # fmt: skip
            ids = await here.start(made, 12)
            for run in ids:
                assert await here.until(run, "succeeded") == "succeeded"
            assert works.most <= 3
            for run in ids:
                assert await here.history(run) == [("started", "a", 1), ("succeeded", "a", 1)]
            await asyncio.sleep(0.1)
            rows = await (await here.connection.execute("SELECT * FROM slots")).fetchall()
            assert rows == []

    asyncio.run(check())


@pytest.mark.parametrize(
    ("told", "timeout", "word"),
    [
        (Concurrency("db", 1, on_conflict="reject"), Timeout(), "sark.concurrency"),
        (Concurrency("db", 1, max_queue=0), Timeout(), "sark.concurrency"),
        (Concurrency("db", 1), SHORT, "sark.queue_timeout"),
    ],
)
def test_a_full_group(database_url: str, told: Concurrency, timeout: Timeout, word: str):
    """
    The next step is refused at once where the author says so, else when its time is over; the
    attempt was not made, so nothing is in doubt.
    """

    async def check() -> None:
        works = Works(3)
        async with (
            house(database_url) as here, guarding(database_url) as guard,
            owning(database_url, made=executor(works, guard=guard)),
        ):  # fmt: skip
            await here.start(slotted(Concurrency("db", 1)))
            while not works.began:
                await asyncio.sleep(0.01)
            (run,) = await here.start(slotted(told, timeout=timeout))
            assert await here.until(run, "failed") == "failed"
            row = await here.row(run)
            assert (row["error"]["type"], row["error"]["class"]) == (word, "transient")
            assert await here.history(run) == [("failed", "a", 1)]
            assert len(works.began) == 1

    asyncio.run(check())


def test_a_dead_worker_leaves_no_slot_behind(database_url: str):
    """
    Its step's slot is free as soon as its run goes to another owner, who takes it anew; a step
    that only waited for its turn was never made, and is not lost.
    """

    async def check() -> None:
        works, made = Works(60), slotted()
        async with (
            house(database_url) as here,
            guarding(database_url) as first, guarding(database_url) as second,
        ):  # fmt: skip
            async with owning(database_url, made=executor(works, guard=first)) as dying:
                (held,) = await here.start(made)
                while not works.began:
                    await asyncio.sleep(0.01)
                (waiting,) = await here.start(made)
                await asyncio.sleep(0.4)
                await here.connection.execute("UPDATE slots SET id = gen_random_uuid()")
                await dying.stop()
                await here.declare_dead(dying.id)
            works.seconds = 0
            async with owning(database_url, made=executor(works, guard=second)):
                assert await here.until(held, "failed") == "failed"
                assert await here.until(waiting, "succeeded") == "succeeded"
            assert (await here.row(held))["error"]["type"] == "sark.lost"
            assert await here.history(waiting) == [
                ("lost", "", 0), ("started", "a", 2), ("succeeded", "a", 2),
            ]  # fmt: skip
            await slots.sweep(here.connection)
            assert await (await here.connection.execute("SELECT * FROM slots")).fetchall() == []

    asyncio.run(check())


def test_a_cancelled_run_gives_its_slot_back(database_url: str):
    """
    The next in the line goes on.
    """

    async def check() -> None:
        works, made = Works(60), slotted(retry=Retry(1))
        async with (
            house(database_url) as here, guarding(database_url) as guard,
            owning(database_url, made=executor(works, guard=guard), hears=True),
        ):  # fmt: skip
            (first,) = await here.start(made)
            while not works.began:
                await asyncio.sleep(0.01)
            works.seconds = 0
            (second,) = await here.start(made)
            await asyncio.sleep(0.1)
            await runs.cancel(here.connection, first, {"by": "Ann", "reason": "no"})
            assert await here.until(first, "cancelled") == "cancelled"
            assert await here.until(second, "succeeded", patience=30) == "succeeded"

    asyncio.run(check())


def test_idle_groups_are_swept(database_url: str):
    """
    What holds nothing back any more is forgotten, and what does is not.
    """

    async def check() -> None:
        async with two(database_url, Works()) as (one, _):
            await attempt(one, rated(1, SECOND, "old"))
            await attempt(one, rated(1, 3600 * SECOND, "new"))
        async with await connect(database_url, "test") as connection:
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute("UPDATE rates SET idle_at = idle_at - interval '2 min'")
            await rates.sweep(connection)
            rows = await (await connection.execute("SELECT name FROM rates")).fetchall()
            assert rows == [("new",)]

    asyncio.run(check())
