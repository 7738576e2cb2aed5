"""Servers, controllers and migrations that are frozen, killed or ended in the middle."""

import asyncio
import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import psycopg
import pytest

from tests.proxy import Proxy
from tests.stories.client import Client, Load
from tests.stories.invariants import hold
from tests.stories.parts import Parts, until
from tests.stories.test_first_way import HELLO

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
_SAYS = """
steps:
  - {id: hold, wait: {for: 6s}}
  - {id: say, uses: echo.say@1, with: {message: WORD}}
outputs: {word: {type: string, value: "{{ steps.say.outputs.message }}"}}
"""
# So long after a look at its readiness may a server be asked: it stays for three looks.
_LOOK_SECONDS = 1.0


class Wire:
    """A proxy in a thread of its own, for processes that are tested from outside."""

    def __init__(self, url: str) -> None:
        self.proxy = Proxy(url)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Wire":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.proxy.__aenter__(), self._loop).result(60)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.proxy.__aexit__(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def cut(self, word: bytes) -> None:
        self.proxy.cut_reply_to(word)

    def await_cuts(self, count: int) -> None:
        until(lambda: self.proxy.cuts >= count)

    def thaw(self) -> None:
        self._loop.call_soon_threadsafe(self.proxy.thaw)


@pytest.fixture(scope="module")
def parts() -> Iterator[Parts]:
    with Parts({"hello.yaml": HELLO}) as parts:
        yield parts


@pytest.fixture
def client(parts: Parts) -> Iterator[Client]:
    """A client; when its test is over, what it was promised must hold."""
    client = Client(parts)
    yield client
    hold(parts, client.acknowledged)
    assert client.strange == []


def has_heirs(parts: Parts) -> bool:
    """True if somebody leads, and behind each duty's leader another waits."""
    told = "SELECT granted, count(*) FROM pg_locks WHERE classid = 7319 GROUP BY granted"
    counts = dict(parts.rows(told))
    return bool(0 < counts.get(True, 0) == counts.get(False, 0))


def test_a_frozen_leader_is_deposed(parts: Parts, client: Client):
    """
    The controller that leads is frozen: after its lease another leads, and the next commit is
    active by it. Thawed, the first one changes nothing back, and waits for its turn.
    """
    parts.begin("controller-1")
    until(lambda: has_heirs(parts))
    parts.signal("controller", SIGSTOP)
    try:
        commit = parts.commit({"more.yaml": HELLO.replace("name: hello", "name: more", 1)})
        parts.wait_active(commit)
    finally:
        parts.signal("controller", SIGCONT)
    until(lambda: has_heirs(parts))

    assert commit == parts.link().get("/sources")["items"][0]["active"]
    parts.wait_active(parts.commit({"hello.yaml": HELLO.replace("Hello", "Welcome")}))
    assert all(each.is_up() for each in parts.processes.values())
    parts.end("controller-1", SIGTERM)
    until(lambda: parts.status() == "ready")


