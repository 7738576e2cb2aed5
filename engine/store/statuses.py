"""What is to be said of commits at forges: of each commit in each context the newest words.

A source without a forge has no context, and nothing is kept of it.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import LiteralString

from psycopg.rows import class_row

from engine.core.frozen import frozen
from engine.store.arrays import Texts
from engine.store.pool import Connection

# Of each source, while its forge is away.
MOST_UNSAID = 1000
_DIRECT: LiteralString = """
    UPDATE sources SET status_context = coalesce(told.context, '')
      FROM sources AS known
      LEFT JOIN unnest(%(sources)s, %(contexts)s) AS told (source, context)
        ON told.source = known.name
     WHERE sources.name = known.name AND sources.status_context <> coalesce(told.context, '')
"""
_FORGET: LiteralString = """
    DELETE FROM statuses USING sources
     WHERE sources.name = statuses.source AND sources.status_context <> statuses.context
"""
# That a commit is live is said once: since when it is, does not change.
_TELL: LiteralString = """
    INSERT INTO statuses (source, sha, context, state, words)
    SELECT name, %(sha)s, status_context, %(state)s, %(words)s
      FROM sources WHERE name = %(source)s AND status_context <> ''
    ON CONFLICT (source, sha, context) DO UPDATE
       SET state = EXCLUDED.state, words = EXCLUDED.words, version = EXCLUDED.version,
           due_at = now()
     WHERE statuses.state <> EXCLUDED.state
        OR (EXCLUDED.state <> 'success' AND statuses.words <> EXCLUDED.words)
"""
_TIDY: LiteralString = """
    DELETE FROM statuses
     WHERE source = %(source)s AND sha <> %(sha)s
       AND (said = version OR version <= (
           SELECT version FROM statuses WHERE source = %(source)s
            ORDER BY version DESC OFFSET %(most)s LIMIT 1))
"""
_DUE: LiteralString = """
    SELECT source, sha, context, state, words, version FROM statuses
     WHERE source = ANY(%(sources)s) AND said < version AND due_at <= now()
     ORDER BY version LIMIT %(limit)s
"""
_SAID: LiteralString = """
    UPDATE statuses SET said = greatest(said, %(version)s)
     WHERE (source, sha, context) = (%(source)s, %(sha)s, %(context)s)
"""
_PUT_OFF: LiteralString = """
    UPDATE statuses SET due_at = now() + %(pause)s
     WHERE (source, sha, context) = (%(source)s, %(sha)s, %(context)s) AND version = %(version)s
"""


@frozen
class Words:
    """What is said of a commit; `state` is GitHub's word: pending, success or failure."""

    state: str
    text: str


@frozen
class Status:
    """Words that a forge has not heard yet."""

    source: str
    sha: str
    context: str
    state: str
    words: str
    version: int

    def told(self) -> Mapping[str, str | int]:
        """Return what names these very words."""
        return {
            "source": self.source,
            "sha": self.sha,
            "context": self.context,
            "version": self.version,
        }


async def direct(connection: Connection, contexts: Mapping[str, str]) -> None:
    """Set the context of each source that has a forge; what was for another is forgotten."""
    told = {"sources": Texts(list(contexts)), "contexts": Texts(list(contexts.values()))}
    await connection.execute(_DIRECT, told)
    await connection.execute(_FORGET)


async def tell(connection: Connection, source: str, sha: str, words: Words) -> None:
    """Write what is to be said of a commit, if it is not what was to be said before.

    What was said of other commits of the source is forgotten, and so are the oldest words of more
    than `MOST_UNSAID` commits.
    """
    told = {"source": source, "sha": sha, "state": words.state, "words": words.text}
    await connection.execute(_TELL, told)
    await connection.execute(_TIDY, {"source": source, "sha": sha, "most": MOST_UNSAID})


async def due(connection: Connection, sources: Sequence[str], limit: int) -> list[Status]:
    """Return what is to be said for some sources, in the order in which it came up."""
    async with connection.cursor(row_factory=class_row(Status)) as cursor:
        await cursor.execute(_DUE, {"sources": Texts(sources), "limit": limit})
        return await cursor.fetchall()


async def said(connection: Connection, status: Status) -> None:
    """Write that words were said; newer ones are due still."""
    await connection.execute(_SAID, status.told())


async def put_off(connection: Connection, status: Status, pause: timedelta) -> None:
    """Let words wait; newer ones in their place do not."""
    await connection.execute(_PUT_OFF, {**status.told(), "pause": pause})
