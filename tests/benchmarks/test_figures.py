"""Figures are what they say: medians, ratios, digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.figures import Row, Shape, largest, quantile, rounded
from benchmarks.table import plain, table, text


def test_a_shape_tells_medians_and_what_a_step_costs():
    """
    A row has the median of the repeats and its spread, and sums divided by all of their steps.
    """
    shape = Shape("flow40", 40, seconds=[0.2, 0.1, 0.4], bare=[0.1, 0.1, 0.2], wal=24_000, writes=6)
    shape.cpu.update({"worker": 0.06, "postgres": 0.06, "server": 0})

    row = shape.told({"same_rows": 0.1})

    assert [0.2, [0.1, 0.4], 200, 2.0, 2.0] == [
        row[name] for name in (
            "seconds", "spread", "steps_per_second", "times_40_bare_commits", "times_same_rows"
        )
    ]  # fmt: skip
    assert {"worker": 0.5, "postgres": 0.5} == row["cpu_by_process"]
    assert [1.0, 200, 20.0] == [
        row[name]
        for name in ("cpu_seconds_per_1000_steps", "wal_bytes_per_step", "steps_per_commit")
    ]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, 0.0), (0.012345, 0.0123), (1.23456, 1.23), (12.3456, 12.3), (12345.6, 12346.0)],
)
def test_three_digits_are_kept(value: float, shown: float):
    """
    A figure has three digits, and never loses one of its whole part.
    """
    assert shown == rounded(value)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200))
def test_a_quantile_is_one_of_the_values(values: list[float]):
    """
    The 99th of a hundred is a value that was measured, and no other is guessed.
    """
    found = quantile(values, 0.99)

    assert found in values
    assert sum(value > found for value in values) <= len(values) * 0.01


def test_the_largest_look_is_that_of_all_processes_together():
    """
    Peak memory is one instant's sum, and not a sum of peaks at different instants.
    """
    looks = [{"worker": 90.0, "postgres": 10.0}, {"worker": 60.0, "postgres": 50.0}]

    assert looks[1] == largest(looks)
    assert {} == largest([])


def test_a_table_has_the_columns_that_some_row_has():
    """
    A table can be pasted into a page: what no row has is no column, what one lacks is empty.
    """
    rows: list[Row] = [
        {"shape": "a", "seconds": 0.5, "more": None},
        {"shape": "b", "spread": [1, 2000]},
    ]
    columns = {"shape": "shape", "seconds": "s", "spread": "spread", "more": "more"}

    assert [
        "| shape | s | spread |", "| --- | --- | --- |", "| a | 0.5 |  |", "| b |  | 1 to 2,000 |",
    ] == table(rows, columns).splitlines()  # fmt: skip
    assert "" == table([], columns)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""), (True, "True"), (1234, "1,234"), (1234.5, "1,234"), (0.25, "0.25"),
        ({"worker": 1.5, "up": 0}, "worker 1.5"), ([0.1, 0.2], "0.1 to 0.2"), ("x", "x"),
    ],
)  # fmt: skip
def test_a_figure_is_shown_as_a_person_reads_it(value: object, shown: str):
    """
    Thousands are parted, nothing is nothing, and a spread says from and to.
    """
    assert shown == text(value)


def test_rows_unlike_each_other_are_lines():
    """
    What fits into no table is told figure by figure.
    """
    assert "- idle: cpu percent 0.4; memory mb 180" == plain(
        [{"shape": "idle", "cpu_percent": 0.4, "memory_mb": 180}]
    )
