"""Events that wait, while leaders, servers and connections fail: each counts once."""

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID

import psycopg
import pytest

from engine.intake import Delivered, Fire, Intake
from engine.intake import intake as committer
from engine.intake import turn as turns
from engine.store import gates
from engine.store.gates import Spot
from engine.store.pool import connect, pool
from tests.holding import (
    DEBOUNCE,
    Fires,
    come,
    counting,
    decisions,
    leading,
    make_due,
    opened,
    rows,
    texts,
)
from tests.proxy import Proxy
from tests.webhooks.served import POLICY, activate
from tests.webhooks.test_gates import spec


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit take its time: these tests are of what it writes."""
    monkeypatch.setattr(committer, "_PATIENCE", 60.0)
    monkeypatch.setattr(committer, "_ABANDON", 90.0)


def test_two_leaders_let_it_go_once(database_url: str):
    """
    A leader that is slow, beside the one that took its place, starts nothing twice.
    """

    async def play() -> list[Delivered]:
        await activate(database_url, DEBOUNCE, "shop", "shop")
        async with opened(database_url) as one, opened(database_url) as two:
            await come(one, 1)
            make_due(database_url)
            ((bunch,),) = rows(database_url, "SELECT bunch FROM held")
            told = Fire("shop", "paid", "hook", bunch)
            return list(await asyncio.gather(*(each.fire(told) for each in (one, two, one, two))))

    answers = asyncio.run(play())

    assert [0, 0, 0, 1] == sorted(len(each.runs) for each in answers)
    assert ["1"] == texts(database_url)


@pytest.mark.parametrize("statement", [b"starts", b"COMMIT"])
def test_a_reply_that_is_lost_starts_one_run(database_url: str, statement: bytes):
    """
    Where the connection breaks while a bunch goes, before or after its commit, it goes once.
    """

    async def play() -> None:
        await activate(database_url, DEBOUNCE, "shop", "shop")
        async with (
            Proxy(database_url) as proxy,
            pool(database_url, "test") as connections,
            Intake(proxy.url, connections, None, POLICY) as intake,
            leading(database_url) as fire,
        ):
            await come(intake, 1)
            await come(intake, 2)
            make_due(database_url)
            proxy.cut_reply_to(statement)
            await fire(intake)
            await fire(intake)
            assert 1 == proxy.cuts

    asyncio.run(play())

    assert ["2"] == texts(database_url)
    assert [] == rows(database_url, "SELECT 1 FROM held")
    assert {"d-1": "superseded", "d-2": "started"} == decisions(database_url)


def test_what_postgresql_refuses_holds_up_nobody(database_url: str):
    """
    A bunch whose run PostgreSQL does not take waits a minute more; the others go.
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE runs ADD CHECK (inputs->>'text' <> '1')")

    async def play() -> None:
        await activate(database_url, DEBOUNCE, "shop", "shop")
        async with opened(database_url) as intake, leading(database_url) as fire:
            for number, key in enumerate("abc"):
                await come(intake, number, key)
            make_due(database_url)
            await fire(intake)

    asyncio.run(play())

    assert ["0", "2"] == sorted(texts(database_url))
    ((key, is_later),) = rows(database_url, "SELECT key, due_at > now() FROM held")
    assert ("b", True) == (key, is_later)


def test_what_is_too_much_for_one_turn_takes_two(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    Deliveries that come together and fan out far are all answered, in as many turns as it takes.
    """
    monkeypatch.setattr(turns, "_HEAVIEST", 100)

    async def play() -> list[Delivered]:
        await activate(database_url, spec("fan_out: event.body.all", "{{ item }}"), "shop", "shop")
        async with opened(database_url) as intake:
            return list(
                await asyncio.gather(*(come(intake, n, all=["a", "b", "c"]) for n in range(20)))
            )

    answers = asyncio.run(play())

    assert [3] * 20 == [len(each.runs) for each in answers]
    assert 60 == len(texts(database_url))


def test_a_server_that_is_frozen_holds_up_nobody_for_long(database_url: str):
    """
    A server that stops in the middle of a turn, with a trigger locked, loses the lock after some
    seconds, and the others go on.
    """

    async def play() -> Delivered:
        await activate(database_url, spec('dedupe: {key: "{{ event.body.k }}"}'), "shop", "shop")
        frozen = await connect(database_url, "test")
        await frozen.execute("BEGIN")
        await gates.lock(frozen, [Spot("shop", "paid", "hook")])
        async with opened(database_url) as intake:
            answer = await come(intake, 1)
        await frozen.close()
        return answer

    assert 1 == len(asyncio.run(play()).runs)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_each_event_counts_once(database_url: str, seed: int):
    """
    Events in any order, some twice, over two servers that are cut off now and then, while two
    leaders let things go: each event is read by exactly one run.
    """
    asyncio.run(_walk(database_url, random.Random(seed)))

    told = rows(database_url, "SELECT id, trigger->'event'->'items' FROM runs")
    read = [int(each["body"]["n"]) for _, items in told for each in items]
    assert list(range(60)) == sorted(read)
    assert all(1 <= len(items) <= 4 for _, items in told)
    assert all(len({each["body"]["k"] for each in items}) == 1 for _, items in told)
    of = dict(rows(database_url, "SELECT delivery, run_id FROM decisions"))
    expected = {f"d-{each['body']['n']}": run for run, items in told for each in items}
    assert expected == of
    assert all(isinstance(run, UUID) for run in of.values())


async def _walk(url: str, chance: random.Random) -> None:
    numbers = [n for n in range(60) for _ in range(chance.choice((1, 1, 2)))]
    chance.shuffle(numbers)
    await activate(url, counting(4), "shop", "shop")
    async with opened(url) as one, opened(url) as two, leading(url) as fire:
        for at in range(0, len(numbers), 5):
            await _together(numbers[at : at + 5], (one, two), fire, chance)
            if chance.random() < 0.3:
                make_due(url)
            if chance.random() < 0.3:
                _cut(url)
        make_due(url)
        await fire(one)


async def _together(
    numbers: Sequence[int], doors: tuple[Intake, Intake], fire: Fires, chance: random.Random
) -> None:
    coming = [come(chance.choice(doors), n, "abc"[n % 3]) for n in numbers]
    going = [fire(chance.choice(doors))] if chance.random() < 0.5 else []
    await asyncio.gather(*coming, *going)


def _cut(url: str) -> None:
    """Cut both servers off from PostgreSQL."""
    rows(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'sark-intake' AND datname = current_database()",
    )
