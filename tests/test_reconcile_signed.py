"""Signatures: what is not signed by whom a source trusts is not applied (S87)."""

import asyncio
from pathlib import Path

import pytest

from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, spec
from tests.git.signing import Signer, allowed, by_gpg, by_ssh, homes, revoke

VERIFIED = "SourceVerified"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture(scope="module")
def dana(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return by_ssh(tmp_path_factory.mktemp("dana"), "dana")


@pytest.fixture(scope="module")
def mallory(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return by_ssh(tmp_path_factory.mktemp("mallory"), "mallory")


def test_a_signed_commit_is_live_and_says_by_whom(repo, tmp_path, database_url, dana):
    """
    S87: a commit that is signed by somebody whom the source trusts goes live; its history and its
    condition tell who that is.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        head = dana.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="head", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            assert await here.look()

            assert {**GOOD, VERIFIED: (True, "Ok")} == await here.conditions()
            assert head == (await here.row()).active
            steps = {each["state"]: each["reason"] for each in (await here.commit(head)).history}
            assert ["Seen", "Fetched", "Verified", "Compiled", "Authorised", "Active"] == list(
                steps
            )
            assert "SSH signature ok, dana@acme" == steps["Verified"]
            assert [] == list((tmp_path / "mirrors" / "trust").iterdir())

    asyncio.run(story())


def test_a_commit_that_is_not_signed_is_rejected(repo, tmp_path, database_url, dana):
    """
    S87: unsigned: not applied, the last good commit stays, the condition says why and `sark why`
    does; a signed commit on top is live again.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        live = dana.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="head", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()
            bad = repo.commit({"a.yaml": spec("a", "new"), "b.yaml": "not: [even, YAML"})
            assert await here.look()

            assert (False, "Unsigned") == (await here.conditions())[VERIFIED]
            assert (False, "Unsigned") == (await here.conditions())["Ready"]
            assert bad[:12] in await here.message(VERIFIED)
            assert "is not signed" in await here.message(VERIFIED)
            assert live == (await here.row()).active
            assert {"a"} == (await here.workflows()).keys()
            told = await here.commit(bad)
            assert ("Rejected", []) == (told.state, told.findings)
            assert "git commit --amend" in told.reason
            assert ["Seen", "Fetched", "Rejected"] == await here.states(bad)
            await here.restart()
            await here.look()
            assert 1 == (await here.states(bad)).count("Rejected")
            good = dana.commit(repo, {"b.yaml": spec("b")})
            await here.look()
            assert good == (await here.row()).active

    asyncio.run(story())


@pytest.mark.parametrize(
    ("line", "reason", "told"),
    [
        ("dana@acme {dana}", "KeyUnknown", "which this source does not know"),
        ('mallory@acme valid-before="20200101" {mallory}', "KeyExpired", "mallory@acme"),
        ('mallory@acme VALID-BEFORE="20200101Z" {mallory}', "KeyExpired", "time is over"),
        ('mallory@acme namespaces="file" {mallory}', "SignatureBad", "does not hold"),
        ("# mallory@acme {mallory}", "KeyUnknown", "does not know"),
    ],
)
def test_ssh_keys_that_do_not_count(
    repo, tmp_path, database_url, dana, mallory, line, reason, told
):
    """
    S87: a key that is unknown, over or for something else is none, also where a commit is dated
    back to a time at which the key was good.
    """

    async def story():
        text = line.format(dana=dana.public, mallory=mallory.public)
        named = source(repo.url, verify="head", signers=allowed(tmp_path / "signers", text))
        mallory.commit(repo, {"a.yaml": spec("a")}, at="2019-06-01T12:00:00Z")
        async with desk(database_url, tmp_path, named) as here:
            await here.look()

            assert (False, reason) == (await here.conditions())[VERIFIED]
            assert told in await here.message(VERIFIED)
            assert {} == await here.workflows()

    asyncio.run(story())


def test_a_revoked_ssh_key_does_not_count(repo, tmp_path, database_url, dana):
    """
    S87: a key on the list of the revoked is none, though it is still among the signers; changing
    the list judges what is live anew, and leaves it live.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        revoked = tmp_path / "revoked"
        revoked.write_text("")
        live = dana.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="head", signers=signers, revoked=revoked)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()
            assert live == (await here.row()).active
            revoked.write_text(f"{dana.public}\n")
            await here.look()

            assert (False, "SignatureBad") == (await here.conditions())[VERIFIED]
            assert "by a key that was revoked" in await here.message(VERIFIED)
            assert (live, "Active") == ((await here.row()).active, (await here.commit(live)).state)
            bad = dana.commit(repo, {"a.yaml": spec("a", "new")})
            await here.look()
            assert "Rejected" == (await here.commit(bad)).state
            assert live == (await here.row()).active

    asyncio.run(story())


def test_a_key_of_another_source_is_not_of_this_one(repo, tmp_path, database_url, dana, mallory):
    """
    S87: each source has signers of its own, in one repository, too.
    """

    async def story():
        ours = allowed(tmp_path / "ours", f"dana@acme {dana.public}")
        theirs = allowed(tmp_path / "theirs", f"mallory@acme {mallory.public}")
        dana.commit(repo, {"one/a.yaml": spec("a"), "two/b.yaml": spec("b")})
        named = (
            source(repo.url, "one", root="one", verify="head", signers=ours),
            source(repo.url, "two", root="two", verify="head", signers=theirs),
        )
        async with desk(database_url, tmp_path, *named) as here:
            await here.look()

            assert {"a"} == (await here.workflows("one")).keys()
            assert (False, "KeyUnknown") == (await here.conditions("two"))[VERIFIED]

    asyncio.run(story())


def test_a_signature_of_something_else_does_not_hold(repo, tmp_path, database_url, dana):
    """
    S87: a signature that was taken from another commit is no signature.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        dana.commit(repo, {"a.yaml": spec("a")})
        raw = repo.git("cat-file", "commit", "HEAD").replace("\n\nchange", "\n\nmy change\n")
        forged = repo.write("commit", raw.encode())
        repo.git("update-ref", "refs/heads/main", forged)
        named = source(repo.url, verify="head", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()

            assert (False, "SignatureBad") == (await here.conditions())[VERIFIED]
            assert {} == await here.workflows()

    asyncio.run(story())


def test_gpg_signatures_by_the_keyring_alone(repo, tmp_path, database_url, monkeypatch):
    """
    S87: a key of the source's keyring counts; one that only the service's own keyring has, one
    that is over, even dated back, and one that was revoked do not.
    """

    async def story(people: Path):
        lee, eve = by_gpg(people / "lee", "lee"), by_gpg(people / "eve", "eve")
        old = by_gpg(people / "old", "old", "1d", "20200101T000000!")
        gone = by_gpg(people / "gone", "gone")
        monkeypatch.setenv("GNUPGHOME", str(eve.home))
        keyring = tmp_path / "keyring.asc"
        keyring.write_text(lee.public + old.public + revoke(gone))
        named = source(repo.url, verify="head", keyring=keyring)
        live = lee.commit(repo, {"a.yaml": spec("a")})
        async with desk(database_url, tmp_path, named) as here:
            assert await here.look()
            assert live == (await here.row()).active
            steps = {each["state"]: each["reason"] for each in (await here.commit(live)).history}
            assert "GPG signature ok, lee <lee@acme>" == steps["Verified"]
            for signer, reason in ((eve, "KeyUnknown"), (old, "KeyExpired"), (gone, "KeyRevoked")):
                signer.commit(repo, {"a.yaml": spec("a", signer.name)})
                await here.look()

                assert (False, reason) == (await here.conditions())[VERIFIED]
                assert live == (await here.row()).active

    with homes() as people:
        asyncio.run(story(people))


def test_the_range_is_every_commit_since_what_is_live(repo, tmp_path, database_url, dana, mallory):
    """
    S87: in the mode `range` one commit by a stranger, also behind a merge, holds all of it up; the
    first time there is nothing live, and the head alone is judged.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        repo.commit({"README.md": "before anybody signed"})
        first = dana.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="range", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()
            assert first == (await here.row()).active
            dana.commit(repo, {"a.yaml": spec("a", "two")})
            second = dana.commit(repo, {"a.yaml": spec("a", "three")})
            await here.look()
            assert second == (await here.row()).active
            steps = {each["state"]: each["reason"] for each in (await here.commit(second)).history}
            assert "SSH signatures of 2 commits ok, dana@acme" == steps["Verified"]
            repo.git("checkout", "-q", "-b", "side")
            stranger = mallory.commit(repo, {"b.yaml": spec("b")})
            repo.git("checkout", "-q", "main")
            dana.commit(repo, {"c.yaml": spec("c")})
            dana.git(repo, "merge", "-q", "-S", "--no-ff", "-m", "merge", "side")
            await here.look()

            assert (False, "KeyUnknown") == (await here.conditions())[VERIFIED]
            assert stranger[:12] in await here.message(VERIFIED)
            assert "1 of 3 commits" in await here.message(VERIFIED)
            assert "git rebase --rebase-merges --exec" in await here.message(VERIFIED)
            assert second == (await here.row()).active
            await here.restart(source(repo.url, verify="head", signers=signers))
            await here.look()
            assert repo.head == (await here.row()).active

    asyncio.run(story())


def test_a_range_has_an_end(repo, tmp_path, database_url, dana, monkeypatch):
    """
    More commits than are verified at once are not verified in part: the condition says the way.
    """

    async def story():
        monkeypatch.setattr("engine.git.signature.MOST_COMMITS", 2)
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        live = dana.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="range", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()
            for each in ("two", "three", "four"):
                dana.commit(repo, {"a.yaml": spec("a", each)})
            await here.look()

            assert (False, "RangeTooLong") == (await here.conditions())[VERIFIED]
            assert 'verify = "head"' in await here.message(VERIFIED)
            assert live == (await here.row()).active

    asyncio.run(story())
