"""`sark rollback`: an earlier commit is live at once, and Git is asked to say so, too."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.client import Client, at, connect
from engine.cli.options import as_json
from engine.cli.output import as_json as print_json
from engine.cli.output import inert, members, plain
from engine.cli.overrides import WAIT, WHY, put, show, span_of
from engine.cli.sources import conditions
from engine.core.override import Kind
from engine.core.values import Json
from engine.errors import Conflict, SarkError

if TYPE_CHECKING:
    from engine.cli.reverting import Proposed, Revert
    from engine.settings import Settings


@click.command()
@click.argument("source")
@click.option("--to", "commit", required=True, metavar="SHA", help="The commit's full hash.")
@WHY
@span_of(Kind.ROLLBACK, required=False)
@WAIT
@click.option("--open-pr", is_flag=True, help="Open a pull request that reverts the branch to SHA.")
@click.option("--path", default=".", metavar="DIR", help="With it: a folder of the repository (.).")
@click.option(
    "--branch", metavar="NAME", help="With it: the new branch (rollback/SOURCE-<commit>)."
)
@click.option("--server", metavar="URL", help="The server; else SARK_SERVER, or the state's.")
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--state", metavar="DIR", help="The state folder, where the token is.")
@as_json
def rollback(
    source: str, commit: str, reason: str, span: str | None, wait: bool, open_pr: bool, path: str,
    branch: str | None, server: str | None, config: str | None, state: str | None, json_: bool,
) -> None:  # fmt: skip
    """Make an earlier commit of SOURCE live, and hold all others until it is unpinned.

    With --open-pr, Git is told: on a new branch, on top of the one that SOURCE follows, a commit
    makes the files of SOURCE those of SHA, or names SHA in the Environment document that pins it.
    It is pushed to `origin`, and a pull request is opened where the source has a `forge`; else the
    command says how to do it. What is in the way is said before anything is rolled back.
    """
    if branch is not None and not open_pr:
        raise click.UsageError("--branch names the branch of --open-pr")
    client, revert, settings = connect(server, config, state), None, None
    if open_pr:
        revert, settings = _prepared(client, source, commit, Path(path), branch, config, state)
    told = {"reason": reason, "commit": commit, **({} if span is None else {"for": span})}
    seen = put(client, source, Kind.ROLLBACK, told, wait)
    if revert is None or not json_:
        show(seen, json_)
    if wait and seen.get("active") != commit:
        said = {each["type"]: plain(each["message"]) for each in conditions(seen)}
        why = said.get("RolledBack") or said.get("Ready") or "nobody has looked at it yet"
        raise Conflict(f"source {source} is not rolled back: {why}")
    if revert is not None:
        _propose(revert, settings, reason, seen, json_)


def _prepared(
    client: Client, source: str, commit: str, folder: Path, branch: str | None,
    config: str | None, state: str | None,
) -> "tuple[Revert, Settings | None]":  # fmt: skip
    """Return the change and the configuration that knows its forge, if one does."""
    from engine.cli.proposing import configured
    from engine.cli.reverting import Asked, prepared

    told = members(client.get(at("sources", source)))
    revert = prepared(Asked(folder, branch), told, commit)
    return revert, configured(revert.source, config, state)


def _propose(
    revert: "Revert", settings: "Settings | None", reason: str, seen: Mapping[str, Json],
    json_: bool,
) -> None:  # fmt: skip
    """Make the change, say what has become of it, and end with 1 where somebody has said no."""
    if revert.is_idle:
        if json_:
            return print_json({**seen, "revert": None})
        return click.echo(f"{revert.source.branch} says so already: there is nothing to revert")
    title = f"Roll back {revert.source.name} to {revert.commit[:12]}"
    try:
        made = revert.propose(settings, title, _body(revert, reason))
    except SarkError as error:
        told = f"{revert.source.name} is rolled back, and Git is not told: {error}"
        raise Conflict(told) from error
    if json_:
        print_json({**seen, "revert": _told(revert, made)})
    else:
        click.echo(f"{made.made[:12]} on {made.branch}: {revert.path or 'all files'}")
        click.echo(f"Next: {_next(revert, made)}; then `sark unpin {revert.source.name}`.")
    if made.why:
        click.echo(f"sark: there is no pull request: {inert(made.why)}", err=True)
    if made.failed:
        raise SystemExit(1)


def _body(revert: "Revert", reason: str) -> str:
    """Return the body of the commit and of the pull request."""
    source, commit = revert.source, revert.commit
    what = f"The files below {source.root}" if source.root else "All files"
    what = f"{what} are those of {commit} again."
    if revert.pinned is not None:
        what = f"{revert.path} names {commit}."
    return f"{' '.join(reason.split())}\n\n{what}\nIt is live in {source.environment} already."


def _told(revert: "Revert", made: "Proposed") -> Json:
    return {
        "branch": made.branch, "made": made.made, "path": revert.path, "pushed": made.pushed,
        "pull": made.number, "why": made.why or None,
    }  # fmt: skip


def _next(revert: "Revert", made: "Proposed") -> str:
    """Return what is to be done with the branch."""
    from engine.cli.proposing import page

    base = revert.source.branch
    if made.number is not None:
        return f"merge pull request {made.number}"
    if not made.pushed and made.why:
        return f"git push origin {made.branch}, and merge it into {base}"
    if not made.pushed:
        return f"git switch {base} && git merge {made.branch}"
    where = page(revert.source.url, base, made.branch)
    at_ = f" at {where}" if where else ""
    return f"open a pull request of {made.branch} into {base}{at_}, and merge it"
