"""Back to an earlier commit, and on again (R9)."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from engine.core.override import Asked, Kind
from engine.settings import Freeze
from engine.source import compile_files
from engine.store import revisions, sources
from tests.git.desk import GOOD, Desk, desk, source
from tests.git.repo import Repo, broken, spec

HOUR = timedelta(hours=1)
WINTER = Freeze(start="2026-01-01 00:00", end="2999-01-01 00:00", reason="winter")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def back(commit: str, span: timedelta | None = None) -> Asked:
    return Asked(Kind.ROLLBACK, "bad release", span, commit)


def follower(name: str, followed: str) -> str:
    """Return a workflow that starts when another has ended."""
    trigger = f"triggers:\n  after: {{type: workflow, workflow: {followed}}}\n"
    return spec(name).replace("steps:", f"{trigger}steps:")


def impossible(repo: Repo) -> dict[str, tuple[str, str]]:
    """Make commits that cannot be gone back to, and return each with what is said of it."""
    bad = repo.commit({"a.yaml": broken("a")})
    empty = repo.commit({}, gone=["a.yaml"])
    repo.commit({"a.yaml": spec("a", "2")})
    repo.git("checkout", "-q", "-b", "side")
    side = repo.commit({"a.yaml": spec("a", "side")})
    repo.git("checkout", "-q", "main")
    return {
        "unknown": ("f" * 40, "is not in the history of refs/heads/main"),
        "branch": (side, "is not in the history of refs/heads/main"),
        "broken": (bad, "does not compile now: 1 error, the first at a.yaml:7:5"),
        "empty": (empty, "nothing is not empty"),
        "other hash": ("0" * 64, "is not in the history"),
    }


async def follows(here: Desk) -> list[tuple[str, str]]:
    async with here.session.turn() as connection:
        found = await connection.execute("SELECT follower, workflow FROM follows ORDER BY 1")
        return [(row[0], row[1]) for row in await found.fetchall()]


def test_a_rollback_brings_back_what_was(repo, tmp_path, database_url, monkeypatch):
    """
    Exactly the workflows of the earlier commit are live, whom they follow too, and nothing of it
    is compiled.
    """

    async def story():
        old = repo.commit({"a.yaml": spec("a"), "b.yaml": spec("b"), "c.yaml": follower("c", "a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            then, followed = await here.workflows(), await follows(here)
            assert [("c", "a")] == followed
            repo.commit({"a.yaml": spec("a", "2"), "d.yaml": spec("d")}, gone=["b.yaml"])
            await here.look()
            repo.commit({"a.yaml": spec("a", "3"), "c.yaml": spec("c")})
            await here.look()
            assert [] == await follows(here)
            await here.put(back(old))
            made = []

            def counting(*words):
                made.append([each.path for each in words[0]])
                return compile_files(*words)

            monkeypatch.setattr("engine.reconcile.checkout.compile_files", counting)
            await here.look()

            assert (old, then, followed) == (
                (await here.row()).active, await here.workflows(), await follows(here),
            )  # fmt: skip
            assert 1 == len(made), "the head, which is held"
            assert (await here.commit(old)).reason.startswith("rolled back to ")

    asyncio.run(story())


def test_a_pinned_source_judges_and_holds(repo, tmp_path, database_url):
    """
    Newer commits are judged and held, until the source is unpinned: then the newest is live.
    """

    async def story():
        old = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            head = repo.commit({"a.yaml": spec("a", "2")})
            await here.look()
            await here.put(back(old))
            await here.look()
            conditions = await here.conditions()
            assert (True, "Pinned") == conditions["Pinned"]
            assert (False, "Pinned") == conditions["Unheld"]
            assert "Held" == (await here.commit(head)).state
            bad = repo.commit({"a.yaml": broken("a")})
            await here.look()
            assert "Rejected" == (await here.commit(bad)).state
            fixed = repo.commit({"a.yaml": spec("a", "3")})
            await here.look()
            assert (old, "Held") == ((await here.row()).active, (await here.commit(fixed)).state)
            await here.drop(Kind.PIN)
            await here.look()

            assert fixed == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_pin_ends_by_itself(repo, tmp_path, database_url):
    """
    A rollback for an hour: then the newest commit is live again.
    """

    async def story():
        old = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            head = repo.commit({"a.yaml": spec("a", "2")})
            await here.look()
            row = await here.put(back(old, HOUR))
            await here.restart()
            await here.look()
            assert old == (await here.row()).active
            assert row.until is not None
            here.clock.now = row.until
            await here.look()

            assert head == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


@pytest.mark.parametrize("kept", [True, False])
def test_what_is_not_kept_is_compiled(repo, tmp_path, database_url, kept):
    """
    A commit that was gone past, or whose workflows are kept no more, is compiled as it is now; so
    is one that was compiled for another environment.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            passed = repo.commit({"a.yaml": spec("a", "2")})
            if kept:
                await here.look()
                await here.restart(source(repo.url, environment="staging"))
            repo.commit({"a.yaml": spec("a", "3")})
            await here.look()
            await here.put(back(passed))
            await here.look()

            assert passed == (await here.row()).active
            assert (True, "Pinned") == (await here.conditions())["Pinned"]

    asyncio.run(story())


