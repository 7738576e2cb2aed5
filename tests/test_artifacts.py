"""The artifact store: files by their content, whole or not at all."""

import asyncio
import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.artifacts import LARGEST, LONGEST, Artifacts, tidy
from engine.core.compiler.timing import LONGEST as LONGEST_SPAN
from engine.errors import Invalid, NotFound, Unavailable

DAY = timedelta(days=1)


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    return Artifacts(tmp_path / "state" / "artifacts")


def file(tmp_path: Path, content: bytes = b"id,name\n1,ann\n", name: str = "file") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def contents(artifacts: Artifacts) -> list[Path]:
    return sorted(each for each in artifacts.folder.glob("*/*") if each.name != "lock")


def test_a_file_is_kept_and_found_again(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    The reference is plain JSON; what it leads to is the same bytes, which nobody may change.
    """
    reference = artifacts.keep(file(tmp_path), "raw", "text/csv", DAY)
    digest = hashlib.sha256(b"id,name\n1,ann\n").hexdigest()
    path = artifacts.path(reference)

    told = {"artifact": digest, "name": "raw", "media_type": "text/csv", "bytes": 14}
    assert told == reference
    assert b"id,name\n1,ann\n" == path.read_bytes()
    assert 0o400 == path.stat().st_mode & 0o777
    assert 0o700 == artifacts.folder.stat().st_mode & 0o777


@pytest.mark.parametrize("content", [b"", os.urandom(3 * (1 << 20) + 7)])
def test_any_size(artifacts: Artifacts, tmp_path: Path, content: bytes) -> None:
    """
    An empty file and one of several pieces are kept byte by byte.
    """
    reference = artifacts.keep(file(tmp_path, content), "raw", "text/csv", DAY)

    assert content == artifacts.path(reference).read_bytes()
    assert len(content) == reference["bytes"]


def test_the_same_content_is_kept_once(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    Two steps that keep the same bytes under other names share one file.
    """
    one = artifacts.keep(file(tmp_path, name="a"), "raw", "text/csv", DAY)
    two = artifacts.keep(file(tmp_path, name="b"), "copy", "text/plain", DAY)

    assert artifacts.path(one) == artifacts.path(two)
    assert [artifacts.path(one)] == contents(artifacts)


@pytest.mark.parametrize("spans", [(DAY, 3 * DAY), (3 * DAY, DAY)])
def test_the_longest_retention_wins(
    artifacts: Artifacts, tmp_path: Path, spans: tuple[timedelta, timedelta]
) -> None:
    """
    Content that several keep goes when the last of them no longer wants it.
    """
    now = datetime.now(UTC)
    for span in spans:
        reference = artifacts.keep(file(tmp_path), "raw", "text/csv", span)

    assert 0 == artifacts.forget(now + 2 * DAY)
    assert artifacts.path(reference).is_file()
    assert 1 == artifacts.forget(now + 4 * DAY)
    assert [] == contents(artifacts)


def test_what_was_forgotten_is_told(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    A reference to a file that is gone names it, and both ways in which that comes about.
    """
    reference = artifacts.keep(file(tmp_path), "raw", "text/csv", DAY)
    artifacts.forget(datetime.now(UTC) + 2 * DAY)

    with pytest.raises(NotFound, match=r"artifact 'raw' \(\w{12}\) is not in .*artifacts\.dir"):
        artifacts.path(reference)


def test_a_damaged_file_is_not_given(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    A file that is not as long as what was kept is an error, until it is kept anew.
    """
    reference = artifacts.keep(file(tmp_path), "raw", "text/csv", DAY)
    path = artifacts.path(reference)
    path.chmod(0o600)
    path.write_bytes(b"id")

    with pytest.raises(NotFound, match="has 2 bytes, and was kept with 14"):
        artifacts.path(reference)
    artifacts.keep(file(tmp_path), "raw", "text/csv", DAY)
    assert 14 == artifacts.path(reference).stat().st_size


TRAVERSAL = "../" * 20 + "etc/passwd"


@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        (None, "found null"),
        ("/etc/passwd", "found a text"),
        (7, "found 7"),
        (True, "found True"),
        ([], "found a list"),
        ({}, "found another mapping"),
        ({"artifact": "a" * 64}, "found another mapping"),
        ({"artifact": TRAVERSAL, "name": "raw", "bytes": 1}, "no SHA-256"),
        ({"artifact": "A" * 64, "name": "raw", "bytes": 1}, "no SHA-256"),
        ({"artifact": "a" * 64 + "\n", "name": "raw", "bytes": 1}, "no SHA-256"),
        ({"artifact": "a" * 63 + "/", "name": "raw", "bytes": 1}, "no SHA-256"),
        ({"artifact": "a" * 63, "name": "raw", "bytes": 1}, "no SHA-256"),
        ({"artifact": "٣" * 64, "name": "raw", "bytes": 1}, "no SHA-256"),
    ],
)
def test_what_is_no_reference(artifacts: Artifacts, reference: Any, sentence: str) -> None:
    """
    Only 64 hex digits ever become a path; all else is refused in words.
    """
    with pytest.raises(Invalid, match=sentence):
        artifacts.path(reference)


def test_an_unknown_artifact(artifacts: Artifacts) -> None:
    """
    A digest that nobody has kept is not found.
    """
    with pytest.raises(NotFound, match="is not in"):
        artifacts.path({"artifact": "a" * 64, "name": "raw", "media_type": "x/y", "bytes": 1})


