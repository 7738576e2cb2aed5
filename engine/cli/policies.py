"""`sark policies`; and the policies of a work tree, for whoever checks or tests them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import as_json
from engine.cli.output import as_json as print_json
from engine.cli.output import coloured, table
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.core.diagnostic import Diagnostic

_FOLDER = "policies"
_SUFFIX = ".polar"
_MAX_BYTES = 256 << 10


@click.command()
@click.argument(
    "path", metavar="[PATH]", default=".", type=click.Path(exists=True, file_okay=False)
)
@as_json
def policies(path: str, json_: bool) -> None:
    """List the rules that judge a change below PATH, with what each is for.

    PATH is the folder that a source has as its root; its policies are in policies/*.polar. Without
    one of them, rules that are built in judge.
    """
    from engine import rulings
    from engine.core import rendering

    sources = below(Path(path))
    _, read = rulings.opened(sources)
    found = rulings.findings(sources)
    if found:
        shown = {name: data.decode("utf-8", "replace") for name, data in sources.items()}
        click.echo(rendering.as_text(found, shown, coloured()), nl=False, err=True)
        raise Invalid(f"the policies below {path} cannot be used: every change would be denied")
    if json_:
        return print_json([
            {
                "name": each.name, "sentence": each.sentence, "file": each.span.file,
                "line": each.span.line, "about": "whole" if each.is_whole else "change",
            }
            for each in read.rules
        ])  # fmt: skip
    rows = [[each.name, each.sentence, f"{each.span.file}:{each.span.line}"] for each in read.rules]
    return table(("rule", "what it is for", "where"), rows, "No rule judges a change here.")


def is_there(root: Path) -> bool:
    """True if a root may have policies of its own."""
    folder = root / _FOLDER
    return folder.is_dir() and not folder.is_symlink()


def below(root: Path) -> dict[str, bytes]:
    """Return the policies of a root by the names that findings show; they are plain files."""
    found: dict[str, bytes] = {}
    for folder, folders, files in os.walk(root / _FOLDER) if is_there(root) else ():
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(files):
            file = Path(folder) / name
            if name.endswith(_SUFFIX) and not name.startswith(".") and _is_plain(file):
                with file.open("rb") as opened:
                    found[os.path.relpath(file)] = opened.read(_MAX_BYTES + 1)
    return found


def _is_plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink()


def findings(root: Path) -> "list[Diagnostic]":
    """Return what is wrong with the policies of a root."""
    if not is_there(root):
        return []
    from engine import rulings

    return rulings.findings(below(root))
