"""`make bench`: every shape, medians and ratios, as a table and as JSON."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from benchmarks import limits, processes
from benchmarks.stack import Link, Stack

_REPEATS = 3


@dataclass
class Shape:
    """One shape's figures: seconds are medians of the repeats."""

    name: str
    steps: int
    seconds: list[float] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    wal: int = 0

    def told(self) -> dict[str, object]:
        median = statistics.median(self.seconds)
        repeats = len(self.seconds) * self.steps
        return {
            "shape": self.name,
            "seconds": round(median, 4),
            "spread": [round(min(self.seconds), 4), round(max(self.seconds), 4)],
            "steps_per_second": round(self.steps / median),
            "cpu_seconds_per_1000_steps": round(sum(self.cpu.values()) * 1000 / repeats, 4),
            "cpu_by_process": {k: round(v * 1000 / repeats, 4) for k, v in self.cpu.items() if v},
            "wal_bytes_per_step": round(self.wal / repeats),
        }


def measure(stack: Stack, name: str, steps: int, once: Callable[[], None]) -> Shape:
    """Run a shape once to warm up, then measure its repeats."""
    once()
    shape = Shape(name, steps)
    before, wal = processes.cpu(stack.pid), limits.wal_bytes(stack.database_url)
    for _ in range(_REPEATS):
        began = time.perf_counter()
        once()
        shape.seconds.append(time.perf_counter() - began)
    after = processes.cpu(stack.pid)
    shape.cpu = {role: after[role] - before.get(role, 0) for role in after}
    shape.wal = limits.wal_bytes(stack.database_url) - wal
    return shape


def burst(stack: Stack, workflow: str, count: int, threads: int = 16) -> None:
    """Start `count` runs as fast as they are taken, and wait until all have succeeded."""
    target = stack.ended(workflow) + count
    links = [stack.link() for _ in range(threads)]

    def share(link: Link) -> None:
        for _ in range(count // threads):
            link.start(workflow, n=1)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(share, links))
    for _ in range(count % threads):
        links[0].start(workflow, n=1)
    wait(stack, workflow, target)


def wait(stack: Stack, workflow: str, target: int, pause: float = 0.005) -> None:
    limit = time.monotonic() + 120
    while stack.ended(workflow) < target:
        if time.monotonic() > limit:
            raise TimeoutError(f"{stack.ended(workflow)} of {target} runs of {workflow} have ended")
        time.sleep(pause)


def latency(stack: Stack, count: int = 200) -> dict[str, object]:
    """Return milliseconds from the request until the first step has begun, on an idle system.

    The step's start is the instant that the worker's clock told its run; one machine, one clock.
    """
    import psycopg

    link, values = stack.link(), []
    with psycopg.connect(stack.database_url) as connection:
        for _ in range(count):
            time.sleep(0.01)
            began = time.time()
            run = link.start("one", n=1)
            row = None
            while row is None or row[0] is None:
                row = connection.execute(
                    "SELECT extract(epoch FROM started_at)::float8 FROM runs WHERE id = %s", (run,)
                ).fetchone()
                connection.rollback()
                time.sleep(0.001)
            values.append(1000 * (row[0] - began))
    values.sort()
    return {
        "shape": "latency",
        "p50_ms": round(statistics.median(values), 2),
        "p99_ms": round(values[int(0.99 * len(values))], 2),
        "count": count,
    }


def idle(stack: Stack, seconds: float = 10) -> dict[str, object]:
    """Return what the whole costs while nothing happens."""
    time.sleep(2)
    before = sum(processes.cpu(stack.pid).values())
    time.sleep(seconds)
    used = sum(processes.cpu(stack.pid).values()) - before
    memory = processes.memory(stack.pid)
    return {
        "shape": "idle",
        "cpu_percent": round(100 * used / seconds, 2),
        "memory_mb": round(sum(memory.values())),
        "memory_by_process": {role: round(value) for role, value in memory.items()},
    }


def main() -> None:
    """Print each figure as it is known, then all of them as JSON on the last line."""
    told: list[dict[str, object]] = []

    def tell(row: dict[str, object]) -> None:
        told.append(row)
        print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)

    with Stack() as stack:
        commits = limits.commits_per_second(stack.database_url)
        tell({"shape": "limits", "commits_per_second": round(commits),
              "rows_per_second": round(limits.rows_per_second(stack.database_url))})  # fmt: skip
        runs = measure(stack, "runs1000", 5000, lambda: burst(stack, "diamond", 1000))
        tell(runs.told())
        chain = measure(stack, "flow40", 40, lambda: burst(stack, "flow40", 1, 1)).told()
        tell(
            {
                **chain,
                "times_40_bare_commits": round(float(str(chain["seconds"])) * commits / 40, 2),
            }
        )
        tell(measure(stack, "fan1000", 1001, lambda: burst(stack, "fan1000", 1, 1)).told())
        tell(latency(stack))
        tell(idle(stack))
        stack.stop()
        tell({"shape": "second_start", "seconds": round(stack.start(), 2)})
    print(json.dumps(told), file=sys.stdout)


if __name__ == "__main__":
    main()
