"""The refs of a repository on this machine, without asking git."""

import pytest

from engine.git.failure import GitFailed
from engine.git.local import read_ref, signs, stamps
from tests.git.repo import Repo, spec

MAIN = "refs/heads/main"


def test_a_branch_is_read_loose_packed_and_through_another(tmp_path):
    """
    However git keeps a branch, its commit is the one that `git rev-parse` says.
    """
    repo = Repo(tmp_path / "repo")
    assert read_ref(repo.url, MAIN) is None
    head = repo.commit({"a.yaml": spec("a")})
    assert head == read_ref(repo.url, MAIN)
    repo.git("pack-refs", "--all")
    assert not (repo.folder / ".git" / MAIN).exists()
    assert head == read_ref(repo.url, MAIN)
    repo.git("symbolic-ref", "refs/heads/live", MAIN)
    assert head == read_ref(repo.url, "refs/heads/live")
    newer = repo.commit({"a.yaml": spec("a", "newer")})

    assert newer == read_ref(repo.url, MAIN)
    assert read_ref(repo.url, "refs/heads/gone") is None


def test_bare_repositories_and_linked_work_trees_are_read(tmp_path):
    """
    A path may be a bare repository or a linked work tree.
    """
    repo = Repo(tmp_path / "repo")
    head = repo.commit({"a.yaml": spec("a")})
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare"))
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"), "-b", "other")

    assert head == read_ref(str(tmp_path / "bare"), MAIN)
    assert head == read_ref(str(tmp_path / "linked"), MAIN)


def test_what_only_git_can_tell_is_left_to_git(tmp_path):
    """
    Tags, tables of refs and rings of refs are not guessed at.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.yaml": spec("a")})
    (repo.folder / ".git/refs/heads/ring").write_text("ref: refs/heads/ring\n")
    for ref in ("refs/tags/v1", "refs/heads/ring"):
        with pytest.raises(LookupError):
            read_ref(repo.url, ref)
    (repo.folder / ".git/reftable").mkdir()
    with pytest.raises(LookupError):
        read_ref(repo.url, MAIN)


def test_a_folder_that_is_no_repository_says_so(tmp_path):
    """
    A path without a repository is a plain failure, which a later pass may find mended.
    """
    with pytest.raises(GitFailed, match="no Git repository"):
        read_ref(str(tmp_path / "nowhere"), MAIN)


def test_a_commit_changes_the_stamps(tmp_path):
    """
    Whoever watches the stamps learns of a repository's birth and of every commit.
    """
    path = str(tmp_path / "repo")
    assert [(0, 0, 0), (0, 0, 0)] == stamps(signs(path, MAIN))
    repo = Repo(tmp_path / "repo")
    watched = signs(path, MAIN)
    told = [stamps(watched)]
    repo.commit({"a.yaml": spec("a")})
    told.append(stamps(watched))
    repo.git("pack-refs", "--all")
    told.append(stamps(watched))
    repo.commit({"a.yaml": spec("a", "b")})
    told.append(stamps(watched))

    assert 4 == len({str(each) for each in told})
