"""`sark suspend`, `thaw`, `refreeze`, `confirm`, `unpin`."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import members
from engine.cli.sources import served, tell
from engine.core.override import LONGEST, Kind
from engine.core.values import Json, format_duration

_F = TypeVar("_F", bound=Callable[..., Any])
WAIT = click.option("--wait/--no-wait", default=True, help="Wait until it has taken effect.")
WHY = click.option("--reason", required=True, metavar="TEXT", help="Why; everybody is told.")


def span_of(kind: Kind, required: bool) -> Callable[[_F], _F]:
    """The option that says for how long; hands over `span`."""
    most = format_duration(LONGEST[kind])
    until = "" if required else "; without it until `sark unpin`"
    about = f"For how long, as in 2h; at most {most}{until}."
    return click.option("--for", "span", required=required, metavar="SPAN", help=about)


@click.command()
@click.argument("source")
@WHY
@span_of(Kind.SUSPEND, required=True)
@WAIT
@as_json
@remote
def suspend(
    client: Client, source: str, reason: str, span: str, wait: bool, json_: bool
) -> None:  # fmt: skip
    """Hold every commit of SOURCE; they are judged all the same."""
    show(put(client, source, Kind.SUSPEND, {"reason": reason, "for": span}, wait), json_)


@click.command()
@click.argument("source")
@WHY
@span_of(Kind.THAW, required=True)
@WAIT
@as_json
@remote
def thaw(client: Client, source: str, reason: str, span: str, wait: bool, json_: bool) -> None:
    """Let commits of SOURCE through its freeze windows."""
    show(put(client, source, Kind.THAW, {"reason": reason, "for": span}, wait), json_)


@click.command()
@click.argument("source")
@WAIT
@as_json
@remote
def refreeze(client: Client, source: str, wait: bool, json_: bool) -> None:
    """Let the freeze windows of SOURCE hold again, before `sark thaw` is over."""
    drop(client, source, Kind.THAW, wait, json_)


@click.command()
@click.argument("what", metavar="SOURCE@SHA")
@click.option(
    "--reason", default="the removals are meant", show_default=True, metavar="TEXT",
    help="Why; it is kept in the audit log.",
)  # fmt: skip
@WAIT
@as_json
@remote
def confirm(client: Client, what: str, reason: str, wait: bool, json_: bool) -> None:
    """Let the commit SHA remove what it is held for; SHA is the full hash."""
    source, _, commit = what.rpartition("@")
    if not source:
        raise click.BadParameter("expected SOURCE@SHA, as `sark sources` tells it")
    show(put(client, source, Kind.CONFIRM, {"reason": reason, "commit": commit}, wait), json_)


@click.command()
@click.argument("source")
@WAIT
@as_json
@remote
def unpin(client: Client, source: str, wait: bool, json_: bool) -> None:
    """Let SOURCE go on from where it was rolled back to."""
    drop(client, source, Kind.PIN, wait, json_)


def put(
    client: Client, source: str, kind: Kind, told: Mapping[str, Json], wait: bool
) -> Mapping[str, Json]:
    """Put an override; return the source, once it was looked at."""
    answer = client.send("PUT", at("sources", source, "overrides", kind), dict(told))
    return _seen(client, source, answer, wait)


def show(source: Mapping[str, Json], json_: bool) -> None:
    """Print what has come of an override."""
    return print_json(dict(source)) if json_ else tell(source)


def drop(client: Client, source: str, kind: Kind, wait: bool, json_: bool) -> None:
    """Take an override back, and print what has come of it."""
    answer = client.send("DELETE", at("sources", source, "overrides", kind))
    show(_seen(client, source, answer, wait), json_)


def _seen(client: Client, source: str, answer: Json, wait: bool) -> Mapping[str, Json]:
    return members(served(client, source, answer) if wait else client.get(at("sources", source)))
