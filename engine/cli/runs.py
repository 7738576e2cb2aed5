"""`sark run`, `runs`, `show`, `logs`, `cancel`."""

import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from engine.cli.client import Client, connect
from engine.cli.options import as_json, remote
from engine.cli.output import Exit, members, plain, since, table, word
from engine.cli.output import as_json as print_json
from engine.core.values import Json
from engine.errors import Invalid

_ENDED = frozenset({"succeeded", "failed", "cancelled", "compensated"})
_LONGEST_POLL = 1.0


@click.command()
@click.argument("name")
@click.option("-i", "--input", "inputs", multiple=True, metavar="K=V", help="An input; repeatable.")
@click.option("--inputs-file", metavar="FILE", help="Inputs as a JSON object; - reads stdin.")
@click.option("--namespace", "-n", metavar="NS", help="Where the workflow is, if not in its name.")
@click.option("--wait/--no-wait", help="Follow the run, and end as it ends.")
@click.option("--timeout", type=float, metavar="SECONDS", help="With --wait: the longest wait.")
@click.option("--key", metavar="TEXT", help="The Idempotency-Key: start once, however often told.")
@click.option(
    "--server", metavar="URL", help="The server; else SARK_SERVER, else the state folder's."
)
@click.option("--config", metavar="FILE", help="The configuration file.")
@click.option("--state", metavar="DIR", help="The state folder, where the token is.")
@as_json
def run(
    name: str, inputs: tuple[str, ...], inputs_file: str | None, namespace: str | None, wait: bool,
    timeout: float | None, key: str | None, server: str | None, config: str | None,
    state: str | None, json_: bool,
) -> None:  # fmt: skip
    """Start the workflow NAME (or NAMESPACE/NAME) on the server, or run the spec FILE right here.

    A name that ends in .yaml or .yml, or holds a folder that exists, is a file: it runs in this
    process, with no server, and is not durable.
    """
    given = _inputs(inputs, inputs_file)
    if name.endswith((".yaml", ".yml")):
        from engine.cli.direct import run_file

        sys.exit(run_file(Path(name), given, config, json_))
    client = connect(server, config, state)
    started = _start(client, name, namespace, given, key)
    identity = str(started["id"])
    if not wait:
        print_json(started) if json_ else click.echo(identity)
        return
    click.echo(f"run {identity}", err=True)
    ended = _follow(client, identity, timeout, quiet=json_)
    print_json(ended) if json_ else _print_run(ended)
    sys.exit(_exit(ended))


@click.command()
@click.option("--status", metavar="WORD", help="Only runs of this status.")
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
    listed = [members(each) for each in page["items"]]  # type: ignore[union-attr]
    rows = [
        [
            r["id"],
            f"{r['namespace']}/{r['workflow']}",
            r["status"],
            since(r["created_at"]),
            _took(r),
        ]
        for r in listed
    ]
    return table(
        ("id", "workflow", "status", "age", "took"), rows, "No run yet: try `sark run NAME --wait`."
    )


@click.command()
@click.argument("run_id", metavar="RUN")
@as_json
@remote
def show(client: Client, run_id: str, json_: bool) -> None:
    """Show a run and its steps."""
    found = members(client.get(f"/runs/{run_id}"))
    print_json(found) if json_ else _print_run(found)


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--step", metavar="PATH", help="Only this step.")
@as_json
@remote
def logs(client: Client, run_id: str, follow: bool, step: str | None, json_: bool) -> None:
    """Print what happened in a run, event by event."""
    for row in _journal(client, run_id, follow):
        if step is not None and row["path"] != step:
            continue
        if json_:
            import json

            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            click.echo(_event(row))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--reason", default="", help="Why; it is kept with the run.")
@as_json
@remote
def cancel(client: Client, run_id: str, reason: str, json_: bool) -> None:
    """Cancel a run: what is under way ends, then `finally` runs."""
    answer = client.send("POST", f"/runs/{run_id}/cancel", {"reason": reason})
    if json_:
        print_json(answer)
    else:
        click.echo(f"{run_id} {word(str(members(answer).get('status', 'cancelling')))}")


def _inputs(pairs: tuple[str, ...], file: str | None) -> dict[str, Json]:
    """Return the inputs; a value that is JSON is taken as such, anything else as text."""
    import json

    given: dict[str, Json] = {}
    if file is not None:
        text = sys.stdin.read() if file == "-" else Path(file).read_text()
        try:
            loaded = json.loads(text)
        except ValueError as error:
            raise Invalid(f"{file} is not JSON: {error}") from None
        if not isinstance(loaded, dict):
            raise Invalid(f"{file} must hold a JSON object, not {type(loaded).__name__}")
        given.update(loaded)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.UsageError(f"-i takes K=V, not {pair!r}")
        try:
            given[name] = json.loads(value)
        except ValueError:
            given[name] = value
    return given


