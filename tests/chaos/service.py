"""The service that is called in a storm: it remembers every call, its key and how long it took.

It behaves as a good service does: what it has done under a key it does not do again but answers
as before, and what was given back under a key cannot be booked late.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from tests.adapters.servers import Seen, json_answer, serve

_TAKES = 0.03


@dataclass(slots=True)
class Call:
    """One call. `run` and `at` are what its body says of who calls, apart from any key.

    `ended` is None while it is under way; `status` is 0 for a call whose caller hung up.
    """

    method: str
    path: str
    key: str
    fence: int
    run: str
    at: str
    began: float
    ended: float | None = None
    status: int = 0


@dataclass
class Service:
    """What has come in. `held` is what is booked by key, `gone` what was given back."""

    calls: list[Call] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    late: int = 0
    _known: set[str] = field(default_factory=set)

    async def __call__(self, seen: Seen) -> bytes:
        told: dict[str, Any] = orjson.loads(seen.body) if seen.body else {}
        call = Call(
            seen.method, seen.target, seen.headers.get("idempotency-key", ""),
            int(seen.headers.get("sark-fence", "0")), str(told.get("run", "")),
            str(told.get("at", "")), time.time(),
        )  # fmt: skip
        self.calls.append(call)
        try:
            status, answer = self._do(call, told)
            await asyncio.sleep(float(told.get("takes", _TAKES * 1000)) / 1000)
            call.status = status
        finally:
            call.ended = time.time()
        return json_answer(orjson.dumps(answer), status)

    def _do(self, call: Call, told: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return status and body of the answer; what is done is done at once."""
        is_new = call.key not in self._known
        self._known.add(call.key)
        match call.method, call.path.strip("/").split("/"):
            case "PUT", ["refuse-once"] if is_new:
                return 503, {}
            case "POST", ["bookings"]:
                if call.key in self.gone:
                    self.late += 1
                    return 409, {}
                self.held.add(call.key)
            case "DELETE", ["bookings", key]:
                self.held.discard(key)
                self.gone.add(key)
            case "POST", ["charges"] if told["poor"]:
                return 402, {}
            case "GET", ["pages", page]:
                return 200, {"page": int(page)}
        return 200, {"order": str(told.get("order", ""))}


@contextmanager
def serving() -> Iterator[tuple[Service, int]]:
    """Give a service that serves in a thread, and its port."""
    service, ready, stopping = Service(), threading.Event(), asyncio.Event()
    told: dict[str, Any] = {}

    async def work() -> None:
        async with serve(service) as server:
            told.update(port=server.port, loop=asyncio.get_running_loop())
            ready.set()
            await stopping.wait()

    thread = threading.Thread(target=lambda: asyncio.run(work()), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield service, told["port"]
    finally:
        told["loop"].call_soon_threadsafe(stopping.set)
        thread.join(10)
