"""The database brought up to this version: plain SQL files, forward only, one transaction each."""

import hashlib
import re
from importlib.resources import files
from typing import LiteralString

from engine.core.frozen import frozen
from engine.errors import Misconfigured
from engine.store.pool import Connection, connect

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_PATIENT: LiteralString = "SET lock_timeout = 0"
_LOCK: LiteralString = "SELECT pg_advisory_lock(7317)"
_TABLE: LiteralString = """
    CREATE TABLE IF NOT EXISTS migrations (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
_APPLIED: LiteralString = "SELECT name, checksum FROM migrations ORDER BY name"
_RECORD: LiteralString = "INSERT INTO migrations (name, checksum) VALUES (%s, %s)"


@frozen
class Migration:
    """One file: its name orders it, its checksum says that nobody has edited it."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations() -> list[Migration]:
    """Return every migration of this version, in order."""
    folder = files("engine.store") / "migrations"
    named = sorted(each.name for each in folder.iterdir() if _NAME.fullmatch(each.name))
    return [Migration(name, (folder / name).read_text("utf-8")) for name in named]


async def migrate(url: str) -> list[str]:
    """Apply what is missing and return its names.

    Two at once wait for each other. Raise Misconfigured if an applied file was edited, or the
    database is newer than this program.
    """
    connection = await connect(url, "migrate")
    async with connection:
        await connection.execute(_PATIENT)
        await connection.execute(_LOCK)
        await connection.execute(_TABLE)
        return [each.name for each in await pending(connection) if await _apply(connection, each)]


async def pending(connection: Connection) -> list[Migration]:
    """Return the migrations that the database lacks; raise Misconfigured as `migrate` does."""
    applied: dict[str, str] = dict(await (await connection.execute(_APPLIED)).fetchall())
    known = {each.name: each for each in migrations()}
    for name, checksum in applied.items():
        if name not in known:
            raise Misconfigured(
                f"the database is newer than this program: it has {name}; "
                "install that version or restore a backup from before"
            )
        if known[name].checksum != checksum:
            raise Misconfigured(f"{name} was edited after it was applied; restore the file")
    return [each for each in known.values() if each.name not in applied]


async def _apply(connection: Connection, migration: Migration) -> bool:
    async with connection.transaction():
        await connection.execute(migration.text.encode())
        await connection.execute(_RECORD, (migration.name, migration.checksum))
    return True
