"""What follows from a move, until nothing more follows: steps begin, scopes close."""

from uuid import UUID, uuid5

from engine.core import ids
from engine.core.binding import (
    BoundApprove,
    BoundAwait,
    BoundBlock,
    BoundCall,
    BoundEmit,
    BoundFail,
    BoundForEach,
    BoundRace,
    BoundRepeat,
    BoundSet,
    BoundStart,
    BoundSwitch,
    BoundWait,
    evaluate,
)
from engine.core.expression import EvaluationError, holds
from engine.core.machine import body, closing, loop, undoing, waiting
from engine.core.machine.decision import Decision, Emission, Starting
from engine.core.machine.readiness import follows_failure, unmet
from engine.core.machine.turn import Turn, problem
from engine.core.plan import Rollback
from engine.core.run import Role, ScopeRun, StepRun, Undoing
from engine.core.spilled import parted
from engine.core.state import TERMINAL, Move, StepState

# The name space of ids that follow from a run and a path in it.
IDS = UUID("6f6a1a0e-9d4c-5b7e-8f8e-7361726b0001")


def settle(turn: Turn) -> Decision:
    """Follow every consequence and return what is owed; of a paused run nothing follows."""
    while (turn.ready or turn.closing) and turn.run.paused is None:
        if turn.ready:
            _resolve(turn, turn.ready.popleft())
        else:
            _close(turn, turn.closing.popleft())
    return turn.decision


def _resolve(turn: Turn, step: StepRun) -> None:
    """Decide on a step whose predecessors have ended: begin it or skip it."""
    if step.state is not StepState.PENDING:
        return None
    if step.scope.failure is not None and not follows_failure(step):
        step.reason = "failure"
        return turn.end(step, Move.CANCEL)
    step.reason = unmet(step)
    if step.reason:
        return turn.end(step, Move.SKIP)
    try:
        if not _is_wanted(step):
            step.reason = "condition"
            return turn.end(step, Move.SKIP)
        return _begin(turn, step)
    except (EvaluationError, ValueError) as fault:
        return turn.fail(step, problem("sark.expression", str(fault)))


def _is_wanted(step: StepRun) -> bool:
    condition = step.step.condition
    if condition is None:
        return True
    return holds(condition, step.scope.readable(), "`if`")


def _begin(turn: Turn, step: StepRun) -> None:
    """Begin a step by its verb; raise EvaluationError or ValueError where its values are none."""
    if step.step.uses is not None:
        return turn.launch(step)
    match step.step.verb:
        case BoundSet() as verb:
            turn.succeed(step, evaluate(verb.values, step.scope.readable()))
        case BoundBlock() as verb:
            body.block(turn, step, verb)
        case BoundCall() as verb:
            body.call(turn, step, verb)
        case BoundSwitch() as verb:
            body.switch(turn, step, verb)
        case BoundRace() as verb:
            body.race(turn, step, verb)
        case BoundForEach() as verb:
            loop.for_each(turn, step, verb)
        case BoundRepeat() as verb:
            loop.repeat(turn, step, verb)
        case BoundWait() as verb:
            waiting.wait(turn, step, verb)
        case BoundAwait() as verb:
            waiting.await_(turn, step, verb)
        case BoundApprove() as verb:
            waiting.approve(turn, step, verb)
        case verb:
            _act(turn, step, verb)
    return None


def _act(turn: Turn, step: StepRun, verb: object) -> None:
    """Begin a verb that is done in this turn, or only undoes."""
    names = step.scope.readable()
    match verb:
        case BoundEmit():
            subject = None if verb.subject is None else str(verb.subject.evaluate(names))
            told = Emission(step.path, verb.type, subject, verb.data.evaluate(names))
            turn.decision.emissions.append(told)
            turn.succeed(step, {})
        case BoundStart():
            inputs = verb.arguments.evaluate(names)
            run = str(ids.timed(turn.now, uuid5(IDS, f"{turn.run.header.id}:{step.path}")))
            turn.decision.starts.append(Starting(step.path, run, verb.workflow, inputs))
            turn.succeed(step, {"run": run})
        case BoundFail():
            kind, detail = str(verb.type.evaluate(names)), str(verb.message.evaluate(names))
            turn.fail(step, problem(kind, detail))
        case Rollback():
            turn.enter(step, Move.LAUNCH)
            step.progress = undoing.undo(turn, _named(step, verb.steps), step)
            _end_rollback(turn, step, step.progress)
        case _:  # pragma: no cover - `_begin` has taken every other verb
            raise AssertionError(verb)


def _named(step: StepRun, names: tuple[str, ...]) -> list[StepRun]:
    """Return what can be undone of the steps of these names, in the scope of a step or around it.

    Of a step that opened scopes that is what ran in them; one that has not ended is left alone.
    """
    found: list[StepRun] = []
    scope: ScopeRun | None = step.scope
    while scope is not None:
        paths = tuple(f"{scope.path}{name}" for name in names)
        below = tuple(f"{path}{mark}" for path in paths for mark in ".[")
        found += [
            each
            for each in scope.undoable
            if each.state in TERMINAL and (each.path in paths or each.path.startswith(below))
        ]
        scope = scope.parent
    return found


def _close(turn: Turn, scope: ScopeRun) -> None:
    """Bring a scope that waits for nothing further, and tell whoever opened it of its end."""
    if not closing.advance(turn, scope):
        return None
    match scope.role:
        case Role.ROOT:
            return _end_run(turn, scope)
        case Role.HANDLER | Role.FINALLY:
            turn.closing.append(closing.told(turn, scope))
        case Role.UNDO | Role.ALERT:
            for told in undoing.close(turn, scope):
                _go_on_undoing(turn, told)
        case _:
            assert scope.owner is not None
            _tell(turn, scope.owner, scope)
    return None


def _tell(turn: Turn, step: StepRun, scope: ScopeRun) -> None:
    """Tell a step how a scope below it has ended."""
    del step.scopes[scope.path]
    step.undoable += scope.undoable
    if step.ending:
        if not step.scopes:
            turn.stop_step(step, step.ending)
        return None
    match scope.role:
        case Role.ITEM:
            return loop.close_item(turn, step, scope)
        case Role.TURN:
            return loop.close_turn(turn, step, scope)
        case Role.BRANCH:
            return body.close_branch(turn, step, scope)
        case _:
            return body.close(turn, step, scope)


def _go_on_undoing(turn: Turn, told: Undoing) -> None:
    if told.under_way:
        return None
    if isinstance(told.holder, ScopeRun):
        turn.closing.append(told.holder)
        return None
    return _end_rollback(turn, told.holder, told)


def _end_rollback(turn: Turn, step: StepRun, told: Undoing) -> None:
    if told.under_way:
        return None
    if step.ending:
        return turn.stop_step(step, step.ending)
    if told.failure is not None:
        return turn.fail(step, undoing.failure_of(told))
    return turn.succeed(step, {})


def _end_run(turn: Turn, root: ScopeRun) -> None:
    run = turn.run
    run.outcome = closing.status_after(turn, root)
    run.error, run.outputs = root.failure, root.outputs
    if run.spills and run.outputs is not None:
        values, references = parted(run.outputs)
        run.outputs = {**values, **references}
    run.ended_at = turn.now
    turn.decision.ended = True
