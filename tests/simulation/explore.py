"""Every schedule of the small protocol, state by state, and random walks through larger ones."""

import random
from dataclasses import dataclass

from tests.simulation.protocol import Scope, State, broken_at_rest, moves, moves_of

# So many states a walk remembers, with what follows them: about a kilobyte each.
_REMEMBERED = 200_000


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
    spots: dict[State, _Spot] = {}
    for _ in range(schedules):
        spot, names = _Spot.of(spots, scope.begin()), list[str]()
        while (taken := spot.taken(scope, spots, dice)) is not None:
            name, spot = taken
            names.append(name)
        moved += len(names)
        broken = spot.state.broken or broken_at_rest(scope, spot.state)
        if broken:
            return Explored(moved, schedules, broken, tuple(names))
    return Explored(moved, schedules)


class _Spot:
    """A state that walks have met, and the ways on from it, by worker, as far as they were asked.

    Where most walks begin is soon trodden, and nobody works out again what may come next there.
    """

    __slots__ = ("state", "ways")

    def __init__(self, state: State) -> None:
        self.state = state
        self.ways: list[list[tuple[str, State | _Spot]] | None] = [None] * len(state.workers)

    @classmethod
    def of(cls, spots: "dict[State, _Spot]", state: State) -> "_Spot":
        """Return the spot of a state; where too many are known, they are forgotten first."""
        found = spots.get(state)
        if found is None:
            if len(spots) >= _REMEMBERED:
                spots.clear()
            found = spots[state] = cls(state)
        return found

    def taken(
        self, scope: Scope, spots: "dict[State, _Spot]", dice: random.Random
    ) -> "tuple[str, _Spot] | None":
        """Return a move of a worker drawn by chance, or None if nobody has one or all is broken."""
        if self.state.broken:
            return None
        first, count = int(dice.random() * len(self.ways)), len(self.ways)
        for number in (*range(first, count), *range(first)):
            ways = self.ways[number]
            if ways is None:
                ways = self.ways[number] = list(moves_of(scope, self.state, number))
            if ways:
                drawn = int(dice.random() * len(ways))
                name, there = ways[drawn]
                if not isinstance(there, _Spot):
                    there = _Spot.of(spots, there)
                    ways[drawn] = name, there
                return name, there
        return None
