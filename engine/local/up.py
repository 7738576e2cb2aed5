"""`sark up`: one supervisor for the embedded servers and every process of SARK.

Children are started from the main thread alone and die with it, whatever ends it; so kill -9 of
the supervisor leaves nothing behind, and the next start takes up what was going.
"""

import asyncio
import errno
import gc
import shutil
import signal
import socket
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click
import orjson

from engine import token
from engine.broker import EVERY
from engine.controller import run_controller
from engine.errors import Misconfigured, SarkError
from engine.git.address import shown
from engine.local import example
from engine.local.child import stop, tail, write_private
from engine.local.holding import hold
from engine.local.postgres import Postgres
from engine.local.valkey import Valkey
from engine.local.watch import Part, Program, Watched, asleep
from engine.settings import Settings, Source
from engine.store.migrate import migrate
from engine.worker import run_worker
from webhooks.serve import run_server

_LEAST_DISK = 64 << 20
# What a person can mend where the state folder is.
_IN_THE_WAY = {
    errno.EACCES, errno.EDQUOT, errno.EEXIST, errno.ENAMETOOLONG, errno.ENOENT, errno.ENOSPC,
    errno.ENOTDIR, errno.EPERM, errno.EROFS,
}  # fmt: skip
_READY_PATIENCE = 60.0
_FIRST_LOOK = 3.0
_QUICK_POLL = 0.01
# How long after its grace a worker may still take to hand its runs back.
_CLEANING_SECONDS = 5.0


def run_up(settings: Settings) -> None:
    """Run everything until SIGINT or SIGTERM; raise Misconfigured if it cannot start."""
    _Up(settings).run()


