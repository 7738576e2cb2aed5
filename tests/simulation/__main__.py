"""`python -m tests.simulation`: walk schedules from a seed on; the first failure is told, shrunk."""

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.walk import Failure, shrunk, walk

_CHUNK = 250


def main() -> int:
    told = _arguments()
    began, done = time.monotonic(), 0
    chunks = [range(start, min(start + _CHUNK, told.seed + told.schedules))
              for start in range(told.seed, told.seed + told.schedules, _CHUNK)]  # fmt: skip
    with ProcessPoolExecutor(told.jobs) as workers:
        for chunk, failure in zip(chunks, workers.map(walk, chunks), strict=True):
            if failure is not None:
                workers.shutdown(wait=False, cancel_futures=True)
                _tell(failure)
                return 1
            done += len(chunk)
            if sys.stderr.isatty():
                print(f"\r{done} schedules", end="", file=sys.stderr)
    print(f"{done} schedules, no promise broken, in {time.monotonic() - began:.0f} s")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first schedule")
    parser.add_argument("--schedules", type=int, default=10_000, help="how many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes side by side")
    return parser.parse_args()


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
