"""How commands speak: data on stdout, talk on stderr, and the documented exit codes."""

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from io import TextIOWrapper
from typing import NoReturn

import click

from engine.core.values import Json
from engine.errors import Denied, Invalid, Misconfigured, SarkError, Unavailable

_NARROWEST = 8


class Exit(IntEnum):
    """The exit codes, as docs/reference/exit-codes.md lists them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CANCELLED = 3
    DENIED = 4
    UNREACHABLE = 5
    DEFECT = 70
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
    """Run a command to the process's exit code; what we know becomes one sentence.

    `command` is click's, not in its standalone mode. A file that cannot be read or written is
    known too; any other exception is a defect of ours, and is shown whole.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        command()
    except SarkError as error:
        _say(error)
        sys.exit(_code(error))
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(Exit.INTERRUPTED)
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        click.echo(f"sark: {plain(str(error.filename or 'output'))}: {error.strerror}", err=True)
        if error.filename is None:
            _discard_output()
        sys.exit(Exit.FAILED)
    sys.exit(Exit.OK)


def _discard_output() -> None:
    """Let the last flush of the interpreter go nowhere; failing, it would change the exit code.

    Borrowed from Python's manual, "Note on SIGPIPE".
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def as_json(value: Json, indent: int | None = 2) -> None:
    """Print a value as JSON, indented or on one line."""
    click.echo(inert(json.dumps(value, indent=indent, ensure_ascii=False)))


def inert(text: str) -> str:
    """Return JSON in which whatever a terminal would obey is escaped."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def table(heads: Sequence[str], rows: Sequence[Sequence[Json]], empty: str) -> None:
    """Print rows in aligned columns under their heads, or the sentence for none.

    On a terminal a line is not longer than the terminal is wide; piped, nothing is cut.
    """
    from shutil import get_terminal_size

    from engine.core.rendering.excerpt import width_of

    if not rows:
        click.echo(empty, err=True)
        return
    cells = [["" if cell is None else plain(cell) for cell in row] for row in rows]
    widths = [max(map(width_of, column)) for column in zip(heads, *cells, strict=True)]
    if sys.stdout.isatty():
        _narrow(widths, get_terminal_size().columns)
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
    from engine.core.rendering.excerpt import width_of

    shown = [_cut(c, w) for c, w in zip(cells, widths, strict=True)]
    padded = (word(c) + " " * (w - width_of(c)) for c, w in zip(shown, widths, strict=True))
    return "  ".join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    from engine.core.rendering.excerpt import width_of

    if width_of(text) <= width:
        return text
    while width_of(text) >= width:
        text = text[:-1]
    return f"{text}…"


def _narrow(widths: list[int], room: int) -> None:
    """Take columns from the widest until a line fits; the first names the row and stays whole."""
    while sum(widths) + 2 * (len(widths) - 1) > room and max(widths[1:]) > _NARROWEST:
        widths[1 + widths[1:].index(max(widths[1:]))] -= 1


def _say(error: SarkError) -> None:
    """Tell an error, a line each; what the far side wrote may not steer the terminal."""
    lines = [plain(line) for line in str(error).splitlines()]
    if isinstance(error, Invalid):
        lines += [f"  {plain(where) or '/'}: {plain(told)}" for where, told in error.problems]
    click.echo("sark: " + "\n".join(lines), err=True)


def _code(error: SarkError) -> Exit:
    match error:
        case Denied():
            return Exit.DENIED
        case Unavailable():
            return Exit.UNREACHABLE
        case Misconfigured():
            return Exit.USAGE
        case _:
            return Exit.FAILED
