"""History for the tests of retention: runs of long ago, and the duty that looks after them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from engine.core import ids
from engine.retention import Retention
from engine.store import journal, leases, partitions
from engine.store.leases import Session
from engine.store.pool import Connection, connect

DAY = timedelta(days=1)
NOW = datetime.now(UTC)
KEEP = 90 * DAY
HANGING = ("journal", "inbox", "watches", "approvals", "callbacks", "handouts", "outbox")


@asynccontextmanager
async def leading(url: str) -> AsyncIterator[Session]:
    async with await connect(url, "retention") as connection:
        yield await leases.lead(connection, "retention")


def at(*days: float, session: Session, keep: timedelta | None = KEEP) -> Retention:
    """Return the duty at a day from now, or between the two that its clocks tell."""

    async def clocks(_: Connection) -> tuple[datetime, datetime]:
        return NOW + min(days) * DAY, NOW + max(days) * DAY

    return Retention(session, keep, clocks)


async def put(
    link: Connection, begun: float, ended: float | None, identity: UUID | None = None
) -> UUID:
    """Write a run that began and ended days from now, with ten rows and something of each kind."""
    run = identity or ids.timed(NOW + begun * DAY, uuid4())
    values = {"run": run, "at": NOW + begun * DAY, "key": str(run),
              "ended": None if ended is None else NOW + ended * DAY,
              "status": "waiting" if ended is None else "succeeded"}  # fmt: skip
    for statement in (
        """INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, status, created_at,
                             due_at, ended_at)
           VALUES (%(run)s, 'local', 'demo', '', '{}', '{}', %(status)s, %(at)s,
                   '9999-01-01Z', %(ended)s)""",
        """INSERT INTO journal SELECT %(run)s, seq, %(at)s, 'succeeded', 's' || seq, 1, '{}'
             FROM generate_series(1, 10) AS seq""",
        """INSERT INTO idempotency_keys (namespace, workflow, key, digest, run)
           VALUES ('local', 'demo', %(key)s, '', %(run)s)""",
        """INSERT INTO watches (run_id, path, namespace, event, at)
           VALUES (%(run)s, 'a', 'local', 'e', '')""",
        "INSERT INTO inbox (run_id, kind, path, key, data) VALUES (%(run)s,'arrived','a','k','1')",
        """INSERT INTO approvals (run_id, path, namespace, workflow, body, expires_at)
           VALUES (%(run)s, 'a', 'local', 'demo', '{}', now())""",
        "INSERT INTO callbacks (run_id, path, schema) VALUES (%(run)s, 'a', '{}')",
        """INSERT INTO outbox (run_id, namespace, kind, path, data, refused)
           VALUES (%(run)s, 'local', 'ended', '', '1', 'no')""",
    ):
        await link.execute(statement, values)
    return run


async def fill(link: Connection, begun: float, count: int) -> None:
    """Write so many runs of one day, which have ended at once, with three rows each."""
    await link.execute(
        """
        WITH new AS (
            INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, status, ended_at)
            SELECT (%(time)s || substr(md5(i::text), 1, 20))::uuid,
                   'local', 'demo', '', '{}', '{}', 'succeeded', %(at)s
              FROM generate_series(1, %(count)s) AS i RETURNING id
        )
        INSERT INTO journal SELECT id, seq, now(), 'succeeded', 'a', 1, '{}'
          FROM new, generate_series(1, 3) AS seq
        """,
        {"time": ids.first(NOW + begun * DAY).hex[:12], "at": NOW + begun * DAY, "count": count},
    )


async def there(link: Connection) -> set[UUID]:
    return {row[0] for row in await (await link.execute("SELECT id FROM runs")).fetchall()}


async def whole(link: Connection, run: UUID) -> bool:
    """Return whether a run has all of its journal."""
    return [row.seq for row in await journal.read(link, run)] == list(range(1, 11))


async def names(link: Connection) -> Sequence[str]:
    return [each.name for each in (await partitions.listed(link))[0]]


async def orphans(link: Connection) -> list[str]:
    """Return the tables that have rows of runs that are not there."""
    found = []
    for table in HANGING:
        told = (
            f"SELECT FROM {table} WHERE run_id IS NOT NULL AND run_id NOT IN (SELECT id FROM runs)"
        )
        if await (await link.execute(told.encode())).fetchone() is not None:
            found.append(table)
    return found


async def aged(session: Session, since: int) -> None:
    """Let the duty have been there since some days ago."""
    for day in range(-since, 1, 7):
        await at(day, session=session, keep=KEEP)._make(NOW + day * DAY)
