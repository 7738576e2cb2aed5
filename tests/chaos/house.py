"""What a storm blows over: two servers, two controllers, three workers, PostgreSQL and Valkey.

Each is a process of its own, started by its command, on ports and in folders of its own.
"""

import hashlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from engine.local.child import spawn, tail
from engine.local.port import free_port
from engine.local.postgres import Postgres
from engine.local.valkey import Valkey
from tests.cluster import Cluster
from tests.git.repo import ENVIRONMENT
from tests.warm import Begun

LEASE = 2.0
GRACE = 3.0
PEOPLE = {"ann": "the-token-of-ann-in-this-storm", "bob": "the-token-of-bob-in-this-storm"}
# Every process is started with it: whoever has it in its environment is one of ours.
MARK = "SARK_STATE"
_PATIENCE = 300.0
# After so many seconds a process hears signals, on a machine however busy.
_BEGUN = 30.0
_CONFIG = """\
[worker]
lease = "2s"
sweep = "500ms"
grace = "3s"
scratch = "FOLDER/scratch"
[artifacts]
dir = "FOLDER/artifacts"
[adapters.http]
allow_hosts = ["127.0.0.1:SERVICE"]
[[sources]]
name = "local"
namespace = "local"
url = "FOLDER/repo"
interval = "2s"
"""


class Member(Protocol):
    """A process, or a server with the processes of its own."""

    def start(self) -> object: ...

    def is_up(self) -> bool: ...

    @property
    def pid(self) -> int | None: ...


class Process:
    """`sark COMMAND` as an operator starts it."""

    def __init__(self, command: str, log: Path, config: Path, told: Mapping[str, str]) -> None:
        self.log = log
        self.words = [command, "--config", str(config)]
        self.environment = {**os.environ, **told}
        self._process: Begun | subprocess.Popen[bytes] | None = None
        self._began = 0.0

    def start(self) -> None:
        self._began = time.monotonic()
        self._process = self._begun()

    def _begun(self) -> Begun | subprocess.Popen[bytes]:
        words = [sys.executable, "-m", "engine.cli", *self.words]
        return spawn(words, self.log, self.environment)

    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def code(self) -> int | None:
        """Return how it ended, or None while it lives."""
        return None if self._process is None else self._process.poll()

    def has_gone_well(self) -> bool:
        """True if it ended as told; by the signal itself where it had hardly begun."""
        is_young = time.monotonic() - self._began < _BEGUN
        return self.code == 0 or (is_young and self.code == -signal.SIGTERM)


