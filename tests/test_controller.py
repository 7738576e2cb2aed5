"""The controller as a process among others: who leads, what wakes it, what it survives."""

import asyncio
import os
import selectors
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from engine.broker import Bell, HintBroker
from engine.controller import Controller, Duty, run_controller
from engine.errors import Misconfigured
from engine.settings import Settings, Source
from engine.store import sources
from engine.store.leases import Session
from engine.store.pool import connect
from engine.store.sources import SourceRow
from tests.git.desk import source
from tests.git.repo import Repo, broken, spec
from tests.proxy import Proxy

PATIENCE = 60.0


class Wakes(selectors.DefaultSelector):
    """What a loop waits with, and how often it has."""

    count = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.count += 1
        return super().select(timeout)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    made.commit({"a.yaml": spec("a")})
    return made


def settings(url: str, state: Path, *named: Source, **more: object) -> Settings:
    return Settings.model_validate(
        {"database_url": url, "state": state, "sources": [s.model_dump() for s in named], **more}
    )


@asynccontextmanager
async def serving(
    *told: Settings, duties: tuple[Duty, ...] = ()
) -> AsyncIterator[list[Controller]]:
    """Run controllers in this process; all of them end in order."""
    controllers = [Controller(each, duties) for each in told]
    tasks = [asyncio.create_task(each.serve()) for each in controllers]
    try:
        yield controllers
    finally:
        for each in controllers:
            each.stop()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)


async def until(url: str, holds: Callable[[SourceRow], bool], name: str = "shop") -> float:
    """Wait until something holds of a source; return how many seconds that took."""
    began = time.monotonic()
    async with await connect(url, "test") as connection:
        while (row := await sources.read(connection, name)) is None or not holds(row):
            assert time.monotonic() - began < PATIENCE, row
            await asyncio.sleep(0.01)
    return time.monotonic() - began


def live(head: str) -> Callable[[SourceRow], bool]:
    return lambda row: row.active == head


def test_a_local_commit_waits_for_no_interval(repo, tmp_path, database_url):
    """
    Nobody rings and the interval is a minute, and yet a commit is live long before.
    """

    async def story():
        async with serving(settings(database_url, tmp_path, source(repo.url))):
            await until(database_url, live(repo.head))
            told = []
            for i in range(5):
                head = repo.commit({"a.yaml": spec("a", str(i))})
                told.append(await until(database_url, live(head)))

            assert sorted(told)[2] < 20, told

    asyncio.run(story())


def test_an_idle_watch_costs_next_to_nothing(repo, tmp_path, database_url):
    """
    Watching a local repository takes a small part of a core: the process wakes up some dozens of
    times a second, however busy the machine is.
    """
    wakes = Wakes()

    async def story():
        async with serving(settings(database_url, tmp_path, source(repo.url))):
            await until(database_url, live(repo.head))
            before = wakes.count
            await asyncio.sleep(2)

            # About 130; whoever waits for nothing wakes up ten thousand times.
            assert wakes.count - before < 500

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(wakes)) as runner:
        runner.run(story())


def test_a_ring_wakes_it(repo, tmp_path, database_url, redis_url):
    """
    A message through the broker's queue makes it look at once; fifty cost a look or two.
    """

    async def story():
        slow = {"controller": {"watch": timedelta(hours=1)}, "redis_url": redis_url}
        bell = Bell(HintBroker(redis_url))
        async with serving(settings(database_url, tmp_path, source(repo.url), **slow)):
            await until(database_url, live(repo.head))
            head = repo.commit({"a.yaml": spec("a", "rung")})
            async with await connect(database_url, "test") as connection:
                for _ in range(50):
                    await sources.request(connection, "shop", "token:ann")
                    bell.ring_controller("shop")
            bell.ring_controller("nobody")

            assert await until(database_url, live(head)) < 20
            await until(database_url, lambda row: row.handled == row.wanted >= 50)

    asyncio.run(story())


