"""Verbs that open one scope: `block`, `call`, `switch`; and `race`, that lets several compete."""

from engine.core.binding import BoundBlock, BoundCall, BoundCase, BoundRace, BoundSwitch
from engine.core.expression import holds
from engine.core.machine.turn import Turn, problem
from engine.core.run import Contest, Role, ScopeRun, StepRun
from engine.core.state import Move
from engine.core.values import Json, canonical


def block(turn: Turn, step: StepRun, verb: BoundBlock) -> None:
    turn.enter(step, Move.LAUNCH)
    turn.open(verb.body, Role.BODY, f"{step.path}.", step.scope, {}, step)


def call(turn: Turn, step: StepRun, verb: BoundCall) -> None:
    """Open another workflow: it reads its own inputs, and no step of the caller."""
    about: dict[str, Json] = {"id": step.step.id, "type": "call", "event": {}}
    given = verb.arguments.evaluate(step.scope.readable())
    inputs = verb.inputs.complete(given, about)
    names: dict[str, Json] = {"inputs": inputs, "trigger": about, "run": step.scope.names["run"]}
    turn.enter(step, Move.LAUNCH)
    path = f"{step.path}."
    turn.open(verb.body, Role.BODY, path, step.scope, names, step, is_alone=True)


def switch(turn: Turn, step: StepRun, verb: BoundSwitch) -> None:
    names = step.scope.readable()
    value = verb.value.evaluate(names) if verb.value is not None else None
    taken = next((each.body for each in verb.cases if _is_met(each, value, names)), verb.otherwise)
    if taken is None:
        detail = f"no case is met by {canonical(value).decode()}, and there is no `else`"
        return turn.fail(step, problem("sark.no_case", detail))
    turn.enter(step, Move.LAUNCH)
    # The only verb of a scope has the scope's path, which must not be that of the switch.
    path = f"{step.path}.case." if taken.is_one_verb else f"{step.path}."
    turn.open(taken, Role.CASE, path, step.scope, {}, step)


def race(turn: Turn, step: StepRun, verb: BoundRace) -> None:
    turn.enter(step, Move.LAUNCH)
    step.progress = Contest()
    for name, bound in verb.branches:
        path = f"{step.path}[{name}]."
        turn.open(bound, Role.BRANCH, path, step.scope, {}, step, name)


def close(turn: Turn, step: StepRun, scope: ScopeRun) -> None:
    """Give a step what its one scope came to."""
    if scope.failure is not None:
        return turn.fail(step, scope.failure)
    step.degraded = step.degraded or scope.recovered
    return turn.succeed(step, scope.outputs or {})


def close_branch(turn: Turn, step: StepRun, scope: ScopeRun) -> None:
    """The first branch that succeeds stops the others; the race ends when they have closed."""
    contest = step.progress
    assert isinstance(contest, Contest)
    if scope.failure is not None:
        contest.error = contest.error or scope.failure
    elif not scope.stop_reason and not contest.winner:
        contest.winner, contest.outputs = scope.label, scope.outputs or {}
        for other in list(step.scopes.values()):
            turn.stop(other, "race")
    if step.scopes:
        return None
    if contest.winner:
        return turn.succeed(step, {**contest.outputs, "winner": contest.winner})
    return turn.fail(step, contest.error or problem("sark.race", "no branch has succeeded"))


def _is_met(case: BoundCase, value: Json, names: dict[str, Json]) -> bool:
    if case.condition is None:
        return type(case.value) is type(value) and case.value == value
    return holds(case.condition, names, "a case's `if`")
