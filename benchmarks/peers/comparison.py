"""Peers beside SARK, shape by shape: the ratio of medians of the same minutes."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from benchmarks.figures import Row, quantile, rounded

COLUMNS: Mapping[str, str] = {
    "shape": "shape",
    "peer": "engine",
    "seconds": "seconds",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "tasks_per_second": "tasks/s",
    "cpu_seconds_per_1000_tasks": "CPU s / 1,000",
    "sark": "SARK beside it",
    "times_sark": "x SARK",
    "times_sark_cpu": "x its CPU",
    "note": "note",
}


def compare(peer: str, theirs: Iterable[Row], ours: Mapping[str, Row]) -> list[Row]:
    """Return a row for each shape of a peer, beside SARK's of the same shape.

    Each row has `seconds`, a list of repeats. `times_sark` is how many times as long the peer took.
    A way of doing a shape, after a slash in its name, is compared with the same shape.
    """
    return [_row(peer, row, ours.get(str(row["shape"]).partition("/")[0])) for row in theirs]


def _row(peer: str, row: Row, sark: Row | None) -> Row:
    seconds = _numbers(row)
    median = statistics.median(seconds)
    told: Row = {"shape": row["shape"], "peer": peer}
    if row["shape"] == "latency":
        told["p50_ms"] = rounded(1000 * median)
        told["p99_ms"] = rounded(1000 * quantile(seconds, 0.99))
    else:
        told["seconds"] = rounded(median)
    tasks, cpu = row.get("tasks"), row.get("cpu_seconds_per_1000_tasks")
    if isinstance(tasks, int):
        told["tasks_per_second"] = rounded(tasks / median)
    if isinstance(cpu, float):
        told["cpu_seconds_per_1000_tasks"] = rounded(cpu)
    if sark is not None:
        beside = statistics.median(_numbers(sark))
        told["sark"] = rounded(1000 * beside if row["shape"] == "latency" else beside)
        told["times_sark"] = rounded(median / beside)
        ours = sark.get("cpu_seconds_per_1000_tasks")
        if isinstance(cpu, float) and isinstance(ours, float):
            told["times_sark_cpu"] = rounded(cpu / ours)
    if isinstance(tasks, int) and row.get("counted") != tasks:
        told["note"] = f"stopped: {row['counted']} of {tasks} tasks, the time is for all"
    return told


def _numbers(row: Row) -> Sequence[float]:
    seconds = row["seconds"]
    assert isinstance(seconds, list)
    return seconds
