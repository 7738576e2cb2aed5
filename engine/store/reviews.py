"""Reviews of pull requests: what is wanted, what was found, and what was said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, LiteralString

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from engine.core.frozen import frozen
from engine.store.arrays import Texts
from engine.store.pool import Connection

# Pushes that come one after the other are looked at once; what waits already does not wait longer.
_SETTLE = timedelta(seconds=2)
KEEP = timedelta(days=90)
"""How long a review is kept that is over."""

_WANT: LiteralString = """
    INSERT INTO reviews (source, ref, number, title, head, base, not_before)
    SELECT source, %(ref)s, %(number)s, %(title)s, %(head)s, %(base)s, now() + %(settle)s
      FROM unnest(%(sources)s) AS asked (source) ORDER BY source
    ON CONFLICT (source, ref) DO UPDATE
       SET wanted = reviews.wanted + 1,
           head = coalesce(nullif(EXCLUDED.head, ''), reviews.head),
           base = coalesce(nullif(EXCLUDED.base, ''), reviews.base),
           not_before = CASE WHEN reviews.wanted = reviews.handled THEN EXCLUDED.not_before
                             ELSE reviews.not_before END
"""
_AGAIN: LiteralString = """
    UPDATE reviews
       SET wanted = wanted + 1, said = CASE WHEN %(anew)s THEN '' ELSE said END,
           not_before = CASE WHEN wanted = handled THEN now() + %(settle)s ELSE not_before END
"""
# In one order everywhere, so that two who lock several rows never wait in a circle.
_LOCKED: LiteralString = " WHERE (source, ref) IN (SELECT source, ref FROM reviews"
_IN_ORDER: LiteralString = " ORDER BY source, ref FOR UPDATE)"
_RERUN: LiteralString = " WHERE source = ANY(%(sources)s) AND check_id = %(check)s AND is_open"
_OF_SOURCE: LiteralString = " WHERE source = %(source)s AND number > 0 AND is_open"
_MERGED: LiteralString = (
    " WHERE source = %(source)s AND number > 0 AND NOT is_open AND merged <> '' AND landed = ''"
)
_OF_REF: LiteralString = " WHERE source = ANY(%(sources)s) AND ref = %(ref)s"
_OVER: LiteralString = """
    UPDATE reviews SET is_open = false, wanted = wanted + 1, not_before = now()
"""
_COLUMNS: LiteralString = """
    SELECT source, ref, number, wanted, handled, not_before, faults, fault, is_open, title, author,
           head, base, conclusion, digest, workflows, asks, check_id,
           checked, annotated, comment_id, said, body,
           notes, merged, landed, trusted, previews, asked_at, updated_at
      FROM reviews
"""
_DUE: LiteralString = """
     WHERE source = ANY(%(sources)s) AND wanted > handled AND not_before <= now()
     ORDER BY number = 0 DESC, number DESC, asked_at LIMIT %(limit)s
"""
_SAVE: LiteralString = """
    UPDATE reviews
       SET handled = greatest(handled, %(handled)s), not_before = now() + %(wait)s,
           faults = %(faults)s, fault = %(fault)s, is_open = %(is_open)s, title = %(title)s,
           author = %(author)s, head = %(head)s, base = %(base)s, conclusion = %(conclusion)s,
           digest = %(digest)s, workflows = %(workflows)s, check_id = %(check_id)s,
           checked = %(checked)s,
           annotated = %(annotated)s, asks = %(asks)s, comment_id = %(comment_id)s,
           said = %(said)s, body = %(body)s,
           notes = %(notes)s, merged = %(merged)s, landed = %(landed)s,
           trusted = %(trusted)s, previews = %(previews)s, updated_at = now()
     WHERE source = %(source)s AND ref = %(ref)s
"""
_ALSO: LiteralString = """
    SELECT number, workflows FROM reviews
     WHERE source = %(source)s AND number > 0 AND number <> %(number)s AND is_open
       AND workflows <> '{}'
     ORDER BY number LIMIT 300
"""
_IN_FLIGHT: LiteralString = """
    SELECT workflow, commit_sha, count(*) FROM runs
     WHERE namespace = %(namespace)s AND ended_at IS NULL
     GROUP BY workflow, commit_sha ORDER BY workflow, count(*) DESC LIMIT 10000
"""
_IS_REVIEWED: LiteralString = """
    SELECT EXISTS (SELECT FROM reviews WHERE source = %(source)s AND digest = %(digest)s
                                         AND conclusion = 'success')
"""
_HAS_PASSED: LiteralString = """
    SELECT EXISTS (SELECT FROM reviews WHERE source = %(source)s AND head = %(head)s
                                         AND number = 0 AND conclusion = 'success')
