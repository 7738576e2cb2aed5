"""Is the process alive, is it ready, and what has it counted."""

import asyncio
import time

import psycopg
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import Response

from engine.errors import SarkError
from engine.store import migrate
from engine.telemetry import REGISTRY
from policies.facts import Resource
from webhooks.auth.guard import allow
from webhooks.doors import Doors, doors
from webhooks.problem import Data

_PATIENCE = 2.0
_REMEMBERED = 2


async def alive(_: Request) -> Response:
    """`GET /livez`: the event loop turns."""
    return Data({"status": "ok"})


async def ready(request: Request) -> Response:
    """`GET /readyz`: 503 where a request would fail, and why.

    Redis away is only a reason: what it would have told is found by the sweep.
    """
    opened = doors(request)
    opened.drain.asked = [*opened.drain.asked[1 - _REMEMBERED :], time.monotonic()]
    database, broker = await asyncio.gather(_database(opened), _broker(opened))
    stuck = opened.intake.stuck()
    leaving = "the server is about to stop" if opened.drain.draining else ""
    checks = {"database": database, "intake": stuck, "server": leaving}
    unready = any(checks.values())
    status = "unready" if unready else "degraded" if broker else "ready"
    told = {
        "status": status,
        "checks": {
            **{name: _check(reason, "failed") for name, reason in checks.items()},
            "broker": _check(broker, "degraded"),
            "policies": {"status": "ok", "digest": opened.policy.digest[:12]},
        },
    }
    return Data(told, 503 if unready else 200)


async def metrics(request: Request) -> Response:
    """`GET /metrics`: what this process has counted, for Prometheus."""
    await allow(request, "metrics.read", Resource("metrics", "server"))
    return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _check(reason: str, word: str) -> dict[str, str]:
    return {"status": word, "reason": reason} if reason else {"status": "ok"}


async def _database(opened: Doors) -> str:
    """Return what is wrong with the database or its version, or an empty string."""
    try:
        async with asyncio.timeout(_PATIENCE), opened.pool.connection(_PATIENCE) as connection:
            missing = await migrate.pending(connection)
    except TimeoutError:
        return f"PostgreSQL has not answered within {_PATIENCE:g} s"
    except psycopg.errors.UndefinedTable:
        return "the database is empty: run `sark migrate`"
    except (psycopg.Error, PoolTimeout, OSError):
        return "PostgreSQL does not answer"
    except SarkError as error:
        return str(error)
    return f"migrations are missing, run `sark migrate`: {missing[0].name}" if missing else ""


async def _broker(opened: Doors) -> str:
    if opened.broker is None:
        return "no broker is set; runs are found by the sweep"
    try:
        async with asyncio.timeout(_PATIENCE):
            answers = await asyncio.to_thread(opened.broker.ping)
    except TimeoutError:
        answers = False
    return "" if answers else "Redis does not answer; runs are found by the sweep"
