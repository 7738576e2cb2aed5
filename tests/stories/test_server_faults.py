"""PostgreSQL and Valkey that are killed, frozen, wiped, filled or flooded, and a total blackout."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta

import dramatiq
import psycopg
import pytest
from redis import Redis

from tests.stories.client import Client, Load
from tests.stories.invariants import hold
from tests.stories.sink import Sink, sinking
from tests.stories.stack import Stack
from tests.stories.test_storm import FILES, WORKFLOWS, stack_for

_MORE = {
    "patient.yaml": """\
apiVersion: sark/v1
kind: Workflow
name: patient
steps:
  call:
    uses: http.request@1
    with: {method: PUT, url: "SINK/flaky", json: {a: 1}}
    retry: {max_attempts: 2, backoff: {initial: 6s, jitter: none}}
""",
    "bounded.yaml": """\
apiVersion: sark/v1
kind: Workflow
name: bounded
timeout: 6s
steps:
  wait: {uses: echo.say@1, with: {message: 1, delay: 60s}}
""",
}


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with sinking() as sink:
        yield sink


@pytest.fixture(scope="module")
def stack(sink: Sink) -> Iterator[Stack]:
    with stack_for(sink, {**FILES, **_MORE}) as running:
        yield running


@pytest.fixture
def client(stack: Stack, sink: Sink) -> Iterator[Client]:
    """A client; when its test is over, what it was promised must hold."""
    client = Client(stack)
    yield client
    hold(stack, client.acknowledged, sink)
    assert client.strange == []


def until(holds: Callable[[], object], patience: float = 60) -> None:
    limit = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)


def ready(client: Client) -> str:
    try:
        return str(client.send("GET", "/readyz").body["status"])
    except OSError:
        return "away"


def signalled(stack: Stack, name: str, how: signal.Signals) -> None:
    for pid in stack.pids(name):
        os.kill(pid, how)


def slowest(took: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(took)[int(len(took) * 0.99)]


def test_valkey_may_be_killed(stack: Stack, client: Client):
    """
    While Valkey is gone, starts are taken; started again it has the address it had, and hints are
    heard as before.
    """
    before = stack.redis_url
    with Load(client, WORKFLOWS):
        signalled(stack, "valkey-server", signal.SIGKILL)
        time.sleep(1)
    until(lambda: ready(client) == "ready")

    assert before == stack.redis_url
    assert [] == client.refusals
    with Redis.from_url(before) as redis:
        until(lambda: any(each["cmd"] == "blpop" for each in redis.client_list()))


def test_a_frozen_valkey_holds_up_nobody(stack: Stack, client: Client):
    """
    Valkey answers nothing for some seconds: 99 of 100 starts do not wait for it.
    """
    signalled(stack, "valkey-server", signal.SIGSTOP)
    with Load(client, WORKFLOWS):
        time.sleep(6)
        degraded = ready(client)
        signalled(stack, "valkey-server", signal.SIGCONT)

    assert "degraded" == degraded
    assert slowest(client.took) < 4
    until(lambda: ready(client) == "ready")


def test_what_strangers_push_harms_nobody(stack: Stack, client: Client):
    """
    Garbage, a forged message, one of 5 MB and the same one five times: each is a look at most.
    """
    ours = dramatiq.Message("pool.default", "attend", (), {}, {}).encode()
    forged = dramatiq.Message("pool.default", "attend", ("run",), {"command": "rm"}, {}).encode()
    pids = stack.pids("sark-worker")
    with Redis.from_url(stack.redis_url) as redis, Load(client, WORKFLOWS):
        for raw in (b"garbage", forged, b"x" * 5_000_000, *[ours] * 5):
            redis.lpush("sark:queue:pool.default", raw)
        redis.flushall()
        time.sleep(1)

    assert pids == stack.pids("sark-worker")


def test_postgresql_may_be_killed(stack: Stack, client: Client):
    """
    Kill -9 of PostgreSQL under load: until it is back starts are put off with 503 and a time to
    come back, never refused otherwise; what was acknowledged ends.
    """
    with Load(client, WORKFLOWS), Load(client, WORKFLOWS):
        time.sleep(0.5)
        os.kill(stack.pids("postgres")[0], signal.SIGKILL)
        time.sleep(2)
        taken = len(client.acknowledged)
        until(lambda: len(client.acknowledged) > taken + 20)


def test_every_connection_may_be_ended(stack: Stack, client: Client):
    """
    An operator ends the connections of each kind, one kind after the other, under load.
    """
    client.start("chain")
    until(lambda: len(stack.rows("SELECT 1 FROM workers")) == 2)
    kinds = stack.rows(
        "SELECT DISTINCT application_name FROM pg_stat_activity"
        " WHERE starts_with(application_name, 'sark-') AND application_name <> 'sark-test'"
    )
    with Load(client, WORKFLOWS):
        for (kind,) in kinds:
            stack.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = %s",
                kind,
            )
            time.sleep(0.3)

    assert {"sark-owner", "sark-sweep", "sark-intake"} <= {kind for (kind,) in kinds}


def test_postgresql_may_freeze(stack: Stack, client: Client):
    """
    PostgreSQL answers nothing for longer than the lease, then goes on: nobody is taken for dead.
    """
    until(lambda: len(stack.rows("SELECT 1 FROM workers")) == 2)
    time.sleep(2.5)
    before = stack.rows("SELECT id FROM workers ORDER BY id")
    pids = stack.pids("postgres")
    with Load(client, WORKFLOWS):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(3)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        time.sleep(1)

    assert before == stack.rows("SELECT id FROM workers ORDER BY id")


def test_connections_may_run_out(stack: Stack, client: Client):
    """
    Somebody takes every connection of PostgreSQL: what we hold goes on, what is new is put off.
    """
    with Load(client, WORKFLOWS), ExitStack() as hogs:
        with suppress(psycopg.OperationalError):
            while True:
                hogs.enter_context(psycopg.connect(stack.database_url))
        for pid in stack.pids("sark-worker"):
            os.kill(pid, signal.SIGKILL)
        time.sleep(1)
        hogs.close()
        until(lambda: len(stack.rows("SELECT 1 FROM workers")) == 2)


def test_a_blackout_keeps_every_instant(stack: Stack, client: Client):
    """
    Everything is killed -9 while one run waits for its retry and another for its timeout: both
    come at their instants, or at once where starting again took longer: no wait begins anew.
    """
    patient, bounded = client.start("patient"), client.start("bounded")
    until(lambda: stack.rows("SELECT 1 FROM journal WHERE run_id = %s", patient))
    begun = "SELECT 1 FROM runs WHERE started_at IS NOT NULL AND id = %s"
    until(lambda: stack.rows(begun, bounded))
    stack.rows("SELECT pg_logical_emit_message(true, '', '')")  # what was before is on the disk
    stack.kill()
    time.sleep(2)
    stack.start()
    up = datetime.now(UTC)
    retried, timed_out = stack.wait_ended(patient), stack.wait_ended(bounded)

    assert ("succeeded", "failed") == (retried["status"], timed_out["status"])
    assert "sark.timeout" == timed_out["error"]["type"]
    at = "SELECT at FROM journal WHERE kind = %s AND run_id = %s"
    ((failed,),) = stack.rows(at, "failed", patient)
    ((alarm,),) = stack.rows(at, "alarm", patient)
    began, ended = (datetime.fromisoformat(timed_out[each]) for each in ("started_at", "ended_at"))
    for since, came in ((failed, alarm), (began, ended)):
        assert since + timedelta(seconds=6) <= came < up + timedelta(seconds=6)
