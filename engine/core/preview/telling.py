"""A preview told: to a terminal, in Markdown that stays what it is, and to programs."""

from collections.abc import Iterator

from engine.core.preview.model import By, Preview, Row
from engine.core.review.inert import cell, code, prose
from engine.core.values import Json, format_duration

MOST_ROWS = 100
"""How many steps are shown to people; programs are told all."""
LIMIT = 16_000
"""How many characters a preview has in Markdown, at most."""
_RESERVE = 200
_HEADS = ("  at", "step", "what", "came to")


def as_text(told: Preview) -> str:
    """Return the timeline in columns, and below it how it ended."""
    rows = [_HEADS, *(_cells(each) for each in told.rows[:MOST_ROWS])] if told.rows else []
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(3)]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    more = len(told.rows) - MOST_ROWS
    lines += [f"  and {more} more steps; --json has them all"] if more > 0 else []
    return "\n".join([*lines, headline(told), *_sentences(told)]) + "\n"


def as_markdown(told: Preview) -> str:
    """Return the timeline as a table, `LIMIT` characters at most; rows that find no room are cut.

    Whatever an author has named stands in code spans.
    """
    lines = [f"### SARK preview of {code(told.workflow)}: {_verdict(told)}", ""]
    lines += [f"{prose(each)}\n" for each in _sentences(told)]
    if not told.rows:
        return "\n".join(lines)
    lines += ["| At | Step | What | Came to |", "|---|---|---|---|"]
    room = LIMIT - _RESERVE - sum(len(each) + 1 for each in lines)
    shown = 0
    for row in told.rows[:MOST_ROWS]:
        error = f": {cell(prose(row.error))}" if row.error else ""
        line = f"| {_at(row)} | {cell(code(row.path))} | {code(row.what)} | {_ended(row)}{error} |"
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
        shown += 1
    more = len(told.rows) - shown
    lines += ["", f"… and {more} more steps."] if more else []
    return "\n".join([*lines, ""])


def as_json(told: Preview) -> Json:
    """Return all that a preview has come to."""
    return {
        "workflow": told.workflow,
        "state": told.state or None,
        "seconds": told.took.total_seconds(),
        "error": told.error or None,
        "given_up": told.given_up or None,
        "problems": list(told.problems),
        "emitted": list(told.emitted),
        "steps": [_step(each) for each in told.rows],
    }


def headline(told: Preview) -> str:
    """Return in a line how it ended."""
    return f"{told.workflow}: {_verdict(told)}"


def _verdict(told: Preview) -> str:
    if told.problems:
        return "it does not start"
    took = format_duration(told.took)
    return f"given up after {took}" if told.given_up else f"{told.state} after {took}"


def _sentences(told: Preview) -> Iterator[str]:
    yield from told.problems
    if told.problems:
        return
    if told.given_up:
        yield told.given_up
    if told.error:
        yield told.error
    doubles, mocks = told.answered(By.DOUBLE), told.answered(By.MOCK)
    yield (
        "Nothing was called, and its clock is its own; "
        f"steps answered by doubles: {doubles}, by mocks of tests: {mocks}."
    )
    if told.emitted:
        yield f"It would emit {', '.join(dict.fromkeys(told.emitted))}."


def _cells(row: Row) -> tuple[str, str, str, str]:
    error = f": {row.error}" if row.error else ""
    return f"  {_at(row)}", row.path, row.what, f"{_ended(row)}{error}"


def _at(row: Row) -> str:
    return "" if row.at is None else f"+{format_duration(row.at)}"


def _ended(row: Row) -> str:
    """Return how a step ended, in words of ours alone."""
    told = row.state + (f" ({row.reason})" if row.reason else "")
    told += f", {row.attempts} attempts" if row.attempts > 1 else ""
    return told + (f", by a {row.by.value}" if row.by and row.state == "succeeded" else "")


def _padded(row: tuple[str, str, str, str], widths: list[int]) -> Iterator[str]:
    yield from (text.ljust(width) for text, width in zip(row, widths, strict=False))
    yield row[3]


def _step(row: Row) -> Json:
    return {
        "path": row.path,
        "what": row.what,
        "state": row.state,
        "seconds": None if row.at is None else row.at.total_seconds(),
        "reason": row.reason or None,
        "attempts": row.attempts,
        "by": row.by.value or None,
        "error": row.error or None,
    }
