"""Attempts of `uses`: their outcomes, whether another is made, and those that were lost."""

from collections.abc import Mapping
from typing import Any, assert_never

from engine.core.event import Failed, Orphaned, Started, Succeeded
from engine.core.expression import EvaluationError, holds
from engine.core.machine.readiness import read
from engine.core.machine.retrying import MAX_LOSSES, MAX_SEVERED, apart, backoff, is_over, wished
from engine.core.machine.turn import CUT_OFF, Turn, problem
from engine.core.run import StepRun
from engine.core.state import Move
from engine.core.values import Json


def hear(turn: Turn, event: Succeeded | Failed | Started | Orphaned) -> bool:
    """Take in what became of an attempt; False if that attempt was over long ago."""
    step = turn.run.steps.get(event.path)
    if step is None or not step.under_way or step.attempt != event.attempt:
        return False
    match event:
        case Succeeded(_, _, outputs, artifacts, cached, spilled):
            step.artifacts, step.cached = artifacts, cached
            if spilled:
                held: dict[str, Any] = {**outputs, **spilled}
                turn.run.spills, outputs = True, held
            turn.succeed(step, outputs)
        case Failed(_, _, error):
            _fail(turn, step, error)
        case Started():
            step.marked = True
        case Orphaned(_, _, marked, blame):
            step.marked = step.marked or marked
            _lose(turn, step, blame)
        case _:
            assert_never(event)
    return True


def lose(turn: Turn, blame: bool) -> None:
    """Follow the retry-safety rule for every attempt that died with the owner.

    An attempt that must not repeat and was never marked as begun was never made. Losses are
    counted apart from the author's attempts, and bounded: a step may kill its workers. Those that
    nothing is to `blame` for are counted apart from these, and their bound is wider: a step may
    kill PostgreSQL. What was handed out is not the owner's to lose.
    """
    for step in list(turn.run.active.values()):
        if step.under_way and not step.step.is_handed_out:
            _lose(turn, step, blame)


def _fail(turn: Turn, step: StepRun, error: Mapping[str, Json]) -> None:
    """Make another attempt after a pause, or end the step."""
    if error.get("class") == "unknown" or error.get("type") in CUT_OFF:
        step.doubt = True
    retry = step.step.plan.retry
    tries = step.attempt - step.losses - step.severed
    again = turn.now + max(backoff(retry, tries + 1, _seed(turn, step)), wished(error))
    assert step.started_at is not None
    if is_over(retry, tries, step.started_at, again):
        return turn.fail(step, error)
    try:
        wanted = _may_retry(step, error)
    except (EvaluationError, ValueError) as fault:
        return turn.fail(step, {**problem("sark.expression", f"retry.if: {fault}"), "cause": error})
    return turn.wait(step, again) if wanted else turn.fail(step, error)


def _lose(turn: Turn, step: StepRun, blame: bool) -> None:
    uses = step.step.uses
    repeatable = uses is not None and uses.repeatable
    if step.marked or repeatable:
        step.doubt = True
    if not repeatable and step.marked:
        detail = "the worker died in this attempt, and nobody knows whether it took effect"
        turn.fail(step, problem("sark.lost", detail, "unknown"))
    elif blame and step.losses >= MAX_LOSSES:
        detail = f"the step's worker died {MAX_LOSSES + 1} times in it"
        turn.fail(step, problem("sark.poison", detail))
    elif not blame and step.severed >= MAX_SEVERED:
        detail = f"the step's worker was cut off {MAX_SEVERED + 1} times in it"
        turn.fail(step, problem("sark.poison", detail))
    else:
        step.losses += blame
        step.severed += not blame
        pause = apart(max(step.losses, min(step.severed, MAX_LOSSES)), _seed(turn, step))
        if pause or turn.run.paused is not None:
            turn.wait(step, turn.now + pause)
        else:
            turn.launch(step, Move.RELAUNCH)


def _seed(turn: Turn, step: StepRun) -> str:
    return f"{turn.run.header.id}:{step.path}:{step.attempt}"


def _may_retry(step: StepRun, error: Mapping[str, Json]) -> bool:
    """True if the step's own condition says so, or by default if trying again may help."""
    condition = step.step.retry_condition
    if condition is None:
        uses = step.step.uses
        safe = uses is not None and uses.repeatable
        return error.get("class") == "transient" or (safe and error.get("class") == "unknown")
    about = read({**error, "step": step.path, "attempt": step.attempt})
    return holds(condition, {**step.scope.readable(), "error": about}, "it")
