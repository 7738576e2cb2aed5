"""`sark server`: the application on uvicorn, with the limits that its defaults leave out."""

import asyncio
import logging

import uvicorn
import uvloop

from engine import token
from engine.broker import Bell, HintBroker
from engine.errors import Misconfigured
from engine.intake import Intake
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store.pool import pool
from policies.authorizer import Authorizer
from webhooks.app import create_app
from webhooks.edge import Edge
from webhooks.inbound import check_secrets

_LOG = logging.getLogger("sark.server")
_CONNECTIONS = 1_000
_REFRESH_SECONDS = 1.0


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raise Misconfigured for what keeps it from starting."""
    if settings.database_url is None:
        raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
    check_secrets(settings)
    uvloop.run(_serve(settings, settings.database_url))


async def _serve(settings: Settings, url: str) -> None:
    broker = HintBroker(settings.redis_url) if settings.redis_url else None
    bell = Bell(broker) if broker else None
    async with pool(url, "server") as connections:
        intake = Intake(connections, bell)
        edge = Edge(
            settings, connections, intake, broker, bell, Authorizer(), Secrets(settings),
            token.hashed(settings.state),
        )  # fmt: skip
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(edge), settings.server.host, settings.server.port, loop="none",
                http="httptools", ws="none", log_level="warning", access_log=False,
                proxy_headers=False, server_header=False, lifespan="off", timeout_keep_alive=30,
                limit_concurrency=_CONNECTIONS, timeout_graceful_shutdown=5,
            )
        )  # fmt: skip
        duties = [asyncio.create_task(intake.serve()), asyncio.create_task(_follow(intake))]
        try:
            await server.serve()
        finally:
            for each in duties:
                each.cancel()
            await asyncio.gather(*duties, return_exceptions=True)


async def _follow(intake: Intake) -> None:
    """Keep the active set fresh where no request does it."""
    while True:
        try:
            await intake.refresh()
        except Exception as error:
            _LOG.warning("the active set was not refreshed: %s", error)
        await asyncio.sleep(_REFRESH_SECONDS)