class _Up:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._state = settings.state.resolve()
        self._logs = self._state / "log"
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None
        self._programs: list[Program] = []
        self._watched: list[Watched] = []
        self._stopping = False

    def run(self) -> None:
        """Start in order, watch, stop in the opposite order."""
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self._stop)
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
            with hold(self._state, "`sark up`"):
                self._serve()
        except OSError as error:
            if error.errno not in _IN_THE_WAY:
                raise
            place = error.filename or self._state
            raise Misconfigured(
                f"{place}: {error.strerror}; mend that, or name another folder with --state"
            ) from None

    def _serve(self) -> None:
        try:
            self._start()
            self._tell()
            with asleep() as sleep:
                while not self._stopping:
                    self._mend()
                    sleep(self._watched)
        finally:
            self._end()

    def _start(self) -> None:
        server = self._settings.server
        if shutil.disk_usage(self._state).free < _LEAST_DISK:
            raise Misconfigured(f"less than 64 MiB are free at {self._state}: free some")
        try:
            family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
            socket.create_server((server.host, server.port), family=family).close()
        except OSError as error:
            raise Misconfigured(
                f"port {server.port} on {server.host}: {error.strerror}; stop who listens there, "
                "or set SARK_SERVER__PORT (or port in [server]) to another"
            ) from None
        told = self._told(*self._servers())
        token.ensure(self._state)
        write_private(self._state / "address", self._address)
        gc.collect()
        gc.freeze()  # what is loaded by now is shared with the children, and stays so
        self._add("server", lambda: run_server(told))
        self._add("controller", lambda: run_controller(_probed(told, 0)))
        for number in range(told.worker.processes):
            self._add("worker", partial(run_worker, _probed(told, number + 1)), number)
        self._await_ready()

    def _servers(self) -> tuple[str, str]:
        """Start what no URL was given for; return both URLs, kept where our own tools find them."""
        redis = self._settings.redis_url
        if redis is None:
            self._valkey = Valkey(self._state / "valkey")
            redis = self._valkey.start()
            self._watch("Valkey", self._valkey)
        database = self._settings.database_url
        if database is None:
            self._postgres = Postgres(self._state / "postgres")
            database = self._postgres.start()
            self._watch("PostgreSQL", self._postgres)
        write_private(self._state / "redis_url", redis)
        write_private(self._state / "database_url", database)
        asyncio.run(migrate(database))
        return database, redis

    def _told(self, database: str, redis: str) -> Settings:
        """Return what the processes are told: the settings, with what was started here."""
        sources = self._settings.sources
        if not sources:
            repository = example.make(self._state / "repo")
            local = {"name": "local", "namespace": "local", "environment": "local"}
            sources = (Source.model_validate({**local, "url": str(repository)}),)
        worker = self._settings.worker
        if worker.pools is None:
            worker = worker.model_copy(update={"pools": (EVERY,)})
        here = {
            "state": self._state, "database_url": database, "redis_url": redis, "worker": worker,
        }  # fmt: skip
        return self._settings.model_copy(update={**here, "sources": sources})

    def _add(self, name: str, work: Callable[[], None], number: int = 0) -> None:
        log = self._logs / (f"{name}.log" if not number else f"{name}-{number}.log")
        program = Program(name, work, log)
        program.start()
        self._programs.append(program)
        self._watch(f"the {name}", program)

    def _watch(self, name: str, part: Part) -> None:
        self._watched.append(Watched(name, part, time.monotonic()))

    def _mend(self) -> None:
        """Start again what has ended."""
        for each in self._watched:
            if not self._stopping:
                each.mend()

    def _await_ready(self) -> None:
        """Wait for the server, then a moment for every source to have been looked at once."""
        limit = time.monotonic() + _READY_PATIENCE
        while self._ask("/readyz") is None:
            self._mend()
            if self._stopping:
                return
            if time.monotonic() > limit:
                raise SarkError(f"the server is not ready:\n{tail(self._logs / 'server.log')}")
            time.sleep(_QUICK_POLL)
        limit = time.monotonic() + _FIRST_LOOK
        while not self._stopping and time.monotonic() < limit and not self._has_looked():
            self._mend()
            time.sleep(_QUICK_POLL)

    def _has_looked(self) -> bool:
        told = self._ask("/api/v1/sources") or {}
        listed = told.get("items") or []
        return bool(listed) and all(each["generation_handled"] for each in listed)

    def _ask(self, path: str) -> dict[str, Any] | None:
        """Return what the server answers, or nothing as long as it does not."""
        bearer = f"Bearer {token.ensure(self._state).read_text().strip()}"
        asked = urllib.request.Request(self._address + path, headers={"Authorization": bearer})
        try:
            with urllib.request.urlopen(asked, timeout=2) as answer:  # nosec B310 - our own URL
                told: dict[str, Any] = orjson.loads(answer.read())
        except (OSError, ValueError):
            return None
        return told

    @property
    def _address(self) -> str:
        server = self._settings.server
        return f"http://{server.host}:{server.port}"

    def _tell(self) -> None:
        """Print what a person needs next."""
        if self._stopping:
            return
        sources = self._settings.sources
        repository = shown(sources[0].url) if sources else str(self._state / "repo")
        where = "" if self._state == Path(".sark").resolve() else f" --state {self._state}"
        next_ = "workflows" if sources else "run hello --wait"
        click.echo(
            f"SARK is ready.\n"
            f"  address     {self._address}\n"
            f"  repository  {repository}\n"
            f"  token       {self._state / 'token'}\n"
            f"  logs        {self._logs}\n"
            f"  next        {_program()} {next_}{where}\n"
            "Ctrl-C stops all of it; nothing is lost."
        )

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> None:
        """Stop children together, then the servers that they use."""
        self._stopping = True
        running = [each.process for each in self._programs if each.process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        patience = self._settings.worker.grace.total_seconds() + _CLEANING_SECONDS
        for process in running:
            stop(process, signal.SIGTERM, patience)
        if self._valkey is not None:
            self._valkey.stop()
        if self._postgres is not None:
            self._postgres.stop()


def _probed(told: Settings, number: int) -> Settings:
    """Return settings by which the process of this number has a port of its own to tell from."""
    port = told.telemetry.port and told.telemetry.port + number
    telemetry = told.telemetry.model_copy(update={"port": port or 0})
    return told.model_copy(update={"telemetry": telemetry})


def _program() -> str:
    """Return what a person types to call this program: as it was called, unless it is on PATH."""
    called = sys.argv[0]
    return called if Path(called).name == "sark" and shutil.which("sark") is None else "sark"
