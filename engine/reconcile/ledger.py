"""What the reconciler writes of a source and its commits: each entry one transaction."""

import time
from collections.abc import Sequence, Set
from datetime import UTC, datetime
from typing import Any

from engine.core.diagnostic import Diagnostic, Severity
from engine.core.override import Kind
from engine.core.schedule import Window
from engine.core.values import Json
from engine.errors import Conflict
from engine.git.history import CommitFacts
from engine.git.tree import inside
from engine.reconcile import measure, status
from engine.reconcile.activation import Prepared
from engine.reconcile.checkout import Checkout
from engine.reconcile.condition import conditions, flagged, resumed
from engine.reconcile.drift import ACTOR, Mended
from engine.reconcile.hold import Hold, hold
from engine.reconcile.hold import told as in_words
from engine.reconcile.verdict import Stage, Verdict, facts_of
from engine.store import (
    audit,
    commits,
    outbox,
    overrides,
    plans,
    reviews,
    revisions,
    sources,
    statuses,
    workflows,
)  # fmt: skip
from engine.store.audit import Entry
from engine.store.commits import CommitState, Passed
from engine.store.leases import Session
from engine.store.overrides import Override
from engine.store.pool import Connection
from engine.store.schedules import Clock
from engine.store.sources import Report, SourceRow

_MOST_FINDINGS = 200


async def read(
    session: Session, source: str, windows: Sequence[Window], clock: Clock
) -> tuple[SourceRow, Hold]:
    """Return a source as it stands, and what people and the calendar say of it."""
    async with session.turn() as connection:
        row = await sources.read(connection, source)
        assert row is not None, "a source is declared before it is looked at"
        rows = await overrides.of_source(connection, source)
        return row, hold(rows, windows, await clock(connection))


async def seen(session: Session, row: SourceRow, commit: str) -> None:
    """A commit is the head of the source."""
    is_asked = row.wanted > row.handled and row.asked_by
    why = f"asked for by {row.asked_by}" if is_asked else "found by looking"
    async with session.turn() as connection:
        await commits.move(connection, row.name, commit, CommitState.SEEN, reason=why)
        await statuses.tell(connection, row.name, commit, status.COMPILING)


async def fetched(session: Session, row: SourceRow, checkout: Checkout) -> None:
    """A commit is in the mirror, and with it those that it went past."""
    facts = checkout.facts
    told = f"{checkout.seconds:.2f} s, {len(checkout.contents)} new files"
    async with session.turn() as connection:
        await commits.move(
            connection, row.name, facts.sha, CommitState.FETCHED, reason=told,
            author=facts.author, subject=facts.subject, at=facts.at,
        )  # fmt: skip
        if checkout.passed:
            passed = [_passed(each) for each in checkout.passed]
            await commits.pass_over(connection, row.name, facts.sha, passed)


async def verified(session: Session, row: SourceRow, commit: str, told: str) -> None:
    """A commit is signed by whom the source trusts."""
    async with session.turn() as connection:
        await commits.move(connection, row.name, commit, CommitState.VERIFIED, reason=told)


async def compiled(session: Session, row: SourceRow, commit: str, told: str) -> None:
    """Every file of a commit compiles."""
    async with session.turn() as connection:
        await commits.move(connection, row.name, commit, CommitState.COMPILED, reason=told)


async def authorised(session: Session, row: SourceRow, commit: str) -> None:
    """The policies let the source define what a commit defines."""
    async with session.turn() as connection:
        await commits.move(
            connection, row.name, commit, CommitState.AUTHORISED, reason="the policies allow it"
        )


async def superseded(session: Session, row: SourceRow, commit: str, by: str) -> None:
    """A newer commit came before this one was active (R2)."""
    async with session.turn() as connection:
        await commits.move(
            connection, row.name, commit, CommitState.SUPERSEDED, reason=f"by {by[:12]}"
        )
        await statuses.tell(connection, row.name, commit, status.superseded(by))


