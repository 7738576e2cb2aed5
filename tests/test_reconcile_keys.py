"""The files that say whose signatures count: read anew, not relied on when they are spoilt."""

import asyncio
from pathlib import Path

import pytest

from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, spec
from tests.git.signing import Signer, allowed, by_gpg, by_ssh, homes

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


def test_other_signers_judge_anew(repo, tmp_path, database_url, dana, mallory):
    """
    A commit that was rejected is judged again as soon as the file of signers, or the mode, is
    another one: no restart, no push.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        head = mallory.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="head", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()
            assert "Rejected" == (await here.commit(head)).state
            allowed(signers, f"mallory@acme {mallory.public}")
            await here.look()

            assert head == (await here.row()).active
            plain = repo.commit({"a.yaml": spec("a", "plain")})
            await here.look()
            assert "Rejected" == (await here.commit(plain)).state
            await here.restart(source(repo.url))
            await here.look()
            assert plain == (await here.row()).active
            assert GOOD == await here.conditions()

    asyncio.run(story())


def spoil(file: Path, harm: str, patch: pytest.MonkeyPatch) -> None:
    match harm:
        case "gone":
            file.unlink()
        case "garbage":
            file.write_text("# mine\ngarbage\n")
        case "open":
            file.chmod(0o646)
        case "large":
            file.write_text("#" * ((1 << 20) + 1))
        case "program":
            patch.setattr("engine.git.keys.shutil.which", lambda _: None)


@pytest.mark.parametrize(
    ("kind", "harm", "told"),
    [
        ("signers", "gone", "No such file"),
        ("signers", "garbage", "signers:2: expected whose key it is"),
        ("signers", "open", "everybody may write"),
        ("signers", "large", "is over 1 MiB"),
        ("keyring", "garbage", "gpg cannot read the keyring"),
        ("keyring", "program", "gpg is not installed"),
    ],
)
def test_keys_that_cannot_be_relied_on(
    repo, tmp_path, database_url, dana, monkeypatch, kind, harm, told
):
    """
    A file of keys that is gone, spoilt or open to everybody verifies nothing: what is live stays,
    the condition names the file, and once it is mended the next look goes on.
    """

    async def story(people: Path):
        signer = dana if kind == "signers" else by_gpg(people / "lee", "lee")
        file = tmp_path / kind
        good = f"dana@acme {dana.public}\n" if kind == "signers" else signer.public
        file.write_text(good)
        live = signer.commit(repo, {"a.yaml": spec("a")})
        async with desk(
            database_url, tmp_path, source(repo.url, verify="head", **{kind: file})
        ) as here:
            assert await here.look(), await here.message()
            new = signer.commit(repo, {"a.yaml": spec("a", "new")})
            with monkeypatch.context() as broken:
                spoil(file, harm, broken)
                assert not await here.look()

                assert (False, "Misconfigured") == (await here.conditions())[VERIFIED]
                assert told in await here.message(VERIFIED)
                assert live == (await here.row()).active
            file.write_text(good)
            file.chmod(0o644)
            assert await here.look()
            assert new == (await here.row()).active
            assert (True, "Ok") == (await here.conditions())[VERIFIED]

    with homes() as people:
        asyncio.run(story(people))


def test_the_name_of_a_signer_is_plain(repo, tmp_path, database_url, dana):
    """
    What stands in a file of signers or in a commit reaches a terminal without its control marks.
    """

    async def story():
        signers = allowed(tmp_path / "signers", f'"dana \x1b[31m@acme" {dana.public}')
        head = dana.commit(repo, {"a.yaml": spec("a")})
        named = source(repo.url, verify="head", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()

            for step in (await here.commit(head)).history:
                assert str(step["reason"]).isprintable()

    asyncio.run(story())
