"""Every schedule of the small protocol, state by state, and random walks through larger ones."""

import random
from dataclasses import dataclass

from tests.simulation.protocol import Scope, State, broken_at_rest, move, moves


@dataclass(frozen=True, slots=True)
class Explored:
    """`states` were met, and `schedules` lead through them from the beginning to the end.

    Of random walks `states` are all that they went through, each as often as they did.
    `broken` is the first promise that was broken, `trace` the moves until then.
    """

    states: int
    schedules: int
    broken: str = ""
    trace: tuple[str, ...] = ()


def explore(scope: Scope, most: int = 2_000_000) -> Explored:
    """Walk every schedule of a scope, depth first; a state is looked at once.

    No move leads back, so the schedules through a state are those through what follows it.
    """
    begin = scope.begin()
    counts: dict[State, int] = {}
    path: list[tuple[State, list[tuple[str, State]], int]] = []
    entry = begin
    names: list[str] = []
    path.append((begin, list(moves(scope, begin)), 0))
    while path:
        state, following, total = path.pop()
        if following:
            name, entry = following.pop()
            if entry in counts:
                path.append((state, following, total + counts[entry]))
                continue
            path.append((state, following, total))
            names.append(name)
            after = list(moves(scope, entry))
            broken = entry.broken or ("" if after else broken_at_rest(scope, entry))
            if broken or len(counts) > most:
                return Explored(len(counts), 0, broken or "too many states", tuple(names))
            path.append((entry, after, 0 if after else 1))
            continue
        counts[state] = total
        if path:
            names.pop()
            before, rest, sum_ = path.pop()
            path.append((before, rest, sum_ + total))
    return Explored(len(counts), counts[begin])


def wander(scope: Scope, seed: int, schedules: int) -> Explored:
    """Walk random schedules; each is played to its end."""
    dice, moved = random.Random(seed), 0
    for _ in range(schedules):
        state, names = scope.begin(), list[str]()
        while (taken := move(scope, state, dice)) is not None:
            name, state = taken
            names.append(name)
            if state.broken:
                break
        moved += len(names)
        broken = state.broken or broken_at_rest(scope, state)
        if broken:
            return Explored(moved, schedules, broken, tuple(names))
    return Explored(moved, schedules)
