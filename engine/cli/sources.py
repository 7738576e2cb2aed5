"""`sark workflows`, `sources`, `sync`, `why`."""

import time
from collections.abc import Mapping

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, plain, since, table, word
from engine.cli.picture import instant
from engine.core.values import Json

_SYNC_PATIENCE = 60.0
# Conditions that are told where they are true.
_FLAGS = ("Suspended", "Pinned")


@click.command()
@click.option("--namespace", "-n", metavar="NS", help="Only this namespace.")
@as_json
@remote
def workflows(client: Client, namespace: str | None, json_: bool) -> None:
    """List the active workflows."""
    page = client.get("/workflows", namespace=namespace, limit=200)
    if json_:
        return print_json(page)
    rows = [
        [
            f"{w['namespace']}/{w['name']}", w["title"], w.get("next") or "-",
            str(w["commit"])[:12], w["file"],
        ]
        for w in items(page)
    ]  # fmt: skip
    return table(
        ("workflow", "title", "next start", "commit", "file"),
        rows,
        "No workflow is active: `sark sources` says why.",
    )


@click.command()
@as_json
@remote
def sources(client: Client, json_: bool) -> None:
    """List the sources: what is active, what was seen, and what is in the way."""
    page = client.get("/sources", limit=200)
    if json_:
        return print_json(page)
    listed = items(page)
    rows = [
        [s["name"], s["namespace"], _ready(s), _short(s["active"]), _short(s["observed"]), s["ref"]]
        for s in listed
    ]
    table(("source", "namespace", "ready", "active", "observed", "ref"), rows, "No source.")
    for source in listed:
        _tell_conditions(source)
    return None


@click.command()
@click.argument("source")
@click.option("--wait/--no-wait", default=True, help="Wait until the source has been looked at.")
@as_json
@remote
def sync(client: Client, source: str, wait: bool, json_: bool) -> None:
    """Look at a source's repository now."""
    answer = client.send("POST", at("sources", source, "sync"), {})
    if wait:
        answer = served(client, source, answer)
    if json_:
        return print_json(answer)
    if not wait:
        return click.echo(f"{plain(source)}  asked for")
    return tell(members(answer))


@click.command()
@click.argument("sha")
@as_json
@remote
def why(client: Client, sha: str, json_: bool) -> None:
    """Say what became of the commit SHA: live, held, rejected, and where it is wrong."""
    page = client.get(at("commits", sha))
    if json_:
        return print_json(page)
    for commit in items(page):
        _print_commit(commit)
    return None


def served(client: Client, source: str, asked: Json) -> Json:
    """Return the source once it was looked at for what was asked; as it is after a minute."""
    wanted = members(asked).get("generation")
    limit = time.monotonic() + _SYNC_PATIENCE
    while True:
        answer = client.get(at("sources", source))
        handled = members(answer).get("generation_handled")
        done = isinstance(wanted, int) and isinstance(handled, int) and handled >= wanted
        if done or time.monotonic() > limit:
            return answer
        time.sleep(0.05)


def tell(source: Mapping[str, Json]) -> None:
    """Print a line of a source, and one of each thing that is in the way or holds it."""
    name = plain(source["name"])
    click.echo(f"{name}  active {_short(source.get('active'))}  ready {_ready(source)}")
    _tell_conditions(source)


def _tell_conditions(source: Mapping[str, Json]) -> None:
    for condition in conditions(source):
        if condition["status"] is not True or condition["type"] in _FLAGS:
            told = f"{condition['type']}: {condition['reason']}: {plain(condition['message'])}"
            click.echo(f"{source['name']}  {told} ({since(condition['since'])})")


def _print_commit(commit: Mapping[str, Json]) -> None:
    live = commit["state"] == "Active"
    click.echo(f"{_head(commit)} {'is live' if live else 'is NOT live'}.")
    if not live and commit.get("active"):
        since_ = f" since {instant(commit['active_since'])}" if commit.get("active_since") else ""
        click.echo(f"Live: {_short(commit['active'])}{since_}.")
    click.echo()
    for each in commit["history"] or ():  # type: ignore[union-attr]
        step = members(each)
        click.echo(
            f"  {str(step['state']).lower():11}{instant(step['at'])}  "
            f"{plain(step.get('reason') or '')}".rstrip()
        )
    for each in commit["findings"] or ():  # type: ignore[union-attr]
        finding = members(each)
        click.echo(f"{'':13}{plain(finding['file'])}:{finding['line']}:{finding['column']}")
        hint = f"; {plain(finding['hint'])}" if finding.get("hint") else ""
        click.echo(f"{'':13}{plain(finding['code'])}  {plain(finding['message'])}{hint}")
    if not live:
        click.echo(f"\nNext: {_next(commit)}")


def _head(commit: Mapping[str, Json]) -> str:
    """Return the source, the commit, and who has written it when."""
    by = [plain(commit["author"])] if commit.get("author") else []
    by += [instant(commit["committed_at"])] if commit.get("committed_at") else []
    name = f'{plain(commit["source"])}  {_short(commit["sha"])} "{plain(commit.get("subject"))}"'
    return f"{name} ({', '.join(by)})" if by else name


def _next(commit: Mapping[str, Json]) -> str:
    """Return what can be done about a commit that is not live."""
    match commit["state"]:
        case "Rejected":
            tried = "is not retried (same input, same result)"
            return (
                f"push a fix. Every new commit is tried at once; {_short(commit['sha'])} {tried}."
            )
        case "Held":
            return "see to what holds it, or push another commit. It is looked at again by itself."
        case "Superseded" | "Replaced":
            return "nothing. A newer commit has taken its place."
        case _:
            source = plain(commit["source"])
            return f"wait. It is being looked at; `sark sync {source}` looks at once."


def conditions(source: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """Return the conditions of a source."""
    listed = source.get("conditions")
    return [members(each) for each in listed] if isinstance(listed, list) else []


def _ready(source: Mapping[str, Json]) -> str:
    ready = [c["status"] for c in conditions(source) if c["type"] == "Ready"]
    return word("yes" if ready == [True] else "no")


def _short(sha: Json) -> str:
    return str(sha)[:12] if sha else "-"
