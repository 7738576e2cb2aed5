"""What a recorded attempt gives to a step that asks for the same, perhaps in other words."""

from collections.abc import Mapping
from datetime import datetime

from engine.core.binding import BoundProjection, BoundStep
from engine.core.event import Event, Failed, Succeeded
from engine.core.expression import EvaluationError
from engine.core.frozen import frozen
from engine.core.machine.turn import TIMEOUTS, problem
from engine.core.values import Json, format_duration
from engine.core.whatif.difference import Difference, differences
from engine.core.whatif.recording import Call


@frozen
class Missing:
    """The recording does not say what a step gets: of what kind that is, and why."""

    path: str
    what: str
    why: str
    differences: tuple[Difference, ...] = ()


@frozen
class Answer:
    """How an attempt ends, and when; `event` is None where the recording cut it off."""

    event: Event | None
    at: datetime


def answer(call: Call, recorded: Call | None, is_known: bool) -> Answer | Missing:
    """Return how the recording lets an attempt end; `is_known` if the step was ever called."""
    if recorded is None:
        told = f"attempt {call.attempt} was never made" if is_known else "it was never called"
        return _missing(call, told)
    asked = differences(recorded.asked, call.asked)
    if not asked and call.fault == recorded.fault:
        return _ending(call, recorded)
    if call.fault:
        fault = problem("sark.argument", call.fault)
        return Answer(Failed(call.path, call.attempt, fault), call.at)
    if recorded.fault:
        return _missing(call, "its arguments had no value, so it was never made")
    what = sorted({_WORDS.get(each.place.split("/")[1], "") for each in asked})
    return _missing(call, f"{' and '.join(what)} differ", tuple(map(_short, asked)))


def _ending(call: Call, recorded: Call) -> Answer | Missing:
    """Return the end of an attempt that was made with the same arguments."""
    if recorded.ended_at is None or recorded.outcome is None:
        return Answer(None, call.at)
    took = recorded.ended_at - recorded.at
    limit, was = (each.step.plan.timeout.attempt for each in (call, recorded))
    event = recorded.outcome
    if limit < was and took > limit:
        repeats = call.step.uses is not None and call.step.uses.repeatable
        detail = (
            f"the attempt took {took.total_seconds():g} s, longer than {format_duration(limit)}"
        )
        error = problem("sark.timeout", detail, "transient" if repeats else "unknown")
        return Answer(Failed(call.path, call.attempt, error), call.at + limit)
    if limit > was and isinstance(event, Failed) and event.error.get("type") in TIMEOUTS:
        return _missing(call, f"it was cut off after {format_duration(was)}, and may take longer")
    told = _told(call, recorded, event)
    return told if isinstance(told, Missing) else Answer(told, call.at + took)


def _told(call: Call, recorded: Call, event: Event) -> Event | Missing:
    """Return the outcome with the outputs and artifacts that the step declares now."""
    same = call.step.plan.outputs == recorded.step.plan.outputs
    if not isinstance(event, Succeeded):
        return event
    lost = [each.name for each in call.step.plan.artifacts if each.name not in event.artifacts]
    if lost:
        return _missing(call, f"artifact {lost[0]!r} was not kept")
    if same:
        return event
    if event.spilled:
        return _missing(call, "what it returned is passed by reference, and is not at hand")
    try:
        outputs = _outputs(call.step, recorded.step, event.outputs)
    except (EvaluationError, ValueError) as fault:
        return Failed(call.path, call.attempt, problem("sark.output", str(fault)))
    if isinstance(outputs, str):
        return _missing(call, outputs)
    return Succeeded(call.path, call.attempt, outputs, event.artifacts, event.cached)


def _outputs(
    step: BoundStep, recorded: BoundStep, given: Mapping[str, Json]
) -> dict[str, Json] | str:
    """Return what the projections of a step give, or why the recording does not tell.

    Raise EvaluationError or ValueError for a value that is not as the step declares it.
    """
    if not step.projections:
        return "all that the operation returned was not kept, only its declared outputs"
    names = {each.source.source: each.name for each in recorded.projections}
    told: dict[str, Json] = {}
    for each in step.projections:
        if recorded.projections and each.source.source not in names:
            return f"output {each.name!r} was not kept"
        kept = names.get(each.source.source)
        told[each.name] = _checked(each, each.read(given) if kept is None else given[kept])
    return told


def _checked(projection: BoundProjection, value: Json) -> Json:
    for pointer, message in projection.validator.problems(value)[:1]:
        raise ValueError(f"output {projection.name}{pointer}: {message}")
    return value


_WORDS = {
    "operation": "operations", "arguments": "arguments", "key": "idempotency keys"
}  # fmt: skip


def _short(told: Difference) -> Difference:
    """Return a difference of what is asked by its place in `with`."""
    return Difference(told.place.removeprefix("/arguments"), told.recorded, told.now)


def _missing(call: Call, why: str, told: tuple[Difference, ...] = ()) -> Missing:
    assert call.step.uses is not None
    return Missing(call.path, call.step.uses.operation, why, told)