"""
_FOREIGN: LiteralString = """
    SELECT workflows.name, source FROM workflows JOIN sources ON sources.name = source
     WHERE workflows.namespace = %(namespace)s AND source <> %(source)s AND configured
"""
_SWEEP: LiteralString = """
    WITH gone AS (
        DELETE FROM reviews
         WHERE (source, ref) IN (
             SELECT source, ref FROM reviews
              WHERE (NOT is_open OR number = 0) AND wanted = handled
                AND updated_at < now() - %(keep)s
                FOR UPDATE SKIP LOCKED)
        RETURNING source, number
    ), approved AS (
        DELETE FROM review_approvals USING gone
         WHERE review_approvals.source = gone.source AND review_approvals.number = gone.number
    )
    DELETE FROM review_commands WHERE at < now() - %(keep)s
"""


@frozen
class ReviewRow:
    """A review as it stands; see the migration for what each column says."""

    source: str
    ref: str
    number: int
    wanted: int
    handled: int
    not_before: datetime
    faults: int
    fault: str
    is_open: bool
    title: str
    author: str
    head: str
    base: str
    conclusion: str | None
    digest: str
    workflows: Sequence[str]
    asks: Mapping[str, Sequence[str]]
    check_id: int | None
    checked: str
    annotated: str
    comment_id: int | None
    said: str
    body: str
    notes: str
    merged: str
    landed: str
    trusted: str
    previews: Sequence[Mapping[str, Any]]
    asked_at: datetime
    updated_at: datetime

    def teams(self, rule: str) -> Sequence[str]:
        """Return the teams that a rule asks for; a single one may be written by itself."""
        told = self.asks.get(rule, ())
        return (told,) if isinstance(told, str) else told


async def want(
    connection: Connection, sources: Sequence[str], ref: str, number: int,
    title: str = "", head: str = "", base: str = "",
) -> None:  # fmt: skip
    """Ask for a look at a review in each of these sources; make those that there are not.

    What more is told is of a merge group, about which nobody else can be asked: the branch that it
    goes into, and its commits.
    """
    told = {"ref": ref, "number": number, "title": title, "head": head, "base": base}
    await connection.execute(_WANT, {**told, "sources": Texts(sources), "settle": _SETTLE})


async def rerun(connection: Connection, sources: Sequence[str], check: int) -> None:
    """Ask for a look at the review whose check this is, and for it to be told anew."""
    told = {"sources": Texts(sources), "check": check, "settle": _SETTLE, "anew": True}
    await connection.execute(_AGAIN + _LOCKED + _RERUN + _IN_ORDER, told)


async def want_again(connection: Connection, sources: Sequence[str], ref: str) -> None:
    """Ask for a look at a review, where there is one."""
    told = {"sources": Texts(sources), "ref": ref, "settle": _SETTLE, "anew": False}
    await connection.execute(_AGAIN + _LOCKED + _OF_REF + _IN_ORDER, told)


async def activated(connection: Connection, source: str, *, is_changed: bool) -> None:
    """Ask for a look at what was merged into a source, one of whose commits is live now.

    Where workflows have changed by it, every open pull request is looked at, too.
    """
    told = {"source": source, "settle": timedelta(0), "anew": False}
    await connection.execute(_AGAIN + _LOCKED + _MERGED + _IN_ORDER, told)
    if is_changed:
        await moved(connection, source)


async def moved(connection: Connection, source: str) -> None:
    """Ask for a look at every open pull request of a source: they go into another commit now."""
    told = {"source": source, "settle": _SETTLE, "anew": False}
    await connection.execute(_AGAIN + _LOCKED + _OF_SOURCE + _IN_ORDER, told)


async def over(connection: Connection, sources: Sequence[str], ref: str) -> None:
    """Write that a merge group is no more, and ask for a look at that."""
    told = {"sources": Texts(sources), "ref": ref}
    await connection.execute(_OVER + _LOCKED + _OF_REF + _IN_ORDER, told)


async def due(connection: Connection, sources: Sequence[str], limit: int) -> list[ReviewRow]:
    """Return what is wanted: merge groups in their order, then pull requests, newest first."""
    async with connection.cursor(row_factory=class_row(ReviewRow)) as cursor:
        await cursor.execute(_COLUMNS + _DUE, {"sources": Texts(sources), "limit": limit})
        return await cursor.fetchall()


async def read(connection: Connection, source: str, ref: str) -> ReviewRow | None:
    async with connection.cursor(row_factory=class_row(ReviewRow)) as cursor:
        words: LiteralString = " WHERE source = %(source)s AND ref = %(ref)s"
        await cursor.execute(_COLUMNS + words, {"source": source, "ref": ref})
        return await cursor.fetchone()


async def of_number(connection: Connection, source: str, number: int) -> ReviewRow | None:
    """Return the review of a pull request by its number, if there is one."""
    async with connection.cursor(row_factory=class_row(ReviewRow)) as cursor:
        words: LiteralString = " WHERE source = %(source)s AND number = %(number)s AND number > 0"
        await cursor.execute(_COLUMNS + words, {"source": source, "number": number})
        return await cursor.fetchone()


async def of_plan(connection: Connection, prefix: str) -> list[ReviewRow]:
    """Return the reviews whose plan's digest begins with 8 digits or more, the latest first."""
    words: LiteralString = """
        WHERE digest LIKE %(prefix)s AND number > 0 ORDER BY updated_at DESC LIMIT 20
    """
    async with connection.cursor(row_factory=class_row(ReviewRow)) as cursor:
        await cursor.execute(_COLUMNS + words, {"prefix": f"{prefix}%"})
        return await cursor.fetchall()


