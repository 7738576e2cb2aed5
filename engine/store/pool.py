"""Connections to PostgreSQL, and what their errors mean."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, LiteralString, TypeAlias

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from engine.errors import Conflict, Misconfigured, Unavailable
from engine.store import arrays

Connection: TypeAlias = AsyncConnection[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

# The name under which an owner's connection is known to PostgreSQL, so that the sweep can end it.
OWNER = "owner"

_OPTIONS = "-c timezone=UTC -c idle_in_transaction_session_timeout=60s -c lock_timeout=10s"
# The plan of a statement that writes whole turns is the same for any values, and costs more to make
# than to follow.
_PLAN_ONCE = "-c plan_cache_mode=force_generic_plan"
_SETTINGS: dict[str, Any] = {
    "autocommit": True,
    "options": _OPTIONS,
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
# What the loss of a connection, or the lack of one, raises.
AWAY = (psycopg.Error, OSError)
# Classes of SQLSTATE: rolled back, out of resources, in use, stopped by an operator, trouble of the
# system below.
_PASSING = frozenset({"40", "53", "55", "57", "58"})
# A server takes no writes while it stands by for another, or its disk is all but full.
_ONLY_READS = "25006"
# With these words PostgreSQL ends a session, whatever the error.
_LAST_WORDS = frozenset({"FATAL", "PANIC"})
# Wrong data, a broken rule, too much for it: what is refused is refused whenever it comes.
_FINAL = frozenset({"22", "23", "54"})
_HEALTH: LiteralString = "SELECT 1"
# What `_OPTIONS` asked for at the beginning of the session, as PostgreSQL says it.
_IN_FORCE: LiteralString = "SELECT current_setting('idle_in_transaction_session_timeout') = '1min'"
_BETWEEN = (
    "something stands between this process and PostgreSQL that lends sessions out, such as "
    "PgBouncer; a session is what fences workers and leaders: let SARK_DATABASE_URL lead to "
    "PostgreSQL itself"
)
_OF_POOLERS = "unsupported startup parameter"


async def connect(url: str, name: str, *, plan_once: bool = False) -> Connection:
    """Return one connection, in autocommit; with `plan_once` no plan looks at the values.

    Raise Unavailable where nobody answers, Misconfigured if the URL is none.
    """
    with told():
        options = f"{_OPTIONS} {_PLAN_ONCE}" if plan_once else _OPTIONS
        connection = await AsyncConnection.connect(
            url, application_name=f"sark-{name}", **{**_SETTINGS, "options": options}
        )
    await _configure(connection)
    return connection


@asynccontextmanager
async def pool(url: str, name: str, size: int = 8, *, durable: bool = True) -> AsyncIterator[Pool]:
    """Hold up to `size` connections open; a borrower waits 5 s at most.

    Without `durable` a commit does not wait for the disk: a crash of PostgreSQL may lose the last
    ones, whole.
    """
    options = _OPTIONS if durable else f"{_OPTIONS} -c synchronous_commit=off"
    settings = {**_SETTINGS, "application_name": f"sark-{name}", "options": options}
    connections: Pool = AsyncConnectionPool(
        url, kwargs=settings, min_size=1, max_size=size, timeout=5, open=False,
        reconnect_timeout=3600, configure=_configure,
    )  # fmt: skip
    await connections.open()
    try:
        yield connections
    finally:
        await connections.close(timeout=2)


async def _configure(connection: Connection) -> None:
    arrays.register(connection)
    set_json_loads(orjson.loads, connection)


def is_lost(error: BaseException) -> bool:
    """True if the session is gone: whoever leads must lead anew.

    PostgreSQL has ended it, or the driver, which gives no code, has nobody to ask.
    """
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    return error.diag.severity_nonlocalized in _LAST_WORDS


def is_passing(error: BaseException) -> bool:
    """True if it was refused for now and wrote nothing: whoever leads leads on, and tries again.

    What is neither this, nor a lost session, nor final is a mistake of ours.
    """
    if isinstance(error, psycopg.Error):
        state = error.sqlstate or ""
        return not is_lost(error) and (state[:2] in _PASSING or state == _ONLY_READS)
    return isinstance(error, Unavailable)


def is_final(error: BaseException) -> bool:
    """True if PostgreSQL refuses what it was told itself, now and whenever it is tried again."""
    if isinstance(error, psycopg.DataError):
        return True
    return isinstance(error, psycopg.Error) and (error.sqlstate or "")[:2] in _FINAL


async def demand_session(connection: Connection) -> None:
    """Raise Misconfigured if the session is not the connection's own, from its first word on.

    A pooler takes a connection's options and does not hand them on.
    """
    row = await (await connection.execute(_IN_FORCE)).fetchone()
    if row is None or not row[0]:
        raise Misconfigured(_BETWEEN)


async def ping(connection: Connection) -> None:
    """Ask for nothing, to see whether anybody answers."""
    await connection.execute(_HEALTH)


class told:
    """Turn the driver's errors into ours: no password, no statement, one plain sentence."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, at: object) -> None:
        if isinstance(error, psycopg.errors.UniqueViolation):
            raise Conflict("it exists already") from None
        if isinstance(error, psycopg.errors.DiskFull):
            raise Unavailable("PostgreSQL's disk is full (storage_full)") from None
        if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
            # Without a code it is the driver's own, which shows the URL, password and all.
            raise Misconfigured("the database's URL is not one that PostgreSQL takes") from None
        if isinstance(error, psycopg.OperationalError) and _OF_POOLERS in str(error):
            raise Misconfigured(_BETWEEN) from None
        if isinstance(error, OSError) or (
            isinstance(error, psycopg.Error) and (is_lost(error) or is_passing(error))
        ):
            first = (str(error).splitlines() or ["no answer"])[0]
            raise Unavailable(f"PostgreSQL does not answer: {first}") from None