def _start(
    client: Client, name: str, namespace: str | None, inputs: Mapping[str, Json], key: str | None
) -> Mapping[str, Json]:
    before, slash, after = name.rpartition("/")
    where, what = (before, after) if slash else (namespace or _namespace_of(client, name), name)
    headers = {} if key is None else {"Idempotency-Key": key}
    path = f"/workflows/{where}/{what}/runs"
    return members(client.send("POST", path, {"inputs": inputs}, headers))


def _namespace_of(client: Client, name: str) -> str:
    """Return the one namespace that has the workflow; raise Invalid if it is none or several."""
    active = list(client.pages("/workflows", limit=200))
    found = [str(each["namespace"]) for each in active if each["name"] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise Invalid(f"{name} is in {', '.join(found)}: write NAMESPACE/{name}")
    from difflib import get_close_matches

    near = get_close_matches(name, [str(each["name"]) for each in active], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`sark workflows` lists the active ones"
    raise Invalid(f"no active workflow is called {name!r}; {hint}")


def _follow(
    client: Client, identity: str, timeout: float | None, *, quiet: bool
) -> Mapping[str, Json]:
    """Wait for a run's end, telling each step as it ends."""
    limit = None if timeout is None else time.monotonic() + timeout
    told: set[str] = set()
    pause = 0.02
    while True:
        found = members(client.get(f"/runs/{identity}"))
        if not quiet:
            _tell_steps(found, told)
        if found["status"] in _ENDED:
            return found
        if limit is not None and time.monotonic() > limit:
            click.echo(f"sark: {identity} is still {found['status']}", err=True)
            sys.exit(Exit.CANCELLED)
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_POLL)


def _tell_steps(found: Mapping[str, Json], told: set[str]) -> None:
    for each in found["steps"]:  # type: ignore[union-attr]
        step = members(each)
        state = f"{step['path']} {step['status']}"
        if step["status"] not in ("pending", "running", "waiting") and state not in told:
            told.add(state)
            click.echo(f"  {step['path']}  {word(str(step['status']))}", err=True)


def _journal(client: Client, identity: str, follow: bool) -> Iterator[Mapping[str, Json]]:
    """Yield the journal's rows once each; with `follow`, until the run has ended."""
    last = 0
    while True:
        ended = members(client.get(f"/runs/{identity}"))["status"] in _ENDED
        for row in client.pages(f"/runs/{identity}/journal", after=last, limit=200):
            last = int(str(row["seq"]))
            yield row
        if ended or not follow:
            return
        time.sleep(_LONGEST_POLL / 2)


def _event(row: Mapping[str, Json]) -> str:
    data = "" if row["data"] in (None, {}) else plain(row["data"])
    attempt = f" attempt {row['attempt']}" if row["attempt"] else ""
    head = f"{row['at']}  {word(str(row['kind']))}  {row['path'] or 'run'}{attempt}"
    return f"{head}  {data}".rstrip()


def _print_run(found: Mapping[str, Json]) -> None:
    flags = found.get("flags")
    marks = f" ({', '.join(map(str, flags))})" if isinstance(flags, list) and flags else ""
    click.echo(f"{found['namespace']}/{found['workflow']}  {word(str(found['status']))}{marks}")
    click.echo(f"  run      {found['id']}")
    click.echo(f"  commit   {str(found['commit'])[:12]}   plan {str(found['plan'])[:12]}")
    click.echo(f"  took     {_took(found) or 'not ended'}")
    for each in found["steps"]:  # type: ignore[union-attr]
        step = members(each)
        again = f"  {step['attempts']} attempts" if int(str(step["attempts"])) > 1 else ""
        click.echo(f"  - {step['path']}  {word(str(step['status']))}{again}")
        error = members(step.get("error"))
        if error:
            click.echo(f"      {error.get('type')}: {plain(error.get('detail'))}")
    error = members(found.get("error"))
    if error:
        where = f" in {error['step']}" if error.get("step") else ""
        click.echo(f"  error    {error.get('type')}{where}: {plain(error.get('detail'))}")
    if found.get("outputs"):
        click.echo(f"  outputs  {plain(found['outputs'])}")


def _took(found: Mapping[str, Json]) -> str:
    from datetime import datetime

    start, end = found.get("started_at"), found.get("ended_at")
    if not isinstance(start, str) or not isinstance(end, str):
        return ""
    took = (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
    return f"{took:.3f}s" if took < 10 else f"{took:.0f}s"


def _exit(found: Mapping[str, Json]) -> Exit:
    if found["status"] == "succeeded":
        return Exit.OK
    return Exit.CANCELLED if found["status"] == "cancelled" else Exit.FAILED
