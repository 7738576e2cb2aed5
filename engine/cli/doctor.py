"""`sark config` and `sark doctor`: what is set, and whether this machine can run SARK."""

import asyncio
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Literal

import click

from engine.cli.options import as_json, settings
from engine.cli.output import Exit, table
from engine.cli.output import as_json as print_json
from engine.core.frozen import frozen
from engine.errors import Misconfigured, SarkError

if TYPE_CHECKING:
    from engine.settings import Loaded, Settings

_LEAST_DISK = 1 << 30
_PATIENCE = 5


@frozen
class Finding:
    """One line of the doctor's: what was looked at, how it is, and how to mend it."""

    what: str
    verdict: Literal["ok", "warn", "fail"]
    told: str


@click.command()
@as_json
@settings
def config(loaded: "Loaded", json_: bool) -> None:
    """Show each setting and where it came from; secrets are masked."""
    shown = loaded.shown()
    if json_:
        return print_json([{"key": k, "value": v, "origin": o} for k, v, o in shown])
    return table(("key", "value", "origin"), shown, "Nothing is set.")


@click.command()
@click.option("--deep", is_flag=True, help="Look at every row, and replay all runs in flight.")
@as_json
@settings
def doctor(loaded: "Loaded", deep: bool, json_: bool) -> None:
    """Check this machine, the settings, and the servers; say how to mend what is not well.

    Looked at are Python, Git, disk, policies, adapters, secrets, PostgreSQL and its epoch, workers,
    controllers, history, Redis, the server, and each process that tells how it is. With --deep the
    database, too: that each journal is whole, and says what its run is.
    """
    found = list(_examine(loaded.settings))
    if deep:
        found.append(_journals(loaded.settings))
    if json_:
        print_json([{"what": f.what, "verdict": f.verdict, "told": f.told} for f in found])
    else:
        table(("what", "verdict", "told"), [[f.what, f.verdict, f.told] for f in found], "")
    sys.exit(Exit.FAILED if any(f.verdict == "fail" for f in found) else Exit.OK)


def _examine(told: "Settings") -> Iterator[Finding]:
    version = platform.python_version()
    fit = sys.version_info[:2] in {(3, 11), (3, 12)}
    yield Finding(
        "python", "ok" if fit else "fail", version if fit else f"{version}; use 3.11 or 3.12"
    )
    git = shutil.which("git")
    yield Finding("git", "ok" if git else "fail", git or "not on PATH; install git")
    yield _disk(told)
    yield _tried("policies", _ask_policies)
    yield _tried("adapters", lambda: _ask_adapters(told))
    yield _tried("secrets", lambda: _ask_secrets(told))
    database = _placed(told, "database_url")
    yield _servers("postgresql", *database, _ask_postgresql)
    yield _servers("epoch", *database, _ask_epoch)
    yield _workers(told)
    yield _controllers(told)
    yield _history(told)
    yield _servers("redis", *_placed(told, "redis_url"), _ask_redis)
    yield _server(told)
    yield from _processes(told)


def _disk(told: "Settings") -> Finding:
    place = next(p for p in (told.state.resolve(), *told.state.resolve().parents) if p.exists())
    free = shutil.disk_usage(place).free
    verdict: Literal["ok", "warn"] = "ok" if free >= _LEAST_DISK else "warn"
    return Finding("disk", verdict, f"{free >> 20} MiB free at {place}")


def _placed(told: "Settings", name: str) -> tuple[str | None, bool]:
    """Return the URL of a server, and whether it is one that `sark up` brings."""
    url: str | None = getattr(told, name)
    if url is not None:
        return url, False
    try:
        return (told.state / name).read_text().strip(), True
    except OSError:
        return None, True


def _servers(
    what: str, url: str | None, is_embedded: bool, ask: Callable[[str], Awaitable[str]]
) -> Finding:
    if url is None:
        return Finding(what, "ok", "embedded: `sark up` brings its own")

    async def bounded() -> str:
        return await asyncio.wait_for(ask(url), _PATIENCE)

    found = _tried(what, lambda: asyncio.run(bounded()))
    if found.verdict == "fail" and is_embedded:
        return Finding(what, "warn", f"{found.told} (embedded: `sark up` starts it)")
    return found


