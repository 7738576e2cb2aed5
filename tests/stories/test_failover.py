"""Two PostgreSQL servers, of which one follows the other until it takes its place."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.local.postgres import Postgres
from engine.store import epochs
from engine.store.epochs import Epoch
from engine.store.pool import connect
from tests.stories.client import Client, Load
from tests.stories.invariants import hold
from tests.stories.parts import Parts, until
from tests.stories.test_by_the_clock import OFTEN
from tests.stories.test_recovery import Server

_HELLO = """\
apiVersion: sark/v1
kind: Workflow
name: hello
steps:
  - {id: a, uses: echo.say@1, with: {message: VERSION}}
  - {id: b, uses: echo.say@1, with: {message: b, delay: 500ms}}
"""
FILES = {"hello.yaml": _HELLO, "often.yaml": OFTEN.lstrip()}
_INSTANTS = """
    SELECT trigger ->> 'scheduled_at' FROM runs WHERE workflow = 'often'
"""
_ACTIVE = "SELECT active FROM sources"
_CAUGHT_UP = "SELECT bool_and(replay_lsn >= pg_current_wal_lsn()) FROM pg_stat_replication"
_IN_STEP = "SELECT bool_and(sync_state = 'sync') FROM pg_stat_replication"
_ALONE = "SELECT count(*) = 0 FROM pg_stat_replication"


class Pair(Postgres):
    """A primary and a standby; one URL names both, and leads to whichever takes writes."""

    def start(self) -> str:
        self.folder.mkdir()
        self.folder.chmod(0o755)
        self.primary = Server(_made(self.folder / "primary"))
        base = f'pg_basebackup --dbname {self.primary.url} --pgdata "$PGDATA" --write-recovery-conf'
        self.standby = Server(_made(self.folder / "standby"), f"{base} --checkpoint fast")
        places = ",".join(each.url.split("@")[1].split("/")[0] for each in self.servers)
        return f"postgresql://sark@{places}/postgres?target_session_attrs=read-write"

    @property
    def servers(self) -> tuple[Server, Server]:
        return self.primary, self.standby

    def stop(self) -> None:
        for each in self.servers:
            if each.data.exists():
                each.sh('pg_ctl stop --mode immediate --pgdata "$PGDATA" >/dev/null')

    def asked(self, question: str) -> bool:
        """Return what the primary answers."""
        said = self.primary.sh(f'psql "$SARK_DATABASE_URL" -Atc "{question}"')
        return said.strip() == "t"

    def set(self, server: Server, name: str, value: str) -> None:
        """Change a setting of a server that runs."""
        change = f"ALTER SYSTEM SET {name} = '{value}'"
        server.sh(f'psql "$SARK_DATABASE_URL" -qc "{change}" -c "SELECT pg_reload_conf()"')

    def fail_over(self) -> None:
        """Lose the primary with its disk, and promote the standby."""
        self.primary.lose()
        self.standby.sh('pg_ctl promote --wait --pgdata "$PGDATA"')


def _made(folder: Path) -> Path:
    folder.mkdir()
    folder.chmod(0o777)
    return folder


@contextmanager
def paired() -> Iterator[tuple[Parts, Pair]]:
    parts = Parts(FILES, ("server", "controller", "worker", "worker-1"))
    parts.postgres = pair = Pair(parts.folder / "postgres")
    with parts:
        until(lambda: parts.rows("SELECT FROM epochs"))
        yield parts, pair


def latest(parts: Parts) -> Epoch:
    """Return the epoch that the database is in."""

    async def read() -> Epoch | None:
        async with await connect(parts.database_url, "test") as connection:
            return await epochs.latest(connection)

    found = asyncio.run(read())
    assert found is not None
    return found


def assert_new_epoch(parts: Parts) -> None:
    """Assert that the change was noticed, said, and that nobody of before writes any more."""
    until(lambda: latest(parts).number == 2)
    said = "".join(parts.log(name) for name in ("worker", "worker-1"))
    ids = [row[0] for row in parts.rows("SELECT id FROM workers")]

    assert "the database has become another one: epoch 2 begins" in said
    assert all(each > 1_000_000 for each in ids)


def assert_instants_once(parts: Parts, count: int) -> None:
    """Assert that the clock goes on, and that no instant has more than one run."""
    until(lambda: len(parts.rows(_INSTANTS)) > count + 2)
    instants = [row[0] for row in parts.rows(_INSTANTS)]

    assert sorted(set(instants)) == sorted(instants)


def test_a_standby_that_lacks_the_last_commits():
    """
    A standby has stopped following, a commit is activated, runs start and end, and then the
    primary is lost with its disk. The standby is promoted and all processes go on with it by
    themselves: what it lacks is gone and was told to be, the commit is activated anew from Git, a
    start that is sent again under its key is taken, each instant of the clock has one run, and
    every run that is there ends.
    """
    with paired() as (parts, pair):
        client = Client(parts)
        kept = [client.start("hello", f"kept-{number}") for number in range(5)]
        until(lambda: pair.asked(_CAUGHT_UP))
        pair.set(pair.standby, "primary_conninfo", "")
        until(lambda: pair.asked(_ALONE))
        commit = parts.commit({"hello.yaml": _HELLO.replace("VERSION", "later")})
        parts.wait_active(commit)
        lost = [client.start("hello", f"lost-{number}") for number in range(5)]
        parts.wait_ended(lost[0])
        pair.fail_over()
        assert_new_epoch(parts)
        until(lambda: parts.rows(_ACTIVE) == [(commit,)])
        again = [client.start("hello", f"lost-{number}") for number in range(5)]
        assert_instants_once(parts, len(parts.rows(_INSTANTS)))
        parts.end("controller")
        audit = hold(parts, [*kept, *again], patience=120)

        assert set(lost) - set(again) == set(lost) - audit.runs.keys()
        assert (
            "when it was restored, recovered or promoted"
            in parts.sark("doctor", check=False).stdout
        )


def test_a_standby_that_every_commit_waits_for():
    """
    Where commits wait for the standby, the primary is lost under load and nothing with it: every
    start that was acknowledged is there, and ends.
    """
    with paired() as (parts, pair):
        pair.set(pair.primary, "synchronous_standby_names", "*")
        until(lambda: pair.asked(_IN_STEP))
        client = Client(parts)
        with Load(client, ["hello"], patience=120):
            until(lambda: len(client.acknowledged) > 20)
            pair.fail_over()
            assert_new_epoch(parts)
            count = len(client.acknowledged)
            until(lambda: len(client.acknowledged) > count + 20)
        assert_instants_once(parts, len(parts.rows(_INSTANTS)))
        parts.end("controller")
        hold(parts, client.acknowledged, patience=120)

        assert [] == client.strange
