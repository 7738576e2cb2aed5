"""A small real service that counts the calls it gets, by their key."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sink(ThreadingHTTPServer):
    """Answers `PUT /flaky` with 503 the first time that it sees a key, all else with 200.

    `calls` has the attempt of each call, in the order in which they came, by idempotency key;
    `order` has their paths. The first call to a path in `/held/` acts at once and is not answered
    before `let_go`. One to a path in `/fenced/` is under way as long, and acts after that: where
    an attempt was heard that came later, it is answered with 412 and kept in `refused`.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: dict[str, list[int]] = defaultdict(list)
        self.order: list[str] = []
        self.under_way: list[str] = []
        self.refused: list[tuple[str, int]] = []
        self.let_go = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Sink
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        key, fence = self.headers["Idempotency-Key"], int(self.headers["Sark-Fence"])
        status = self._late(key, fence) if self.path.startswith("/fenced/") else 0
        if not status:
            status = self._act(key, fence)
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _act(self, key: str, fence: int) -> int:
        calls = self.server.calls[key]
        calls.append(fence)
        self.server.order.append(self.path)
        if self.path.startswith("/held/") and len(calls) == 1:
            self.server.let_go.wait(120)
        return 503 if self.path == "/flaky" and len(calls) == 1 else 200

    def _late(self, key: str, fence: int) -> int:
        """Return 412 for an attempt that comes after a later one, 0 for one that may act."""
        if fence == 1:
            self.server.under_way.append(key)
            self.server.let_go.wait(120)
        if fence >= max(self.server.calls[key], default=0):
            return 0
        self.server.refused.append((key, fence))
        return 412

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def sinking() -> Iterator[Sink]:
    """Give a sink that serves in a thread."""
    sink = Sink()
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    try:
        yield sink
    finally:
        sink.shutdown()
        sink.server_close()
