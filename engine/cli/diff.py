"""`sark diff`: what a change of specs means."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.folder import Beside, read
from engine.cli.garbage import uncollected
from engine.cli.options import as_json
from engine.cli.output import Exit, coloured
from engine.cli.output import as_json as print_json
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.git.here import Here
    from engine.source import Compiled

_MAX_FILE = 256 << 10
_WORK_TREE = "the work tree"


@click.command()
@click.argument("range_", metavar="[RANGE]", default="HEAD")
@click.argument("path", metavar="[PATH]", default=".")
@click.option(
    "--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]), metavar="INSTANT",
    help="Tell the next starts of schedules from then on, as 2026-03-28T00:00:00Z; else from now.",
)  # fmt: skip
@click.option(
    "--format", "format_", type=click.Choice(["text", "markdown", "json"]), default="text",
    show_default=True,
)  # fmt: skip
@click.option("--exit-code", is_flag=True, help="End with 1 if a workflow changes.")
@as_json
@uncollected()
def diff(
    range_: str, path: str, at: datetime | None, format_: str, exit_code: bool, json_: bool
) -> None:
    """Show what changes from one commit to another, or to the files as they are.

    RANGE is COMMIT (from there to the files at PATH; HEAD unless told), A..B, or A...B (from where
    B has left A, as a pull request). PATH is the folder that a source has as its root.

    What workflows say is compared, not how they are written: comments and formatting are no
    change. A workflow that is new or gone is told as a whole, another one place by place, with what
    it newly reaches: secrets, hosts, operations, and steps that destroy.
    """
    from engine.core import change, review
    from engine.core.facts import Catalogue
    from engine.git.here import here
    from engine.operations import catalogue

    repository = here(Path(path))
    base, head = _ends(repository, range_)
    old = _of_commit(repository, base)
    new = _of_folder(path) if head is None else _of_commit(repository, head)
    _check(old, base[:12], is_base=True)
    _check(new, _WORK_TREE if head is None else head[:12], is_base=False)
    ends = [
        review.End(review.Head(name, sha), each.plans, each.files, each.diagnostics)
        for name, sha, each in (("", base, old), (_WORK_TREE, head or "", new))
    ]
    told = review.make(review.Place(""), *ends, Catalogue(catalogue()))
    changes = told.changes
    now = at or datetime.now(UTC)
    to = _WORK_TREE if head is None else head[:12]
    click.echo(f"from {base[:12]} to {to}, {new.files} specs", err=True)
    if json_ or format_ == "json":
        print_json({"base": base, "head": head, **change.as_json(changes, now)})
    elif format_ == "markdown":
        click.echo(review.as_markdown(told, now), nl=False)
    else:
        click.echo(change.as_text(changes, now), nl=False)
    sys.exit(Exit.FAILED if changes and exit_code else Exit.OK)


def _ends(repository: "Here", range_: str) -> tuple[str, str | None]:
    """Return the commits of a range, None for the files as they are; raise Invalid for none."""
    for mark in ("...", ".."):
        before, found, after = range_.partition(mark)
        if found:
            base, head = (repository.commit(each or "HEAD") for each in (before, after))
            return repository.fork(base, head) if mark == "..." else base, head
    return repository.commit(range_), None


def _of_commit(repository: "Here", commit: str) -> "Compiled":
    """Return what the specs of a commit compile to."""
    from engine.operations import catalogue
    from engine.source import Beside as Committed
    from engine.source import File, compile_files, is_spec

    tree = repository.tree(commit)
    held = repository.contents(tree, _MAX_FILE)
    files = {name: File(name, tree.blobs[name], _content(held, name)) for name in held}
    specs = [each for name, each in files.items() if is_spec(name)]
    return compile_files(specs, catalogue(), beside=Committed(files))


def _content(held: Mapping[str, bytes | None], name: str) -> bytes:
    data = held[name]
    if data is None:
        raise Invalid(f"{name} is over {_MAX_FILE >> 10} KiB; a source does not read it")
    return data


def _of_folder(path: str) -> "Compiled":
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


def _check(compiled: "Compiled", where: str, *, is_base: bool) -> None:
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
