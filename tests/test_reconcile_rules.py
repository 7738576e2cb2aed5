"""The rules of the reconciler: what is tried again, what is held, what is never removed."""

import asyncio
from pathlib import Path

import pytest

from tests.git.desk import CATALOGUE, GOOD, desk, source
from tests.git.repo import Repo, broken, spec


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def test_a_rejected_commit_is_not_tried_again(repo, tmp_path, database_url):
    """
    The same input has the same result: neither a look nor a restart judges it anew (R3).
    """

    async def story():
        bad = repo.commit({"a.yaml": broken("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await here.commit(bad)
            await here.look()
            await here.restart()
            await here.look()

            assert before == await here.commit(bad)
            assert ["Seen", "Fetched", "Rejected"] == await here.states(bad)

    asyncio.run(story())


def test_a_rejected_commit_is_tried_again_by_a_new_version(
    repo, tmp_path, database_url, monkeypatch
):
    """
    Another compiler may judge otherwise; what was live stays live if it does not (R12).
    """

    async def story():
        head = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await here.workflows()
            catalogue = {name: each for name, each in CATALOGUE.items() if name != "echo.say@1"}
            monkeypatch.setattr("tests.git.desk.CATALOGUE", catalogue)
            await here.restart()
            await here.look()

            assert (False, "RecompileFailed") == (await here.conditions())["Compiled"]
            assert before == await here.workflows()
            told = await here.commit(head)
            assert "Active" == told.state
            assert "a.yaml" == told.findings[0]["file"]
            monkeypatch.undo()
            await here.restart()
            await here.look()
            assert GOOD == await here.conditions()
            assert [] == (await here.commit(head)).findings

    asyncio.run(story())


def test_an_upgrade_that_fails_for_one_spec_keeps_every_plan(
    repo, tmp_path, database_url, monkeypatch
):
    """
    All of a source is compiled before any of it is written: one spec that fails keeps the plans of
    all, runs go on, and the commit that mends it is live (R12).
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a"), "b.yaml": "\n".join([
            "apiVersion: sark/v1", "kind: Workflow", "name: b", "steps:",
            '  say: {uses: text.render@1, with: {template: "hi"}}', "",
        ])})  # fmt: skip
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before, number = await here.workflows(), await here.activations()
            catalogue = {name: each for name, each in CATALOGUE.items() if name != "echo.say@1"}
            monkeypatch.setattr("tests.git.desk.CATALOGUE", catalogue)
            await here.restart()
            await here.look()
            assert (False, "RecompileFailed") == (await here.conditions())["Compiled"]
            assert (True, "RecompileFailed") == (await here.conditions())["Stalled"]
            assert (live, before, number) == (
                (await here.row()).active, await here.workflows(), await here.activations(),
            )  # fmt: skip
            mended = repo.commit({}, gone=["a.yaml"])
            await here.look()

            assert mended == (await here.row()).active
            assert {"b": before["b"]} == await here.workflows()
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_rewound_branch_is_held(repo, tmp_path, database_url):
    """
    A force-push changes nothing until a commit that contains the live one comes (R8).
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        live = repo.commit({"a.yaml": spec("a", "two")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            repo.git("reset", "-q", "--hard", "HEAD~1")
            rewound = repo.head
            await here.look()
            assert (False, "NonFastForward") == (await here.conditions())["Unheld"]
            assert live[:12] in await here.message()
            assert live == (await here.row()).active
            forced = repo.commit({"a.yaml": spec("a", "three")})
            await here.look()

            assert "Held" == (await here.commit(rewound)).state
            assert "Held" == (await here.commit(forced)).state
            assert live == (await here.row()).active
            repo.git("merge", "-q", "-s", "ours", "-m", "take it over", live)
            await here.look()
            assert repo.head == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_rewritten_branch_is_held_even_by_a_new_mirror(repo, tmp_path, database_url):
    """
    Where the live commit is in no mirror any more, nothing is known to follow it.
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            repo.git("checkout", "-q", "--orphan", "other")
            repo.commit({"a.yaml": spec("a", "rewritten")})
            repo.git("branch", "-q", "-M", "other", "main")
            repo.git("reflog", "expire", "--expire=now", "--all")
            repo.git("gc", "-q", "--prune=now")
            here.state = tmp_path / "elsewhere"
            await here.restart()
            await here.look()

            assert (False, "NonFastForward") == (await here.conditions())["Unheld"]
            assert live == (await here.row()).active

    asyncio.run(story())


def test_many_removals_are_held_until_they_are_counted(repo, tmp_path, database_url):
    """
    More than five and more than a fifth: a trailer with exactly that count lets them go (R5).
    """

    async def story():
        names = [f"w{i:02}" for i in range(20)]
        live = repo.commit({f"{n}.yaml": spec(n) for n in names})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            held = repo.commit({}, gone=[f"{n}.yaml" for n in names[:6]])
            await here.look()
            assert (False, "Prune") == (await here.conditions())["Unheld"]
            assert "Sark-Prune: 6" in await here.message()
            assert (live, 20) == ((await here.row()).active, len(await here.workflows()))
            repo.commit({}, "wrong count\n\nSark-Prune: 5")
            await here.look()
            assert 20 == len(await here.workflows())
            repo.commit({}, "Sark-Prune: 6 is no trailer here\n\nSark-Prune: 6 neither.\n\nbody")
            await here.look()
            assert 20 == len(await here.workflows())
            done = repo.commit({}, "right count\n\nSark-Prune: 6")
            await here.look()

            assert (done, 14) == ((await here.row()).active, len(await here.workflows()))
            assert "Held" == (await here.commit(held)).state

    asyncio.run(story())


def test_few_removals_and_moves_are_not_held(repo, tmp_path, database_url):
    """
    Five may go without a word, and a file that moves is no removal.
    """

    async def story():
        names = [f"w{i}" for i in range(9)]
        repo.commit({f"{n}.yaml": spec(n) for n in names})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            repo.commit(
                {f"moved/{n}.yaml": spec(n) for n in names[5:]}, gone=[f"{n}.yaml" for n in names]
            )
            await here.look()

            assert set(names[5:]) == (await here.workflows()).keys()
            assert GOOD == await here.conditions()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("harm", "kind", "reason"),
    [
        ("branch", "SourceReady", "RefMissing"),
        ("root", "Unheld", "RootMissing"),
        ("specs", "Unheld", "NoSpecs"),
        ("repository", "SourceReady", "GitUnavailable"),
    ],
)
def test_nothing_is_not_empty(repo, tmp_path, database_url, harm, kind, reason):
    """
    A missing ref, root or repository, and a tree without specs, take no workflow away (R4).
    """

    async def story():
        live = repo.commit({"flows/a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            await here.look()
            match harm:
                case "branch":
                    repo.git("branch", "-q", "-m", "main", "other")
                case "root":
                    repo.git("mv", "flows", "else")
                    repo.commit({}, "moved away\n\nSark-Prune: 1")
                case "specs":
                    repo.commit(
                        {"flows/README.md": "x"}, "emptied\n\nSark-Prune: 1", gone=["flows/a.yaml"]
                    )
                case "repository":
                    repo.folder.rename(tmp_path / "away")
            rested = await here.look()

            assert (harm != "repository") == rested
            assert (False, reason) == (await here.conditions())[kind]
            assert {"a"} == (await here.workflows()).keys()
            assert live == (await here.row()).active

    asyncio.run(story())


def test_an_outage_is_told_and_forgotten(repo, tmp_path, database_url):
    """
    While Git is away the source reconciles on; once it is back, the same commit is simply live.
    """

    async def story():
        head = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            repo.folder.rename(tmp_path / "away")
            assert not await here.look()
            conditions = await here.conditions()
            assert (True, "GitUnavailable") == conditions["Reconciling"]
            assert "Stalled" not in conditions
            assert (True, "Ok") == conditions["Active"]
            (tmp_path / "away").rename(repo.folder)
            assert await here.look()

            assert GOOD == await here.conditions()
            assert ["Seen", "Fetched", "Compiled", "Authorised", "Active"] == await here.states(
                head
            )

    asyncio.run(story())


def test_an_empty_repository_is_a_beginning(repo, tmp_path, database_url):
    """
    No commit and no spec yet: a condition says what is awaited, and the first spec is live.
    """

    async def story():
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            assert await here.look()
            assert (False, "RefMissing") == (await here.conditions())["SourceReady"]
            repo.commit({"README.md": "soon"})
            assert await here.look()
            assert (False, "NoSpecs") == (await here.conditions())["Unheld"]
            assert "no workflow in it yet" in await here.message()
            repo.commit({"a.yaml": spec("a")})
            await here.look()

            assert GOOD == await here.conditions()

    asyncio.run(story())
