"""The line of runs: who begins next, by level, age and tenant, and what it costs."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.core.priority import LEVELS, place
from engine.store import runs, workers
from engine.store.starts import NewRun
from engine.store.turns import Change, Claim, Turns, Written
from tests.heart import House, house

_STAND = """
    INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, priority, due_at,
                      started_at)
    VALUES (%s, 'local', 'demo', 'p', '{}', '{}', %s, %s, %s)
"""
_MANY = """
    INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, priority, fair_key,
                      due_at, started_at)
    SELECT gen_random_uuid(), 'local', 'demo', 'p', '{}', '{}', n % 4, n % 9,
           now() + (CASE WHEN n % 2 = 0 THEN n ELSE -n END) * interval '1 s',
           CASE WHEN n % 2 = 0 THEN now() END
      FROM generate_series(1, 20000) AS n
"""
_WAKE = "UPDATE runs SET due_at = now() WHERE id = %s"
_LINE = """
    SELECT coalesce(fair_key, ''), priority, due_at FROM runs WHERE started_at IS NULL ORDER BY id
"""


def new(**more: Any) -> NewRun:
    return NewRun(uuid7(), "local", "demo", "", "c0ffee", "p", {"id": "api"}, {}, **more)


async def start(here: House, told: Sequence[NewRun]) -> list[UUID]:
    assert await here.starts.write(1, told) is not None
    return [each.id for each in told]


async def claim(worker: Turns, limit: int = 1) -> list[UUID]:
    asked = Claim("default", limit, datetime.now(UTC), "running")
    return [each.id for each in await worker.write(Written(), asked)]


def test_the_earliest_place_goes_first(database_url: str):
    """
    Whether runs wait to begin or wake at their level, and however many are claimed at once.
    """
    dice = random.Random(7)

    async def check() -> None:
        async with house(database_url) as here:
            worker = Turns(here.connection, 1)
            for _ in range(6):
                at = datetime.now(UTC)
                places: dict[UUID, datetime] = {}
                for age in dice.sample(range(7, 420, 7), 24):  # no two a whole minute apart
                    each, level, begun = uuid7(), dice.randrange(4), dice.random() < 0.5
                    since = at - timedelta(seconds=age)
                    places[each] = place(since, level)
                    told = (since, at) if begun else (places[each], None)
                    await here.connection.execute(_STAND, (each, level, *told))
                order = sorted(places, key=lambda each: places[each])
                while order:
                    some = order[: dice.randint(1, 7)]
                    assert set(some) == set(await claim(worker, len(some)))
                    order = order[len(some) :]

    asyncio.run(check())


def test_each_gets_the_place_that_is_promised(database_url: str):
    """
    One by one or many at once, of one tenant, of several or of none, while others begin: whoever
    comes stands in its level's time, or a turn behind the last of its tenant.
    """
    dice = random.Random(11)

    async def check() -> None:
        async with house(database_url) as here:
            worker = Turns(here.connection, 1)
            for _ in range(30):
                lines = await standing(here)
                told = [new(priority=dice.randrange(2), fair_key=dice.choice(["", "a", "b"]))
                        for _ in range(dice.randint(1, 4))]  # fmt: skip
                async with here.connection.transaction():
                    cursor = await here.connection.execute("SELECT now()")
                    for (now,) in await cursor.fetchall():
                        for each in told:
                            own = lines.setdefault((each.fair_key, each.priority), [])
                            last = max(own, default=None) if each.fair_key else None
                            own.append(place(now, each.priority, last))
                    await start(here, told)
                found = await standing(here)
                expected = {key: sorted(each) for key, each in lines.items() if each}

                assert expected == {key: sorted(each) for key, each in found.items()}
                await claim(worker, dice.randint(0, 4))

    asyncio.run(check())


async def standing(here: House) -> dict[tuple[str, int], list[datetime]]:
    """Return the places of those that wait to begin, by tenant and level."""
    told: dict[tuple[str, int], list[datetime]] = {}
    for key, level, at in await (await here.connection.execute(_LINE)).fetchall():
        told.setdefault((key, level), []).append(at)
    return told


def test_a_tenant_with_thousands_holds_up_nobody(database_url: str):
    """
    One tenant has started 5,000 runs, and some of them have begun; the first of another are next.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = Turns(here.connection, 1)
            await start(here, [new(fair_key="a") for _ in range(5_000)])
            assert 300 == len(await claim(worker, 300))
            theirs = await start(here, [new(fair_key="b") for _ in range(3)])
            found = [(await claim(worker))[0] for _ in range(4)]

            assert theirs == found[:3]

    asyncio.run(check())


