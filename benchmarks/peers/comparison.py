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

    Each row has `seconds`, a list of repeats, empty where none came to anything; `times_sark` is
    how many times as long the peer took.
    A way of doing a shape, after a slash in its name, is compared with the same shape.
    """
    return [_row(peer, row, ours.get(str(row["shape"]).partition("/")[0])) for row in theirs]


def _row(peer: str, row: Row, sark: Row | None) -> Row:
    told: Row = {"shape": row["shape"], "peer": peer}
    seconds, tasks = _numbers(row), row.get("tasks")
    if seconds:
        told |= _figures(row, statistics.median(seconds))
        if sark is not None:
            told |= _beside(row, statistics.median(seconds), sark)
    if isinstance(tasks, int) and row.get("counted") != tasks:
        whole = ", the time is for all" if seconds else ""
        told["note"] = f"stopped: {row['counted']} of {tasks} tasks{whole}"
    return told


def _figures(row: Row, median: float) -> Row:
    """Return what a row tells by itself."""
    tasks, cpu = row.get("tasks"), row.get("cpu_seconds_per_1000_tasks")
    told: Row = {"seconds": rounded(median)}
    if row["shape"] == "latency":
        high = quantile(_numbers(row), 0.99)
        told = {"p50_ms": rounded(1000 * median), "p99_ms": rounded(1000 * high)}
    if isinstance(tasks, int):
        told["tasks_per_second"] = rounded(tasks / median)
    if isinstance(cpu, float):
        told["cpu_seconds_per_1000_tasks"] = rounded(cpu)
    return told


def _beside(row: Row, median: float, sark: Row) -> Row:
    """Return what SARK took for the same, in milliseconds where that is a latency, and ratios."""
    ours = statistics.median(_numbers(sark))
    told: Row = {"sark": rounded(1000 * ours if row["shape"] == "latency" else ours)}
    told["times_sark"] = rounded(median / ours)
    cpu = [each.get("cpu_seconds_per_1000_tasks") for each in (row, sark)]
    match cpu:
        case [float(theirs), float(own)] if own:
            told["times_sark_cpu"] = rounded(theirs / own)
    return told


def _numbers(row: Row) -> Sequence[float]:
    seconds = row["seconds"]
    assert isinstance(seconds, list)
    return seconds
