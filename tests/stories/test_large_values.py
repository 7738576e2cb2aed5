"""A large answer on its way through a run, whatever dies meanwhile."""

import hashlib
import http.client
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest

from tests.stories.parts import until
from tests.stories.stack import Stack
from tests.stories.test_worker_faults import owner

BODY = {"count": 20_000, "rows": [{"id": n, "text": "x" * 240} for n in range(20_000)]}
ANSWER = json.dumps(BODY).encode()
CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[worker]
processes = 2
lease = "1500ms"
sweep = "300ms"
[adapters.http]
allow_hosts = ["127.0.0.1:PORT"]
"""
SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: large
steps:
  fetch:
    uses: http.request@1
    with: {url: "SINK/large", max_bytes: 16777216}
    outputs:
      count: {type: integer, from: body.count}
      body: {type: object, from: body}
  send:
    uses: http.request@1
    if: steps.fetch.outputs.count == 20000
    with: {method: PUT, url: "SINK/taken", json: "{{ steps.fetch.outputs.body }}"}
outputs:
  count: {type: integer, value: "{{ steps.fetch.outputs.count }}"}
  body: {type: object, value: "{{ steps.fetch.outputs.body }}"}
"""
WRONG = """\
apiVersion: sark/v1
kind: Workflow
name: wrong
steps:
  fetch:
    uses: http.request@1
    with: {url: "SINK/large", max_bytes: 16777216}
    outputs: {body: {type: object, from: body}}
  each:
    for_each:
      over: steps.fetch.outputs.body.rows
      as: row
      max_items: 10000
      uses: echo.say@1
      with: {message: "{{ row }}"}
"""


# What a worker has sent before its death, PostgreSQL would still write once it may.
_FORGET = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


class Far(ThreadingHTTPServer):
    """Answers GET with 5 MB of JSON, counts that, and keeps what it is sent by PUT."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.taken: list[bytes] = []
        self.given = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Far
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.given += 1
        self._answer(ANSWER)

    def do_PUT(self) -> None:
        self.server.taken.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(b"{}")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Far]:
    far = Far()
    threading.Thread(target=far.serve_forever, daemon=True).start()
    try:
        yield far
    finally:
        far.shutdown()
        far.server_close()


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with serving() as far:
        yield far


@pytest.fixture(scope="module")
def stack(far: Far) -> Iterator[Stack]:
    files = {
        "large.yaml": SPEC.replace("SINK", far.url),
        "wrong.yaml": WRONG.replace("SINK", far.url),
    }
    with Stack(files, CONFIG.replace("PORT", str(far.server_port))) as running:
        yield running


def raw(stack: Stack, path: str, token: str) -> tuple[int, bytes]:
    link = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    link.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = link.getresponse()
    return answer.status, answer.read()


def test_a_large_answer_goes_through_a_run(stack: Stack, far: Far):
    """
    An answer of 5 MB is sent on whole by a later step; the database holds a reference to it, and
    the API and the command line give it to whoever may read the run, and to nobody else.
    """
    far.taken.clear()
    run = stack.wait_ended(stack.link().start("large"))

    assert ("succeeded", 20_000) == (run["status"], run["outputs"]["count"])
    assert [BODY] == [json.loads(each) for each in far.taken]
    reference = run["steps"][0]["spilled"]["body"]
    assert reference == run["outputs"]["body"]
    assert {"count": 20_000} == run["steps"][0]["outputs"]
    [(largest,)] = stack.rows("SELECT max(octet_length(data::text)) FROM journal")
    assert largest < 2_000
    place = f"/api/v1/runs/{run['id']}/values/{reference['artifact']}"
    status, value = raw(stack, place, (stack.state / "token").read_text().strip())
    assert (200, reference["artifact"]) == (status, hashlib.sha256(value).hexdigest())
    assert 401 == raw(stack, place, "no")[0]
    other = place.replace(reference["artifact"], "0" * 64)
    assert 404 == raw(stack, other, (stack.state / "token").read_text().strip())[0]
    assert BODY == json.loads(stack.sark("show", run["id"], "--value", "fetch.body").stdout)
    told = stack.sark("show", run["id"]).stdout
    assert f"fetch.body  {reference['bytes']} bytes by reference" in told
    wrong = stack.sark("show", run["id"], "--value", "fetch.x", check=False)
    assert "passes no 'fetch.x' by reference; it passes fetch.body" in wrong.stderr


def test_who_would_need_the_value_says_what_to_do(stack: Stack):
    """
    A loop over a part of a value that is passed by reference fails, and says how to write it.
    """
    run = stack.wait_ended(stack.link().start("wrong"))

    assert ("failed", "sark.expression") == (run["status"], run["error"]["type"])
    assert "'body' is passed by reference" in run["error"]["detail"]
    assert "take what is needed of it where it comes from" in run["error"]["detail"]


def test_a_worker_is_killed_between_the_file_and_the_journal(stack: Stack, far: Far):
    """
    The value is on the disk and its outcome is not written yet when the worker dies: the call is
    made again, and the run goes on with the whole value.
    """
    far.taken.clear()
    far.given = 0
    store = stack.state / "artifacts"
    kept = {each: each.stat().st_mtime_ns for each in store.glob("??/*") if each.name != "lock"}
    with psycopg.connect(stack.database_url) as holding:
        holding.execute("LOCK TABLE journal IN SHARE MODE")
        run = stack.link().start("large")
        until(
            lambda: any(
                each.stat().st_mtime_ns != kept.get(each)
                for each in store.glob("??/*") if each.name != "lock"
            )
        )  # fmt: skip
        os.kill(owner(stack, run), signal.SIGKILL)
        time.sleep(0.3)
        holding.execute(_FORGET)
    ended = stack.wait_ended(run)

    assert ("succeeded", 20_000) == (ended["status"], ended["outputs"]["count"])
    assert [BODY] == [json.loads(each) for each in far.taken]
    assert far.given >= 2