def test_a_request_without_a_ring_is_found(repo, tmp_path, database_url):
    """
    With Redis lost a request to look is served all the same, about a second later.
    """

    async def story():
        slow = {"controller": {"watch": timedelta(hours=1)}}
        async with serving(settings(database_url, tmp_path, source(repo.url), **slow)):
            await until(database_url, live(repo.head))
            head = repo.commit({"a.yaml": spec("a", "asked")})
            async with await connect(database_url, "test") as connection:
                await sources.request(connection, "shop", "token:ann")

            assert await until(database_url, live(head)) < 20

    asyncio.run(story())


def test_a_second_controller_takes_over(repo, tmp_path, database_url):
    """
    While one leads the other waits; when the first ends, the second goes on where it was.
    """

    async def story():
        leading = settings(database_url, tmp_path / "leading", source(repo.url))
        waiting = settings(database_url, tmp_path / "waiting", source(repo.url))
        async with serving(leading) as (leader,):
            await until(database_url, live(repo.head))
            async with serving(waiting):
                await asyncio.sleep(0.5)
                assert not (tmp_path / "waiting").exists()
                leader.stop()
                head = repo.commit({"a.yaml": spec("a", "taken over")})
                await until(database_url, live(head))

                assert (tmp_path / "waiting/mirrors").exists()

    asyncio.run(story())


def test_losing_postgresql_is_no_end(repo, tmp_path, database_url):
    """
    Every connection is cut: the controller leads again, and the next commit is live.
    """

    async def story():
        async with serving(settings(database_url, tmp_path, source(repo.url))):
            await until(database_url, live(repo.head))
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            head = repo.commit({"a.yaml": spec("a", "again")})
            await until(database_url, live(head))

    asyncio.run(story())


def test_a_pass_whose_replies_are_lost_ends_all_the_same(repo, tmp_path, database_url):
    """
    Where the reply to a commit is lost, again and again, the next leader finds what was written:
    the commit becomes live, once.
    """

    async def story():
        async with (
            Proxy(database_url) as proxy,
            serving(settings(proxy.url, tmp_path, source(repo.url))),
        ):
            await until(database_url, live(repo.head))
            for cuts in range(3):
                proxy.cut_reply_to(b"COMMIT")
                head = repo.commit({"a.yaml": spec("a", f"cut {cuts}")})
                while proxy.cuts == cuts:
                    await asyncio.sleep(0.01)
            await until(database_url, live(head))

        with psycopg.connect(database_url) as connection:
            told = connection.execute("SELECT sha, state FROM commits ORDER BY seen_at").fetchall()
        assert [(head, "Active")] == [each for each in told if each[1] == "Active"]

    asyncio.run(story())


def test_dead_remotes_delay_no_live_one(repo, tmp_path, database_url):
    """
    A hundred repositories that are not there, and a commit is live as it is without them.
    """

    async def story():
        dead = [source(str(tmp_path / f"gone{i}"), f"dead{i}") for i in range(100)]
        async with serving(settings(database_url, tmp_path, source(repo.url), *dead)):
            await until(database_url, live(repo.head))
            head = repo.commit({"a.yaml": spec("a", "quick")})

            assert await until(database_url, live(head)) < 20
            await until(database_url, lambda row: bool(row.conditions), "dead99")

    asyncio.run(story())


def test_remotes_that_do_not_answer_delay_no_live_one(repo, tmp_path, database_url, monkeypatch):
    """
    While many remotes take the question and say nothing, another's commits are live.
    """
    ssh = tmp_path / "bin/ssh"
    ssh.parent.mkdir()
    ssh.write_text("#!/bin/sh\nexec sleep 3600\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{ssh.parent}:{os.environ['PATH']}")
    monkeypatch.setattr("engine.git.mirror._RESOLVE_SECONDS", 3600.0)

    async def story():
        mute = [source(f"git@mute{i}:repo", f"mute{i}") for i in range(20)]
        async with serving(settings(database_url, tmp_path, *mute, source(repo.url))):
            await until(database_url, live(repo.head))
            await until(database_url, live(repo.commit({"a.yaml": spec("a", "heard")})))

    asyncio.run(story())


