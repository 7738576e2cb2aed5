"""What a scope of a plan costs at worst, folded from the inside outwards.

Counts stop at `MOST` and spans at `LONGEST`, in milliseconds here: sums and products are cut
there, so that loops in loops stay numbers that mean something.
"""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import timedelta
from typing import Final

from engine.core.anatomy import Part, below, ordered
from engine.core.bounds.width import widest
from engine.core.frozen import frozen
from engine.core.machine.retrying import backoff
from engine.core.plan import (
    Approve,
    Await,
    Emit,
    ForEach,
    Race,
    Repeat,
    Retry,
    Rollback,
    Scope,
    Start,
    Step,
    Uses,
    Wait,
)
from engine.core.run import Role
from engine.core.values import parse_duration

MOST: Final = 1_000_000_000
LONGEST: Final = timedelta(days=3_650)
_MILLISECOND: Final = timedelta(milliseconds=1)
_EVER: Final = LONGEST // _MILLISECOND
# Pauses no longer grow after so many attempts.
_STEADY: Final = 66


@frozen
class Worst:
    """The worst of a step or scope that runs once.

    What is counted: attempts (`calls`), `events`, detached `runs`, and `undos`, compensations
    that may be asked for. `width` is how many attempts may be under way at once, `returning` how
    many compensations of what was under way at once may be, `alarmed` how many of all may be where
    each may raise an alert. `time` runs to the end, `closing` from a stop to the end, both with
    no time to undo; that is `undoing`.
    """

    calls: int = 0
    events: int = 0
    runs: int = 0
    undos: int = 0
    alarmed: int = 0
    undoing: int = 0
    width: int = 0
    returning: int = 0
    time: int = 0
    closing: int = 0


_ADDED: Final = ("calls", "events", "runs", "undos", "alarmed", "undoing")
_SHARED: Final = ("width", "returning")
_LASTING: Final = ("time", "closing")
_SPANS: Final = frozenset({"undoing", "time", "closing"})


