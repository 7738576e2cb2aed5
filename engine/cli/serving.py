"""Which workers there are, what each serves, and what waits for none of them."""

import psycopg

from engine.errors import Misconfigured
from engine.store import handouts, workers
from engine.store.pool import connect
from engine.store.workers import Listed


async def ask(url: str) -> tuple[list[str], list[str]]:
    """Return a sentence for each worker, and one for each pool that is waited for in vain.

    Raise Misconfigured for a database of another version, Unavailable where none answers.
    """
    try:
        async with await connect(url, "doctor") as connection:
            listed = await workers.listed(connection)
            lacking = await handouts.unserved(connection)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
        raise Misconfigured("the database is of another version: run `sark migrate`") from None
    return [_served(each) for each in listed], [
        f"nobody serves pool {pool} of {namespace}, for which {count} steps wait: start "
        f"`sark worker --pool {pool}` with the labels that the pool asks for"
        for namespace, pool, count in lacking
    ]


def _served(told: Listed) -> str:
    pools = ["*"] if told.serves is None else list(told.serves)
    if told.pool and told.pool not in pools:
        pools.insert(0, told.pool)
    labels = "".join(f" {key}={value}" for key, value in (told.labels or {}).items())
    return f"{told.host}:{told.pid} serves {', '.join(pools)}{labels}"
