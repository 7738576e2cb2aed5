"""The schema: migrations, the readable whole, and the words that Python and SQL share."""

import asyncio
from importlib.resources import files

import psycopg
import pytest

from engine.core.state import ENDED, RunStatus
from engine.errors import Misconfigured
from engine.forge.contract import State
from engine.store import migrate
from engine.store.migrate import migrations

_CATALOGUE = """
    SELECT table_name || '.' || column_name,
           rank() OVER (PARTITION BY table_name ORDER BY ordinal_position)::text,
           data_type, is_nullable,
           coalesce(column_default, ''), is_identity
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL
    SELECT conrelid::regclass || ':' || conname, pg_get_constraintdef(oid), '', '', '', ''
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT indexname, indexdef, '', '', '', '' FROM pg_indexes WHERE schemaname = 'public'
     ORDER BY 1, 2
"""


def catalogue(url: str) -> list[tuple[str, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(_CATALOGUE).fetchall()


def test_the_readable_whole_is_what_the_migrations_make(database_url: str, empty_url: str):
    """
    `schema.sql` gives the same tables, constraints and indexes as all migrations together.
    """
    with psycopg.connect(empty_url) as connection:
        connection.execute((files("engine.store") / "schema.sql").read_bytes())
    own = [row for row in catalogue(database_url) if "migrations" not in row[0]]

    assert catalogue(empty_url) == own


def test_sql_knows_the_statuses_of_python(database_url: str):
    """
    The row of a run takes exactly the words of the machine, and `ended_at` exactly with those
    that have ended.
    """
    insert = """
        INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, status, ended_at)
        VALUES (gen_random_uuid(), '', '', '', '{}', '{}', %s, %s)
    """
    with psycopg.connect(database_url, autocommit=True) as connection:
        for status in RunStatus:
            ended = "now" if status in ENDED else None
            connection.execute(insert, (status.value, ended))
            with pytest.raises(psycopg.errors.CheckViolation):
                connection.execute(insert, (status.value, None if ended else "now"))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(insert, ("done", None))


def test_two_migrate_at_once(empty_url: str):
    """
    The second waits for the first and finds nothing left to do; a third time changes nothing.
    """

    async def both() -> list[list[str]]:
        return list(await asyncio.gather(*(migrate.migrate(empty_url) for _ in range(3))))

    applied = asyncio.run(both())

    assert sorted(applied, key=len) == [[], [], [each.name for each in migrations()]]


def test_a_failed_migration_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch):
    """
    Each is one transaction: what came before stays, of the failed one there is no trace, and the
    next attempt goes on from there.
    """
    good = migrations()
    half = migrate.Migration("9998_half.sql", "CREATE TABLE half (a int); SELECT 1 / 0;")
    with monkeypatch.context() as patched:
        patched.setattr(migrate, "migrations", lambda: [*good, half])
        with pytest.raises(psycopg.errors.DivisionByZero):
            asyncio.run(migrate.migrate(empty_url))

    assert asyncio.run(migrate.migrate(empty_url)) == []
    assert not any("half" in row[0] for row in catalogue(empty_url))


def test_an_edited_migration_is_refused(database_url: str):
    """
    A file that is not what was applied stops the start, by its name.
    """
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE migrations SET checksum = 'x' WHERE name LIKE '0001%'")

    with pytest.raises(Misconfigured, match=r"0001_runs\.sql was edited"):
        asyncio.run(migrate.migrate(database_url))


def test_a_newer_database_is_refused(database_url: str):
    """
    An older program does not touch what a newer one has made, and says so.
    """
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO migrations (name, checksum) VALUES ('9999_new.sql', 'x')")

    with pytest.raises(Misconfigured, match=r"newer than this program: it has 9999_new\.sql"):
        asyncio.run(migrate.migrate(database_url))


def test_sql_knows_what_is_said_of_commits(database_url: str):
    """
    A status takes exactly the words that forges are told.
    """
    insert = "INSERT INTO statuses (source, sha, context, state, words) VALUES ('', %s, '', %s, '')"
    with psycopg.connect(database_url, autocommit=True) as connection:
        for state in State:
            connection.execute(insert, (state.value, state.value))
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(insert, ("other", "other"))
