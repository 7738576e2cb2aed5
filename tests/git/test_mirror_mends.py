"""A mirror that was harmed, cut short or crowded: it mends itself and loses nothing."""

import fcntl
import random
import shutil

import pytest

from engine.git import mirror as mirror_
from engine.git.address import parse
from engine.git.failure import GitFailed, Refused
from engine.git.limits import Limits
from engine.git.mirror import MAX_FILE, Mirror
from tests.git.repo import contents

MAIN = "refs/heads/main"


def test_a_fetch_over_the_quota_leaves_nothing(repo, tmp_path):
    """
    S86: a fetch that brings too much is ended, and gives its room on the disk back.
    """
    limits = Limits(mirror=100_000)
    mirror = Mirror(tmp_path / "small", parse(repo.url), limits=limits)
    repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    repo.commit({f"{i}.yaml": random.Random(i).randbytes(10_000).hex() for i in range(20)})  # nosec
    with pytest.raises(Refused) as told:
        mirror.fetch(MAIN)

    assert "repository-too-large" == told.value.reason
    assert "may take 97" in str(told.value)
    left = [each for each in (tmp_path / "small").rglob("*") if each.is_file()]
    assert sum(each.stat().st_size for each in left) <= limits.mirror


def test_what_a_mirror_has_gathered_is_let_go(repo, tmp_path):
    """
    S86: a mirror that has grown over its limit by what nobody needs any more is made anew.
    """
    repo.commit({"a.yaml": "A"})
    mirror = Mirror(tmp_path / "small", parse(repo.url), limits=Limits(mirror=150_000))
    for i in range(6):
        repo.git("checkout", "-q", "--orphan", f"other{i}")
        head = repo.commit({"a.yaml": random.Random(i).randbytes(20_000).hex()})
        repo.git("update-ref", MAIN, head)
        assert head == mirror.fetch(MAIN)

        packs = (tmp_path / "small").rglob("*.pack")
        assert sum(each.stat().st_size for each in packs) <= 150_000


def place(mirror: Mirror):
    return mirror._place


@pytest.mark.parametrize("harm", ["deleted", "objects", "head", "config", "pack", "ref", "lock"])
def test_a_harmed_mirror_mends_itself(repo, mirror, harm):
    """
    Deleted, emptied, scribbled over or locked by a dead process: the next fetch is whole again.
    """
    repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    folder = place(mirror)
    match harm:
        case "deleted":
            shutil.rmtree(folder)
        case "objects":
            shutil.rmtree(folder / "objects")
        case "head" | "config":
            (folder / ("HEAD" if harm == "head" else "config")).write_text("scribble")
        case "pack":
            for each in (folder / "objects/pack").iterdir():
                each.chmod(0o600)
                each.write_bytes(b"scribble")
        case "ref":
            for each in (folder / "refs/sark").iterdir():
                each.write_text("1" * 40 + "\n")
        case "lock":
            for name in ("config.lock", "HEAD.lock", "packed-refs.lock", "refs/sark/x.lock"):
                (folder / name).write_text("")
            for each in list((folder / "refs/sark").iterdir()):
                each.with_name(f"{each.name}.lock").write_text("")
    head = repo.commit({"b.yaml": "B"})

    assert head == mirror.fetch(MAIN)
    try:
        found = contents(mirror, head)
    except GitFailed:
        assert head == mirror.rebuild(MAIN)
        found = contents(mirror, head)
    assert {"a.yaml": b"A", "b.yaml": b"B"} == found


def test_an_outage_costs_no_mirror(repo, mirror, tmp_path):
    """
    While the remote is away the mirror stays, and what it holds can be read.
    """
    head = repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    repo.folder.rename(tmp_path / "away")
    with pytest.raises(GitFailed):
        mirror.fetch(MAIN)

    assert {"a.yaml": b"A"} == contents(mirror, head)


def test_a_rebuild_that_fails_leaves_the_old_mirror(repo, mirror, tmp_path):
    """
    A mirror is replaced by a whole one or not at all.
    """
    head = repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    repo.folder.rename(tmp_path / "away")
    with pytest.raises(GitFailed):
        mirror.rebuild(MAIN)

    assert {"a.yaml": b"A"} == contents(mirror, head)
    assert [] == list((tmp_path / "mirrors").glob("*.new"))


def test_two_processes_do_not_share_a_mirror(repo, mirror):
    """
    While another process is at work, a fetch is put off and nothing is deleted under it.
    """
    repo.commit({"a.yaml": "A"})
    mirror.fetch(MAIN)
    with place(mirror).with_suffix(".lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(GitFailed, match="another process"):
            mirror.fetch(MAIN)


def test_many_fetches_are_put_together(repo, mirror, monkeypatch):
    """
    The packs of many fetches become few, and the mirror goes on working.
    """
    monkeypatch.setattr(mirror_, "_MANY_PACKS", 3)
    for i in range(6):
        repo.commit({"a.yaml": f"{i}", "large.bin": "x" * (MAX_FILE + i + 1)})
        mirror.fetch(MAIN)
    mirror.tidy()

    assert len(list((place(mirror) / "objects/pack").glob("*.pack"))) <= 3
    head = repo.commit({"a.yaml": "last"})
    assert head == mirror.fetch(MAIN)
    assert b"last" == contents(mirror, head)["a.yaml"]
