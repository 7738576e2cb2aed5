"""`sark server`: one process that serves the edge, until it is told to stop."""

import asyncio
import errno
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from email.utils import formatdate
from types import FrameType

import uvicorn
import uvloop
from uvicorn.server import ServerState

from engine import token
from engine.broker import Bell, HintBroker
from engine.cycles import look_seldom
from engine.errors import Misconfigured
from engine.forge.forges import Forges
from engine.history import History
from engine.intake import Intake
from engine.logs import log_to_stderr
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store.pool import pool
from policies.authorizer import Authorizer, PolicyError
from webhooks import routes
from webhooks.app import build
from webhooks.auth import token as tokens
from webhooks.doors import Doors, Drain
from webhooks.outflow import PIECE
from webhooks.protocol import GuardedProtocol
from webhooks.pulls import Pulls
from webhooks.reviews import Reviews
from webhooks.syncs import Syncs

_LOG = logging.getLogger("sark.http")
_CONNECTIONS = 2048
_IDLE_SECONDS = 30
_GRACE_SECONDS = 10
_LONGEST_LEAVE = 10.0
_BALANCER_SILENCE = 30.0


def run_server(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raise Misconfigured where it must not start."""
    routes.check(settings)
    try:
        policy = Authorizer()
    except PolicyError as error:
        raise Misconfigured(str(error)) from None
    listener = _listen(settings.server.host, settings.server.port)
    look_seldom()
    log_to_stderr()
    uvloop.run(_serve(settings, policy, listener))


@asynccontextmanager
async def opened(settings: Settings, policy: Authorizer) -> AsyncIterator[Doors]:
    """Hold the engine's doors open; they heal by themselves when a server comes back."""
    if settings.database_url is None:
        raise Misconfigured("SARK_DATABASE_URL is not set; `sark up` brings its own PostgreSQL")
    first = token.hashed(settings.state)
    bearers = tokens.bearers(first, settings)
    broker = HintBroker(settings.redis_url) if settings.redis_url else None
    bell = Bell(broker) if broker is not None else None
    async with AsyncExitStack() as stack:
        connections = await stack.enter_async_context(pool(settings.database_url, "server"))
        intake = await stack.enter_async_context(
            Intake(settings.database_url, connections, bell, policy)
        )
        forges = await stack.enter_async_context(Forges(settings.sources, settings.adapters))
        if broker is not None:
            stack.callback(broker.close)
        yield Doors(
            settings,
            connections,
            intake,
            Syncs(connections, bell),
            Pulls(forges),
            Reviews(settings, connections),
            History(connections),
            policy,
            Secrets(settings),
            first,
            bearers,
            broker,
            bell,
            Drain(),
        )


class State(ServerState):
    """What uvicorn's connections share: here the date of an answer is made when it is asked for."""

    def __init__(self) -> None:
        self._second = 0
        self._dated: list[tuple[bytes, bytes]] = []
        super().__init__()

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        now = int(time.time())
        if now != self._second:
            self._second, self._dated = now, [(b"date", formatdate(now, usegmt=True).encode())]
        return self._dated

    @default_headers.setter
    def default_headers(self, _: list[tuple[bytes, bytes]]) -> None:
        """Take no date from anybody."""


class Server(uvicorn.Server):
    """uvicorn's server, which leaves in two steps if somebody balances load over it."""

    def __init__(self, doors: Doors) -> None:
        config = uvicorn.Config(
            build(doors),
            http=GuardedProtocol,
            ws="none",
            lifespan="off",
            loop="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=_CONNECTIONS,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        super().__init__(config)
        self.server_state = State()
        self._drain = doors.drain
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving = asyncio.Event()

    async def main_loop(self) -> None:
        """Sleep until it is time to leave.

        uvicorn looks ten times a second whether it is, and makes the date of answers meanwhile:
        most of what a server does that nobody asks.
        """
        self._loop = asyncio.get_running_loop()
        if not self.should_exit:
            await self._leaving.wait()

    def leave(self) -> None:
        """Begin to leave; from any thread."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._leaving.set)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Say first on `/readyz` that this server leaves, for as long as a balancer looks away.

        Who asks for readiness asks at an interval: three of them are waited for. Where nobody
        asks, or a second signal comes, the server leaves at once.
        """
        if self._drain.draining or sig != signal.SIGTERM:
            self._drain.draining = True
            return self._leave(sig)
        self._drain.draining = True
        wait = leave_after(self._drain.asked, time.monotonic())
        asyncio.get_running_loop().call_later(wait, self._leave, sig)
        return None

    def _leave(self, sig: int) -> None:
        """Leave as uvicorn does, but do not die of the signal afterwards: we end with 0."""
        if self.should_exit and sig == signal.SIGINT:
            self.force_exit = True
        self.leave()


def leave_after(asked: list[float], now: float) -> float:
    """Return how many seconds to stay, by when `/readyz` was last asked."""
    if len(asked) < 2 or now - asked[-1] > _BALANCER_SILENCE:
        return 0.0
    return min(3 * (asked[-1] - asked[-2]), _LONGEST_LEAVE)


async def _serve(settings: Settings, policy: Authorizer, listener: socket.socket) -> None:
    async with opened(settings, policy) as doors:
        _LOG.info("the server listens on %s", listener.getsockname()[:2])
        await Server(doors).serve([listener])


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket; raise Misconfigured where nobody may listen."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Inherited by each connection: what a client does not read is not piled up below us either.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, PIECE)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be had: {error.strerror}"
        raise Misconfigured(f"port {port} on {host} {why}; set SARK_SERVER__PORT") from None
    listener.set_inheritable(True)
    return listener