async def settle(
    session: Session, row: SourceRow, commit: str | None, verdict: Verdict, judged: str, held: Hold
) -> None:
    """A look has ended without an activation: say why, in the source and in the commit."""
    now = datetime.now(UTC)
    told = conditions(row.conditions, verdict, commit, row.active, now, _unasked(row), held.flags())
    findings = _findings(verdict.findings, row.root)
    attempted = None if verdict.passing else commit
    async with session.turn() as connection:
        if attempted is not None and attempted == row.active:
            await commits.find_faults(connection, row.name, attempted, findings)
        elif attempted is not None:
            state = CommitState.HELD if verdict.stage is Stage.UNHELD else CommitState.REJECTED
            await commits.move(
                connection, row.name, attempted, state, reason=verdict.message, findings=findings
            )
            await statuses.tell(connection, row.name, attempted, status.settled(verdict))
            if attempted != row.attempted:
                await reviews.moved(connection, row.name)
        await sources.report(
            connection, Report(row.name, row.wanted, told, judged, commit, attempted)
        )
    measure.conditions(row.name, row.conditions, told)
    if attempted is not None and attempted not in (row.active, row.attempted):
        measure.stopped(verdict)


async def activate(
    session: Session, row: SourceRow, prepared: Prepared, verdict: Verdict, judged: str,
    binding: str, held: Hold, rollback: Override | None = None, checkout: Checkout | None = None,
) -> bool:  # fmt: skip
    """Make a commit live: its plans, its workflows, its state and the source's, all at once.

    `checkout` is what a look has read, which may pin another commit. A confirmation is used up,
    and the `rollback` that is made is a pin then. False if another commit is live than when this
    pass began, or an override came or went. Raise Conflict if a name is another source's.
    """
    now, began, commit = datetime.now(UTC), time.monotonic(), prepared.activation.commit
    flags = (held if rollback is None else held.rolled_back()).flags()
    told = conditions(row.conditions, verdict, commit, commit, now, _unasked(row), flags)
    async with session.turn() as connection:
        await sources.lock(connection, row.name)
        if tuple(await overrides.of_source(connection, row.name)) != held.rows:
            return False
        await overrides.drop(connection, row.name, Kind.CONFIRM)
        await plans.insert(connection, prepared.plans)
        if not await workflows.activate(connection, prepared.activation):
            return False
        await revisions.keep(connection, row.name, commit, binding)
        why = await _why(connection, row, prepared, rollback)
        if rollback is not None:
            await overrides.pin(connection, row.name)
        why = await _pin(connection, row, checkout, held, why)
        await _replace(connection, row, commit, why, verdict, checkout)
        await commits.note_change(connection, row.name, commit, prepared.digest)
        await reviews.activated(connection, row.name, is_changed=prepared.is_change)
        await statuses.tell(connection, row.name, commit, status.active(now))
        head = commit if checkout is None else checkout.facts.sha
        observed = head if rollback is None else row.observed
        report = Report(row.name, row.wanted, told, judged, observed, head)
        await sources.report(connection, report)
        lag = await commits.age(connection, row.name, head)
    measure.conditions(row.name, row.conditions, told)
    is_new = rollback is None and row.active != commit
    measure.activated(time.monotonic() - began, lag if is_new else None)
    return True


async def _why(
    connection: Connection, row: SourceRow, prepared: Prepared, rollback: Override | None
) -> str:
    """Return in words what makes a commit live, and what changes by it."""
    why = prepared.told()
    if await reviews.is_reviewed(connection, row.name, prepared.digest):
        why = f"{why}, as reviewed"
    return why if rollback is None else f"{in_words(rollback)}; {why}"


async def _replace(
    connection: Connection, row: SourceRow, commit: str, why: str, verdict: Verdict,
    checkout: Checkout | None,
) -> None:  # fmt: skip
    """Write of a commit that it is live, and of the one before that it is not any more."""
    await commits.move(
        connection, row.name, commit, CommitState.ACTIVE, reason=why,
        findings=_findings(verdict.findings, row.root), **_of(checkout),
    )  # fmt: skip
    if row.active is not None and row.active != commit:
        await commits.move(
            connection, row.name, row.active, CommitState.REPLACED, reason=f"by {commit[:12]}"
        )