async def latest(connection: Connection, sources: Sequence[str], limit: int) -> list[str]:
    """Return the sources that were looked at last, the latest first."""
    words: LiteralString = """
        SELECT source FROM reviews WHERE source = ANY(%(sources)s)
         GROUP BY source ORDER BY max(updated_at) DESC, source LIMIT %(limit)s
    """
    found = await connection.execute(words, {"sources": Texts(sources), "limit": limit})
    return [str(row[0]) for row in await found.fetchall()]


async def all_of(
    connection: Connection, sources: Sequence[str], limit: int, *, every: bool = False
) -> list[ReviewRow]:
    """Return the reviews of sources, the latest first; those that are over only if `every`."""
    words: LiteralString = """
        WHERE source = ANY(%(sources)s) AND (is_open OR %(every)s) AND number > 0
        ORDER BY updated_at DESC, source, number LIMIT %(limit)s
    """
    async with connection.cursor(row_factory=class_row(ReviewRow)) as cursor:
        told = {"sources": Texts(sources), "limit": limit, "every": every}
        await cursor.execute(_COLUMNS + words, told)
        return await cursor.fetchall()


async def open_of(connection: Connection, source: str) -> list[ReviewRow]:
    """Return the reviews of a source's open pull requests."""
    async with connection.cursor(row_factory=class_row(ReviewRow)) as cursor:
        await cursor.execute(_COLUMNS + _OF_SOURCE, {"source": source})
        return await cursor.fetchall()


async def save(connection: Connection, row: ReviewRow, wait: timedelta = timedelta(0)) -> None:
    """Write a review as it stands; it is not looked at again before `wait` is over."""
    told = {each.name: getattr(row, each.name) for each in fields(row)}
    told |= {"workflows": Texts(row.workflows), "asks": Jsonb(_asks(row)), "wait": wait}
    told["previews"] = Jsonb(list(row.previews))
    await connection.execute(_SAVE, told)


def _asks(row: ReviewRow) -> dict[str, Sequence[str]]:
    """Return the teams by rule, a single one as the versions before write and read it."""
    told = {rule: row.teams(rule) for rule in row.asks}
    return {rule: each[0] if len(each) == 1 else list(each) for rule, each in told.items()}


async def also(connection: Connection, source: str, number: int) -> dict[int, Sequence[str]]:
    """Return which workflows the other open pull requests of a source touch, by their numbers."""
    found = await connection.execute(_ALSO, {"source": source, "number": number})
    return {int(row[0]): row[1] for row in await found.fetchall()}


async def in_flight(connection: Connection, namespace: str) -> dict[str, dict[str, int]]:
    """Return how many runs of each workflow are under way, by the commit that they keep."""
    found = await connection.execute(_IN_FLIGHT, {"namespace": namespace})
    told: dict[str, dict[str, int]] = {}
    for workflow, commit, count in await found.fetchall():
        told.setdefault(workflow, {})[commit] = int(count)
    return told


async def has_passed(connection: Connection, source: str, head: str) -> bool:
    """True if the merge group with this head was found to be right."""
    told = {"source": source, "head": head}
    row = await (await connection.execute(_HAS_PASSED, told)).fetchone()
    return row is not None and bool(row[0])


async def is_reviewed(connection: Connection, source: str, digest: str) -> bool:
    """True if a review of this very change has ended well."""
    told = {"source": source, "digest": digest}
    row = await (await connection.execute(_IS_REVIEWED, told)).fetchone()
    return row is not None and bool(row[0])


async def foreign(connection: Connection, source: str, namespace: str) -> dict[str, str]:
    """Return the workflows of a namespace that are another configured source's, with its name."""
    found = await connection.execute(_FOREIGN, {"source": source, "namespace": namespace})
    return {str(row[0]): str(row[1]) for row in await found.fetchall()}


async def sweep(connection: Connection) -> None:
    """Forget reviews that were over `KEEP` ago, and what hangs on them."""
    await connection.execute(_SWEEP, {"keep": KEEP})
