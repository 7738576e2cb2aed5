"""Pages of runs, whatever they are filtered by."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import product
from random import Random
from uuid import UUID, uuid4

from psycopg.types.json import Json

from engine.core import ids
from engine.core.state import ENDED, RunStatus
from engine.store import views
from engine.store.pool import Connection, connect
from engine.store.views import Wanted

NOW = datetime.now(UTC)
NAMESPACES, WORKFLOWS = ("a", "b", "c"), ("x", "y")


async def fill(link: Connection) -> dict[UUID, tuple[str, str, str]]:
    """Write 300 runs over the last 300 hours; return namespace, workflow and status of each."""
    drawn, told = Random(7), dict[UUID, tuple[str, str, str]]()
    for hour in range(300):
        run = ids.timed(NOW - timedelta(hours=hour), uuid4())
        status = drawn.choice(list(RunStatus))
        told[run] = (drawn.choice(NAMESPACES), drawn.choice(WORKFLOWS), status.value)
        await link.execute(
            "INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, status, created_at,"
            " ended_at, error) VALUES (%s, %s, %s, '', '{}', '{}', %s, %s, %s, %s)",
            (run, *told[run], NOW - timedelta(hours=hour), NOW if status in ENDED else None,
             Json({"type": "acme.no", "detail": "\0"})),
        )  # fmt: skip
    return told


def test_pages_have_what_was_asked_for_newest_first(database_url: str):
    """
    By namespaces, workflow and status in any combination: page after page gives each run once, in
    the order in which they began.
    """

    async def play() -> None:
        async with await connect(database_url, "test") as link:
            told = await fill(link)
            kinds = product(
                ((), ("a",), ("b", "c"), ("a", "b", "c", "none")),
                (None, "x", "none"),
                (None, *(each.value for each in RunStatus)),
            )
            for namespaces, workflow, status in kinds:
                expected = [
                    run
                    for run in sorted(told, reverse=True)
                    if told[run][0] in namespaces
                    and workflow in (None, told[run][1])
                    and status in (None, told[run][2])
                ]
                wanted, found, last = Wanted(namespaces, workflow, status), list[UUID](), None
                while page := await views.runs(link, wanted, last, 37):
                    found += [each.id for each in page]
                    last = found[-1]
                    assert {"acme.no"} == {each.error_type for each in page}

                assert expected == found, (namespaces, workflow, status)

    asyncio.run(play())


def test_a_run_sees_the_past_of_its_namespace(database_url: str):
    """
    Of one workflow, without itself, by status, and back as far as it asks.
    """

    async def play() -> None:
        async with await connect(database_url, "test") as link:
            told = await fill(link)
            me = max(run for run in told if told[run][:2] == ("a", "x"))
            mine = [run for run in sorted(told, reverse=True)
                    if told[run][:2] == ("a", "x") and run != me]  # fmt: skip
            day = [run for run in mine if ids.instant(run) > NOW - timedelta(hours=24.5)]
            failed = [run for run in mine if told[run][2] == "failed"]

            for status, within, limit, expected in (
                (None, None, 1000, mine),
                (None, None, 3, mine[:3]),
                (None, timedelta(hours=24.5), 1000, day),
                ("failed", None, 1000, failed),
                ("failed", timedelta(hours=24.5), 5, [run for run in failed if run in day][:5]),
            ):
                found = await views.past(link, me, "x", status, within, limit)
                assert expected == [each.id for each in found]
            assert [] == await views.past(link, uuid4(), "x", None, None, 5)

    asyncio.run(play())