class Balancer:
    """Sends requests to servers that said of themselves that they are ready, and counts failures.

    A failure counts where the server had been looked at within two looks.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._seen = dict.fromkeys(parts.ports, 0.0)
        self._stopping = threading.Event()
        self.answered = dict.fromkeys(parts.ports, 0)
        self.failed: list[str] = []
        self._threads = [threading.Thread(target=each, daemon=True)
                         for each in (self._look, self._ask, self._ask)]  # fmt: skip

    def __enter__(self) -> "Balancer":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join(90)

    def _look(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            for port in self._seen:
                is_ready = self._parts.health(port)[0] == 200
                self._seen[port] = time.monotonic() if is_ready else 0.0

    def _ask(self) -> None:
        while not self._stopping.wait(0.01):
            for port, seen in list(self._seen.items()):
                if not seen:
                    continue
                link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                try:
                    link.request("GET", "/livez")
                    assert link.getresponse().read() == b'{"status":"ok"}'
                    self.answered[port] += 1
                except (OSError, AssertionError, http.client.HTTPException) as error:
                    if time.monotonic() - seen < 2 * _LOOK_SECONDS:
                        self.failed.append(f"{port}: {error!r}")
                finally:
                    link.close()


def test_a_server_that_leaves_fails_nobody(parts: Parts, client: Client):
    """
    One of two servers gets SIGTERM under load: it says first that it leaves, answers until nobody
    asks it any more, and ends with 0; no request has failed.
    """
    parts.begin("server-1")
    until(lambda: parts.health(parts.ports[1])[0] == 200)
    with Balancer(parts) as balancer:
        until(lambda: min(balancer.answered.values()) > 20)
        parts.signal("server-1", SIGTERM)
        until(lambda: not parts.processes["server-1"].is_up())
        answered = balancer.answered[parts.port]
        until(lambda: balancer.answered[parts.port] > answered + 20)

    assert [] == balancer.failed
    assert 0 == parts.processes["server-1"].code


@pytest.mark.parametrize("when", ["before the commit", "after the commit", "after the answer"])
def test_a_server_may_die_while_it_takes_a_start(parts: Parts, client: Client, when: str):
    """
    Kill -9 of a server before it commits a start, after it, or after it has answered; the sender
    sends the same again: there is exactly one run.
    """
    parts.end("server")
    with Wire(parts.database_url) as wire:
        parts.begin("server", SARK_DATABASE_URL=wire.proxy.url)
        until(lambda: parts.status() == "ready")
        client.start("hello", f"warm {when}")
        if when == "before the commit":
            wire.proxy.freeze()
        elif when == "after the commit":
            wire.proxy.freeze_after(b"COMMIT")
        key = f"the key {when}"
        sender = threading.Thread(target=client.start, args=("hello", key), daemon=True)
        sender.start()
        if when == "after the commit":
            until(lambda: _count(parts, key) == 1)
        elif when == "after the answer":
            until(lambda: len(client.acknowledged) == 2)
        else:
            time.sleep(1)
        parts.end("server")
        wire.thaw()
    parts.begin("server")
    until(lambda: parts.status() == "ready")
    sender.join(90)
    client.start("hello", key)

    assert not sender.is_alive()
    assert 1 == _count(parts, key)
    assert 2 == len(set(client.acknowledged))


def _count(parts: Parts, key: str) -> int:
    return int(parts.rows("SELECT count(*) FROM idempotency_keys WHERE key = %s", key)[0][0])


def test_a_hint_whose_delivery_is_cut_off_is_found(parts: Parts, client: Client):
    """
    The connection to Redis breaks again and again just when a worker is handed a hint, and every
    client of Redis is cut off: the sweep finds what the hints spoke of.
    """
    from redis import Redis

    parts.end("worker", SIGTERM)
    with Wire(parts.redis_url) as wire, Redis.from_url(parts.redis_url) as redis:
        parts.begin("worker", SARK_REDIS_URL=wire.proxy.url)
        for cuts in range(3):
            wire.cut(b"BLPOP")
            run = client.start("hello")
            assert "succeeded" == parts.wait_ended(run)["status"]
            wire.await_cuts(cuts + 1)
        with Load(client, ("hello",)):
            for _ in range(5):
                redis.client_kill_filter(_type="normal")
                time.sleep(0.2)
        parts.end("worker", SIGTERM)
    parts.begin("worker")


def test_a_migration_may_be_killed(parts: Parts):
    """
    Kill -9 of `sark migrate` in the middle: the next one does the rest, also if two come at once.
    """
    place = parts.database_url.rpartition("/")[0]
    with psycopg.connect(parts.database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE half")
    with Wire(f"{place}/half") as wire:
        wire.proxy.freeze_after(b"CREATE TABLE dedupe_keys")
        killed = migrating(wire.proxy.url)
        with psycopg.connect(f"{place}/half", autocommit=True) as connection:
            until(lambda: _applied(connection) > 3)
            time.sleep(0.5)
        killed.send_signal(SIGKILL)
        killed.wait(60)
        wire.thaw()
    both = [migrating(f"{place}/half") for _ in range(2)]

    assert [0, 0] == [each.wait(240) for each in both]
    with psycopg.connect(f"{place}/half") as connection:
        half = _applied(connection)
    assert parts.rows("SELECT count(*) FROM migrations")[0][0] == half


def _applied(connection: "psycopg.Connection[tuple[object, ...]]") -> int:
    with suppress(psycopg.errors.UndefinedTable):
        row = connection.execute("SELECT count(*) FROM migrations").fetchone()
        return int(str(row[0])) if row else 0
    return 0


def migrating(url: str) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "engine.cli", "migrate"]
    return subprocess.Popen(words, env={"SARK_DATABASE_URL": url}, stderr=subprocess.DEVNULL)


def test_a_database_that_is_newer_is_left_alone(parts: Parts, client: Client):
    """
    A database that a later version has migrated is refused by `sark migrate`, with what to do, and
    by servers; what is under way goes on.
    """
    with psycopg.connect(parts.database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO migrations VALUES ('9999_later.sql', 'x')")
        done = parts.sark("migrate", check=False, SARK_DATABASE_URL=parts.database_url)
        until(lambda: parts.status() == "unready")
        connection.execute("DELETE FROM migrations WHERE name = '9999_later.sql'")

    assert 2 == done.returncode
    assert "newer than this program: it has 9999_later.sql; install that version" in done.stderr
    until(lambda: parts.status() == "ready")
    parts.wait_ended(client.start("hello"))


def test_a_run_keeps_its_plan_whatever_becomes_of_its_spec(parts: Parts, client: Client):
    """
    While a run waits its spec is changed, then removed, then the repository is gone: it ends by
    the plan that it began with, and a later one by the later plan.
    """
    spec = f"{_HEAD}says{_SAYS}"
    parts.wait_active(parts.commit({"says.yaml": spec.replace("WORD", "first")}))
    first = client.start("says")
    parts.wait_active(parts.commit({"says.yaml": spec.replace("WORD", "second")}))
    second = client.start("says")
    parts.git("rm", "-q", "says.yaml")
    parts.wait_active(parts.commit({}))
    gone = parts.repository.rename(parts.folder / "elsewhere")
    told = [parts.wait_ended(run)["outputs"] for run in (first, second)]
    gone.rename(parts.repository)

    assert [{"word": "first"}, {"word": "second"}] == told
    assert 404 == client.send("POST", "/api/v1/workflows/local/says/runs", {}).status
