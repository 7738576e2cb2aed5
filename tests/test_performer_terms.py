"""What the terms of a pool promise: who serves it, how many at once, what may go there."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from engine.core.plan import Concurrency, ForEach, Plan, Pool, Rate, Timeout
from engine.guard import guarding
from engine.store import handouts
from tests.core.runs import edge, scope, step
from tests.heart import (
    Asks,
    Gate,
    House,
    calls,
    executor,
    house,
    manifest,
    owning,
    performing,
    plan,
    pooled,
)
from tests.pools import arrived, died, handed, opened, rows
from tests.test_guard_turn import Works

SECOND = timedelta(seconds=1)


class _Kept:
    """Secrets of which every value can be told from its name."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def value(self, namespace: str, name: str) -> str:
        self.read.append(name)
        return f"canary-{name}"

    def mask(self, text: str) -> str:
        return text.replace("canary-", "***")


@pytest.mark.parametrize(
    ("pools", "labels", "is_taken"),
    [
        (("gpu",), {"zone": "in", "os": "linux"}, True),
        (None, {"zone": "in"}, True),
        (None, None, True),
        (("gpu",), {"zone": "out"}, False),
        (("gpu",), {}, False),
        (("cpu",), {"zone": "in"}, False),
    ],
)
def test_who_serves_a_pool(
    database_url: str, pools: tuple[str, ...] | None, labels: dict[str, str] | None, is_taken: bool
):
    """
    A worker takes from the pools that it serves, of those that ask for no label that it lacks.
    """

    async def check() -> None:
        made = plan(pooled("a", terms=Pool((("zone", "in"),))))
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, opened(), pools=pools, labels=labels),
        ):  # fmt: skip
            (run,) = await here.start(made)
            if is_taken:
                assert "succeeded" == await here.until(run, "succeeded")
            else:
                await handed(here, 1)
                await asyncio.sleep(0.2)
                assert [("a", 1, "gpu", None)] == await rows(here)
                assert [("local", "gpu", 1)] == await handouts.unserved(here.connection)

    asyncio.run(check())


def test_a_pool_makes_no_more_at_once_than_it_says(database_url: str):
    """
    Thirty items, two workers, three at once: never four, whoever takes them.
    """

    async def check() -> None:
        works = Works(0.02)
        over = [str(each) for each in range(30)]
        each = step(
            "all",
            verb=ForEach(
                str(over), "x",
                scope(pooled("", operation="test.work@1", terms=Pool(parallelism=3))), 30,
                max_parallel=30,
            ),
        )  # fmt: skip
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, works), performing(database_url, works),
        ):  # fmt: skip
            (run,) = await here.start(plan(each))
            assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert (3, 30) == (works.most, len(works.began))

    asyncio.run(check())


def test_the_urgent_are_taken_first(database_url: str):
    """
    A worker of a pool takes by the priority of the run, or of the step where that has one; equals
    as they came. A step whose priority is no level fails, and is not handed out.
    """

    def asking(level: str) -> Plan:
        return plan(pooled("a", settings={"priority": {"level": level}}))

    async def check() -> None:
        taken: list[str] = []
        work = Asks(lambda call: taken.append(call.run), manifest("test.gate@1"))
        async with house(database_url) as here, owning(database_url, hears=True):
            made = [(plan(pooled("a")), 1), (plan(pooled("a")), 0), (plan(pooled("a")), 3),
                    (asking("low"), 3), (asking("high"), 0), (plan(pooled("a")), 1)]  # fmt: skip
            ids = []
            for number, (each, priority) in enumerate(made):
                ids += await here.start(each, priority=priority)
                while await waiting(here) <= number:
                    await asyncio.sleep(0.01)
            (odd,) = await here.start(asking("{{ 'soon' }}"))
            assert "failed" == await here.until(odd, "failed")
            assert "sark.argument" == (await here.row(odd))["error"]["type"]
            async with performing(database_url, work, room=1):
                for run in ids:
                    await here.until(run, "succeeded")

            assert [2, 4, 0, 5, 1, 3] == [ids.index(UUID(each)) for each in taken]

    asyncio.run(check())


async def waiting(here: House) -> int:
    """Return how many attempts are handed out."""
    cursor = await here.connection.execute("SELECT count(*) FROM handouts")
    return sum(row[0] for row in await cursor.fetchall())


def test_a_slot_of_a_group_is_held_by_whoever_makes_the_step(database_url: str):
    """
    The slot of a group stays taken though the owner of the run dies or lets it go.
    """

    async def check() -> None:
        works = Works(0.5)
        verb = calls("test.work@1")
        group = Concurrency("db", 1)
        made = plan(step("a", verb=verb, pool="gpu", terms=Pool(), concurrency=group))
        async with house(database_url) as here, guarding(database_url) as guard:
            async with performing(database_url, made=executor(works, guard=guard)):
                async with owning(database_url, hears=True) as first:
                    ids = await here.start(made, 2)
                    while not works.began:
                        await asyncio.sleep(0.01)
                    await died(here, first)
                async with owning(database_url, hears=True):
                    for run in ids:
                        assert "succeeded" == await here.until(run, "succeeded", "failed")

            assert (1, 2) == (works.most, len(works.began))

    asyncio.run(check())


