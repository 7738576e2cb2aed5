"""A source that the document of its environment pins to a commit."""

import asyncio
from pathlib import Path

import pytest

from engine.core.override import Asked, Kind
from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, broken, spec

FILE = "environments/production.yaml"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def environment(revision: str = "", more: str = "") -> str:
    """Return the document of production; it pins a revision, if there is one."""
    line = f"revision: {revision}\n" if revision else ""
    return f"apiVersion: sark/v1\nkind: Environment\nname: production\n{line}{more}"


def test_the_document_says_which_commit_is_live(repo, tmp_path, database_url):
    """
    The commit that is named is live, not the one that names it; the next that names another moves
    it on, or back, and one that names none lets the branch go on.
    """

    async def story():
        one = repo.commit({"a.yaml": spec("a"), FILE: environment()})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            assert (one, GOOD) == ((await here.row()).active, await here.conditions())
            before = await here.workflows()
            two = repo.commit({"a.yaml": spec("a", "2"), "b.yaml": spec("b")})
            pinned = repo.commit({FILE: environment(one)})
            await here.look()
            row = await here.row()
            assert (one, pinned, pinned) == (row.active, row.observed, row.attempted)
            assert before == await here.workflows()
            assert {**GOOD, "Pinned": (True, "ByEnvironment")} == await here.conditions()
            told = f"pinned by {FILE} to {one[:12]}"
            assert told == await here.message("Pinned")
            held = await here.commit(pinned)
            assert ("Held", told) == (held.state, held.reason)

            repo.commit({FILE: environment(two)})
            await here.look()
            assert two == (await here.row()).active
            assert {"a", "b"} == (await here.workflows()).keys()
            assert ("Active", "Replaced") == (
                (await here.commit(two)).state, (await here.commit(one)).state,
            )  # fmt: skip
            repo.commit({FILE: environment(one)}, message="Back\n\nSark-Prune: 1")
            await here.look()
            assert (one, before) == ((await here.row()).active, await here.workflows())

            head = repo.commit({FILE: environment()})
            await here.look()
            assert (head, GOOD) == ((await here.row()).active, await here.conditions())

    asyncio.run(story())


def test_what_is_pushed_beside_waits(repo, tmp_path, database_url):
    """
    Whatever else is pushed changes nothing of a pinned source, be it wrong; a new process comes to
    the same, and nothing is written when nothing has changed.
    """

    async def story():
        one = repo.commit({"a.yaml": spec("a"), FILE: environment()})
        repo.commit({FILE: environment(one)})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            count = await here.activations()
            bad = repo.commit({"a.yaml": broken("a")})
            await here.look()
            await here.restart()
            await here.look()
            row = await here.row()

            assert (one, bad) == (row.active, row.observed)
            assert {**GOOD, "Pinned": (True, "ByEnvironment")} == await here.conditions()
            assert count == await here.activations()

    asyncio.run(story())


def test_a_source_begins_at_its_pin(repo, tmp_path, database_url):
    """
    The first look at a source makes live what is pinned, with who wrote it and why.
    """

    async def story():
        one = repo.commit({"w/a.yaml": spec("a")}, message="first")
        repo.commit({"w/a.yaml": spec("a", "2"), f"w/{FILE}": environment(one)})
        async with desk(database_url, tmp_path, source(repo.url, root="w")) as here:
            await here.look()
            commit = await here.commit(one)

            assert (one, "first", "Ann") == (
                (await here.row()).active, commit.subject, commit.author,
            )  # fmt: skip
            assert f"pinned by w/{FILE} to {one[:12]}" == await here.message("Pinned")

    asyncio.run(story())


def test_a_person_goes_before_the_document(repo, tmp_path, database_url):
    """
    A rollback by a person stands against what the document pins; unpinned, that is live again.
    """

    async def story():
        one = repo.commit({"a.yaml": spec("a")})
        two = repo.commit({"a.yaml": spec("a", "2")})
        repo.commit({FILE: environment(two)})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            assert two == (await here.row()).active
            await here.put(Asked(Kind.ROLLBACK, "bad release", None, one))
            await here.look()
            assert one == (await here.row()).active
            assert (True, "Pinned") == (await here.conditions())["Pinned"]
            await here.drop(Kind.PIN)
            await here.look()

            assert two == (await here.row()).active
            assert (True, "ByEnvironment") == (await here.conditions())["Pinned"]

    asyncio.run(story())


def test_what_drifted_is_healed_by_what_is_pinned(repo, tmp_path, database_url):
    """
    Where something else than an activation has changed what is live, it is as pinned again.
    """

    async def story():
        one = repo.commit({"a.yaml": spec("a"), FILE: environment()})
        repo.commit({"a.yaml": spec("a", "2"), FILE: environment(one)})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await here.workflows()
            async with here.session.turn() as connection:
                await connection.execute("DELETE FROM workflows")
            await here.restart()
            await here.look()

            assert (one, before) == ((await here.row()).active, await here.workflows())

    asyncio.run(story())


@pytest.mark.parametrize(
    ("files", "reason", "words"),
    [
        ({FILE: environment("f" * 40)}, "PinUnknown", "not in the history of"),
        ({FILE: environment("SIDE")}, "PinUnknown", "not in the history of"),
        (
            {FILE: environment("ONE") + "---\n" + spec("z")},
            "PinNotAlone", "give it a file of its own",
        ),
        (
            {FILE: environment("ONE"), "more.yaml": environment()},
            "PinAmbiguous", "described twice, here and in more.yaml",
        ),
        ({FILE: environment("c0ffee")}, "Invalid", "1 error in"),
        ({FILE: environment("BAD")}, "Invalid", "1 error in"),
    ],
)  # fmt: skip
def test_a_pin_that_cannot_be_followed_changes_nothing(
    repo, tmp_path, database_url, files, reason, words
):
    """
    A commit that the branch does not contain, that does not compile, or that is named in a file
    with something else: the commit is rejected in words, and what is live stays.
    """

    async def story():
        bad = repo.commit({"a.yaml": broken("a")})
        one = repo.commit({"a.yaml": spec("a")})
        repo.git("checkout", "-q", "-b", "side")
        side = repo.commit({"a.yaml": spec("a", "side")})
        repo.git("checkout", "-q", "main")
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            named = {"ONE": one, "SIDE": side, "BAD": bad}
            made = {path: _filled(text, named) for path, text in files.items()}
            head = repo.commit(made)
            await here.look()

            commit = await here.commit(head)
            assert (one, "Rejected") == ((await here.row()).active, commit.state)
            assert (False, reason) == (await here.conditions())["Ready"]
            assert words in commit.reason
            found = commit.findings[0]
            assert {"file", "line"} <= found.keys()

    asyncio.run(story())


def _filled(text: str, named: dict[str, str]) -> str:
    for word, commit in named.items():
        text = text.replace(f"revision: {word}\n", f"revision: {commit}\n")
    return text
