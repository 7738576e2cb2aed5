"""One turn of an owner: everything that it has to write, and its claim, in one statement.

The statement is one transaction and one round trip. It needs no fence of its own: an owner writes
on the session that holds its worker's lock, and nobody takes its runs while that session lives
(`engine.store.workers`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

import orjson
import psycopg

from engine.core.event import Row
from engine.core.frozen import frozen
from engine.core.values import Json
from engine.store import handouts, line, outbox
from engine.store.arrays import Array, Bigs, Bools, Instants, Ints, Jsons, Texts, Uuids
from engine.store.handouts import Offer
from engine.store.outbox import Sending
from engine.store.pool import Connection, is_passing
from engine.store.statement import Statement

_APPEND: LiteralString = """
    INSERT INTO journal (run_id, seq, at, kind, path, attempt, data)
    SELECT * FROM unnest(%(runs)s, %(seqs)s, %(ats)s, %(kinds)s, %(paths)s, %(attempts)s, %(data)s)
"""
# A run that leaves while it has been told something that its owner has not heard is due at once.
_CHANGE: LiteralString = """
    UPDATE runs SET status = new.status, flags = new.flags::text[], outputs = new.outputs,
           error = new.error, wake_at = new.wake_at, ended_at = new.ended_at,
           owner = CASE WHEN new.kept THEN runs.owner END, lost = new.lost, suspect = new.suspect,
           unheard = runs.unheard - new.taken,
           due_at = CASE WHEN (runs.cancel IS NULL OR new.heard) AND runs.unheard <= new.taken
                         THEN coalesce(new.due_at, runs.due_at) ELSE now() END
      FROM unnest(%(ids)s, %(statuses)s, %(flags)s, %(outputs)s, %(errors)s, %(wakes)s,
                  %(ends)s, %(dues)s, %(kept)s, %(lost)s, %(suspect)s, %(heard)s, %(taken)s)
        AS new (id, status, flags, outputs, error, wake_at, ended_at, due_at, kept, lost, suspect,
                heard, taken)
     WHERE runs.id = new.id AND runs.owner = %(owner)s
"""
_TAKE: LiteralString = "DELETE FROM inbox WHERE id = ANY(%(told)s)"
# PostgreSQL expects an array to be short, and looks its runs up by their key; of `due` it knows
# nothing, and would read all runs that there are. One that is handed back goes by when it came.
_CLAIM: LiteralString = """
    UPDATE runs SET owner = %(owner)s, wake_at = NULL, lost = false, suspect = false,
           status = CASE WHEN runs.status = %(keeps)s THEN runs.status ELSE %(status)s END,
           started_at = coalesce(runs.started_at, %(now)s), due_at = runs.created_at
      FROM due
     WHERE runs.id = due.id AND runs.id = ANY(ARRAY(SELECT id FROM due))
    RETURNING runs.id, namespace, workflow, commit_sha, plan, trigger, inputs, cancel,
              created_at, runs.started_at, due.lost, due.suspect,
              due.started_at IS NOT NULL, unheard > 0
"""
# For a turn that claims and writes nothing: its commit does not wait for the disk. Where PostgreSQL
# crashes before it is there, nobody has claimed; whatever followed from the claim and was to last
# came after it on the way to the disk, and so is not there either.
_LAZILY: LiteralString = """
    SELECT claimed.* FROM claimed, set_config('synchronous_commit', 'off', true)
