"""One review looked at: from what the forge says of it to what is said there."""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

from engine import recordings
from engine.core.diagnostic import Diagnostic, Span
from engine.core.facts import Operations
from engine.core.frozen import frozen
from engine.core.review import Conclusion, Head, Links, Place, conflicted, marker, owners, policy
from engine.core.review.inert import prose
from engine.core.values import digest
from engine.core.whatif import Stored
from engine.errors import NotFound
from engine.forge.contract import Forge, Pull
from engine.git.failure import GitFailed, Refused
from engine.git.mirror import MAX_FILE
from engine.git.pulls import Pulls
from engine.git.tree import Tree
from engine.reconcile.verdict import plain
from engine.review.hearing import Hearing
from engine.review.judging import judge
from engine.review.keeping import Keepers
from engine.review.landing import land
from engine.review.previewing import Previewing
from engine.review.publishing import Publisher, Said
from engine.review.task import Answer, Asked, Ground, Owned, Running, Task, Unjudged
from engine.settings import Source
from engine.store import reviews, sources
from engine.store.leases import Session
from engine.store.reviews import ReviewRow

_LOG = logging.getLogger("sark.review")
_HEADS = "refs/heads/"
_WATCH = 1.0
_PREPARING = 180.0
_TEAM = re.compile(r'"([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+)"')
_MOST_TEAMS = 20
_LONGEST = 300


@frozen
class Bench:
    """What the reviews of one source are made with. `kept` is how long history is kept,
    None being for ever.
    """

    source: Source
    forge: Forge
    pulls: Pulls
    operations: Operations
    links: Links
    check: str
    is_alone: bool
    keepers: Keepers
    kept: timedelta | None = None

    @property
    def branch(self) -> str:
        """Return the name of the branch that the source follows."""
        return self.source.ref.removeprefix(_HEADS)


