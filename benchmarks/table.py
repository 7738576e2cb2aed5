"""Rows of figures as a table in Markdown, to paste into a page or a pull request."""

from collections.abc import Mapping, Sequence

from benchmarks.figures import Row

# What a table of shapes shows, and under which heading; the JSON has all of it.
COLUMNS: Mapping[str, str] = {
    "shape": "shape",
    "seconds": "seconds",
    "spread": "spread",
    "steps_per_second": "steps/s",
    "cpu_seconds_per_1000_steps": "CPU s / 1,000",
    "cpu_by_process": "by process",
    "wal_bytes_per_step": "WAL B / step",
    "steps_per_commit": "steps / commit",
    "memory_mb": "peak MB",
    "times_40_bare_commits": "x 40 commits",
    "times_same_rows": "x same rows bare",
    "times_dramatiq": "x Dramatiq no-ops",
    "times_cpu_of_1k": "x CPU of steps1k",
    "times_pace_of_1": "x pace of workers1",
}


def table(rows: Sequence[Row], columns: Mapping[str, str]) -> str:
    """Return rows as a table; columns that no row has are left out, what a row lacks is empty.

    Without rows there is no table, but an empty text.
    """
    if not rows:
        return ""
    shown = [name for name in columns if any(row.get(name) is not None for row in rows)]
    lines = [[columns[name] for name in shown], ["---"] * len(shown)]
    lines += [[text(row.get(name)) for name in shown] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(rows: Sequence[Row]) -> str:
    """Return rows that are unlike each other, a line each: its shape, then figure by figure."""
    return "\n".join(f"- {row['shape']}: {_figures(row)}" for row in rows)


def _figures(row: Row) -> str:
    figures = (f"{name.replace('_', ' ')} {text(row[name])}" for name in row if name != "shape")
    return "; ".join(figures)


def text(value: object) -> str:
    """Return a figure as a person reads it."""
    match value:
        case None:
            return ""
        case dict():
            return ", ".join(f"{name} {text(each)}" for name, each in value.items() if each)
        case [low, high]:
            return f"{text(low)} to {text(high)}"
        case int() if not isinstance(value, bool):
            return f"{value:,}"
        case float() if value >= 1000:
            return f"{value:,.0f}"
    return str(value)