class Fold:
    """The worst of every part of a plan, and of every step of each.

    `alert` is what one failed compensation costs. `rollbacks` are the worsts that a fold before
    this one gave, where `rollback` finds what it undoes; without, it may undo anything.
    """

    def __init__(
        self, every: Sequence[Part], alert: Worst | None = None,
        before: "Fold | None" = None,
    ) -> None:  # fmt: skip
        self._every = every
        self._alert = alert
        self._before = before
        self.scopes: list[Worst] = [Worst()] * len(every)
        self.steps: list[list[Worst]] = [[] for _ in every]
        inside = below(list(every))
        for position in reversed(range(len(every))):
            self._fold(position, inside[position])

    def _fold(self, position: int, inside: list[int]) -> None:
        part = self._every[position]
        hung: dict[int, list[int]] = {}
        for each in inside:
            hung.setdefault(self._every[each].owner, []).append(each)
        self.steps[position] = [
            self._step(position, step, hung.get(owner, ()))
            for owner, step in enumerate(part.scope.steps)
        ]
        self.scopes[position] = self._scope(part.scope, self.steps[position], hung.get(-1, ()))

    def _scope(self, scope: Scope, steps: list[Worst], beside: Iterable[int]) -> Worst:
        """Return the worst of a scope: its steps, the undoing, one handler, `finally`."""
        handler = _worst([self.scopes[p] for p in beside if self._is(p, Role.HANDLER)])
        last = _worst([self.scopes[p] for p in beside if self._is(p, Role.FINALLY)])
        added = _sum([*steps, handler, last], _ADDED)
        ends = max(handler.returning, last.returning)
        returning = max(widest(scope, [each.returning for each in steps]), ends)
        closing = max((each.closing for each in steps), default=0)
        after = handler.time + last.time
        longest = min(_path(scope, steps), (scope.held + scope.timeout) // _MILLISECOND + closing)
        width = widest(scope, [each.width for each in steps])
        undone = returning if self._alert is None else added.alarmed
        return _cut(replace(
            added,
            width=max(width, undone, handler.width, last.width), returning=returning,
            time=longest + after, closing=closing + after,
        ))  # fmt: skip

    def _step(self, position: int, step: Step, hung: Sequence[int]) -> Worst:
        """Return the worst of a step: its verb, then what stands in for it, then its undoing."""
        bodies = [self.scopes[p] for p in hung if not self._is(p, Role.FALLBACK, Role.UNDO)]
        done = self._verb(position, step, bodies)
        if step.timeout.total is not None:
            most = step.timeout.total // _MILLISECOND + done.closing
            done = replace(done, time=min(done.time, most))
        for each in hung:
            if self._is(each, Role.FALLBACK):
                done = _one_after_another(done, self.scopes[each])
        for each in hung:
            if self._is(each, Role.UNDO):
                done = self._undone(done, self.scopes[each])
        return done

    def _verb(self, position: int, step: Step, bodies: list[Worst]) -> Worst:
        match step.verb:
            case Uses():
                return Worst(calls=_attempts(step.retry), width=1, time=_trying(step))
            case Emit():
                return Worst(events=1)
            case Start():
                return Worst(runs=1)
            case ForEach() as verb:
                return _items(bodies[0], verb)
            case Repeat() as verb:
                return _turns(bodies[0], verb)
            case Race():
                told = _sum(bodies, (*_ADDED, *_SHARED))
                return replace(told, time=_worst(bodies).time, closing=_worst(bodies).closing)
            case Rollback(steps):
                return Worst(width=self._rolled_back(position, steps))
            case Wait() | Await() | Approve() as verb:
                return Worst(time=_waiting(verb))
            case _:
                return _worst(bodies)

    def _undone(self, done: Worst, undo: Worst) -> Worst:
        alert = self._alert or Worst()
        told = _sum([done, undo], _ADDED)
        return _cut(replace(
            done,
            calls=told.calls, events=told.events, runs=told.runs, undos=told.undos + 1,
            alarmed=told.alarmed + max(undo.width, alert.width),
            undoing=told.undoing + undo.time + alert.time,
            returning=done.returning + undo.width,
        ))  # fmt: skip

    def _rolled_back(self, position: int, names: tuple[str, ...]) -> int:
        """Return how many compensations a `rollback` may have under way at once."""
        if self._before is None:
            return MOST
        total = 0
        while position >= 0:
            part = self._every[position]
            told = zip(part.scope.steps, self._before.steps[position], strict=True)
            found = [worst for step, worst in told if step.id in names]
            total += sum(w.returning if self._alert is None else w.alarmed for w in found)
            position = part.around
        return min(total, MOST)

    def _is(self, position: int, *roles: Role) -> bool:
        return self._every[position].role in roles


def times(worst: Worst, count: int) -> Worst:
    """Return the worst of what runs so often, one after the other."""
    told = {name: getattr(worst, name) * count for name in (*_ADDED, "time")}
    return _cut(replace(worst, **told))


def _items(body: Worst, verb: ForEach) -> Worst:
    """Return the worst of a `for_each`: a full turn of items at once, again and again."""
    at_once = min(verb.max_items, verb.max_parallel)
    turns = -(-verb.max_items // verb.max_parallel)
    told = replace(times(body, verb.max_items), time=body.time * turns)
    return _cut(replace(told, width=body.width * at_once, returning=body.returning * at_once))


def _turns(body: Worst, verb: Repeat) -> Worst:
    told = times(body, verb.max_times)
    pauses = (verb.max_times - 1) * (verb.every // _MILLISECOND)
    return _cut(replace(told, time=told.time + pauses))


def _attempts(retry: Retry) -> int:
    return min(max(retry.max_attempts, 1), MOST)


def _trying(step: Step) -> int:
    """Return how long all attempts and the pauses between them may take."""
    retry, attempts = replace(step.retry, jitter=False), _attempts(step.retry)
    grown = range(2, min(attempts, _STEADY) + 1)
    pauses = sum((backoff(retry, each, "") for each in grown), timedelta())
    steady = max(attempts - _STEADY, 0) * (backoff(retry, _STEADY, "") // _MILLISECOND)
    attempt = step.timeout.attempt // _MILLISECOND
    told = attempts * attempt + pauses // _MILLISECOND + steady
    if retry.max_elapsed is not None:
        told = min(told, retry.max_elapsed // _MILLISECOND + attempt)
    return min(told, _EVER)


def _waiting(verb: Wait | Await | Approve) -> int:
    """Return how long a verb waits; what an expression decides may be as long as anything."""
    match verb:
        case Await(within=span) | Approve(expires=span):
            return span // _MILLISECOND
        case Wait(duration=str() as text):
            try:
                return parse_duration(text) // _MILLISECOND
            except (ValueError, OverflowError):
                return _EVER
        case _:
            return _EVER


def _path(scope: Scope, steps: Sequence[Worst]) -> int:
    """Return how long the slowest way through a scope's steps takes."""
    ends: dict[int, int] = {}
    for position in ordered(scope):
        before = (ends[edge.step] for edge in scope.steps[position].after)
        ends[position] = max(before, default=0) + steps[position].time
    return max(ends.values(), default=0)


def _one_after_another(first: Worst, then: Worst) -> Worst:
    told = _worst([first, then])
    added = _sum([first, then], (*_ADDED, "time"))
    return replace(added, width=told.width, returning=told.returning, closing=told.closing)


def _worst(those: Sequence[Worst]) -> Worst:
    """Return the worst in every respect of some of which one runs."""
    names = (*_ADDED, *_SHARED, *_LASTING)
    return Worst(**{name: max((getattr(w, name) for w in those), default=0) for name in names})


def _sum(those: Sequence[Worst], names: Sequence[str]) -> Worst:
    """Return the sums of these respects, and nothing else."""
    return _cut(Worst(**{name: sum(getattr(w, name) for w in those) for name in names}))


def _cut(worst: Worst) -> Worst:
    limits = ((each.name, _EVER if each.name in _SPANS else MOST) for each in fields(worst))
    return Worst(**{name: min(getattr(worst, name), limit) for name, limit in limits})
