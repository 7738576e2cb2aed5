"""DBOS Transact: a library in an application of FastAPI, its state in PostgreSQL.

As its documentation has it: `DBOS.launch` beside FastAPI
(https://docs.dbos.dev/python/integrating-dbos), steps by `@DBOS.step`, parallel ones as coroutines
in `asyncio.gather` or as workflows of a queue
(https://docs.dbos.dev/python/tutorials/queue-tutorial), and from outside by `DBOSClient`
(https://docs.dbos.dev/python/reference/client). Sizes of pools are as they come
(https://docs.dbos.dev/python/reference/configuration).

`python -m benchmarks.peers.dbos` drives it; `benchmarks.peers.application` has the workflows.
"""

import time
from collections.abc import Callable
from urllib.parse import urlsplit

from benchmarks.peers.harness import Harness, free_port

_QUEUE = "jobs"
_STEPS = """
    SELECT count(*) FROM dbos.operation_outputs JOIN dbos.workflow_status USING (workflow_uuid)
     WHERE name LIKE '%diamond' AND status = 'SUCCESS'
"""
_DIAMONDS = """
    SELECT count(*) FROM dbos.workflow_status WHERE name LIKE '%diamond' AND status = 'SUCCESS'
"""


class _Application:
    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._port = free_port()
        self._client = harness.client(self._port)
        where = urlsplit(harness.database_url)
        self._plain = harness.database_url
        self.url = where._replace(scheme="postgresql+psycopg").geturl()

    def start(self) -> None:
        self._harness.python("app", "-m", "benchmarks.peers.application", self.url, self._port)

    def is_ready(self) -> bool:
        return len(self.run("chain", 1)) == 1

    def run(self, kind: str, *arguments: int) -> object:
        return self._client.post(f"/run/{kind}", list(arguments))

    def runs(self) -> int:
        """Start a thousand runs over HTTP; the tasks of those that succeed."""
        post = lambda _: self._client.post("/start/diamond", [])  # noqa: E731
        return self._ended(lambda: self._harness.burst(post, 1000))

    def runs_queued(self) -> int:
        """Enqueue a thousand runs; the tasks of those that succeed."""
        from dbos import DBOSClient

        client = DBOSClient(system_database_url=self.url, application_name="bench")
        name = self._one("SELECT name FROM dbos.workflow_status WHERE name LIKE '%diamond' LIMIT 1")

        def enqueue() -> None:
            options = {"workflow_name": str(name), "queue_name": _QUEUE}
            self._harness.burst(lambda _: client.enqueue(options), 1000, threads=1)

        try:
            return self._ended(enqueue)
        finally:
            client.destroy()

    def first(self) -> float:
        began = time.time()
        return self.run("chain", 1)[0] - began

    def _ended(self, start: Callable[[], object]) -> int:
        """Return the steps that PostgreSQL holds more than before, of runs that have ended."""
        before, steps = self._count(), self._steps()
        start()
        self._harness.until(lambda: self._count() - before, 1000, pause=0.05)
        return self._steps() - steps

    def _count(self) -> int:
        """Return how many diamonds have succeeded."""
        return int(self._one(_DIAMONDS))

    def _steps(self) -> int:
        return int(self._one(_STEPS))

    def _one(self, statement: str) -> object:
        import psycopg

        if not hasattr(self, "_eye"):
            self._eye = psycopg.connect(self._plain, autocommit=True)
        return self._eye.execute(statement).fetchone()[0]


def main() -> None:
    """Measure all shapes."""
    with Harness() as harness:
        app, began = _Application(harness), time.perf_counter()
        app.start()
        harness.started(app.is_ready, began)
        harness.shape("flow40", 40, lambda: len(app.run("chain", 40)), 10)
        harness.latency(app.first)
        harness.shape("fan1000/steps", 1001, lambda: int(app.run("fan", 1000)))
        harness.shape("runs1000/http", 5000, app.runs)
        # What is stopped goes on behind what comes after it, so the slower ways come last.
        harness.shape("runs1000/queue", 5000, app.runs_queued)
        harness.shape("fan1000/queue", 1001, lambda: int(app.run("fan_queued", 1000)))


if __name__ == "__main__":
    main()
