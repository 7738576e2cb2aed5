"""What is live compared with what its commit says, and mended where it is not the same (R11).

Nothing but an activation writes the active set, so whatever else has, was a hand or a fault. Where
a schedule is, what a route is and who listens is derived from that set by others as they read it,
and so cannot differ from it for long. Overrides are told of, and never mended.
"""

from collections.abc import Mapping
from dataclasses import replace

from engine.core.facts import Operations
from engine.core.plan import Plan
from engine.git.mirror import Mirror
from engine.git.tree import inside
from engine.reconcile.activation import Prepared, prepare
from engine.reconcile.checkout import Files, Reader
from engine.reconcile.memory import Memory
from engine.reconcile.pin import Pins
from engine.reconcile.rollback import compiled
from engine.settings import Source
from engine.store import revisions, workflows
from engine.store.leases import Session
from engine.store.workflows import Active

_MOST_NAMED = 5


async def found(session: Session, source: Source, commit: str) -> Mapping[str, Active] | None:
    """Return the workflows that are live instead of those of `commit`; None if it is those.

    Where they are others, no earlier commit is gone back to without compiling it.
    """
    async with session.turn() as connection:
        if not await revisions.has_drifted(connection, source.name, commit):
            return None
        await revisions.distrust(connection, source.name, commit)
        return await workflows.of_source(connection, source.name, source.namespace)


def mended(
    source: Source, mirror: Mirror, operations: Operations, commit: str,
    there: Mapping[str, Active], observed: str | None = None,
) -> tuple[Prepared, str]:  # fmt: skip
    """Return what makes all workflows of `commit` live as it says, and what was not so. Blocks.

    `observed` is the head that was seen last, which may pin it. Raise Refusal if it does not
    compile now, GitFailed for what may pass.
    """
    pins = Pins(source.environment)
    reader = Reader(mirror, source.ref, source.root, Memory(), Files(), pins=pins)
    to = Active(source.namespace, "", source.name, commit, "", "", "")
    plans: Mapping[str, Plan] = compiled(reader, source, operations, commit, observed)
    made = prepare(to, commit, {}, plans, inside(source.root))
    drop = sorted(there.keys() - made.after.keys())
    return replace(made, activation=replace(made.activation, drop=drop)), _told(there, made.after)


def _told(there: Mapping[str, Active], after: Mapping[str, Active]) -> str:
    """Return in a few words what was not as it should be."""
    names = sorted(
        name for name in there.keys() | after.keys() if not _same(there.get(name), after.get(name))
    )
    if not names:
        return "who follows whom"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def _same(one: Active | None, other: Active | None) -> bool:
    if one is None or other is None:
        return False
    return (one.plan, one.file, one.title) == (other.plan, other.file, other.title)
