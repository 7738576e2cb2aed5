"""Peers beside SARK, shape by shape: the ratio of medians of the same minutes."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence

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
    seconds = _numbers(row)
    if seconds:
        told |= _figures(row, statistics.median(seconds))
        if sark is not None:
            told |= _beside(row, statistics.median(seconds), sark)
    notes = "; ".join(_notes(row))
    return {**told, "note": notes} if notes else told


def _notes(row: Row) -> Iterator[str]:
    """Tell what is to be known of a row: that it failed, was stopped, or had something beside it.

    The time of a shape that was stopped is what all of it would take at the pace that it had.
    """
    of = next((f"{row[unit]} {unit}" for unit in ("tasks", "requests") if unit in row), "")
    if "failed" in row:
        yield f"failed: {row['failed']}"
    if "stopped_after" in row:
        whole = ", the time is for all" if row["seconds"] and "tasks" in row else ""
        yield f"stopped after {row['stopped_after']:g} s: {row['counted']} of {of}{whole}"
    elif of and "failed" not in row and row["counted"] != int(of.split()[0]):
        yield f"{row['counted']} counted of {of}"
    if "beside" in row:
        yield f"beside what was left of {row['beside']}"


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
