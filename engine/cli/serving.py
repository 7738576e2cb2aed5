"""Which workers there are, what each serves, who leads, and what waits for none of them."""

from datetime import timedelta

import psycopg

from engine.errors import Misconfigured
from engine.store import handouts, leases, workers
from engine.store.pool import connect
from engine.store.workers import Listed


async def ask(url: str, lease: timedelta) -> tuple[list[str], list[str]]:
    """Return a sentence for each worker, and one for each pool that is waited for in vain.

    Raise Misconfigured for a database of another version, Unavailable where none answers.
    """
    try:
        async with await connect(url, "doctor") as connection:
            listed = await workers.listed(connection, lease)
            lacking = await handouts.unserved(connection)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise Misconfigured("the database is of another version: run `sark migrate`") from None
    return [_served(each) for each in listed], [
        f"nobody serves pool {pool} of {namespace}, for which {count} steps wait: start "
        f"`sark worker --pool {pool}` with the labels that the pool asks for"
        for namespace, pool, count in lacking
    ]


async def leading(url: str, lease: timedelta) -> tuple[list[str], list[str]]:
    """Return a sentence on the duties that are led, and one on those that nobody leads.

    Raise Unavailable where no database answers.
    """
    async with await connect(url, "doctor") as connection:
        unled = leases.unled(await leases.held(connection, lease))
    led = [each for each in leases.DUTIES if each not in unled]
    return [f"{', '.join(led)} led"] if led else [], [
        f"nobody leads {each}: start `sark controller`" for each in unled
    ]


def _served(told: Listed) -> str:
    pools = ["*"] if told.serves is None else list(told.serves)
    if told.pool and told.pool not in pools:
        pools.insert(0, told.pool)
    labels = "".join(f" {key}={value}" for key, value in (told.labels or {}).items())
    return f"{told.host}:{told.pid} serves {', '.join(pools)}{labels}"
