"""Schedules walked one after another, and one that fails made as small as it gets."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from tests.simulation.chance import Plan, drawn
from tests.simulation.seams import seams
from tests.simulation.world import World


@dataclass(frozen=True, slots=True)
class Failure:
    """A schedule that breaks a promise, what it breaks, and what happened until then."""

    plan: Plan
    broken: str
    trace: tuple[str, ...]


def played(plan: Plan) -> Failure | None:
    """Play a schedule; return how it fails, or None."""
    world = World(plan)
    broken = world.run()
    if not broken:
        return None
    return Failure(plan, broken, tuple(_told(line) for line in world.server.trace))


def walk(seeds: Iterable[int], draw: Callable[[int], Plan] = drawn) -> Failure | None:
    """Play the schedules of seeds until one fails; return that."""
    with seams():
        return next((failure for each in seeds if (failure := played(draw(each)))), None)


def shrunk(failure: Failure) -> Failure:
    """Leave out faults and runs as long as the schedule fails, in whatever way."""
    with seams():
        while (
            smaller := next(filter(None, map(played, _smaller(failure.plan))), None)
        ) is not None:
            failure = smaller
    return failure


def _smaller(plan: Plan) -> Iterator[Plan]:
    for each in plan.faults:
        yield plan.without(each)
    for number in range(len(plan.load)):
        if len(plan.load) > 1:
            yield replace(plan, load=plan.load[:number] + plan.load[number + 1 :])


def _told(line: tuple[object, ...]) -> str:
    at, *words = line
    return f"{at:10.4f}  {'  '.join(map(str, words))}"
