"""How a peer is driven: started, timed, counted and stopped. Runs in the peer's environment.

So only the standard library is imported here. A driver makes a `Harness`, starts the processes of
its peer with it and hands it a function for each shape; what begins and what was measured is
printed as JSON, a line each. Times are the client's; the client's own CPU is left out.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
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
# A question asked just before the time is over is still answered, or nobody knew how far it came;
# and what starts is asked again, for it may be another that has its port and answers nobody.
_ANSWERING = 5.0
_STOPPING = {signal.SIGTERM: 10.0, signal.SIGKILL: 5.0}

Row = dict[str, Any]


class Capped(Exception):
    """The time was over before there was anything to count."""


class Ended(Exception):
    """A process of the peer is no more, so what it was to do never comes."""


class Harness:
    """A peer's processes and what they and their stores cost; use it as a context.

    `database_url` and `redis_url` are of servers that are this peer's alone, `folder` is where it
    may write. A shape is asked for by `shapes`, and each time that it is done it has `cap` seconds.
    What goes wrong with a shape is told in its row, and the next one is measured all the same.
    """

    def __init__(self) -> None:
        told = json.loads(os.environ["SARK_BENCH_PEER"])
        self.database_url: str = told["database_url"]
        self.redis_url: str = told["redis_url"]
        self.folder = Path(told["folder"])
        self._logs = Path(told["logs"])
        self._cap: float = told["cap"]
        self._shapes: list[str] = told["shapes"]
        self._repeats: int = told["repeats"]
        self._stores: list[int] = told["stores"]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._limit = time.monotonic() + _PATIENCE
        self._has_started = False
        self._stopped = ""

    def __enter__(self) -> "Harness":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the peer is stopped
        _adopt_orphans()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for how, seconds in _STOPPING.items():
            for pid in self._left():
                with suppress(ProcessLookupError):
                    os.kill(pid, how)
            limit = time.monotonic() + seconds
            while time.monotonic() < limit and self._left():
                time.sleep(0.05)

    def _left(self) -> list[int]:
        """Return what lives of all that was started, in whatever session and by whomever."""
        for process in self._running.values():
            process.poll()
        return processes.living(os.getpid())

    def spawn(self, name: str, *words: object, environment: Mapping[str, str] = {}) -> None:
        """Start a process of the peer, its output in a log of this name."""
        with (self._logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [str(word) for word in words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                cwd=ROOT, start_new_session=True, preexec_fn=_end_with_driver,  # noqa: PLW1509
                env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            )  # fmt: skip

    def python(self, name: str, *words: object, environment: Mapping[str, str] = {}) -> None:
        """Start Python of the peer's environment."""
        self.spawn(name, sys.executable, *words, environment=environment)

    def started(self, ready: Callable[[], object], began: float) -> None:
        """Wait until `ready` gives true and does not raise; tell how long that took."""
        tell({"begins": "cold_start"})
        why: object = "no"

        def answers() -> int:
            nonlocal why
            try:
                return 1 if ready() else 0
            except Exception as error:
                why = error
                return 0

        if not self.until(answers, 1, pause=0.02):
            raise TimeoutError(f"not ready after {_PATIENCE:.0f} s, at last it said: {why!r}")
        self._has_started = True
        tell({"shape": "cold_start", "seconds": [time.perf_counter() - began]})

    def shape(self, name: str, tasks: int, once: Callable[[], int], repeats: int = 0) -> None:
        """Tell `once` several times over; it returns how many tasks it has read back as done.

        After a slash in `name` stands the way of doing it, where a peer has several.
        """
        row: Row = {"shape": name, "tasks": tasks, "counted": 0, "seconds": []}
        self._measure(row, lambda: self._repeat(row, once, repeats or self._repeats))

    def _repeat(self, row: Row, once: Callable[[], int], repeats: int) -> None:
        tasks, since = row["tasks"], time.monotonic()
        cpu = done = 0.0
        for turn in range(WARM + repeats):
            self._limit = time.monotonic() + self._cap
            before, began = self.cpu(), time.perf_counter()
            try:
                counted = once()
            except Capped:
                counted = 0
            took = time.perf_counter() - began
            is_long = took > self._cap / 4
            if turn < WARM and counted == tasks and not is_long:
                continue
            if counted:
                row["seconds"].append(took * tasks / counted)
            cpu, done = cpu + self.cpu() - before, done + counted
            row["counted"] = counted
            row["cpu_seconds_per_1000_tasks"] = 1000 * cpu / done if done else None
            if counted < tasks and not self.left():
                self._stop(row)
            if counted != tasks or is_long or time.monotonic() - since > self._cap:
                break

    def latency(self, once: Callable[[], float], count: int = 100, warm: int = 5) -> None:
        """Tell what `once` returns again and again: seconds from a request to its first task."""
        row: Row = {"shape": "latency", "requests": count, "counted": 0, "seconds": []}
        self._measure(row, lambda: self._ask(row, once, warm))

    def _ask(self, row: Row, once: Callable[[], float], warm: int) -> None:
        self._limit = time.monotonic() + self._cap
        values: list[float] = row["seconds"]
        with suppress(Capped):
            for _ in range(warm):
                once()
            while len(values) < row["requests"] and self.left():
                time.sleep(0.02)
                values.append(once())
        row["counted"] = len(values)
        if len(values) < row["requests"]:
            self._stop(row)

    def _measure(self, row: Row, fill: Callable[[], None]) -> None:
        """Have a row filled and tell it, with what went wrong and what it was measured beside."""
        if row["shape"].partition("/")[0] not in self._shapes:
            return
        tell({"begins": row["shape"]})
        if self._stopped:
            row["beside"] = self._stopped
        try:
            self._check()
            fill()
        except Exception as error:
            traceback.print_exc()
            row["failed"] = self._why(error)
        tell(row)

    def _stop(self, row: Row) -> None:
        """Note that a shape was stopped; what is left of it goes on beside the next ones."""
        row["stopped_after"] = self._cap
        self._stopped = row["shape"]

    def until(self, probe: Callable[[], int], target: int, pause: float = 0.005) -> int:
        """Ask until `target` is reached or the time is over; return what was answered at last.

        Raise Ended where a process of the peer has ended.
        """
        value = 0
        while True:
            with suppress(Capped):  # so busy that it does not even tell how far it is
                value = probe()
            if value >= target or not self.left():
                return value
            self._check()
            time.sleep(pause)

    def burst(self, send: Callable[[int], object], count: int, threads: int = 8) -> None:
        """Call `send` with every number below `count`, from several threads, while time is left."""

        def each(number: int) -> None:
            with suppress(Capped):
                if self.left():
                    send(number)

        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(each, range(count)):
                pass

    def left(self) -> float:
        """Return the seconds that are left of what is measured now."""
        return max(0.0, self._limit - time.monotonic())

    def client(self, port: int) -> "Client":
        """Return a client that waits no longer than time is left."""
        return Client(port, lambda: max(_ANSWERING, self.left() if self._has_started else 0))

    def cpu(self) -> float:
        """Return the CPU seconds of the peer and its stores so far."""
        running = (process.pid for process in self._running.values() if process.poll() is None)
        return sum(processes.cpu(*self._stores, *running).values())

    def _check(self) -> None:
        """Raise Ended where a process of the peer has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                raise Ended(f"{name} ended with {process.returncode}")

    def _why(self, error: Exception) -> str:
        """Return what went wrong: an end of a process before whatever came of it."""
        time.sleep(0.2)  # a connection breaks a moment before its process is gone
        try:
            self._check()
        except Ended as ended:
            return str(ended)
        return f"{type(error).__name__}: {error}"


def _end_with_driver() -> None:
    """Ask the kernel to end this process when the driver ends, whatever ends that (Linux)."""
    _prctl(1, signal.SIGTERM)


def _adopt_orphans() -> None:
    """Become the parent of what a killed process of the peer leaves behind (Linux)."""
    _prctl(36, 1)


def _prctl(option: int, value: int) -> None:
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def tell(row: Mapping[str, object]) -> None:
    """Print what was measured, or what begins."""
    print(json.dumps(row), flush=True)


class Client:
    """JSON over connections that are kept alive, one for each thread.

    What is not answered within the seconds that `left` gives raises Capped: nothing is known of
    its tasks.
    """

    def __init__(self, port: int, left: Callable[[], float]) -> None:
        self._port = port
        self._left = left
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
                raise Capped(path) from None
            except (ConnectionError, HTTPException):  # closed by the server while it was quiet
                del self._local.link
                if is_last:
                    raise
        if answer.status >= 400:
            raise RuntimeError(f"{answer.status} {path}: {text[:300]!r}")
        return json.loads(text) if text else None

    def _link(self) -> HTTPConnection:
        if not hasattr(self._local, "link"):
            self._local.link = HTTPConnection("127.0.0.1", self._port)
        link: HTTPConnection = self._local.link
        link.timeout = self._left()
        if link.sock is not None:
            link.sock.settimeout(link.timeout)
        return link


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fib(n: int) -> int:
    """The work of a task, of some microseconds: what is measured is all that is around it."""
    return n if n < 2 else fib(n - 1) + fib(n - 2)
