"""One turn of the machine: the moves of scopes and steps that every verb is made of.

A move leaves its consequences in two queues of the run: steps that may now be `ready`, and scopes
that are `closing`. `engine.core.machine.settling` follows them until nothing more follows, or
leaves them as they are while the run is paused.
"""

from collections import ChainMap
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.core.binding import BoundScope, evaluate
from engine.core.expression import EvaluationError
from engine.core.machine.decision import AlarmSet, Decision, Launch
from engine.core.machine.readiness import has_joined, read, view
from engine.core.plan import Approve, Await
from engine.core.run import Role, Run, ScopeRun, Stage, StepRun, Undoing
from engine.core.state import TERMINAL, Move, StepState, move
from engine.core.values import Json

# Time was over, of whatever kind.
TIMEOUTS = frozenset({"sark.timeout", "sark.heartbeat_timeout"})
# The attempt was ended from outside: nobody knows what it had done by then.
CUT_OFF = TIMEOUTS | {"sark.superseded"}
# What the end of the scope around it stops.
_BOUNDED = frozenset({Role.BODY, Role.ITEM, Role.TURN, Role.CASE, Role.BRANCH, Role.FALLBACK})


class Turn:
    """The moves of one event; each leaves the run lawful."""

    __slots__ = ("closing", "decision", "now", "ready", "run")

    def __init__(self, run: Run, now: datetime) -> None:
        self.run = run
        self.now = now
        self.decision = Decision()
        self.ready = run.ready
        self.closing = run.closing

    def open(
        self, bound: BoundScope, role: Role, path: str, parent: ScopeRun | None,
        names: Mapping[str, Json], owner: StepRun | None = None, label: str = "",
        is_alone: bool = False,
    ) -> ScopeRun:  # fmt: skip
        """Open a scope: lay out its steps and let the first ones start.

        Its expressions read `names`, and those of the scope around it unless it `is_alone`.
        """
        seen = parent.names if parent is not None and not is_alone else {}
        scope = ScopeRun(
            bound, role, path, self.now + bound.plan.held + bound.plan.timeout, parent, owner,
            label, {**seen, **names}, self._key(path), open=len(bound.steps),
        )  # fmt: skip
        scope.chain = scope.view if parent is None or is_alone else _chained(scope, parent)
        for step in bound.steps:
            one = StepRun(
                step, scope, path + step.id if step.id else path[:-1], len(step.plan.after)
            )
            scope.steps.append(one)
            self.run.steps[one.path] = one
        self.run.scopes[scope.key] = scope
        self._let_out(scope, parent, owner)
        self.ready.extend(scope.steps[position] for position in bound.first)
        if not scope.steps:
            self.closing.append(scope)
        return scope

    def enter(self, step: StepRun, how: Move) -> None:
        """Let a step be under way, and remember that it could have to be undone."""
        if step.state is StepState.PENDING:
            self._begin(step)
        elif step.state is StepState.WAITING:
            self._leave(step)
        step.state = move(step.state, how)
        self.run.active[step.path] = step

    def _key(self, path: str) -> str:
        """Return what names a scope: its path, with a dot more in a body that is one verb.

        The only verb of a body has the body's path, and so has what that verb opens.
        """
        return f"{path}." if path in self.run.scopes else path

    def _begin(self, step: StepRun) -> None:
        self.run.tick += 1
        step.began, step.started_at = self.run.tick, self.now
        if step.step.plan.compensation is not None and not step.scope.pivoted:
            step.scope.undoable.append(step)
        if step.step.plan.timeout.total is not None:
            step.deadline = self.now + step.step.plan.timeout.total
            self.alarm(step.path, step.deadline)

    def launch(self, step: StepRun, how: Move = Move.LAUNCH) -> None:
        """Begin the next attempt of a step."""
        self.enter(step, how)
        if not step.under_way:
            self.run.running += 1
            self.run.handed_out += step.step.is_handed_out
        step.under_way, step.marked = True, False
        step.attempt += 1
        self.owe(step)

    def owe(self, step: StepRun) -> None:
        """Say that the attempt of a running step must be under way."""
        uses = step.step.uses
        unsafe = uses is not None and not uses.repeatable
        self.decision.launches.append(Launch(step.path, step.attempt, step.step, unsafe))

    def wait(self, step: StepRun, until: datetime) -> None:
        """Let a step wait for an instant: before its next attempt or turn, or for what may come."""
        self.rest(step)
        self.enter(step, Move.WAIT)
        step.due = until
        self.alarm(step.path, until)

    def rest(self, step: StepRun) -> None:
        """No attempt of the step is under way any more."""
        if step.under_way:
            step.under_way = False
            self.run.running -= 1
            self.run.handed_out -= step.step.is_handed_out

    def alarm(self, path: str, at: datetime) -> None:
        self.decision.alarms.append(AlarmSet(path, at))

    def succeed(self, step: StepRun, outputs: Mapping[str, Json]) -> None:
        if step.state is StepState.PENDING and step.step.plan.compensation is not None:
            self._begin(step)
        step.outputs = outputs
        step.took_effect = True
        self.end(step, Move.SUCCEED)

    def fail(self, step: StepRun, error: Mapping[str, Json]) -> None:
        """Let what stands in for a step do so, or end it in failure.

        Unless the step is optional, its scope then launches nothing new.
        """
        step.error = {"step": step.path, "attempt": step.attempt, **error}
        step.timed_out = step.timed_out or error["type"] in TIMEOUTS
        if step.step.plan.fallback is not None and not step.fell_back:
            return self._fall_back(step)
        self.end(step, Move.FAIL)
        scope = step.scope
        if step.step.plan.optional:
            self.run.degraded = True
        elif scope.failure is None:
            scope.failure = step.error
            if scope.bound.plan.cancel_on_failure:
                self._stop_siblings(scope)

    def stop(self, scope: ScopeRun, reason: str) -> None:
        """End a scope from outside: its steps now, and it is undone; its own end still runs."""
        if not scope.stop_reason:
            scope.stop_reason, scope.has_alarm = reason, False
            self.end_steps(scope, reason)

    def end_steps(self, scope: ScopeRun, reason: str) -> None:
        """End every step of a scope that has not ended."""
        for step in scope.steps:
            if step.state not in TERMINAL:
                self.stop_step(step, reason)

    def _stop_siblings(self, scope: ScopeRun) -> None:
        """End what is under way in a scope that has failed; its own end goes on as ever."""
        for step in scope.steps:
            if step.state in (StepState.RUNNING, StepState.WAITING):
                self.stop_step(step, "failure")

    def stop_step(self, step: StepRun, reason: str | Mapping[str, Json]) -> None:
        """End a step for a reason, or for an error; first the scopes below it, if any are open."""
        word = reason if isinstance(reason, str) else "timeout"
        if step.scopes or (isinstance(step.progress, Undoing) and step.progress.under_way):
            if not isinstance(step.ending, str) or not step.ending:
                step.ending = reason
            for scope in list(step.scopes.values()):
                self.stop(scope, word)
            return None
        step.ending = ""
        if step.under_way:
            step.doubt = True
            self.decision.revoked.append(step.path)
        if not isinstance(reason, str):
            return self.fail(step, reason)
        step.reason = reason
        self.end(step, Move.CANCEL)

    def end(self, step: StepRun, how: Move) -> None:
        """Move a step to its end, show it to expressions, and let its followers know."""
        self.rest(step)
        if step.state is StepState.WAITING:
            self._leave(step)
        step.state = move(step.state, how)
        self.run.tick += 1
        step.ended, step.ended_at = self.run.tick, self.now
        self.run.active.pop(step.path, None)
        scope = step.scope
        scope.open -= 1
        scope.view[step.step.id] = view(step)
        if step.undoable:
            self._hand_up(step)
        if how is Move.SUCCEED and step.step.plan.pivot:
            self._pivot(scope)
        if scope.bound.plan.held and step.step.position == 0 and scope.is_let_in:
            scope.deadline = self.now + scope.bound.plan.timeout
            self.alarm(scope.key, scope.deadline)
        for position in step.step.plan.before:
            follower = scope.steps[position]
            follower.remaining -= 1
            if follower.remaining == 0 or (follower.step.plan.join and has_joined(follower)):
                self.ready.append(follower)
        if scope.open == 0 and scope.stage is Stage.STEPS:
            self.closing.append(scope)

    def _leave(self, step: StepRun) -> None:
        """A step waits no more: neither for an instant, nor for an event or people."""
        step.due = None
        if isinstance(step.step.plan.verb, Await | Approve):
            self.decision.unwatched.append(step.path)

    def _let_out(self, scope: ScopeRun, parent: ScopeRun | None, owner: StepRun | None) -> None:
        """Hang a scope below what it belongs to.

        It has an alarm, unless the scope around it has an earlier one and stops it then.
        """
        if owner is not None:
            owner.scopes[scope.path] = scope
            owner.inner.append(scope)
        elif parent is not None:
            parent.inner.append(scope)
        if parent is None or scope.role not in _BOUNDED or scope.deadline < parent.deadline:
            scope.has_alarm = True
            self.alarm(scope.key, scope.deadline)

    def _fall_back(self, step: StepRun) -> None:
        fallback = step.step.fallback
        assert fallback is not None
        step.fell_back = step.degraded = self.run.degraded = True
        self.rest(step)
        if step.undoable:
            self._hand_up(step)
        names = {"error": read(step.error)}
        if fallback.body is not None:
            if step.state is not StepState.RUNNING:
                self.enter(step, Move.LAUNCH)
            path = f"{step.path}.fallback."
            self.open(fallback.body, Role.FALLBACK, path, step.scope, names, step)
            return None
        try:
            step.outputs = evaluate(fallback.outputs, {**step.scope.readable(), **names})
        except (EvaluationError, ValueError) as fault:
            return self.fail(step, problem("sark.expression", f"fallback: {fault}"))
        self.end(step, Move.SUCCEED)

    def _hand_up(self, step: StepRun) -> None:
        """Leave to the scope what closed scopes below a step could undo.

        A step that undoes itself as a whole needs none of that once it has succeeded.
        """
        told, step.undoable = step.undoable, []
        is_whole = step.step.plan.compensation is not None and step.state is StepState.SUCCEEDED
        if not is_whole and not step.scope.pivoted:
            step.scope.undoable += told

    def _pivot(self, scope: ScopeRun | None) -> None:
        """From here on nothing in this scope and those around it is undone."""
        while scope is not None:
            scope.pivoted = True
            scope.undoable.clear()
            if scope.owner is not None:
                scope.owner.undoable.clear()
            scope = scope.parent


def problem(kind: str, detail: str, error_class: str = "permanent") -> dict[str, Json]:
    """Return an error of the engine's own, as RFC 9457 words it, with its class."""
    return {"type": kind, "detail": detail, "class": error_class}


def _chained(scope: ScopeRun, parent: ScopeRun) -> Mapping[str, Json]:
    """Return the views of a scope and of all around it, the nearest first."""
    seen: Any = parent.chain
    maps = seen.maps if isinstance(seen, ChainMap) else [seen]
    return ChainMap(scope.view, *maps)
