"""A house in which something is lacking: it says what, and does what can be done."""

import http.client
import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlencode

import pytest
from redis import Redis

from tests.stories.client import Client
from tests.stories.invariants import hold
from tests.stories.parts import Parts, until
from tests.stories.test_first_way import HELLO


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with Parts({"hello.yaml": HELLO}) as parts:
        yield parts


@pytest.fixture
def client(parts: Parts) -> Iterator[Client]:
    """A client of a house that lacks nothing yet, whatever test came before."""
    until(lambda: parts.status() == "ready")
    with promised(parts) as client:
        yield client


@contextmanager
def promised(parts: Parts) -> Iterator[Client]:
    """Give a client; when it is no longer needed, what it was promised must hold."""
    client = Client(parts)
    yield client
    hold(parts, client.acknowledged)
    assert client.strange == []


def page(parts: Parts) -> tuple[int, str | None, str]:
    """Return status, pause and text of the first page as a browser that is signed in sees it."""
    link = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=60)
    token = urlencode({"token": (parts.state / "token").read_text().strip()})
    link.request("POST", "/login", token, {"Content-Type": "application/x-www-form-urlencoded"})
    entered = link.getresponse()
    entered.read()
    session = {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}
    link.request("GET", "/", headers=session)
    answer = link.getresponse()
    text = answer.read().decode()
    link.close()
    return answer.status, answer.headers["Retry-After"], text


def doctor(parts: Parts) -> dict[str, list[tuple[str, str]]]:
    """Return the verdicts of `sark doctor` and its words, by what was looked at."""
    found: dict[str, list[tuple[str, str]]] = {}
    for each in json.loads(parts.sark("doctor", "--json", check=False).stdout):
        found.setdefault(each["what"], []).append((each["verdict"], each["told"]))
    return found


def lacking(parts: Parts) -> dict[str, str]:
    """Return what `/readyz` says is not well, each with why."""
    checks = parts.health()[2].get("checks", {})
    return {name: each["reason"] for name, each in checks.items() if each["status"] != "ok"}


def verdicts(parts: Parts, *what: str) -> list[str]:
    return [verdict for each in what for verdict, _ in doctor(parts).get(each, [])]


def test_redis_may_come_late():
    """
    Everything starts without Redis: runs end through the sweep, and `/readyz`, the page and the
    doctor say so. Redis comes: all of them heal without a restart.
    """
    with Parts({"hello.yaml": HELLO}, has_redis=False) as parts, promised(parts) as client:
        for _ in range(5):
            parts.wait_ended(client.start("hello"))
        until(lambda: lacking(parts).keys() == {"broker"})
        status, _, told = parts.health()

        assert [200, "degraded"] == [status, told["status"]]
        assert "found by the sweep" in page(parts)[2]
        assert ["warn"] * 4 == verdicts(parts, "redis", "server", "worker", "controller")
        parts.valkey.start()
        until(lambda: parts.status() == "ready")
        with Redis.from_url(parts.redis_url) as redis:
            until(lambda: sum(each["cmd"] == "blpop" for each in redis.client_list()) >= 3)
        assert "Degraded" not in page(parts)[2]
        assert ["ok"] * 4 == verdicts(parts, "redis", "server", "worker", "controller")


def test_redis_may_be_gone_for_long(parts: Parts, client: Client):
    """
    Killed and away for long, started again empty: starts are taken all the while, and end.
    """
    parts.valkey.stop()
    until(lambda: parts.status() == "degraded")
    for _ in range(20):
        client.start("hello")
    hold(parts, client.acknowledged)
    parts.valkey.start()
    until(lambda: parts.status() == "ready")

    assert [] == client.refusals


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru"])
def test_redis_may_be_full(parts: Parts, client: Client, policy: str):
    """
    A Redis without a byte to spare loses hints, under any policy, and nothing else; one that
    takes none is told of.
    """
    with Redis.from_url(parts.redis_url) as redis:
        redis.config_set("maxmemory-policy", policy)
        redis.config_set("maxmemory", "1mb")
        try:
            if policy == "noeviction":
                until(lambda: parts.status() == "degraded")
                assert "takes nothing" in parts.health()[2]["checks"]["broker"]["reason"]
            for _ in range(20):
                client.start("hello")
            hold(parts, client.acknowledged)
        finally:
            redis.config_set("maxmemory", "0")
    until(lambda: parts.status() == "ready")

    assert [] == client.refusals


def test_no_worker_lives(parts: Parts, client: Client):
    """
    Without a worker starts are taken and wait; the next worker ends them.
    """
    parts.end("worker")
    until(lambda: "no worker lives" in lacking(parts).get("workers", ""))
    run = client.start("hello")
    reason = lacking(parts)["workers"]

    assert reason in page(parts)[2].replace("&#39;", "'")
    assert ["warn"] == verdicts(parts, "workers")
    parts.begin("worker")
    assert "succeeded" == parts.wait_ended(run)["status"]
    until(lambda: parts.status() == "ready")


def test_a_worker_that_is_frozen_is_no_worker(parts: Parts, client: Client):
    """
    The only worker is frozen: after its lease it counts for none; thawed it does again.
    """
    parts.signal("worker", signal.SIGSTOP)
    until(lambda: lacking(parts).keys() == {"workers"})
    parts.signal("worker", signal.SIGCONT)
    until(lambda: parts.status() == "ready")


def test_nobody_leads(parts: Parts, client: Client):
    """
    Without a controller runs go on, and it is said that commits and the clock are not heard.
    """
    assert 0 == parts.end("controller", signal.SIGTERM)
    nobody = "nobody leads reconcile, relay, scheduler"
    until(lambda: nobody in lacking(parts).get("controllers", ""))

    assert parts.status() == "degraded"
    assert "sark controller" in page(parts)[2]
    assert "succeeded" == parts.wait_ended(client.start("hello"))["status"]
    parts.begin("controller")
    until(lambda: parts.status() == "ready")


def test_postgresql_is_gone(parts: Parts, client: Client):
    """
    Without PostgreSQL `/readyz` and the page are 503 and say when to come back, processes live on
    and say that they are not ready; afterwards everything is as it was, with nobody restarted.
    """
    pids = {name: each.pid for name, each in parts.processes.items()}
    parts.postgres.stop()
    until(lambda: parts.status() == "unready")
    status, headers, told = parts.health()
    shown, pause, text = page(parts)

    assert [503, "1", 503, "1"] == [status, headers.get("retry-after"), shown, pause]
    assert "PostgreSQL" in told["checks"]["database"]["reason"]
    assert "PostgreSQL" in text
    assert "Traceback" not in text
    assert ["fail"] * 3 == verdicts(parts, "server", "worker", "controller")
    parts.postgres.start()
    until(lambda: parts.status() == "ready")
    assert pids == {name: each.pid for name, each in parts.processes.items()}
    parts.wait_ended(client.start("hello"))
