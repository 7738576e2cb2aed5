"""Is it alive, is it ready, and when does it not even start."""

import subprocess
import sys
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from engine.errors import Misconfigured
from engine.local.port import free_port
from engine.settings import Settings
from tests.webhooks.served import POLICY, Served, behind, payload, settings
from webhooks import routes
from webhooks.doors import Drain
from webhooks.serve import leave_after, run_server

DOWN = "redis://127.0.0.1:1/0"


def test_ready(shared: Served):
    """
    With everything there the server is alive and ready, and says which policy is in force.
    """
    with behind(str(shared.settings.database_url)):
        answer = shared.send("GET", "/readyz")

    assert {"status": "ok"} == shared.send("GET", "/livez").json
    assert [200, "ready"] == [answer.status, answer.json["status"]]
    assert {"ok"} == {each["status"] for each in answer.json["checks"].values()}
    assert POLICY.digest[:12] == answer.json["checks"]["policies"]["digest"]


def test_an_answer_has_the_date_of_its_own_second(shared: Served):
    """
    However long nobody has asked, the date of an answer is when it was given.
    """
    for _ in range(2):
        time.sleep(1.2)
        before = int(time.time())
        told = parsedate_to_datetime(shared.send("GET", "/livez").headers["date"]).timestamp()

        assert before <= told <= time.time()


def test_nobody_behind_it_is_told(shared: Served):
    """
    A server behind which no worker lives, or nobody leads, takes what comes, and says so.
    """
    answer = shared.send("GET", "/readyz")
    checks = answer.json["checks"]

    assert [200, "degraded"] == [answer.status, answer.json["status"]]
    assert "sark worker" in checks["workers"]["reason"]
    assert "reconcile, relay, scheduler: start `sark controller`" in checks["controllers"]["reason"]


def test_redis_away_is_no_reason_to_refuse(tmp_path: Path, database_url: str):
    """
    Without Redis the server is ready, degraded, and takes deliveries.
    """
    from tests.webhooks.test_inbound import BOTH, BRANCH

    with Served(settings(tmp_path, database_url, DOWN)) as server:
        server.activate(BOTH)
        answer = server.send("GET", "/readyz")
        pushed = server.push(BRANCH, "d-1")

    assert [200, "degraded"] == [answer.status, answer.json["status"]]
    assert "Redis does not answer" in answer.json["checks"]["broker"]["reason"]
    assert [202, 1] == [pushed.status, len(pushed.json["runs"])]


def test_it_is_ready_as_soon_as_postgresql_is(server: Served):
    """
    After all connections were ended at once, as by a restart or a failover, the first look finds a
    good one, and nobody turns away from the server.
    """
    assert 200 == server.send("GET", "/readyz").status
    ended = server.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'sark-%%' AND datname = current_database()"
    )

    assert ended
    assert 200 == server.send("GET", "/readyz").status


def test_no_broker_at_all(tmp_path: Path, database_url: str):
    """
    A server that was told of no broker says so, and cancels and syncs without one.
    """
    from tests.webhooks.test_api import SPECS, START

    with Served(settings(tmp_path, database_url, None)) as server:
        server.activate(SPECS)
        identity = server.api("POST", START, {"inputs": {}}).json["id"]
        statuses = [
            server.api("POST", f"/runs/{identity}/cancel").status,
            server.api("POST", "/sources/shop/sync").status,
        ]
        told = server.send("GET", "/readyz").json

    assert [202, 202] == statuses
    assert "no broker" in told["checks"]["broker"]["reason"]


def test_a_database_that_lacks_a_migration(server: Served):
    """
    A database that is older, or newer, than the program is a reason not to be ready.
    """
    server.rows("DELETE FROM migrations WHERE name = '0004_edge_keys.sql'")
    older = server.send("GET", "/readyz")
    server.rows("INSERT INTO migrations VALUES ('9999_later.sql', 'x')")
    newer = server.send("GET", "/readyz")
    server.rows("DROP TABLE migrations")
    empty = server.send("GET", "/readyz")

    assert [503, 503, 503] == [older.status, newer.status, empty.status]
    assert "0004_edge_keys.sql" in older.json["checks"]["database"]["reason"]
    assert "newer" in newer.json["checks"]["database"]["reason"]
    assert "sark migrate" in empty.json["checks"]["database"]["reason"]


