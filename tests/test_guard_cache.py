"""Outputs of an earlier call in the place of a new one, shared by workers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from adapters import contract
from adapters.contract import Call, ErrorClass, Json, Manifest, Outcome
from engine.artifacts import Artifacts
from engine.core import machine
from engine.core.binding import Bound
from engine.core.event import Failed, Succeeded
from engine.core.plan import Artifact, Cache, Effect, Plan, Projection, Step, Uses
from engine.executor import Executor
from engine.guard import guarding
from engine.store import cache
from engine.store.pool import connect
from tests.core.runs import header, step
from tests.heart import calls, executor, house, owning, plan
from tests.proxy import Proxy

HOUR = timedelta(hours=1)
ANY: dict[str, Any] = {"type": "object"}


@dataclass
class Counts:
    """Answers with how often it was called, and gives a file."""

    folder: Path = Path("/nowhere")
    made: int = 0
    fails: bool = False
    manifest: Manifest = field(
        default_factory=lambda: Manifest(
            "test.count@1", "count", ANY, ANY, "read", True, (), files=("made",)
        )
    )

    async def invoke(self, call: Call) -> Outcome:
        self.made += 1
        if self.fails:
            return contract.Failed("test.no", "no", ErrorClass.PERMANENT)
        path = self.folder / f"{self.made}"
        if self.folder.is_dir():
            path.write_text(f"file {self.made}")
        return contract.Succeeded({"n": self.made, **call.arguments}, {"made": path})


@dataclass
class Vault:
    """One secret, that may change."""

    secret: str = "hunter2hunter2"

    def value(self, namespace: str, name: str) -> str:
        return self.secret

    def mask(self, text: str) -> str:
        return text.replace(self.secret, "***")


def counts(told: Cache | None = None, **arguments: Json) -> Step:
    verb = Uses("test.count@1", arguments, Effect.READ, True)
    return step("a", verb=verb, cache=told or Cache(HOUR))


async def attempt(how: Executor, made: Plan, **about: Any) -> Succeeded | Failed:
    """Make the attempt of the one step of a new run."""
    inputs = about.pop("inputs", {})
    run, decision = machine.begin(
        Bound(made), replace(header(**inputs), **about), datetime.now(UTC)
    )
    return await how.attempt(run, decision.launches[0])


async def n(how: Executor, made: Plan, **about: Any) -> tuple[Json, bool]:
    """Return the count that an attempt gave, and whether it is an earlier one."""
    outcome = await attempt(how, made, **about)
    assert isinstance(outcome, Succeeded), outcome
    if not outcome.cached:
        await asyncio.sleep(0.1)  # it is written behind the back of the call
    return outcome.outputs["n"], outcome.cached


@asynccontextmanager
async def two(url: str, *operations: Any, **more: Any) -> AsyncIterator[tuple[Executor, Executor]]:
    """Give the executors of two workers."""
    async with AsyncExitStack() as stack:
        one, other = [await stack.enter_async_context(guarding(url)) for _ in range(2)]
        yield (
            executor(*operations, guard=one, **more), executor(*operations, guard=other, **more),
        )  # fmt: skip


def test_the_same_call_is_made_once(database_url: str):
    """
    A second run on another worker gets the outputs of the first, for as long as they are fresh.
    """

    async def check() -> None:
        made = plan(counts(x="{{ inputs.x }}"))
        async with two(database_url, Counts()) as (one, other):
            assert await n(one, made, inputs={"x": 1}) == (1, False)
            assert await n(other, made, inputs={"x": 1}) == (1, True)
            assert await n(one, made, inputs={"x": 2}) == (2, False)
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute("UPDATE cache SET expires_at = now()")
            assert await n(other, made, inputs={"x": 1}) == (3, False)

    asyncio.run(check())


def test_whose_outputs_stand_in(database_url: str):
    """
    Those of the workflow alone, or of its namespace; never those of another namespace, of other
    declared outputs, or of another text of `key`.
    """

    async def check() -> None:
        own, shared = plan(counts()), plan(counts(Cache(HOUR, scope="namespace")))
        keyed = plan(counts(Cache(HOUR, ["{{ inputs.day }}"])))
        declared = plan(replace(counts(), outputs=(Projection("n", "n", {}),)))
        async with two(database_url, Counts()) as (one, other):
            assert await n(one, own) == (1, False)
            assert await n(one, own, workflow="b") == (2, False)
            assert await n(one, declared) == (3, False)
            assert await n(one, shared) == (4, False)
            assert await n(other, shared, workflow="b") == (4, True)
            assert await n(other, shared, namespace="b") == (5, False)
            assert await n(one, keyed, inputs={"day": 1}) == (6, False)
            assert await n(one, keyed, inputs={"day": 2}) == (7, False)
            assert await n(one, keyed, inputs={"day": 1}) == (6, True)

    asyncio.run(check())


def test_a_secret_counts_by_its_version(database_url: str):
    """
    A new value is another call; the value itself is nowhere in the database.
    """

    async def check() -> None:
        made = replace(plan(counts(token="{{ secrets.token }}")), secrets=("token",))
        vault = Vault()
        async with two(database_url, Counts(), secrets=vault) as (one, other):
            assert await n(one, made) == (1, False)
            assert await n(other, made) == (1, True)
            vault.secret = "other"
            assert await n(one, made) == (2, False)
        with psycopg.connect(database_url) as connection:
            rows = connection.execute("SELECT cache::text FROM cache").fetchall()
        assert len(rows) == 2
        assert "hunter2" not in str(rows)

    asyncio.run(check())


def test_no_outputs_without_their_files(database_url: str, tmp_path: Path):
    """
    Files are retained anew for a run that gets them from the cache; once one is gone, the call is
    made again.
    """

    async def check() -> None:
        wanted = (Artifact("raw", "made", retain=HOUR),)
        made = plan(replace(counts(), artifacts=wanted))
        store = Artifacts(tmp_path / "kept")
        async with two(database_url, Counts(tmp_path), folder=store.folder) as (one, other):
            first = await attempt(one, made)
            assert isinstance(first, Succeeded)
            path = store.path(first.artifacts["raw"])
            ends = path.stat().st_mtime
            await asyncio.sleep(0.1)
            second = await attempt(other, made)
            assert isinstance(second, Succeeded)
            assert (second.cached, second.artifacts) == (True, first.artifacts)
            assert path.stat().st_mtime > ends
            path.unlink()
            assert await n(other, made) == (2, False)
            assert await n(one, made) == (2, True)

    asyncio.run(check())


def test_what_fails_is_not_kept(database_url: str):
    """
    The next run makes the call again.
    """

    async def check() -> None:
        operation = Counts(fails=True)
        async with two(database_url, operation) as (one, other):
            assert isinstance(await attempt(one, plan(counts())), Failed)
            await asyncio.sleep(0.1)
            operation.fails = False
            assert await n(other, plan(counts())) == (2, False)

    asyncio.run(check())


def test_a_call_that_does_something_is_not_cached(database_url: str):
    """
    It fails before it is made, whatever let such a plan through.
    """

    async def check() -> None:
        verb = calls("test.count@1", repeatable=False)
        operation = Counts()
        async with two(database_url, operation) as (one, _):
            outcome = await attempt(one, plan(step("a", verb=verb, cache=Cache(HOUR))))
        assert isinstance(outcome, Failed)
        assert (outcome.error["type"], operation.made) == ("sark.argument", 0)

    asyncio.run(check())


def test_a_cache_that_does_not_answer_is_a_miss(database_url: str):
    """
    With its database frozen a step takes a second longer, and succeeds.
    """

    async def check() -> None:
        async with Proxy(database_url) as proxy, guarding(proxy.url) as guard:
            how = executor(Counts(), guard=guard)
            assert await n(how, plan(counts())) == (1, False)
            proxy.freeze()
            async with asyncio.timeout(60):
                assert await n(how, plan(counts())) == (2, False)
            proxy.thaw()

    asyncio.run(check())


def test_without_a_guard_there_is_no_cache():
    """
    `sark run FILE` shares nothing with anybody: every call is made.
    """

    async def check() -> None:
        how = executor(Counts())
        assert await n(how, plan(counts())) == (1, False)
        assert await n(how, plan(counts())) == (2, False)

    asyncio.run(check())


def test_a_cached_step_says_so(database_url: str):
    """
    Its run's journal, and so its history, holds that an earlier call stood in.
    """

    async def check() -> None:
        operation = Counts()
        async with house(database_url) as here, guarding(database_url) as guard:
            how = executor(operation, guard=guard)
            async with owning(database_url, made=how):
                (first,) = await here.start(plan(counts()))
                await here.until(first, "succeeded")
                await asyncio.sleep(0.1)
                (second,) = await here.start(plan(counts()))
                await here.until(second, "succeeded")
            assert await here.history(first) == [("succeeded", "a", 1)]
            assert await here.history(second) == [("produced", "a", 1)]
            assert operation.made == 1

    asyncio.run(check())


def test_old_and_too_many_entries_are_swept(database_url: str):
    """
    What is over goes, and of the rest the newest stay.
    """

    async def check() -> None:
        async with await connect(database_url, "test") as connection:
            for number in range(5):
                entry = cache.Entry(bytes([number]), b"{}", b"{}", HOUR * number)
                await cache.keep(connection, [entry, entry])
            await cache.sweep(connection, 3)
            rows = await (await connection.execute("SELECT key FROM cache")).fetchall()
            assert sorted(rows) == [(b"\x02",), (b"\x03",), (b"\x04",)]

    asyncio.run(check())
