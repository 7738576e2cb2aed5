"""Heads of pull requests: kept apart from what is trusted, merged as the forge merges them."""

import pytest

from engine.errors import Misconfigured
from engine.git.address import parse
from engine.git.failure import GitFailed, Refused
from engine.git.mirror import MAX_FILE, Mirror
from engine.git.pulls import Merged, Pulls
from tests.git.repo import Repo, contents, spec

MAIN, HEAD = "refs/heads/main", "refs/pull/7/head"


@pytest.fixture
def fork(tmp_path, repo) -> Repo:
    """Another's copy, from which pull requests come."""
    repo.commit({"flows/a.yaml": spec("a"), "flows/b.yaml": spec("b"), "other.txt": "x\n"})
    fork = Repo(tmp_path / "fork")
    fork.git("pull", "-q", repo.url, "main")
    return fork


@pytest.fixture
def pulls(tmp_path, repo) -> Pulls:
    return Pulls(tmp_path / "mirrors", parse(repo.url))


def ask(repo: Repo, fork: Repo, number: int = 7) -> str:
    """Open a pull request, which the forge keeps in the base repository under its own ref."""
    repo.git("fetch", "-q", fork.url, f"+main:refs/pull/{number}/head")
    return fork.head


def has(mirror: Mirror, thing: str) -> bool:
    return mirror._inside.ask(("cat-file", "-e", thing), 10).status == 0


def test_what_a_fork_brings_never_enters_the_trusted_mirror(repo, fork, mirror, pulls):
    """
    Its commit and contents are read beside the mirror, which does not know them, and base files
    are not held twice.
    """
    base = mirror.fetch(MAIN)
    head = fork.commit({"flows/c.yaml": spec("c")})
    ask(repo, fork)

    assert (base, head) == pulls.bring(MAIN, HEAD)
    merged = pulls.merge(base, head)
    assert {"a.yaml", "b.yaml", "c.yaml"} == set(pulls.tree(merged.tree, "flows").blobs)
    assert spec("c").encode() == contents(pulls, merged.tree, "flows")["c.yaml"]
    assert not has(mirror, head)
    assert not has(mirror, pulls.tree(head, "flows").blobs["c.yaml"])
    assert not (pulls._place / "objects" / base[:2] / base[2:]).exists()


def test_heads_are_read_where_there_is_no_mirror_yet(repo, fork, pulls):
    """
    A pull request may come before the branch was ever looked at.
    """
    head = fork.commit({"flows/c.yaml": spec("c")})
    ask(repo, fork)

    assert (repo.head, head) == pulls.bring(MAIN, HEAD)
    assert "c.yaml" in pulls.tree(pulls.merge(repo.head, head).tree, "flows").blobs


def test_both_sides_are_merged(repo, fork, mirror, pulls):
    """
    What the base has got since the head left it is in the merged tree; neither side's commit is.
    """
    fork.commit({"flows/a.yaml": spec("a", "ours")})
    base = repo.commit({"flows/b.yaml": spec("b", "theirs")})
    head = ask(repo, fork)
    mirror.fetch(MAIN)
    pulls.bring(MAIN, HEAD)
    found = contents(pulls, pulls.merge(base, head).tree, "flows")

    assert {"a.yaml": spec("a", "ours").encode(), "b.yaml": spec("b", "theirs").encode()} == found


def test_a_conflict_names_its_files(repo, fork, pulls):
    """
    Two words about one line are no tree to read, but the file they stand in.
    """
    fork.commit({"flows/a.yaml": spec("a", "ours")})
    base = repo.commit({"flows/a.yaml": spec("a", "theirs")})
    head = ask(repo, fork)
    pulls.bring(MAIN, HEAD)

    assert ["flows/a.yaml"] == pulls.merge(base, head).conflicts


def test_a_large_blob_is_not_downloaded(repo, fork, mirror, pulls, tmp_path):
    """
    Three megabytes in a pull request stay at the forge, the merge goes on, even past renames.
    """
    mirror.fetch(MAIN)
    (fork.folder / "flows/big.yaml").write_bytes(bytes(range(256)) * 12_000)
    head = fork.commit({"flows/moved.yaml": spec("a", "ours")}, gone=["flows/a.yaml"])
    repo.git("config", "uploadpack.allowFilter", "true")
    ask(repo, fork)
    base, _ = pulls.bring(MAIN, HEAD)
    found = contents(pulls, pulls.merge(base, head).tree, "flows")

    assert None is found["big.yaml"]
    assert spec("a", "ours").encode() == found["moved.yaml"]
    size = sum(each.stat().st_size for each in (tmp_path / "mirrors").rglob("*") if each.is_file())
    assert size < MAX_FILE


def test_hostile_trees_are_refused(repo, fork, pulls):
    """
    A link, a submodule and a name that is a trap stop at the tree, whoever has pushed them.
    """
    for mode, kind, content, reason in (
        ("120000", "blob", "/etc/passwd", "tree-symlink"),
        ("160000", "id", "1" * 40, "tree-submodule"),
    ):
        fork.commit_tree((mode, kind, content, b"evil.yaml"))
        head = ask(repo, fork)
        base, _ = pulls.bring(MAIN, HEAD)
        with pytest.raises(Refused) as refused:
            pulls.tree(pulls.merge(base, head).tree, ".")

        assert reason == refused.value.reason


def test_git_s_own_checks_hold_for_heads(repo, fork, pulls):
    """
    A tree with `.git` in it is refused when it is fetched, and nothing of it stays.
    """
    fork.commit_tree(("100644", "blob", "x", b".git"))
    ask(repo, fork)
    with pytest.raises(Refused) as refused:
        pulls.bring(MAIN, HEAD)

    assert "git-fsck" == refused.value.reason


@pytest.mark.parametrize(
    "ref", ["refs/pull/0/head", "refs/pull/7/merge", "--upload-pack=x", "refs/pull/7/head:x", "7"]
)
def test_other_refs_are_not_asked_for(pulls, ref):
    """
    Only the head of a numbered pull request is fetched, or a branch.
    """
    with pytest.raises(Misconfigured):
        pulls.bring(MAIN, ref)


def test_a_head_that_is_gone_is_no_reason_to_build_anew(repo, fork, pulls):
    """
    A pull request that the forge does not have is said to be missing.
    """
    with pytest.raises(GitFailed, match="refs/pull/7/head is not in the repository"):
        pulls.bring(MAIN, HEAD)


def test_it_mends_itself_when_the_mirror_is_gone(repo, fork, mirror, pulls, tmp_path):
    """
    The mirror that it borrows from may be made anew at any time.
    """
    import shutil

    mirror.fetch(MAIN)
    fork.commit({"flows/c.yaml": spec("c")})
    ask(repo, fork)
    pulls.bring(MAIN, HEAD)
    shutil.rmtree(mirror._place)
    head = fork.commit({"flows/d.yaml": spec("d")})
    ask(repo, fork)
    base, _ = pulls.bring(MAIN, HEAD)

    assert "d.yaml" in pulls.tree(pulls.merge(base, head).tree, "flows").blobs


def test_a_head_is_forgotten(repo, fork, pulls):
    """
    Once a pull request is closed, nothing holds on to what it brought.
    """
    head = fork.commit({"flows/c.yaml": spec("c")})
    ask(repo, fork)
    pulls.bring(MAIN, HEAD)
    pulls.forget(HEAD)

    assert "" == pulls._inside.run("for-each-ref", "--contains", head).decode()
    assert Merged("x") == Merged("x", ())
