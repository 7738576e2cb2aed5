"""`python -m benchmarks.io`: HTTP calls to a sink, by the adapter, the engine and bare aiohttp."""

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import cast

import aiohttp
import uvloop

from adapters import http
from adapters.contract import Call, Succeeded
from benchmarks import processes
from benchmarks.bench import Bench
from tests.stories.stack import Stack

_REPEATS = 5
_WIDE = 1000
_CALLS = 5000
_ANSWER = (
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"ok": true}'
)
_CONFIG = """
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[adapters.http]
allow_hosts = ["127.0.0.1:{port}"]
"""
Get = Callable[[str], Awaitable[bool]]


class _Sink(asyncio.Protocol):
    """Answers every request: at once, or after the second that `/slow` asks for."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            slow = self._data.startswith(b"GET /slow ")
            self._data = self._data[end + 4 :]
            if slow:
                asyncio.get_running_loop().call_later(1, self._transport.write, _ANSWER)
            else:
                self._transport.write(_ANSWER)


def _serve(told: Connection) -> None:
    """Run the sink for ever, in a process of its own."""

    async def forever() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_Sink, "127.0.0.1", 0, backlog=4096)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(forever())


@contextmanager
def sink() -> Iterator[int]:
    """Give the port of a sink that runs meanwhile."""
    context = multiprocessing.get_context("spawn")
    heard, told = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(told,), daemon=True)
    process.start()
    try:
        yield heard.recv()
    finally:
        process.terminate()
        process.join()


async def _wide(get: Get, port: int) -> float:
    """Return the seconds that `_WIDE` calls of a second each take together."""
    began = time.perf_counter()
    done = await asyncio.gather(*(get(f"http://127.0.0.1:{port}/slow") for _ in range(_WIDE)))
    assert all(done)
    return time.perf_counter() - began


async def _quick(get: Get, port: int) -> tuple[float, float]:
    """Return the seconds, and the seconds of this process's CPU, of `_CALLS` calls by `_WIDE`."""
    left = iter(range(_CALLS))

    async def caller() -> None:
        for _ in left:
            assert await get(f"http://127.0.0.1:{port}/")

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(_WIDE)))
    return time.perf_counter() - began, time.process_time() - used


async def _adapter(port: int, measure: Callable[[Get], Awaitable[None]]) -> None:
    adapter = http.create({"allow_hosts": [f"127.0.0.1:{port}"]})
    (operation,) = adapter.operations()
    await adapter.open()

    async def get(url: str) -> bool:
        call = Call("run", "step", 1, "key", {"url": url}, timedelta(seconds=60))
        return isinstance(await operation.invoke(call), Succeeded)

    await measure(get)
    await adapter.close()


async def _bare(_: int, measure: Callable[[Get], Awaitable[None]]) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def get(url: str) -> bool:
            async with session.get(url) as answer:
                return bool(await answer.json())

        await measure(get)


def client(port: int) -> Iterator[dict[str, object]]:
    """Yield what the adapter costs beside bare aiohttp, one after the other, several times."""
    waits: dict[str, list[float]] = {"adapter": [], "bare": []}
    took: dict[str, list[float]] = {"adapter": [], "bare": []}
    used: dict[str, list[float]] = {"adapter": [], "bare": []}
    for _ in range(_REPEATS):
        for name, run in (("adapter", _adapter), ("bare", _bare)):

            async def measure(get: Get, name: str = name) -> None:
                waits[name].append(await _wide(get, port))
                seconds, cpu = await _quick(get, port)
                took[name].append(seconds)
                used[name].append(cpu)

            uvloop.run(run(port, measure))
    yield {"shape": "io1000", "part": "client", **_told(waits, 1, 3)}
    yield {"shape": "calls_per_second", **_told(took, 1 / _CALLS, 0, inverse=True)}
    yield {"shape": "cpu_ms_per_call", **_told(used, 1000 / _CALLS, 3)}


def _told(
    values: dict[str, list[float]], factor: float, digits: int, inverse: bool = False
) -> dict[str, object]:
    """Return the medians of adapter and bare client, and how many times the cost of bare it is."""
    medians = {name: statistics.median(each) * factor for name, each in values.items()}
    shown = {name: round(1 / m if inverse else m, digits) for name, m in medians.items()}
    return {**shown, "times_bare": round(medians["adapter"] / medians["bare"], 2)}


def engine(port: int, repeats: int = _REPEATS) -> Iterator[dict[str, object]]:
    """Yield what one run of `_WIDE` parallel HTTP steps takes, from its start until it is told."""
    files = {f"{name}.yaml": _fan(name, port, path) for name, path in _FANS.items()}
    with Stack(files, _CONFIG.format(port=port), is_warm=False) as stack:
        link = stack.link()
        for name in _FANS:
            seconds, before = [], processes.cpu(stack.pid)
            for _ in range(repeats):
                began = time.perf_counter()
                run = stack.wait_ended(link.start(name))
                seconds.append(time.perf_counter() - began)
                assert run["status"] == "succeeded", run
            used = sum(processes.cpu(stack.pid).values()) - sum(before.values())
            yield {
                "shape": name, "part": "engine", "seconds": round(statistics.median(seconds), 3),
                "spread": [round(min(seconds), 3), round(max(seconds), 3)],
                "cpu_ms_per_step": round(1000 * used / repeats / _WIDE, 3),
            }  # fmt: skip


_FANS = {"io1000": "slow", "io1000quick": ""}


def _fan(name: str, port: int, path: str) -> str:
    step = f"    uses: http.request@1\n    with: {{url: 'http://127.0.0.1:{port}/{path}'}}\n"
    steps = "".join(f"  s{number}:\n{step}" for number in range(_WIDE))
    return f"apiVersion: sark/v1\nkind: Workflow\nname: {name}\nsteps:\n{steps}"


def io1000(bench: Bench) -> None:
    """Tell a run of a thousand HTTP calls at once in one worker, of a second each and at once."""
    with sink() as port:
        for row in engine(port, min(bench.repeats, 3)):
            bench.tell(row)


def main() -> None:
    """Print each figure as it is known, then all of them as JSON on the last line."""
    told: list[dict[str, object]] = []
    with sink() as port:
        for measured in (client, engine):
            for row in measured(port):
                told.append(row)
                print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
