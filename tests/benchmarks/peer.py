"""A peer that does nothing but what a test asks of it: the driver of a benchmark, in small.

`python -m tests.benchmarks.peer KIND`
"""

import os
import signal
import sys
import threading
import time

from benchmarks.peers.harness import Capped, Client, Harness


def slow(harness: Harness) -> None:
    """Its first shape never ends, and it stops telling how far it is; a run has five tasks."""
    asked = 0

    def far() -> int:
        nonlocal asked
        asked += 1
        if asked > 3:
            raise Capped
        return asked

    harness.shape("runs1000", 5000, lambda: 5 * harness.until(far, 1000))
    harness.shape("flow40", 40, lambda: 40)


def silent(harness: Harness) -> None:
    """It takes connections and answers none."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        client: Client = harness.client(server.getsockname()[1])
        harness.latency(lambda: float(client.get("/")))


def wrong(harness: Harness) -> None:
    """Its first shape raises, its second counts a task too much."""
    harness.shape("flow40", 40, lambda: int("none"))
    harness.shape("fan1000", 1001, lambda: 1002)
    harness.shape("runs1000", 5000, lambda: 5000)


def killed(harness: Harness) -> None:
    """One of its processes is killed in the middle, and leaves a child behind."""
    code = "import subprocess as s; print(s.Popen(['sleep', '60']).pid, flush=True); s.os.wait()"
    harness.python("worker", "-c", code)
    log = harness.folder / "worker.log"
    while not log.read_text().endswith("\n"):
        time.sleep(0.01)

    def once() -> int:
        for process in harness._running.values():
            os.kill(process.pid, signal.SIGKILL)
        return harness.until(lambda: 0, 1001)

    harness.shape("fan1000", 1001, once)
    harness.shape("flow40", 40, lambda: 40)


def unready(harness: Harness) -> None:
    """It ends before it is ready."""
    harness.python("worker", "-c", "raise SystemExit('port 1 is in use')")
    harness.started(lambda: False, time.perf_counter())


def hanging(harness: Harness) -> None:
    """Its second way of a shape never gives the driver back."""
    harness.shape("flow40/quick", 40, lambda: 40)
    harness.shape("flow40/slow", 40, lambda: int(threading.Event().wait(60)))


if __name__ == "__main__":
    with Harness() as entered:
        globals()[sys.argv[1]](entered)
