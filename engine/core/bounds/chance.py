"""When a step can be skipped, and what can cancel it."""

from collections.abc import Iterator, Sequence

from engine.core.anatomy import Part, later, ordered
from engine.core.frozen import frozen
from engine.core.plan import Edge, ForEach, Requirement, Rollback, Scope, Step
from engine.core.run import Role

# What no stop from outside reaches: it runs when the steps of its scope have ended.
_SHELTERED = frozenset({Role.HANDLER, Role.FINALLY, Role.UNDO, Role.ALERT})
_AFTER_FAILURE = frozenset({Requirement.FAILED, Requirement.DONE})


@frozen
class Skip:
    """A reason to skip a step, the word that a run shows: `need`, `data` or `condition`.

    `step` is the id of the step whose end may be the cause, and `requires` what it would have to
    be; `condition` the expression that may be false.
    """

    reason: str
    step: str = ""
    requires: str = ""
    condition: str = ""


def skips(scope: Scope) -> list[tuple[Skip, ...]]:
    """Return for each step of a scope when it can be skipped; never, where there is nothing."""
    told: list[tuple[Skip, ...]] = [()] * len(scope.steps)
    rolls = [
        (p, step.verb) for p, step in enumerate(scope.steps) if isinstance(step.verb, Rollback)
    ]
    order = ordered(scope)
    after = later(scope, order, _awaited) if rolls else []
    rank = {position: number for number, position in enumerate(order)}
    for position in order:
        undone = {
            name
            for roll, verb in rolls
            if roll != position and not after[rank[position]] >> rank[roll] & 1
            for name in verb.steps
        }
        told[position] = tuple(_skips(scope, scope.steps[position], told, undone))
    return told


def cancels(every: Sequence[Part]) -> list[list[tuple[str, ...]]]:
    """Return for each step of each part why it can be cancelled, in the words that a run shows.

    `failure`: another step fails first, or more items than may. `cancel`: somebody or an event
    cancels the run. `race`: another branch wins. `timeout`: the time of its scope, or of one
    around it, is over; that can be anywhere.
    """
    told: list[list[tuple[str, ...]]] = []
    around: list[frozenset[str]] = []
    for part in every:
        stops = _stops(part, every, around)
        around.append(stops)
        failing = _failing(part.scope)
        told.append(
            [
                tuple(sorted(stops | {"timeout"} | ({"failure"} if may else set())))
                for may in failing
            ]
        )
    return told


def _skips(
    scope: Scope, step: Step, told: Sequence[tuple[Skip, ...]], undone: set[str]
) -> Iterator[Skip]:
    after_failure = any(not e.inferred and e.requires in _AFTER_FAILURE for e in step.after)
    needs = [each for each in step.after if not (step.join and each.inferred)]
    unsure = [e for e in needs if _may_miss(scope, e, told, undone, after_failure)]
    if not step.join or len(needs) - len(unsure) < min(step.join, len(needs)):
        for edge in unsure:
            yield Skip("need", scope.steps[edge.step].id, edge.requires.value)
    for edge in step.after:
        before = scope.steps[edge.step]
        if edge.data and (told[edge.step] or before.optional or after_failure):
            yield Skip("data", before.id, Requirement.SUCCEEDED.value)
    if step.condition is not None:
        yield Skip("condition", condition=step.condition)


def _may_miss(
    scope: Scope, edge: Edge, told: Sequence[tuple[Skip, ...]], undone: set[str],
    after_failure: bool,
) -> bool:  # fmt: skip
    """True if a step may end otherwise than an edge requires, and yet not stop its scope.

    A failure stops it, unless the step is optional, or the one that follows is for failures too.
    """
    before = scope.steps[edge.step]
    fails = before.optional or after_failure or before.id in undone
    match edge.requires:
        case Requirement.OK:
            return fails
        case Requirement.SUCCEEDED:
            return fails or bool(told[edge.step])
        case Requirement.DONE:
            return False
        case _:
            return True


def _awaited(step: Step) -> Iterator[int]:
    return (edge.step for edge in step.after)


def _stops(part: Part, every: Sequence[Part], around: Sequence[frozenset[str]]) -> frozenset[str]:
    """Return what can stop a whole part from outside."""
    if part.role in _SHELTERED:
        return frozenset()
    stops = around[part.around] if part.around >= 0 else frozenset({"cancel"})
    if part.role is Role.BRANCH:
        stops |= {"race"}
    verb = every[part.around].scope.steps[part.owner].verb if part.owner >= 0 else None
    is_first_to_fail = isinstance(verb, ForEach) and part.role is Role.ITEM and verb.fail_fast
    if is_first_to_fail or (part.around >= 0 and every[part.around].scope.cancel_on_failure):
        stops |= {"failure"}
    return stops


def _failing(scope: Scope) -> list[bool]:
    """Return for each step whether another of its scope may fail before it has ended.

    Those are all but the ones that wait for it, the optional, and the one failure that it is for.
    """
    order = ordered(scope)
    after = later(scope, order, _awaited)
    rank = {position: number for number, position in enumerate(order)}
    causes = sum(1 << rank[p] for p, step in enumerate(scope.steps) if not step.optional)
    told = []
    for position, step in enumerate(scope.steps):
        spared = after[rank[position]] | 1 << rank[position]
        for edge in step.after:
            if not edge.inferred and edge.requires in _AFTER_FAILURE:
                spared |= 1 << rank[edge.step]
        told.append(bool(causes & ~spared))
    return told
