"""Since when the database has been the one that it is, as `sark doctor` tells it."""

import psycopg

from engine.errors import Misconfigured
from engine.store import epochs
from engine.store.epochs import Epoch
from engine.store.pool import connect


async def ask(url: str) -> str:
    """Return a sentence on the epoch that the database is in.

    Raise Misconfigured for a database of another version, Unavailable where none answers.
    """
    try:
        async with await connect(url, "doctor") as connection:
            return _told(await epochs.latest(connection))
    except psycopg.errors.UndefinedTable:
        raise Misconfigured("the database is of another version: run `sark migrate`") from None


def _told(epoch: Epoch | None) -> str:
    if epoch is None:
        return "none yet: no worker has been there"
    since = f"{epoch.number}, since {epoch.began_at:%Y-%m-%d %H:%M} UTC"
    if epoch.number == 1:
        return f"{since}: the database was never restored, recovered or promoted"
    return (
        f"{since}, when it was restored, recovered or promoted: what it lacks of the time before "
        f"is gone, and {epoch.doubted} attempts were in doubt"
    )
