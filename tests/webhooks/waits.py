"""Runs that wait for people and for requests, as the relay makes it known."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.core.values import Json
from engine.store import approvals, callbacks
from engine.store.pool import connect
from tests.webhooks.served import Answer, Served

ASKED = "a" * 64
TOKENS = {
    "ann": ("approver", ("sre",)),
    "bob": ("approver", ("sre", "dev")),
    "eve": ("viewer", ("sre",)),
    "root": ("admin", ()),
}
ENVIRONMENT = {name: f"EDGE_{name.upper()}" for name in TOKENS}
SECRETS = {name: f"a-token-of-{name}-that-is-long" for name in TOKENS}


def tokens() -> list[dict[str, Any]]:
    """Return the settings of people, whose tokens stand in the environment."""
    return [
        {"name": name, "role": role, "groups": groups, "token": f"env:{ENVIRONMENT[name]}"}
        for name, (role, groups) in TOKENS.items()
    ]


def as_(served: Served, name: str, method: str, path: str, body: object = None) -> Answer:
    """Ask the API as one of these people."""
    return served.api(method, path, body, Authorization=f"Bearer {SECRETS[name]}")


def run(served: Served, actor: str | None = "token:admin", namespace: str = "shop") -> str:
    """Return a run that has begun."""
    identity = str(uuid7())
    actor_ = "" if actor is None else f', "actor": "{actor}"'
    served.rows(
        "INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs, status, started_at)"
        " VALUES (%s, %s, 'deploy', '', %s, '{}', 'waiting', now())",
        identity, namespace, f'{{"type": "api", "event": {{}}{actor_}}}',
    )  # fmt: skip
    return identity


def asks(
    served: Served, run: str, path: str = "ok", expires: timedelta = timedelta(hours=1),
    **more: Any,
) -> None:  # fmt: skip
    """Let a run ask people, as it is asked for when it says so."""
    told: Mapping[str, Json] = {
        "by": ["group:sre"], "min": 1, "exclude": ["initiator"], "show": "deploy?", "form": None,
        "binds": {}, "asked": ASKED, **more,
    }  # fmt: skip

    async def ask() -> None:
        async with await connect(str(served.settings.database_url), "test") as connection:
            at = datetime.now(UTC) + expires
            await approvals.ask(connection, UUID(run), path, "shop", "deploy", told, at)

    asyncio.run(ask())


def waits(served: Served, run: str, path: str, schema: Json) -> None:
    """Let a run wait for a request."""

    async def wait() -> None:
        async with await connect(str(served.settings.database_url), "test") as connection:
            await callbacks.wait(connection, UUID(run), path, schema)

    asyncio.run(wait())


def heard(served: Served, run: str) -> list[tuple[str, str, Any]]:
    """Return what a run was told and has not taken."""
    return served.rows("SELECT kind, path, data FROM inbox WHERE run_id = %s ORDER BY id", run)
