"""`make bench`: every shape, medians and ratios, a line each as it is known, then all as JSON."""

import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import limits, processes
from benchmarks.load import Load
from benchmarks.stack import Stack

Row = dict[str, object]

_REPEATS = 5
_LINKS = 16
_COMMITS = 40


@dataclass
class Shape:
    """One shape's figures: a list entry for each repeat, sums over all of them."""

    name: str
    steps: int
    seconds: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    cpu: Counter[str] = field(default_factory=Counter)
    wal: int = 0

    def told(self) -> Row:
        median = statistics.median(self.seconds)
        steps = len(self.seconds) * self.steps
        return {
            "shape": self.name,
            "seconds": round(median, 4),
            "spread": [round(min(self.seconds), 4), round(max(self.seconds), 4)],
            "steps_per_second": round(self.steps / median),
            "times_40_bare_commits": round(median / statistics.median(self.bare), 2),
            "cpu_seconds_per_1000_steps": round(sum(self.cpu.values()) * 1000 / steps, 4),
            "cpu_by_process": {k: round(v * 1000 / steps, 4) for k, v in self.cpu.items() if v},
            "wal_bytes_per_step": round(self.wal / steps),
        }


def measure(stack: Stack, name: str, steps: int, once: Callable[[], None]) -> Row:
    """Run a shape once to warm up, then its repeats, each beside 40 bare commits."""
    once()
    shape = Shape(name, steps)
    for _ in range(_REPEATS):
        shape.bare.append(limits.commits(stack.database_url, _COMMITS))
        cpu, wal = processes.cpu(stack.pid), limits.wal_bytes(stack.database_url)
        began = time.perf_counter()
        once()
        shape.seconds.append(time.perf_counter() - began)
        shape.cpu.update({k: v - cpu.get(k, 0) for k, v in processes.cpu(stack.pid).items()})
        shape.wal += limits.wal_bytes(stack.database_url) - wal
    return shape.told()


def burst(stack: Stack, load: Load, workflow: str, count: int, pause: float = 0.002) -> None:
    """Start `count` runs as fast as they are taken, and wait until all have succeeded."""
    stack.wait(load.start(workflow, count), pause)


def latency(stack: Stack, load: Load, count: int = 300) -> Row:
    """Return milliseconds from the request to the outcome of the first step, on an idle system.

    The outcome's instant is the worker's, told when the adapter has answered: one machine, one
    clock.
    """
    values = []
    for _ in range(count):
        time.sleep(0.02)
        began = time.time()
        (run,) = load.start("one", 1)
        values.append(1000 * (stack.first_outcome(run) - began))
    values.sort()
    return {
        "shape": "latency",
        "p50_ms": round(statistics.median(values), 2),
        "p99_ms": round(values[int(0.99 * len(values))], 2),
        "count": count,
    }


def idle(stack: Stack, seconds: float = 10) -> Row:
    """Return what the whole costs while nothing happens."""
    time.sleep(2)
    before = processes.cpu(stack.pid)
    time.sleep(seconds)
    used = {k: v - before.get(k, 0) for k, v in processes.cpu(stack.pid).items()}
    memory = processes.memory(stack.pid)
    return {
        "shape": "idle",
        "cpu_percent": round(100 * sum(used.values()) / seconds, 2),
        "cpu_by_process": {k: round(100 * v / seconds, 2) for k, v in used.items() if v},
        "memory_mb": round(sum(memory.values())),
        "memory_by_process": {role: round(value) for role, value in memory.items()},
    }


def shapes(stack: Stack, tell: Callable[[Row], None]) -> None:
    """Measure what runs cost, from many to one."""
    many, single = stack.load(_LINKS), stack.load(1)
    tell(
        measure(stack, "runs1000", 5000, lambda: burst(stack, many, "diamond", 1000, 0.005)),
    )
    tell(measure(stack, "flow40", 40, lambda: burst(stack, single, "flow40", 1)))
    tell(measure(stack, "fan1000", 1001, lambda: burst(stack, single, "fan1000", 1)))
    tell(latency(stack, single))
    many.close()
    single.close()


def main() -> None:
    """Print each figure as it is known, then all of them as JSON on the last line."""
    told: list[Row] = []

    def tell(row: Row) -> None:
        told.append(row)
        print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)

    with Stack() as stack:
        bare = limits.commits(stack.database_url, 400)
        rows = limits.rows_per_second(stack.database_url)
        tell({"shape": "limits", "commits_per_second": round(400 / bare),
              "rows_per_second": round(rows)})  # fmt: skip
        shapes(stack, tell)
        tell(idle(stack))
        stack.stop()
        tell({"shape": "second_start", "seconds": round(stack.start(), 2)})
    print(json.dumps(told), file=sys.stdout)


if __name__ == "__main__":
    main()
