"""What the rows of handouts promise to those who write to them at once."""

import asyncio

from engine.core.event import Succeeded
from engine.store import handouts
from engine.store.turns import Change, Turns, Written
from tests.heart import Gate, house, owning, performing, plan, pooled
from tests.pools import arrived

_HANG = """
    CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER hang BEFORE INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION hang();
"""


def test_an_outcome_and_its_revocation_wait_for_each_other_in_one_order(database_url: str):
    """
    A worker that tells what a step came to, just as its owner stops the step, holds nobody up: the
    one waits for the other, and neither is refused.
    """

    async def check() -> None:
        gate = Gate()
        async with (
            house(database_url) as here, house(database_url) as there, house(database_url) as lock,
            owning(database_url) as owner, performing(database_url, gate) as worker,
        ):  # fmt: skip
            (run,) = await here.start(plan(pooled("a")))
            await arrived(gate)
            owner.task.cancel()
            worker.task.cancel()
            await asyncio.gather(owner.task, worker.task, return_exceptions=True)
            found = await (await here.connection.execute("SELECT id FROM handouts")).fetchall()
            await here.connection.execute(_HANG)
            await lock.connection.execute("SELECT pg_advisory_lock(1)")
            told = [(found[0][0], Succeeded("a", 1, {}))]
            ending = asyncio.create_task(handouts.end(here.connection, worker.id, told))
            await asyncio.sleep(0.3)
            change = Change(run, "running", kept=True)
            turn = Written(changes=[change], revoked=[(run, "a", 1)])
            writing = asyncio.create_task(Turns(there.connection, owner.id).write(turn, None))
            await asyncio.sleep(0.3)
            await lock.connection.execute("SELECT pg_advisory_unlock(1)")

            assert [True] == [each.is_told for each in await ending]
            assert [] == await writing

    asyncio.run(check())
