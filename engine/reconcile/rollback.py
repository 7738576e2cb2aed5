"""Back to an earlier commit, because somebody has asked for it (R9).

Where the commit was active its workflows are kept, and nothing is compiled; else it is compiled
now. Freezes and suspensions hold what a branch brings, not what a person asks for by name; it must
be signed as its source asks today, and policies judge it.
"""

from collections.abc import Mapping, Set
from dataclasses import replace

from engine.core.codec import decode
from engine.core.diagnostic import Severity
from engine.core.facts import Operations
from engine.core.frozen import frozen
from engine.core.plan import Plan
from engine.core.trigger import followed
from engine.core.values import digest
from engine.git.failure import Refused
from engine.git.keys import Keys
from engine.git.mirror import Mirror
from engine.git.tree import inside
from engine.reconcile.activation import Prepared, prepare
from engine.reconcile.checkout import Files, Reader
from engine.reconcile.memory import Memory
from engine.reconcile.permission import Permission
from engine.settings import Source
from engine.source import Cache
from engine.store import plans, revisions
from engine.store.leases import Session
from engine.store.workflows import Activation, Active


class Refusal(Exception):
    """A commit cannot be gone back to; the message says why."""


@frozen
class Kept:
    """The workflows that a commit had when it was active, and the plans of those that differ."""

    workflows: Mapping[str, Active]
    plans: Mapping[str, Plan]


def binding(source: Source) -> str:
    """Return the digest of what a source's commits are compiled for beside their files."""
    return digest([source.namespace, source.environment, source.url, source.ref, source.root])


async def kept(
    session: Session, source: Source, commit: str, before: Mapping[str, Active]
) -> Kept | None:
    """Return what is kept of a commit; None if that is not all of it."""
    async with session.turn() as connection:
        found = await revisions.find(
            connection, source.name, commit, binding(source), source.namespace
        )
        if found is None:
            return None
        rows = [_row(each, before.get(name)) for name, each in found.items()]
        wanted = {each.plan for each in rows if each is not before.get(each.name)}
        bodies = await plans.read_many(connection, wanted)
    if wanted - bodies.keys():
        return None
    return Kept(found, {name: decode(body) for name, body in bodies.items()})


def made(
    source: Source, mirror: Mirror, operations: Operations, commit: str, expected: str | None,
    before: Mapping[str, Active], known: Kept | None, keys: Keys, permission: Permission,
) -> Prepared:  # fmt: skip
    """Return what makes `commit` the live one. Blocks.

    Raise Refusal if it is not in the branch's history, not signed by one of the `keys`, denied or
    does not compile now, GitFailed for what may pass.
    """
    reader = Reader(mirror, source.ref, source.root, Memory(), Files())
    if not reader.has(commit):
        raise Refusal(f"{commit} is not in the history of {source.ref}")
    if keys.mode != "none" and (signed := mirror.verify(keys, None, commit)).reason:
        raise Refusal(f"{commit} is not signed as the source asks: {signed.message}")
    if known is not None:
        made = _restored(source, commit, expected, before, known)
        plans = {each.name: known.plans[each.plan] for each in made.activation.put}
        _permitted(permission, {*plans, *made.activation.drop}, plans)
        return made
    to = Active(source.namespace, "", source.name, commit, "", "", "")
    found = compiled(reader, source, operations, commit)
    _permitted(permission, before.keys(), found)
    return prepare(to, expected, before, found, inside(source.root))


def _permitted(permission: Permission, before: Set[str], plans: Mapping[str, Plan]) -> None:
    if denied := permission.denial(before, plans):
        raise Refusal(denied.message)


def compiled(
    reader: Reader, source: Source, operations: Operations, commit: str, over: str | None = None
) -> Mapping[str, Plan]:
    """Return the plans of a commit as it compiles now; raise Refusal if it does not. Blocks.

    Where the commit `over` pins it, it is compiled as that says.
    """
    try:
        checkout = reader.at(commit, over)
    except Refused as refusal:
        raise Refusal(f"{commit} cannot be read: {refusal}") from None
    made = reader.compile(checkout, operations, Cache(Memory()), source.environment)
    found = [*checkout.findings, *made.diagnostics]
    errors = [each for each in found if each.severity is Severity.ERROR]
    if errors:
        span, first = errors[0].span, errors[0].message
        place = f"{inside(source.root)}{span.file}:{span.line}:{span.column}"
        count = f"{len(errors)} error{'s' * (len(errors) != 1)}"
        raise Refusal(f"{commit} does not compile now: {count}, the first at {place}: {first}")
    if not made.plans:
        raise Refusal(f"there is no workflow in {commit}; nothing is not empty")
    return made.plans


def _restored(
    source: Source, commit: str, expected: str | None, before: Mapping[str, Active], known: Kept
) -> Prepared:
    """Return what puts kept workflows back; those that are live as they were stay."""
    after = {name: _row(each, before.get(name)) for name, each in known.workflows.items()}
    put = [each for name, each in sorted(after.items()) if each is not before.get(name)]
    follows = [
        (each.name, name)
        for each in put
        for name in sorted(followed(known.plans[each.plan].triggers))
    ]  # fmt: skip
    drop = sorted(before.keys() - after.keys())
    activation = Activation(source.namespace, source.name, expected, commit, put, drop, follows)
    return Prepared(activation, (), before, after)


def _row(then: Active, now: Active | None) -> Active:
    """Return a workflow as it was; the very row of `now` where nothing differs."""
    same = now is not None and replace(then, commit_sha=now.commit_sha) == now
    return now if same and now is not None else then
