"""`sark approvals`, `approve`, `reject`."""

from collections.abc import Mapping

import click

from engine.cli.client import Client, at
from engine.cli.options import as_json, remote
from engine.cli.output import as_json as print_json
from engine.cli.output import items, members, plain, since, table
from engine.cli.picture import instant
from engine.core.values import Json
from engine.errors import Invalid


@click.command()
@click.option("--namespace", "-n", metavar="NS", help="Only those of this namespace.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.option("--cursor", metavar="TEXT", help="Where the page before ended (`next`).")
@as_json
@remote
def approvals(
    client: Client, namespace: str | None, limit: int, cursor: str | None, json_: bool
) -> None:
    """List what waits for people, oldest first."""
    page = members(client.get("/approvals", namespace=namespace, limit=limit, cursor=cursor))
    if json_:
        return print_json(page)
    rows = [
        [
            a["run"],
            a["path"],
            f"{a['namespace']}/{a['workflow']}",
            since(a["asked_at"]),
            _list(a["by"]),
            a["show"],
        ]
        for a in items(page)
    ]
    return table(("run", "step", "workflow", "age", "by", "asks"), rows, "Nothing waits for you.")


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("path", metavar="[PATH]", required=False)
@click.option(
    "--form", "form", multiple=True, metavar="K=V", help="A field of the form; repeatable."
)
@click.option("--note", default="", help="Why; it is kept with the run.")
@click.option("--asked", metavar="DIGEST", help="Only if this is what is asked, as listed.")
@as_json
@remote
def approve(
    client: Client, run_id: str, path: str | None, form: tuple[str, ...], note: str,
    asked: str | None, json_: bool,
) -> None:  # fmt: skip
    """Approve what RUN asks at the step PATH, which may be left out where it asks one thing."""
    from engine.cli.inputs import pairs
    from engine.core.inputs import typed

    texts = pairs(form, "--form")
    found = _found(client, run_id, path)
    told: dict[str, Json] = {"form": typed(texts, found["form"])} if texts else {}
    _decide(client, found, {"decision": "approved", "note": note, **told}, asked, json_)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("path", metavar="[PATH]", required=False)
@click.option("--note", required=True, help="Why; it is kept with the run.")
@click.option("--asked", metavar="DIGEST", help="Only if this is what is asked, as listed.")
@as_json
@remote
def reject(
    client: Client, run_id: str, path: str | None, note: str, asked: str | None, json_: bool
) -> None:
    """Reject what RUN asks at the step PATH, which may be left out where it asks one thing."""
    found = _found(client, run_id, path)
    _decide(client, found, {"decision": "rejected", "note": note}, asked, json_)


def tell(found: Mapping[str, Json]) -> None:
    """Print what is asked, all that a person needs to decide."""
    click.echo(f"\n  {plain(found['path'])} asks  {plain(found['show'])}")
    for name, value in members(found["binds"]).items():
        click.echo(f"    {plain(name)} = {plain(value)}")
    decided = members(found["decided"])
    so_far = f"; so far {plain(dict(decided))}" if decided else ""
    click.echo(f"    of {_list(found['by'])}, {found['min']} of them{so_far}")
    click.echo(f"    until {instant(found['expires_at'])}, asked {str(found['asked'])[:12]}")


def _found(client: Client, run: str, path: str | None) -> Mapping[str, Json]:
    """Return the approval that is meant; raise Invalid if none or several are."""
    listed = list(client.pages(at("runs", run, "approvals"), limit=200))
    found = [each for each in listed if path in (None, each["path"])]
    if len(found) == 1:
        return found[0]
    known = ", ".join(plain(each["path"]) for each in listed)
    if found:
        raise Invalid(f"run {run} asks more than one thing; name one: {known}")
    if listed:
        raise Invalid(f"run {run} asks for no approval at {path!r}, but at: {known}")
    raise Invalid(f"run {run} asks for no approval")


def _decide(
    client: Client, found: Mapping[str, Json], told: Mapping[str, Json], asked: str | None,
    json_: bool,
) -> None:  # fmt: skip
    digest = str(found["asked"])
    if asked is not None and not (digest.startswith(asked) and len(asked) >= 12):
        raise Invalid(
            f"something else is asked by now: {digest[:12]}, not {asked[:64]}; look again"
        )
    run, path = str(found["run"]), str(found["path"])
    answer = members(
        client.send("POST", at("runs", run, "approvals", path), {**told, "asked": digest})
    )
    if json_:
        return print_json(answer)
    again = " (as before)" if answer.get("repeated") else ""
    return click.echo(f"{plain(path)} {plain(answer['decision'])} by {plain(answer['by'])}{again}")


def _list(words: Json) -> str:
    return ", ".join(plain(each) for each in words) if isinstance(words, list) else ""
