"""The load of a storm: runs are started at a rate, answered, approved and cancelled from outside.

Whatever is asked is asked again, of the other server, until it is answered, as a careful client
does; a start always under the same key.
"""

import heapq
import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.house import PEOPLE

# How many of a hundred runs are of each workflow.
_SHARES = {
    "chain": 14, "calls": 12, "scripts": 7, "nested": 10, "racing": 6, "waiting": 7, "asking": 5,
    "telling": 6, "failing": 7, "saga": 9, "undoing": 4, "cancelled": 4, "lane": 3, "gate": 3,
    "looking": 3,
}  # fmt: skip
_THREADS = 16
_PATIENCE = 10.0
_POLL = 0.4
# At every so manyth look it is asked whether the run has ended without having asked.
_LOOKS = 20
_OVER = frozenset({404, 409})


@dataclass
class Order:
    """A run to be started `at` seconds after the beginning; `run` is its id once that is known.

    `pause` is how long after its start something is done to it from outside, if anything is.
    """

    name: str
    workflow: str
    inputs: dict[str, Any]
    at: float
    pause: float
    run: str | None = None


def draw(seed: str, runs: int, seconds: float) -> list[Order]:
    """Return the runs of a seed, evenly over that many seconds."""
    dice = random.Random(f"load {seed}")
    told = []
    for number, workflow in enumerate(dice.choices([*_SHARES], [*_SHARES.values()], k=runs)):
        name = f"order-{number}"
        inputs = {"order": name, **_inputs(workflow, dice)}
        at, pause = seconds * number / runs, dice.uniform(0.1, 1.5)
        told.append(Order(name, workflow, inputs, at, pause))
    return told


def _inputs(workflow: str, dice: random.Random) -> dict[str, Any]:
    match workflow:
        case "nested":
            items = [f"item-{n}" for n in range(dice.randrange(1, 6))]
            return {"size": dice.randrange(1, 10), "items": items}
        case "failing":
            return {"recovers": dice.random() < 0.5}
        case "saga":
            return {"poor": dice.random() < 0.6}
        case "lane":
            return {"lane": dice.randrange(3)}
        case "looking":
            return {"page": dice.randrange(4)}
    return {}


class _Again(Exception):
    """It is not done: ask again after `pause` seconds."""

    def __init__(self, pause: float) -> None:
        super().__init__(pause)
        self.pause = pause


@dataclass
class Load:
    """Clients of both servers; `strange` are answers that are no part of the promise."""

    ports: Sequence[int]
    token: str
    orders: Sequence[Order]
    answers: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    strange: list[str] = field(default_factory=list)
    _tasks: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _lock: threading.Condition = field(default_factory=threading.Condition)
    _left: int = 0

    def begin(self) -> None:
        """Start what is due, in threads, until all of it is done."""
        began = time.monotonic()
        for order in self.orders:
            self._add(began + order.at, lambda order=order: self._start(order))  # type: ignore[misc]
        for _ in range(_THREADS):
            threading.Thread(target=self._work, daemon=True).start()

    def wait(self, patience: float) -> int:
        """Wait until everything was answered; return how much was not."""
        with self._lock:
            self._lock.wait_for(lambda: not self._left, patience)
            return self._left

    def _add(self, due: float, task: Callable[[], None]) -> None:
        with self._lock:
            self._left += 1
            heapq.heappush(self._tasks, (due, next(self._numbers), task))
            self._lock.notify()

    def _work(self) -> None:
        while True:
            task, pause = self._next(), None
            try:
                task()
            except _Again as again:
                pause = again.pause
            except (OSError, http.client.HTTPException, ValueError):
                self.unanswered += 1
                pause = 0.2
            if pause is not None:
                self._add(time.monotonic() + pause, task)
            with self._lock:
                self._left -= 1
                self._lock.notify_all()

    def _next(self) -> Callable[[], None]:
        with self._lock:
            while True:
                now = time.monotonic()
                if self._tasks and self._tasks[0][0] <= now:
                    return heapq.heappop(self._tasks)[2]
                self._lock.wait(self._tasks[0][0] - now if self._tasks else None)

    def _start(self, order: Order) -> None:
        place = f"/api/v1/workflows/local/{order.workflow}/runs"
        told = self._send("POST", place, {"inputs": order.inputs}, key=order.name)
        order.run = str(told["id"])
        for task in self._afterwards(order):
            self._add(time.monotonic() + order.pause, task)

    def _afterwards(self, order: Order) -> list[Callable[[], None]]:
        """Return what is done to a run from outside."""
        match order.workflow:
            case "waiting":
                return [lambda: self._emit(order), self._answering(order, self._callbacks)]
            case "asking":
                return [self._answering(order, self._approvals, name) for name in PEOPLE]
            case "cancelled":
                body = {"reason": "chaos"}
                return [lambda: self._told(f"/api/v1/runs/{order.run}/cancel", body)]
        return []

    def _emit(self, order: Order) -> None:
        event = {
            "specversion": "1.0", "id": f"answer-{order.name}", "source": "chaos",
            "type": "chaos.answered", "data": {"order": order.name},
        }  # fmt: skip
        self._told("/api/v1/namespaces/local/events", event)

    def _answering(
        self, order: Order, find: Callable[[Order], list[tuple[str, object]]], name: str = ""
    ) -> Callable[[], None]:
        """Return a task that waits until a run asks for something and answers that, as a person.

        An answer may have been heard though nobody said so: then there is nothing to find.
        """
        told, looks = False, 0

        def work() -> None:
            nonlocal told, looks
            found, looks = find(order), looks + 1
            if not (found or told or (looks % _LOOKS == 0 and self._has_ended(order))):
                raise _Again(_POLL)
            for place, body in found:
                told = True
                self._told(place, body, PEOPLE.get(name, ""))

        return work

    def _has_ended(self, order: Order) -> bool:
        return bool(self._send("GET", f"/api/v1/runs/{order.run}")["ended_at"])

    def _callbacks(self, order: Order) -> list[tuple[str, object]]:
        """Return the signed addresses that a run has handed out."""
        found = self._send("GET", f"/api/v1/runs/{order.run}/callbacks")["items"]
        return [(urlsplit(each["url"]).path, {"order": order.name}) for each in found]

    def _approvals(self, order: Order) -> list[tuple[str, object]]:
        """Return what a run asks people for."""
        place = f"/api/v1/runs/{order.run}/approvals"
        return [
            (f"{place}/{each['path']}", {"decision": "approved", "asked": each["asked"]})
            for each in self._send("GET", place)["items"]
        ]

    def _told(self, place: str, body: object, token: str = "") -> None:
        """Tell something that may have been heard before, and be over."""
        self._send("POST", place, body, token=token, over=_OVER)

    def _send(
        self, method: str, place: str, body: object = None, key: str = "", token: str = "",
        over: frozenset[int] = frozenset(),
    ) -> dict[str, Any]:  # fmt: skip
        """Return what a server answers; raise _Again for 503, and what a lost connection raises."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        headers |= {"Content-Type": "application/json"} if body is not None else {}
        headers |= {"Idempotency-Key": key} if key else {}
        port = self.ports[next(self._numbers) % len(self.ports)]
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
        try:
            link.request(method, place, None if body is None else json.dumps(body), headers)
            answer = link.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        finally:
            link.close()
        self.answers[answer.status] += 1
        if answer.status < 300 or answer.status in over:
            return told
        if answer.status != 503 or not answer.headers["Retry-After"]:
            self.strange.append(f"{method} {place}: {answer.status} {told}")
        raise _Again(0.3)
