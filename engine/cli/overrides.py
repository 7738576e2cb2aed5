"""`sark suspend`, `resume`, `thaw`, `refreeze`, `confirm`, `rollback`, `unpin`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import members, plain
from engine.cli.sources import conditions, served, tell
from engine.core.override import LONGEST, Kind
from engine.core.values import Json, format_duration
from engine.errors import Conflict

_F = TypeVar("_F", bound=Callable[..., Any])
_WAIT = click.option("--wait/--no-wait", default=True, help="Wait until it has taken effect.")
_WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; everybody is told.")


def _span(kind: Kind, required: bool) -> Callable[[_F], _F]:
    most = format_duration(LONGEST[kind])
    until = "" if required else "; without it until `sark unpin`"
    about = f"For how long, as in 2h; at most {most}{until}."
    return click.option("--for", "span", required=required, metavar="SPAN", help=about)


@click.command()
@click.argument("source")
@_WHY
@_span(Kind.SUSPEND, required=True)
@_WAIT
@as_json
@remote
def suspend(
    client: Client, source: str, reason: str, span: str, wait: bool, json_: bool
) -> None:  # fmt: skip
    """Hold every commit of SOURCE; they are judged all the same."""
    _put(client, source, Kind.SUSPEND, {"reason": reason, "for": span}, wait, json_)


@click.command()
@click.argument("source")
@_WAIT
@as_json
@remote
def resume(client: Client, source: str, wait: bool, json_: bool) -> None:
    """End the suspension of SOURCE: what it held becomes live."""
    _drop(client, source, Kind.SUSPEND, wait, json_)


@click.command()
@click.argument("source")
@_WHY
@_span(Kind.THAW, required=True)
@_WAIT
@as_json
@remote
def thaw(client: Client, source: str, reason: str, span: str, wait: bool, json_: bool) -> None:
    """Let commits of SOURCE through its freeze windows."""
    _put(client, source, Kind.THAW, {"reason": reason, "for": span}, wait, json_)


@click.command()
@click.argument("source")
@_WAIT
@as_json
@remote
def refreeze(client: Client, source: str, wait: bool, json_: bool) -> None:
    """Let the freeze windows of SOURCE hold again, before `sark thaw` is over."""
    _drop(client, source, Kind.THAW, wait, json_)


@click.command()
@click.argument("what", metavar="SOURCE@SHA")
@click.option(
    "--reason", default="the removals are meant", show_default=True, metavar="TEXT",
    help="Why; it is kept in the audit log.",
)  # fmt: skip
@_WAIT
@as_json
@remote
def confirm(client: Client, what: str, reason: str, wait: bool, json_: bool) -> None:
    """Let the commit SHA remove what it is held for; SHA is the full hash."""
    source, _, commit = what.rpartition("@")
    if not source:
        raise click.BadParameter("expected SOURCE@SHA, as `sark sources` tells it")
    _put(client, source, Kind.CONFIRM, {"reason": reason, "commit": commit}, wait, json_)


@click.command()
@click.argument("source")
@click.option("--to", "commit", required=True, metavar="SHA", help="The commit's full hash.")
@_WHY
@_span(Kind.ROLLBACK, required=False)
@_WAIT
@as_json
@remote
def rollback(
    client: Client, source: str, commit: str, reason: str, span: str | None, wait: bool, json_: bool
) -> None:
    """Make an earlier commit of SOURCE live, and hold all others until it is unpinned."""
    told = {"reason": reason, "commit": commit, **({} if span is None else {"for": span})}
    seen = _put(client, source, Kind.ROLLBACK, told, wait, json_)
    if wait and seen.get("active") != commit:
        said = {each["type"]: plain(each["message"]) for each in conditions(seen)}
        why = said.get("RolledBack") or said.get("Ready") or "nobody has looked at it yet"
        raise Conflict(f"source {source} is not rolled back: {why}")


@click.command()
@click.argument("source")
@_WAIT
@as_json
@remote
def unpin(client: Client, source: str, wait: bool, json_: bool) -> None:
    """Let SOURCE go on from where it was rolled back to."""
    _drop(client, source, Kind.PIN, wait, json_)


def _put(
    client: Client, source: str, kind: Kind, told: Mapping[str, Json], wait: bool, json_: bool
) -> Mapping[str, Json]:
    answer = client.send("PUT", at("sources", source, "overrides", kind), dict(told))
    return _told(client, source, answer, wait, json_)


def _drop(client: Client, source: str, kind: Kind, wait: bool, json_: bool) -> None:
    answer = client.send("DELETE", at("sources", source, "overrides", kind))
    _told(client, source, answer, wait, json_)


def _told(client: Client, source: str, answer: Json, wait: bool, json_: bool) -> Mapping[str, Json]:
    """Print what has come of it: the source, once it was looked at."""
    seen = members(served(client, source, answer) if wait else client.get(at("sources", source)))
    if json_:
        print_json(dict(seen))
    else:
        tell(seen)
    return seen
