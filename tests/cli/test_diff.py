"""`sark diff` in a repository, as a person types it."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import cli
from tests.git.repo import Repo

HELLO = """\
apiVersion: sark/v1
kind: Workflow
name: hello
steps:
  say: {uses: echo.say@1, with: {message: hello}}
"""


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repo:
    made = Repo(tmp_path / "repo")
    monkeypatch.chdir(made.folder)
    return made


def commit(repo: Repo, text: str, name: str = "flows/hello.yaml") -> str:
    (repo.folder / name).parent.mkdir(exist_ok=True, parents=True)
    (repo.folder / name).write_text(text)
    repo.git("add", "-A")
    repo.git("commit", "-qm", "change")
    return repo.head


def diff(*words: str) -> Result:
    return CliRunner().invoke(cli, ["diff", *words])


def test_the_work_tree_is_told_against_a_commit(repo: Repo):
    """
    What is not committed yet is compared to HEAD; formatting and comments are no change.
    """
    commit(repo, HELLO)
    (repo.folder / "flows/hello.yaml").write_text(f"# Say it.\n{HELLO}")
    same = diff()
    (repo.folder / "flows/hello.yaml").write_text(HELLO.replace("message: hello", "message: you"))
    other = diff("HEAD", "flows", "--exit-code")

    assert (0, "No workflow changes.\n") == (same.exit_code, same.stdout)
    assert 1 == other.exit_code
    assert "  ~ hello                              hello.yaml\n" in other.stdout
    assert "steps.say.with.message           hello -> you\n" in other.stdout


def test_commits_are_told_against_each_other(repo: Repo):
    """
    A..B is from one to the other; A...B is what B has done since it left A, as a pull request.
    """
    first = commit(repo, HELLO)
    repo.git("checkout", "-qb", "topic")
    commit(repo, HELLO.replace("message: hello", "message: you"))
    repo.git("checkout", "-q", "main")
    commit(repo, HELLO.replace("hello", "other"), "flows/other.yaml")
    two = json.loads(diff("main..topic", "--json").stdout)
    three = json.loads(diff("main...topic", "--json").stdout)
    since = json.loads(diff("main..", "--json").stdout)

    assert ["hello", "other"] == [each["workflow"] for each in two["workflows"]]
    assert ["removed"] == [each["kind"] for each in two["workflows"][1:]]
    assert ["hello"] == [each["workflow"] for each in three["workflows"]]
    assert (first, repo.git("rev-parse", "topic")) == (three["base"], three["head"])
    assert [] == since["workflows"]


def test_files_beside_a_spec_count(repo: Repo):
    """
    A file that a spec names is read from the commit, as it was then.
    """
    template = HELLO.replace("echo.say@1, with: {message: hello}", "text.render@1, "
                             "with: {template: hello.txt, values: {}}")  # fmt: skip
    commit(repo, "Hello", "flows/hello.txt")
    commit(repo, template)
    commit(repo, "Hello you", "flows/hello.txt")

    told = diff("HEAD~1..HEAD", "flows")

    assert 0 == told.exit_code, told.output


def test_what_does_not_compile_is_told(repo: Repo):
    """
    Specs with an error are no change: their findings are told. Before the change they were
    nothing, and what mends them is new.
    """
    commit(repo, HELLO.replace("echo.say", "echo.sya"))
    broken = diff("HEAD", "flows")
    (repo.folder / "flows/hello.yaml").write_text(HELLO)
    mended = diff("HEAD", "flows")

    assert "1 errors in the working tree; nothing of it would be activated" in str(broken.exception)
    assert "unknown-operation" in broken.stderr
    assert "1 error in" in mended.stderr
    assert "  + hello" in mended.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "the repository has no commit 'nowhere': it names nothing, or no commit"),
        (("--", "-x..HEAD"), "the repository has no commit '-x'"),
        (("HEAD..side", "flows"), "no commit 'side'"),
        (("HEAD", "flows/hello.yaml"), "PATH is the folder of a source"),
        (("HEAD...alone",), "have no commit in common"),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_says_why(repo: Repo, words: tuple[str, ...], told: str) -> None:
    """
    A name that is no commit, a path that is no folder, and histories that never met are told.
    """
    commit(repo, HELLO)
    repo.git("checkout", "-q", "--orphan", "alone")
    commit(repo, HELLO.replace("hello", "alone"))
    repo.git("checkout", "-q", "main")
    done = diff(*words)

    assert 0 != done.exit_code
    assert told in done.output + str(done.exception)


def test_there_is_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """
    Outside of any repository the command says so.
    """
    monkeypatch.chdir(tmp_path)
    if any((each / ".git").exists() for each in (tmp_path, *tmp_path.parents)):
        monkeypatch.chdir(os.sep)

    assert "is in no Git repository" in str(diff().exception)
