"""Claimed runs brought into memory: begun where they are new, else rebuilt from their journal."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from engine.core import machine, replay
from engine.core.binding import Bound
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.event import Row, UnknownEvent
from engine.core.frozen import frozen
from engine.core.machine import Decision
from engine.core.run import Header, Run
from engine.owner.left import Left
from engine.store import handouts, journal, plans
from engine.store.pool import Connection
from engine.store.turns import Claimed

_LOG = logging.getLogger("sark.owner")
_PLANS_KEPT = 1_000
_JOURNALS_AT_ONCE = 100


@frozen
class Loaded:
    """A claimed run in memory, what it owes, and the last `seq` of its journal.

    `out` are path and attempt of what is handed out already.
    """

    claimed: Claimed
    run: Run
    owed: Decision
    seq: int
    out: Collection[tuple[str, int]] = ()


class Loader:
    """Reads plans and journals; a plan is read and bound once."""

    def __init__(self, connection: Connection, left: Left) -> None:
        self._connection = connection
        self._left = left
        self._bounds: dict[str, Bound] = {}

    async def load(self, claimed: Sequence[Claimed]) -> tuple[list[Loaded], list[Claimed]]:
        """Return the runs that could be loaded, and those that this program cannot run.

        Of these, what is to be left to others is noted.
        """
        unbound = {each.plan for each in claimed if each.plan not in self._bounds}
        if unbound:
            await self._bind(unbound)
        journals = {}
        resumed = [each.id for each in claimed if each.resumed]
        for start in range(0, len(resumed), _JOURNALS_AT_ONCE):
            some = resumed[start : start + _JOURNALS_AT_ONCE]
            journals.update(await journal.read_many(self._connection, some))
        loaded, refused = [], []
        for each in claimed:
            one = self._load(each, journals.get(each.id, []))
            if one is None:
                refused.append(each)
            else:
                loaded.append(one)
        return await self._with_handouts(loaded), refused

    async def _with_handouts(self, loaded: list[Loaded]) -> list[Loaded]:
        """Return the same, knowing of resumed runs what is handed out for them."""
        asked = [each.run for each in loaded if each.claimed.resumed and each.run.handed_out]
        if not asked:
            return loaded
        out = await handouts.out(self._connection, [UUID(each.header.id) for each in asked])
        return [replace(each, out=out.get(each.claimed.id, ())) for each in loaded]

    async def _bind(self, digests: set[str]) -> None:
        """Bind plans; one that this program cannot read is left out, and the log says why."""
        bodies = await plans.read_many(self._connection, digests)
        if len(self._bounds) + len(bodies) > _PLANS_KEPT:
            self._bounds.clear()
        for digest in digests:
            if digest not in bodies:
                _LOG.error("plan %s is not in the database", digest)
                continue
            try:
                self._bounds[digest] = Bound(decode(bodies[digest]))
            except (UnknownFormat, Undecodable) as error:
                self._left.leave_plan(digest, error)

    def _load(self, claimed: Claimed, rows: list[Row]) -> Loaded | None:
        bound = self._bounds.get(claimed.plan)
        if bound is None:
            return None
        try:
            if not rows:
                run, owed = machine.begin(bound, _header(claimed), claimed.started_at)
                return Loaded(claimed, run, owed, 0)
            run = replay.replay(bound, _header(claimed), claimed.started_at, rows)
            return Loaded(claimed, run, machine.owed(run), rows[-1].seq)
        except UnknownEvent as unknown:
            self._left.leave_run(claimed.id, unknown)
            return None
        except Exception:
            # A defect of ours, but one of this run alone: the others must not die of it.
            _LOG.exception("run %s cannot be rebuilt", claimed.id)
            return None


def _header(claimed: Claimed) -> Header:
    return Header(
        str(claimed.id), claimed.namespace, claimed.workflow, claimed.commit_sha, claimed.plan,
        claimed.trigger, claimed.inputs, claimed.created_at,
    )  # fmt: skip
