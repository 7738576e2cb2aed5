"""How git is run: alone with what we say, for as long as we say."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.git import command
from engine.git.address import parse
from engine.git.command import Runner, first
from engine.git.environment import environment, program, reach
from engine.git.failure import GitFailed, TooMuch
from engine.git.mirror import Mirror
from tests.git.desk import HERE
from tests.git.repo import Repo, spec


@pytest.fixture
def tarpit() -> Iterator[int]:
    """A server that takes a connection and never says a word; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    kept.append(server.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield int(server.getsockname()[1])
        for each in kept:
            each.close()


def children() -> list[str]:
    """Return the command lines of git processes that descend from this one."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, IndexError):
            continue
        if parent in (os.getpid(), 1) and "git" in words and "ls-remote" in words:
            found.append(words)
    return found


def test_a_silent_server_is_left_in_time(tmp_path, tarpit):
    """
    A server that never answers costs the time-out and no more, and leaves no process behind.
    """
    address = parse(f"https://127.0.0.1:{tarpit}/x.git")
    Mirror(tmp_path, address)._prepare(tmp_path / "m")
    runner = Runner(tmp_path / "m", reach(address, tmp_path / "c"))
    began = time.monotonic()
    with pytest.raises(GitFailed, match="took too long"):
        runner.run("ls-remote", "--", address.url, timeout=1)

    assert time.monotonic() - began < 30
    assert [] == children()


def test_a_process_that_stops_ends_its_commands(tmp_path, tarpit):
    """
    Once a stop is asked for, a command that waits for the network ends, long before its time.
    """
    halted = threading.Event()
    mirror = Mirror(tmp_path, parse(f"https://127.0.0.1:{tarpit}/x.git"), halted, limits=HERE)
    threading.Timer(0.2, halted.set).start()
    began = time.monotonic()
    with pytest.raises(GitFailed, match="the process stops"):
        mirror.heads(["refs/heads/main"])

    assert time.monotonic() - began < 10


ALONE = """\
import sys
from pathlib import Path
from engine.git import command
from engine.git.address import parse
from engine.git.mirror import Mirror
from tests.git.desk import HERE
# Of itself git would give a silent server up after 20 s, and nothing would be shown.
command.CONFIGURATION = (*command.CONFIGURATION, "-c", "http.lowSpeedTime=900")
Mirror(Path(sys.argv[1]), parse(sys.argv[2]), limits=HERE).heads(["refs/heads/main"])
"""


def speaking(url: str, but: int) -> list[int]:
    """Return the processes that were told a URL; `but` is not counted."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if url.encode() in (folder / "cmdline").read_bytes() and int(folder.name) != but:
                found.append(int(folder.name))
    return found


def test_a_process_that_is_killed_takes_its_commands_along(tmp_path, tarpit):
    """
    A12: after kill -9 of a controller no git and none of its helpers waits on for a server.
    """
    url = f"https://127.0.0.1:{tarpit}/x.git"
    with subprocess.Popen([sys.executable, "-c", ALONE, str(tmp_path), url]) as controller:
        limit = time.monotonic() + 60
        while len(speaking(url, controller.pid)) < 3 and time.monotonic() < limit:
            time.sleep(0.05)
        assert len(speaking(url, controller.pid)) >= 3
        controller.kill()
    limit = time.monotonic() + 60
    while (left := speaking(url, controller.pid)) and time.monotonic() < limit:
        time.sleep(0.05)

    assert [] == left


def test_a_credential_is_in_no_argument(tmp_path, tarpit):
    """
    S88: `ps` and the mirror's files show no token while git talks to the server, nor do errors.
    """
    halted = threading.Event()
    mirror = Mirror(
        tmp_path, parse(f"https://ann:s3cret@127.0.0.1:{tarpit}/x.git"), halted, limits=HERE
    )
    told: list[BaseException] = []

    def ask() -> None:
        try:
            mirror.heads(["refs/heads/main"])
        except GitFailed as error:
            told.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    limit = time.monotonic() + 5
    while not (words := children()) and time.monotonic() < limit:
        time.sleep(0.01)
    halted.set()
    thread.join()

    assert words
    written = [each.read_text() for each in tmp_path.rglob("*") if each.is_file()]
    for text in (*words, *written, str(told[0])):
        assert "s3cret" not in text
        assert "YW5uOnMzY3JldA" not in text


def test_a_credential_is_sent_to_its_own_repository_only(tmp_path):
    """
    S88: the header is bound to the URL, so that git sends it nowhere else.
    """
    address = parse("https://ann:s3cret@git.example/acme")
    told = environment(reach(address, tmp_path / "c"))

    assert "http.https://git.example/acme.extraHeader" == told["GIT_CONFIG_KEY_0"]
    assert "https" == told["GIT_ALLOW_PROTOCOL"]
    assert "GIT_CONFIG_COUNT" not in environment(reach(parse("https://git.example/x"), tmp_path))


def test_what_the_environment_says_of_git_is_taken_away(tmp_path, monkeypatch):
    """
    S85: GIT_DIR, GIT_CONFIG_PARAMETERS, GIT_EXTERNAL_DIFF and their like mean nothing to us.
    """
    repo = Repo(tmp_path / "repo")
    head = repo.commit({"a.yaml": spec("a")})
    trace = tmp_path / "trace"
    for name, value in {
        "GIT_DIR": "/nowhere",
        "GIT_OBJECT_DIRECTORY": "/nowhere",
        "GIT_CONFIG_PARAMETERS": "'core.bare'='oops'",
        "GIT_TRACE": str(trace),
        "GIT_EXTERNAL_DIFF": "false",
    }.items():
        monkeypatch.setenv(name, value)
    mirror = Mirror(tmp_path / "m", parse(repo.url))

    assert head == mirror.fetch("refs/heads/main")
    assert not trace.exists()
    assert ["env", "-u", "GIT_DIR", "git"] == program(["PATH", "GIT_DIR"], {})


def test_configuration_of_user_and_system_is_not_read(tmp_path, monkeypatch):
    """
    S85: hooks, templates, rewritten URLs and other wonders of ~/.gitconfig are not honoured.
    """
    marker = tmp_path / "marker"
    template = tmp_path / "template" / "hooks"
    template.mkdir(parents=True)
    (template / "reference-transaction").write_text(f"#!/bin/sh\ntouch {marker}\n")
    (template / "reference-transaction").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[init]\n templateDir = {template.parent}\n[core]\n hooksPath = {template}\n"
        f' fsmonitor = touch {marker}\n[url "/nowhere"]\n insteadOf = /\n'
    )
    monkeypatch.setenv("HOME", str(home))
    repo = Repo(tmp_path / "repo")
    head = repo.commit({"a.yaml": spec("a")})

    assert head == Mirror(tmp_path / "m", parse(repo.url)).fetch("refs/heads/main")
    assert not marker.exists()


def test_what_git_says_loses_its_credentials():
    """
    S88: a URL with a password in git's own complaint is shown without it.
    """
    told = first("warning: x\nfatal: unable to access 'https://u:s3cret@host/x/': 403\n")

    assert "unable to access 'https://***@host/x/': 403" in told
    assert "s3cret" not in told


def test_a_missing_folder_is_never_replaced_by_ours(tmp_path):
    """
    A command names its repository; where that is gone it fails, and reads no other.
    """
    with pytest.raises(GitFailed, match="not a git repository"):
        Runner(tmp_path / "gone").run("rev-parse", "HEAD")


def test_a_command_that_prints_without_end_is_ended(tmp_path, monkeypatch):
    """
    S86: output has a limit; over it the command is killed, and the failure says so.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.txt": "x" * 300_000})
    monkeypatch.setattr(command, "_MOST_OUTPUT", 100_000)
    with pytest.raises(TooMuch, match="printed too much"):
        Runner(repo.folder / ".git").run("cat-file", "blob", "HEAD:a.txt")
