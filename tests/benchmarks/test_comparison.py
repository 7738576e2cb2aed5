"""A peer is compared with SARK in the same shape, and told if it did not come to an end."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Row
from benchmarks.peers.comparison import compare
from benchmarks.replay import parts

OURS: dict[str, Row] = {
    "flow40": {"seconds": [0.02, 0.02, 0.5], "cpu_seconds_per_1000_tasks": 0.5},
    "latency": {"seconds": [0.002, 0.002]},
}


def test_each_way_of_a_shape_is_compared_with_that_shape():
    """
    The ratio is of medians, in time and in CPU.
    """
    way: Row = {
        "shape": "flow40/queue", "tasks": 40, "counted": 40, "seconds": [0.1, 0.3, 0.2],
        "cpu_seconds_per_1000_tasks": 2.0,
    }  # fmt: skip

    assert [
        {
            "shape": "flow40/queue", "peer": "dbos", "seconds": 0.2, "tasks_per_second": 200.0,
            "cpu_seconds_per_1000_tasks": 2.0, "sark": 0.02, "times_sark": 10.0,
            "times_sark_cpu": 4.0,
        }
    ] == compare("dbos", [way], OURS)  # fmt: skip


def test_latency_is_told_in_milliseconds():
    """
    A latency has its median and its 99th of a hundred.
    """
    (row,) = compare("dbos", [{"shape": "latency", "seconds": [0.004] * 98 + [0.1] * 2}], OURS)

    assert [4.0, 100.0, 2.0, 2.0] == [
        row[name] for name in ("p50_ms", "p99_ms", "sark", "times_sark")
    ]


def test_what_was_stopped_is_told():
    """
    A peer that was stopped has a note of how far it came, and no shape that SARK lacks a ratio.
    """
    row: Row = {
        "shape": "runs1000", "tasks": 5000, "counted": 90, "seconds": [3000.0],
        "stopped_after": 60.0,
    }  # fmt: skip

    (told,) = compare("prefect", [row], OURS)

    assert "stopped after 60 s: 90 of 5000 tasks, the time is for all" == told["note"]
    assert "times_sark" not in told


def test_what_came_to_nothing_has_no_time():
    """
    A shape of which no task ended in time has no figure that could be taken for one.
    """
    row: Row = {
        "shape": "fan1000/queue", "tasks": 1001, "counted": 0, "seconds": [], "stopped_after": 0.5,
    }  # fmt: skip

    assert [
        {"shape": "fan1000/queue", "peer": "dbos", "note": "stopped after 0.5 s: 0 of 1001 tasks"}
    ] == compare("dbos", [row], {"fan1000": {"seconds": [0.1]}})


@given(st.integers(0, 300), st.integers(0, 400))
def test_rows_are_replayed_whole_and_in_order(count: int, commits: int):
    """
    A bare loop writes every row once, in the order of time, in as many commits where it can.
    """
    began = datetime(2026, 1, 1, tzinfo=UTC)
    writes = [(began + timedelta(seconds=number), 2, (number,)) for number in range(count)]

    found = list(parts(writes, commits))

    assert writes == [write for part in found for write in part]
    assert max(1, min(commits, count)) == len(found)
