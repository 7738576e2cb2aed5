"""The scopes of a plan, each where it hangs, and the order of the steps in one.

Whoever reads a whole plan, for its bounds or its picture, walks this list and never itself: a
plan may be deep, and its scopes hang on steps, on scopes and on the plan.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from engine.core.frozen import frozen
from engine.core.plan import (
    Block,
    Call,
    Case,
    ForEach,
    Handler,
    Plan,
    Race,
    Repeat,
    Scope,
    Step,
    Switch,
)
from engine.core.run import Role


@frozen
class Part:
    """A scope of a plan.

    `path` begins the paths of its steps, as a run's do, but that `[]` stands for any item or turn
    and `[1]` for the first case or handler. `around` is the position of the part that it stands
    in, -1 for none; `owner` that of the step that opens it there, -1 if the scope itself does.
    `source` is the case or handler that it is the body of.
    """

    scope: Scope
    role: Role
    path: str
    label: str = ""
    around: int = -1
    owner: int = -1
    source: Case | Handler | None = None

    def path_of(self, step: Step) -> str:
        """Return the path of a step; the only verb of a scope has that of the scope."""
        return self.path + step.id if step.id else self.path[:-1]


def parts(plan: Plan) -> list[Part]:
    """Return the scopes of a plan, those around others first, as written otherwise."""
    found = _unfold(Part(plan.root, Role.ROOT, ""), 0)
    alert = plan.on_compensation_failure
    if alert is not None:
        found += _unfold(Part(alert, Role.ALERT, "on_compensation_failure."), len(found))
    return found


def below(every: list[Part]) -> list[list[int]]:
    """Return for each of the parts the positions of those that stand in it."""
    told: list[list[int]] = [[] for _ in every]
    for position, each in enumerate(every):
        if each.around >= 0:
            told[each.around].append(position)
    return told


def ordered(scope: Scope) -> list[int]:
    """Return the positions of a scope's steps, each after all that it waits for."""
    missing = [len(each.after) for each in scope.steps]
    followers = followers_of(scope)
    ready = [position for position, count in enumerate(missing) if not count]
    for position in ready:
        for each in followers[position]:
            missing[each] -= 1
            if not missing[each]:
                ready.append(each)
    return ready


def later(
    scope: Scope, order: Sequence[int], awaited: Callable[[Step], Iterable[int]]
) -> list[int]:
    """Return for each step in `order` those that come after it, as a set of bits in that order.

    `awaited` gives the positions of the steps that one comes after; `order` fits to it.
    """
    rank = {position: number for number, position in enumerate(order)}
    told = [0] * len(order)
    for number in reversed(range(len(order))):
        for each in awaited(scope.steps[order[number]]):
            told[rank[each]] |= told[number] | 1 << number
    return told


def followers_of(scope: Scope) -> list[list[int]]:
    """Return for each step the positions of those that wait for it, once for every edge."""
    told: list[list[int]] = [[] for _ in scope.steps]
    for position, step in enumerate(scope.steps):
        for edge in step.after:
            told[edge.step].append(position)
    return told


def _unfold(top: Part, first: int) -> list[Part]:
    """Return a scope and all below it; `first` is the position of the first of them."""
    found: list[Part] = []
    # A stack and not recursion: the depth is the author's.
    waiting = [top]
    while waiting:
        part = waiting.pop()
        position = first + len(found)
        found.append(part)
        waiting += reversed(list(_inside(part, position)))
    return found


def _inside(part: Part, position: int) -> Iterator[Part]:
    for owner, step in enumerate(part.scope.steps):
        path = part.path_of(step)
        for each in _of_step(step, path):
            yield Part(each.scope, each.role, each.path, each.label, position, owner, each.source)
    for each in _of_scope(part):
        yield Part(each.scope, each.role, each.path, each.label, position, -1, each.source)


def _of_step(step: Step, path: str) -> Iterator[Part]:
    match step.verb:
        case Block(body):
            yield Part(body, Role.BODY, f"{path}.")
        case Call(workflow, body=body):
            yield Part(body, Role.BODY, f"{path}.", workflow)
        case ForEach(body=body):
            yield Part(body, Role.ITEM, f"{path}[].")
        case Repeat(body):
            yield Part(body, Role.TURN, f"{path}[].")
        case Switch():
            yield from _cases(step.verb, path)
        case Race(branches):
            for each in branches:
                yield Part(each.body, Role.BRANCH, f"{path}[{each.id}].", each.id)
        case _:
            pass
    if step.fallback is not None and step.fallback.body is not None:
        yield Part(step.fallback.body, Role.FALLBACK, f"{path}.fallback.")
    if step.compensation is not None:
        yield Part(step.compensation, Role.UNDO, f"{path}.compensate.")


def _cases(switch: Switch, path: str) -> Iterator[Part]:
    for number, case in enumerate(switch.cases, start=1):
        yield Part(case.body, Role.CASE, f"{path}[{number}].", source=case)
    if switch.otherwise is not None:
        yield Part(switch.otherwise, Role.CASE, f"{path}[else].", "else")


def _of_scope(part: Part) -> Iterable[Part]:
    for number, handler in enumerate(part.scope.handlers, start=1):
        path = f"{part.path}on_failure[{number}]."
        yield Part(handler.body, Role.HANDLER, path, source=handler)
    if part.scope.finally_ is not None:
        yield Part(part.scope.finally_, Role.FINALLY, f"{part.path}finally.")
