"""`sark diff`: what a change of specs means."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.garbage import uncollected
from engine.cli.options import as_json
from engine.cli.output import Exit, coloured
from engine.cli.output import as_json as print_json
from engine.errors import Invalid

if TYPE_CHECKING:
    from engine.core.diagnostic import Diagnostic


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
    from engine.cli import ends
    from engine.core import change, review
    from engine.core.facts import Catalogue
    from engine.git.here import here
    from engine.operations import catalogue

    if not Path(path).is_dir():
        raise click.UsageError(f"PATH is the folder of a source; {path!r} is none")
    repository = here(Path(path))
    base, head = ends.between(repository, range_)
    reader = ends.Ends(repository)
    old = reader.of_commit(base)
    new = reader.of_folder() if head is None else reader.of_commit(head)
    ends.tell_base(old)
    to = new.head.commit[:12] or f"the {new.head.name}"
    _check(ends.errors(new), to)
    told = review.make(review.Place(""), old.end, new.end, Catalogue(catalogue()))
    changes, now = told.changes, at or datetime.now(UTC)
    click.echo(f"from {base.commit[:12]} to {to}, {told.specs} specs", err=True)
    if json_ or format_ == "json":
        sha = new.head.commit or None
        print_json({"base": base.commit, "head": sha, **change.as_json(changes, now)})
    elif format_ == "markdown":
        click.echo(review.as_markdown(told, now), nl=False)
    else:
        click.echo(change.as_text(changes, now), nl=False)
    sys.exit(Exit.FAILED if changes and exit_code else Exit.OK)


def _check(errors: "Sequence[Diagnostic]", where: str) -> None:
    """Raise Invalid for specs that do not compile."""
    from engine.core import rendering

    if errors:
        click.echo(rendering.as_text(errors, {}, coloured()), nl=False, err=True)
        raise Invalid(f"{len(errors)} errors in {where}; nothing of it would be activated")
