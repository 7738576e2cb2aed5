"""How many steps of a scope can be under way at once: the heaviest antichain of its order.

By Dilworth's theorem, in its weighted form, it is the least number of chains that cover every
step as often as it weighs: what chains save over one for each is a maximum flow from the steps
to those after them.
"""

from collections.abc import Iterator, Sequence

from engine.core.anatomy import later, ordered
from engine.core.plan import Scope, Step


def widest(scope: Scope, weights: Sequence[int]) -> int:
    """Return the most that steps weigh of which none must wait for another's end.

    `weights` are whole numbers, 0 or more, one for each step of the scope.
    """
    order = ordered(scope)
    told = [weights[position] for position in order]
    if not any(told):
        return 0
    return sum(told) - _Flow(told, later(scope, order, _firm)).most()


def _firm(step: Step) -> Iterator[int]:
    """Yield the steps whose end a step always waits for; a `join` may do without the others."""
    written = sum(not edge.inferred for edge in step.after)
    for edge in step.after:
        if edge.inferred or not 0 < step.join < written:
            yield edge.step


class _Flow:
    """How much of each step's weight goes on in which later one.

    `weights` and `later` stand in an order that fits the steps'. `_free` are those that can still
    take some, `_alive` those from which some way to a free one may be left.
    """

    def __init__(self, weights: Sequence[int], later: Sequence[int]) -> None:
        self._later = later
        self._left = list(weights)
        self._room = list(weights)
        self._sent: list[dict[int, int]] = [{} for _ in weights]
        self._taken: list[set[int]] = [set() for _ in weights]
        self._alive = (1 << len(weights)) - 1
        self._free = sum(1 << step for step, weight in enumerate(weights) if weight)

    def most(self) -> int:
        """Return the greatest flow: first to the nearest step, then by whatever way there is."""
        total = 0
        for step, after in enumerate(self._later):
            while self._left[step] and after & self._free:
                total += self._push([(step, next(_bits(after & self._free)))])
        for step in range(len(self._later)):
            while self._left[step] and (way := self._way(step)):
                total += self._push(way)
        return total

    def _way(self, first: int) -> list[tuple[int, int]]:
        """Return the moves, the last first, by which more can flow from a step, or none.

        Each takes to a later step; between two of them the flow of another step is turned back.
        """
        before: dict[int, int] = {}
        turned = {first: -1}
        waiting, unseen = [first], self._alive
        for step in waiting:
            found = self._later[step] & unseen
            if found & self._free:
                before[last := next(_bits(found & self._free))] = step
                return _traced(last, before, turned)
            unseen &= ~found
            for follower in _bits(found):
                before[follower] = step
                for other in self._taken[follower] - turned.keys():
                    turned[other] = follower
                    waiting.append(other)
        # No way leads out of what was seen, and no later one can lead in.
        self._alive = unseen
        return []

    def _push(self, way: list[tuple[int, int]]) -> int:
        """Send along a way as much as it takes; every second move is one back."""
        first, last = way[-1][0], way[0][1]
        back = [self._sent[step][follower] for step, follower in way[1::2]]
        amount = min(self._left[first], self._room[last], *back)
        for number, (step, follower) in enumerate(way):
            self._send(step, follower, -amount if number % 2 else amount)
        self._left[first] -= amount
        self._room[last] -= amount
        if not self._room[last]:
            self._free &= ~(1 << last)
        return amount

    def _send(self, step: int, follower: int, amount: int) -> None:
        self._sent[step][follower] = self._sent[step].get(follower, 0) + amount
        if self._sent[step][follower]:
            self._taken[follower].add(step)
        else:
            self._taken[follower].discard(step)


def _traced(last: int, before: dict[int, int], turned: dict[int, int]) -> list[tuple[int, int]]:
    """Return the moves that lead to a step, the last first."""
    way = [(before[last], last)]
    while (follower := turned[way[-1][0]]) >= 0:
        way += [(way[-1][0], follower), (before[follower], follower)]
    return way


def _bits(held: int) -> Iterator[int]:
    """Yield the positions of the bits that are set, the lowest first."""
    while held:
        lowest = held & -held
        yield lowest.bit_length() - 1
        held ^= lowest
