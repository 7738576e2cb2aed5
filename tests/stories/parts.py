"""The parts of a house, each started, hurt and ended by itself: servers of ours and of others."""

import asyncio
import http.client
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from signal import SIGCONT, SIGKILL, Signals
from subprocess import Popen
from types import TracebackType
from typing import Any

from engine.local.child import tail
from engine.local.port import free_port
from engine.local.postgres import Postgres
from engine.local.valkey import Valkey
from engine.store.migrate import migrate
from tests.chaos.house import Process
from tests.cluster import Cluster
from tests.stories.stack import Stack
from tests.warm import Begun, begin

CREW = ("server", "controller", "worker")
CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
interval = "2s"
[worker]
lease = "1500ms"
sweep = "300ms"
grace = "2s"
[controller]
lease = "1500ms"
[telemetry]
port = 0
"""


def until(holds: Callable[[], object], patience: float = 60) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)


class Warm(Process):
    """A process that need not load the program."""

    def _begun(self) -> Begun | Popen[bytes]:
        return begin(tuple(self.words), self.environment, self.log)


class Parts(Stack):
    """PostgreSQL, Valkey and processes of SARK, by their commands; use it as a context.

    `crew` is who is started at once; a second one is called `worker-1`. What has a number has a
    state folder and, if it is a server, a port of its own. `urls` say where a process of a kind
    finds what it is not to reach directly.
    """

    def __init__(
        self, files: Mapping[str, str], crew: tuple[str, ...] = CREW, config: str = CONFIG,
        has_redis: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(files, config)
        self.ports = (self.port, free_port())
        self.crew = crew
        self.processes: dict[str, Process] = {}
        self.postgres: Postgres = Cluster(self.folder / "postgres")
        self.valkey = Valkey(self.folder / "valkey")
        self._has_redis = has_redis

    def start(self) -> float:
        """Start the servers, then the crew, and return the seconds until a source is active."""
        began = time.monotonic()
        self.state.mkdir(exist_ok=True)
        (self.state / "token").write_text(os.urandom(24).hex() + "\n")
        (self.state / "database_url").write_text(self.postgres.start())
        (self.state / "redis_url").write_text(self.valkey.start())
        if not self._has_redis:
            self.valkey.stop()
        asyncio.run(migrate(self.database_url))
        (self.state / "address").write_text(self.url)
        for each in self.crew:
            self.begin(each)
        if {"server", "controller"} <= set(self.crew):
            until(self._is_active, 120)
        return time.monotonic() - began

    def begin(self, name: str, **environment: str) -> Process:
        """Start a process, or start it again."""
        command, _, number = name.partition("-")
        file = self.folder / "sark.toml"
        if not file.exists():
            self.options()
        told = {
            "SARK_STATE": str(self._state_of(number)), "SARK_DATABASE_URL": self.database_url,
            "SARK_REDIS_URL": self.redis_url, "SARK_SERVER__PORT": str(self.ports[bool(number)]),
            # A worker that is killed leaves its folder there to the next.
            "SARK_WORKER__SCRATCH": str(self.folder / "scratch"), **environment,
        }  # fmt: skip
        process = Warm(command, self.folder / f"{name}.log", file, told)
        process.start()
        self.processes[name] = process
        return process

    def signal(self, name: str, how: Signals) -> None:
        """Signal a process that lives."""
        pid = self.processes[name].pid
        assert pid is not None
        os.kill(pid, how)

    def end(self, name: str, how: Signals = SIGKILL) -> int:
        """End a process and return its exit code."""
        process = self.processes[name]
        self.signal(name, how)
        until(lambda: process.code is not None)
        assert process.code is not None
        return process.code

    def stop(self) -> int:
        """End everything."""
        for name, each in self.processes.items():
            if each.is_up():
                self.signal(name, SIGCONT)
                self.end(name)
        self.valkey.stop()
        self.postgres.stop()
        return 0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is not None:
            for name in self.processes:
                told = tail(self.folder / f"{name}.log", 20)
                self._log.write(f"--- {name}\n{told}\n".encode())
        super().__exit__(kind, error, at)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def health(self, port: int = 0) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        """Return what `/readyz` of a server answers; status 0 if nobody does."""
        link = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)
        try:
            link.request("GET", "/readyz")
            answer = link.getresponse()
            told = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, told, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, {}, {}
        finally:
            link.close()

    def status(self, port: int = 0) -> str:
        return str(self.health(port)[2].get("status", "away"))

    def _state_of(self, number: str) -> Path:
        if not number:
            return self.state
        state = self.folder / f"state-{number}"
        if not state.exists():
            state.mkdir()
            shutil.copy(self.state / "token", state)
        return state
