"""How much room calls have that read values by reference."""

import asyncio
from pathlib import Path

import orjson
import pytest

from engine.artifacts import Artifacts
from engine.core import machine
from engine.core.attempt import Attempt, attempt_of
from engine.core.event import Succeeded as Told
from engine.core.plan import ForEach, Timeout
from engine.core.spilled import KEPT
from engine.core.values import Json
from engine.failing import Failure
from engine.spilling import Spilling, needs
from tests.core import runs as core
from tests.core.runs import NOW, SECOND, begin, edge, scope, step
from tests.heart import calls
from tests.test_spilling import DAY, fetching

ROWS: list[Json] = [{"id": n, "text": "x" * 500} for n in range(600)]


def attempts(spilling: Spilling, timeout: Timeout) -> tuple[list[Attempt], Attempt]:
    """Return calls that take an item of one large list each, and one that takes all of it."""
    body = scope(step("take", verb=calls("test.take@1", row="{{ row }}"), timeout=timeout))
    loop = ForEach("steps.fetch.outputs.rows", "row", body, 600, max_parallel=50)
    all_rows = "{{ steps.fetch.outputs.rows }}"
    each = step("all", edge(0, data=True), verb=loop)
    whole_one = step("whole", edge(0, data=True), verb=calls("test.take@1", all=all_rows))
    run, decision = begin(core.plan(scope(fetching(), each, whole_one)))
    kept, told = spilling.spill(attempt_of(run, decision.launches[0]), {"rows": ROWS})
    event = Told("fetch", 1, kept, spilled=told)
    launches = machine.advance(run, event, NOW + SECOND).launches
    made = {each.path: attempt_of(run, each) for each in launches}
    return [one for path, one in made.items() if path != "whole"], made["whole"]


def test_calls_of_one_list_have_room_together(tmp_path: Path):
    """
    A list is in memory once for all calls that take an item of it, and counts once: with room for
    one list all its calls go on side by side, and whoever needs more waits until the last is over.
    """

    async def check() -> None:
        spilling = Spilling(Artifacts(tmp_path), DAY, room=2 * KEPT)
        order: list[str] = []

        async def take(one: Attempt, inside: asyncio.Barrier | None = None) -> None:
            told_of = needs(one)
            assert told_of is not None
            async with spilling.read(one, told_of):
                if inside is not None:
                    await inside.wait()
                order.append(one.path.partition("[")[0])

        items, whole = attempts(spilling, Timeout())
        together = asyncio.Barrier(len(items))
        async with asyncio.timeout(60):
            await asyncio.gather(*(take(each, together) for each in items), take(whole))
        assert [*["all"] * 50, "whole"] == order

    asyncio.run(check())


def test_who_gets_no_room_is_told_how_much_it_reads(tmp_path: Path):
    """
    A call that waits behind another is told its own size, though others read the same list.
    """

    async def check() -> str:
        spilling = Spilling(Artifacts(tmp_path), DAY, room=2 * KEPT)
        items, whole = attempts(spilling, Timeout(queue=SECOND / 20))
        first, second, third = (needs(each) for each in (items[0], whole, items[1]))
        assert first is not None
        assert second is not None
        assert third is not None
        async with spilling.read(items[0], first):
            waits = asyncio.create_task(spilling.read(whole, second).__aenter__())
            await asyncio.sleep(0)
            with pytest.raises(Failure) as told:
                await spilling.read(items[1], third).__aenter__()
            waits.cancel()
        return str(told.value)

    size = len(orjson.dumps(ROWS))
    assert f"there was no room to read {size} bytes" in asyncio.run(check())