async def refuse(session: Session, row: SourceRow, asked: Override, why: str) -> None:
    """A rollback cannot be made: take it back, and say so where somebody waits for it."""
    flag = ("RolledBack", False, "Refused", why)
    told = flagged(row.conditions, flag, row.active, datetime.now(UTC))
    resource = f"source:{row.namespace}/{row.name}"
    entry = Entry(asked.actor, f"source.{asked.kind}", resource, False, why, "")
    async with session.turn() as connection:
        await sources.lock(connection, row.name)
        if asked not in await overrides.of_source(connection, row.name):
            return
        await overrides.drop(connection, row.name, asked.kind)
        await audit.append(connection, entry)
        report = Report(row.name, row.wanted, told, row.judged)
        await sources.report(connection, report)


async def heal(session: Session, row: SourceRow, mended: Mended, binding: str) -> bool:
    """What is live is as its commit says again: write it whole, that it was not, and tell of it.

    False if another commit is live by now. Raise Conflict if a name is another source's, and if
    it would not be what was activated: no rule has judged anything else, so healing may not.
    """
    prepared, why = mended.prepared, f"DriftHealed: not as the commit says: {mended.told}"
    commit, resource = prepared.activation.commit, f"source:{row.namespace}/{row.name}"
    entry = Entry(ACTOR, "source.heal", resource, True, why, "")
    async with session.turn() as connection:
        await plans.insert(connection, prepared.plans)
        if not await workflows.activate(connection, prepared.activation):
            return False
        if await revisions.has_drifted(connection, row.name, commit):
            raise Conflict(f"{commit[:12]} does not come to what was activated any more")
        await revisions.keep(connection, row.name, commit, binding)
        await commits.move(connection, row.name, commit, CommitState.ACTIVE, reason=why)
        await audit.append(connection, entry)
        await outbox.send(connection, [mended.event(row)])
    return True


async def stay(
    session: Session, row: SourceRow, checkout: Checkout, verdict: Verdict, judged: str, held: Hold
) -> None:
    """What is live was judged anew, and nothing of it has changed."""
    now, commit, head = datetime.now(UTC), checkout.target.sha, checkout.facts.sha
    told = conditions(row.conditions, verdict, commit, commit, now, _unasked(row), held.flags())
    async with session.turn() as connection:
        await commits.find_faults(
            connection, row.name, commit, _findings(verdict.findings, row.root)
        )
        await _pin(connection, row, checkout, held)
        await sources.report(connection, Report(row.name, row.wanted, told, judged, head, head))
    measure.conditions(row.name, row.conditions, told)


async def rest(session: Session, row: SourceRow, commit: str) -> None:
    """Nothing has changed since the last verdict; write only if anybody would notice."""
    told = resumed(row.conditions, commit, datetime.now(UTC))
    measure.conditions(row.name, row.conditions, told)
    if told == list(row.conditions) and row.handled >= row.wanted and row.observed == commit:
        return
    async with session.turn() as connection:
        report = Report(row.name, row.wanted, told, row.judged, commit)
        await sources.report(connection, report)


def _unasked(row: SourceRow) -> Set[Stage]:
    """Return the stages that a source's commits do not pass."""
    return {Stage.VERIFIED} if row.verify == "none" else frozenset()


async def _pin(
    connection: Connection, row: SourceRow, checkout: Checkout | None, held: Hold, why: str = ""
) -> str:
    """Write of a head that pins another commit that it is held; return why that one is live."""
    if checkout is None or checkout.pinned is None:
        return why
    head = checkout.facts.sha
    await commits.move(connection, row.name, head, CommitState.HELD, reason=held.document)
    await statuses.tell(connection, row.name, head, status.pinned(held.document))
    return f"{held.document}; {why}"


def _of(checkout: Checkout | None) -> dict[str, Any]:
    """Return what is written of a commit that nobody may have seen yet."""
    if checkout is None:
        return {}
    facts = checkout.target
    return {"author": facts.author, "subject": facts.subject, "at": facts.at}


def _findings(found: Sequence[Diagnostic], root: str) -> Json:
    """Return findings as they are stored: the errors first, for not all of them may be kept."""
    below = inside(root)
    ordered = sorted(found, key=lambda each: each.severity is not Severity.ERROR)
    return [facts_of(each, below) for each in ordered[:_MOST_FINDINGS]]


def _passed(facts: CommitFacts) -> Passed:
    return Passed(facts.sha, facts.author, facts.subject, facts.at)
