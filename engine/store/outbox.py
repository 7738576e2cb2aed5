"""What owners have sent to the world, taken in order by the relay."""

from collections.abc import Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import orjson
from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.arrays import Array, Jsons, Texts, Uuids
from engine.store.pool import Connection

_TAKE: LiteralString = """
    SELECT outbox.id, run_id, outbox.namespace, coalesce(workflow, '') AS workflow, kind, path,
           data, coalesce(chain, 0) AS chain
      FROM (SELECT *, sum(pg_column_size(data)) OVER (ORDER BY id) - pg_column_size(data) AS before
              FROM (SELECT * FROM outbox WHERE refused IS NULL ORDER BY id LIMIT %(limit)s)
                   AS oldest) AS outbox
      LEFT JOIN runs ON runs.id = run_id
     WHERE before < %(most)s ORDER BY outbox.id
"""
_WORK: LiteralString = """
    SELECT EXISTS (SELECT FROM outbox WHERE refused IS NULL) AS sent,
           EXISTS (SELECT FROM runs WHERE watch_at <= now()) AS watched,
           EXISTS (SELECT FROM runs WHERE slot_group IS NOT NULL AND admitted_at IS NULL
                                      AND ended_at IS NULL) AS crowded,
           (SELECT min(due_at) FROM held) - clock_timestamp() AS next_due
"""
_IS_COMING: LiteralString = """
    SELECT EXISTS (SELECT FROM outbox WHERE kind = 'emitted' AND refused IS NULL
                                        AND namespace = %(namespace)s
                                        AND strpos(data::text, '"' || %(type)s) > 0)
"""
_REFUSE: LiteralString = "UPDATE outbox SET refused = %(reason)s WHERE id = %(id)s"
_FORGET: LiteralString = "DELETE FROM outbox WHERE id = ANY(%(ids)s)"
SEND: LiteralString = """
    INSERT INTO outbox (run_id, namespace, kind, path, data)
    SELECT * FROM unnest(%(o_runs)s, %(o_namespaces)s, %(o_kinds)s, %(o_paths)s, %(o_data)s)
"""
END: LiteralString = """
    INSERT INTO outbox (run_id, namespace, kind, path, data)
    SELECT ended.run, ended.namespace, 'ended', '', 'null'
      FROM unnest(%(e_runs)s, %(e_namespaces)s, %(e_workflows)s)
        AS ended (run, namespace, workflow)
     WHERE EXISTS (SELECT FROM follows WHERE follows.namespace = ended.namespace
                                         AND follows.workflow = ended.workflow)
"""
KINDS: dict[str, type[Array]] = {
    "e_runs": Uuids, "e_namespaces": Texts, "e_workflows": Texts,
    "o_runs": Uuids, "o_namespaces": Texts, "o_kinds": Texts, "o_paths": Texts, "o_data": Jsons,
}  # fmt: skip


@frozen
class Sending:
    """A row to be. `kind` is emitted, started, ended, watched, asked or unwatched.

    There is no run where an event comes from outside.
    """

    run: UUID | None
    namespace: str
    kind: str
    path: str
    data: Json


@frozen
class Sent:
    """A row as the relay takes it; `chain` is which of its chain the run is, 0 without a run."""

    id: int
    run_id: UUID | None
    namespace: str
    workflow: str
    kind: str
    path: str
    data: Json
    chain: int = 0


@frozen
class Work:
    """What the relay has to do: follow what was `sent`, judge objectives, let runs in.

    `next_due` is how long it is until held events are to leave, None if none are.
    """

    sent: bool
    watched: bool
    crowded: bool
    next_due: timedelta | None


def columns(told: Sequence[Sending]) -> dict[str, Array]:
    """Return the parameters of `SEND`."""
    return {
        "o_runs": Uuids([each.run for each in told]),
        "o_namespaces": Texts([each.namespace for each in told]),
        "o_kinds": Texts([each.kind for each in told]),
        "o_paths": Texts([each.path for each in told]),
        "o_data": Jsons([orjson.dumps(each.data) for each in told]),
    }


async def send(connection: Connection, told: Sequence[Sending]) -> None:
    """Write rows that no turn of an owner writes, as those of events from outside."""
    await connection.execute(SEND, columns(told))


async def work(connection: Connection) -> Work:
    """Return what there is to do; one statement, for the relay asks all the time."""
    row = await (await connection.execute(_WORK)).fetchone()
    assert row is not None
    return Work(*row)


async def is_coming(connection: Connection, namespace: str, type_: str) -> bool:
    """True if an event of a type, or of a kind of it, may have been taken and not followed yet.

    It is searched for in the text: `->>` fails on what holds an escaped NUL anywhere.
    """
    told = {"namespace": namespace, "type": type_}
    row = await (await connection.execute(_IS_COMING, told)).fetchone()
    return row is not None and bool(row[0])


async def take(connection: Connection, limit: int, most: int = 1 << 30) -> list[Sent]:
    """Return the oldest rows, at most `limit`, and none behind the first `most` bytes.

    Only the relay's leader asks, so nobody else has them.
    """
    async with connection.cursor(row_factory=class_row(Sent)) as cursor:
        await cursor.execute(_TAKE, {"limit": limit, "most": most})
        return await cursor.fetchall()


async def forget(connection: Connection, ids: Sequence[int]) -> None:
    """Delete rows that have been followed."""
    await connection.execute(_FORGET, {"ids": list(ids)})


async def refuse(connection: Connection, row: int, reason: str) -> None:
    """Set a row aside that cannot be followed, so that others do not wait for it."""
    await connection.execute(_REFUSE, {"id": row, "reason": reason.replace("\0", "\ufffd")})