class House:
    """All of it, in a new folder; use it as a context. `members` are by name, as `worker-1`."""

    def __init__(self, specs: Mapping[str, str], service: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sark-chaos-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.ports = (free_port(), free_port())
        self.members: dict[str, Member] = {}
        self.database_url = self.redis_url = ""
        self._specs = specs
        self._service = service

    def __enter__(self) -> "House":
        postgres, valkey = Cluster(self.folder / "postgres"), Valkey(self.folder / "valkey")
        self.members = {"postgres-0": postgres, "valkey-0": valkey}
        self.database_url, self.redis_url = postgres.start(), valkey.start()
        self._make_repository()
        config = self.folder / "sark.toml"
        config.write_text(self._config())
        for command, count in (("server", 2), ("controller", 2), ("worker", 3)):
            for number in range(count):
                name = f"{command}-{number}"
                process = Process(command, self.folder / f"{name}.log", config, self._told(number))
                process.start()
                self.members[name] = process
        self.await_ready()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for name in self.members:
            if not name.startswith(("postgres", "valkey")):
                self.signal(name, signal.SIGCONT)
                self.signal(name, signal.SIGKILL)
        for server in (self.members["valkey-0"], self.members["postgres-0"]):
            assert isinstance(server, Postgres | Valkey)
            server.stop()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def names(self, kind: str) -> list[str]:
        """Return the members of a kind, as `worker`."""
        return [name for name in self.members if name.startswith(f"{kind}-")]

    def signal(self, name: str, how: signal.Signals) -> bool:
        """Signal a member that is up; False if it is not."""
        member = self.members[name]
        if not member.is_up() or member.pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(member.pid, how)
        return True

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, read straight from the database."""
        with psycopg.connect(self.database_url, autocommit=True, connect_timeout=60) as connection:
            return connection.execute(statement.encode(), values or None).fetchall()

    def flush(self) -> bool:
        """Wipe Redis."""
        try:
            with Redis.from_url(self.redis_url, socket_timeout=2) as redis:
                return bool(redis.flushall())
        except RedisError:
            return False

    def terminate_connections(self) -> bool:
        """End every connection to PostgreSQL, as an operator may."""
        try:
            return bool(self.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'sark-%'"
            ))  # fmt: skip
        except psycopg.Error:
            return False

    def leader(self) -> str | None:
        """Return the controller that follows the outbox, found by the port that it calls from."""
        try:
            found = self.rows(
                "SELECT client_port FROM pg_stat_activity JOIN pg_locks USING (pid)"
                " WHERE application_name = 'sark-lead-relay' AND locktype = 'advisory' AND granted"
            )
        except psycopg.Error:
            return None
        inodes = {_inode(port) for (port,) in found}
        for name in self.names("controller"):
            if (pid := self.members[name].pid) is not None and _sockets(pid) & inodes:
                return name
        return None

    @property
    def token(self) -> str:
        return (self.folder / "state-0" / "token").read_text().strip()

    def log(self, name: str) -> str:
        """Return the end of a member's log."""
        return tail(self.folder / f"{name}.log", 20)

    def _told(self, number: int) -> dict[str, str]:
        """Return the environment of a process: each number has a state folder of its own."""
        state = self.folder / f"state-{number}"
        state.mkdir(exist_ok=True)
        if number and not (state / "token").exists():
            shutil.copy(self.folder / "state-0" / "token", state)
        elif not number and not (state / "token").exists():
            (state / "token").write_text(os.urandom(24).hex() + "\n")
        return {
            MARK: str(state), "SARK_DATABASE_URL": self.database_url,
            "SARK_REDIS_URL": self.redis_url, "SARK_SERVER__PORT": str(self.ports[number % 2]),
        }  # fmt: skip

    def _config(self) -> str:
        people = "".join(
            f'[[tokens]]\nname = "{name}"\nrole = "approver"\ngroups = ["ops"]\n'
            f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
            for name, token in PEOPLE.items()
        )
        told = _CONFIG.replace("FOLDER", str(self.folder))
        return told.replace("SERVICE", str(self._service)) + people

    def _make_repository(self) -> None:
        repository = self.folder / "repo"
        repository.mkdir()
        for name, text in self._specs.items():
            (repository / name).write_text(text)
        for words in (["init", "-qb", "main"], ["add", "-A"], ["commit", "-qm", "load"]):
            subprocess.run(
                ["git", *words], cwd=repository, check=True, env={**os.environ, **ENVIRONMENT}
            )

    def await_ready(self) -> None:
        """Wait until every server answers, and every worker that lives is known, and no other."""
        limit = time.monotonic() + _PATIENCE
        while not self._is_ready():
            if time.monotonic() > limit:
                raise TimeoutError("\n".join(self.log(name) for name in self.members))
            time.sleep(0.1)

    def _is_ready(self) -> bool:
        if not self.rows("SELECT 1 FROM workflows"):
            return False
        for port in self.ports:
            link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            try:
                link.request("GET", "/readyz")
                if link.getresponse().status != 200:
                    return False
            except (OSError, http.client.HTTPException):
                return False
            finally:
                link.close()
        return len(self.rows("SELECT 1 FROM workers")) == len(self.names("worker"))


def _inode(port: int) -> str:
    """Return the socket that calls from this port of loopback."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}"):
            return f"socket:[{fields[9]}]"
    return ""


def _sockets(pid: int) -> set[str]:
    """Return the sockets that a process has open."""
    found: set[str] = set()
    with suppress(OSError):
        for each in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                found.add(os.readlink(each))
    return found
