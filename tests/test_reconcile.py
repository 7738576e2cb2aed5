"""A commit becomes active whole, or not at all: the reconciler on real repositories."""

import asyncio
from pathlib import Path

import pytest

from engine.store import sources
from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, broken, spec


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def test_a_first_commit_becomes_active(repo, tmp_path, database_url):
    """
    Every workflow of the commit is live, the conditions say so, and the history says when.
    """

    async def story():
        head = repo.commit({"a.yaml": spec("a"), "flows/b.yml": spec("b"), "README.md": "no spec"})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            assert await here.look()

            assert {"a", "b"} == (await here.workflows()).keys()
            assert await here.conditions() == GOOD
            row = await here.row()
            assert (head, head, head) == (row.observed, row.attempted, row.active)
            assert row.active_since is not None
            assert ["Seen", "Fetched", "Compiled", "Authorised", "Active"] == await here.states(
                head
            )
            told = await here.commit(head[:7])
            assert ("Ann", "change") == (told.author, told.subject)
            assert told.committed_at is not None

    asyncio.run(story())


def test_a_change_touches_what_it_changes(repo, tmp_path, database_url):
    """
    A changed, an added and a removed workflow; the others keep their plans, runs keep theirs.
    """

    async def story():
        first = repo.commit({f"{n}.yaml": spec(n) for n in ("a", "b", "c")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await here.workflows()
            second = repo.commit({"b.yaml": spec("b", "new"), "d.yaml": spec("d")}, gone=["c.yaml"])
            await here.look()
            after = await here.workflows()

            assert {"a", "b", "d"} == after.keys()
            assert before["a"] == after["a"]
            assert before["b"] != after["b"]
            assert "Replaced" == (await here.commit(first)).state
            assert "3 workflows, 2 written, 1 removed" == (await here.commit(second)).reason

    asyncio.run(story())


def test_a_broken_commit_leaves_the_last_good_one(repo, tmp_path, database_url):
    """
    One error rejects the whole commit, and says file, line, column and what to do (R1).
    """

    async def story():
        good = repo.commit({"flows/a.yaml": spec("a"), "flows/b.yaml": spec("b")})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            await here.look()
            before = await here.workflows()
            bad = repo.commit({"flows/a.yaml": spec("a", "new"), "flows/b.yaml": broken("b")})
            assert await here.look()

            assert before == await here.workflows()
            assert good == (await here.row()).active
            told = await here.commit(bad)
            assert "Rejected" == told.state
            assert "1 error in 2 files" == told.reason
            (finding,) = [each for each in told.findings if each["severity"] == "error"]
            assert ("flows/b.yaml", 7, 5) == (finding["file"], finding["line"], finding["column"])
            assert "with" in finding["hint"]
            conditions = await here.conditions()
            assert (True, "Ok") == conditions["SourceReady"]
            assert (False, "Invalid") == conditions["Compiled"]
            assert (False, "Invalid") == conditions["Active"]
            assert (False, "Invalid") == conditions["Ready"]
            assert (True, "Invalid") == conditions["Stalled"]
            fixed = repo.commit({"flows/b.yaml": spec("b")})
            await here.look()
            assert fixed == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_two_sources_share_a_repository(repo, tmp_path, database_url):
    """
    Two roots are two sources: an error in one does not hold the other up.
    """

    async def story():
        repo.commit({"one/a.yaml": spec("a"), "two/b.yaml": spec("b")})
        named = (source(repo.url, "one", root="one"), source(repo.url, "two", root="two"))
        async with desk(database_url, tmp_path, *named) as here:
            await here.look()
            assert {"a"} == (await here.workflows("one")).keys()
            assert {"b"} == (await here.workflows("two")).keys()
            head = repo.commit({"one/a.yaml": broken("a"), "two/b.yaml": spec("b", "new")})
            await here.look()

            assert (False, "Invalid") == (await here.conditions("one"))["Ready"]
            assert (True, "Ok") == (await here.conditions("two"))["Ready"]
            assert head == (await here.row("two")).active
            assert 1 == len(list((tmp_path / "mirrors").glob("*.git")))

    asyncio.run(story())


def test_a_name_belongs_to_one_source(repo, tmp_path, database_url):
    """
    A second source of the namespace may not take a name; once it is given up, it may.
    """

    async def story():
        repo.commit({"one/a.yaml": spec("a"), "one/c.yaml": spec("c"), "two/a.yaml": spec("a")})
        named = (source(repo.url, "one", root="one"), source(repo.url, "two", root="two"))
        async with desk(database_url, tmp_path, *named) as here:
            await here.look()
            assert (False, "NameTaken") == (await here.conditions("two"))["Compiled"]
            assert "source 'one'" in await here.message(name="two")
            assert {} == await here.workflows("two")
            assert await here.look()
            assert 1 == (await here.states(repo.head)).count("Rejected")
            repo.commit({}, gone=["one/a.yaml"])
            await here.look()

            assert {"c"} == (await here.workflows("one")).keys()
            assert {"a"} == (await here.workflows("two")).keys()

    asyncio.run(story())


def test_a_source_that_is_left_out_keeps_its_workflows(repo, tmp_path, database_url):
    """
    Out of the configuration nothing is removed; a source of another name may take it over.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            async with here.session.turn() as connection:
                assert ["shop"] == await sources.leave_out(connection, ["new"])
            assert {"a"} == (await here.workflows()).keys()
            await here.restart(source(repo.url, "new"))
            await here.look()

            assert {"a"} == (await here.workflows("new")).keys()
            assert {} == await here.workflows("shop")

    asyncio.run(story())


def test_another_namespace_takes_the_workflows_along(repo, tmp_path, database_url):
    """
    A source that is bound to another namespace has its workflows there, and none behind.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            await here.restart(source(repo.url, namespace="mall"))
            await here.look()

            assert {} == await here.workflows(namespace="shop")
            assert {"a"} == (await here.workflows(namespace="mall")).keys()

    asyncio.run(story())


def test_traps_in_a_tree_reject_the_commit(repo, tmp_path, database_url):
    """
    S82, S83: a link, a submodule, a name with `..`: refused with its path, the last good commit
    stays.
    """

    async def story():
        live = repo.commit({"flows/a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            await here.look()
            (repo.folder / "flows/b.yaml").symlink_to("/etc/passwd")
            bad = repo.commit({})
            await here.look()

            told = await here.commit(bad)
            assert "Rejected" == told.state
            assert (False, "TreeSymlink") == (await here.conditions())["Compiled"]
            assert "flows/b.yaml" == told.findings[0]["file"]
            assert "root:" not in str(told)
            assert live == (await here.row()).active
            repo.git("rm", "-q", "flows/b.yaml")
            repo.commit({})
            await here.look()
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_a_tree_that_git_refuses_rejects_the_commit(repo, tmp_path, database_url):
    """
    S82: what `transfer.fsckObjects` refuses never gets into the mirror, and is not fetched again.
    """

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            bad = repo.commit_tree(("100644", "blob", "x", b".git"))
            assert await here.look()

            assert "Rejected" == (await here.commit(bad)).state
            assert (False, "GitFsck") == (await here.conditions())["Compiled"]
            assert live == (await here.row()).active

    asyncio.run(story())


def test_a_large_spec_is_a_finding(repo, tmp_path, database_url):
    """
    S86: a file over the limit is told with its path, and was never downloaded.
    """

    async def story():
        bad = repo.commit({"a.yaml": spec("a"), "flows/huge.yaml": "#" * 300_000})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()

            (finding,) = (await here.commit(bad)).findings
            assert ("spec-too-large", "flows/huge.yaml") == (finding["code"], finding["file"])
            assert {} == await here.workflows()

    asyncio.run(story())


def test_a_name_in_two_files_is_told_with_both_places(repo, tmp_path, database_url):
    """
    Of two workflows with one name `sark why` says where the one is and where the other.
    """

    async def story():
        bad = repo.commit({"flows/a.yaml": spec("a"), "flows/b.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            await here.look()

            (finding,) = (await here.commit(bad)).findings
            assert ("duplicate-name", "flows/b.yaml") == (finding["code"], finding["file"])
            assert "flows/a.yaml:3:7" in finding["message"]

    asyncio.run(story())


def test_an_error_is_told_among_any_number_of_warnings(repo, tmp_path, database_url, monkeypatch):
    """
    Where there is more to say than is kept, the errors that reject the commit are kept.
    """
    from engine.reconcile import ledger

    async def story():
        monkeypatch.setattr(ledger, "_MOST_FINDINGS", 3)
        bad = repo.commit(
            {f"a{i}.yaml": f"{spec(f'a{i}')}inputs: {{n: {{type: integer}}}}\n" for i in range(5)}
            | {"z.yaml": broken("z")}
        )
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()

            findings = (await here.commit(bad)).findings
            assert ["error", "warning", "warning"] == [each["severity"] for each in findings]
            assert "z.yaml" == findings[0]["file"]

    asyncio.run(story())


def test_a_repository_of_the_longer_hashes_is_a_source(tmp_path, database_url):
    """
    SHA-256 repositories work like others, also where one takes the place of a SHA-1 one.
    """

    async def story():
        repo = Repo(tmp_path / "repo", "sha256")
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            for message in ("one", "two"):
                head = repo.commit({"a.yaml": spec("a", message)})
                assert await here.look()

                assert (64, head) == (len(head), (await here.row()).active)
            await here.restart()
            assert await here.look()
            assert GOOD == await here.conditions()

    asyncio.run(story())


RENDER = """\
apiVersion: sark/v1
kind: Workflow
name: note
steps:
  a: {uses: text.render@1, with: {template: templates/note.j2}}
"""


def test_a_file_beside_the_specs_is_part_of_the_commit(repo, tmp_path, database_url):
    """
    A template that changes alone makes another plan of the spec that names it, and one that goes
    rejects the commit; the source's root is the root of its paths.
    """

    async def story():
        files = {"flows/note.yaml": RENDER, "flows/b.yaml": spec("b")}
        first = repo.commit({**files, "flows/templates/note.j2": "one"})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            await here.look()
            before = await here.workflows()
            second = repo.commit({"flows/templates/note.j2": "two"})
            await here.look()

            after = await here.workflows()
            assert (before["b"], True) == (after["b"], before["note"] != after["note"])
            assert ["Replaced", "Active"] == [
                (await here.commit(each)).state for each in (first, second)
            ]

            third = repo.commit({"flows/templates/note.j2": "x" * 300_000})
            await here.look()
            (finding,) = (await here.commit(third)).findings
            assert ("bad-file", "flows/note.yaml", 5) == (
                finding["code"], finding["file"], finding["line"],
            )  # fmt: skip

            fourth = repo.commit({}, gone=["flows/templates/note.j2"])
            await here.look()
            (finding,) = (await here.commit(fourth)).findings
            assert "missing-file" == finding["code"]
            assert after == await here.workflows()

    asyncio.run(story())


def test_a_submodule_is_never_followed(repo, tmp_path, database_url):
    """
    S83: a submodule, however its file words it, rejects the commit, and nothing of it is fetched
    or run; the last good commit stays.
    """

    async def story():
        marker = tmp_path / "marker"
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            repo.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},sub")
            for url in (f'ext::sh -c "touch {marker}"', "https://git.example/x"):
                modules = f"[submodule 'x']\n path = sub\n url = {url}\n update = !touch {marker}\n"
                (repo.folder / ".gitmodules").write_text(modules)
                repo.git("add", ".gitmodules")
                repo.git("commit", "-q", "-m", "module")
                await here.look()

                status, reason = (await here.conditions())["Compiled"]
                assert (False, True) == (status, reason in {"GitFsck", "TreeSubmodule"})
                assert live == (await here.row()).active
            assert not marker.exists()

    asyncio.run(story())