def test_two_who_claim_at_once_get_what_there_is(database_url: str):
    """
    While one worker claims the first runs of a line, another gets the next ones.
    """

    async def check() -> None:
        async with house(database_url) as here, house(database_url) as there:
            worker = Turns(here.connection, 1)
            started = await start(here, [new() for _ in range(10)])
            async with here.connection.transaction():
                first = await claim(worker, 4)
                second = await claim(Turns(there.connection, 1), 6)

            assert set(started[:4]) == set(first)
            assert set(started[4:]) == set(second)

    asyncio.run(check())


def test_who_wakes_has_the_lead_of_its_level(database_url: str):
    """
    A critical run that waited for an instant goes before normal ones that came when it woke.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = Turns(here.connection, 1)
            (urgent,) = await start(here, [new(priority=LEVELS["critical"])])
            await claim(worker)
            at = datetime.now(UTC) + timedelta(hours=1)
            await worker.write(Written(changes=[Change(urgent, "waiting", due_at=at)]), None)
            await start(here, [new() for _ in range(3)])
            assert urgent not in await claim(worker)
            await here.connection.execute(_WAKE, (urgent,))

            assert [urgent] == await claim(worker)

    asyncio.run(check())


def test_who_is_cancelled_waits_for_no_turn(database_url: str):
    """
    A run that is cancelled before it began leaves the line, and ends at once.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = Turns(here.connection, 1)
            *others, last = await start(here, [new(fair_key="a") for _ in range(50)])
            assert (None, "default") == await runs.cancel(here.connection, last, {"by": "x"})

            assert {others[0], last} == set(await claim(worker, 2))

    asyncio.run(check())


def test_a_claim_reads_what_it_takes(database_url: str):
    """
    However many wait in the line, sleep, or are not due: a claim reads no more rows than a few for
    each that it takes.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = Turns(here.connection, 1)
            await here.connection.execute(_MANY)
            await here.connection.execute("ANALYZE runs")
            await here.connection.execute("SET plan_cache_mode = force_generic_plan")
            before = await read(here)
            assert 16 == len(await claim(worker, 16))

            assert await read(here) - before < 16 * 4 * 6

    asyncio.run(check())


async def read(here: House) -> int:
    """Return how many rows of runs this session has read, by any way."""
    await here.connection.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
    cursor = await here.connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'runs'"
    )
    return sum(row[0] for row in await cursor.fetchall())


def test_a_worker_hears_when_runs_wake(database_url: str):
    """
    A beat tells of each instant to come at which a run that nobody owns may go on, whatever its
    level, each once; neither of what is due already nor of what comes later.
    """

    async def check() -> None:
        async with house(database_url) as here:
            worker = await workers.register(here.connection, "default", "h", 1)
            async with here.connection.transaction():
                at = await (await here.connection.execute("SELECT now()")).fetchone()
                assert at is not None
                for level, seconds in ((0, 300), (3, 400), (1, 300), (0, -1), (2, 5_000)):
                    due = at[0] + timedelta(seconds=seconds)
                    await here.connection.execute(_STAND, (uuid7(), level, due, at[0]))
                await here.connection.execute(_STAND, (uuid7(), 0, at[0], None))
                beat = await workers.beat(
                    here.connection, worker, timedelta(seconds=1_000), timedelta(days=1)
                )

            assert beat is not None
            assert [300 * 50, 400 * 50] == sorted(beat.coming)

    asyncio.run(check())