"""
# Where nothing else is written: what is committed by then goes to the disk before this.
_KEEP: LiteralString = "UPDATE workers SET beat_at = now() WHERE id = %(owner)s"
_KINDS: Mapping[str, type[Array]] = {
    "runs": Uuids, "seqs": Ints, "ats": Instants, "kinds": Texts, "paths": Texts,
    "attempts": Ints, "data": Jsons,
    "ids": Uuids, "statuses": Texts, "flags": Texts, "outputs": Jsons, "errors": Jsons,
    "wakes": Instants, "ends": Instants, "dues": Instants, "kept": Bools, "lost": Bools,
    "suspect": Bools,
    "heard": Bools, "taken": Ints, "told": Bigs, "left_plans": Texts, "left_runs": Uuids,
    **outbox.KINDS, **handouts.KINDS,
}  # fmt: skip


class Refused(Exception):
    """PostgreSQL could not do it now: nothing was written, and the same may be asked again."""


@frozen
class Change:
    """What a run's row is to say. Unless it is `kept`, nobody owns the run from then on.

    `due_at` is when it may be claimed again, None where that stays as it is. `lost` tells the
    next owner that attempts may have been under way, `suspect` that a worker has died of them or
    beside them. `heard`: the run knows of its cancellation.
    `taken` is how many rows of its inbox the turn takes. Of a run that has ended, `namespace` and
    `workflow` say who may follow it.
    """

    id: UUID
    status: str
    flags: tuple[str, ...] = ()
    outputs: Json = None
    error: Json = None
    wake_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    kept: bool = False
    lost: bool = False
    suspect: bool = False
    heard: bool = False
    taken: int = 0
    namespace: str = ""
    workflow: str = ""


@frozen
class Claim:
    """Room for up to `limit` runs of a pool, which then have `status`, unless it `keeps` theirs.

    `suspects` is how many of them may be suspect. Runs of `left_plans`, and `left_runs`, are left
    to others.
    """

    pool: str
    limit: int
    now: datetime
    status: str
    suspects: int = 256
    keeps: str = ""
    left_plans: Sequence[str] = ()
    left_runs: Sequence[UUID] = ()

    @property
    def leaves(self) -> bool:
        """True if some that are due are not claimed."""
        return bool(self.left_plans or self.left_runs)

    @property
    def due(self) -> LiteralString:
        """Return the statement that says who may be claimed."""
        return line.DUE_NOT_LEFT if self.leaves else line.DUE

    def columns(self) -> dict[str, Any]:
        """Return the parameters of the statements."""
        return {
            "pool": self.pool, "limit": self.limit, "now": self.now, "status": self.status,
            "keeps": self.keeps, "suspects": min(self.suspects, self.limit), **line.VALUES,
            "left_plans": Texts(self.left_plans), "left_runs": Uuids(self.left_runs),
        }  # fmt: skip


@frozen
class Claimed:
    """A run that this owner now has. `lost`: the owner before let go in the midst of it.

    `suspect`: it did so by its death. `resumed`: it has begun. `is_told`: something is in its
    inbox.
    """

    id: UUID
    namespace: str
    workflow: str
    commit_sha: str
    plan: str
    trigger: Json
    inputs: Mapping[str, Json]
    cancel: Mapping[str, Json] | None
    created_at: datetime
    started_at: datetime
    lost: bool
    suspect: bool
    resumed: bool
    is_told: bool


@frozen
class Written:
    """What a turn writes: rows of journals, changes of runs, rows sent, ids of the inbox taken.

    `offers` are attempts that are handed out, `revoked` run, path and attempt of those that
    nobody waits for any more. `keeps`: what was claimed before must be on the disk.
    """

    rows: Sequence[tuple[UUID, Row]] = ()
    changes: Sequence[Change] = ()
    sent: Sequence[Sending] = ()
    taken: Sequence[int] = ()
    offers: Sequence[Offer] = ()
    revoked: Sequence[tuple[UUID, str, int]] = ()
    keeps: bool = False

    def __bool__(self) -> bool:
        parts = (self.rows, self.changes, self.sent, self.taken, self.offers, self.revoked)
        return self.keeps or any(parts)


async def append(connection: Connection, rows: Sequence[tuple[UUID, Row]]) -> None:
    """Append to the journals of runs that nobody has. In the caller's transaction."""
    await connection.execute(_APPEND, _appended(rows))