class Reviewer:
    """Looks at the reviews of one source, one at a time."""

    def __init__(self, bench: Bench, session: Session) -> None:
        self._bench = bench
        self._session = session
        self._publisher = Publisher(bench.forge, session, bench.check, bench.links.server)
        self._hearing = Hearing(bench.forge, session, bench.is_alone)
        self._previewing = Previewing(
            bench.pulls, bench.operations, bench.source.root, bench.source.environment,
            bench.is_alone,
        )  # fmt: skip

    async def live(self) -> str:
        """Return the commit that is active, "" while there is none."""
        async with self._session.turn() as connection:
            row = await sources.read(connection, self._bench.source.name)
        return (row.active if row is not None else None) or ""

    async def ground(self, live: str) -> Ground | None:
        """Return a commit that is active as what looks stand on; None if it is not here."""
        bench = self._bench
        with suppress(GitFailed, Refused):
            await asyncio.to_thread(bench.pulls.borrow, live)
            tree = await asyncio.to_thread(bench.pulls.tree, live, bench.source.root)
            return Ground(tree, bench.pulls.place, bench.operations, bench.source.environment)
        return None

    async def prepare(self, ground: Ground) -> None:
        """Let what is live be compiled, so that the next look finds it so."""
        keeper = await self._bench.keepers.of(self._bench.source.name)
        await keeper.stand(ground, _PREPARING)

    async def look(self, row: ReviewRow) -> None:
        """Look at a review, and say what it has come to.

        Raise Unavailable, GitFailed and OSError where it is to be repeated; what was done so far
        is written down. A head that moves meanwhile leaves it wanted.
        """
        wanted = row.wanted
        pull = await self._pull(row)
        if pull is None or not pull.is_open or pull.base != self._bench.branch:
            return await self._close(row, pull)
        row = replace(
            row, is_open=True, title=plain(pull.title)[:_LONGEST],
            author=plain(pull.author)[:_LONGEST],
        )  # fmt: skip
        if pull.head_sha != row.checked:
            row = replace(row, notes="", previews=())  # they were about another head
        row = await self._publisher.begin(row, pull.head_sha)
        if row.number:
            row = await self._hearing.hear(row, pull)
        made = await self._plan(row, pull)
        if made is None:
            return await self._publisher.save(row)
        row, said = made
        row = await self._publisher.publish(row, said)
        filled = await self._previewing.fill(row, pull.head_sha)
        row = await self._publisher.publish(filled, said)
        return await self._publisher.save(replace(row, handled=wanted, faults=0, fault=""))

    async def _pull(self, row: ReviewRow) -> Pull | None:
        """Return what the forge says by now; of a merge group, what was told of it."""
        if row.number == 0:
            base = row.title.removeprefix(_HEADS)
            return Pull(0, row.title, "", base, row.base, row.head, False, False, row.is_open)
        try:
            return await self._bench.forge.pull(row.number)
        except NotFound:
            return None

    async def _close(self, row: ReviewRow, pull: Pull | None) -> None:
        """Write that a review is over, and say once what has become of what was merged."""
        wanted = row.wanted
        if row.number == 0 and row.is_open:
            row = await self._publisher.begin(row, row.head)
            said = _said(self._bench, Conclusion.NEUTRAL, "it goes into a branch of no source")
            row = await self._publisher.publish(row, said)
        elif row.check_id is not None and not row.said:
            await self._publisher.cancel(row)
        if row.is_open:
            await asyncio.to_thread(self._bench.pulls.forget, row.ref)
        merged = pull.merged_sha if pull is not None and pull.base == self._bench.branch else ""
        row = replace(row, is_open=False, merged=merged, workflows=())
        if merged and not row.landed:
            row = await land(self._session, self._publisher, self._bench.source, row)
        await self._publisher.save(replace(row, handled=wanted, faults=0, fault=""))

    async def _plan(self, row: ReviewRow, pull: Pull) -> tuple[ReviewRow, Said] | None:
        """Return what is to be said of a head; None if another has taken its place."""
        bench = self._bench
        try:
            base, head = await asyncio.to_thread(bench.pulls.bring, bench.source.ref, row.ref)
        except Refused as refused:
            row = replace(row, digest="", workflows=(), asks={})
            return row, _said(bench, Conclusion.FAILURE, str(refused))
        if head != pull.head_sha:
            return None
        base = await self._below(row, base, head)
        row = replace(row, base=base, head=head)
        merged = await asyncio.to_thread(bench.pulls.merge, base, head)
        if merged.conflicts:
            row = replace(row, digest="", workflows=(), asks={})
            ends = Head(bench.branch, base), Head("", head)
            text = conflicted(bench.source.name, bench.source.environment, *ends)
            return row, _told(Conclusion.NEUTRAL, "merge conflict", text, [base, head])
        task = await self._task(row, pull, merged.tree)
        if task is None:
            row = replace(row, digest="", workflows=(), asks={}, body="")
            return row, _said(bench, Conclusion.NEUTRAL, "no workflow files changed", quiet=True)
        return await self._judged(row, pull, task)

    async def _below(self, row: ReviewRow, base: str, head: str) -> str:
        """Return what a head is held against: of a merge group, the one before that it stands on.

        Only where that one has passed. A queue may take along what is below a group, whatever was
        said of it, so a group answers for all of it that nobody else answers for.
        """
        if row.number or not row.base:
            return base
        async with self._session.turn() as connection:
            if not await reviews.has_passed(connection, row.source, row.base):
                return base
        stands = await asyncio.to_thread(_is_line, self._bench.pulls, base, row.base, head)
        return row.base if stands else base

    async def _judged(
        self, row: ReviewRow, pull: Pull, task: Task
    ) -> tuple[ReviewRow, Said] | None:
        """Return what is to be said of a change; None if a newer head has taken its place."""
        try:
            answer = await self._answer(row, task)
            given = () if answer is None else await self._hearing.reviewed(row, pull, answer)
            if given:
                approvals = [*task.approvals, *given]
                answer = await self._answer(row, replace(task, approvals=approvals))
        except Unjudged as error:
            _LOG.warning("source %s, %s: %s", row.source, row.ref, error)
            row = replace(row, digest="", workflows=(), asks={})
            return row, _said(self._bench, Conclusion.FAILURE, str(error))
        if answer is None:
            return None
        return _with(row, answer), Said(
            answer.conclusion, answer.title, answer.comment, answer.said, answer.annotations
        )

    async def _answer(self, row: ReviewRow, task: Task) -> Answer | None:
        """Let a child judge; end it as soon as a newer head takes its place, and return None."""
        keeper = await self._bench.keepers.of(row.source)
        judging = asyncio.create_task(judge(task, keeper, partial(self._recall, task)))
        watching = asyncio.create_task(self._moved(row))
        try:
            await asyncio.wait({judging, watching}, return_when=asyncio.FIRST_COMPLETED)
            if judging.done():
                return await judging
            await watching
            return None
        finally:
            judging.cancel()
            watching.cancel()
            await asyncio.gather(judging, watching, return_exceptions=True)

    async def _recall(self, task: Task, names: Sequence[str]) -> Stored:
        """Return the recorded runs of workflows: of none for a fork, of none of another source."""
        ours = [each for each in names if each not in task.running.foreign]
        if task.asked.is_fork or not ours:
            return Stored()
        async with self._session.turn() as connection:
            return await recordings.newest(connection, task.namespace, ours)

    async def _moved(self, row: ReviewRow) -> None:
        """Return once another head is there than the one that is looked at."""
        known = row.wanted
        while True:
            await asyncio.sleep(_WATCH)
            async with self._session.turn() as connection:
                now = await reviews.read(connection, row.source, row.ref)
            if now is None or now.wanted == known:
                continue
            known = now.wanted
            pull = await self._pull(now)
            if pull is None or pull.head_sha != row.head or not pull.is_open:
                return

    async def _task(self, row: ReviewRow, pull: Pull, tree: str) -> Task | None:
        """Return what a child is to judge; None if no file of the source changes."""
        bench, source = self._bench, self._bench.source
        before, _ = await asyncio.to_thread(_tree, bench.pulls, row.base, source.root)
        after, refused = await asyncio.to_thread(_tree, bench.pulls, tree, source.root)
        if not refused and _blobs(before) == _blobs(after):
            return None
        facts = await asyncio.to_thread(bench.pulls.facts, row.head)
        approvals = await self._hearing.approvals(row)
        return Task(
            Place(source.name, source.environment, "" if source.root == "." else source.root),
            source.namespace, Head(bench.branch, row.base), Head("", row.head), before, after,
            bench.pulls.place, bench.operations,
            Asked(row.number, pull.author, await self._teams(pull, before), pull.is_fork,
                  pull.is_draft),
            await self._running(row),
            approvals, bench.links, datetime.now(UTC), facts.prunes, bench.kept,
            refused, await self._live(row.base, before),
            await asyncio.to_thread(_owned, bench.pulls, row.base, tree),
        )  # fmt: skip

    async def _live(self, commit: str, base: Tree | None) -> Tree | None:
        """Return the files of what is active; None if nothing is, or it is not here.

        The files of one commit, `base`, are there already.
        """
        live = await self.live()
        if live in ("", commit):
            return base if live else None
        with suppress(GitFailed, Refused):
            root = self._bench.source.root
            return await asyncio.to_thread(self._bench.pulls.tree, live, root, base)
        return None

    async def _teams(self, pull: Pull, base: Tree | None) -> list[str]:
        """Return the teams of an author that the policies of the base name, if they ask for any."""
        blobs = {blob for path, blob in _blobs(base).items() if policy.is_policy(path)}
        if not pull.author or not blobs:
            return []
        named = await asyncio.to_thread(_named, self._bench.pulls, sorted(blobs))
        return [each for each in named if await self._bench.forge.is_member(pull.author, each)]

    async def _running(self, row: ReviewRow) -> Running:
        """Return what the database says of what runs; nothing else of it is ever told."""
        source = self._bench.source
        async with self._session.turn() as connection:
            return Running(
                await reviews.in_flight(connection, source.namespace),
                await reviews.also(connection, source.name, row.number),
                await reviews.foreign(connection, source.name, source.namespace),
            )


