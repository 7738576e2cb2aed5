"""A change of a stranger's compiled, judged and told, in a process that ends with it.

It reads a task and writes the answer, a line; where it tells of recorded runs, it reads these and
answers again. `engine.review.keeper` makes the process.
"""

import pickle  # nosec B403 - it is the parent's own, and nobody else's
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO

from engine import rulings
from engine.core import review as reviews
from engine.core import whatif
from engine.core.diagnostic import Diagnostic, Span
from engine.core.review import End, Head, Impact, Pull, Review, owners, policy
from engine.core.review.approval import approved
from engine.core.review.facts import Whose
from engine.core.values import digest
from engine.core.whatif import Stored
from engine.git.command import Runner
from engine.git.mirror import MAX_FILE
from engine.git.objects import Objects
from engine.git.tree import Tree
from engine.review.kept import Kept
from engine.review.task import MOST_TEAMS, MOST_TEXT, REPLAY_SECONDS, Answer, Asked, Running, Task
from engine.rulings import Case

_TOO_LARGE = b"too large to be read"  # what no policy parses as, so that it denies
_LATE = f"not told, for they could not be played within {REPLAY_SECONDS:g} s"
# Starts of schedules are told from here on where only what is told matters.
_ONCE = datetime(2000, 1, 1, tzinfo=UTC)


def judge(task: Task, kept: Kept, told: BinaryIO) -> Iterator[Answer]:
    """Yield what is to be said of a change, compiled as the reconciler would.

    The first asks for recorded runs, and says that they are not told; they are read then, and the
    second tells of them. `told` is what the parent tells.
    """
    began = time.monotonic()
    review = _refused(task) if task.refused else _made(task, kept)
    review = replace(
        review, pull=task.asked.number, is_fork=task.asked.is_fork, is_draft=task.asked.is_draft,
        impact={each.name: _impact(each.name, task.running) for each in review.changes},
        kept=task.kept, what_if=whatif.beyond(review.changes, {}, task.asked.is_fork),
    )  # fmt: skip
    spent = time.monotonic() - began
    names = [] if task.asked.is_fork or review.errors else whatif.asked(review.changes)
    if names:
        yield _answer(replace(review, what_if=(_LATE,)), task, spent, names)
        stored: Stored = pickle.load(told)  # nosec B301
        lines = whatif.reviewed(review.changes, stored.recordings(), stored.left)
        review = replace(review, what_if=lines)
    yield _answer(review, task, spent)


def _answer(review: Review, task: Task, spent: float, names: Sequence[str] = ()) -> Answer:
    told = reviews.as_json(review, _ONCE)
    review = replace(review, seconds=spent)
    return Answer(
        review.digest, review.conclusion, reviews.headline(review),
        reviews.as_markdown(review, task.now, task.links),
        reviews.as_text(review, task.now)[:MOST_TEXT], digest(told),
        [each.name for each in review.changes],
        _asks(review),
        reviews.annotations(review), names,
        sorted({each.rule for each in review.rulings.rulings if each.by_review}),
    )  # fmt: skip


def _asks(review: Review) -> dict[str, list[str]]:
    """Return the teams that each rule asks for."""
    asks: dict[str, dict[str, None]] = {}
    for each in review.rulings.rulings:
        if each.team:
            asks.setdefault(each.rule, {})[each.team] = None
    return {rule: list(teams)[:MOST_TEAMS] for rule, teams in asks.items()}


def _refused(task: Task) -> Review:
    """Return the review of a head that holds what no source may hold."""
    return Review(
        task.place.source, task.place.environment, task.place.root, task.base, task.head, 0, (),
        tuple(task.refused),
    )  # fmt: skip


def _made(task: Task, kept: Kept) -> Review:
    catalogue = kept.catalogue
    with Objects(Runner(task.folder)) as objects:
        base = _end(task.base, task.before, objects, kept)
        head = _end(task.head, task.after, objects, kept)
        ours, theirs = _policies(task.before, objects), _policies(task.after, objects)
        whose = _whose(task, objects)
    found = [*head.findings, *_against(base, head, task.running.foreign)]
    review = reviews.make(task.place, base, replace(head, findings=found), catalogue, kept.reached)
    guard = review.guard
    case = Case(
        review.changes,
        catalogue,
        task.namespace,
        task.place.environment,
        _pull(task.asked),
        whose=whose,
        known=kept.reached,
    )
    told = rulings.rulings(case, ours, theirs, base.plans)
    return replace(
        review, guard=None if guard and guard.gone in task.confirmed else guard,
        owners=whose.touched,
        rulings=approved(told, task.approvals, review.digest, task.asked.author),
    )  # fmt: skip


def _whose(task: Task, objects: Objects) -> Whose:
    """Return whose files are by the base, and whose those are that the change touches."""
    told, root = task.owners, task.place.root
    if not told.file:
        return Whose(root=root)
    known = owners.read(told.file, objects.read([told.blob], MAX_FILE)[told.blob])
    old, new = _blobs(task.before), _blobs(task.after)
    files = (path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    placed = (f"{root}/{each}" if root else each for each in files)
    return Whose(known, owners.touched(known, placed, is_changed=told.is_changed), root)


def _pull(asked: Asked) -> Pull | None:
    return Pull(asked.author, tuple(asked.teams), asked.is_fork) if asked.number else None


def _policies(tree: Tree | None, objects: Objects) -> dict[str, bytes]:
    """Return the policies of a tree; one that was too large to be read is no policy."""
    named = {path: blob for path, blob in _blobs(tree).items() if policy.is_policy(path)}
    found = objects.read(sorted(set(named.values())), MAX_FILE)
    return {path: _whole(found[blob]) for path, blob in named.items()}


def _whole(data: bytes | None) -> bytes:
    return _TOO_LARGE if data is None else data


def _blobs(tree: Tree | None) -> Mapping[str, str]:
    return {} if tree is None else tree.blobs


def _end(head: Head, tree: Tree | None, objects: Objects, kept: Kept) -> End:
    """Return one end of the change, compiled; what the ends share is compiled once."""
    came = kept.compiled(tree, objects)
    made, unread = came.compiled, came.unread
    return End(head, made.plans, made.files + len(unread), [*unread, *made.diagnostics])


def _against(base: End, head: End, foreign: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Yield what the reconciler has against a commit that compiles."""
    for name in sorted(head.plans.keys() - base.plans.keys()):
        if name in foreign:
            yield Diagnostic(
                "name-taken", f"workflow {name!r} is source {foreign[name]!r}'s already",
                Span(head.plans[name].file, 1, 1), hint="two sources of a namespace share no name",
            )  # fmt: skip
    if base.plans and not head.plans and not head.findings:
        first = min(each.file for each in base.plans.values())
        yield Diagnostic(
            "no-specs", f"no workflow is left; the {len(base.plans)} that are live would stay",
            Span(first, 1, 1), hint="nothing is not empty: take the source out of the settings",
        )  # fmt: skip


def _impact(name: str, running: Running) -> Impact:
    also = tuple(number for number, names in running.also.items() if name in names)
    return Impact(running.in_flight.get(name, {}), also)