def test_a_source_that_rests_after_a_fault_is_looked_at_when_asked(
    tmp_path, database_url, monkeypatch
):
    """
    A repository that is not there is asked for after longer and longer pauses; whoever asks for a
    look waits for none of them.
    """
    monkeypatch.setattr("engine.reconcile.duty._FIRST_PAUSE", 1e9)

    async def story():
        slow = {"controller": {"watch": timedelta(hours=1)}}
        there = source(str(tmp_path / "later"))
        async with serving(settings(database_url, tmp_path / "state", there, **slow)):
            await until(database_url, lambda row: row.judged == "" and bool(row.conditions))
            repo = Repo(tmp_path / "later")
            repo.commit({"a.yaml": spec("a")})
            async with await connect(database_url, "test") as connection:
                await sources.request(connection, "shop", "token:ann")

            await until(database_url, live(repo.head))

    asyncio.run(story())


def test_a_broken_commit_ends_no_controller(repo, tmp_path, database_url):
    """
    A spec that is wrong is told in the conditions, and its fix is live.
    """

    async def story():
        async with serving(settings(database_url, tmp_path, source(repo.url))):
            await until(database_url, live(repo.head))
            bad = repo.commit({"a.yaml": broken("a")})
            await until(database_url, lambda row: row.attempted == bad)
            fixed = repo.commit({"a.yaml": spec("a", "fixed")})
            await until(database_url, live(fixed))

    asyncio.run(story())


def test_a_source_out_of_the_configuration_says_so(repo, tmp_path, database_url):
    """
    Its workflows stay, and its conditions tell what will become of them.
    """

    async def story():
        async with serving(settings(database_url, tmp_path, source(repo.url))):
            await until(database_url, live(repo.head))
        async with serving(settings(database_url, tmp_path)):
            await until(database_url, lambda row: not row.configured)
            async with await connect(database_url, "test") as connection:
                row = await sources.read(connection, "shop")
        assert row is not None
        told = {each["type"]: each for each in row.conditions}

        assert (False, "Unconfigured") == (told["Ready"]["status"], told["Ready"]["reason"])
        assert "1 workflows stay live" in told["Ready"]["message"]
        assert True is told["Active"]["status"]
        async with serving(settings(database_url, tmp_path, source(repo.url))):
            await until(database_url, lambda row: _ready(row) and row.configured)

    asyncio.run(story())


def test_another_duty_has_a_leader_of_its_own(tmp_path, database_url):
    """
    A duty that is handed in is led by one process at a time, beside the reconciler.
    """
    leading: list[Session] = []
    led = asyncio.Event()

    async def lead(session: Session) -> None:
        leading.append(session)
        led.set()
        await asyncio.Event().wait()

    async def story():
        told = settings(database_url, tmp_path)
        async with serving(told, told, duties=(Duty("sweep", lead),)):
            async with asyncio.timeout(60):
                while not leading:
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1)

            assert 1 == len(leading)

    asyncio.run(story())


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ext::sh -c touch% marker"},
        {"ref": "refs/heads/a..b"},
    ],
)
def test_a_source_that_may_not_be_named_keeps_it_from_starting(tmp_path, database_url, wrong):
    """
    A hostile URL or ref is told before anything is started or written.
    """
    with pytest.raises(Misconfigured):
        run_controller(settings(database_url, tmp_path, source(**{"url": "/srv/x", **wrong})))

    assert [] == list(tmp_path.iterdir())


def _ready(row: SourceRow) -> bool:
    return any(each["type"] == "Ready" and each["status"] for each in row.conditions)
