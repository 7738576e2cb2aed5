"""A real Git server over TLS on loopback: `git http-backend` behind a small server of our own."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.adapters.servers import make_certificate, server_context
from tests.git.repo import ENVIRONMENT


@dataclass(slots=True)
class Forge:
    """The server as a test sees it. `token` is what it asks for, `seen` who came with what.

    Paths below /moved/ are sent on to `elsewhere`.
    """

    url: str
    ca: Path
    token: str = ""
    elsewhere: str = ""
    seen: list[str] = field(default_factory=list)


@contextmanager
def forge(folder: Path, repositories: Path) -> Iterator[Forge]:
    """Serve the repositories below a folder; the certificate is written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = make_certificate(folder, "forge", "IP:127.0.0.1,DNS:localhost")
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    told = Forge(f"https://127.0.0.1:{server.server_port}", certificate)
    server.RequestHandlerClass = _handler(told, repositories)
    server.socket = server_context(certificate, key).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(told: Forge, repositories: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

        def log_message(self, format: str, *words: object) -> None:
            pass

        def _answer(self, body: bytes) -> None:
            given = self.headers.get("Authorization", "")
            told.seen.append(given)
            if self.path.startswith("/moved/"):
                return self._say(302, Location=told.elsewhere + self.path)
            if told.token and not _holds(given, told.token):
                return self._say(401, **{"WWW-Authenticate": 'Basic realm="forge"'})
            return self._serve(body)

        def _say(self, status: int, **headers: str) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _serve(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            done = subprocess.run(
                ["git", "-c", "uploadpack.allowFilter=true", "http-backend"], input=body,
                capture_output=True, check=True,
                env={
                    **os.environ, **ENVIRONMENT, "GIT_PROJECT_ROOT": str(repositories),
                    "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path, "QUERY_STRING": query,
                    "REQUEST_METHOD": self.command,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                },
            )  # fmt: skip
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self.send_response(int(headers.pop("Status", "200 OK").split()[0]))
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler


def _holds(given: str, token: str) -> bool:
    kind, _, pair = given.partition(" ")
    return kind == "Basic" and base64.b64decode(pair).decode().partition(":")[2] == token
