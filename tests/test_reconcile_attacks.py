"""Commits that mean harm, as they are pushed: the last good one stays, and nothing is read."""

import asyncio
from pathlib import Path

import pytest

from tests.core.exposed import SECRETS
from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, spec

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: b\n"
SAY = "steps:\n  say: {uses: echo.say@1, with: {message: x}}\n"
RENDER = "steps:\n  say: {{uses: text.render@1, with: {{template: {}}}}}\n"
READS = 'steps:\n  say: {uses: echo.say@1, with: {message: "{{ secrets[inputs.x] }}"}}\n'


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEAD + RENDER.format("../outside.j2"), "bad-file"),
        (HEAD + RENDER.format("a/../../outside.j2"), "bad-file"),
        (HEAD + RENDER.format("gone.j2"), "missing-file"),
        (HEAD + RENDER.format('"a\\0b.j2"'), "nul-character"),
        (HEAD + "namespace: other\n" + SAY, "unknown-key"),
        (HEAD + "inputs: {x: {type: string}}\n" + READS, "unknown-secret"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:aa\nsize 9\n", "not-a-spec"),
        ("<<: *base\n" + HEAD + SAY, "merge-key"),
        ("[" * 30_000, "too-deep"),
        (HEAD + SAY + SAY, "duplicate-key"),
        (f"{HEAD}{SAY}---\n{HEAD}{SAY}", "duplicate-name"),
    ],
    ids=lambda each: each if "\n" not in each and len(each) < 40 else "",
)  # fmt: skip
def test_what_a_spec_may_not_say_rejects_the_commit(repo, tmp_path, database_url, text, code):
    """
    B03, B04, B09, B10, C01, C04, C05: a file outside, a pointer of LFS, another namespace, a
    secret by a name that an input gives, and YAML that is a trap: told by a finding, whose text
    holds nothing of what it asked for.
    """

    async def story():
        (tmp_path / "outside.j2").write_text("ROOT:X:0")
        live = repo.commit({"flows/a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url, root="flows")) as here:
            await here.look()
            bad = repo.commit({"flows/b.yaml": text, "outside.j2": "ROOT:X:0"})
            await here.look()
            told = await here.commit(bad)

            assert ("Rejected", live) == (told.state, (await here.row()).active)
            assert code in {each["code"] for each in told.findings}
            assert "ROOT:X:0" not in str(told.findings)
            assert {"a"} == set(await here.workflows())

    asyncio.run(story())


def test_a_secret_in_a_spec_rejects_the_commit(repo, tmp_path, database_url, caplog):
    """
    E13: a commit with a token in it is never live; the database and the log say where the token
    stands, and neither has it.
    """
    secret = SECRETS["a token of GitHub"]

    async def story():
        live = repo.commit({"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            bad = repo.commit({"a.yaml": spec("a", secret)})
            await here.look()
            told = await here.commit(bad)

            assert ("Rejected", live) == (told.state, (await here.row()).active)
            assert [("secret-in-spec", 7)] == [(x["code"], x["line"]) for x in told.findings]
            assert secret not in f"{told}{await here.row()}"

    with caplog.at_level("DEBUG"):
        asyncio.run(story())

    assert secret not in caplog.text


def test_a_tag_that_is_moved_elsewhere_is_held(repo, tmp_path, database_url):
    """
    A15: a source may follow a tag; one that is moved to a commit beside what is live is held, one
    that is moved on is live, and one that is taken away takes nothing away.
    """

    async def story():
        first = repo.commit({"a.yaml": spec("a")})
        repo.git("tag", "v1")
        async with desk(database_url, tmp_path, source(repo.url, ref="refs/tags/v1")) as here:
            await here.look()
            assert (first, GOOD) == ((await here.row()).active, await here.conditions())
            repo.git("checkout", "-q", "--orphan", "beside")
            repo.commit({"a.yaml": spec("a", "theirs")})
            repo.git("tag", "-f", "v1")
            await here.look()
            assert (False, "NonFastForward") == (await here.conditions())["Unheld"]
            assert first == (await here.row()).active
            repo.git("tag", "-d", "v1")
            await here.look()
            assert (False, "RefMissing") == (await here.conditions())["SourceReady"]
            assert {"a"} == set(await here.workflows())
            repo.git("checkout", "-q", "main")
            after = repo.commit({"a.yaml": spec("a", "2")})
            repo.git("tag", "v1")
            await here.look()
            assert after == (await here.row()).active

    asyncio.run(story())
