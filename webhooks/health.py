"""Is the process alive, is it ready, and what has it counted."""

import asyncio
import time

import psycopg
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import SarkError
from engine.health import Health, of_broker
from engine.store import leases, migrate, workers
from engine.store.pool import Connection
from engine.telemetry import REGISTRY
from policies.facts import Resource
from webhooks.auth.guard import allow
from webhooks.doors import Doors, doors
from webhooks.problem import Data

_PATIENCE = 2.0
_REMEMBERED = 2
RETRY = {"Retry-After": "1"}


async def alive(_: Request) -> Response:
    """`GET /livez`: the event loop turns."""
    return Data({"status": "ok"})


async def ready(request: Request) -> Response:
    """`GET /readyz`: 503 where a request would fail, and why.

    Redis away is only a reason: what it would have told is found by the sweep. So is a lack of
    workers or of whoever leads: what is taken waits for them.
    """
    opened = doors(request)
    opened.drain.asked = [*opened.drain.asked[1 - _REMEMBERED :], time.monotonic()]
    health = await look(opened)
    told = health.told()
    checks = told["checks"]
    assert isinstance(checks, dict)
    checks["policies"] = {"status": "ok", "digest": opened.policy.digest[:12]}
    return Data(told, 503, RETRY) if health.status == "unready" else Data(told)


async def look(opened: Doors) -> Health:
    """Return how this server is, and what it knows of the processes behind it."""
    (database, workers_, duties), broker = await asyncio.gather(
        _database(opened), of_broker(opened.broker)
    )
    leaving = "the server is about to stop" if opened.drain.draining else ""
    return Health(
        {"database": database, "intake": opened.intake.stuck(), "server": leaving},
        {"broker": broker, "workers": workers_, "controllers": duties},
    )


async def metrics(request: Request) -> Response:
    """`GET /metrics`: what this process has counted, for Prometheus."""
    await allow(request, "metrics.read", Resource("metrics", "server"))
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


async def _database(opened: Doors) -> tuple[str, str, str]:
    """Return what is wrong with the database or its version, with workers and with leaders.

    Where the database does not answer nothing is known of the others, and nothing said. What ended
    one connection may have ended all: only what a good one says counts.
    """
    try:
        return await _asked(opened)
    except psycopg.Error:
        await opened.pool.check()
    try:
        return await _asked(opened)
    except psycopg.Error:
        return "PostgreSQL does not answer", "", ""


async def _asked(opened: Doors) -> tuple[str, str, str]:
    """Return what `_database` does; raise what a connection raises that has ended."""
    try:
        async with asyncio.timeout(_PATIENCE), opened.pool.connection(_PATIENCE) as connection:
            missing = await migrate.pending(connection)
            if missing:
                return f"migrations are missing, run `sark migrate`: {missing[0].name}", "", ""
            return "", *await _bounded(opened, connection)
    except TimeoutError:
        return f"PostgreSQL has not answered within {_PATIENCE:g} s", "", ""
    except psycopg.errors.UndefinedTable:
        return "the database is empty: run `sark migrate`", "", ""
    except (PoolTimeout, OSError):
        return "PostgreSQL does not answer", "", ""
    except SarkError as error:
        return str(error), "", ""


async def _bounded(opened: Doors, connection: Connection) -> tuple[str, str]:
    """Return what `_behind` does, or that it is not known: no reason to refuse requests."""
    try:
        async with asyncio.timeout(_PATIENCE / 2):
            return await _behind(opened, connection)
    except (TimeoutError, psycopg.errors.LockNotAvailable):
        return "whether a worker lives is not known: PostgreSQL has not said so in time", ""


async def _behind(opened: Doors, connection: Connection) -> tuple[str, str]:
    """Return what is wrong with the workers that there are, and with who leads."""
    told = opened.settings
    lives = any(each.pool for each in await workers.listed(connection, told.worker.lease))
    unled = leases.unled(await leases.held(connection, told.controller.lease))
    lacking = "" if lives else "no worker lives; runs wait until one does: `sark worker`"
    headless = f"nobody leads {', '.join(unled)}: start `sark controller`" if unled else ""
    return lacking, headless
