"""One source looked at: from a head that has moved to an activation, or to why there is none."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.core.change import NO_CHANGE, digest_between
from engine.core.compiler import VERSION
from engine.core.facts import Operations
from engine.core.plan import Plan
from engine.core.values import digest
from engine.errors import Conflict
from engine.git.address import shown
from engine.git.failure import GitFailed, Refused
from engine.git.mirror import Mirror
from engine.git.tree import Tree, inside
from engine.reconcile import ledger
from engine.reconcile import verdict as rules
from engine.reconcile.activation import prepare
from engine.reconcile.checkout import Checkout, Files, Reader
from engine.reconcile.lane import Lanes
from engine.reconcile.memory import Memory
from engine.reconcile.verdict import Change, Verdict
from engine.settings import Source
from engine.source import Cache, Compiled
from engine.store import reviews, workflows
from engine.store.leases import Session
from engine.store.sources import SourceRow
from engine.store.workflows import Active

_LOG = logging.getLogger("sark.reconcile")
_MOST_CHASES = 3


@dataclass(slots=True)
class Reconciler:
    """Looks at one source.

    It keeps the tree, the compiled files and the active set of the last look, so that a pass
    costs by what has changed. A new one knows nothing, and comes to the same verdicts.
    `catalogue` is the digest of the operations.
    """

    source: Source
    operations: Operations
    catalogue: str
    mirror: Mirror
    lanes: Lanes
    _memory: Memory = field(init=False, default_factory=Memory)
    _files: Files = field(init=False, default_factory=Files)
    _cache: Cache = field(init=False)
    _tree: Tree | None = None
    _mine: tuple[str | None, Mapping[str, Active], Mapping[str, Plan]] | None = None

    def __post_init__(self) -> None:
        self._cache = Cache(self._memory)

    async def look(self, session: Session, row: SourceRow, head: str | None, failing: bool) -> bool:
        """Make `head` live if it may be; False if the look is to be repeated before long.

        `failing` says in which lane to work. While one commit is judged, a newer one may come:
        it is judged in its place, a few times at most, so that a busy branch gets live, too.
        """
        if head is None:
            url = shown(self.source.url)
            return await self.settle(session, row, None, rules.missing(row.ref, url, row.active))
        if row.judged == self._judged(head, row.active):
            await ledger.rest(session, row, head)
            return True
        for left in reversed(range(_MOST_CHASES)):
            outcome = await self._try(session, row, head, failing, left == 0)
            if isinstance(outcome, Verdict):
                return outcome.is_good or await self.settle(session, row, head, outcome)
            await ledger.superseded(session, row, head, outcome)
            head = outcome
        return False

    async def settle(
        self, session: Session, row: SourceRow, head: str | None, verdict: Verdict
    ) -> bool:
        """Write why there is no activation; False if the look is to be repeated before long."""
        judged = row.judged if verdict.passing or head is None else ""
        if verdict.lasting and head is not None:
            judged = self._judged(head, row.active)
        await ledger.settle(session, row, head, verdict, judged)
        known = {(each.get("type"), each.get("reason")) for each in row.conditions}
        if ("Ready", verdict.reason) not in known:
            _LOG.warning("source %s: %s: %s", row.name, verdict.reason, verdict.message)
        return not verdict.passing

    async def _try(
        self, session: Session, row: SourceRow, head: str, failing: bool, last: bool
    ) -> Verdict | str:
        """Return the verdict on a commit, or the newer commit that has taken its place."""
        is_new = head not in (row.active, row.attempted)
        if is_new:
            await ledger.seen(session, row, head)
        reader = Reader(self.mirror, self.source.ref, self.source.root, self._memory, self._files)
        try:
            checkout = await self.lanes.run(failing, reader.take, row.active, self._tree)
        except Refused as refusal:
            return rules.refused(refusal)
        except (GitFailed, OSError) as error:
            return rules.unreachable(str(error))
        if checkout.facts.sha != head:
            return checkout.facts.sha
        if is_new:
            await ledger.fetched(session, row, checkout)
        if not checkout.follows:
            assert row.active is not None, "what is not live cannot be left behind"
            return rules.rewound(row.active)
        try:
            compiled = await self.lanes.run(
                failing, reader.compile, checkout, self.operations, self._cache,
                self.source.environment,
            )  # fmt: skip
        except (GitFailed, OSError) as error:
            return rules.unreachable(str(error))
        self._memory.grow_old()
        self._tree = checkout.tree
        return await self._judge(session, row, checkout, compiled, failing, last)

    async def _judge(
        self, session: Session, row: SourceRow, checkout: Checkout, compiled: Compiled,
        failing: bool, last: bool,
    ) -> Verdict | str:  # fmt: skip
        """Hold the rules against what was compiled; activate what nothing is against."""
        head = checkout.facts.sha
        before, known = await self._active(session, row)
        unread = checkout.findings
        verdict = rules.judge(
            [*unread, *compiled.diagnostics], compiled.files + len(unread),
            Change(before.keys(), compiled.plans.keys()),
            checkout.prunes, head == row.active,
        )  # fmt: skip
        if not verdict.is_good:
            return verdict
        if (unreviewed := await self._unreviewed(session, row, head, before, compiled)) is not None:
            return rules.unreviewed(unreviewed)
        if head not in (row.active, row.attempted):
            await ledger.compiled(session, row, head, f"{compiled.files} files")
        newest = None if last else await self._newest(failing)
        if newest is not None and newest != head:
            return newest
        binding = Active(self.source.namespace, "", row.name, head, "", "", "")
        prepared = await self.lanes.run(
            failing, prepare, binding, row.active, before, compiled.plans,
            inside(self.source.root), known,
        )  # fmt: skip
        try:
            done = await ledger.activate(
                session, row, head, prepared, verdict, self._judged(head, head)
            )
        except Conflict as conflict:
            return rules.taken(str(conflict))
        if not done:
            self._mine = None
            return rules.unreachable("another commit was made live meanwhile")
        self._mine = (head, prepared.after, compiled.plans)
        _LOG.info("source %s: %s is live: %s", row.name, head[:12], prepared.told())
        return verdict

    async def _newest(self, failing: bool) -> str | None:
        """Return the head of the ref as it is by now, or None if it cannot be told."""
        try:
            heads = await self.lanes.run(failing, self.mirror.heads, [self.source.ref])
        except (GitFailed, OSError):
            return None
        return heads.get(self.source.ref)

    async def _active(
        self, session: Session, row: SourceRow
    ) -> tuple[Mapping[str, Active], Mapping[str, Plan]]:
        """Return the source's live workflows by name, and the plans that they were made of, as
        far as they are known; nobody but the leader writes them.
        """
        if self._mine is None or self._mine[0] != row.active:
            async with session.turn() as connection:
                found = await workflows.of_source(connection, row.name, self.source.namespace)
            self._mine = (row.active, found, {})
        return self._mine[1:]

    async def _unreviewed(
        self, session: Session, row: SourceRow, head: str, before: Mapping[str, Active],
        compiled: Compiled,
    ) -> str | None:  # fmt: skip
        """Return the digest of a change that must have been reviewed to a good end, and was not."""
        if not self.source.require_reviewed_plan or row.active in (None, head):
            return None
        plans = {name: each.digest for name, each in compiled.plans.items()}
        changed = digest_between({name: each.plan for name, each in before.items()}, plans)
        async with session.turn() as connection:
            is_known = changed == NO_CHANGE or await reviews.is_reviewed(
                connection, row.name, changed
            )
        return None if is_known else changed

    def _judged(self, head: str, active: str | None) -> str:
        """Return the digest of all that a verdict on `head` depends on (R3)."""
        source = self.source
        binding = [source.namespace, source.environment, source.url, source.ref, source.root]
        return digest([head, active, binding, VERSION, self.catalogue])
