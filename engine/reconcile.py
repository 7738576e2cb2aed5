"""A source's repository looked at once: a commit becomes active whole, or not at all.

The rules, by the names of docs/explanation/gitops.md: R1 all or nothing, R2 newest wins, R3 the
same input is not tried twice, R4 nothing is not empty, R5 the prune guard, R6 runs keep their
plan, R8 fast-forward only.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.core.codec import encode
from engine.core.diagnostic import Diagnostic, has_errors
from engine.core.facts import Operations
from engine.core.plan import FORMAT
from engine.core.values import Json
from engine.errors import SarkError
from engine.git.address import shown
from engine.git.command import GitFailed
from engine.git.mirror import CommitFacts, Entry, Mirror
from engine.settings import Source
from engine.source import Compiled, File, Unit, compile_files, is_spec
from engine.store import commits, plans, sources, workflows
from engine.store.plans import StoredPlan
from engine.store.pool import Connection
from engine.store.sources import SourceRow
from engine.store.workflows import Active

_PRUNE_TRAILER = re.compile(r"^Sark-Prune: *(\d+)$", re.MULTILINE)
_LEAST_PRUNE = 5
_PRUNE_SHARE = 0.2
_MOST_FINDINGS = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a look at a commit has come to: active, held or rejected, and why."""

    state: str
    reason: str = ""
    message: str = ""
    findings: tuple[Diagnostic, ...] = ()


@dataclass(slots=True)
class Reconciler:
    """Looks at one source. Keeps what it has compiled, so that a pass costs by what changed."""

    source: Source
    operations: Operations
    mirrors: Path
    _cache: dict[str, Unit] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _settled: tuple[str, str | None] | None = None

    async def look(self, connection: Connection) -> bool:
        """Make one pass; True if it may rest, False if something passing was in the way."""
        row = await sources.read(connection, self.source.name)
        assert row is not None, "a source is declared before it is looked at"
        try:
            mirror = Mirror(self.mirrors, self.source.url)
            head = await asyncio.to_thread(mirror.head, self.source.ref)
        except (SarkError, OSError) as error:
            await self._tell(connection, row, None, Verdict("", "GitUnavailable", str(error)))
            return False
        if head is None:
            told = (
                f"{self.source.ref} is not in {shown(self.source.url)}; the last good commit stays"
            )
            await self._tell(connection, row, None, Verdict("", "RefMissing", told))
            return True
        if self._settled == (head, row.active):
            if row.handled < row.wanted:
                await sources.handle(
                    connection, row.name, row.wanted, row.observed, row.attempted,
                    list(row.conditions),
                )  # fmt: skip
            return True
        return await self._try(connection, mirror, row, head)

    async def _try(self, connection: Connection, mirror: Mirror, row: SourceRow, head: str) -> bool:
        """Judge a commit that was not judged before, and activate it if nothing is against it."""
        await commits.move(connection, row.name, head, "Seen")
        try:
            head, facts, files = await asyncio.to_thread(self._read, mirror)
        except GitFailed as error:
            await commits.move(connection, row.name, head, "Rejected", reason=str(error))
            await self._tell(connection, row, head, Verdict("Rejected", "GitRefused", str(error)))
            return False
        told = {"author": facts.author, "subject": facts.subject}
        await commits.move(connection, row.name, head, "Fetched", **told)
        compiled = await asyncio.to_thread(compile_files, files, self.operations, self._cache)
        self._known.update(each.blob for each in files)
        verdict = await self._judge(connection, mirror, row, facts, compiled)
        if verdict.state == "Active" and not await self._activate(connection, row, head, compiled):
            return False
        findings = [_finding(each) for each in verdict.findings[:_MOST_FINDINGS]]
        await commits.move(
            connection, row.name, head, verdict.state, reason=verdict.message or verdict.reason,
            findings=findings,
        )  # fmt: skip
        await self._tell(connection, row, head, verdict)
        active = head if verdict.state == "Active" else row.active
        self._settled = (head, active)
        return True

    def _read(self, mirror: Mirror) -> tuple[str, CommitFacts, list[File]]:
        """Fetch the ref and read the specs whose content was not seen before. Blocks."""
        head = mirror.fetch(self.source.ref)
        entries = [e for e in mirror.files(head, self.source.root) if is_spec(e.path)]
        new = {entry.blob for entry in entries if entry.blob not in self._known}
        data = mirror.read(sorted(new))
        return head, mirror.facts(head), [_file(entry, data) for entry in entries]

    async def _judge(
        self, connection: Connection, mirror: Mirror, row: SourceRow, facts: CommitFacts,
        compiled: Compiled,
    ) -> Verdict:  # fmt: skip
        """Say what is against a commit, the first of the rules first."""
        if has_errors(compiled.diagnostics):
            count = sum(each.severity == "error" for each in compiled.diagnostics)
            told = f"{count} error{'s' * (count > 1)} in {compiled.files} files"
            return Verdict("Rejected", "Invalid", told, tuple(compiled.diagnostics))
        if not compiled.plans:
            if row.active is None:
                return Verdict(
                    "Held", "NoSpecs", f"there is no workflow below {self.source.root!r}"
                )
            told = "every workflow is gone; nothing is not taken for empty"
            return Verdict("Held", "NoSpecs", told)
        taken = await workflows.foreign(
            connection, self.source.namespace, self.source.name, list(compiled.plans)
        )
        if taken is not None:
            told = f"workflow {taken[0]!r} belongs to source {taken[1]!r} of the same namespace"
            return Verdict("Rejected", "NameTaken", told)
        if row.active and not await asyncio.to_thread(mirror.is_ancestor, row.active, facts.sha):
            told = f"{row.active[:12]} is not in its history: the branch was rewound or rewritten"
            return Verdict("Held", "NonFastForward", told)
        return await self._guard(connection, facts, compiled)

    async def _guard(
        self, connection: Connection, facts: CommitFacts, compiled: Compiled
    ) -> Verdict:
        """Hold a commit that removes many workflows, unless its message counts them rightly."""
        mine = [
            each.name
            for each in await workflows.all_of(connection, self.source.namespace)
            if each.source == self.source.name
        ]
        gone = sum(name not in compiled.plans for name in mine)
        trailer = _PRUNE_TRAILER.search(facts.message)
        confirmed = trailer is not None and int(trailer[1]) == gone
        if gone > max(_LEAST_PRUNE, _PRUNE_SHARE * len(mine)) and not confirmed:
            told = f"it removes {gone} of {len(mine)} workflows; confirm with Sark-Prune: {gone}"
            return Verdict("Held", "Prune", told)
        return Verdict("Active", findings=tuple(compiled.diagnostics))

    async def _activate(
        self, connection: Connection, row: SourceRow, head: str, compiled: Compiled
    ) -> bool:
        """Put a commit's plans in the place of those before, in one transaction."""
        active = [
            Active(self.source.namespace, name, row.name, head, plan.digest, plan.file, plan.title)
            for name, plan in sorted(compiled.plans.items())
        ]
        new = {plan.digest: plan for plan in compiled.plans.values()}
        stored = [StoredPlan(digest, FORMAT, encode(plan)) for digest, plan in new.items()]
        async with connection.transaction():
            await plans.insert(connection, stored)
            done = await workflows.activate(
                connection, self.source.namespace, row.name, row.active, head, active
            )
            if done and row.active is not None and row.active != head:
                await commits.move(
                    connection, row.name, row.active, "Replaced", reason=f"by {head[:12]}"
                )
        return done

    async def _tell(
        self, connection: Connection, row: SourceRow, head: str | None, verdict: Verdict
    ) -> None:
        conditions = _conditions(row, verdict)
        observed = head or row.observed
        await sources.handle(connection, row.name, row.wanted, observed, head, conditions)


