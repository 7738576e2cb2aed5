"""How the cost of a step changes with the steps of a run, and the pace with the workers."""

from benchmarks.bench import Bench, measure
from benchmarks.figures import rounded
from benchmarks.shapes import burst
from benchmarks.specs import ITEMS
from benchmarks.stack import Stack

_STEPS = (1_000, 10_000, 100_000)
_WORKERS = (1, 2, 4)
_LINKS = 32


def steps(bench: Bench) -> None:
    """Tell runs of 1,000 to 100,000 steps, each row beside the shortest: 1 is as cheap a step."""
    least = 0.0
    for count in _STEPS:
        inputs = {"thousands": list(range(count // ITEMS)), "items": list(range(ITEMS))}
        once = lambda: burst(bench.stack, bench.single, "scale", 1, 0.01, inputs)  # noqa: E731, B023
        repeats = 1 if count > 10_000 else min(bench.repeats, 3)
        shape, _, _ = measure(bench.stack, f"steps{count // 1000}k", count, once, repeats)
        used = sum(shape.cpu.values()) / (count * repeats)
        least = least or used
        bench.tell({**shape.told(), "times_cpu_of_1k": rounded(used / least)})


def workers(bench: Bench) -> None:
    """Tell a thousand diamonds on one, two and four worker processes, a stack for each."""
    first = 0.0
    for count in _WORKERS:
        with Stack(count) as stack:
            load = stack.load(_LINKS)
            once = lambda: burst(stack, load, "diamond", 1000, 0.005)  # noqa: E731, B023
            shape, _, _ = measure(stack, f"workers{count}", 5000, once, min(bench.repeats, 3))
            load.close()
        row = shape.told()
        pace = float(str(row["steps_per_second"]))
        first = first or pace
        bench.tell({**row, "times_pace_of_1": rounded(pace / first)})
