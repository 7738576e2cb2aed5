"""The example repository that `sark up` makes, whatever the machine's Git is told to do."""

import os
import subprocess
from pathlib import Path

import pytest

from engine.local import example
from tests.git.repo import ENVIRONMENT

HOSTILE = """\
[commit]
\tgpgSign = true
\ttemplate = /nonexistent
[core]
\thooksPath = {hooks}
[init]
\tdefaultBranch = trunk
[user]
\tuseConfigOnly = true
"""


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True,
        env={**os.environ, **ENVIRONMENT},
    )  # fmt: skip
    return done.stdout.strip()


def test_it_holds_the_specs_in_one_commit(tmp_path: Path) -> None:
    """
    The example is a repository on main with specs that run on any machine.
    """
    made = example.make(tmp_path / "repo")

    assert "main" == git(made, "symbolic-ref", "--short", "HEAD")
    assert "1" == git(made, "rev-list", "--count", "HEAD")
    names = ["count-greetings.yaml", "hello.yaml", "release-note.yaml"]
    assert names == git(made, "ls-files").splitlines()
    assert "" == git(made, "status", "--short")


def test_it_is_made_once(tmp_path: Path) -> None:
    """
    A second start keeps what a person has committed since.
    """
    made = example.make(tmp_path / "repo")
    git(made, "commit", "-q", "--allow-empty", "-m", "mine")

    assert made == example.make(tmp_path / "repo")
    assert "mine" == git(made, "log", "-1", "--format=%s")


def test_a_start_that_was_cut_off_is_made_good(tmp_path: Path) -> None:
    """
    What a killed start left half made does not stand in the way of the next.
    """
    (tmp_path / "repo.half" / ".git").mkdir(parents=True)

    made = example.make(tmp_path / "repo")

    assert "1" == git(made, "rev-list", "--count", "HEAD")
    assert not (tmp_path / "repo.half").exists()


def test_a_persons_git_settings_do_not_stand_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Signed commits, hooks and a missing name in a person's own settings stop nothing.
    """
    hook = tmp_path / "hooks" / "pre-commit"
    hook.parent.mkdir()
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (tmp_path / ".gitconfig").write_text(HOSTILE.format(hooks=hook.parent))
    monkeypatch.setenv("HOME", str(tmp_path))

    made = example.make(tmp_path / "repo")

    assert "Example workflows" == git(made, "log", "-1", "--format=%s")


def test_a_repository_around_it_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Started from a hook of another repository, it writes to its own.
    """
    (tmp_path / "outer").mkdir()
    git(tmp_path / "outer", "init", "-q")
    with monkeypatch.context() as inside:
        inside.setenv("GIT_DIR", str(tmp_path / "outer" / ".git"))
        inside.setenv("GIT_INDEX_FILE", str(tmp_path / "outer" / ".git" / "index"))
        made = example.make(tmp_path / "repo")

    assert "1" == git(made, "rev-list", "--count", "HEAD")
    assert "" == git(tmp_path / "outer", "for-each-ref")
