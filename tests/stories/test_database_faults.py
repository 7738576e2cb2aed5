"""PostgreSQL in the way: it crashes in part, refuses, is locked by others, has much to do."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from tests.stories.client import Client, Load
from tests.stories.invariants import hold
from tests.stories.parts import until
from tests.stories.stack import Stack

_HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
FILES = {
    "chain.yaml": f"{_HEAD}chain\nsteps:\n"
    + "".join(f"  - {{id: s{i}, uses: echo.say@1, with: {{message: 1, delay: 100ms}}}}\n"
              for i in range(6)),
    "quick.yaml": f"{_HEAD}quick\nsteps:\n  say: {{uses: echo.say@1, with: {{message: 1}}}}\n",
    "alarm.yaml": f"""{_HEAD}alarm
inputs: {{at: {{type: string}}}}
steps:
  hold: {{wait: {{until: "{{{{ inputs.at }}}}"}}}}
""",
    "month.yaml": f"{_HEAD}month\ntimeout: 31d\nsteps:\n  hold: {{wait: {{for: 30d}}}}\n",
}  # fmt: skip
_CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[worker]
processes = 2
lease = "2s"
sweep = "300ms"
"""
# What is refused is undone, but a sequence goes on: so many are refused, then all is well.
_REFUSING = """
    CREATE SEQUENCE refusals;
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF nextval('refusals') <= 12 THEN
                RAISE EXCEPTION 'by the test' USING ERRCODE = TG_ARGV[0];
            END IF;
            RETURN NULL;
        END
    $$;
    CREATE TRIGGER refuse_runs AFTER INSERT ON runs
        FOR EACH STATEMENT EXECUTE FUNCTION refuse('WHICH');
    CREATE TRIGGER refuse_journal AFTER INSERT ON journal
        FOR EACH STATEMENT EXECUTE FUNCTION refuse('WHICH');
"""
_ALLOWING = """
    DROP TRIGGER refuse_runs ON runs; DROP TRIGGER refuse_journal ON journal;
    DROP FUNCTION refuse; DROP SEQUENCE refusals;
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(FILES, _CONFIG) as running:
        yield running


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """A client; when its test is over, what it was promised must hold."""
    client = Client(stack)
    yield client
    hold(stack, client.acknowledged)
    assert client.strange == []


def does(stack: Stack, *statements: str) -> None:
    """Run statements as an operator does."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        for each in statements:
            connection.execute(each.encode())


@contextmanager
def locked(stack: Stack, statement: str, *values: object) -> Iterator[None]:
    """Hold what a statement locks, in a transaction that does nothing more."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute(statement.encode(), values)
        yield
        connection.rollback()


def starter(client: Client, workflow: str) -> Callable[[], None]:
    """Start a run in a thread; return what waits until it was taken."""
    thread = threading.Thread(target=client.start, args=(workflow,), daemon=True)
    thread.start()

    def join() -> None:
        thread.join(90)
        assert not thread.is_alive()

    return join


@pytest.mark.parametrize("kind", ["sark-owner", "sark-intake", "sark-lead-relay"])
def test_one_backend_may_be_killed(stack: Stack, client: Client, kind: str):
    """
    Kill -9 of one process of PostgreSQL, at which it ends all sessions and recovers: starts are
    put off meanwhile, and what was acknowledged ends.
    """
    client.start("chain")
    until(lambda: stack.rows("SELECT 1 FROM workers"))
    find = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
    with Load(client, ("chain", "quick")):
        until(lambda: stack.rows(find, kind))
        os.kill(stack.rows(find, kind)[0][0], signal.SIGKILL)
        taken = len(client.acknowledged)
        until(lambda: len(client.acknowledged) > taken + 10)


@pytest.mark.parametrize("code", ["40001", "40P01"])
def test_postgresql_may_put_off_what_it_is_told(stack: Stack, client: Client, code: str):
    """
    A commit that PostgreSQL undoes, for it met another or a deadlock, is made again: a start is
    taken or put off with 503, and every outcome is there once.
    """
    does(stack, _REFUSING.replace("WHICH", code))
    try:
        with Load(client, ("chain", "quick")):
            until(lambda: stack.rows("SELECT last_value FROM refusals")[0][0] > 40)
    finally:
        does(stack, _ALLOWING)

    assert len(client.acknowledged) > 3


def test_a_row_that_somebody_locks_holds_up_one_run(stack: Stack, client: Client):
    """
    An operator's session keeps the row of a run locked: other runs begin and end, and this one
    goes on when the lock is gone.
    """
    held = client.start("chain")
    until(lambda: stack.rows("SELECT 1 FROM runs WHERE started_at IS NOT NULL AND id = %s", held))
    with locked(stack, "SELECT FROM runs WHERE id = %s FOR UPDATE", held):
        others = [client.start("quick") for _ in range(5)]
        until(lambda: stack.rows(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'"
        ))  # fmt: skip

        ended = "SELECT count(*) FROM runs WHERE id = ANY(%s::uuid[]) AND ended_at IS NOT NULL"
        until(lambda: stack.rows(ended, others)[0][0] == 5)

    audit = hold(stack, [held, *others])
    assert {"succeeded"} == {audit.runs[run].row.status for run in (held, *others)}


@pytest.mark.parametrize("table", ["runs", "journal", "workers", "outbox"])
def test_a_table_that_somebody_locks_is_waited_for(stack: Stack, client: Client, table: str):
    """
    A table is locked for some seconds, as by a change of the schema: what needs it waits or is put
    off, the page and `/readyz` answer, and all goes on by itself.
    """
    client.start("chain")
    with locked(stack, f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"):
        join = starter(client, "quick")
        answer = client.send("GET", "/readyz")
        time.sleep(2.5)

    assert answer.status in (200, 503)
    join()
    client.start("quick")


def test_many_timers_of_one_instant(stack: Stack, client: Client):
    """
    Hundreds of runs wait for the same instant: none goes before it, and all end after it.
    """
    link, at = stack.link(), datetime.now(UTC) + timedelta(seconds=8)
    runs = [link.start("alarm", at=at.isoformat()) for _ in range(300)]
    hold(stack, runs)
    told = stack.rows(
        "SELECT status, count(*), min(ended_at) FROM runs WHERE workflow = 'alarm' GROUP BY status"
    )

    assert [("succeeded", 300)] == [each[:2] for each in told]
    assert told[0][2] >= at


def test_a_wait_of_a_month_costs_no_worker(stack: Stack, client: Client):
    """
    A run that waits for thirty days has no owner after a while, and can be cancelled at once.
    """
    run = client.start("month")
    parked = "SELECT wake_at - now() FROM runs WHERE id = %s AND owner IS NULL AND wake_at > now()"
    until(lambda: stack.rows(parked, run))

    assert stack.rows(parked, run)[0][0] > timedelta(days=29)
    assert 202 == client.send("POST", f"/api/v1/runs/{run}/cancel", {"reason": "test"}).status
    assert "cancelled" == hold(stack, [run]).runs[run].row.status
