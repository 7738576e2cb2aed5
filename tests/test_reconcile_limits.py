"""What a repository may cost: over a limit nothing is live, and nothing is left lying about."""

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from engine.git.limits import Limits
from tests.git.desk import GOOD, HERE, desk, source
from tests.git.repo import Repo, spec
from tests.git.serving import forge


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "served" / "repo")


def noise(seed: int, size: int) -> str:
    return random.Random(seed).randbytes(size).hex()


@pytest.mark.parametrize(
    ("limits", "condition", "told"),
    [
        (replace(HERE, files=3), ("Compiled", "TooManyFiles"), "more than 3 files"),
        (replace(HERE, bytes=2_000), ("Compiled", "SourceTooLarge"), "over 1 KiB"),
        (replace(HERE, mirror=60_000), ("Compiled", "RepositoryTooLarge"), "may take 58"),
    ],
)
def test_over_a_limit_the_last_good_commit_stays(
    repo, tmp_path, database_url, monkeypatch, limits, condition, told
):
    """
    S86: too many files, too many bytes of specs, too large a mirror: the condition says which
    limit it is, what was live stays, the disk is given back; a higher limit judges anew.
    """

    async def story():
        monkeypatch.setattr("tests.git.desk.HERE", limits)
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            assert await here.look()
            more = {f"{n}.yaml": spec(n) + f"# {noise(ord(n), 300)}\n" for n in "bcd"}
            large = repo.commit(more | {"picture.bin": noise(1, 90_000)})
            for _ in range(2):
                assert await here.look()

                kind, reason = condition
                assert (False, reason) == (await here.conditions())[kind]
                assert told in await here.message(kind)
                assert (live, "Rejected") == (
                    (await here.row()).active, (await here.commit(large)).state,
                )  # fmt: skip
                await here.restart()
            packs = sum(each.stat().st_size for each in (tmp_path / "mirrors").rglob("*.pack"))
            assert packs <= limits.mirror
            monkeypatch.undo()
            await here.restart()
            assert await here.look()
            assert (large, GOOD) == ((await here.row()).active, await here.conditions())

    asyncio.run(story())


def test_bytes_are_counted_of_all_specs_and_not_of_the_new_ones(
    repo, tmp_path, database_url, monkeypatch
):
    """
    S86: many small commits come no further than one large one.
    """

    async def story():
        monkeypatch.setattr("tests.git.desk.HERE", Limits(bytes=1_000))
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            states = []
            for name in "abcd":
                head = repo.commit({f"{name}.yaml": spec(name) + f"# {noise(1, 100)}\n"})
                await here.look()
                states.append((await here.commit(head)).state)

            assert ["Active", "Active", "Active", "Rejected"] == states

    asyncio.run(story())


def test_a_fetch_that_takes_too_long_is_ended(repo, tmp_path, database_url, monkeypatch):
    """
    S86, F58: a server that never ends its answer is left in time; what is live stays, and the
    next look asks again.
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        with forge(tmp_path / "tls", tmp_path / "served") as server:
            named = source(f"{server.url}/repo/.git", ca=server.ca)
            async with desk(database_url, tmp_path / "state", named) as here:
                assert await here.look()
                server.answers.clear()
                repo.commit({"a.yaml": spec("a", "new")})
                monkeypatch.setattr("tests.git.desk.HERE", replace(HERE, fetch_seconds=2.0))
                await here.restart()
                assert not await here.look()

                assert (False, "GitUnavailable") == (await here.conditions())["SourceReady"]
                assert "took too long" in await here.message()
                assert live == (await here.row()).active
                assert [] == list((tmp_path / "state").rglob("tmp_*"))
                server.answers.set()
                monkeypatch.undo()
                await here.restart()
                assert await here.look()
                assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_host_that_is_not_listed_is_not_asked(repo, tmp_path, database_url, monkeypatch):
    """
    S79: the condition names the host, nothing has gone to it, and what is live stays.
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        with forge(tmp_path / "tls", tmp_path / "served") as server:
            named = source(f"{server.url}/repo/.git", ca=server.ca)
            async with desk(database_url, tmp_path / "state", named) as here:
                assert await here.look()
                server.seen.clear()
                for limits in (Limits(), Limits(hosts=frozenset({"github.com"}))):
                    monkeypatch.setattr("tests.git.desk.HERE", limits)
                    await here.restart()
                    assert not await here.look()

                    assert (False, "HostRefused") == (await here.conditions())["SourceReady"]
                    assert (True, "HostRefused") == (await here.conditions())["Stalled"]
                    assert "127.0.0.1" in await here.message()
                    assert (live, []) == ((await here.row()).active, server.seen)

    asyncio.run(story())


def test_folders_in_folders_without_end_are_refused(repo, tmp_path, database_url):
    """
    S86: five thousand folders, one in the other, are no name for a file.
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            stream = (
                "commit refs/heads/main\ncommitter A <a@b> 1 +0000\ndata 4\ndeep\n"
                f"from {live}\nM 644 inline {'d/' * 5_000}x.yaml\ndata 1\nx\n"
            )
            repo.git("fast-import", "--quiet", data=stream.encode())
            await here.look()

            assert (False, "TreeName") == (await here.conditions())["Compiled"]
            assert len(await here.message()) < 300
            assert live == (await here.row()).active

    asyncio.run(story())
