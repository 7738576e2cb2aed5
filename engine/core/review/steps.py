"""The calls of a plan, each with what a reviewer asks of it: may it destroy, is anybody asked."""

from collections.abc import Collection, Iterator

from engine.core.anatomy import Part, parts
from engine.core.frozen import frozen
from engine.core.plan import (
    Approve,
    Block,
    Call,
    Effect,
    Otherwise,
    Plan,
    Requirement,
    Scope,
    Step,
    Uses,
)  # fmt: skip
from engine.core.run import Role
from engine.core.values import Json

_HOLDS = (Requirement.OK, Requirement.SUCCEEDED)
_CHANGES = (Effect.WRITE, Effect.DESTRUCTIVE)


@frozen
class CallSite:
    """A step that calls an operation.

    `line` is 0 where the step is written in a workflow that this one calls. `is_asked` is true if
    no run comes to it without an approval; `is_undo` if it is there to undo something; `is_unsafe`
    if it writes, is tried again, and nothing keeps a second time from doing harm.
    """

    path: str
    operation: str
    line: int
    is_destructive: bool
    is_asked: bool
    is_undo: bool
    is_unsafe: bool
    attempts: int

    @property
    def key(self) -> tuple[str, str, bool, bool, bool]:
        """What makes it the same in another plan, wherever it is written."""
        return self.path, self.operation, self.is_destructive, self.is_asked, self.is_unsafe

    def told(self, had: Collection[object]) -> dict[str, Json]:
        """Return what policies are told of it; it is new unless a plan `had` its key."""
        return {
            "name": self.path,
            "operation": self.operation,
            "line": self.line,
            "is_new": self.key not in had,
        }


def calls(plan: Plan) -> list[CallSite]:
    """Return the calls of a plan, with those of the workflows that it calls."""
    return list(_calls(parts(plan)))


def _calls(every: list[Part]) -> Iterator[CallSite]:
    is_called: list[bool] = []
    is_undo: list[bool] = []
    is_asked: list[bool] = []
    within: list[list[bool]] = []
    for part in every:
        opener = _opener(part, every)
        called, asked, undo = False, False, part.role is Role.UNDO
        if part.around >= 0:
            called = is_called[part.around] or _is_call(opener, part)
            asked = is_asked[part.around] if opener is None else within[part.around][part.owner]
            undo |= is_undo[part.around]
        is_called.append(called)
        is_undo.append(undo)
        is_asked.append(asked)
        within.append([asked or each for each in _asked(part.scope)])
        for step, each in zip(part.scope.steps, within[-1], strict=True):
            if isinstance(step.verb, Uses):
                line = 0 if called else step.line
                yield _site(part.path_of(step), step, step.verb, line, (each, undo))


def _site(path: str, step: Step, verb: Uses, line: int, how: tuple[bool, bool]) -> CallSite:
    attempts = step.retry.max_attempts
    return CallSite(
        path, verb.operation, line,
        is_destructive=verb.effect is Effect.DESTRUCTIVE, is_asked=how[0], is_undo=how[1],
        is_unsafe=attempts > 1 and not verb.repeatable and verb.effect in _CHANGES,
        attempts=attempts,
    )  # fmt: skip


def _opener(part: Part, every: list[Part]) -> Step | None:
    """Return the step that opens a part, None if a scope does."""
    return None if part.owner < 0 else every[part.around].scope.steps[part.owner]


def _is_call(opener: Step | None, part: Part) -> bool:
    return opener is not None and isinstance(opener.verb, Call) and part.role is Role.BODY


def _asked(scope: Scope) -> list[bool]:
    """Return for each step of a scope whether a step before it always asks people."""
    asked: dict[int, bool] = {}
    waiting = list(range(len(scope.steps)))
    while waiting:
        position = waiting[-1]
        before = [edge.step for edge in scope.steps[position].after]
        missing = [each for each in before if each not in asked]
        if position not in asked and missing:
            waiting += missing
            continue
        waiting.pop()
        asked[position] = _is_asked(scope, position, asked)
    return [asked[position] for position in range(len(scope.steps))]


def _is_asked(scope: Scope, position: int, asked: dict[int, bool]) -> bool:
    """True if what a step waits for always asks; with `any` of several, one may not."""
    step = scope.steps[position]
    return not step.join and any(
        edge.requires in _HOLDS and (asked[edge.step] or _asks(scope.steps[edge.step]))
        for edge in step.after
    )


def _asks(step: Step) -> bool:
    """True if a step asks people whenever it succeeds, and a `no` ends it."""
    if step.condition is not None or step.optional or step.fallback is not None:
        return False
    match step.verb:
        case Approve() as verb:
            return verb.on_reject is Otherwise.FAIL
        case Block(body) | Call(body=body):
            return any(_asks(each) for each in body.steps)
        case _:
            return False
