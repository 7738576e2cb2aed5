"""`sark events`, `emit`."""

import json
import sys
from pathlib import Path
from uuid import uuid4

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, plain, since, table
from engine.core.values import Json
from engine.errors import Invalid


@click.command()
@click.option("--type", "type_", metavar="TYPE", help="Only events of this type.")
@click.option("--namespace", "-n", metavar="NS", help="Only those of this namespace.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", metavar="TEXT", help="Where the page before ended (`next`).")
@as_json
@remote
def events(
    client: Client, type_: str | None, namespace: str | None, limit: int, cursor: str | None,
    json_: bool,
) -> None:  # fmt: skip
    """List events, newest first; they are kept for 7 days."""
    page = members(
        client.get("/events", type=type_, namespace=namespace, limit=limit, cursor=cursor)
    )
    if json_:
        return print_json(page)
    rows = [
        [e["type"], e["subject"], f"{e['namespace']}", e["source"], since(e["at"]), e["id"]]
        for e in items(page)
    ]
    return table(
        ("type", "subject", "namespace", "source", "age", "id"),
        rows,
        "No event has come yet. What webhooks brought is told by `sark decisions`.",
    )


@click.command()
@click.argument("type_", metavar="TYPE")
@click.option("--subject", metavar="TEXT", help="What it is about.")
@click.option("--data", metavar="JSON", help="Its data as JSON; @FILE reads a file, @- stdin.")
@click.option("--id", "identity", metavar="TEXT", help="Sent once by this id; else a new one.")
@click.option("--source", default="sark-cli", show_default=True, help="Where it comes from.")
@click.option("--namespace", "-n", metavar="NS", help="Whose it is, if there are several.")
@as_json
@remote
def emit(
    client: Client, type_: str, subject: str | None, data: str | None, identity: str | None,
    source: str, namespace: str | None, json_: bool,
) -> None:  # fmt: skip
    """Send an event of TYPE: it starts workflows, and wakes runs that wait for it."""
    event: dict[str, Json] = {
        "specversion": "1.0", "id": identity or str(uuid4()), "source": source, "type": type_,
    }  # fmt: skip
    if subject is not None:
        event["subject"] = subject
    if data is not None:
        event["data"] = _data(data)
    where = namespace or namespace_of(client)
    answer = members(client.send("POST", at("namespaces", where, "events"), event))
    if json_:
        return print_json(answer)
    again = " (it had come before)" if answer.get("duplicate") else ""
    return click.echo(f"{plain(answer['id'])}{again}")


def _data(text: str) -> Json:
    """Return what `--data` says; raise Invalid if it is no JSON."""
    name = text[1:] if text.startswith("@") else ""
    if name:
        text = sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    try:
        told: Json = json.loads(text)
    except ValueError as error:
        what = name or "--data"
        raise Invalid(f'{what} is not JSON: {error}; a text stands in quotes, as "a"') from None
    return told


def namespace_of(client: Client) -> str:
    """Return the one namespace that there is; raise Invalid if there are several."""
    found = sorted({str(each["namespace"]) for each in client.pages("/sources", limit=200)})
    if len(found) != 1:
        raise Invalid(f"name the namespace with -n; there are: {', '.join(found) or 'none'}")
    return found[0]
