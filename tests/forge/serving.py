"""A forge on loopback, in threads of its own: routes, what was asked, and faults by script."""

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; header names are in lower case, `body` is its JSON."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @property
    def token(self) -> str:
        """Return what stands after the first word of `Authorization`."""
        return self.headers.get("authorization", "").partition(" ")[2]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; a `body` of bytes goes out as it is, any other as JSON, None as nothing."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Fault:
    """What happens in place of an answer to the next `left` requests that match `on`.

    Without a reply the connection is cut; `done`: after the work was done, so that only the answer
    is lost.
    """

    on: re.Pattern[str]
    left: float
    reply: Reply | None
    done: bool


Route = tuple[str, re.Pattern[str], Callable[..., Reply]]


class Fake:
    """A server with the routes of a forge. `seen` are all requests, the oldest first."""

    def __init__(self, port: int = 0) -> None:
        self.seen: list[Request] = []
        self.is_down = False
        self.lock = threading.RLock()
        self._faults: list[Fault] = []
        self._routes = self.routes()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    self.close_connection = True

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return lambda: fake._speak(self)
                raise AttributeError(name)

            def log_message(self, *_: object) -> None:
                return None

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def routes(self) -> list[Route]:
        """Return the routes, `(method, pattern of the path, answer)`; groups are given to it."""
        raise NotImplementedError

    def refuse(self, status: int, message: str) -> Reply:
        """Return a refusal in the words of this forge."""
        return Reply(status, {"message": message})

    def fail(
        self, status: int, message: str = "", *, on: str = ".*", times: float = 1,
        headers: Mapping[str, str] | None = None, body: Any = None,
    ) -> None:  # fmt: skip
        """Answer coming requests by an error; `on` matches `METHOD path` from its beginning."""
        told = body if body is not None else self.refuse(status, message).body
        reply = Reply(status, told, headers or {})
        self._faults.append(Fault(re.compile(on), times, reply, done=False))

    def drop(self, *, on: str = ".*", times: float = 1, done: bool = False) -> None:
        """Cut the connections of coming requests, before or after their work is done."""
        self._faults.append(Fault(re.compile(on), times, None, done))

    def asked(self, on: str = ".*") -> list[Request]:
        """Return the requests that match `METHOD path`, the oldest first."""
        with self.lock:
            return [each for each in self.seen if re.match(on, f"{each.method} {each.path}")]

    def kept(self) -> Any:
        """Return all that is kept, for whoever asks `GET /_kept`."""
        return {}

    def _speak(self, handler: BaseHTTPRequestHandler) -> None:
        data = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        parts = urlsplit(handler.path)
        request = Request(
            handler.command, parts.path, dict(parse_qsl(parts.query)),
            {name.lower(): value for name, value in handler.headers.items()},
            orjson.loads(data) if data else None,
        )  # fmt: skip
        with self.lock:
            if parts.path == "/_kept":
                return _send(handler, Reply(200, self.kept()))
            self.seen.append(request)
            fault = self._fault(request)
            reply = self._answer(request) if fault is None or fault.done else fault.reply
            lost = fault is not None and fault.reply is None
        if lost or reply is None:
            handler.close_connection = True
            return None
        return _send(handler, reply)

    def _fault(self, request: Request) -> Fault | None:
        for each in self._faults:
            if each.left > 0 and each.on.match(f"{request.method} {request.path}"):
                each.left -= 1
                return each
        return None

    def _answer(self, request: Request) -> Reply:
        if self.is_down:
            return Reply(502, b"<html>Unicorn!</html>")
        for method, pattern, answer in self._routes:
            found = pattern.fullmatch(request.path)
            if method == request.method and found is not None:
                return answer(request, *map(unquote, found.groups()))
        return self.refuse(404, "Not Found")


def route(method: str, path: str, answer: Callable[..., Reply]) -> Route:
    """Return a route; `*` in a path is one part of it, given to the answer."""
    return method, re.compile(re.escape(path).replace(r"\*", "([^/]+)")), answer


def page(request: Request, found: list[Any], url: str, first: int = 30) -> Reply:
    """Return a page of a list, with links to the others as GitHub, GitLab and Gitea give them."""
    size = min(int(request.query.get("per_page", request.query.get("limit", first))), 100)
    number = int(request.query.get("page", 1))
    last = max(1, -(-len(found) // size))
    to = {"next": number + 1, "last": last} if number < last else {}
    to |= {"first": 1, "prev": number - 1} if number > 1 else {}
    kept = "".join(f"&{k}={v}" for k, v in request.query.items() if k != "page")
    links = [f'<{url}{request.path}?page={n}{kept}>; rel="{word}"' for word, n in to.items()]
    headers = {"Link": ", ".join(links)} if links else {}
    return Reply(200, found[(number - 1) * size : number * size], headers)


def stamp() -> str:
    """Return the time as forges write it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _send(handler: BaseHTTPRequestHandler, reply: Reply) -> None:
    raw = reply.body if isinstance(reply.body, bytes) else None
    data = raw if raw is not None else b"" if reply.body is None else orjson.dumps(reply.body)
    handler.send_response(reply.status)
    kind = "text/html" if raw is not None else "application/json; charset=utf-8"
    for name, value in {"Content-Type": kind, **reply.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
