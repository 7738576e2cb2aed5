"""`sark plan --github-actions` where what answers for GitHub means harm: A07, E11."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine.cli import actions
from tests.cli.test_actions import REPOSITORY, job, repo, summary

__all__ = ["repo"]
MANY = 40 << 20
COMMENT = {"id": 1, "user": {"login": "x"}, "body": "x"}
WRONG = [
    "null", "1", "[1]", '[{"id": "x"}]', '[{"id": true, "user": null, "body": []}]',
    '[{"id": 1, "user": {"login": 7}, "body": "x"}]', "[" * 100_000, '"\\ud800"', "NaN", "{}",
    '[{"id": 1e999, "user": {"login": "x"}, "body": "x"}]', "\xff", "", "9" * 100_000,
]  # fmt: skip


class Hostile(ThreadingHTTPServer):
    """Answers every request as it was told; `asked` are the tokens that it was shown."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body: bytes | None = b"[]"
        self.asked: list[str | None] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Hostile

    def do_GET(self) -> None:
        self.server.asked.append(self.headers["Authorization"])
        self.send_response(self.server.status)
        for name, value in {"Content-Type": "application/json", **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            if self.server.body is None:
                self._trickle()
            else:
                self.wfile.write(self.server.body)
        except OSError:
            self.close_connection = True

    do_POST = do_PATCH = do_GET

    def _trickle(self) -> None:
        while not self.server.over.wait(0.1):
            self.wfile.write(b" ")
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the output of a test free of requests."""


def served() -> Iterator[Hostile]:
    with Hostile() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.over.set()
        made.shutdown()
        thread.join()


forge = pytest.fixture(served, name="forge")
other = pytest.fixture(served, name="other")


def passes(repo: Any, forge: Any) -> str:
    """Return what a job says that ends well, having written its summary and no comment."""
    done = job(repo, forge)

    assert 0 == done.exit_code, done.output
    assert "::notice title=sark plan::no comment: " in done.stdout
    assert "t0k" not in done.output
    assert "1 changed" in summary(repo)
    return done.stdout


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(repo: Any, forge: Hostile, other: Hostile, status: int):
    """
    A07: whoever sends the job to another host gets no request there, and so no token.
    """
    forge.status, forge.headers = status, {"Location": f"{other.url}/user"}

    assert "has moved" in passes(repo, forge)
    assert [] == other.asked


def test_a_next_page_at_another_host_is_not_read(repo: Any, forge: Hostile, other: Hostile):
    """
    A07: a list that goes on elsewhere ends there; the token stays with the forge.
    """
    forge.body = json.dumps([COMMENT]).encode()
    forge.headers = {"Link": f'<{other.url}/repos/{REPOSITORY}/issues/7/comments>; rel="next"'}

    assert "is a loopback address" in passes(repo, forge)
    assert [] == other.asked


@pytest.mark.parametrize("body", WRONG, ids=range(len(WRONG)))
def test_an_answer_of_another_form_is_a_notice(repo: Any, forge: Hostile, body: str):
    """
    What is no JSON, or JSON of another form, or nested without end, is told and harms nothing.
    """
    forge.body = body.encode("latin-1")
    passes(repo, forge)


def test_an_answer_without_end_is_left(repo: Any, forge: Hostile):
    """
    Of a flood 16 MiB are read.
    """
    forge.body = b'["' + b"x" * MANY + b'"]'
    assert "16777216" in passes(repo, forge).replace(",", "")


def test_a_list_without_end_is_left(repo: Any, forge: Hostile, monkeypatch: pytest.MonkeyPatch):
    """
    Pages that lead to each other, each with an answer in its time, end with the job's patience.
    """
    monkeypatch.setattr(actions, "SECONDS", 0.5)
    forge.body = None

    assert "did not answer within 0.5 s" in passes(repo, forge)


@pytest.mark.parametrize(
    ("status", "headers"),
    [(429, {"Retry-After": "9" * 40}), (403, {"X-RateLimit-Remaining": "0",
     "X-RateLimit-Reset": "9" * 40}), (403, {"Retry-After": "nan"}), (429, {"Retry-After": "-5"}),
     (599, {}), (401, {}), (418, {"Retry-After": "Thu, 99 Foo 10000 00:00:00 GMT"})],
)  # fmt: skip
def test_a_limit_is_not_waited_for(
    repo: Any, forge: Hostile, status: int, headers: dict[str, str]
):  # fmt: skip
    """
    E11: however long a job is told to wait, and in whatever words, it says so and goes on.
    """
    forge.status, forge.headers = status, headers
    forge.body = json.dumps({"message": "t0k [x](javascript:alert(1))\n::error::y"}).encode()

    assert "\n::error::y" not in passes(repo, forge)
