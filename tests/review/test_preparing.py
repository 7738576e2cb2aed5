"""What is live is compiled before the first look at a pull request, and holds none up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import pytest

from engine.core.review.wish import head_ref
from engine.forge.forges import Forges
from engine.review import duty, keeping
from engine.review.duty import Desk
from engine.review.keeping import Keeper, Keepers
from engine.review.task import Ground
from engine.settings import Settings
from engine.store import reviews
from engine.store.reviews import ReviewRow
from tests.forge.github import APP_ID, FakeGitHub
from tests.git.desk import CATALOGUE
from tests.git.desk import Desk as Reconciling
from tests.git.desk import desk as reconciling
from tests.git.repo import Repo, spec

NAMES = ("shop", "bank")


@dataclass
class Here:
    """A repository with two sources, what makes them live, and what looks at pull requests."""

    repo: Repo
    hub: FakeGitHub
    live: Reconciling
    desk: Desk
    keepers: Keepers

    async def wanted(self, source: str) -> ReviewRow:
        """Open a pull request that changes a workflow of each source, to be looked at for one."""
        base = self.repo.head
        self.repo.git("checkout", "-q", "-b", f"change-{source}")
        head = self.repo.commit({f"{each}/a.yaml": spec(f"{each}-a", "new") for each in NAMES})
        number = self.hub.pull(head, base)
        self.repo.git("update-ref", f"refs/pull/{number}/head", head)
        self.repo.git("checkout", "-q", "main")
        async with self.live.session.turn() as connection:
            await reviews.want(connection, [source], head_ref(number, "github"), number)
            (row,) = await reviews.open_of(connection, source)
        return row

    async def looked(self, row: ReviewRow) -> list[str]:
        """Look at a review; return the workflows that it is of."""
        await self.desk.look(row)
        async with self.live.session.turn() as connection:
            now = await reviews.read(connection, row.source, row.ref)
        assert now is not None
        return list(now.workflows)


@asynccontextmanager
async def stood(folder: Path, database: str) -> AsyncIterator[Here]:
    """Give two sources of one repository, of which nothing is live yet."""
    repo = Repo(folder / "repo")
    repo.commit({f"{each}/a.yaml": spec(f"{each}-a") for each in NAMES})
    with FakeGitHub() as hub:
        forge = {
            "kind": "github", "repository": hub.repository, "api": hub.url,
            "app": {"id": str(APP_ID), "key": f"file:{hub.key_file(folder)}"},
        }  # fmt: skip
        sources = [
            {"name": each, "namespace": each, "url": repo.url, "root": each, "forge": forge}
            for each in NAMES
        ]
        told = Settings.model_validate(
            {"database_url": database, "state": folder / "state", "sources": sources}
        )
        async with (
            reconciling(database, told.state, *told.sources) as live,
            Forges(told.sources) as forges,
            Keepers() as keepers,
        ):
            desk = Desk(told, told.sources, forges, CATALOGUE, Event(), live.session, keepers)
            yield Here(repo, hub, live, desk, keepers)


async def until_kept(here: Here, count: int) -> list[int]:
    """Wait until so many sources have a process that rests; return the ids of all."""
    async with asyncio.timeout(60):
        while True:
            found = [await here.keepers.of(each) for each in NAMES]
            if sum(each.pid > 0 and not each.turn.locked() for each in found) >= count:
                return [each.pid for each in found]
            await asyncio.sleep(0.05)


def test_what_nobody_has_looked_at_is_compiled_as_well(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    A source that has no review yet has what is live compiled all the same, as soon as there is
    something live; its first look finds that done.
    """
    monkeypatch.setattr(duty, "_LIVE_POLL", 0.05)

    async def story() -> None:
        async with stood(tmp_path, database_url) as here:
            preparing = asyncio.create_task(here.desk.prepare())
            await asyncio.sleep(0.3)
            assert here.keepers.has_room
            assert await here.live.look()
            async with asyncio.timeout(60):
                await preparing
            pids = await until_kept(here, 2)

            assert ["shop-a"] == await here.looked(await here.wanted("shop"))
            assert pids == await until_kept(here, 2)

    asyncio.run(story())


def test_no_look_waits_for_another_source_to_be_compiled(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    While what is live of one source is compiled, pull requests of another one of the repository
    are looked at.
    """

    async def story() -> None:
        begun = asyncio.Event()

        async def never(_: Keeper, __: Ground, ___: float) -> None:
            begun.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(Keeper, "stand", never)
        async with stood(tmp_path, database_url) as here:
            assert await here.live.look()
            preparing = asyncio.create_task(here.desk.prepare())
            async with asyncio.timeout(60):
                await begun.wait()
                assert ["bank-a"] == await here.looked(await here.wanted("bank"))
            preparing.cancel()

    asyncio.run(story())


def test_a_look_waits_for_what_it_would_have_to_compile(tmp_path: Path, database_url: str):
    """
    A look at the very source that is compiled waits for that, and one process does both.
    """

    async def story() -> None:
        async with stood(tmp_path, database_url) as here:
            assert await here.live.look()
            row = await here.wanted("shop")
            preparing = asyncio.create_task(here.desk.prepare())
            async with asyncio.timeout(60):
                while (await here.keepers.of("shop")).pid == 0:
                    await asyncio.sleep(0.01)
            pid = (await here.keepers.of("shop")).pid

            assert ["shop-a"] == await here.looked(row)
            assert pid == (await here.keepers.of("shop")).pid
            preparing.cancel()

    asyncio.run(story())


def test_none_that_is_kept_ends_for_another(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    What is compiled ahead takes no place of a source that was looked at.
    """
    monkeypatch.setattr(keeping, "MOST", 1)

    async def story() -> None:
        async with stood(tmp_path, database_url) as here:
            assert await here.live.look()
            assert ["bank-a"] == await here.looked(await here.wanted("bank"))
            pid = (await here.keepers.of("bank")).pid
            await here.desk.prepare()

            assert pid == (await here.keepers.of("bank")).pid

    asyncio.run(story())
