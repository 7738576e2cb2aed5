"""A client as a careful program is one: each start under a key, sent again until it is answered."""

import http.client
import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.stories.stack import Stack

_AGAIN = 0.1
_ALLOWED = frozenset({202, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, and after how many seconds."""

    status: int
    body: dict[str, Any]
    retry_after: str | None
    took: float


@dataclass
class Client:
    """Keeps every run that was acknowledged, and every answer that is no part of the promise."""

    stack: Stack
    acknowledged: list[str] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    refusals: list[Answer] = field(default_factory=list)
    strange: list[Answer] = field(default_factory=list)

    def send(self, method: str, path: str, body: object = None, key: str = "") -> Answer:
        """Ask once; raise OSError or HTTPException where nobody answers."""
        token = (self.stack.state / "token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        began = time.monotonic()
        link = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=60)
        try:
            link.request(method, path, None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            told = json.loads(answer.read())
        finally:
            link.close()
        pause = answer.headers["Retry-After"]
        return Answer(answer.status, told, pause, time.monotonic() - began)

    def start(self, workflow: str, key: str = "", patience: float = 60) -> str:
        """Start a run, again and again under the same key, and return it as acknowledged."""
        key = key or uuid4().hex
        limit = time.monotonic() + patience
        while time.monotonic() < limit:
            try:
                answer = self.send("POST", f"/api/v1/workflows/local/{workflow}/runs", {}, key)
            except (OSError, http.client.HTTPException):
                time.sleep(_AGAIN)
                continue
            self._keep(answer)
            if answer.status == 202:
                return str(answer.body["id"])
            time.sleep(_AGAIN)
        raise TimeoutError(f"nobody has taken a start of {workflow} in {patience:g} s")

    def _keep(self, answer: Answer) -> None:
        if answer.status == 202:
            self.acknowledged.append(str(answer.body["id"]))
            self.took.append(answer.took)
        elif answer.status == 503:
            self.refusals.append(answer)
        if answer.status not in _ALLOWED or (answer.status == 503 and not answer.retry_after):
            self.strange.append(answer)


class Load:
    """Starts runs of these workflows in turn, one after the other, until the context ends."""

    def __init__(
        self, client: Client, workflows: Sequence[str], pause: float = 0.02, patience: float = 60
    ) -> None:
        self._client = client
        self._patience = patience
        self._workflows = workflows
        self._pause = pause
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(self._patience + 30)
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        count = 0
        while not self._stopping.wait(self._pause):
            workflow = self._workflows[count % len(self._workflows)]
            self._client.start(workflow, patience=self._patience)
            count += 1
