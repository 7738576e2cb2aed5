"""The line of runs: where one stands that waits to begin, and who of all that are due goes next.

Who has never begun stands at its `due_at`, which `engine.core.priority.place` says once, as it
comes: so an index knows who is next, however many wait. The place of a tenant's run may lie ahead,
and it may begin all the same. Of what has begun, `due_at` is when it may go on; it stands where it
would if it came then. Few have begun and are nobody's: where none of them is due, a claim is one
look at one index. Of those that are suspect, which are the oldest, no more are taken than the
claim has room for.
"""

from typing import LiteralString

from engine.core.priority import AGEING, TURN

# Follow the condition on the pool. Who waits to be let into its group stands at the end of time.
_STANDS: LiteralString = "started_at IS NULL AND ended_at IS NULL AND due_at < '9999-01-01Z'"
# What is suspect is at a level of its own.
_RESTS: LiteralString = (
    "CASE WHEN suspect THEN 4 ELSE priority END = level AND started_at IS NOT NULL"
    " AND owner IS NULL AND ended_at IS NULL"
)
_LEVELS: LiteralString = "(VALUES (0), (1), (2), (3), (4)) AS levels (level)"
# Where one of `new` stands that has no tenant.
PLAIN: LiteralString = "now() - new.priority * %(ageing)s::interval"
# Where one of `new` stands, several of one tenant among them: `line.first` is given by `FIRST`.
PLACE: LiteralString = """
    line.first + CASE WHEN new.fair_key IS NULL THEN interval '0' ELSE %(turn)s::interval * (
        row_number() OVER (PARTITION BY new.namespace, new.fair_key, new.pool, new.priority
                               ORDER BY new.id) - 1) END
"""
# Follows `new`, runs to be or to be let in: where the next of its tenant stands.
FIRST: LiteralString = "".join(
    (
        "LATERAL (SELECT greatest(",
        PLAIN,
        """, (SELECT max(due_at) + %(turn)s::interval FROM runs
               WHERE namespace = new.namespace AND fair_key = new.fair_key AND pool = new.pool
                 AND priority = new.priority AND """,
        _STANDS,
        ")) AS first) AS line",
    )
)
# Follows the conditions on a run that is claimed: it is not one that is left to others.
_NOT_LEFT: LiteralString = (
    " AND plan <> ALL(%(left_plans)s::text[]) AND id <> ALL(%(left_runs)s::uuid[])"
)


def _due(stands: LiteralString, rests: LiteralString) -> LiteralString:
    """Return who of those that stand and rest is next.

    Only where some that have begun are due is it counted how many of each level (-1: of the line)
    are next; then each kind is taken from its front.
    """
    return _shares(stands, rests) + _taken(stands, rests)


def _shares(stands: LiteralString, rests: LiteralString) -> LiteralString:
    """Return how many of each level are next."""
    return "".join((
        """
    WITH woken AS MATERIALIZED (
        SELECT level, due_at - level * %(ageing)s::interval AS place
          FROM """,
        _LEVELS,
        """, LATERAL (
            SELECT due_at FROM runs WHERE pool = %(pool)s AND due_at <= now() AND """,
        rests,
        """
             ORDER BY due_at
             LIMIT CASE WHEN level = 4 THEN %(suspects)s::bigint ELSE %(limit)s END) AS each
    ), shares AS (
        SELECT level, count(*) AS number FROM (
            SELECT level, place FROM woken
            UNION ALL
            (SELECT -1, due_at FROM runs WHERE pool = %(pool)s AND """,
        stands,
        """
              ORDER BY due_at LIMIT %(limit)s)
            ORDER BY place LIMIT %(limit)s) AS next
         GROUP BY level
    )
""",
    ))  # fmt: skip


def _taken(stands: LiteralString, rests: LiteralString) -> LiteralString:
    """Return the runs of those shares; what others are just taking is passed over."""
    return "".join((
        """
    SELECT next.* FROM (
        SELECT id, lost, suspect, started_at FROM runs WHERE pool = %(pool)s AND """,
        stands,
        """
         ORDER BY due_at LIMIT CASE WHEN EXISTS (SELECT FROM woken)
            THEN coalesce((SELECT number FROM shares WHERE level = -1), 0) ELSE %(limit)s END
           FOR NO KEY UPDATE SKIP LOCKED
    ) AS next
    UNION ALL
    SELECT next.* FROM shares, LATERAL (
        SELECT id, lost, suspect, started_at FROM runs
         WHERE pool = %(pool)s AND due_at <= now() AND """,
        rests,
        """
         ORDER BY due_at LIMIT number FOR NO KEY UPDATE SKIP LOCKED
    ) AS next WHERE EXISTS (SELECT FROM woken)
""",
    ))  # fmt: skip


DUE = _due(_STANDS, _RESTS)
# The same for a program that leaves some plans and runs to others.
DUE_NOT_LEFT = _due(_STANDS + _NOT_LEFT, _RESTS + _NOT_LEFT)
# True if there is something to claim in the pool of `workers`.
CLAIMABLE: LiteralString = "".join(
    (
        "(EXISTS (SELECT FROM runs WHERE pool = workers.pool AND ",
        _STANDS,
        ") OR EXISTS (SELECT FROM ",
        _LEVELS,
        ", LATERAL (SELECT FROM runs WHERE pool = workers.pool AND due_at <= now() AND ",
        _RESTS,
        " LIMIT 1) AS each))",
    )
)
# When runs of the pool of `workers` come due soon, in fiftieths of a second from now: as many of
# these as there are in a second or two, each once.
COMING: LiteralString = "".join(
    (
        """ARRAY(SELECT DISTINCT ceil(50 * extract(epoch FROM due_at - now()))::int FROM """,
        _LEVELS,
        """, LATERAL (SELECT due_at FROM runs
                       WHERE pool = workers.pool AND due_at > now()
                         AND due_at <= now() + %(ahead)s AND """,
        _RESTS,
        " ORDER BY due_at LIMIT 200) AS each)",
    )
)
VALUES = {"ageing": AGEING, "turn": TURN}
