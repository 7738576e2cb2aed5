"""`sark run`, `runs`, `show`, `logs`, `cancel`."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from engine.cli.client import Client, at, connect
from engine.cli.named import placed
from engine.cli.options import as_json, environment, remote
from engine.cli.output import Exit, items, members, plain, since, table, word
from engine.cli.output import as_json as print_json
from engine.cli.picture import as_timeline, instant, references, span, step_line
from engine.core.state import ENDED, RunStatus
from engine.core.values import Json
from engine.errors import NotFound

_LONGEST_POLL = 1.0
_GOING = frozenset({"pending", "running", "waiting"})
_OUTLIVES = "`sark show` tells how it is, `sark cancel` ends it"


@click.command()
@click.argument("name")
@click.option("-i", "--input", "inputs", multiple=True, metavar="K=V", help="An input; repeatable.")
@click.option("--inputs-file", metavar="FILE", help="Inputs as a JSON object; - reads stdin.")
@click.option("--namespace", "-n", metavar="NS", help="Where the workflow is, if not in its name.")
@click.option("--wait/--no-wait", help="Follow the run, and end as it ends.")
@click.option(
    "--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
    help="With --wait: the longest wait. With FILE: the run is cancelled then.",
)  # fmt: skip
@click.option("--key", metavar="TEXT", help="The Idempotency-Key: start once, however often told.")
@click.option(
    "--server", metavar="URL", help="The server; else SARK_SERVER, else the state folder's."
)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--state", metavar="DIR", help="The state folder, where the token is.")
@environment
@as_json
def run(
    name: str, inputs: tuple[str, ...], inputs_file: str | None, namespace: str | None, wait: bool,
    timeout: float | None, key: str | None, server: str | None, config: str | None,
    state: str | None, environment: str, json_: bool,
) -> None:  # fmt: skip
    """Start the workflow NAME (or NAMESPACE/NAME) on the server, or run the spec FILE right here.

    A name that ends in .yaml or .yml is a file: it runs in this process, with no server, and is
    not durable. A value of -i is read as the workflow's input is typed.
    """
    from engine.cli.inputs import pairs, read
    from engine.core.inputs import typed

    given, texts = read(inputs_file), pairs(inputs)
    if name.endswith((".yaml", ".yml")):
        if namespace or key or server or state:
            raise click.UsageError("-n, --key, --server and --state go with NAME, not with a file")
        from engine.cli.direct import run_file

        sys.exit(run_file(Path(name), given, texts, config, timeout, json_, environment))
    _refuse(environment, key)
    client = connect(server, config, state)
    where, what = placed(client, name, namespace)
    if texts:
        schema = members(client.get(at("workflows", where, what))).get("inputs")
        given |= typed(texts, schema)
    headers = {} if key is None else {"Idempotency-Key": key}
    place = at("workflows", where, what, "runs")
    started = members(client.send("POST", place, {"inputs": given}, headers))
    identity = str(started["id"])
    if started.get("duplicate"):
        click.echo(_second(where, what, started), err=True)
    if not wait:
        print_json(started) if json_ else click.echo(identity)
        return
    click.echo(f"run {identity}", err=True)
    ended = _follow(client, identity, timeout, quiet=json_)
    print_json(ended) if json_ else click.echo(as_timeline(ended))
    sys.exit(_exit(ended))


def _refuse(environment: str, key: str | None) -> None:
    """Raise UsageError for an option that does not go with a workflow of the server."""
    if environment:
        raise click.UsageError("--env goes with a file; what NAME runs in says its source")
    if key is not None and not (key.isascii() and key.isprintable() and key):
        raise click.UsageError("--key takes printable ASCII characters")


@click.command()
@click.option(
    "--status", metavar="WORD", type=click.Choice([each.value for each in RunStatus]),
    help="Only runs of this status.",
)  # fmt: skip
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option("--namespace", "-n", metavar="NS", help="Only runs of this namespace.")
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True)
@click.option("--cursor", metavar="TEXT", help="Where the page before ended (`next`).")
@as_json
@remote
def runs(
    client: Client, status: str | None, workflow: str | None, namespace: str | None, limit: int,
    cursor: str | None, json_: bool,
) -> None:  # fmt: skip
    """List runs, newest first."""
    page = members(
        client.get(
            "/runs", status=status, workflow=workflow, namespace=namespace, limit=limit,
            cursor=cursor,
        )
    )  # fmt: skip
    if json_:
        return print_json(page)
    rows = [
        [
            r["id"],
            f"{r['namespace']}/{r['workflow']}",
            r["status"],
            since(r["created_at"]),
            span(r),
        ]
        for r in items(page)
    ]
    return table(
        ("id", "workflow", "status", "age", "took"), rows, "No run yet: try `sark run NAME --wait`."
    )


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option(
    "--value", metavar="STEP.NAME",
    help="Only this output of a step, as JSON, which is passed by reference.",
)  # fmt: skip
@as_json
@remote
def show(client: Client, run_id: str, value: str | None, json_: bool) -> None:
    """Show a run and its steps, and what it waits for."""
    found = members(client.get(at("runs", run_id)))
    if value is not None:
        digest = _digest(found, value)
        return click.echo(client.content(at("runs", run_id, "values", digest)))
    if json_:
        return print_json(found)
    click.echo(as_timeline(found))
    steps = [members(each).get("waits_for") for each in found["steps"] or ()]  # type: ignore[union-attr]
    if any(members(each).get("what") == "approval" for each in steps):
        from engine.cli.approvals import tell

        for each in client.pages(at("runs", run_id, "approvals"), limit=200):
            tell(each)
    return None


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--step", metavar="PATH", help="Only this step.")
@as_json
@remote
def logs(client: Client, run_id: str, follow: bool, step: str | None, json_: bool) -> None:
    """Print what happened in a run, event by event."""
    told = False
    for row in _journal(client, run_id, follow):
        if step is None or row["path"] == step:
            print_json(row, indent=None) if json_ else click.echo(_event(row))
            told = True
    if not told:
        click.echo("No event yet." if step is None else f"No event of step {step!r}.", err=True)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", help="Why; it is kept with the run.")
@as_json
@remote
def cancel(client: Client, run_id: str, reason: str, json_: bool) -> None:
    """Cancel a run: what is under way ends, then `finally` runs."""
    answer = client.send("POST", at("runs", run_id, "cancel"), {"reason": reason})
    if json_:
        print_json(answer)
    else:
        click.echo(f"{plain(run_id)} {word(str(members(answer).get('status', 'cancelling')))}")


def _digest(found: Mapping[str, Json], value: str) -> str:
    """Return the digest of an output by reference; raise NotFound, naming those there are."""
    told = dict(references(found))
    if value not in told:
        there = ", ".join(sorted(told)) or "none"
        raise NotFound(f"run {found['id']} passes no {value!r} by reference; it passes {there}")
    return str(told[value]["artifact"])


def _second(namespace: str, name: str, told: Mapping[str, Json]) -> str:
    """Return why there is no new run, and which one stands in its place."""
    return plain(
        f"sark: {namespace}/{name} is not started: run {told['id']} of {namespace}/"
        f"{told['workflow']}, which is {told['status']}, has its idempotency.key"
    )


def _follow(
    client: Client, identity: str, timeout: float | None, *, quiet: bool
) -> Mapping[str, Json]:
    """Wait for a run's end, telling each step as it ends; the run outlives the wait."""
    limit = None if timeout is None else time.monotonic() + timeout
    told: set[str] = set()
    pause = 0.02
    try:
        while True:
            found = members(client.get(at("runs", identity)))
            if not quiet:
                _tell_steps(found, told)
            if found["status"] in ENDED:
                return found
            if limit is not None and time.monotonic() > limit:
                click.echo(f"sark: {identity} is still {found['status']}; {_OUTLIVES}", err=True)
                sys.exit(Exit.CANCELLED)
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_POLL)
    except KeyboardInterrupt:
        click.echo(f"\nsark: {identity} goes on; {_OUTLIVES}", err=True)
        sys.exit(Exit.INTERRUPTED)


