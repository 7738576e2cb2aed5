"""How `http.request@1` keeps connections, and what it keeps of nobody."""

import asyncio
import contextlib
import http.server
import socket
import ssl
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import uvloop

from adapters.contract import Operation, Outcome
from adapters.http import Http, HttpSettings, create
from tests.adapters.servers import (
    Handler,
    Server,
    answer,
    json_answer,
    make_certificate,
    serve,
    server_context,
)
from tests.adapters.speaking import call, opened, outputs

Runner = Callable[[Coroutine[object, object, Outcome]], Outcome]


class Idle:
    """A server in threads of its own, which can hang up on everybody at once."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        connections = self.connections = list[socket.socket]()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                connections.append(self.request)
                super().setup()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.wfile.write(json_answer(b"1"))

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def hang_up(self) -> None:
        """Close every connection, and return when the other side can know it."""
        for each in self.connections:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        time.sleep(0.05)

    @contextmanager
    def running(self) -> Iterator["Idle"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self.hang_up()
            self._server.server_close()
            thread.join()


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[tuple[Server, Operation]]:
    """Give a server, and the operation that may ask it."""
    async with (
        serve(handler) as server,
        opened(create({"allow_hosts": [server.host]})) as operation,
    ):
        yield server, operation


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_a_post_is_not_sent_over_a_connection_that_is_closed(
    tmp_path: Path, runner: Runner, secure: bool
) -> None:
    """
    A worker that was busy while a server closed its idle connections loses no POST by that.
    """
    certificate, key = make_certificate(tmp_path, "a", "IP:127.0.0.1")
    context = server_context(certificate, key) if secure else None

    async def story(server: Idle) -> Outcome:
        place = f"127.0.0.1:{server.port}"
        adapter = Http(HttpSettings(allow_hosts=(place,), ca_file=certificate))
        async with opened(adapter) as operation:
            url = f"{'https' if secure else 'http'}://{place}/"
            outputs(await operation.invoke(call(method="POST", text="x", url=url)))
            server.hang_up()
            return await operation.invoke(call(method="POST", text="x", url=url))

    with Idle(context).running() as server:
        outputs(runner(story(server)))

        assert len(server.connections) == 2


def test_a_connection_is_used_again_soon_and_not_late() -> None:
    """
    Calls in a row share a connection; one that has been idle for longer than servers wait does not.
    """

    async def story() -> list[int]:
        async with serving(lambda _: json_answer(b"1")) as (server, operation):
            counts = []
            for pause in (0, 0, 2):
                await asyncio.sleep(pause)
                outputs(await operation.invoke(call(url=server.url)))
                counts.append(server.connections)
            return counts

    assert asyncio.run(story()) == [1, 1, 2]


def test_no_cookie_is_kept() -> None:
    """
    What one call is told to remember no other call repeats, not even over the same connection.
    """

    async def story() -> list[str | None]:
        told = answer(200, b"", ("Set-Cookie: s=1; Path=/",))
        async with serving(lambda _: told) as (server, operation):
            await operation.invoke(call(url=server.url))
            await operation.invoke(call(url=server.url))
            assert server.connections == 1
            return [each.headers.get("cookie") for each in server.seen]

    assert asyncio.run(story()) == [None, None]


def test_a_thousand_calls_in_flight() -> None:
    """
    A thousand calls wait together for a slow server, not one after another.
    """

    async def story() -> float:
        async def slow(_: object) -> bytes:
            await asyncio.sleep(1)
            return json_answer(b"1")

        async with serving(slow) as (server, operation):
            began = time.monotonic()
            calls = [operation.invoke(call(60, url=server.url)) for _ in range(1000)]
            for outcome in await asyncio.gather(*calls):
                outputs(outcome)
            return time.monotonic() - began

    assert asyncio.run(story()) < 20


FEW_FILES = """
import asyncio, resource, time
from tests.adapters.test_http_connections import *

resource.setrlimit(resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

async def story(url):
    async with opened(create({"allow_hosts": [url[7:]]})) as operation:
        calls = [operation.invoke(call(60, url=url)) for _ in range(500)]
        began = time.monotonic()
        for outcome in await asyncio.gather(*calls):
            outputs(outcome)
        return time.monotonic() - began

print(asyncio.run(story("URL")))
"""


def test_a_low_limit_on_open_files_is_raised() -> None:
    """
    Where the system gives a process few open files and more on request, calls do not queue.
    """

    async def story() -> float:
        async def slow(_: object) -> bytes:
            await asyncio.sleep(15)
            return json_answer(b"1")

        async with serve(slow) as server:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", FEW_FILES.replace("URL", server.url),
                stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
            )  # fmt: skip
            told, _ = await process.communicate()
            return float(told)

    assert 15 <= asyncio.run(story()) < 30
