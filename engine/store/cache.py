"""Outputs of earlier calls, by the digest of all that they depend on."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store.arrays import Array, Jsons
from engine.store.pool import Connection

MOST = 100_000

_FIND: LiteralString = """
    SELECT outputs, artifacts, spilled FROM cache WHERE key = %(key)s AND expires_at > now()
"""
_KEEP: LiteralString = """
    INSERT INTO cache (key, outputs, artifacts, spilled, expires_at)
    SELECT DISTINCT ON (key) key, outputs, artifacts, spilled, now() + span
      FROM unnest(%(keys)s::bytea[], %(outputs)s::json[], %(artifacts)s::json[],
                  %(spilled)s::json[], %(spans)s::interval[])
        AS new (key, outputs, artifacts, spilled, span)
     ORDER BY key
    ON CONFLICT (key) DO UPDATE
       SET outputs = excluded.outputs, artifacts = excluded.artifacts,
           spilled = excluded.spilled, kept_at = now(),
           expires_at = excluded.expires_at
"""
_FORGET: LiteralString = "DELETE FROM cache WHERE key = %(key)s"
_SWEEP: LiteralString = """
    DELETE FROM cache
     WHERE expires_at <= now()
        OR kept_at <= (SELECT kept_at FROM cache ORDER BY kept_at DESC OFFSET %(most)s LIMIT 1)
"""


@frozen
class Found:
    """What an earlier call gave."""

    outputs: Mapping[str, Json]
    artifacts: Mapping[str, Json]
    spilled: Mapping[str, Json]


@frozen
class Entry:
    """What a call gave, for `ttl`: `outputs`, `artifacts` and `spilled` are bytes of JSON."""

    key: bytes
    outputs: bytes
    artifacts: bytes
    ttl: timedelta
    spilled: bytes = b"{}"


async def find(connection: Connection, key: bytes) -> Found | None:
    """Return what is kept under a key, unless its time is over."""
    async with connection.cursor(row_factory=class_row(Found)) as cursor:
        await cursor.execute(_FIND, {"key": key})
        return await cursor.fetchone()


async def keep(connection: Connection, entries: Sequence[Entry]) -> None:
    """Keep entries, each in the place of an earlier one of its key."""
    told: dict[str, Array | list[bytes] | list[timedelta]] = {
        "keys": [each.key for each in entries],
        "outputs": Jsons([each.outputs for each in entries]),
        "artifacts": Jsons([each.artifacts for each in entries]),
        "spilled": Jsons([each.spilled for each in entries]),
        "spans": [each.ttl for each in entries],
    }
    await connection.execute(_KEEP, told)


async def forget(connection: Connection, key: bytes) -> None:
    """Forget an entry that cannot be used any more."""
    await connection.execute(_FORGET, {"key": key})


async def sweep(connection: Connection, most: int = MOST) -> None:
    """Forget what is over, and the oldest beyond `most` entries."""
    await connection.execute(_SWEEP, {"most": most})
