"""How a peer is driven: started, timed, counted and stopped. Runs in the peer's environment.

So only the standard library is imported here. A driver makes a `Harness`, starts the processes of
its peer with it and hands it a function for each shape; what was measured is printed as JSON, a
line each. Times are the client's; the client's own CPU is left out.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks import processes

ROOT = Path(__file__).parents[2]
WARM = 1  # repeats that do not count
_PATIENCE = 120.0
_STOPPING = 10.0


class Capped(Exception):
    """The shape took too long; `done` of its tasks had ended."""

    def __init__(self, done: int) -> None:
        super().__init__(f"stopped with {done} tasks done")
        self.done = done


class Harness:
    """A peer's processes and what they and their stores cost; use it as a context.

    `database_url` and `redis_url` are of servers that are this peer's alone, `folder` is where it
    may write. A shape is asked for by `shapes` and ends after `cap` seconds.
    """

    def __init__(self) -> None:
        told = json.loads(os.environ["SARK_BENCH_PEER"])
        self.database_url: str = told["database_url"]
        self.redis_url: str = told["redis_url"]
        self.folder = Path(told["folder"])
        self.cap: float = told["cap"]
        self._shapes: list[str] = told["shapes"]
        self._repeats: int = told["repeats"]
        self._stores: list[int] = told["stores"]
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Harness":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the peer is stopped
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        # A peer may start processes in sessions of their own, so a group is not all of it.
        left = [pid for process in self._running for pid in processes.tree(process.pid)]
        for how in (signal.SIGTERM, signal.SIGKILL):
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, how)
            limit = time.monotonic() + _STOPPING
            while time.monotonic() < limit and any(p.poll() is None for p in self._running):
                time.sleep(0.05)

    def spawn(self, name: str, *words: object, environment: Mapping[str, str] = {}) -> None:
        """Start a process of the peer, its output in a log of this name."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=ROOT, start_new_session=True, preexec_fn=_end_with_driver,  # noqa: PLW1509
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            )  # fmt: skip
        self._running.append(process)

    def python(self, name: str, *words: object, environment: Mapping[str, str] = {}) -> None:
        """Start Python of the peer's environment."""
        self.spawn(name, sys.executable, *words, environment=environment)

    def started(self, ready: Callable[[], object], began: float) -> None:
        """Wait until `ready` gives true and does not raise; tell how long that took."""

        def answers() -> int:
            dead = [process for process in self._running if process.poll() is not None]
            if dead:
                raise RuntimeError(f"{dead[0].args!r} ended with {dead[0].returncode}")
            try:
                return 1 if ready() else 0
            except Exception:
                return 0

        until(answers, 1, _PATIENCE, pause=0.02)
        tell({"shape": "cold_start", "seconds": [time.perf_counter() - began]})

    def shape(self, name: str, tasks: int, once: Callable[[], int], repeats: int = 0) -> None:
        """Tell `once` several times over; it returns how many tasks it has read back as done.

        After a slash in `name` stands the way of doing it, where a peer has several.
        """
        if name.partition("/")[0] not in self._shapes:
            return
        seconds: list[float] = []
        cpu = done = 0.0
        for turn in range(WARM + (repeats or self._repeats)):
            before, began = self.cpu(), time.perf_counter()
            try:
                counted = once()
            except Capped as capped:
                counted = capped.done
            took = time.perf_counter() - began
            if turn < WARM and took < self.cap / 4:
                continue
            if counted:
                seconds.append(took * tasks / counted)
            cpu, done = cpu + self.cpu() - before, done + counted
            if counted != tasks or took > self.cap / 4:
                break
        tell(
            {
                "shape": name, "tasks": tasks, "seconds": seconds, "counted": counted,
                "cpu_seconds_per_1000_tasks": 1000 * cpu / done if done else None,
            }
        )  # fmt: skip

    def latency(self, once: Callable[[], float], count: int = 100) -> None:
        """Tell what `once` returns again and again: seconds from a request to its first task."""
        if "latency" not in self._shapes:
            return
        for _ in range(5):
            once()
        limit = time.monotonic() + self.cap
        values: list[float] = []
        while len(values) < count and time.monotonic() < limit:
            time.sleep(0.02)
            values.append(once())
        tell({"shape": "latency", "seconds": values})

    def cpu(self) -> float:
        """Return the CPU seconds of the peer and its stores so far."""
        roots = [*self._stores, *(p.pid for p in self._running if p.poll() is None)]
        return sum(processes.cpu(*roots).values())


def _end_with_driver() -> None:
    """Ask the kernel to end this process when the driver ends, whatever ends that (Linux)."""
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)


def tell(row: Mapping[str, object]) -> None:
    """Print what was measured."""
    print(json.dumps(row), flush=True)


def until(probe: Callable[[], int], target: int, cap: float, pause: float = 0.005) -> int:
    """Ask again and again until `target` is reached; raise Capped after `cap` seconds."""
    limit = time.monotonic() + cap
    while (value := probe()) < target:
        if time.monotonic() > limit:
            raise Capped(value)
        time.sleep(pause)
    return value


class Client:
    """JSON over connections that are kept alive, one for each thread.

    What is not answered within `cap` seconds raises Capped: nothing is known of its tasks.
    """

    def __init__(self, port: int, cap: float) -> None:
        self._port = port
        self._cap = cap
        self._local = threading.local()

    def post(self, path: str, body: object) -> Any:
        return self._send("POST", path, json.dumps(body))

    def get(self, path: str) -> Any:
        return self._send("GET", path, None)

    def _send(self, method: str, path: str, body: str | None) -> Any:
        for is_last in (False, True):
            try:
                link = self._link()
                link.request(method, path, body, {"content-type": "application/json",
                                                  "accept": "application/json"})  # fmt: skip
                answer = link.getresponse()
                text = answer.read()
                break
            except TimeoutError:
                del self._local.link
                raise Capped(0) from None
            except (ConnectionError, HTTPException):  # closed by the server while it was quiet
                del self._local.link
                if is_last:
                    raise
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status} {path}: {text[:300]!r}")
        return json.loads(text) if text else None

    def _link(self) -> HTTPConnection:
        if not hasattr(self._local, "link"):
            self._local.link = HTTPConnection("127.0.0.1", self._port, timeout=self._cap)
        link: HTTPConnection = self._local.link
        return link


def burst(send: Callable[[int], object], count: int, threads: int = 8) -> None:
    """Call `send` with every number below `count`, from several threads."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(send, range(count)):
            pass


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fib(n: int) -> int:
    """The work of a task, of some microseconds: what is measured is all that is around it."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)
