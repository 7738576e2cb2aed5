"""Repositories that ask who we are: tokens over https, keys over ssh; nobody else learns them."""

import asyncio
import logging
import os
import shlex
import subprocess
from pathlib import Path

import pytest

from engine.errors import Misconfigured
from engine.git.credential import Credential
from engine.reconcile.access import grouped
from tests.git.desk import GOOD, HERE, desk, source
from tests.git.repo import Repo, spec
from tests.git.serving import forge
from tests.git.signing import by_ssh

SECRET = "s3cret-t0ken-of-the-forge"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "served" / "repo")


def written(folder: Path) -> str:
    """Return all that stands in the files of a folder."""
    files = [each for each in folder.rglob("*") if each.is_file()]
    return "".join(each.read_bytes().decode("latin-1") for each in files)


def test_a_token_opens_a_repository_and_is_nowhere(repo, tmp_path, database_url, caplog):
    """
    S88: the token of a file is sent as a header; no file of ours, no table, no message and no line
    of the log has it. A new one in its place is used by the next look, without a restart.
    """

    async def story():
        head = repo.commit({"a.yaml": spec("a")})
        token = tmp_path / "token"
        token.write_text("wrong\n")
        with forge(tmp_path / "tls", tmp_path / "served") as server:
            server.token = SECRET
            named = source(f"{server.url}/repo/.git", token=f"file:{token}", ca=server.ca)
            async with desk(database_url, tmp_path / "state", named) as here:
                assert not await here.look()
                assert (False, "GitUnavailable") == (await here.conditions())["SourceReady"]
                token.write_text(f"{SECRET}\n")
                assert await here.look()

                assert (head, GOOD) == ((await here.row()).active, await here.conditions())
                token.write_text("revoked by now")
                server.token = "another"
                repo.commit({"a.yaml": spec("a", "new")})
                assert not await here.look()
                for text in (written(tmp_path / "state"), str(await here.row()), caplog.text):
                    for each in (SECRET, "revoked by now", "Basic "):
                        assert each not in text

    with caplog.at_level(logging.DEBUG):
        asyncio.run(story())


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("file:{folder}/gone", "No such file"),
        ("file:{folder}", "Is a directory"),
        ("env:NO_SUCH_TOKEN", "the variable NO_SUCH_TOKEN is not set"),
    ],
)
def test_a_token_that_is_missing_is_told(repo, tmp_path, database_url, reference, told):
    """
    A file that is gone, or a variable that is not set, is named with its source; what is live
    stays, and no server is asked without it.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        with forge(tmp_path / "tls", tmp_path / "served") as server:
            named = source(
                f"{server.url}/repo/.git", token=reference.format(folder=tmp_path), ca=server.ca
            )
            async with desk(database_url, tmp_path / "state", named) as here:
                assert not await here.look()

                assert (False, "CredentialMissing") == (await here.conditions())["SourceReady"]
                assert "token of source 'shop'" in await here.message()
                assert told in await here.message()
                assert [] == server.seen

    asyncio.run(story())


def test_a_redirect_is_told_and_not_followed(repo, tmp_path, database_url):
    """
    S79, S88: who sends us to another host, or into our own network, gets us nowhere: the other one
    hears nothing, and the condition says that the repository has moved.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        with (
            forge(tmp_path / "tls", tmp_path / "served") as server,
            forge(tmp_path / "other", tmp_path / "served") as other,
        ):
            server.elsewhere = other.url
            named = source(f"https://ann:{SECRET}@{server.url[8:]}/moved/repo/.git", ca=server.ca)
            async with desk(database_url, tmp_path / "state", named) as here:
                assert not await here.look()

                assert (False, "RepoMoved") == (await here.conditions())["SourceReady"]
                assert SECRET not in await here.message()
                assert ([], True) == (other.seen, bool(server.seen))

    asyncio.run(story())


def test_a_certificate_of_nobody_we_know_is_refused(repo, tmp_path, database_url):
    """
    Without `ca` the system's certificates count, and no token is sent to a host that has others.
    """

    async def story():
        repo.commit({"a.yaml": spec("a")})
        with forge(tmp_path / "tls", tmp_path / "served") as server:
            named = source(f"https://ann:{SECRET}@{server.url[8:]}/repo/.git")
            async with desk(database_url, tmp_path / "state", named) as here:
                assert not await here.look()

                assert (False, "GitUnavailable") == (await here.conditions())["SourceReady"]
                assert "certificate" in await here.message()
                assert [] == server.seen

    asyncio.run(story())


