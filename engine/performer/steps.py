"""The steps of plans, each made ready once for all the attempts that are made of it."""

import logging
from collections.abc import Collection

from engine.core.attempt import Attempt
from engine.core.binding import BoundStep
from engine.core.codec import Undecodable, UnknownFormat, decode
from engine.core.handout import place_of, unpacked
from engine.core.plan import Plan
from engine.core.plan.place import step_at
from engine.store import plans
from engine.store.handouts import Handout
from engine.store.pool import Connection

_LOG = logging.getLogger("sark.performer")
_KEPT = 1_000


class Steps:
    """Keeps plans by digest. `unreadable` are those that this program leaves to others."""

    def __init__(self) -> None:
        self.unreadable: set[str] = set()
        self._plans: dict[str, Plan] = {}
        self._steps: dict[tuple[str, str], BoundStep] = {}

    async def fetch(self, connection: Connection, digests: Collection[str]) -> None:
        """Get plans ready; one that this program cannot read is noted, and the log says why."""
        wanted = set(digests).difference(self._plans, self.unreadable)
        if not wanted:
            return
        if len(self._plans) + len(wanted) > _KEPT or len(self._steps) > _KEPT:
            self._plans.clear()
            self._steps.clear()
            wanted = set(digests).difference(self.unreadable)
        bodies = await plans.read_many(connection, wanted)
        for digest in wanted:
            try:
                self._plans[digest] = decode(bodies.get(digest))
            except (UnknownFormat, Undecodable) as error:
                self._leave(digest, error)

    def attempt(self, handout: Handout) -> Attempt | None:
        """Return what is to be made, or None if that is left to others."""
        plan = self._plans.get(handout.plan)
        if plan is None:
            return None
        try:
            key = (handout.plan, place_of(handout.body))
            if key not in self._steps:
                self._steps[key] = BoundStep(step_at(plan, key[1]), 0)
            return unpacked(
                self._steps[key], plan.secrets, str(handout.run_id), handout.namespace,
                handout.path, handout.attempt, handout.body, plan.root.timeout,
            )  # fmt: skip
        except ValueError as error:
            self._leave(handout.plan, error)
            return None

    def _leave(self, digest: str, error: Exception) -> None:
        _LOG.error("plan %s is left to other workers: %s", digest, error)
        self.unreadable.add(digest)
