"""What the reconciler writes of a source and its commits: each entry one transaction."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from engine.core.diagnostic import Diagnostic, Severity
from engine.core.values import Json
from engine.git.history import CommitFacts
from engine.git.tree import inside
from engine.reconcile import measure, status
from engine.reconcile.activation import Prepared
from engine.reconcile.checkout import Checkout
from engine.reconcile.condition import conditions, resumed
from engine.reconcile.verdict import Stage, Verdict, facts_of
from engine.store import commits, plans, reviews, sources, statuses, workflows
from engine.store.commits import CommitState, Passed
from engine.store.leases import Session
from engine.store.sources import Report, SourceRow

_MOST_FINDINGS = 200


async def seen(session: Session, row: SourceRow, commit: str) -> None:
    """A commit is the head of the source."""
    why = "somebody asked to look" if row.wanted > row.handled else "found by looking"
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


async def compiled(session: Session, row: SourceRow, commit: str, told: str) -> None:
    """Every file of a commit compiles."""
    async with session.turn() as connection:
        await commits.move(connection, row.name, commit, CommitState.COMPILED, reason=told)


async def superseded(session: Session, row: SourceRow, commit: str, by: str) -> None:
    """A newer commit came before this one was active (R2)."""
    async with session.turn() as connection:
        await commits.move(
            connection, row.name, commit, CommitState.SUPERSEDED, reason=f"by {by[:12]}"
        )
        await statuses.tell(connection, row.name, commit, status.superseded(by))


async def settle(
    session: Session, row: SourceRow, commit: str | None, verdict: Verdict, judged: str
) -> None:
    """A look has ended without an activation: say why, in the source and in the commit."""
    told = conditions(row.conditions, verdict, commit, row.active, datetime.now(UTC))
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
        await sources.report(
            connection, Report(row.name, row.wanted, told, judged, commit, attempted)
        )
    measure.conditions(row.name, told)
    if attempted is not None and attempted not in (row.active, row.attempted):
        measure.stopped(verdict)


async def activate(
    session: Session, row: SourceRow, commit: str, prepared: Prepared, verdict: Verdict, judged: str
) -> bool:
    """Make a commit live: its plans, its workflows, its state and the source's, all at once.

    False if another commit is live than the one that this pass began with. Raise Conflict if a
    name is another source's.
    """
    now, began = datetime.now(UTC), time.monotonic()
    told = conditions(row.conditions, verdict, commit, commit, now)
    async with session.turn() as connection:
        await plans.insert(connection, prepared.plans)
        if not await workflows.activate(connection, prepared.activation):
            return False
        await commits.move(
            connection, row.name, commit, CommitState.ACTIVE, reason=prepared.told(),
            findings=_findings(verdict.findings, row.root),
        )  # fmt: skip
        await commits.note_change(connection, row.name, commit, prepared.digest)
        await reviews.activated(connection, row.name, is_changed=prepared.is_change)
        await statuses.tell(connection, row.name, commit, status.active(now))
        if row.active is not None and row.active != commit:
            await commits.move(
                connection, row.name, row.active, CommitState.REPLACED, reason=f"by {commit[:12]}"
            )
        await sources.report(connection, Report(row.name, row.wanted, told, judged, commit, commit))
        lag = await commits.age(connection, row.name, commit)
    measure.conditions(row.name, told)
    measure.activated(time.monotonic() - began, None if row.active == commit else lag)
    return True


async def rest(session: Session, row: SourceRow, commit: str) -> None:
    """Nothing has changed since the last verdict; write only if anybody would notice."""
    told = resumed(row.conditions, commit, datetime.now(UTC))
    measure.conditions(row.name, told)
    if told == list(row.conditions) and row.handled >= row.wanted and row.observed == commit:
        return
    async with session.turn() as connection:
        report = Report(row.name, row.wanted, told, row.judged, commit)
        await sources.report(connection, report)


def _findings(found: Sequence[Diagnostic], root: str) -> Json:
    """Return findings as they are stored: the errors first, for not all of them may be kept."""
    below = inside(root)
    ordered = sorted(found, key=lambda each: each.severity is not Severity.ERROR)
    return [facts_of(each, below) for each in ordered[:_MOST_FINDINGS]]


def _passed(facts: CommitFacts) -> Passed:
    return Passed(facts.sha, facts.author, facts.subject, facts.at)
