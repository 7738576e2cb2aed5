"""Files written anew: what would change as a diff, and each replaced whole or not at all."""

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from difflib import unified_diff
from pathlib import Path
from tempfile import mkstemp

import click

from engine.cli.output import coloured, plain
from engine.core.exposure import covered

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}


def diff(name: str, source: bytes, made: bytes) -> Iterator[str]:
    """Yield the lines of a unified diff, with what `patch` wants where a line has no end.

    Secrets that are written into the file are covered.
    """
    one, other = (covered(each.decode("utf-8", "replace")) for each in (source, made))
    if one == other:
        return
    lines = unified_diff(_lines(one), _lines(other), plain(name), plain(name))
    for line in lines:
        end = "" if line.endswith("\n") else "\n\\ No newline at end of file\n"
        colour = _COLOURS.get(line[0]) if coloured() else None
        yield (click.style(line, fg=colour) if colour else line) + end


def replace(file: Path, data: bytes) -> None:
    """Put a new file in the place of one, of the same mode and, if we may, owner.

    A file that may not be written stays, although its folder would let it be replaced.
    """
    target = file.resolve()
    if not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))
    about = target.stat()
    number, name = mkstemp(prefix=f".{target.name}.", suffix=".half", dir=target.parent)
    try:
        with open(number, "wb") as half:
            half.write(data)
        with suppress(PermissionError):
            os.chown(name, about.st_uid, about.st_gid)
        os.chmod(name, stat.S_IMODE(about.st_mode))
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)
