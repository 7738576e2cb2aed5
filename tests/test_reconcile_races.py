"""The reconciler among others: newer commits, deaths between steps, requests, harm."""

import asyncio
from pathlib import Path

import pytest

from engine.source import compile_files
from engine.store import sources
from tests.git.desk import desk, source
from tests.git.repo import Repo, broken, spec


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def test_the_newest_commit_wins(repo, tmp_path, database_url, monkeypatch):
    """
    A commit that comes while another is compiled takes its place; what it went past is told (R2).
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        made: list[str] = []

        def compile_and_push(*words):
            if len(made) == 1:
                made.append(repo.commit({"a.yaml": spec("a", "newest")}))
            return compile_files(*words)

        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            between = repo.commit({"a.yaml": spec("a", "between")})
            made.append(repo.commit({"a.yaml": spec("a", "older")}))
            monkeypatch.setattr("engine.reconcile.checkout.compile_files", compile_and_push)
            before = await here.activations()
            await here.look()

            older, newest = made
            assert newest == (await here.row()).active
            assert 1 == await here.activations() - before
            assert "Superseded" == (await here.commit(between)).state
            assert ["Seen", "Fetched", "Compiled", "Authorised", "Superseded"] == await here.states(
                older
            )
            assert f"by {newest[:12]}" == (await here.commit(older)).reason
            assert "Replaced" == (await here.commit(live)).state

    asyncio.run(story())


def test_a_busy_branch_gets_live(repo, tmp_path, database_url, monkeypatch):
    """
    Commits that come faster than they compile do not keep everything from being live.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})

        def compile_and_push(*words):
            repo.commit({"a.yaml": spec("a", f"at {repo.head}")})
            return compile_files(*words)

        monkeypatch.setattr("engine.reconcile.checkout.compile_files", compile_and_push)
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()

            assert {"a"} == (await here.workflows()).keys()

    asyncio.run(story())


def test_an_activation_happens_once(repo, tmp_path, database_url):
    """
    A second leader, or the same after a crash, that activates the same commit changes nothing.
    """

    async def story():
        head = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            live, number = await here.workflows(), await here.activations()
            await here.look()
            await here.restart()
            await here.look()

            assert number == await here.activations()
            assert live == await here.workflows()
            assert 1 == (await here.states(head)).count("Active")

    asyncio.run(story())


@pytest.mark.parametrize("step", ["seen", "fetched", "compiled", "plans", "activate", "report"])
def test_death_between_two_steps_leaves_old_or_new(repo, tmp_path, database_url, monkeypatch, step):
    """
    Wherever a leader dies, the commit before or this one is live, whole; the next leader ends it.
    """
    from engine.reconcile import ledger
    from engine.store import plans, workflows

    class Died(BaseException):
        pass

    async def die(*words, **named):
        raise Died

    async def story():
        old = repo.commit({"a.yaml": spec("a"), "b.yaml": spec("b")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await here.workflows()
            new = repo.commit({"a.yaml": spec("a", "new"), "b.yaml": spec("b", "new")})
            place = {"plans": (plans, "insert"), "activate": (workflows, "activate")}.get(
                step, (sources, "report") if step == "report" else (ledger, step)
            )
            with monkeypatch.context() as dying:
                dying.setattr(*place, die)
                with pytest.raises(Died):
                    await here.look()

            assert (old, before) == ((await here.row()).active, await here.workflows())
            await here.restart()
            await here.look()
            assert new == (await here.row()).active
            assert not set(before.values()) & set((await here.workflows()).values())
            assert 1 == (await here.states(new)).count("Active")

    asyncio.run(story())


def test_a_leader_that_is_too_late_changes_nothing(repo, tmp_path, database_url, monkeypatch):
    """
    If another commit became live during a pass, its activation is given up and made anew.
    """
    from engine.store import workflows

    async def story():
        old = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await here.workflows()
            repo.commit({"a.yaml": spec("a", "new")})
            activate = workflows.activate

            async def overtaken(connection, wanted):
                await connection.execute("UPDATE sources SET active = %s", ("f" * 40,))
                return await activate(connection, wanted)

            with monkeypatch.context() as racing:
                racing.setattr(workflows, "activate", overtaken)
                assert not await here.look()

            assert before == await here.workflows()
            assert old != repo.head

    asyncio.run(story())


def test_a_harmed_mirror_is_mended_within_a_pass(repo, tmp_path, database_url):
    """
    Objects that are lost from the mirror are fetched again, and the commit is live.
    """

    async def story():
        repo.commit({"a.yaml": spec("a"), "b.yaml": spec("b")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            for pack in (tmp_path / "mirrors").rglob("*.pack"):
                pack.chmod(0o600)
                pack.write_bytes(b"scribble")
            head = repo.commit({"a.yaml": spec("a", "new")})
            assert await here.look()
            await here.restart()
            assert await here.look()

            assert head == (await here.row()).active
            assert {"a", "b"} == (await here.workflows()).keys()

    asyncio.run(story())


def test_a_request_is_served_by_a_pass_that_began_after_it(repo, tmp_path, database_url):
    """
    Any number of requests before a pass are served by one; none that comes later is lost.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            async with here.session.turn() as connection:
                asked = [await sources.request(connection, "shop", "token:ann") for _ in range(50)]
                assert ["shop"] == await sources.wanted(connection)
            await here.look()
            row = await here.row()
            assert asked[-1] == row.wanted == row.handled
            async with here.session.turn() as connection:
                assert [] == await sources.wanted(connection)
                assert await sources.request(connection, "nobody", "token:ann") is None

    asyncio.run(story())


def test_a_commit_says_why_it_was_seen(repo, tmp_path, database_url):
    """
    Who asked for the look that has found a commit is told, the last where there are several, and
    that nobody did.
    """

    async def story():
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            found = repo.commit({"a.yaml": spec("a")})
            await here.look()
            for by in ("token:ann", "webhook 8f0c1e9a"):
                async with here.session.turn() as connection:
                    await sources.request(connection, "shop", by)
            told = repo.commit({"a.yaml": spec("a", "told")})
            await here.look()
            later = repo.commit({"a.yaml": spec("a", "later")})
            await here.look()

            assert ["found by looking", "asked for by webhook 8f0c1e9a", "found by looking"] == [
                (await here.commit(each)).history[0]["reason"] for each in (found, told, later)
            ]

    asyncio.run(story())


def test_since_is_when_it_began(repo, tmp_path, database_url):
    """
    A condition that goes on holding keeps its instant, whatever else is looked at.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = {each["type"]: each["since"] for each in (await here.row()).conditions}
            repo.commit({"a.yaml": broken("a")})
            await here.look()
            after = {each["type"]: each["since"] for each in (await here.row()).conditions}

            assert before["SourceReady"] == after["SourceReady"]
            assert before["Compiled"] < after["Compiled"]

    asyncio.run(story())