# Stands on the path as ssh: notes its words, then serves like sshd would.
SSH = '#!/bin/sh\nprintf "%s\\n" "$@" > {noted}\neval "exec git upload-pack {folder}"\n'


def test_a_key_opens_a_repository_over_ssh(repo, tmp_path, database_url, monkeypatch):
    """
    The key and the hosts of the source are used, and nothing of the account's: neither its
    configuration, nor its agent, nor its other keys and hosts.
    """

    async def story():
        head = repo.commit({"a.yaml": spec("a")})
        by_ssh(tmp_path, "deploy")
        key, hosts = tmp_path / "deploy.key", tmp_path / "known hosts"
        hosts.write_text("git.example ssh-ed25519 AAAA\n")
        noted = tmp_path / "noted"
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(SSH.format(noted=noted, folder=repo.folder))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        named = source("git@git.example:acme/x.git", ssh_key=key, known_hosts=hosts)
        async with desk(database_url, tmp_path / "state", named) as here:
            assert await here.look(), await here.message()
            assert head == (await here.row()).active
            words = noted.read_text().splitlines()
            assert "git@git.example" in words
            assert f'IdentityFile="{key}"' in words
            key.chmod(0o644)
            assert not await here.look()
            assert (False, "CredentialMissing") == (await here.conditions())["SourceReady"]
            assert "others may read" in await here.message()
            key.chmod(0o600)
            hosts.chmod(0o666)
            assert not await here.look()
            assert "everybody may write" in await here.message()
            hosts.unlink()
            assert not await here.look()
            assert f"known_hosts: {hosts}: No such file" in await here.message()

    asyncio.run(story())


def test_ssh_reads_the_words_as_they_are_meant(tmp_path, monkeypatch):
    """
    The real ssh, asked what it would do, names our files alone, whatever the account has set.
    """
    by_ssh(tmp_path, "my key")
    key, hosts = tmp_path / "my key.key", tmp_path / "known hosts"
    hosts.write_text("")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    ((_, command),) = Credential(ssh_key=key, known_hosts=hosts).variables()
    asked = subprocess.run(
        [*shlex.split(command), "-G", "git@git.example"], capture_output=True, check=True
    )
    told = dict(line.partition(" ")[::2] for line in asked.stdout.decode().splitlines())

    assert str(key) == told["identityfile"]
    assert str(hosts) == told["userknownhostsfile"].strip('"')
    for option, value in {
        "identitiesonly": "yes", "identityagent": "none", "stricthostkeychecking": "true",
        "globalknownhostsfile": "/dev/null", "batchmode": "yes", "forwardagent": "no",
        "permitlocalcommand": "no",
    }.items():  # fmt: skip
        assert value == told[option]
    with pytest.raises(Exception, match="reads quotes"):
        Credential(ssh_key=_copy(key, tmp_path / "100%"), known_hosts=hosts).variables()


def test_what_makes_a_header_is_asked_each_time(repo, tmp_path):
    """
    A credential that is made for the occasion, as an app's token is, is made before each
    conversation, and never kept.
    """
    from engine.git.address import parse
    from engine.git.credential import basic
    from engine.git.mirror import Mirror

    repo.commit({"a.yaml": spec("a")})
    asked: list[str] = []

    def made() -> str:
        asked.append(f"token-{len(asked)}")
        return basic("x-access-token", asked[-1])

    with forge(tmp_path / "tls", tmp_path / "served") as server:
        credential = Credential(made, ca=server.ca)
        address = parse(f"{server.url}/repo/.git")
        mirror = Mirror(tmp_path / "m", address, credential=credential, limits=HERE)
        mirror.heads(["refs/heads/main"])
        mirror.fetch("refs/heads/main")

        assert 2 == len(asked)
        assert len(set(server.seen)) == 2
    assert "token-" not in repr(credential)


def test_sources_of_one_repository_have_one_credential():
    """
    Two tokens for one mirror would make it a matter of luck who is let in: it is refused at the
    start, with the names of the sources.
    """
    one = source("https://git.example/x", "one", token="env:ONE")
    other = source("https://git.example/x", "two", token="env:TWO")
    with pytest.raises(Misconfigured, match="the sources one, two are of one repository"):
        grouped([one, other])

    assert 1 == len(grouped([one, one.model_copy(update={"name": "two"})]))


def _copy(file: Path, to: Path) -> Path:
    to.write_bytes(file.read_bytes())
    to.chmod(0o600)
    return to