def test_only_regular_files_are_kept(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    A link, a pipe, a folder and nothing at all are refused at once; nothing is waited for.
    """
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name, words in {
        "link": "it is a link",
        "pipe": "it is no regular file",
        "folder": "it is no regular file",
        "gone": "No such file",
    }.items():
        with pytest.raises(Invalid, match=f"artifact 'raw': {name}: {words}"):
            artifacts.keep(tmp_path / name, "raw", "text/csv", DAY)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """
    The limit is 10 GiB; what is over it is refused, and nothing of it stays.
    """
    assert 10 * 1024**3 == LARGEST == Artifacts(tmp_path).largest
    artifacts = Artifacts(tmp_path / "artifacts", largest=13)
    with pytest.raises(Invalid, match="'raw' is over 13 bytes"):
        artifacts.keep(file(tmp_path), "raw", "text/csv", DAY)

    assert [] == contents(artifacts)


@pytest.mark.parametrize("retain", [timedelta(0), -DAY, LONGEST + DAY])
def test_a_retention_that_cannot_be(
    artifacts: Artifacts, tmp_path: Path, retain: timedelta
) -> None:
    """
    An artifact is retained for some time, and for ten years at most.
    """
    with pytest.raises(Invalid, match="up to 3660 days"):
        artifacts.keep(file(tmp_path), "raw", "text/csv", retain)


def test_what_a_spec_may_ask_for_can_be_kept() -> None:
    """
    No span that `sark check` lets through is refused once the step has done its work.
    """
    assert LONGEST_SPAN == LONGEST


def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    """
    The error names the folder and the reason.
    """
    (tmp_path / "artifacts").write_text("a file stands in the way")
    with pytest.raises(Unavailable, match=r"'raw' cannot be kept in .*/artifacts"):
        Artifacts(tmp_path / "artifacts").keep(file(tmp_path), "raw", "text/csv", DAY)


def test_a_disk_that_fills_up(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    A copy that does not fit leaves nothing behind.
    """
    path = file(tmp_path, b"x" * 100_000)
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.SIG_IGN
    previous = signal.signal(signal.SIGXFSZ, handler)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        with pytest.raises(Unavailable, match=os.strerror(errno.EFBIG)):
            artifacts.keep(path, "raw", "text/csv", DAY)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)

    assert [] == contents(artifacts)


def test_many_keep_and_forget_at_once(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    What was kept while others forget what has expired is there, with the longest retention.
    """
    path, now = file(tmp_path), datetime.now(UTC)
    stop, faults = threading.Event(), list[BaseException]()

    def forget() -> None:
        while not stop.is_set():
            artifacts.forget(now + DAY)

    def keep(span: timedelta) -> None:
        try:
            for _ in range(20):
                reference = artifacts.keep(path, "raw", "text/csv", span)
                if span > DAY:
                    assert artifacts.path(reference).read_bytes() == path.read_bytes()
        except BaseException as error:
            faults.append(error)

    keepers = [threading.Thread(target=keep, args=(span,)) for span in (DAY / 2, 2 * DAY, DAY / 3)]
    forgetter = threading.Thread(target=forget)
    for each in (forgetter, *keepers):
        each.start()
    for each in keepers:
        each.join()
    stop.set()
    forgetter.join()

    assert [] == faults
    (left,) = contents(artifacts)
    assert left.stat().st_mtime > (now + 1.9 * DAY).timestamp()


def test_what_nobody_retains_goes_by_itself(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    Workers look now and then, and remove what has expired; what has not stays.
    """
    artifacts.keep(file(tmp_path, b"short"), "raw", "text/csv", timedelta(milliseconds=100))
    kept = artifacts.keep(file(tmp_path), "raw", "text/csv", DAY)

    async def story() -> None:
        tidying = asyncio.create_task(tidy(artifacts, timedelta(milliseconds=20)))
        async with asyncio.timeout(60):
            while len(contents(artifacts)) > 1:
                await asyncio.sleep(0.01)
        tidying.cancel()

    asyncio.run(story())
    assert [artifacts.path(kept)] == contents(artifacts)


def test_a_store_that_cannot_be_tidied(
    artifacts: Artifacts, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """
    It is logged, and tried again: no worker ends for that.
    """
    artifacts.keep(file(tmp_path, b"short"), "raw", "text/csv", timedelta(milliseconds=1))
    (shard,) = {each.parent for each in contents(artifacts)}
    (shard / "lock").unlink()
    (shard / "lock").mkdir()

    async def story() -> None:
        tidying = asyncio.create_task(tidy(artifacts, timedelta(milliseconds=20)))
        async with asyncio.timeout(60):
            while "cannot be removed" not in caplog.text:
                await asyncio.sleep(0.01)
            (shard / "lock").rmdir()
            while contents(artifacts):
                await asyncio.sleep(0.01)
        tidying.cancel()

    asyncio.run(story())


def test_a_killed_process_leaves_no_half_file(artifacts: Artifacts, tmp_path: Path) -> None:
    """
    After kill -9 in the middle of a copy only whole files have a digest for a name; the rest of
    the copy goes a day later.
    """
    large = tmp_path / "large"
    with large.open("wb") as sparse:
        sparse.truncate(4 << 30)
    code = (
        "import sys; from datetime import timedelta; from pathlib import Path;"
        "from engine.artifacts import Artifacts;"
        "Artifacts(Path(sys.argv[1])).keep(Path(sys.argv[2]), 'x', 'x/y', timedelta(days=1))"
    )
    words = [sys.executable, "-c", code, str(artifacts.folder), str(large)]
    process = subprocess.Popen(words, cwd=Path(__file__).parents[1])
    try:
        limit = time.monotonic() + 30
        while not contents(artifacts) and time.monotonic() < limit:
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
        large.unlink()
    (left,) = contents(artifacts)

    assert "incoming" == left.parent.name
    artifacts.forget(datetime.now(UTC) + 365 * DAY)
    assert [left] == contents(artifacts)
