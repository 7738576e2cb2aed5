"""One source looked at: from a head that has moved to an activation, or to why there is none."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.core.change import NO_CHANGE, digest_between
from engine.core.compiler import VERSION
from engine.core.facts import Operations
from engine.core.plan import Plan
from engine.core.values import Json, digest
from engine.errors import Conflict, Misconfigured
from engine.git.address import shown
from engine.git.failure import GitFailed, Refused
from engine.git.keys import NO_KEYS, Keys, read_keys
from engine.git.mirror import Mirror
from engine.git.tree import Tree, inside
from engine.reconcile import drift, ledger, rollback
from engine.reconcile import verdict as rules
from engine.reconcile.activation import Prepared, prepare
from engine.reconcile.checkout import Checkout, Files, Reader
from engine.reconcile.hold import Hold, told
from engine.reconcile.lane import Lanes
from engine.reconcile.memory import Memory
from engine.reconcile.permission import Permission, Policy
from engine.reconcile.pin import Pins
from engine.reconcile.rollback import Refusal, binding
from engine.reconcile.verdict import Change, Stage, Verdict
from engine.settings import Source
from engine.source import Cache, Compiled
from engine.store import reviews, workflows
from engine.store.leases import Session
from engine.store.overrides import Override
from engine.store.schedules import Clock
from engine.store.sources import SourceRow
from engine.store.workflows import Active
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.reconcile")
_MOST_CHASES = 3


@dataclass(slots=True)
class Reconciler:
    """Looks at one source.

    It keeps the tree, the compiled files and the active set of the last look, so that a pass
    costs by what has changed. A new one knows nothing, and comes to the same verdicts.
    `catalogue` is the digest of the operations, `clock` the one of all controllers.
    """

    source: Source
    operations: Operations
    catalogue: str
    mirror: Mirror
    lanes: Lanes
    policy: Policy
    clock: Clock
    _hold: Hold = field(init=False)
    _memory: Memory = field(init=False, default_factory=Memory)
    _files: Files = field(init=False, default_factory=Files)
    _pins: Pins = field(init=False)
    _document: str = ""
    _cache: Cache = field(init=False)
    _permission: Permission = field(init=False)
    _keys: Keys = NO_KEYS
    _tree: Tree | None = None
    _compared: datetime | None = None
    _mine: tuple[str | None, Mapping[str, Active], Mapping[str, Plan]] | None = None

    def __post_init__(self) -> None:
        self._cache = Cache(self._memory)
        self._permission = Permission(self.policy, self.source)
        self._pins = Pins(self.source.environment)

    @property
    def turn(self) -> float | None:
        """Return how many seconds after the last look something that holds the source is over."""
        turn = self._hold.turn
        return None if turn is None else (turn - self._hold.now).total_seconds()

    async def read(self, session: Session) -> SourceRow:
        """Return the source as it stands, and keep what people and the calendar say of it."""
        windows = [each.window for each in self.source.freeze]
        row, hold = await ledger.read(session, self.source.name, windows, self.clock)
        self._hold = replace(hold, document=self._document)
        return row

    async def look(self, session: Session, row: SourceRow, head: str | None, failing: bool) -> bool:
        """Make `head` live if it may be; False if the look is to be repeated before long.

        `failing` says in which lane to work. While one commit is judged, a newer one may come:
        it is judged in its place, a few times at most, so that a busy branch gets live, too.
        """
        if head is None:
            url = shown(self.source.url)
            return await self.settle(session, row, None, rules.missing(row.ref, url, row.active))
        try:
            if self.source.verify != "none":
                self._keys = await self.lanes.run(failing, self._read_keys)
        except Misconfigured as fault:
            verdict = rules.unusable(Stage.VERIFIED, str(fault))
            return await self.settle(session, row, head, verdict)
        rests = row.judged == self._judged(head, row.active)
        if row.active is not None and (not rests or self._is_due):
            await self._heal(session, row, row.active, failing)
        if (asked := self._hold.asked) is not None:
            failed = await self._roll_back(session, row, asked, failing)
            if failed is not None:
                return await self.settle(session, row, head, failed)
            row = await self.read(session)
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
        kept = verdict.passing and verdict.stage is Stage.SOURCE
        judged = row.judged if kept or head is None else ""
        if verdict.lasting and head is not None:
            judged = self._judged(head, row.active)
        await ledger.settle(session, row, head, verdict, judged, self._hold)
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
        source = self.source
        reader = Reader(
            self.mirror, source.ref, source.root, self._memory, self._files, self._keys, self._pins
        )
        try:
            checkout = await self.lanes.run(failing, reader.take, row.active, self._tree)
        except Refused as refusal:
            return rules.refused(refusal)
        except Misconfigured as fault:
            return rules.unusable(Stage.VERIFIED, str(fault))
        except (GitFailed, OSError) as error:
            return rules.failed(error)
        if checkout.facts.sha != head:
            return checkout.facts.sha
        if is_new:
            await ledger.fetched(session, row, checkout)
        if not checkout.follows:
            assert row.active is not None, "what is not live cannot be left behind"
            return rules.rewound(row.active)
        if checkout.signed is not None and checkout.signed.reason:
            return rules.unverified(checkout.signed)
        if checkout.signed is not None and is_new:
            await ledger.verified(session, row, head, checkout.signed.message)
        self._take_note(checkout)
        try:
            compiled = await self.lanes.run(
                failing, reader.compile, checkout, self.operations, self._cache, source.environment
            )
        except (GitFailed, OSError) as error:
            return rules.unreachable(str(error))
        self._memory.forget(but=checkout.blobs.values())
        self._tree = checkout.tree
        return await self._judge(session, row, checkout, compiled, failing, last)

    def _take_note(self, checkout: Checkout) -> None:
        """Keep what the document of the environment pins the source to."""
        self._document = "" if checkout.pin is None else checkout.pin.told(self.source.root)
        self._hold = replace(self._hold, document=self._document)

    async def _judge(
        self, session: Session, row: SourceRow, checkout: Checkout, compiled: Compiled,
        failing: bool, last: bool,
    ) -> Verdict | str:  # fmt: skip
        """Hold the rules against what was compiled; activate what nothing is against."""
        head, commit = checkout.facts.sha, checkout.target.sha
        before, known = await self._active(session, row)
        unread = checkout.findings
        confirm = "" if self._hold.confirms(head) else f"{row.name}@{head}"
        verdict = rules.judge(
            [*unread, *compiled.diagnostics], compiled.files + len(unread),
            Change(before.keys(), compiled.plans.keys()),
            checkout.prunes, commit == row.active, confirm,
        )  # fmt: skip
        if verdict.stage is not Stage.COMPILED:
            told = f"{compiled.files} files"
            denial = await self._authorise(session, row, head, told, before, compiled.plans)
            verdict = denial or verdict
        if not verdict.is_good:
            return verdict
        if (
            unreviewed := await self._unreviewed(session, row, commit, before, compiled)
        ) is not None:
            return rules.unreviewed(unreviewed)
        newest = None if last else await self._newest()
        if newest is not None and newest != head:
            return newest
        to = Active(self.source.namespace, "", row.name, commit, "", "", "")
        prepared = await self.lanes.run(
            failing, prepare, to, row.active, before, compiled.plans,
            inside(self.source.root), known,
        )  # fmt: skip
        outcome = await self._activate(session, row, checkout, prepared, verdict)
        if outcome.is_good:
            self._mine = (commit, prepared.after, compiled.plans)
        return outcome

    async def _activate(
        self, session: Session, row: SourceRow, checkout: Checkout, prepared: Prepared,
        verdict: Verdict,
    ) -> Verdict:  # fmt: skip
        """Make live what nothing is against, unless people or the calendar hold it."""
        commit = prepared.activation.commit
        judged = self._judged(checkout.facts.sha, commit)
        if commit == row.active and not prepared.is_change:
            await ledger.stay(session, row, checkout, verdict, judged, self._hold)
            return verdict
        if held := self._hold.verdict(commit):
            return replace(held, findings=verdict.findings)
        try:
            done = await ledger.activate(
                session, row, prepared, verdict, judged, binding(self.source), self._hold,
                checkout=checkout,
            )  # fmt: skip
        except Conflict as conflict:
            return rules.taken(str(conflict))
        if not done:
            self._mine = None
            return rules.unreachable("another commit was made live meanwhile, or held")
        _LOG.info("source %s: %s is live: %s", row.name, commit[:12], prepared.told())
        return verdict

    async def _authorise(
        self, session: Session, row: SourceRow, head: str, told: str,
        before: Mapping[str, Active], plans: Mapping[str, Plan],
    ) -> Verdict | None:  # fmt: skip
        """Return the policies' denial of what was compiled, if there is one."""
        is_new = head not in (row.active, row.attempted)
        if is_new:
            await ledger.compiled(session, row, head, told)
        denial = await self.lanes.run(False, self._permission.denial, before.keys(), plans)
        if is_new and denial is None:
            await ledger.authorised(session, row, head)
        return denial

    @property
    def _is_due(self) -> bool:
        """True if an interval has passed since what is live was compared with its commit."""
        return self._compared is None or self._hold.now - self._compared >= self.source.interval

    async def _heal(self, session: Session, row: SourceRow, active: str, failing: bool) -> None:
        """Mend what is live where it is not as its commit says (R11)."""
        self._compared = self._hold.now
        found = await drift.found(session, self.source, active)
        if found is None:
            return
        self._mine = None
        try:
            mended = await self.lanes.run(
                failing, drift.mended, self.source, self.mirror, self.operations, active, found
            )
            done = await ledger.heal(session, row, mended, binding(self.source))
        except (Refusal, Conflict, GitFailed, OSError) as error:
            METRICS.drifts.labels("left").inc()
            _LOG.warning("source %s: what is live has drifted and stays so: %s", row.name, error)
            return
        METRICS.drifts.labels("healed" if done else "left").inc()
        _LOG.warning("source %s: DriftHealed: %s", row.name, mended.told)

    async def _roll_back(
        self, session: Session, row: SourceRow, asked: Override, failing: bool
    ) -> Verdict | None:
        """Go back to the commit that somebody asks for, or say why not; None if that is settled."""
        before, _ = await self._active(session, row)
        known = await rollback.kept(session, self.source, asked.value, before)
        try:
            prepared = await self.lanes.run(
                failing, rollback.made, self.source, self.mirror, self.operations, asked.value,
                row.active, before, known, self._keys, self._permission,
            )  # fmt: skip
            done = await ledger.activate(
                session, row, prepared, Verdict(Stage.ACTIVE), "", binding(self.source),
                self._hold, asked,
            )  # fmt: skip
        except (Refusal, Conflict) as refusal:
            await ledger.refuse(session, row, asked, str(refusal))
            return None
        except (GitFailed, OSError) as error:
            return rules.unreachable(str(error))
        self._mine = None
        if not done:
            return rules.unreachable("another commit was made live meanwhile, or held")
        _LOG.warning("source %s: %s: %s", row.name, told(asked), prepared.told())
        return None

    async def _newest(self) -> str | None:
        """Return the head of the ref as it is by now, or None if it cannot be told."""
        try:
            heads = await self.lanes.ask(self.mirror.heads, [self.source.ref])
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
        self, session: Session, row: SourceRow, commit: str, before: Mapping[str, Active],
        compiled: Compiled,
    ) -> str | None:  # fmt: skip
        """Return the digest of a change that must have been reviewed to a good end, and was not."""
        if not self.source.require_reviewed_plan or row.active in (None, commit):
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
        limits = self.mirror.limits
        bounds: Json = [limits.files, limits.bytes, limits.mirror]
        trust = [self._keys.digest, self.policy.digest, self._hold.facts]
        of = binding(self.source)
        return digest([head, active, of, VERSION, self.catalogue, *trust, bounds])

    def _read_keys(self) -> Keys:
        source = self.source
        return read_keys(source.verify, source.signers, source.keyring, source.revoked)
