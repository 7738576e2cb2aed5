"""`for_each`, a scope for each item, and `repeat`, a scope turn after turn."""

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from engine.core.binding import BoundForEach, BoundRepeat, evaluate, handed_on, project
from engine.core.expression import EvaluationError, holds
from engine.core.machine.readiness import read
from engine.core.machine.turn import Turn, problem
from engine.core.plan import Otherwise
from engine.core.run import Items, Role, ScopeRun, StepRun, Turns
from engine.core.spilled import Spilled
from engine.core.state import Move
from engine.core.values import Json

LONGEST_KEY = 200


def for_each(turn: Turn, step: StepRun, verb: BoundForEach) -> None:
    """Begin with the first items; raise ValueError if there are too many, or keys that clash."""
    told: Any = handed_on(verb.over, step.scope.readable())
    values = told.listed() if type(told) is Spilled else told
    if not isinstance(values, Sequence) or isinstance(values, str):
        raise ValueError(f"`over` must give a list; it gave {type(values).__name__}")
    if len(values) > verb.plan.max_items:
        detail = f"`over` gave {len(values)} items; `max_items` is {verb.plan.max_items}"
        return turn.fail(step, problem("sark.too_many_items", detail))
    keys = _keys(step, verb, values)
    percent = verb.plan.tolerate_percent
    tolerated = verb.plan.tolerate if percent is None else floor(len(values) * percent / 100)
    turn.enter(step, Move.LAUNCH)
    step.progress = Items(list(values), keys, tolerated)
    return _go_on(turn, step, step.progress, verb)


def close_item(turn: Turn, step: StepRun, scope: ScopeRun) -> None:
    """Note what an item came to, then open the next, or end."""
    items, verb = step.progress, step.step.verb
    assert isinstance(items, Items)
    assert isinstance(verb, BoundForEach)
    if scope.failure is not None:
        items.failures[scope.label] = scope.failure
    elif not scope.stop_reason:
        items.results[scope.label] = _result(scope)
    if verb.plan.fail_fast and len(items.failures) > items.tolerated and not items.stopped:
        items.stopped = True
        for other in list(step.scopes.values()):
            turn.stop(other, "failure")
    _go_on(turn, step, items, verb)


def repeat(turn: Turn, step: StepRun, verb: BoundRepeat) -> None:
    """Begin the first turn, or the next one after a pause."""
    turns = step.progress
    if not isinstance(turns, Turns):
        turns = step.progress = Turns()
    turn.enter(step, Move.LAUNCH)
    turns.number += 1
    names: dict[str, Json] = {"last": turns.last, "turn": turns.number}
    path = f"{step.path}[{turns.number}]."
    turn.open(verb.body, Role.TURN, path, step.scope, names, step, str(turns.number))


def close_turn(turn: Turn, step: StepRun, scope: ScopeRun) -> None:
    """End if it is `until`, or exhausted; else pause before the next turn."""
    turns, verb = step.progress, step.step.verb
    assert isinstance(turns, Turns)
    assert isinstance(verb, BoundRepeat)
    if scope.failure is not None:
        return turn.fail(step, scope.failure)
    turns.last = scope.outputs or {}
    about: dict[str, Json] = {"outputs": turns.last}
    try:
        done = holds(verb.until, {**step.scope.readable(), "self": about}, "it")
    except (EvaluationError, ValueError) as fault:
        return turn.fail(step, problem("sark.expression", f"until: {fault}"))
    if done or turns.number >= verb.plan.max_times:
        return _end_turns(turn, step, verb, turns.last, done=done)
    return turn.wait(step, turn.now + verb.plan.every)


def _end_turns(
    turn: Turn, step: StepRun, verb: BoundRepeat, last: Mapping[str, Json], *, done: bool
) -> None:
    if not done and verb.plan.on_exhausted is Otherwise.FAIL:
        detail = f"`until` was not true after {verb.plan.max_times} turns"
        return turn.fail(step, problem("sark.exhausted", detail))
    try:
        outputs = project(step.step.projections, {"last": last}) or dict(last)
    except (EvaluationError, ValueError) as fault:
        return turn.fail(step, problem("sark.output", str(fault)))
    return turn.succeed(step, outputs)


def _go_on(turn: Turn, step: StepRun, items: Items, verb: BoundForEach) -> None:
    """Open further items as far as they may run at once; end the step after the last."""
    while (
        items.next < len(items.keys)
        and len(step.scopes) < verb.plan.max_parallel
        and not items.stopped
    ):
        key, value = items.keys[items.next], items.values[items.next]
        items.next += 1
        names: dict[str, Json] = {verb.plan.name: value, "key": key}
        path = f"{step.path}[{_quoted(key)}]."
        turn.open(verb.body, Role.ITEM, path, step.scope, names, step, key)
    if not step.scopes:
        _end_items(turn, step, items, verb)


def _end_items(turn: Turn, step: StepRun, items: Items, verb: BoundForEach) -> None:
    if len(items.failures) > items.tolerated:
        return turn.fail(step, _too_many(items))
    told: list[Json] = [items.results[key] for key in items.keys if key in items.results]
    failures = {key: read(error) for key, error in items.failures.items()}
    names = {**step.scope.readable(), "items": told, "failures": failures}
    try:
        outputs = evaluate(verb.collect, names)
    except (EvaluationError, ValueError) as fault:
        return turn.fail(step, problem("sark.output", f"collect: {fault}"))
    if items.failures:
        step.degraded = turn.run.degraded = True
    return turn.succeed(step, outputs)


def _too_many(items: Items) -> Mapping[str, Json]:
    """Return the error of a `for_each`: that of the item where not one may fail."""
    first = next(iter(items.failures.values()))
    if not items.tolerated:
        return first
    count = f"{len(items.failures)} of {len(items.keys)} items failed"
    told = problem("sark.items", f"{count}; {items.tolerated} may")
    return {**told, "cause": first}


def _keys(step: StepRun, verb: BoundForEach, values: Sequence[Json]) -> list[str]:
    """Return the key of each item: by `key`, else its position."""
    if verb.key is None:
        return [str(position) for position in range(len(values))]
    names = step.scope.readable()
    keys: dict[str, None] = {}
    for value in values:
        told = verb.key.evaluate({**names, verb.plan.name: value})
        if isinstance(told, bool) or not isinstance(told, str | int):
            raise ValueError(f"`key` must give a string or an integer, not {type(told).__name__}")
        key = str(told)
        if not 0 < len(key) <= LONGEST_KEY:
            raise ValueError(f"`key` gave {len(key)} characters; it may have 1 to {LONGEST_KEY}")
        if key in keys:
            raise ValueError(f"`key` gave {key!r} for two items")
        keys[key] = None
    return list(keys)


def _quoted(key: str) -> str:
    """Return a key as it stands in a path: no two lists of keys may give one path."""
    return key.replace("]", "]]")


def _result(scope: ScopeRun) -> Json:
    """Return what `items` holds of an item: its outputs, or those of its steps by their ids."""
    if scope.bound.is_one_verb or scope.bound.plan.outputs:
        return scope.outputs or {}
    return {each.step.id: each.outputs or {} for each in scope.steps}
