"""Prefect: its server on PostgreSQL, flows in processes of their own and in one.

As its documentation has it: `prefect server start` with a PostgreSQL URL
(https://docs.prefect.io/v3/how-to-guides/self-hosted/), deployments by `serve`
(https://docs.prefect.io/v3/how-to-guides/deployment_infra/run-flows-in-local-processes), which
starts a process for each run, and tasks at once on threads by `map` and `submit`. `inline` calls
the flow in one process against the same server: the least that Prefect needs.

`python -m benchmarks.peers.prefect` drives it; `benchmarks.peers.flows` has the flows.
"""

import os
import sys
import time
from pathlib import Path

from benchmarks.peers.harness import Capped, Harness, free_port

_MARK_BYTES = len(f"{time.time():17.6f}\n")


class _Server:
    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._port = free_port()
        self._api = harness.client(self._port)
        self._mark = harness.folder / "mark"
        self._mark.touch()
        os.environ.update(
            PREFECT_API_URL=f"http://127.0.0.1:{self._port}/api", PREFECT_LOGGING_LEVEL="WARNING",
            PREFECT_SERVER_ANALYTICS_ENABLED="false", PREFECT_HOME=str(harness.folder / "home"),
        )  # fmt: skip
        os.environ["SARK_BENCH_MARK"] = str(self._mark)

    def start(self) -> None:
        url = self._harness.database_url.replace("postgresql://", "postgresql+asyncpg://")
        self._harness.spawn(
            "server", Path(sys.executable).parent / "prefect", "server", "start",
            "--host", "127.0.0.1", "--port", self._port,
            environment={"PREFECT_API_DATABASE_CONNECTION_URL": url},
        )  # fmt: skip
        self._harness.until(self._is_healthy, 1, pause=0.05)
        self._harness.python("serve", "-m", "benchmarks.peers.flows")

    def is_ready(self) -> bool:
        return all(self._deployment(name) for name in ("chain", "fan", "diamond"))

    def served(self, name: str, count: int = 1) -> int:
        """Start runs through the server, wait until it has all as completed; the tasks they made.

        States of tasks reach it by themselves, up to minutes after that of their flow. Nobody has
        to wait for those, so the tasks are counted by the marks that they leave.
        """
        place = self._deployment(name)
        flows, tasks = self._count(place), self._marks()
        path = f"/api/deployments/{place}/create_flow_run"
        self._harness.burst(lambda _: self._api.post(path, {}), count)
        self._harness.until(lambda: self._count(place) - flows, count, pause=0.1)
        return self._marks() - tasks

    def first(self) -> float:
        size = self._mark.stat().st_size
        place = self._deployment("chain")
        flows, began = self._count(place), time.time()
        path = f"/api/deployments/{place}/create_flow_run"
        self._api.post(path, {"parameters": {"count": 1}})
        if not self._harness.until(lambda: self._count(place) - flows, 1, pause=0.05):
            raise Capped(path)
        with self._mark.open() as file:
            file.seek(size)
            return float(file.readline()) - began

    def _deployment(self, name: str) -> str:
        return str(self._api.get(f"/api/deployments/name/{name}/{name}")["id"])

    def _count(self, place: str) -> int:
        """Return how many flows of a deployment the server has as completed."""
        wanted = {"state": {"type": {"any_": ["COMPLETED"]}}, "deployment_id": {"any_": [place]}}
        return int(self._api.post("/api/flow_runs/count", {"flow_runs": wanted}))

    def _marks(self) -> int:
        """Return how many tasks have begun."""
        return self._mark.stat().st_size // _MARK_BYTES

    def _is_healthy(self) -> int:
        try:
            return 1 if self._api.get("/api/health") else 0
        except Exception:
            return 0


def main() -> None:
    """Measure all shapes."""
    with Harness() as harness:
        server, began = _Server(harness), time.perf_counter()
        server.start()
        harness.started(server.is_ready, began)
        from benchmarks.peers import flows  # Prefect reads where its server is when it is imported

        harness.shape("flow40/inline", 40, lambda: flows.chain(40))
        harness.shape("flow40/served", 40, lambda: server.served("chain"))
        harness.latency(server.first, 5, warm=1)
        harness.shape("fan1000/inline", 1001, lambda: flows.fan(1000), 1)
        harness.shape("fan1000/served", 1001, lambda: server.served("fan"), 1)
        # What is stopped goes on behind what comes after it, so what takes longest comes last.
        harness.shape("runs1000/served", 5000, lambda: server.served("diamond", 1000), 1)


if __name__ == "__main__":
    main()
