"""The path of a run: which steps ran, in which order, and how each ended; where two part."""

from collections.abc import Iterator

from engine.core.binding import BoundCase, BoundForEach, BoundRepeat, BoundSwitch
from engine.core.frozen import frozen
from engine.core.run import Items, Run, ScopeRun, StepRun, Turns
from engine.core.state import TERMINAL, StepState


@frozen
class Parting:
    """The first step that goes otherwise. `old` or `new` is None where there is no such step.

    `is_end` if both run it and it ends otherwise; else one of them does not run it.
    """

    path: str
    old: StepRun | None
    new: StepRun | None
    is_end: bool = False


def parting(old: Run, new: Run) -> Parting | None:
    """Return where the second run leaves the path of the first, None if it does not.

    A step that only one of them has and that did not run there is no part of its path.
    A run that has not ended is compared as far as it came.
    """
    found = [*_otherwise(old, new), *_gone(old, new)]
    if not found:
        return None
    _, first = min(found, key=lambda each: each[0])
    return first if first.is_end else _cause(old, new, first)


def choice(step: StepRun) -> str:
    """Return what a step with scopes below it has decided: which case, how many items or turns."""
    match step.step.verb, step.progress:
        case BoundSwitch() as verb, _:
            return _case(verb, step)
        case BoundForEach(), Items(keys=keys):
            return f"{len(keys)} items"
        case BoundRepeat(), Turns(number=number):
            return f"{number} turns"
        case _:
            return "its fallback" if step.fell_back else "its verb"


def ran(step: StepRun) -> bool:
    """True unless a step was skipped, or ended before it began."""
    if step.state is StepState.CANCELLED:
        return step.started_at is not None
    return step.state not in (StepState.PENDING, StepState.SKIPPED)


def _otherwise(old: Run, new: Run) -> Iterator[tuple[int, Parting]]:
    """Yield the steps of a run that the other has not, or that go otherwise there, by tick."""
    for path, step in new.steps.items():
        if step.state is StepState.PENDING:
            continue
        before = old.steps.get(path)
        if not ran(step) if before is None else before.state is StepState.PENDING:
            continue
        if before is None or _standing(before) != _standing(step):
            yield step.began or step.ended, Parting(path, before, step)
        elif {step.state, before.state} <= TERMINAL and _end(before) != _end(step):
            yield step.ended or step.began, Parting(path, before, step, is_end=True)


def _gone(old: Run, new: Run) -> Iterator[tuple[int, Parting]]:
    """Yield the steps that the second run has not: as far as it came, if it has not ended."""
    for path, step in old.steps.items():
        tick = step.began or step.ended
        if ran(step) and path not in new.steps and (new.ended_at is not None or tick <= new.tick):
            yield tick, Parting(path, step, None)


def _standing(step: StepRun) -> tuple[bool, str]:
    return ran(step), "" if ran(step) else step.reason


def _end(step: StepRun) -> tuple[str, bool]:
    return step.state.value, step.fell_back


def _cause(old: Run, new: Run, first: Parting) -> Parting:
    """Return the step around one that only one run has, if that step has decided otherwise."""
    step = first.old or first.new
    if step is None or (first.old is not None and first.new is not None):
        return first
    scope: ScopeRun | None = step.scope
    while scope is not None:
        owner = scope.owner
        scope = scope.parent
        if owner is None:
            continue
        before, after = old.steps.get(owner.path), new.steps.get(owner.path)
        if before is not None and after is not None and choice(before) != choice(after):
            return Parting(owner.path, before, after)
    return first


def _case(switch: BoundSwitch, step: StepRun) -> str:
    """Return which case a switch took, in words."""
    taken = step.inner[0].bound if step.inner else None
    for number, case in enumerate(switch.cases, start=1):
        if case.body is taken:
            return _named(case, number)
    return "else" if taken is not None else "no case"


def _named(case: BoundCase, number: int) -> str:
    return f"case {number}" if case.condition is not None else f"case {case.value}"
