"""Idempotency keys: which run a start under a key has made, and from what body."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from engine.store.arrays import Texts, Uuids
from engine.store.pool import Connection

_CLAIM: LiteralString = """
    INSERT INTO idempotency_keys (namespace, workflow, key, digest, run)
    SELECT * FROM unnest(%(namespaces)s, %(workflows)s, %(keys)s, %(digests)s, %(runs)s)
    ON CONFLICT (namespace, workflow, key) DO NOTHING
"""
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


async def claim(connection: Connection, claims: Sequence[Claim]) -> None:
    """Take keys that are free; ask `taken` whose they are. In one order, as deliveries are."""
    told = sorted(claims, key=lambda each: each.key)
    await connection.execute(
        _CLAIM,
        {
            **_columns([each.key for each in told]),
            "digests": Texts([each.digest for each in told]),
            "runs": Uuids([each.run for each in told]),
        },
    )


async def taken(connection: Connection, keys: Sequence[Key]) -> dict[Key, Claim]:
    """Return the claims of those keys that somebody has."""
    cursor = await connection.execute(_TAKEN, _columns(keys))
    claims = [Claim(Key(*row[:3]), row[3], row[4]) for row in await cursor.fetchall()]
    return {each.key: each for each in claims}


def _columns(keys: Sequence[Key]) -> dict[str, Texts]:
    return {
        "namespaces": Texts([each.namespace for each in keys]),
        "workflows": Texts([each.workflow for each in keys]),
        "keys": Texts([each.key for each in keys]),
    }
