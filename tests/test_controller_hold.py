"""A hold that is over is noticed by itself, by a controller that nobody rings."""

import asyncio
from datetime import timedelta

from engine.core.override import Asked, Kind
from engine.store import overrides, sources
from engine.store.pool import connect
from tests.git.desk import source
from tests.git.repo import Repo, spec
from tests.test_controller import live, serving, settings, until


def test_a_suspension_ends_on_its_own(tmp_path, database_url):
    """
    The interval is an hour and nobody rings, and yet the held commit is live once it may be.
    """

    async def story():
        repo = Repo(tmp_path / "repo")
        repo.commit({"a.yaml": spec("a")})
        named = source(repo.url, interval=timedelta(hours=1))
        async with serving(settings(database_url, tmp_path, named)):
            await until(database_url, live(repo.head))
            asked = Asked(Kind.SUSPEND, "x", timedelta(seconds=5))
            async with await connect(database_url, "test") as server, server.transaction():
                await sources.request(server, "shop", "token:ann")
                await overrides.put(server, "shop", asked, "token:ann")
            head = repo.commit({"a.yaml": spec("a", "new")})

            await until(database_url, live(head))

    asyncio.run(story())
