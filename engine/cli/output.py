"""How commands speak: data on stdout, talk on stderr, and the documented exit codes."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import NoReturn

import click

from engine.core.values import Json
from engine.errors import Denied, Misconfigured, NotFound, SarkError, Unavailable


class Exit(IntEnum):
    """The exit codes, as docs/reference/exit-codes.md lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    DENIED = 4
    UNREACHABLE = 5
    INTERRUPTED = 130


_COLOURS = {
    "succeeded": "green",
    "failed": "red",
    "cancelled": "yellow",
    "skipped": "bright_black",
    "running": "cyan",
    "waiting": "cyan",
    "queued": "bright_black",
    "True": "green",
    "False": "red",
}


def guarded(command: Callable[[], object]) -> NoReturn:
    """Run a command to the process's exit code; what we know becomes one sentence."""
    try:
        command()
    except SarkError as error:
        click.echo(f"sark: {error}", err=True)
        sys.exit(_code(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)
    sys.exit(Exit.OK)


def coloured() -> bool:
    """True if stdout may carry colour: a terminal, and nobody said no."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def word(text: str) -> str:
    """Return a status word, in its colour where that is wanted."""
    return click.style(text, fg=_COLOURS.get(text)) if coloured() else text


def plain(value: Json) -> str:
    """Return a value on one line, control characters made visible."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def as_json(value: Json) -> None:
    """Print a value as indented JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def table(heads: Sequence[str], rows: Sequence[Sequence[Json]], empty: str) -> None:
    """Print rows in aligned columns under their heads, or the sentence for none."""
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [["" if cell is None else plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    click.echo(_line([head.upper() for head in heads], widths))
    for row in cells:
        click.echo(_line(row, widths))


def since(instant: Json) -> str:
    """Return how long ago an RFC 3339 instant was, short: `4s`, `12m`, `3h`, `2d`."""
    from datetime import UTC, datetime

    if not isinstance(instant, str):
        return ""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(instant)).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def members(value: Json) -> Mapping[str, Json]:
    """Return a JSON object, or an empty one where the server sent something else."""
    return value if isinstance(value, Mapping) else {}


def items(value: Json) -> list[Mapping[str, Json]]:
    """Return the objects of a list page."""
    listed = members(value).get("items")
    return [members(each) for each in listed] if isinstance(listed, list) else []


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (word(c) + " " * (w - len(c)) for c, w in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _code(error: SarkError) -> Exit:
    match error:
        case Denied():
            return Exit.DENIED
        case Unavailable():
            return Exit.UNREACHABLE
        case Misconfigured():
            return Exit.USAGE
        case NotFound():
            return Exit.FAILED
        case _:
            return Exit.FAILED
