"""Restate: one node and a Python service.

As its documentation has it: the server with a folder of its own and every other setting as it
comes, so that its log is synced (https://docs.restate.dev/references/server-config;
`restate-server --dump-config` says `rocksdb-disable-wal-fsync = false`); the service on Hypercorn,
whose HTTP/2 gives a handler a stream both ways (https://docs.restate.dev/develop/python/serving);
side effects in `ctx.run_typed`, parallel ones by `restate.gather`
(https://docs.restate.dev/develop/python/concurrent-tasks).

`python -m benchmarks.peers.restate` drives it; Hypercorn serves `app` of this file.
"""

import os
import platform
import time
from pathlib import Path

import restate

from benchmarks.peers.harness import Harness, fib, free_port

_WORKERS = 2
_SQL = (
    "select count(*) as n from sys_invocation where target_handler_name = 'diamond' "
    "and status = 'completed' and completion_result = 'success'"
)

service = restate.Service("Bench")


def work(n: int) -> float:
    """Return when it began."""
    began = time.time()
    fib(n)
    return began


@service.handler()
async def chain(ctx: restate.Context, count: int) -> list[float]:
    """One step after the other."""
    return [await ctx.run_typed("work", work, n=10) for _ in range(count)]


@service.handler()
async def fan(ctx: restate.Context, count: int) -> int:
    """Steps at once, and one that waits for all."""
    made = await restate.gather(*[ctx.run_typed("work", work, n=10) for _ in range(count)])
    await ctx.run_typed("join", work, n=10)
    return len(made) + 1


@service.handler()
async def diamond(ctx: restate.Context, n: int) -> int:
    """Five steps; their number is what it gives."""
    await ctx.run_typed("a", work, n=n)
    await restate.gather(*[ctx.run_typed("b", work, n=n) for _ in range(3)])
    await ctx.run_typed("e", work, n=n)
    return 5


app = restate.app([service])


class _Node:
    """The server's ports and its clients."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._ports = {name: free_port() for name in ("ingress", "admin", "node", "service")}
        self.ingress = harness.client(self._ports["ingress"])
        self.admin = harness.client(self._ports["admin"])

    def start(self) -> None:
        ports = self._ports
        self._harness.spawn("server", _binary(), "--production", "--no-logo", environment={
            "RESTATE_BASE_DIR": str(self._harness.folder / "data"), "RESTATE_NODE_NAME": "n1",
            "RESTATE_LISTEN_MODE": "tcp", "RESTATE_BIND_IP": "127.0.0.1",
            "RESTATE_BIND_PORT": str(ports["node"]), "RESTATE_AUTO_PROVISION": "true",
            "RESTATE_ADVERTISED_HOST": "127.0.0.1",
            "RESTATE_INGRESS__BIND_PORT": str(ports["ingress"]),
            "RESTATE_ADMIN__BIND_PORT": str(ports["admin"]),
            "RESTATE_DISABLE_TELEMETRY": "true", "RESTATE_LOG_FILTER": "warn",
        })  # fmt: skip
        self._harness.python(
            "service",
            "-m",
            "hypercorn",
            "-w",
            _WORKERS,
            "-b",
            f"127.0.0.1:{ports['service']}",
            "benchmarks.peers.restate:app",
        )

    def is_ready(self) -> bool:
        where = {"uri": f"http://127.0.0.1:{self._ports['service']}", "force": True}
        self.admin.post("/deployments", where)
        return len(self.ingress.post("/Bench/chain", 1)) == 1

    def ended(self) -> int:
        return int(self.admin.post("/query", {"query": _SQL})["rows"][0]["n"])

    def runs(self) -> int:
        """Send a thousand runs, and wait until all have ended; their tasks."""
        before = self.ended()
        self._harness.burst(lambda _: self.ingress.post("/Bench/diamond/send", 10), 1000)
        return 5 * self._harness.until(lambda: self.ended() - before, 1000, pause=0.1)

    def runs_called(self) -> int:
        """Call a thousand runs, 64 at once, and take what each gives."""
        made: list[int] = []
        call = lambda _: made.append(self.ingress.post("/Bench/diamond", 10))  # noqa: E731
        self._harness.burst(call, 1000, threads=64)
        return sum(made)

    def first(self) -> float:
        began = time.time()
        return float(self.ingress.post("/Bench/chain", 1)[0]) - began


def _binary() -> Path:
    """Return the server of this platform."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    package = f"@restatedev/restate-server-{platform.system().lower()}-{machine}"
    return Path(os.environ["SARK_BENCH_NODE"]) / package / "bin/restate-server"


def main() -> None:
    """Measure all shapes."""
    with Harness() as harness:
        node, began = _Node(harness), time.perf_counter()
        node.start()
        harness.started(node.is_ready, began)
        harness.shape("flow40", 40, lambda: len(node.ingress.post("/Bench/chain", 40)), 10)
        harness.latency(node.first)
        harness.shape("fan1000", 1001, lambda: int(node.ingress.post("/Bench/fan", 1000)))
        harness.shape("runs1000/sent", 5000, node.runs)
        harness.shape("runs1000/called", 5000, node.runs_called)


if __name__ == "__main__":
    main()
