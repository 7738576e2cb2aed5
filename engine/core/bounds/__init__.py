"""The worst case of a plan: what it may call, how long it may take, how much at once.

`of(plan)` holds for every run of the plan, whatever its steps answer, with these left out:

- attempts that are lost with their worker: up to three more for each step, made anew;
- attempts that nobody waits for any more (their step was stopped), until they notice;
- time in queues, for workers or for a slot of `concurrency`, `rate` or `circuit`: it says how
  busy others are; only a run's wait for its place, which is before it begins, is told apart;
- pauses that the far side asks for (`Retry-After`, up to an hour each);
- runs that are started and not waited for (`detach`): they are counted, not added.

What an expression decides is taken at its worst: each condition is true, the dearest case is
met, `for_each` has `max_items`, `repeat` takes `max_times`, every attempt takes its whole time and
fails if that costs more, everything that can be undone is, and fails to be. A `wait` for what an
expression says takes as long as its scope may.
"""

from datetime import timedelta

from engine.core.anatomy import Part, parts
from engine.core.bounds.chance import Skip, cancels, skips
from engine.core.bounds.worst import LONGEST, MOST, Fold, Worst, times
from engine.core.frozen import frozen
from engine.core.plan import ForEach, Plan, Repeat, Rollback
from engine.core.run import Role
from engine.core.values import Json, format_duration

__all__ = ["LONGEST", "MOST", "Bounds", "Skip", "StepBounds", "as_json", "of"]


@frozen
class StepBounds:
    """The worst case of a step for each time that it runs, all that it opens included.

    `path` is the step's as in a run, with `[]` for any item or turn and `[1]` for the first case
    or handler. It runs `times` at most in a run. `skips` say when it can be skipped, `cancels`
    why it can be cancelled: `cancel`, `failure`, `race`, `timeout`.
    """

    path: str
    times: int
    adapter_calls: int
    duration: timedelta
    fan_out: int
    skips: tuple[Skip, ...]
    cancels: tuple[str, ...]


@frozen
class Bounds:
    """The worst case of a run.

    `adapter_calls` are attempts of `uses`; `duration` is from the start to the end, of which
    `undoing` is for compensation; `fan_out` is how many attempts may be under way at once;
    `events` are emitted and `runs` started on their own. Before its start a run may wait for
    `queue` in the group of its `concurrency`, if it has one. A count of `MOST` and a span of
    `LONGEST` mean: as much or more. `per_step` are in the order of the plan.
    """

    adapter_calls: int
    duration: timedelta
    undoing: timedelta
    fan_out: int
    events: int
    runs: int
    queue: timedelta | None
    per_step: tuple[StepBounds, ...]


def of(plan: Plan) -> Bounds:
    """Return the worst case of a plan; it costs about as much as reading the plan."""
    every = parts(plan)
    alert = _alert(plan, every)
    fold = _fold(every, alert)
    root = fold.scopes[0]
    whole = _alarmed(root, alert)
    return Bounds(
        adapter_calls=whole.calls, duration=_span(whole.time + whole.undoing),
        undoing=_span(whole.undoing), fan_out=whole.width, events=whole.events, runs=whole.runs,
        queue=None if plan.concurrency is None else plan.queue,
        per_step=_per_step(every, fold, root.undos),
    )  # fmt: skip


def as_json(bounds: Bounds) -> dict[str, Json]:
    """Return the bounds as JSON, durations as text, what is empty left out of the steps."""
    return {
        "adapter_calls": bounds.adapter_calls,
        "duration": format_duration(bounds.duration),
        "undoing": format_duration(bounds.undoing),
        "fan_out": bounds.fan_out,
        "events": bounds.events,
        "runs": bounds.runs,
        **({} if bounds.queue is None else {"queue": format_duration(bounds.queue)}),
        "per_step": [_step_json(each) for each in bounds.per_step],
    }


def _step_json(step: StepBounds) -> dict[str, Json]:
    words = ("reason", "step", "requires", "condition")
    return {
        "path": step.path,
        "times": step.times,
        "adapter_calls": step.adapter_calls,
        "duration": format_duration(step.duration),
        "fan_out": step.fan_out,
        "skips": [
            {word: getattr(each, word) for word in words if getattr(each, word)}
            for each in step.skips
        ],
        "cancels": list(step.cancels),
    }


def _alert(plan: Plan, every: list[Part]) -> Worst | None:
    """Return what one failed compensation costs; `MOST` at once if that may fail in turn."""
    if plan.on_compensation_failure is None:
        return None
    told = _fold(every, None).scopes[_alert_at(every)]
    if not told.undos:
        return told
    return Worst(
        calls=min(told.calls, 1) * MOST, events=min(told.events, 1) * MOST,
        runs=min(told.runs, 1) * MOST, width=MOST, time=_millis(LONGEST),
    )  # fmt: skip


def _fold(every: list[Part], alert: Worst | None) -> Fold:
    """Fold the parts, a second time where `rollback` must know what others are."""
    first = Fold(every, alert)
    rolls = any(isinstance(step.verb, Rollback) for part in every for step in part.scope.steps)
    return Fold(every, alert, first) if rolls else first


def _alarmed(root: Worst, alert: Worst | None) -> Worst:
    """Return the worst of a run whose compensations all fail."""
    if alert is None:
        return root
    told = times(alert, root.undos)
    return times(
        Worst(
            calls=root.calls + told.calls, events=root.events + told.events,
            runs=root.runs + told.runs, undoing=root.undoing, width=root.width, time=root.time,
        ),
        1,
    )  # fmt: skip


def _per_step(every: list[Part], fold: Fold, undos: int) -> tuple[StepBounds, ...]:
    often: list[int] = []
    told: list[StepBounds] = []
    why = cancels(every)
    for position, part in enumerate(every):
        often.append(_times(part, every, often, undos))
        rows = zip(
            part.scope.steps, fold.steps[position], skips(part.scope), why[position], strict=True
        )
        told += [
            StepBounds(
                part.path_of(step), often[position], worst.calls,
                _span(worst.time + worst.undoing), worst.width, skip, cancel,
            )
            for step, worst, skip, cancel in rows
        ]  # fmt: skip
    return tuple(told)


def _times(part: Part, every: list[Part], often: list[int], undos: int) -> int:
    """Return how often at most a part is opened in a run."""
    if part.role is Role.ALERT:
        return undos
    if part.around < 0:
        return 1
    count = often[part.around]
    verb = every[part.around].scope.steps[part.owner].verb if part.owner >= 0 else None
    match part.role, verb:
        case Role.ITEM, ForEach(max_items=most):
            return min(count * most, MOST)
        case Role.TURN, Repeat(max_times=most):
            return min(count * most, MOST)
        case _:
            return count


def _alert_at(every: list[Part]) -> int:
    return next(p for p, part in enumerate(every) if part.role is Role.ALERT)


def _span(millis: int) -> timedelta:
    return min(timedelta(milliseconds=millis), LONGEST)


def _millis(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