def _is_line(pulls: Pulls, *commits: str) -> bool:
    """True if each commit only adds to the one before it, and is still known."""
    with suppress(GitFailed):
        return all(pulls.is_ancestor(old, new) for old, new in pairwise(commits))
    return False


def _with(row: ReviewRow, answer: Answer) -> ReviewRow:
    return replace(
        row, digest=answer.digest, workflows=answer.workflows, asks=answer.asks or {},
        body=answer.text,
    )  # fmt: skip


def _owned(pulls: Pulls, base: str, tree: str) -> Owned:
    """Return where the base has its `CODEOWNERS`, and whether the head has another."""
    before, after = (pulls.plain_files(each, owners.PLACES) for each in (base, tree))
    file = next((each for each in owners.PLACES if each in before), "")
    return Owned(file, before.get(file, ""), before != after)


def _tree(pulls: Pulls, commit: str, root: str) -> tuple[Tree | None, list[Diagnostic]]:
    """Return the files of a commit, or of a tree, and what is refused in them."""
    try:
        return pulls.tree(commit, root), []
    except Refused as refused:
        if refused.reason == "root-missing":
            return None, []
        path = refused.path or root
        return None, [Diagnostic(refused.reason, str(refused), Span(path, 1, 1))]


def _named(pulls: Pulls, blobs: list[str]) -> list[str]:
    """Return the texts in policies that may be teams, where they ask for those of the author."""
    with pulls.objects() as objects:
        told = b"\n".join(data or b"" for data in objects.read(blobs, MAX_FILE).values())
    if b"author_teams" not in told:
        return []
    found = dict.fromkeys(_TEAM.findall(told.decode("utf-8", "replace")))
    return list(found)[:_MOST_TEAMS]


def _blobs(tree: Tree | None) -> Mapping[str, str]:
    return {} if tree is None else tree.blobs


def _said(bench: Bench, conclusion: Conclusion, words: str, quiet: bool = False) -> Said:
    """Return a sentence of ours as what is said."""
    text = f"{marker(bench.source.name)}\n### SARK plan: {prose(words)}\n"
    return _told(conclusion, words, text, [], quiet)


def _told(
    conclusion: Conclusion, title: str, text: str, about: list[str], quiet: bool = False
) -> Said:
    return Said(conclusion, title, text, digest([title, *about]), (), quiet)
