"""A mirror: what it brings, what it refuses, and how it mends itself."""

import shutil

import pytest

from engine.errors import Misconfigured
from engine.git import mirror as mirror_
from engine.git.address import parse
from engine.git.environment import trusting
from engine.git.failure import GitFailed, Refused
from engine.git.limits import Limits
from engine.git.mirror import MAX_FILE, Mirror
from engine.git.tree import inside
from tests.git.repo import Repo, contents, spec

MAIN = "refs/heads/main"


def test_a_commit_is_fetched_listed_and_read(repo, mirror):
    """
    What was committed is what is read, below the root that is asked for.
    """
    head = repo.commit({"flows/a.yaml": "A", "flows/deep/b.yaml": "B", "other.txt": "C"})

    assert head == mirror.fetch(MAIN)
    assert {"a.yaml": b"A", "deep/b.yaml": b"B"} == contents(mirror, head, "flows")
    assert {"flows/a.yaml", "flows/deep/b.yaml", "other.txt"} == set(mirror.tree(head, ".").blobs)


def test_an_older_tree_and_what_differs_make_the_new_one(repo, mirror):
    """
    Added, changed, moved and removed files: the difference says the same as the whole list.
    """
    old = repo.commit({"f/a.yaml": "1", "f/b.yaml": "2", "f/c/d.yaml": "3", "x": "4", "f2/a": "5"})
    (repo.folder / "f/c/d.yaml").unlink()
    (repo.folder / "f/c").rmdir()
    new = repo.commit(
        {"f/a.yaml": "9", "f/e.yaml": "2", "f/c": "file", "x": "6"}, gone=["f/b.yaml"]
    )
    mirror.fetch(MAIN)
    for root in ("f", "."):
        before = mirror.tree(old, root)

        assert mirror.tree(new, root) == mirror.tree(new, root, before)


def test_a_large_blob_stays_at_the_remote(repo, mirror, tmp_path):
    """
    S86: a file over the limit of a spec is neither downloaded nor read, and its neighbours are.
    """
    repo.commit({"a.yaml": "A", "huge.yaml": "x" * (MAX_FILE + 1), "z.yaml": "Z"})
    (repo.folder / "big.bin").write_bytes(bytes(range(256)) * 40_000)
    head = repo.commit({"b.yaml": "B"})
    mirror.fetch(MAIN)

    assert {"a.yaml": b"A", "b.yaml": b"B", "big.bin": None, "huge.yaml": None, "z.yaml": b"Z"} == (
        contents(mirror, head)
    )
    size = sum(each.stat().st_size for each in (tmp_path / "mirrors").rglob("*.pack"))
    assert size < 100_000


def test_many_blobs_are_read_in_groups(repo, mirror):
    """
    More contents than a pipe holds are read without anybody waiting for the other.
    """
    head = repo.commit({f"{i}.yaml": f"{i} " * 50 for i in range(1200)})
    mirror.fetch(MAIN)

    assert {f"{i}.yaml": f"{i} ".encode() * 50 for i in range(1200)} == contents(mirror, head)


def test_heads_are_those_of_the_refs_that_are_there(repo, mirror):
    """
    A missing ref is left out; a tag, annotated or not, is the commit that it names.
    """
    assert {} == mirror.heads([MAIN])
    head = repo.commit({"a.yaml": "A"})
    repo.git("tag", "light")
    repo.git("tag", "-a", "-m", "told", "heavy")
    refs = [MAIN, "refs/heads/gone", "refs/tags/light", "refs/tags/heavy"]

    assert dict.fromkeys([MAIN, "refs/tags/light", "refs/tags/heavy"], head) == mirror.heads(refs)
    assert head == mirror.fetch("refs/tags/heavy")


def test_a_branch_may_take_a_folder_s_place(repo, mirror):
    """
    `refs/heads/a` after `refs/heads/a/b`: no name of the remote's is in another's way.
    """
    repo.commit({"a.yaml": "A"})
    repo.git("branch", "a/b")
    mirror.fetch("refs/heads/a/b")
    repo.git("branch", "-D", "a/b")
    repo.git("branch", "a")

    assert repo.head == mirror.fetch("refs/heads/a")


def test_facts_are_plain_and_short(repo, mirror):
    """
    Author, subject, time and trailers of a commit, fit for a terminal.
    """
    repo.commit({"a.yaml": "A"}, "\x1b[31mred " + "x" * 300 + "\n\nbody\n\nSark-Prune: 12\n")
    head = mirror.fetch(MAIN)
    facts = mirror.facts(head)

    assert (head, "Ann", frozenset({12})) == (facts.sha, facts.author, facts.prunes)
    assert facts.subject.isprintable()
    assert 200 == len(facts.subject)
    assert facts.at.tzinfo is not None


