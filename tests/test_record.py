"""`sark.runs@1`: a step looks up what its namespace has run before."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from adapters import pages
from adapters.contract import Call, Failed, Json, Operation, Succeeded
from engine.manifest import MANIFEST
from engine.operations import open_operations
from engine.store.starts import NewRun
from tests.heart import House, house, one

PAGE = Path(__file__).parents[1] / "docs/reference/operations/sark.runs.md"


@asynccontextmanager
async def looking(url: str | None) -> AsyncIterator[Operation]:
    async with open_operations({}, url) as operations:
        yield operations[MANIFEST.name]


async def started(here: House, workflow: str, namespace: str = "local", age: str = "0") -> UUID:
    """Write a run that has succeeded `age` ago."""
    made = one("echo.say@1")
    await here.keep(made)
    trigger: Json = {"id": "manual", "type": "manual", "event": {}}
    run = NewRun(uuid7(), namespace, workflow, "", "c0ffee", made.digest, trigger, {})
    assert await here.starts.write(1, [run]) is not None
    await here.connection.execute(
        "UPDATE runs SET status = 'succeeded', ended_at = now(),"
        " created_at = now() - %s::interval WHERE id = %s",
        (age, run.id),
    )
    return run.id


def call(run: UUID, **given: Json) -> Call:
    return Call(str(run), "deploys", 1, "key", given, timedelta(seconds=5))


async def found(operation: Operation, run: UUID, **given: Json) -> list[str]:
    """Return the ids of the runs that are found."""
    outcome = await operation.invoke(call(run, **given))
    assert isinstance(outcome, Succeeded), outcome
    items: Any = outcome.outputs["items"]
    return [each["id"] for each in items]


def test_the_newest_runs_of_a_workflow_are_found(database_url: str) -> None:
    """
    Runs of the named workflow in one's own namespace, newest first, as young and in the state
    that is asked for, and never the run that asks.
    """

    async def check() -> None:
        async with house(database_url) as here, looking(database_url) as operation:
            old = await started(here, "deploy-web", age="3h")
            new = await started(here, "deploy-web")
            await started(here, "deploy-api")
            await started(here, "deploy-web", namespace="other")
            me = await started(here, "deploy-web")

            assert [str(new), str(old)] == await found(operation, me, workflow="deploy-web")
            for given, expected in (
                ({"within": "2h"}, [new]),
                ({"limit": 1}, [new]),
                ({"status": "failed"}, []),
                ({"status": "succeeded", "within": "1d"}, [new, old]),
            ):
                more: Mapping[str, Json] = given
                ids = await found(operation, me, workflow="deploy-web", **more)
                assert [str(each) for each in expected] == ids

    asyncio.run(check())


def test_without_a_database_nothing_has_run_before() -> None:
    """
    `sark run FILE` knows of no run but its own.
    """

    async def check() -> None:
        async with looking(None) as operation:
            assert [] == await found(operation, uuid7(), workflow="deploy-web")

    asyncio.run(check())


def test_a_span_that_is_none_is_refused(database_url: str) -> None:
    """
    What no schema can tell of a span of time is an error of the author's.
    """

    async def check() -> None:
        async with house(database_url) as here, looking(database_url) as operation:
            run = await started(here, "deploy-web")
            outcome = await operation.invoke(call(run, workflow="deploy-web", within="9h8h"))

            assert isinstance(outcome, Failed)
            assert ("sark.invalid", "permanent") == (outcome.type, outcome.error_class)

    asyncio.run(check())


def test_a_database_that_is_gone_may_come_back() -> None:
    """
    Where nobody answers in the attempt's time, trying again may help.
    """

    async def check() -> None:
        async with looking("postgresql://127.0.0.1:1/nobody") as operation:
            late = replace(call(uuid7(), workflow="x"), timeout=timedelta(seconds=0.2))
            outcome = await operation.invoke(late)

            assert isinstance(outcome, Failed)
            assert ("sark.unavailable", "transient") == (outcome.type, outcome.error_class)

    asyncio.run(check())


def test_its_page_says_what_its_manifest_says() -> None:
    """
    The lower part of the page is what the manifest makes of it today.
    """
    assert pages.reference(MANIFEST) == pages.split(PAGE.read_text())[1]
