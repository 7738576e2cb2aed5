"""`python -m tests.simulation`: walk schedules from a seed on, and tell the first failure, shrunk.

With `--protocol` the schedules are those of the small protocol: first all of some scopes, then
random ones of a larger scope. With `--seconds` the walk ends after that time, wherever it is.
"""

import argparse
import gc
import math
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any, NamedTuple

from tests.simulation.explore import Explored, explore, wander
from tests.simulation.protocol import Scope
from tests.simulation.walk import Failure, shrunk, walk

_CHUNK = 250
# A walk of the protocol gets faster where it has been before.
_LONG_CHUNK = 20_000
_LINES = (("own", "once", "pool"), ("pool-once", "own"))
_BUDGETS = ((1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1))
_WHOLE = tuple(Scope(steps, 1, 2, *budget) for steps in _LINES for budget in _BUDGETS)
_LARGE = Scope(("once", "pool"), 2, 2, 1, 1, 1)


class Walked(NamedTuple):
    """How many schedules a process has walked, with how much of its CPU, and how one failed."""

    schedules: int
    seconds: float
    failure: Any = None


def main() -> int:
    told = _arguments()
    with ProcessPoolExecutor(told.jobs) as workers:
        if told.protocol:
            return _protocol(told, workers)
        failure = _first(workers, _walked, told, _CHUNK)
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
    broken = _first(workers, partial(_wandered, _LARGE), told, _LONG_CHUNK)
    return 0 if broken is None else _explain(broken)


def _walked(until: float, seeds: range) -> Walked:
    """Walk the engine's schedules of seeds, as many as there is time for."""
    began, done = time.process_time(), 0
    for seed in seeds:
        if time.monotonic() > until:
            break
        failure = walk([seed])
        done += 1
        if failure is not None:
            return Walked(done, time.process_time() - began, failure)
    return Walked(done, time.process_time() - began)


def _wandered(scope: Scope, until: float, seeds: range) -> Walked:
    """Walk so many random schedules of the protocol from the first seed on, or none if it is late.

    What it remembers has no cycles, and to look for some takes as long as the walk.
    """
    if time.monotonic() > until:
        return Walked(0, 0)
    gc.disable()
    began = time.process_time()
    found = wander(scope, seeds.start, len(seeds))
    return Walked(len(seeds), time.process_time() - began, found if found.broken else None)


def _first(
    workers: ProcessPoolExecutor, work: Callable[[float, range], Walked],
    told: argparse.Namespace, chunk: int,
) -> Any:  # fmt: skip
    """Let processes walk; return the first failure, or None and say how many there were."""
    began, stop = time.monotonic(), told.seed + told.schedules
    until = began + told.seconds
    chunks = [range(start, min(start + chunk, stop)) for start in range(told.seed, stop, chunk)]
    done, spent = 0, 0.0
    for walked in workers.map(partial(work, until), chunks):
        if walked.failure is not None:
            workers.shutdown(wait=False, cancel_futures=True)
            return walked.failure
        done, spent = done + walked.schedules, spent + walked.seconds
        if sys.stderr.isatty():
            print(f"\r{done} schedules", end="", file=sys.stderr)
    print(f"{done} random schedules, no promise broken, in {time.monotonic() - began:.0f} s"
          f" ({done / max(spent, 0.01):.0f} a second of CPU)")  # fmt: skip
    return None


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first schedule")
    parser.add_argument("--schedules", type=int, default=10_000, help="how many random ones")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes side by side")
    parser.add_argument("--seconds", type=float, default=math.inf, help="how long at most")
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
