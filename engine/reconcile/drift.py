"""What is live compared with what its commit says, and mended where it is not the same (R11).

Nothing but an activation writes the active set, so whatever else has, was a hand or a fault. Where
a schedule is, what a route is and who listens is derived from that set by others as they read it,
and so cannot differ from it for long. Overrides are told of, and never mended. What was mended is
told to the namespace as an event, in the transaction that mends it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from uuid_utils.compat import uuid7

from engine.core.facts import Operations
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.values import Json
from engine.git.mirror import Mirror
from engine.git.tree import inside
from engine.reconcile.activation import Prepared, prepare
from engine.reconcile.checkout import Files, Reader
from engine.reconcile.memory import Memory
from engine.reconcile.pin import Pins
from engine.reconcile.rollback import compiled
from engine.settings import Source
from engine.store import commits, revisions, workflows
from engine.store.leases import Session
from engine.store.outbox import Sending
from engine.store.sources import SourceRow
from engine.store.workflows import Active

HEALED = "sark.drift.healed"
"""The type of the event that tells of it."""

ACTOR = "reconciler:"
_MOST_NAMED, _MOST_LISTED = 5, 100


@frozen
class Mended:
    """What makes a commit live as it says again, and the workflows that were not as they should be.

    None of them was where only who follows whom had changed.
    """

    prepared: Prepared
    names: Sequence[str]

    @property
    def told(self) -> str:
        """Return in a few words what was not so."""
        if not self.names:
            return "who follows whom"
        left = len(self.names) - _MOST_NAMED
        more = f" and {left} more" if left > 0 else ""
        return ", ".join(self.names[:_MOST_NAMED]) + more

    def event(self, row: SourceRow) -> Sending:
        """Return what the namespace of a source is told, of at most 100 workflows by name."""
        about: dict[str, Json] = {
            "source": row.name, "environment": row.environment,
            "commit": self.prepared.activation.commit, "message": self.told,
            "workflows": list(self.names[:_MOST_LISTED]), "count": len(self.names),
        }  # fmt: skip
        identity, of = str(uuid7()), f"sark/source/{row.name}"
        data: dict[str, Json] = {
            "id": identity, "identity": identity, "type": HEALED, "subject": row.name,
            "source": of, "actor": ACTOR, "data": about,
        }  # fmt: skip
        return Sending(None, row.namespace, "emitted", "", data)


@frozen
class Found:
    """The workflows that are live instead of those of a commit. `over` is the head that pins it,
    the last that was let in; not one that was only seen, for whoever pushes writes that.
    """

    there: Mapping[str, Active]
    over: str | None


async def found(session: Session, source: Source, commit: str) -> Found | None:
    """Return the workflows that are live instead of those of `commit`; None if it is those.

    Where they are others, no earlier commit is gone back to without compiling it.
    """
    async with session.turn() as connection:
        if not await revisions.has_drifted(connection, source.name, commit):
            return None
        await revisions.distrust(connection, source.name, commit)
        there = await workflows.of_source(connection, source.name, source.namespace)
        return Found(there, await commits.pinning(connection, source.name, commit))


def mended(
    source: Source, mirror: Mirror, operations: Operations, commit: str,
    found: Found,
) -> Mended:  # fmt: skip
    """Return what makes all workflows of `commit` live as it says. Blocks.

    Raise Refusal if it does not compile now, GitFailed for what may pass.
    """
    pins = Pins(source.environment)
    reader = Reader(mirror, source.ref, source.root, Memory(), Files(), pins=pins)
    to = Active(source.namespace, "", source.name, commit, "", "", "")
    plans: Mapping[str, Plan] = compiled(reader, source, operations, commit, found.over)
    there = found.there
    made = prepare(to, commit, {}, plans, inside(source.root))
    drop = sorted(there.keys() - made.after.keys())
    made = replace(made, activation=replace(made.activation, drop=drop))
    names = sorted(
        name
        for name in there.keys() | made.after.keys()
        if not _same(there.get(name), made.after.get(name))
    )
    return Mended(made, names)


def _same(one: Active | None, other: Active | None) -> bool:
    if one is None or other is None:
        return False
    return (one.plan, one.file, one.title) == (other.plan, other.file, other.title)
