"""What the commit of an owner's turn waits for."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from uuid_utils.compat import uuid7

from engine.store import workers
from engine.store.starts import NewRun
from engine.store.turns import Change, Claim, Turns, Written
from tests.heart import house

# A deferred trigger is the last thing that a transaction does before it commits.
_SPY = """
    CREATE TABLE commits_seen (number serial, synchronous text);
    CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO commits_seen (synchronous) VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER seen AFTER UPDATE ON runs DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION see();
"""
_SPY_ON_WORKERS = """
    CREATE CONSTRAINT TRIGGER seen AFTER UPDATE ON workers DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION see();
"""
_SEEN = "SELECT array_agg(synchronous ORDER BY number) FROM commits_seen"


def new() -> NewRun:
    return NewRun(uuid7(), "local", "demo", "", "c0ffee", "p", {"id": "api"}, {})


def test_what_is_told_is_on_the_disk_and_a_claim_alone_need_not_be(database_url: str):
    """
    A run begins without waiting for its claim to reach the disk; its outcomes do wait, and so
    does a claim that comes with some.
    """

    async def check() -> None:
        async with house(database_url) as here:
            await here.starts.write(1, [one := new(), new()])
            await here.connection.execute(_SPY)
            worker = Turns(here.connection, 1)
            claim = Claim("default", 1, datetime.now(UTC), "running")
            kept = Change(one.id, "running", kept=True)

            (first,) = await worker.write(Written(), claim)
            assert one.id == first.id
            await worker.write(Written(changes=[kept]), None)
            assert 1 == len(await worker.write(Written(changes=[kept]), claim))
            assert ["off", "on", "on", "on"] == await _one(here.connection, _SEEN)
            assert "on" == await _one(here.connection, "SHOW synchronous_commit")

    asyncio.run(check())


def test_what_was_claimed_is_brought_to_the_disk_where_that_is_asked_for(database_url: str):
    """
    An owner that has nothing else to write can wait until its claims are on the disk, and may
    claim more meanwhile, which are then there too.
    """

    async def check() -> None:
        async with house(database_url) as here:
            await here.starts.write(1, [new()])
            worker = await workers.register(here.connection, "default", "test", 1)
            await here.connection.execute(_SPY)
            await here.connection.execute(_SPY_ON_WORKERS)
            turns = Turns(here.connection, worker)

            assert [] == await turns.write(Written(keeps=True), None)
            assert ["on"] == await _one(here.connection, _SEEN)
            claim = Claim("default", 1, datetime.now(UTC), "running")
            assert 1 == len(await turns.write(Written(keeps=True), claim))
            assert ["on", "on", "on"] == await _one(here.connection, _SEEN)

    asyncio.run(check())


async def _one(connection: Any, statement: str) -> Any:
    row = await (await connection.execute(statement)).fetchone()
    return row[0]
