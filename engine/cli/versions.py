"""What the specs of a commit, or of the work tree, compile to."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.folder import Beside, read
from engine.cli.output import coloured
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.git.here import Here
    from engine.source import Cache, Compiled

_MAX_FILE = 256 << 10


def of_commit(repository: "Here", commit: str, cache: "Cache | None" = None) -> "Compiled":
    """Return what the specs of a commit compile to; with a `cache`, only what has changed."""
    from engine.operations import catalogue
    from engine.source import Beside as Committed
    from engine.source import File, compile_files, is_spec

    tree = repository.tree(commit)
    held = repository.contents(tree, _MAX_FILE)
    files = {name: File(name, tree.blobs[name], _content(held, name)) for name in held}
    specs = [each for name, each in files.items() if is_spec(name)]
    return compile_files(specs, catalogue(), cache, beside=Committed(files))


def of_folder(path: str) -> "Compiled":
    """Return what the specs in a folder compile to, as they are now."""
    from engine.cli.checking import files
    from engine.operations import catalogue
    from engine.source import compile_files

    if not Path(path).is_dir():
        raise click.UsageError(f"PATH is the folder of a source; {path!r} is none")
    given = read([path])
    named = {Path(name).resolve().relative_to(given.root).as_posix(): data
             for name, data in given.texts.items()}  # fmt: skip
    return compile_files(files(named).values(), catalogue(), beside=Beside(given.root))


def check(compiled: "Compiled", where: str, *, is_base: bool = False) -> None:
    """Raise Invalid for specs that do not compile; before a change they are only told."""
    from engine.core import rendering
    from engine.core.diagnostic import Severity

    errors = [each for each in compiled.diagnostics if each.severity is Severity.ERROR]
    if not errors:
        return
    if is_base:
        told = "what did not compile there is told as new"
        click.echo(f"sark: {len(errors)} errors in {where}; {told}", err=True)
        return
    click.echo(rendering.as_text(errors, {}, coloured()), nl=False, err=True)
    raise Invalid(f"{len(errors)} errors in {where}; nothing of it would be activated")


def _content(held: Mapping[str, bytes | None], name: str) -> bytes:
    data = held[name]
    if data is None:
        raise Invalid(f"{name} is over {_MAX_FILE >> 10} KiB; a source does not read it")
    return data
