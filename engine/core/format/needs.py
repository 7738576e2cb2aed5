"""The edges that the compiler infers, written into `needs`, where that keeps their meaning."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from engine.core import document
from engine.core.document import Document, Path
from engine.core.format.tree import Collection, Entry, Text
from engine.core.frozen import frozen
from engine.core.plan import Edge, Plan, Requirement, Scope, Step

_BEFORE_NEEDS: Final = ("id", "name")
_AFTER_FAILURE: Final = (Requirement.FAILED, Requirement.DONE)


@frozen
class Needs:
    """What a plan's steps may say themselves: by the path of each step, the ids of others.

    `plan` is what the document then compiles to, but for places in it.
    """

    by_path: Mapping[Path, Sequence[str]]
    plan: Plan


def inferred(plan: Plan, told: Document) -> Needs:
    """Return the inferred edges that can be written as `needs: [...]`, of steps in all scopes."""
    by_path: dict[Path, Sequence[str]] = {}
    return Needs(by_path, replace(plan, root=_spelt(plan.root, told, (), by_path)))


def write(root: Entry, path: Path, ids: Sequence[str]) -> None:
    """Add steps to the `needs` of the step at `path`, in the form that they have."""
    step = _at(root, path)
    entry = step.find("needs")
    if entry is None:
        entry = Entry(Text("", ""), Text("needs", "needs"))
        names = [each.key.value if each.key is not None else "" for each in step.entries]
        index = next((i for i, name in enumerate(names) if name not in _BEFORE_NEEDS), 0)
        if index == 0:
            _close_up(step.entries[0])
        step.entries.insert(index, entry)
    if isinstance(entry.value, Text):  # nothing, or empty brackets
        entry.value, entry.column = Collection(is_mapping=False, is_flow=True), None
    is_mapping = entry.value.is_mapping
    for name in map(_word, ids):
        entry.value.entries.append(Entry(Text("ok", "ok"), name) if is_mapping else Entry(name))


def _spelt(scope: Scope, told: Document, path: Path, by_path: dict[Path, Sequence[str]]) -> Scope:
    """Return the scope at a path, and those in it, as if all that can be written were.

    Whose edges these are is added to `by_path`.
    """
    is_sequence = isinstance(_node(told, (*path, "steps")), document.Sequence)
    steps = []
    for position, step in enumerate(scope.steps):
        edges = set(_writable(scope, step, position - 1 if is_sequence else None))
        if edges:
            where = (*path, "steps", position if is_sequence else step.id)
            by_path[where] = [scope.steps[e.step].id for e in step.after if e in edges]
        after = (_written(each) if each in edges else each for each in step.after)
        steps.append(replace(step, after=tuple(after)))
    last = scope.finally_
    if last is not None:
        last = _spelt(last, told, (*path, "finally"), by_path)
    return replace(scope, steps=tuple(steps), finally_=last)


def _writable(scope: Scope, step: Step, before: int | None) -> Iterator[Edge]:
    """Yield the inferred edges that mean the same when written; `before` is one of a list's order.

    An inferred edge waits for any end (`done`), and yet starts nothing after a failure. No word
    of `needs` says both, so `ok` stands for it, where the ends that `ok` refuses make no
    difference: whatever failed or was cancelled has closed the scope, and the step is cancelled
    before its needs are looked at. That does not hold
    - after an optional step, whose failure closes nothing;
    - after a step that can be undone: a `rollback` makes `compensated` of `succeeded`;
    - for a step that follows a failure, by a `failed` or `done` in its needs;
    - under `join`, where only what is written counts.
    """
    follows = any(not each.inferred and each.requires in _AFTER_FAILURE for each in step.after)
    if step.join or follows:
        return
    for edge in step.after:
        target = scope.steps[edge.step]
        is_sure = not target.optional and target.compensation is None
        if edge.inferred and edge.step != before and is_sure:
            yield edge


def _written(edge: Edge) -> Edge:
    return replace(edge, requires=Requirement.OK, inferred=False)


def _node(told: Document, path: Path) -> document.Node:
    """Return the node at a path of keys that a plan was compiled from."""
    node = told.root
    for name in path:
        assert isinstance(node, document.Mapping)
        _, node = node.members[str(name)]
    return node


def _at(root: Entry, path: Path) -> Collection:
    """Return the mapping at a path that a plan was compiled from."""
    value = root.value
    for part in path:
        assert isinstance(value, Collection)
        entry = value.find(part) if isinstance(part, str) else value.entries[part]
        assert entry is not None
        value = entry.value
    assert isinstance(value, Collection)
    return value


def _close_up(entry: Entry) -> None:
    """Take away the empty line before an entry that was the first; there it was not seen."""
    entry.blank = entry.blank and bool(entry.above)
    if entry.above:
        entry.above[0].blank = False


def _word(name: str) -> Text:
    """Return an id as a text; `no` and its like keep their quotes."""
    return Text(f'"{name}"', name, '"')
