"""A whole `sark up` in a folder of its own, for stories and for measurements."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from benchmarks.processes import tree
from engine.local.child import spawn
from engine.local.port import free_port
from tests.cluster import lay
from tests.git.repo import ENVIRONMENT
from tests.warm import Begun, begin, command

_PATIENCE = 60.0
_ENDED = frozenset({"succeeded", "failed", "cancelled", "compensated"})


class Stack:
    """`sark up` on a free port over a repository with these files; use it as a context.

    In `config`, a whole sark.toml, REPOSITORY stands for the repository's path. `disk` is the
    size of a disk of its own for the state folder, for root alone; such a stack starts once.
    One that `is_warm` is loaded already, and its database made already; others start as anybody's.
    """

    def __init__(
        self, files: Mapping[str, str], config: str | None = None, disk: str = "",
        *, is_warm: bool = True, **environment: str,
    ) -> None:  # fmt: skip
        self.folder = Path(tempfile.mkdtemp(prefix="sark", dir="/tmp"))
        self.folder.chmod(0o755)
        self.state = self.folder / "s"
        self.repository = self.folder / "repo"
        self.port = free_port()
        self._files = files
        self._config = config
        self._disk = disk
        self._is_warm = is_warm and not disk
        self._environment = {"SARK_SERVER__PORT": str(self.port), **environment}
        self._log = (self.folder / "log").open("ab")
        self._process: Begun | subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.repository.mkdir()
        self.git("init", "-qb", "main")
        self.commit(self._files)
        try:
            self.start()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
        self._log.close()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print((self.folder / "log").read_text()[-6000:], file=sys.stderr)

    def git(self, *words: str) -> str:
        """Run git in the repository and return what it prints."""
        done = subprocess.run(
            ["git", *words], cwd=self.repository, check=True, capture_output=True, text=True,
            env={**os.environ, **ENVIRONMENT},
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        """Write files, commit them and return the commit."""
        for name, text in files.items():
            (self.repository / name).parent.mkdir(parents=True, exist_ok=True)
            (self.repository / name).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-qm", message)
        return self.git("rev-parse", "HEAD")

    def start(self) -> float:
        """Start it and return the seconds until its source is ready."""
        began = time.perf_counter()
        words, told = ("up", *self.options()), {**os.environ, **self._environment}
        if self._is_warm:
            lay(self.state / "postgres")
            self._process = begin(words, told, self.folder / "log")
        else:
            place = self._mounted() if self._disk else []
            program = [*place, sys.executable, "-m", "engine.cli", *words]
            self._process = spawn(program, self.folder / "log", told)
        if self._disk:
            self.state = Path(f"/proc/{self.pid}/root/{self.state}")
        while not self._is_active():
            if self._process.poll() is not None or time.perf_counter() - began > _PATIENCE:
                raise RuntimeError((self.folder / "log").read_text()[-6000:])
            time.sleep(0.01)
        return time.perf_counter() - began

    def _mounted(self) -> list[str]:
        """Return the words through which a program finds the disk mounted."""
        self.state.mkdir()
        mount = f'mount -t tmpfs -o size={self._disk} tmpfs "$0" && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", mount, str(self.state)]

    def options(self) -> list[str]:
        """Return what tells `sark up` of its state and its repository."""
        state = ["--state", str(self.state)]
        if self._config is None:
            return [*state, "--repo", str(self.repository)]
        file = self.folder / "sark.toml"
        file.write_text(self._config.replace("REPOSITORY", str(self.repository)))
        return [*state, "--config", str(file)]

    def stop(self) -> int:
        """Stop it as Ctrl-C does and return its exit code."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(30)
        finally:
            self._process.kill()

    def kill(self) -> None:
        """End the supervisor as no process should end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def pids(self, name: str) -> list[int]:
        """Return its processes of this name that live, the oldest first."""
        return [pid for pid in tree(self.pid) if _name(pid) == name]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_url(self) -> str:
        return (self.state / "database_url").read_text().strip()

    @property
    def redis_url(self) -> str:
        return (self.state / "redis_url").read_text().strip()

    def link(self) -> "Link":
        return Link(self.port, (self.state / "token").read_text().strip())

    def sark(
        self, *words: str, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line against this stack."""
        told = {**os.environ, **self._environment, "SARK_STATE": str(self.state), **environment}
        done = command(*words, env=told)
        if check and done.returncode != 0:
            raise AssertionError(
                f"sark {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, read straight from the database."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(statement.encode(), values).fetchall()

    def wait_active(self, commit: str, patience: float = 60) -> float:
        """Wait until a commit is active; return how many seconds that took."""
        began = time.perf_counter()
        while self._source().get("active") != commit:
            if time.perf_counter() - began > patience:
                raise TimeoutError(f"{commit} is not active: {self._source()}")
            time.sleep(0.02)
        return time.perf_counter() - began

    def wait_ended(self, run: str, patience: float = 90) -> dict[str, Any]:
        """Wait until a run has ended and return it."""
        limit = time.monotonic() + patience
        link = self.link()
        while True:
            found = link.get(f"/runs/{run}")
            if found["status"] in _ENDED:
                return found
            if time.monotonic() > limit:
                raise TimeoutError(f"run {run} is still {found['status']}: {found}")
            time.sleep(0.02)

    def _source(self) -> dict[str, Any]:
        listed = self.link().get("/sources")["items"]
        return dict(listed[0]) if listed else {}

    def _is_active(self) -> bool:
        try:
            return bool(self._source().get("active"))
        except (OSError, http.client.HTTPException, RuntimeError, ValueError):
            return False


class Link:
    """One kept-alive connection to the API."""

    def __init__(self, port: int, token: str) -> None:
        self._link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._link.connect()
        self._link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def get(self, path: str) -> dict[str, Any]:
        return self._send("GET", path, None)

    def post(self, path: str, body: object) -> dict[str, Any]:
        return self._send("POST", path, json.dumps(body).encode())

    def start(self, workflow: str, **inputs: object) -> str:
        """Start a run and return its id."""
        return str(self.post(f"/workflows/local/{workflow}/runs", {"inputs": inputs})["id"])

    def _send(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        self._link.request(method, "/api/v1" + path, body, self._headers)
        answer = self._link.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status} {path}: {text[:300]!r}")
        return dict(json.loads(text))


def is_alive(pid: int) -> bool:
    """True if a process is there, and not only waits to be forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() if is_alive(pid) else ""
    except OSError:
        return ""