def _tried(what: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", ask())
    except TimeoutError:
        return Finding(what, "fail", f"no answer within {_PATIENCE} s")
    except (SarkError, OSError) as error:
        return Finding(what, "fail", str(error).splitlines()[0])


def _server(told: "Settings") -> Finding:
    """Ask the server that the state folder knows; one that was not started is no failure."""
    try:
        url = (told.state / "address").read_text().strip()
    except OSError:
        return Finding("server", "warn", f"none was started with {told.state}: try `sark up`")
    return _process("server", url, f"nobody answers at {url}: start it with `sark up`")


def _processes(told: "Settings") -> Iterator[Finding]:
    """Ask each process that has written into the state folder where it answers."""
    from engine.cli.probing import listed

    for kind, url in listed(told.state):
        yield _process(kind, url, f"the {kind} at {url} does not answer")


def _process(what: str, url: str, silent: str) -> Finding:
    """Ask a process how it is; only one that says so itself has failed."""
    from engine.cli.probing import asked

    try:
        status, reasons = asked(url)
    except OSError:
        return Finding(what, "warn", silent)
    if status == "ready":
        return Finding(what, "ok", f"ready at {url}")
    verdict: Literal["warn", "fail"] = "warn" if status == "degraded" else "fail"
    return Finding(what, verdict, f"{url} is {status}: {reasons}")


def _ask_policies() -> str:
    from policies.authorizer import Authorizer, PolicyError

    try:
        return f"digest {Authorizer().digest[:12]}"
    except PolicyError as error:
        raise Misconfigured(str(error)) from None


def _ask_adapters(told: "Settings") -> str:
    from engine.operations import catalogue

    return f"{len(catalogue(told.adapters))} operations"


def _ask_secrets(told: "Settings") -> str:
    """Read every secret once, and tell none."""
    from engine.secrets import resolve

    wanted = [(r, f"secrets.{n}.{k}") for n, all_ in told.secrets.items() for k, r in all_.items()]
    wanted += [(r, f"webhook secret of {s.name}") for s in told.sources for r in s.webhook_secrets]
    for reference, what in wanted:
        resolve(reference, what)
    return f"{len(wanted)} bound, all there"


async def _ask_postgresql(url: str) -> str:
    from psycopg import AsyncConnection, ProgrammingError
    from psycopg import Error as PostgresError

    try:
        async with await AsyncConnection.connect(url) as connection:
            return f"version {connection.info.server_version // 10000}"
    except ProgrammingError:
        raise Misconfigured(
            "the URL is not one that PostgreSQL takes: postgresql://USER@HOST/NAME"
        ) from None
    except PostgresError as error:
        raise Misconfigured(str(error)) from None


async def _ask_epoch(url: str) -> str:
    from engine.cli.epoch import ask

    return await ask(url)


def _journals(told: "Settings") -> Finding:
    """Say whether the database is what it promises."""
    from engine.store.pool import connect
    from engine.verify import verify

    async def asked(url: str) -> str:
        async with await connect(url, "doctor") as connection:
            found = await verify(connection)
        if found.problems:
            raise Misconfigured("; ".join(found.problems))
        return f"{found.journals} whole, {found.replayed} of runs in flight replayed"

    url, _ = _placed(told, "database_url")
    if url is None:
        return Finding("journals", "warn", f"no server was started with {told.state}")
    return _tried("journals", lambda: asyncio.run(asked(url)))


def _workers(told: "Settings") -> Finding:
    """Say who serves which pools; warn where nobody does, and of steps that wait in vain."""
    from engine.cli.serving import ask

    async def asked(url: str) -> tuple[list[str], list[str]]:
        workers, waits = await ask(url, told.worker.lease)
        lacking = [] if workers else ["none is there: start one with `sark worker`"]
        return workers, [*lacking, *waits]

    return _there(told, "workers", asked)


def _controllers(told: "Settings") -> Finding:
    """Say who leads which duty; warn of those that nobody leads."""
    from engine.cli.serving import leading

    lease = told.controller.lease
    return _there(told, "controllers", lambda url: leading(url, lease))


def _history(told: "Settings") -> Finding:
    """Say how much history there is; warn where nobody looks after it."""
    from engine.cli.kept import ask

    return _there(told, "history", lambda url: ask(url, told.history.kept))


def _there(
    told: "Settings", what: str, ask: Callable[[str], Awaitable[tuple[list[str], list[str]]]]
) -> Finding:
    """Say what PostgreSQL knows of processes; warn of those that are lacking."""
    lacking: list[str] = []

    async def asked(url: str) -> str:
        there, missing = await ask(url)
        lacking.extend(missing)
        return "; ".join([*there, *missing])

    found = _servers(what, *_placed(told, "database_url"), asked)
    is_well = found.verdict == "ok" and not lacking
    return found if is_well else Finding(what, "warn", found.told)


async def _ask_redis(url: str) -> str:
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    try:
        async with Redis.from_url(url) as redis:
            told = await redis.info("server")
            return f"version {told.get('redis_version')}"
    except ValueError:
        raise Misconfigured("the URL is not one that Redis takes: redis://HOST:PORT/0") from None
    except RedisError as error:
        raise Misconfigured(str(error)) from None