def test_the_line_between_two_commits_is_told(repo, mirror):
    """
    The commits after the old one are told, newest first; a rewound branch has no such line.
    """
    first = repo.commit({"a.yaml": "1"})
    second, third = repo.commit({"a.yaml": "2"}), repo.commit({"a.yaml": "3"})
    mirror.fetch(MAIN)

    assert [third, second] == [each.sha for each in mirror.between(first, third)]
    assert mirror.is_ancestor(first, third)
    assert not mirror.is_ancestor(third, first)
    assert not mirror.is_ancestor("0" * 39 + "1", third)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (("120000", "blob", "/etc/passwd", b"a.yaml"), "tree-symlink"),
        (("120000", "blob", "../../secret", b"a.yaml"), "tree-symlink"),
        (("160000", "id", "1" * 40, b"sub"), "tree-submodule"),
        (("100644", "blob", "x", b"a\n.yaml"), "tree-name"),
        (("100644", "blob", "x", b"a\x1b[2J.yaml"), "tree-name"),
        (("100644", "blob", "x", b"\xff\xfe.yaml"), "tree-name"),
        (("100644", "blob", "x", b".."), "git-fsck"),
        (("100644", "blob", "x", b".git"), "git-fsck"),
        (("100644", "blob", "x", b".GIT"), "git-fsck"),
        (("100644", "blob", "x", b"git~1"), "git-fsck"),
        (("100644", "blob", "x", b"/etc/x"), "git-fsck"),
        (("100644", "blob", "x", b".g\xe2\x80\x8cit"), "git-fsck"),
        (("000000", "blob", "x", b"a.yaml"), "git-fsck"),
    ],
)
def test_entries_that_are_a_trap_are_refused(repo, mirror, entry, reason):
    """
    S82, S83: links, submodules and names that leave the tree: refused, and what they point to
    is not read.
    """
    head = repo.commit_tree(entry)
    with pytest.raises(Refused) as told:
        mirror.tree(mirror.fetch(MAIN), ".")

    assert reason == told.value.reason
    assert "root:" not in str(told.value)
    assert head == repo.git("rev-parse", MAIN)


def test_a_trap_that_comes_later_is_refused_as_well(repo, mirror):
    """
    S82: a link is found in a difference as it is in a whole list.
    """
    old = repo.commit({"a.yaml": "A"})
    (repo.folder / "b.yaml").symlink_to("/etc/passwd")
    new = repo.commit({})
    mirror.fetch(MAIN)
    with pytest.raises(Refused, match="symbolic link"):
        mirror.tree(new, ".", mirror.tree(old, "."))


@pytest.mark.parametrize("root", ["..", "a/../..", ".git", "a/.GIT/b", "a\nb"])
def test_a_root_outside_the_tree_is_a_mistake_of_the_configuration(root):
    """
    A root that leads out of the repository is no root of any commit.
    """
    with pytest.raises(Misconfigured):
        inside(root)


@pytest.mark.parametrize("root", ["gone", "a.yaml", "link", "a.yaml/b"])
def test_a_root_that_is_no_folder_is_refused(repo, mirror, root):
    """
    A missing root is told as such; a file and a link are no root.
    """
    (repo.folder / "link").symlink_to("/etc")
    head = repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    with pytest.raises(Refused) as told:
        mirror.tree(head, root)

    assert "root-missing" == told.value.reason


def test_too_many_files_are_refused(repo, tmp_path):
    """
    S86: a tree over the limit is refused before a file of it is read.
    """
    mirror = Mirror(tmp_path / "few", parse(repo.url), limits=Limits(files=10))
    old = repo.commit({f"{i}.yaml": "x" for i in range(9)})
    new = repo.commit({f"{i}.yaml": "x" for i in range(12)})
    mirror.fetch(MAIN)
    for before in (None, mirror.tree(old, ".")):
        with pytest.raises(Refused) as told:
            mirror.tree(new, ".", before)
        assert "too-many-files" == told.value.reason


def test_a_path_with_quotes_and_spaces_is_a_path(tmp_path):
    """
    A local repository may stand in a folder of any printable name.
    """
    repo = Repo(tmp_path / 'My "own" \\ specs')
    head = repo.commit({"a.yaml": "A"})
    mirror = Mirror(tmp_path / "m", parse(repo.url))

    assert head == mirror.fetch(MAIN)
    assert {"a.yaml": b"A"} == contents(mirror, head)


def test_attributes_of_the_repository_change_nothing(repo, mirror, tmp_path):
    """
    S84: filters, text conversion and pointers of LFS are data: nothing is run and nothing
    converted.
    """
    marker = tmp_path / "marker"
    head = repo.commit({
        ".gitattributes": "*.yaml filter=evil diff=evil text eol=crlf\n",
        "a.yaml": spec("a"),
        "pointer.yaml": "version https://git-lfs.github.com/spec/v1\n",
    })  # fmt: skip
    repo.git("config", "filter.evil.smudge", f"touch {marker}")
    repo.git("config", "uploadpack.packObjectsHook", f"touch {marker}")
    mirror.fetch(MAIN)

    assert spec("a").encode() == contents(mirror, head)["a.yaml"]
    assert not marker.exists()


def test_a_large_blob_of_a_server_without_filters_is_passed_over(repo, mirror, monkeypatch):
    """
    S86: a server that cannot leave blobs out sends them all; what is too large is still not kept.
    """
    head = repo.commit({"a.yaml": "A", "huge.yaml": "x" * (MAX_FILE + 1), "z.yaml": "Z"})
    plain = trusting(repo.url).replace("allowFilter = true", "allowFilter = false")
    monkeypatch.setattr(mirror_, "trusting", lambda _: plain)
    mirror.fetch(MAIN)

    assert {"a.yaml": b"A", "huge.yaml": None, "z.yaml": b"Z"} == contents(mirror, head)


def test_an_object_that_is_nowhere_is_a_failure(repo, mirror):
    """
    What is missing for another reason than its size is never taken for too large.
    """
    head = repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    with mirror.objects() as objects, pytest.raises(GitFailed, match="not in the mirror"):
        objects.read([head], MAX_FILE)


def test_a_mirror_follows_a_repository_to_longer_hashes(repo, mirror):
    """
    A SHA-256 repository in the place of a SHA-1 one is mirrored anew.
    """
    repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    shutil.rmtree(repo.folder / ".git")
    Repo(repo.folder, "sha256")
    head = repo.commit({"a.yaml": "B"})

    assert {MAIN: head} == mirror.heads([MAIN])
    assert head == mirror.fetch(MAIN)
    assert {"a.yaml": b"B"} == contents(mirror, head)