def _tell_steps(found: Mapping[str, Json], told: set[str]) -> None:
    for each in found["steps"]:  # type: ignore[union-attr]
        step = members(each)
        if step["status"] not in _GOING and str(step["path"]) not in told:
            told.add(str(step["path"]))
            click.echo(step_line(step), err=True)


def _journal(client: Client, identity: str, follow: bool) -> Iterator[Mapping[str, Json]]:
    """Yield the journal's rows once each; with `follow`, until the run has ended."""
    last = 0
    while True:
        ended = members(client.get(at("runs", identity)))["status"] in ENDED
        for row in client.pages(at("runs", identity, "journal"), after=last, limit=200):
            last = int(str(row["seq"]))
            yield row
        if ended or not follow:
            return
        time.sleep(_LONGEST_POLL / 2)


def _event(row: Mapping[str, Json]) -> str:
    data = "" if row["data"] in (None, {}) else plain(row["data"])
    attempt = f" attempt {row['attempt']}" if row["attempt"] else ""
    head = f"{instant(row['at'])}  {word(str(row['kind']))}  {plain(row['path'] or 'run')}{attempt}"
    return f"{head}  {data}".rstrip()


def _exit(found: Mapping[str, Json]) -> Exit:
    if found["status"] == "succeeded":
        return Exit.OK
    return Exit.CANCELLED if found["status"] == "cancelled" else Exit.FAILED
