"""Policies say what a source may define: between what compiles and what goes live."""

import asyncio
from pathlib import Path

import pytest

from policies.authorizer import Authorizer
from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, broken, spec

OPEN = 'allow(actor, "workflow.define", _resource) if actor.kind = "source";\n'
CAREFUL = """\
allow(actor, "workflow.define", resource) if
    actor.kind = "source" and actor.namespace = resource.namespace and quiet(resource);
quiet(resource) if not (resource.environment = "production" and resource.effect = "write");
quiet(resource) if resource.id = "trusted";
"""
POST = """\
apiVersion: sark/v1
kind: Workflow
name: {name}
steps:
  tell: {{emit: {{type: shop.told, data: {{}}}}}}
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


def policy(folder: Path, text: str) -> Authorizer:
    folder.mkdir()
    (folder / "our.polar").write_text(text)
    return Authorizer(folder)


def test_a_denial_rejects_the_commit_and_names_the_workflow(
    repo, tmp_path, database_url, monkeypatch
):
    """
    A rule that looks at environment and effect denies one workflow: the commit is rejected with
    the reason, what is live stays, and another policy judges it anew.
    """

    async def story():
        careful = policy(tmp_path / "careful", CAREFUL)
        monkeypatch.setattr("tests.git.desk.policy", lambda: careful)
        live = repo.commit({"flows/a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            assert await here.look()
            assert GOOD == await here.conditions()
            bad = repo.commit({"flows/b.yaml": POST.format(name="b"), "flows/c.yaml": spec("c")})
            assert await here.look()

            assert (False, "Denied") == (await here.conditions())["Authorised"]
            assert (True, "Ok") == (await here.conditions())["Compiled"]
            told = await here.commit(bad)
            assert "workflow 'b': no policy allows source 'shop' to workflow.define" == told.reason
            assert ["Seen", "Fetched", "Compiled", "Rejected"] == await here.states(bad)
            (finding,) = told.findings
            assert ("denied", "flows/b.yaml") == (finding["code"], finding["file"])
            assert (live, {"a"}) == ((await here.row()).active, set(await here.workflows()))
            named = repo.commit({"flows/b.yaml": POST.format(name="trusted")}, "by another name")
            await here.look()
            assert named == (await here.row()).active

    asyncio.run(story())


def test_another_policy_judges_anew(repo, tmp_path, database_url, monkeypatch):
    """
    The same commit under other rules is another question; what is live stays live under rules
    that would not let it in.
    """

    async def story():
        careful, open_ = policy(tmp_path / "c", CAREFUL), policy(tmp_path / "o", OPEN)
        monkeypatch.setattr("tests.git.desk.policy", lambda: careful)
        head = repo.commit({"b.yaml": POST.format(name="b")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            await here.restart()
            await here.look()
            assert 1 == (await here.states(head)).count("Rejected")
            monkeypatch.setattr("tests.git.desk.policy", lambda: open_)
            await here.restart()
            assert await here.look()
            assert (head, GOOD) == ((await here.row()).active, await here.conditions())
            monkeypatch.setattr("tests.git.desk.policy", lambda: careful)
            await here.restart()
            await here.look()

            assert (False, "Denied") == (await here.conditions())["Authorised"]
            assert (head, "Active") == ((await here.row()).active, (await here.commit(head)).state)

    asyncio.run(story())


def test_a_removal_is_asked_about_too(repo, tmp_path, database_url, monkeypatch):
    """
    A rule may keep a workflow from being removed; a mistake is told before any policy is asked.
    """

    async def story():
        keeps = policy(
            tmp_path / "keeps",
            'allow(actor, "workflow.define", resource) if actor.kind = "source" and '
            'not (resource.effect = "remove" and resource.id = "a");\n',
        )
        monkeypatch.setattr("tests.git.desk.policy", lambda: keeps)
        repo.commit({f"{name}.yaml": spec(name) for name in "abc"})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            repo.commit({}, gone=["a.yaml"])
            await here.look()
            assert (False, "Denied") == (await here.conditions())["Authorised"]
            assert "workflow 'a'" in await here.message("Authorised")
            assert {"a", "b", "c"} == set(await here.workflows())
            repo.commit({"c.yaml": broken("c")})
            await here.look()
            assert (False, "Invalid") == (await here.conditions())["Compiled"]
            repo.commit({"a.yaml": spec("a"), "c.yaml": spec("c")}, gone=["b.yaml"])
            await here.look()

            assert {"a", "c"} == set(await here.workflows())
            assert GOOD == await here.conditions()

    asyncio.run(story())


def test_many_denials_are_told_in_short(repo, tmp_path, database_url, monkeypatch):
    """
    Where no rule lets a source do anything, the condition names a few and counts the rest.
    """

    async def story():
        none = policy(tmp_path / "none", 'allow(actor, "run.read", _r) if actor.kind = "token";\n')
        monkeypatch.setattr("tests.git.desk.policy", lambda: none)
        head = repo.commit({f"{name}.yaml": spec(name) for name in "abcde"})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()

            assert (await here.message("Authorised")).endswith("; and 2 more")
            assert 5 == len((await here.commit(head)).findings)
            assert {} == await here.workflows()

    asyncio.run(story())
