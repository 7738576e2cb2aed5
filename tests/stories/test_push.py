"""GitHub pushes: a signed delivery becomes a run that calls a real service."""

import hashlib
import hmac
import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.stories.stack import Stack

PAYLOADS = Path(__file__).parents[1] / "webhooks" / "payloads"
SECRET = "a secret of more than sixteen characters"
SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: announce
triggers:
  pushed: {type: github.push}
steps:
  tell:
    uses: http.request@1
    with:
      method: PUT
      url: "http://127.0.0.1:PORT/note"
      json: {by: "{{ trigger.event.pusher.name }}", ref: "{{ trigger.event.ref }}"}
    outputs:
      seen: {type: integer, from: body.seen}
outputs:
  seen: {type: integer, value: "{{ steps.tell.outputs.seen }}"}
"""
CONFIG = """\
[[sources]]
name = "shop"
namespace = "shop"
url = "REPOSITORY"
webhook_secrets = ["env:SHOP_HOOK"]
[adapters.http]
allow_hosts = ["127.0.0.1:PORT"]
"""


class Sink(BaseHTTPRequestHandler):
    """A small real HTTP service that keeps what it was sent, and by which key."""

    bodies: ClassVar[list[Any]] = []
    keys: ClassVar[list[str]] = []

    def do_PUT(self) -> None:
        self.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.keys.append(self.headers["Idempotency-Key"])
        told = json.dumps({"seen": len(self.bodies)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    service = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    port = str(service.server_port)
    files = {"announce.yaml": SPEC.replace("PORT", port)}
    with Stack(files, CONFIG.replace("PORT", port), SHOP_HOOK=SECRET) as running:
        yield running
    service.shutdown()


def deliver(
    stack: Stack, body: bytes, delivery: str, *, secret: str = SECRET, event: str = "push"
) -> tuple[int, dict[str, Any]]:
    """Send a delivery as GitHub does; return status and answer."""
    link = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=120)
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    link.request("POST", "/hooks/github/shop", body, headers)
    answer = link.getresponse()
    return answer.status, json.loads(answer.read())


def pushes() -> list[Path]:
    """Return the push examples of @octokit/webhooks-examples that do not delete a ref."""
    found = sorted(PAYLOADS.glob("push*.json"))
    return [path for path in found if not json.loads(path.read_text())["deleted"]]


@pytest.mark.parametrize("path", pushes(), ids=lambda path: path.stem)
def test_a_push_calls_the_service_with_its_values(stack: Stack, path: Path) -> None:
    """
    A signed push starts the matching workflow, which tells the service who pushed what.
    """
    body = path.read_bytes()
    status, answer = deliver(stack, body, f"delivery-{path.stem}")
    (run,) = answer["runs"]
    ended = stack.wait_ended(run)

    assert 202 == status
    assert "succeeded" == ended["status"], ended["error"]
    payload = json.loads(body)
    assert {"by": payload["pusher"]["name"], "ref": payload["ref"]} == Sink.bodies[-1]
    assert run in Sink.keys[-1]


def test_a_wrong_signature_is_refused(stack: Stack) -> None:
    """
    A delivery that somebody else signed is 401, and so is one to a route that is not there.
    """
    body = pushes()[0].read_bytes()
    before = len(Sink.bodies)

    assert 401 == deliver(stack, body, "forged", secret="another secret, long enough")[0]
    assert before == len(Sink.bodies)


def test_the_same_delivery_twice_starts_one_run(stack: Stack) -> None:
    """
    GitHub may send a delivery again: it is told the same run and starts nothing.
    """
    body = pushes()[0].read_bytes()
    _, first = deliver(stack, body, "twice")
    stack.wait_ended(first["runs"][0])
    before = len(Sink.bodies)
    status, second = deliver(stack, body, "twice")
    time.sleep(0.3)

    assert 202 == status
    assert second["duplicate"] is True
    assert first["runs"] == second["runs"]
    assert before == len(Sink.bodies)