def _conditions(row: SourceRow, verdict: Verdict) -> list[dict[str, Json]]:
    """Return each condition; one that has not changed keeps the instant since when it holds."""
    failed = {"": "SourceReady", "Rejected": "Compiled", "Held": "Unheld"}.get(verdict.state)
    if verdict.reason == "GitRefused":
        failed = "SourceReady"
    before: dict[str, Mapping[str, Any]] = {str(each["type"]): each for each in row.conditions}
    now = datetime.now(UTC).isoformat()
    told: list[dict[str, Json]] = []
    for kind in ("SourceReady", "Compiled", "Unheld", "Ready"):
        holds = failed is None or kind not in (failed, "Ready")
        one: dict[str, Json] = {
            "type": kind,
            "status": holds,
            "reason": "Ok" if holds else verdict.reason,
            "message": "" if holds else verdict.message,
        }
        old = before.get(kind, {})
        same = all(old.get(key) == value for key, value in one.items())
        told.append({**one, "since": old["since"] if same else now})
    return told


def _file(entry: Entry, data: Mapping[str, bytes]) -> File:
    return File(entry.path, entry.blob, data.get(entry.blob, b""))


def _finding(found: Diagnostic) -> dict[str, Json]:
    return {
        "code": found.code,
        "severity": found.severity.value,
        "message": found.message,
        "file": found.span.file,
        "line": found.span.line,
        "column": found.span.column,
        "hint": found.hint,
    }
