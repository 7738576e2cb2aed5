"""The flows of Prefect, and the process that takes their runs from its server."""

import os
import time
from pathlib import Path

import prefect
from prefect import flow, task
from prefect.task_runners import ThreadPoolTaskRunner

from benchmarks.peers.harness import fib

_AT_ONCE = 4


@task
def work(n: int) -> int:
    """Note when it began, for nothing that a task gives is kept."""
    with Path(os.environ["SARK_BENCH_MARK"]).open("a") as file:
        file.write(f"{time.time():17.6f}\n")
    return fib(n)


@flow(task_runner=ThreadPoolTaskRunner(max_workers=8))
def chain(count: int = 40) -> int:
    """One task after the other."""
    return len([work(10) for _ in range(count)])


@flow(task_runner=ThreadPoolTaskRunner(max_workers=8))
def fan(count: int = 1000) -> int:
    """Tasks at once, and one that waits for all."""
    made = work.map([10] * count).result()
    work(10)
    return len(made) + 1


@flow(task_runner=ThreadPoolTaskRunner(max_workers=4))
def diamond() -> int:
    """Five tasks."""
    work(10)
    made = [future.result() for future in [work.submit(10) for _ in range(3)]]
    work(10)
    return len(made) + 2


if __name__ == "__main__":
    prefect.serve(*[f.to_deployment(name=f.name) for f in (chain, fan, diamond)], limit=_AT_ONCE)
