"""Runs whose values are passed by reference: what the database holds of them, whoever dies."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, LiteralString

import orjson
import pytest

from engine.artifacts import Artifacts
from engine.core.plan import Cache, ForEach, Step
from engine.core.values import Json
from engine.guard import guarding
from engine.store import journal
from engine.store.pool import Connection
from tests.core import runs as core
from tests.core.runs import edge, scope
from tests.heart import (
    calls,
    executor,
    house,
    owning,
    performing,
    plan,
    pooled,
    sealed,
)
from tests.test_spilling import BODY, WHOLE, Gives, Takes, fetching, taking


async def rows(connection: Connection, statement: LiteralString) -> list[Any]:
    return await (await connection.execute(statement)).fetchall()


@pytest.mark.parametrize("far", [False, True])
def test_nothing_but_the_reference_is_written_to_the_database(
    database_url: str, tmp_path: Path, far: bool
):
    """
    The journal, the message to a pool and the run's row hold the reference; the worker that makes
    the call reads the value, and the run shows what can be downloaded.
    """

    async def check() -> None:
        takes = Takes()
        made = executor(Gives({"body": BODY, "n": 1}), takes, folder=tmp_path)
        one: Step = taking(json=WHOLE)
        if far:
            one = pooled(
                "take", edge(0, data=True), operation="test.take@1", arguments={"json": WHOLE}
            )
        whole = core.plan(scope(fetching(), one), body=WHOLE, size="{{ steps.take.outputs.n }}")
        async with AsyncExitStack() as stack:
            here = await stack.enter_async_context(house(database_url))
            await stack.enter_async_context(owning(database_url, made=made, hears=far))
            if far:
                await stack.enter_async_context(performing(database_url, made=made))
            (run,) = await here.start(sealed(whole))
            assert "succeeded" == await here.until(run, "succeeded", "failed")
            told_of = await journal.read(here.connection, run)
            told = (await here.row(run))["outputs"]

        assert [{"json": BODY}] == takes.heard
        assert ["spilled", "succeeded"] == [each.kind for each in told_of]
        assert all(len(orjson.dumps(each.data)) < 1000 for each in told_of)
        assert len(orjson.dumps(BODY)) == told["body"]["bytes"]
        assert len(orjson.dumps({"json": BODY})) == told["size"]

    asyncio.run(check())


def test_a_worker_that_dies_before_it_tells_leaves_an_orphan(database_url: str, tmp_path: Path):
    """
    A value whose outcome was never written is a file that goes with its time; the attempt is made
    again, and the run has its value.
    """

    async def check() -> None:
        made = executor(Gives({"body": BODY}), Takes(), folder=tmp_path)
        whole = plan(fetching(), taking(json=WHOLE))
        async with house(database_url) as here:
            (run,) = await here.start(whole)
            async with owning(database_url, made=made) as first, here.connection.transaction():
                await here.connection.execute("LOCK TABLE journal IN SHARE MODE")
                while not list(Artifacts(tmp_path).all_of()):
                    await asyncio.sleep(0.01)
                await first.stop()
            assert [] == await here.history(run)
            await here.declare_dead(first.id)
            async with owning(database_url, made=made):
                assert "succeeded" == await here.until(run, "succeeded", "failed")
            kinds = [kind for kind, _, _ in await here.history(run)]

        assert ["spilled", "succeeded"] == [each for each in kinds if each != "lost"]
        assert 1 == len(list(Artifacts(tmp_path).all_of()))

    asyncio.run(check())


def test_a_loop_over_a_large_list_outlives_its_owner(database_url: str, tmp_path: Path):
    """
    Whoever takes a run over goes on with the items that are left, and the journal holds none.
    """
    listed: list[Json] = [{"id": n, "text": "x" * 500} for n in range(600)]

    async def check() -> None:
        takes = Takes()
        made = executor(Gives({"rows": listed}), takes, folder=tmp_path)
        body = scope(core.step("take", verb=calls("test.take@1", row="{{ row }}")))
        loop = ForEach("steps.fetch.outputs.rows", "row", body, 600)
        whole = plan(fetching(), core.step("all", edge(0, data=True), verb=loop))
        async with house(database_url) as here:
            (run,) = await here.start(whole)
            async with owning(database_url, made=made) as first:
                while len(takes.heard) < 100:
                    await asyncio.sleep(0.01)
                await first.stop()
            assert len(takes.heard) < 600
            await here.declare_dead(first.id)
            async with owning(database_url, made=made):
                assert "succeeded" == await here.until(run, "succeeded", "failed")
            told_of = await journal.read(here.connection, run)

        heard = [each["row"] for each in takes.heard]
        assert set(range(600)) == {each["id"] for each in heard if isinstance(each, Mapping)}
        assert "counted" == told_of[0].kind
        assert all(len(orjson.dumps(each.data)) < 1000 for each in told_of)

    asyncio.run(check())


def test_a_worker_of_a_pool_tells_how_long_a_large_list_is(database_url: str, tmp_path: Path):
    """
    What a worker of a pool keeps by reference is told to its run, and the run goes through it.
    """
    listed: list[Json] = [{"id": n, "text": "x" * 100_000} for n in range(3)]

    async def check() -> None:
        takes = Takes()
        made = executor(Gives({"rows": listed}), takes, folder=tmp_path)
        far = pooled("fetch", operation="test.give@1")
        body = scope(core.step("take", verb=calls("test.take@1", row="{{ row }}")))
        loop = ForEach("steps.fetch.outputs.rows", "row", body, 3)
        whole = plan(far, core.step("all", edge(0, data=True), verb=loop))
        async with AsyncExitStack() as stack:
            here = await stack.enter_async_context(house(database_url))
            await stack.enter_async_context(owning(database_url, made=made, hears=True))
            await stack.enter_async_context(performing(database_url, made=made))
            (run,) = await here.start(whole)
            assert "succeeded" == await here.until(run, "succeeded", "failed")
            told_of = await journal.read(here.connection, run)

        heard = [each["row"] for each in takes.heard]
        assert {0, 1, 2} == {each["id"] for each in heard if isinstance(each, Mapping)}
        assert "counted" == told_of[0].kind

    asyncio.run(check())


def test_a_cache_keeps_the_reference(database_url: str, tmp_path: Path):
    """
    A call that is answered from the cache gives the same value by reference; where its file is
    gone, the call is made.
    """

    async def check() -> None:
        gives = Gives({"body": BODY})
        cached = replace(fetching(), cache=Cache(ttl=timedelta(hours=1)))
        async with house(database_url) as here, guarding(database_url) as guard:
            made = executor(gives, Takes(), folder=tmp_path, guard=guard)
            async with owning(database_url, made=made):
                for expected in (1, 1, 2):
                    if expected == 2:
                        [(_, path, _)] = Artifacts(tmp_path).all_of()
                        os.unlink(path)
                    (run,) = await here.start(plan(cached, taking(json=WHOLE)))
                    assert "succeeded" == await here.until(run, "succeeded", "failed")
                    assert expected == gives.made
                    while not await rows(here.connection, "SELECT 1 FROM cache"):
                        await asyncio.sleep(0.01)

    asyncio.run(check())