def test_no_database(tmp_path: Path):
    """
    Without a database the server stands, says that it is not ready, and answers 503 with a time
    to come back, never 500.
    """
    told = settings(tmp_path, "postgresql://sark:hunter2@127.0.0.1:1/sark", None)
    with Served(told) as server:
        ready = server.send("GET", "/readyz")
        pushed = server.push(payload("push-branch-created"), "d-1")
        started = server.api("POST", "/workflows/shop/hello/runs", {"inputs": {}})
        alive = server.send("GET", "/livez")

    assert [200, 503, 503, 503] == [alive.status, ready.status, pushed.status, started.status]
    for answer in (ready, pushed, started):
        assert int(answer.headers["retry-after"]) >= 1
    assert {"sark.unavailable"} == {each.json["code"] for each in (pushed, started)}
    assert b"hunter2" not in ready.body + pushed.body + started.body


def test_metrics(shared: Served):
    """
    Metrics are told to the token alone, and count by few words.
    """
    shared.push(payload("ping"), "d-1", X_GitHub_Event="ping")
    shared.send("GET", "/some/address/that/is/not")
    bearer = {"Authorization": f"Bearer {shared.token}"}
    answer = shared.send("GET", "/metrics", None, bearer)

    assert 200 == answer.status
    assert b'sark_webhook_deliveries_total{forge="github",outcome="accepted"}' in answer.body
    assert b'sark_http_requests_total{method="GET",status="4xx"}' in answer.body
    assert b"address" not in answer.body


@pytest.mark.parametrize("secret", ["", "short", "   "])
def test_a_source_with_a_weak_secret_keeps_the_server_from_starting(tmp_path: Path, secret: str):
    """
    A webhook secret that is empty or short is refused before anything listens, with a way out.
    """
    told = settings(tmp_path, "postgresql://x/y", None)
    (tmp_path / "old").write_text(secret)
    with pytest.raises(Misconfigured, match=r"webhook_secrets\.1.*(empty|at least 16)") as caught:
        run_server(told)

    assert not secret.strip() or f"'{secret}'" not in str(caught.value)


def test_a_secret_that_is_nowhere(tmp_path: Path):
    """
    A secret whose file or variable is not there is named.
    """
    told = settings(tmp_path, "postgresql://x/y", None)
    (tmp_path / "now").unlink()

    with pytest.raises(Misconfigured, match="webhook_secrets"):
        routes.check(told)


def test_a_port_that_is_taken(shared: Served, tmp_path: Path):
    """
    A port that somebody has is a clear sentence.
    """
    told = settings(tmp_path, "postgresql://x/y", None, server={"port": shared.port})

    with pytest.raises(Misconfigured, match=f"port {shared.port} on 127.0.0.1 is taken"):
        run_server(told)


def test_a_server_without_a_database_url(tmp_path: Path):
    """
    Without the address of a database there is nothing to serve from.
    """
    with pytest.raises(Misconfigured, match="SARK_DATABASE_URL"):
        run_server(Settings(state=tmp_path, server={"port": 65_533}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "now", "stays"),
    [([], 100, 0), ([99], 100, 0), ([97, 99], 100, 6), ([10, 20], 100, 0), ([50, 99], 100, 10)],
)
def test_it_stays_for_who_balances_over_it(asked: list[float], now: float, stays: float):
    """
    A server that a balancer looks at stays for three of its looks, ten seconds at most.
    """
    assert stays == leave_after(asked, now)
    assert not Drain().draining


def test_it_leaves_in_order(tmp_path: Path, database_url: str):
    """
    On SIGTERM `/readyz` says so first, requests go on, and only then does the process end.
    """
    (tmp_path / "sark.toml").write_text(
        f'state = "s"\ndatabase_url = "{database_url}"\n[server]\nport = {free_port()}\n'
    )
    port = int((tmp_path / "sark.toml").read_text().split("port = ")[1])
    server = Served(Settings(state=tmp_path / "s"), port=port)
    words = [sys.executable, "-m", "engine.cli", "server", "--config", str(tmp_path / "sark.toml")]
    process = subprocess.Popen(words)
    try:
        wait_for(server)
        time.sleep(0.3)
        assert 200 == server.send("GET", "/readyz").status
        process.terminate()
        time.sleep(0.1)
        limit = time.monotonic() + 60
        while (leaving := server.send("GET", "/readyz")).status == 200:  # not heard yet
            assert time.monotonic() < limit
            time.sleep(0.3)  # it stays for three of these
        other = server.send("GET", "/livez")
        code = process.wait(60)
    finally:
        process.kill()

    assert [503, 200] == [leaving.status, other.status]
    assert "about to stop" in leaving.json["checks"]["server"]["reason"]
    assert "close" == other.headers["connection"]
    assert code in (0, -15)


def wait_for(server: Served) -> None:
    """Wait until a server is ready."""
    limit = time.monotonic() + 90
    while True:
        try:
            if server.send("GET", "/readyz").status == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < limit
        time.sleep(0.02)
