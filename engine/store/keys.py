"""Idempotency keys: which run a start under a key has made, and from what body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from engine.store.arrays import Texts
from engine.store.pool import Connection

_TAKEN: LiteralString = """
    SELECT namespace, workflow, key, digest, run
      FROM idempotency_keys
      JOIN unnest(%(namespaces)s, %(workflows)s, %(keys)s) AS asked (namespace, workflow, key)
     USING (namespace, workflow, key)
"""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a client calls one start of one workflow."""

    namespace: str
    workflow: str
    key: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A start under a key: the digest of its body, and the run that it makes."""

    key: Key
    digest: str
    run: UUID


async def taken(connection: Connection, keys: Sequence[Key]) -> dict[Key, Claim]:
    """Return the claims of those keys that somebody has."""
    cursor = await connection.execute(
        _TAKEN,
        {
            "namespaces": Texts([each.namespace for each in keys]),
            "workflows": Texts([each.workflow for each in keys]),
            "keys": Texts([each.key for each in keys]),
        },
    )
    claims = [Claim(Key(*row[:3]), row[3], row[4]) for row in await cursor.fetchall()]
    return {each.key: each for each in claims}