class Turns:
    """The turns of one owner, on the connection that holds its worker's lock."""

    def __init__(self, connection: Connection, owner: int) -> None:
        self._connection = connection
        self._owner = owner
        self._statements: dict[str, Statement] = {}

    async def write(
        self, told: Written, claim: Claim | None, meanwhile: Callable[[], None] | None = None
    ) -> list[Claimed]:
        """Commit a turn; return the runs that it claimed. `meanwhile` is called as it commits.

        Raise Refused if the same may be tried again as it is.
        """
        parts, values = _parts(told)
        values["owner"] = self._owner
        if claim is not None:
            parts |= {"due": claim.due, "claimed": _CLAIM}
            values |= claim.columns()
            if not told:
                parts["lazily"] = _LAZILY
        try:
            return [Claimed(*row) for row in await self._of(parts, claim).ask(values, meanwhile)]
        except psycopg.Error as error:
            if not is_passing(error):
                raise
            raise Refused(str(error)) from error

    def _of(self, parts: Mapping[str, LiteralString], claim: Claim | None) -> Statement:
        """Return the statement that does all of the parts; the last one gives its rows."""
        name = "_".join(("turn", *parts))
        if claim is not None and claim.leaves:
            name += "_left"
        if name not in self._statements:
            *before, last = parts.items()
            with_ = ", ".join(f"{each} AS ({text})" for each, text in before)
            text = f"WITH {with_} {last[1]}" if with_ else last[1]
            self._statements[name] = Statement(self._connection, name, text, _KINDS)
        return self._statements[name]


def _parts(told: Written) -> tuple[dict[str, LiteralString], dict[str, Any]]:
    """Return what writes a turn, by name, and the values."""
    parts: dict[str, LiteralString] = {}
    values: dict[str, Any] = {}
    if told.rows:
        parts["appended"] = _APPEND
        values |= _appended(told.rows)
    if told.sent:
        parts["sent"] = outbox.SEND
        values |= outbox.columns(told.sent)
    if told.offers or told.revoked:
        parts |= {"offered": handouts.OFFER, "revoked": handouts.REVOKE}
        values |= handouts.columns(told.offers, told.revoked)
    if told.taken:
        parts["taken"] = _TAKE
        values["told"] = Bigs(told.taken)
    if told.changes:
        ended = [each for each in told.changes if each.ended_at is not None]
        if ended:
            parts["ended"] = outbox.END
            values |= _ended(ended)
        parts["changed"] = _CHANGE
        # In one order everywhere, so that two who lock several runs never wait in a circle.
        values |= _changed(sorted(told.changes, key=lambda each: each.id))
    if told.keeps and not parts:
        parts["kept"] = _KEEP
    return parts, values


def _appended(rows: Sequence[tuple[UUID, Row]]) -> dict[str, Any]:
    told = [row for _, row in rows]
    return {
        "runs": Uuids([run for run, _ in rows]),
        "seqs": Ints([row.seq for row in told]),
        "ats": Instants([row.at for row in told]),
        "kinds": Texts([row.kind for row in told]),
        "paths": Texts([row.path for row in told]),
        "attempts": Ints([row.attempt for row in told]),
        "data": Jsons([orjson.dumps(row.data) for row in told]),
    }


def _changed(changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "ids": Uuids([each.id for each in changes]),
        "statuses": Texts([each.status for each in changes]),
        "flags": Texts(["{" + ",".join(each.flags) + "}" for each in changes]),
        "outputs": Jsons([_optional(each.outputs) for each in changes]),
        "errors": Jsons([_optional(each.error) for each in changes]),
        "wakes": Instants([each.wake_at for each in changes]),
        "ends": Instants([each.ended_at for each in changes]),
        "dues": Instants([each.due_at for each in changes]),
        "kept": Bools([each.kept for each in changes]),
        "lost": Bools([each.lost for each in changes]),
        "suspect": Bools([each.suspect for each in changes]),
        "heard": Bools([each.heard for each in changes]),
        "taken": Ints([each.taken for each in changes]),
    }


def _ended(changes: Sequence[Change]) -> dict[str, Any]:
    return {
        "e_runs": Uuids([each.id for each in changes]),
        "e_namespaces": Texts([each.namespace for each in changes]),
        "e_workflows": Texts([each.workflow for each in changes]),
    }


def _optional(value: Json) -> bytes | None:
    return None if value is None else orjson.dumps(value)
