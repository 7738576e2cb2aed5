"""Shapes of runs on a stack of one worker, and the stack by itself."""

import statistics
import time
from collections.abc import Mapping, Sequence

from benchmarks import limits, processes
from benchmarks.bench import Bench
from benchmarks.figures import Row, quantile, rounded
from benchmarks.load import Load
from benchmarks.stack import Stack

_WIDE = list(range(10_000))
# PostgreSQL looks for the first time at what a start has written.
_SETTLING = 30


def burst(
    stack: Stack, load: Load, workflow: str, count: int, pause: float = 0.002,
    inputs: Mapping[str, object] | None = None,
) -> Sequence[str]:  # fmt: skip
    """Start `count` runs as fast as they are taken, wait until all have succeeded; return them."""
    runs = load.start(workflow, count, inputs)
    stack.wait(runs, pause)
    return runs


def bare(bench: Bench) -> None:
    """Tell what the machine can do at best."""
    url = bench.stack.database_url
    bench.tell(
        {
            "shape": "limits",
            "commits_per_second": round(400 / limits.commits(url, 400)),
            "rows_per_second": round(limits.rows_per_second(url)),
            "dramatiq_messages_per_second": round(bench.messages_per_second),
        }
    )


def runs1000(bench: Bench) -> None:
    """Tell a thousand runs of a diamond of five steps, started as fast as they are taken."""
    once = lambda: burst(bench.stack, bench.many, "diamond", 1000, 0.005)  # noqa: E731
    bench.measure("runs1000", 5000, once)


def flow40(bench: Bench) -> None:
    """Tell one run of 40 steps, one after the other."""
    once = lambda: burst(bench.stack, bench.single, "flow40", 1)  # noqa: E731
    bench.measure("flow40", 40, once, bench.repeats * 4)


def fan1000(bench: Bench) -> None:
    """Tell one run of a thousand steps at once and one that waits for all of them."""
    once = lambda: burst(bench.stack, bench.single, "fan1000", 1)  # noqa: E731
    bench.measure("fan1000", 1001, once)


def wide10k(bench: Bench) -> None:
    """Tell one run that makes the same step for each of 10,000 items, 1,000 at once."""
    inputs = {"items": _WIDE}
    once = lambda: burst(bench.stack, bench.single, "wide", 1, 0.01, inputs)  # noqa: E731
    bench.measure("wide10k", len(_WIDE), once, min(bench.repeats, 3))


def latency(bench: Bench) -> None:
    """Tell milliseconds from the request to the outcome of the first step, on an idle system."""
    values = latencies(bench.stack, bench.single, 60 * bench.repeats)
    bench.tell({"shape": "latency", **told_latency(values)})


def latencies(stack: Stack, load: Load, count: int) -> list[float]:
    """Return milliseconds from the request to the outcome of the first step, run by run.

    The outcome's instant is the worker's, told when the adapter has answered: one machine, one
    clock.
    """
    values = []
    for _ in range(count):
        time.sleep(0.02)
        began = time.time()
        (run,) = load.start("one", 1)
        values.append(1000 * (stack.first_outcome(run) - began))
    return values


def told_latency(values: Sequence[float]) -> Row:
    """Return the figures of a row about milliseconds."""
    return {
        "count": len(values),
        "p50_ms": rounded(statistics.median(values)),
        "p99_ms": rounded(quantile(values, 0.99)),
    }


def start_and_idle(bench: Bench) -> None:
    """Tell how long `sark up` takes in a new folder and again, and what it costs doing nothing."""
    with Stack() as stack:
        bench.tell({"shape": "idle", **resting(stack, 60, _SETTLING)})
        stack.stop()
        again = [stack.start()]
        for _ in range(2):
            stack.stop()
            again.append(stack.start())
        bench.tell(
            {
                "shape": "cold_start",
                "first_seconds": rounded(stack.first_start),
                "again_seconds": rounded(statistics.median(again)),
            }
        )


def resting(stack: Stack, seconds: float = 10, settling: float = 2) -> Row:
    """Return the CPU and the memory of the whole while nothing happens, once it has settled."""
    time.sleep(settling)
    before = processes.cpu(stack.pid)
    time.sleep(seconds)
    used = {k: v - before.get(k, 0) for k, v in processes.cpu(stack.pid).items()}
    memory = processes.memory(stack.pid)
    return {
        "cpu_percent": rounded(100 * sum(used.values()) / seconds),
        "cpu_by_process": {k: rounded(100 * v / seconds) for k, v in used.items() if v > 0},
        "memory_mb": round(sum(memory.values())),
        "memory_by_process": {role: round(value) for role, value in memory.items()},
    }
