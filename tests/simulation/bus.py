"""Hints as Redis carries them: late, doubled, out of order, lost, and wiped now and then."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from engine.broker import EVERY, RELAY
from tests.simulation.chance import Chance
from tests.simulation.loop import HERE, Process, VirtualLoop

_MOST_TIMES = 2


class Bus:
    """Rings one of those that hear a queue; a dead one that is rung tells nobody."""

    def __init__(self, loop: VirtualLoop, chance: Chance) -> None:
        self._loop = loop
        self._chance = chance
        self._hearing: dict[str, list[tuple[Process, Callable[[], None]]]] = {}
        self._era = 0

    @contextmanager
    def hearing(self, told: Mapping[str, Callable[[], None]]) -> Iterator[None]:
        """Hear queues, as this process."""
        mine = [(queue, (HERE.get(), call)) for queue, call in told.items()]
        for queue, each in mine:
            self._hearing.setdefault(queue, []).append(each)
        try:
            yield
        finally:
            for queue, each in mine:
                self._hearing[queue].remove(each)

    def flush(self) -> None:
        """Forget what is on its way."""
        self._era += 1

    def ring_pool(self, pool: str) -> None:
        self._ring(f"pool.{pool}")

    def ring_worker(self, worker: int) -> None:
        self._ring(f"worker.{worker}")

    def ring_serving(self, pool: str) -> None:
        self._ring(f"serving.{EVERY}")

    def ring_controller(self, source: str) -> None:
        """Nobody reconciles here."""

    def ring_relay(self) -> None:
        self._ring(RELAY)

    def _ring(self, queue: str) -> None:
        if not self._chance.is_lost():
            for _ in range(1 + self._chance.pick(_MOST_TIMES)):
                self._loop.outside(self._chance.delay(), self._deliver, queue, self._era)

    def _deliver(self, queue: str, era: int) -> None:
        hearing = self._hearing.get(queue)
        if hearing and era == self._era:
            process, call = hearing[self._chance.pick(len(hearing))]
            self._loop.inside(process, partial(call))
