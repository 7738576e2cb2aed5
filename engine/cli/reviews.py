"""`sark reviews`: what pull requests would change."""

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, plain, table, word
from engine.core.values import Json


@click.command()
@click.argument("source", required=False)
@click.argument("number", required=False, type=click.IntRange(1))
@click.option("--all", "all_", is_flag=True, help="Those that are closed, too.")
@as_json
@remote
def reviews(
    client: Client, source: str | None, number: int | None, all_: bool, json_: bool
) -> None:
    """List the reviews of pull requests, or show the plan of pull request NUMBER of SOURCE."""
    if source is not None and number is not None:
        told = members(client.get(at("reviews", source, str(number))))
        return print_json(told) if json_ else click.echo(_shown(str(told["text"])))
    page = client.get("/reviews", source=source, all="true" if all_ else None, limit=200)
    if json_:
        return print_json(page)
    rows = [
        [
            f"{each['source']} #{each['number']}", plain(each["title"])[:50],
            word(str(each["conclusion"] or "-")), str(each["plan"] or "-")[:8],
            str(each["head"] or "-")[:12], plain(_state(each.get("waits"), each.get("fault"))),
        ]
        for each in items(page)
    ]  # fmt: skip
    return table(
        ("review", "title", "conclusion", "plan", "head", "state"), rows,
        "No open pull request is reviewed.",
    )  # fmt: skip


def _state(waits: Json, fault: Json) -> str:
    if fault:
        return str(fault)[:60]
    return "to be looked at" if waits else "said"


def _shown(text: str) -> str:
    return "\n".join(plain(line) for line in text.splitlines()) or "No workflow changes."
