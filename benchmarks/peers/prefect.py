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

from benchmarks.peers.harness import Client, Harness, burst, free_port, until


class _Server:
    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._port = free_port()
        self._api = Client(self._port, harness.cap)
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
        until(self._is_healthy, 1, 120, pause=0.05)
        self._harness.python("serve", "-m", "benchmarks.peers.flows")

    def is_ready(self) -> bool:
        return all(self._deployment(name) for name in ("chain", "fan", "diamond"))

    def served(self, name: str, made: int, count: int = 1) -> int:
        """Start runs of `made` tasks each through the server; wait until it has all as completed.

        States of tasks reach it by themselves, at times a moment after that of their flow.
        """
        tasks = self._count("task")
        path = f"/api/deployments/{self._deployment(name)}/create_flow_run"
        burst(lambda _: self._api.post(path, {}), count)
        return until(lambda: self._count("task") - tasks, made * count, self._harness.cap, 0.1)

    def first(self) -> float:
        size = self._mark.stat().st_size
        flows, began = self._count("flow"), time.time()
        path = f"/api/deployments/{self._deployment('chain')}/create_flow_run"
        self._api.post(path, {"parameters": {"count": 1}})
        until(lambda: self._count("flow") - flows, 1, self._harness.cap, pause=0.05)
        with self._mark.open() as file:
            file.seek(size)
            return float(file.readline()) - began

    def _deployment(self, name: str) -> str:
        return str(self._api.get(f"/api/deployments/name/{name}/{name}")["id"])

    def _count(self, what: str) -> int:
        """Return how many runs of flows or of tasks are completed."""
        wanted = {f"{what}_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
        return int(self._api.post(f"/api/{what}_runs/count", wanted))

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
        harness.shape("flow40/served", 40, lambda: server.served("chain", 40))
        harness.shape("fan1000/inline", 1001, lambda: flows.fan(1000), 1)
        harness.shape("fan1000/served", 1001, lambda: server.served("fan", 1001), 1)
        harness.shape("runs1000/served", 5000, lambda: server.served("diamond", 5, 1000), 1)
        harness.latency(server.first, 5)


if __name__ == "__main__":
    main()
