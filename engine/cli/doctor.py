"""`sark config` and `sark doctor`: what is set, and whether this machine can run SARK."""

import asyncio
import platform
import shutil
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import click
from psycopg import AsyncConnection
from psycopg import Error as PostgresError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.cli.options import as_json, settings
from engine.cli.output import Exit, table
from engine.cli.output import as_json as print_json
from engine.errors import SarkError

if TYPE_CHECKING:
    from engine.settings import Loaded, Settings

_LEAST_DISK = 1 << 30
_PATIENCE = 5


@dataclass(frozen=True, slots=True)
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
@as_json
@settings
def doctor(loaded: "Loaded", json_: bool) -> None:
    """Check Python, Git, disk, policies, PostgreSQL and Redis; say how to mend what is not well."""
    found = list(_examine(loaded.settings))
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
    yield _servers("postgresql", told.database_url, _ask_postgresql)
    yield _servers("redis", told.redis_url, _ask_redis)


def _disk(told: "Settings") -> Finding:
    place = next(p for p in (told.state.resolve(), *told.state.resolve().parents) if p.exists())
    free = shutil.disk_usage(place).free
    verdict: Literal["ok", "warn"] = "ok" if free >= _LEAST_DISK else "warn"
    return Finding("disk", verdict, f"{free >> 20} MiB free at {place}")


def _servers(what: str, url: str | None, ask: Callable[[str], Awaitable[str]]) -> Finding:
    if url is None:
        return Finding(what, "ok", "embedded: `sark up` brings its own")

    async def bounded() -> str:
        return await asyncio.wait_for(ask(url), _PATIENCE)

    try:
        return Finding(what, "ok", asyncio.run(bounded()))
    except TimeoutError:
        return Finding(what, "fail", f"no answer within {_PATIENCE} s")
    except (SarkError, OSError, RedisError, PostgresError) as error:
        return Finding(what, "fail", str(error).splitlines()[0])


async def _ask_postgresql(url: str) -> str:
    async with await AsyncConnection.connect(url) as connection:
        return f"version {connection.info.server_version // 10000}"


async def _ask_redis(url: str) -> str:
    async with Redis.from_url(url) as redis:
        await redis.ping()
        told = await redis.info("server")
        return f"version {told.get('redis_version')}"
