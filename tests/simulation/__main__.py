"""`python -m tests.simulation`: walk schedules from a seed on, and tell the first failure, shrunk.

With `--protocol` the schedules are those of the small protocol: first all of some scopes, then
random ones of a larger scope.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

from tests.simulation.explore import Explored, explore, wander
from tests.simulation.protocol import Scope
from tests.simulation.walk import Failure, shrunk, walk

_CHUNK = 250
_LINES = (("own", "once", "pool"), ("pool-once", "own"))
_BUDGETS = ((1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
_WHOLE = tuple(Scope(steps, 1, 2, *budget) for steps in _LINES for budget in _BUDGETS)
_LARGE = Scope(("once", "pool"), 2, 2, 1, 1, 1)


def main() -> int:
    told = _arguments()
    with ProcessPoolExecutor(told.jobs) as workers:
        if told.protocol:
            return _protocol(told, workers)
        chunks = [range(start, min(start + _CHUNK, told.seed + told.schedules))
                  for start in range(told.seed, told.seed + told.schedules, _CHUNK)]  # fmt: skip
        failure = _first(workers, walk, chunks)
        if failure is not None:
            _tell(failure)
            return 1
    return 0


def _protocol(told: argparse.Namespace, workers: ProcessPoolExecutor) -> int:
    for scope, found in zip(_WHOLE, workers.map(explore, _WHOLE), strict=True):
        faults = f"{scope.crashes} crashes, {scope.cuts} cuts, {scope.terminations} terminations"
        print(f"{' '.join(scope.steps)}, {scope.workers} workers, {faults}: "
              f"{found.schedules} schedules in {found.states} states")  # fmt: skip
        if found.broken:
            return _explain(found)
    counts = [range(start, min(start + _CHUNK, told.seed + told.schedules))
              for start in range(told.seed, told.seed + told.schedules, _CHUNK)]  # fmt: skip
    broken = _first(workers, partial(_wandered, _LARGE), counts)
    return 0 if broken is None else _explain(broken)


def _wandered(scope: Scope, seeds: range) -> Explored | None:
    found = wander(scope, seeds.start, len(seeds))
    return found if found.broken else None


def _first(
    workers: ProcessPoolExecutor, work: Callable[[range], Any], chunks: Sequence[range]
) -> Any:
    """Let processes walk; return the first failure, or None and say how many there were."""
    began, done = time.monotonic(), 0
    for chunk, failure in zip(chunks, workers.map(work, chunks), strict=True):
        if failure is not None:
            workers.shutdown(wait=False, cancel_futures=True)
            return failure
        done += len(chunk)
        if sys.stderr.isatty():
            print(f"\r{done} schedules", end="", file=sys.stderr)
    print(f"{done} random schedules, no promise broken, in {time.monotonic() - began:.0f} s")
    return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first schedule")
    parser.add_argument("--schedules", type=int, default=10_000, help="how many random ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes side by side")
    parser.add_argument("--protocol", action="store_true", help="walk the small protocol instead")
    return parser.parse_args()


def _explain(found: Explored) -> int:
    print(f"broken: {found.broken}, after\n" + "\n".join(found.trace))
    return 1


def _tell(failure: Failure) -> None:
    seed = failure.plan.seed
    small = shrunk(failure)
    print(f"seed {seed} breaks a promise: {failure.broken}")
    print("shrunk to runs of", ", ".join(small.plan.load), "and these faults:")
    for each in small.plan.faults:
        print(f"  {each}")
    print(f"which ends in: {small.broken}\n\n" + "\n".join(small.trace))
    print(f"\nagain: python -m tests.simulation --seed {seed} --schedules 1")


if __name__ == "__main__":
    sys.exit(main())
