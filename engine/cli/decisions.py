"""`sark decisions`."""

import click

from engine.cli.client import Client, at
from engine.cli.events import namespace_of
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, plain, since, table
from engine.core.trigger import Said


@click.command()
@click.option(
    "--said", metavar="WORD", type=click.Choice([each.value for each in Said]),
    help="Only those of this word, such as `error`.",
)  # fmt: skip
@click.option("--workflow", metavar="NAME", help="Only those of this workflow.")
@click.option("--namespace", "-n", metavar="NS", help="Whose they are, if there are several.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--cursor", metavar="TEXT", help="Where the page before ended (`next`).")
@as_json
@remote
def decisions(
    client: Client, said: str | None, workflow: str | None, namespace: str | None, limit: int,
    cursor: str | None, json_: bool,
) -> None:  # fmt: skip
    """List what events came to, newest first, with the reason where they started no run."""
    place = at("namespaces", namespace or namespace_of(client), "decisions")
    page = members(client.get(place, said=said, workflow=workflow, limit=limit, cursor=cursor))
    if json_:
        return print_json(page)
    rows = [
        [
            f"{d['workflow']}/{d['trigger']}",
            d["said"],
            since(d["at"]),
            f"{d['route']} {d['delivery']}",
            d["run"] or plain(d["reason"]),
        ]
        for d in items(page)
    ]
    return table(
        ("trigger", "said", "age", "delivery", "run or reason"), rows, "No event has come yet."
    )