@pytest.mark.parametrize("what", ["unknown", "branch", "broken", "empty", "other hash"])
def test_a_rollback_that_cannot_be_made_changes_nothing(repo, tmp_path, database_url, what):
    """
    A commit that is not in the branch's history or does not compile now is refused in words; what
    is live stays, and a pin stays a pin.
    """

    async def story():
        old = repo.commit({"a.yaml": spec("a")})
        wanted, words = impossible(repo)[what]
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            await here.put(back(old))
            await here.look()
            before = await here.workflows(), await here.conditions()
            await here.put(back(wanted))
            await here.look()

            row = await here.row()
            assert (old, row.wanted) == (row.active, row.handled)
            assert words in await here.message("RolledBack")
            conditions = await here.conditions()
            assert (False, "Refused") == conditions.pop("RolledBack")
            assert before == (await here.workflows(), conditions)
            assert ["pin"] == [each.kind for each in await here.overrides()]
            async with here.session.turn() as connection:
                found = await connection.execute("SELECT action, allowed FROM audit")
                assert [("source.rollback", False)] == await found.fetchall()

    asyncio.run(story())


def test_a_rollback_goes_through_freeze_and_suspension(repo, tmp_path, database_url):
    """
    They hold what a branch brings, not what a person asks for by name.
    """

    async def story():
        old = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            head = repo.commit({"a.yaml": spec("a", "2")})
            await here.look()
            await here.restart(source(repo.url, freeze=(WINTER,)))
            await here.put(Asked(Kind.SUSPEND, "incident", HOUR))
            await here.put(back(old))
            await here.look()
            assert old == (await here.row()).active
            await here.drop(Kind.PIN)
            await here.look()

            assert old == (await here.row()).active
            assert "Held" == (await here.commit(head)).state

    asyncio.run(story())


@pytest.mark.parametrize("step", ["lock", "keep", "pin", "report"])
def test_death_in_a_rollback_leaves_old_or_new(repo, tmp_path, database_url, monkeypatch, step):
    """
    Wherever a leader dies, one commit is live, whole, and the next leader ends the rollback.
    """
    from engine.store import overrides

    class Died(BaseException):
        pass

    async def die(*words, **named):
        raise Died

    async def story():
        old = repo.commit({"a.yaml": spec("a"), "b.yaml": spec("b")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            then = await here.workflows()
            repo.commit({"a.yaml": spec("a", "2")}, gone=["b.yaml"])
            await here.look()
            now = await here.workflows()
            await here.put(back(old))
            place = {"lock": sources, "keep": revisions, "pin": overrides, "report": sources}[step]
            with monkeypatch.context() as dying:
                dying.setattr(place, step, die)
                with pytest.raises(Died):
                    await here.look()
            assert now == await here.workflows()
            await here.restart()
            await here.look()

            assert (old, then) == ((await here.row()).active, await here.workflows())
            assert ["pin"] == [each.kind for each in await here.overrides()]

    asyncio.run(story())


def test_only_the_last_commits_are_kept(repo, tmp_path, database_url, monkeypatch):
    """
    What is older is compiled when it is wanted; the rows of what was replaced do not grow for ever.
    """

    async def story():
        monkeypatch.setattr(revisions, "MOST", 3)
        made, sets = [], []
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            for i in range(6):
                made.append(repo.commit({"a.yaml": spec("a", str(i)), f"n{i % 2}.yaml": spec("n")},
                                        gone=[f"n{1 - i % 2}.yaml"] if i else []))  # fmt: skip
                await here.look()
                sets.append(await here.workflows())
            async with here.session.turn() as connection:
                cursor = await connection.execute("SELECT count(*) FROM retired")
                (count,) = (await cursor.fetchall())[0]
            assert count <= 6
            for i in (5, 4, 3, 2, 1, 0, 4):
                await here.put(back(made[i]))
                await here.look()
                assert (made[i], sets[i]) == ((await here.row()).active, await here.workflows())

    asyncio.run(story())