def test_waiting_for_a_worker_and_for_a_turn_is_one_wait(database_url: str):
    """
    What an attempt has waited for a worker of its pool is gone from its `timeout.queue`: it does
    not begin anew with the wait for its rate.
    """

    async def check() -> None:
        works = Works()
        verb = calls("test.work@1", repeatable=False)
        once = Rate("crm", 1, 4 * SECOND)
        bound = Timeout(queue=5 * SECOND)
        made = plan(step("a", verb=verb, pool="gpu", terms=Pool(), rate=once, timeout=bound))
        async with (
            house(database_url) as here, guarding(database_url) as guard,
            owning(database_url, hears=True),
        ):  # fmt: skip
            ids = await here.start(made, 2)
            while await waiting(here) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(2)
            async with performing(database_url, made=executor(works, guard=guard)):
                told = {await here.until(run, "succeeded", "failed") for run in ids}
                errors = [(await here.row(run))["error"] for run in ids]

        assert "failed" in told
        assert {"sark.queue_timeout"} == {each["type"] for each in errors if each}

    asyncio.run(check())


def test_a_pool_lets_in_what_it_names(database_url: str):
    """
    Whoever makes the call checks again what the pool lets in, and calls nothing else.
    """

    async def check() -> None:
        gate = opened()
        terms = (Pool(adapters=("http", "echo.say")), Pool(adapters=("test.gate@1",)))
        async with (
            house(database_url) as here, owning(database_url, hears=True),
            performing(database_url, gate),
        ):  # fmt: skip
            for each, status in zip(terms, ("failed", "succeeded"), strict=True):
                (run,) = await here.start(plan(pooled("a", terms=each)))
                assert status == await here.until(run, "failed", "succeeded")
                if status == "failed":
                    error = (await here.row(run))["error"]
                    assert ("sark.denied", "pool 'gpu' does not let in test.gate@1") == (
                        error["type"], error["detail"],
                    )  # fmt: skip

            assert [("a", 1)] == gate.came

    asyncio.run(check())


def test_secrets_are_read_by_the_worker_and_never_written_down(database_url: str):
    """
    The row of an attempt says which secret, not what it is; only those that the step reads are
    read, by whoever makes it, and the pool's own list holds there.
    """

    async def check() -> None:
        kept, gone = _Kept(), _Kept()
        token = {"token": "Bearer {{ secrets.one }}", "n": "{{ inputs.n }}"}
        for_one = pooled("a", operation="echo.say@1", arguments=token, terms=Pool(secrets=("one",)))
        for_two = pooled("a", operation="echo.say@1", arguments=token, terms=Pool(secrets=("two",)))
        plans = [
            replace(plan(each), secrets=("one", "two"), digest=str(number) * 64)
            for number, each in enumerate((for_one, for_two))
        ]
        async with (
            house(database_url) as here,
            owning(database_url, made=executor(secrets=gone), hears=True),
        ):  # fmt: skip
            ids = [(await here.start(made, inputs={"n": 7}))[0] for made in plans]
            await handed(here, 2)
            found = await here.connection.execute("SELECT body FROM handouts")
            bodies = [body for (body,) in await found.fetchall()]
            assert [{"inputs": {"n": 7}}] * 2 == [each["names"] for each in bodies]
            async with performing(database_url, made=executor(secrets=kept)):
                assert "succeeded" == await here.until(ids[0], "succeeded", "failed")
                assert "failed" == await here.until(ids[1], "succeeded", "failed")
            error = (await here.row(ids[1]))["error"]
            assert "pool 'gpu' does not let in secret 'one'" == error["detail"]

            assert (["one"], []) == (kept.read, gone.read)
            data = await here.connection.execute("SELECT data::text FROM journal")
            assert not any("canary" in text.lower() for (text,) in await data.fetchall())

    asyncio.run(check())


def test_what_is_too_large_to_hand_out_fails_the_step(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    The row of an attempt has a bound, and says so; whoever recovers the run says the same.
    """
    monkeypatch.setattr("engine.owner.handing.LARGEST", 500)

    async def check() -> None:
        arguments = {"all": "{{ inputs.big }}"}
        made = plan(pooled("a", operation="echo.say@1", arguments=arguments))
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(made, inputs={"big": "x" * 600})
            assert "failed" == await here.until(run, "failed")
            error = (await here.row(run))["error"]

            assert ("sark.too_large", "permanent") == (error["type"], error["class"])
            assert [] == await rows(here)

    asyncio.run(check())


def test_what_is_too_large_is_said_by_an_owner_that_drains(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    An owner lets no run go that has still to hear that its step cannot be handed out.
    """
    monkeypatch.setattr("engine.owner.handing.LARGEST", 10)

    async def check() -> None:
        gate = Gate()
        steps = plan(step("a", verb=calls("test.gate@1")), pooled("b", edge(0)))
        async with house(database_url) as here, owning(database_url, gate) as serving:
            (run,) = await here.start(steps)
            await arrived(gate)
            serving.owner.drain()
            gate.open.set()
            await asyncio.wait_for(serving.task, 60)
            row = await here.row(run)
            assert ("failed", "sark.too_large") == (row["status"], (row["error"] or {}).get("type"))

    asyncio.run(check())


def test_a_plan_of_another_version_is_left_to_others(database_url: str):
    """
    A worker that cannot read a plan puts its attempts back, and takes others.
    """

    async def check() -> None:
        gate = opened()
        async with house(database_url) as here, owning(database_url, hears=True):
            (run,) = await here.start(plan(pooled("a")))
            await handed(here, 1)
            await here.connection.execute(
                "UPDATE plans SET body = (body::jsonb || '{\"format\": 99}')::json"
            )
            async with performing(database_url, gate):
                (other,) = await here.start(plan(pooled("b"), name="other"))
                assert "succeeded" == await here.until(other, "succeeded")
            assert [("a", 1, "gpu", None)] == await rows(here)
            assert "running" == (await here.row(run))["status"]

    asyncio.run(check())
