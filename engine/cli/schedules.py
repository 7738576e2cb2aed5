"""`sark schedules`, `backfill`."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import click

from engine.cli.client import Client, at
from engine.cli.named import placed
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, table
from engine.core.values import Json


@click.command()
@click.argument("name", required=False)
@click.option("--namespace", "-n", metavar="NS", help="Only those of this namespace.")
@click.option(
    "--count", "-c", type=click.IntRange(1, 50), default=1, show_default=True,
    help="How many of the next starts are told.",
)  # fmt: skip
@as_json
@remote
def schedules(
    client: Client, name: str | None, namespace: str | None, count: int, json_: bool
) -> None:
    """List the schedules of all active workflows, or of NAME, with their next starts.

    Where the clocks change between two starts, the second tells so.
    """
    where, what = (namespace, None) if name is None else placed(client, name, namespace)
    page = client.get("/schedules", namespace=where, workflow=what, count=count, limit=200)
    if json_:
        return print_json(page)
    rows = [row for each in items(page) for row in _rows(each)]
    heads = ("schedule", "when", "zone", "next start", "note", "last run")
    return table(heads, rows, "No active workflow has a schedule.")


@click.command()
@click.argument("name")
@click.option("--from", "start", metavar="TIME", required=True, help="Where the span begins.")
@click.option("--to", "end", metavar="TIME", required=True, help="Where it ends, itself not in it.")
@click.option("--trigger", metavar="NAME", help="Which schedule, if the workflow has several.")
@click.option("--namespace", "-n", metavar="NS", help="Where the workflow is, if not in its name.")
@click.option("--dry-run", is_flag=True, help="Tell what would be started, and start nothing.")
@as_json
@remote
def backfill(
    client: Client, name: str, start: str, end: str, trigger: str | None, namespace: str | None,
    dry_run: bool, json_: bool,
) -> None:  # fmt: skip
    """Start what a schedule of NAME would have started in a span of the past.

    TIME is a date as 2026-01-31, midnight in the schedule's zone, or an instant with its offset.
    A trigger of type `manual` with `backfill: true` allows it.
    What the schedule, or a backfill, has started in the last 30 days is not started again.
    """
    where, what = placed(client, name, namespace)
    body: dict[str, Json] = {"from": start, "to": end, "dry": dry_run}
    if trigger is not None:
        body["trigger"] = trigger
    told = members(client.send("POST", at("workflows", where, what, "backfill"), body))
    if json_:
        return print_json(told)
    rows = [[each["at"], _became(each, dry_run=dry_run), each["run"] or "-"]
            for each in items(told)]  # fmt: skip
    return table(("instant", "", "run"), rows, "The schedule was not due in this span.")


def _became(told: Mapping[str, Json], *, dry_run: bool) -> str:
    if dry_run:
        return "would start"
    if told["known"]:
        return "was there"
    return "started" if told["run"] else "not started: `sark decisions` says why"


def _rows(told: Mapping[str, Json]) -> Iterator[list[Json]]:
    """Yield a row for each start that is told, all that does not change on the first alone."""
    name = f"{told['namespace']}/{told['workflow']}/{told['trigger']}"
    when = told["cron"] or f"every {told['every']}"
    waits = f"{told['waiting']} wait for the run before" if told["waiting"] else ""
    listed = told["next"]
    assert isinstance(listed, list)
    if not listed:
        yield [name, when, told["timezone"], "never", waits, told["run"] or "-"]
    before = None
    for each in map(str, listed):
        note = _turned(before, each) if before else waits
        if before:
            yield ["", "", "", each, note, ""]
        else:
            yield [name, when, told["timezone"], each, note, told["run"] or "-"]
        before = each


def _turned(before: str, after: str) -> str:
    """Return how the clocks have changed between two starts, if they have."""
    first, second = (datetime.fromisoformat(each) for each in (before, after))
    if first.utcoffset() == second.utcoffset():
        return ""
    return f"the clocks change, {before[-6:]} to {after[-6:]}"
