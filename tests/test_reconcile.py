"""A commit becomes active whole, or not at all: the reconciler on real repositories."""

import asyncio
from pathlib import Path

import pytest

from engine.source import compile_files
from engine.store import sources
from tests.git.desk import CATALOGUE, desk, source
from tests.git.repo import Repo, broken, spec

GOOD = dict.fromkeys(("SourceReady", "Compiled", "Unheld", "Active", "Ready"), (True, "Ok"))


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
            assert ["Seen", "Fetched", "Compiled", "Active"] == await here.states(head)
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
            assert ["Seen", "Fetched", "Compiled", "Active"] == await here.states(head)

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
    A link, a submodule, a name with `..`: refused with its path, the last good commit stays.
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
    What `transfer.fsckObjects` refuses never gets into the mirror, and is not fetched again.
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
    A file over the limit is told with its path, and was never downloaded.
    """

    async def story():
        bad = repo.commit({"a.yaml": spec("a"), "flows/huge.yaml": "#" * 300_000})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()

            (finding,) = (await here.commit(bad)).findings
            assert ("spec-too-large", "flows/huge.yaml") == (finding["code"], finding["file"])
            assert {} == await here.workflows()

    asyncio.run(story())


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
            monkeypatch.setattr("engine.reconcile.source.compile_files", compile_and_push)
            before = await here.activations()
            await here.look()

            older, newest = made
            assert newest == (await here.row()).active
            assert 1 == await here.activations() - before
            assert "Superseded" == (await here.commit(between)).state
            assert ["Seen", "Fetched", "Compiled", "Superseded"] == await here.states(older)
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

        monkeypatch.setattr("engine.reconcile.source.compile_files", compile_and_push)
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

    class Died(Exception):
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
                asked = [await sources.request(connection, "shop") for _ in range(50)]
                assert ["shop"] == await sources.wanted(connection)
            await here.look()
            row = await here.row()
            assert asked[-1] == row.wanted == row.handled
            async with here.session.turn() as connection:
                assert [] == await sources.wanted(connection)
                assert await sources.request(connection, "nobody") is None

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
