"""What the edge answers when PostgreSQL refuses something, or has ended its connections."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg

from tests.test_relay_faults import TOO_MUCH
from tests.webhooks.served import Served
from tests.webhooks.test_api import START

TAKES_A_NUMBER = """\
apiVersion: sark/v1
kind: Workflow
name: hello
inputs: {n: {type: integer}}
steps: {say: {uses: echo.say@1, with: {message: 1}}}
"""


def test_what_postgresql_cannot_hold_is_refused_for_good(server: Served):
    """
    A start that is too much for PostgreSQL is no reason to send it again: it is refused.
    """
    server.activate({"hello.yaml": TAKES_A_NUMBER})
    server.rows(TOO_MUCH)
    refused = server.api("POST", START, {"inputs": {"n": 54}})
    taken = server.api("POST", START, {"inputs": {"n": 7}})

    assert [422, "sark.invalid", 202] == [refused.status, refused.json["code"], taken.status]
    assert "more than a page can hold" in refused.json["detail"]
    assert "retry-after" not in refused.headers


def test_lost_connections_are_noticed_together(server: Served):
    """
    PostgreSQL has ended all connections of a busy server: the first answer may say so, and soon
    after no other does.
    """
    with ThreadPoolExecutor(16) as crowd:
        list(crowd.map(lambda _: server.api("GET", "/runs"), range(64)))
    server.rows(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'sark-server' AND datname = current_database()"
    )
    first = server.api("GET", "/runs")
    limit = time.monotonic() + 60
    while server.rows(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'sark-server' AND datname = current_database()"
    ) == [(0,)]:
        assert time.monotonic() < limit
        time.sleep(0.05)
    time.sleep(1)
    later = [server.api("GET", "/runs").status for _ in range(12)]

    assert first.status in (200, 503)
    assert [200] * 12 == later


def test_a_database_that_takes_no_writes_for_now_is_away_for_now(server: Served):
    """
    While PostgreSQL only lets itself be read, as before a failover or with a full disk, a start and
    a look that is asked for are put off, and no mistake of ours; then both are taken.
    """
    server.activate({"hello.yaml": TAKES_A_NUMBER})
    name = server.rows("SELECT current_database()")[0][0]
    answers = []
    for state in ("on", "off"):
        with psycopg.connect(
            str(server.settings.database_url), autocommit=True,
            options="-c default_transaction_read_only=off",
        ) as link:  # fmt: skip
            link.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {state}')
        server.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name LIKE 'sark-%%' AND datname = current_database()"
        )
        until(lambda: 200 == server.api("GET", "/runs").status)
        answers.append(server.api("POST", START, {"inputs": {"n": 7}}).status)
        answers.append(server.api("POST", "/sources/shop/sync").status)

    assert [503, 503, 202, 202] == answers


def until(holds: Callable[[], bool]) -> None:
    """Return once something holds."""
    limit = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.05)
