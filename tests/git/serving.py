"""A real Git server over TLS on loopback: `git http-backend` behind a small server of our own."""

import base64
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.adapters.servers import make_certificate, server_context
from tests.git.repo import ENVIRONMENT


@dataclass(slots=True)
class Forge:
    """The server as a test sees it. `token` is what it asks for, `seen` who came with what.

    Paths below /moved/ are sent on to `elsewhere`. Packs wait for `answers`, which is set at first.
    """

    url: str
    ca: Path
    token: str = ""
    elsewhere: str = ""
    seen: list[str] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answers.set()


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
        told.answers.set()
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
                return self._say(302, {"Location": told.elsewhere + self.path})
            if told.token and not _holds(given, told.token):
                return self._say(401, {"WWW-Authenticate": "Basic"})
            if b"command=fetch" in body:
                told.answers.wait(60)
            return self._serve(body)

        def _say(self, status: int, headers: Mapping[str, str], content: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _serve(self, body: bytes) -> None:
            done = _backend(repositories, self.command, self.path, self.headers, body)
            head, _, content = done.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            status = int(headers.pop("Status", "200 OK").split()[0])
            self._say(status, headers, content)

    return Handler


def _backend(repositories: Path, method: str, target: str, headers: Message, body: bytes) -> bytes:
    """Return what `git http-backend` answers, a CGI program."""
    path, _, query = target.partition("?")
    told = {
        "GIT_PROJECT_ROOT": str(repositories),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": headers.get("Content-Type", ""),
        "HTTP_CONTENT_ENCODING": headers.get("Content-Encoding", ""),
        "GIT_PROTOCOL": headers.get("Git-Protocol", ""),
    }
    words = ["git", "-c", "uploadpack.allowFilter=true", "http-backend"]
    environment = {**os.environ, **ENVIRONMENT, **told}
    done = subprocess.run(words, input=body, capture_output=True, check=True, env=environment)
    return done.stdout


def _holds(given: str, token: str) -> bool:
    kind, _, pair = given.partition(" ")
    return kind == "Basic" and base64.b64decode(pair).decode().partition(":")[2] == token
