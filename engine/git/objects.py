"""The contents of a mirror, read through one `cat-file --batch` that stays open for a pass."""

from collections.abc import Sequence
from subprocess import Popen
from threading import Timer
from types import TracebackType

from engine.git.command import Runner, end, first
from engine.git.failure import GitFailed, TooMuch

# Ids are written in groups that fit a pipe (64 KiB), so that neither side waits for the other.
_GROUP = 500
_PATIENCE = 120.0


class Objects:
    """Reads blobs by id; use it as a context, from one thread. Its process starts when needed."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._process: Popen[bytes] | None = None
        self._timer: Timer | None = None

    def __enter__(self) -> "Objects":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._close()

    def read(
        self, ids: Sequence[str], limit: int, most: int | None = None
    ) -> dict[str, bytes | None]:
        """Return contents by id; None for one over `limit` bytes, fetched or left out by the fetch.

        Raise TooMuch as soon as all of them together are over `most` bytes, and GitFailed for an
        object that is missing for any other reason.
        """
        found: dict[str, bytes | None] = {}
        total = 0
        left = list(ids)
        while left:
            group = left[:_GROUP]
            told = self._ask(group, limit)
            found.update(told)
            total += sum(len(each or b"") for each in told.values())
            if most is not None and total > most:
                raise TooMuch(f"the contents are over {most} bytes")
            left = left[len(told) :]
            if len(told) < len(group):
                self._left_out()
                found[left[0]] = None
                left = left[1:]
        return found

    def _ask(self, ids: Sequence[str], limit: int) -> dict[str, bytes | None]:
        """Return what the process answers; fewer than asked for if it ends on the way."""
        process = self._open()
        assert process.stdin is not None
        assert process.stdout is not None
        found: dict[str, bytes | None] = {}
        try:
            process.stdin.write("".join(f"{each}\n" for each in ids).encode())
            process.stdin.flush()
        except BrokenPipeError:
            raise GitFailed("git cat-file ended early") from None
        for each in ids:
            head = process.stdout.readline().split()
            if not head:
                return found
            if len(head) != 3 or head[1] != b"blob":
                raise GitFailed(f"object {each[:12]} is not in the mirror")
            found[each] = _content(process, int(head[2]), limit)
        return found

    def _left_out(self) -> None:
        """Raise GitFailed unless the process ended at an object that the fetch had left out."""
        process = self._open()
        assert process.stderr is not None
        told = process.stderr.read(1 << 16).decode("utf-8", "replace")
        self._close()
        if "from promisor remote" not in told or "corrupt" in told:
            raise GitFailed(f"git cat-file: {first(told)}")

    def _open(self) -> "Popen[bytes]":
        if self._process is None:
            self._process = self._runner.start(["cat-file", "--batch"], feed=True)
            self._timer = Timer(_PATIENCE, self._process.kill)
            self._timer.daemon = True
            self._timer.start()
        return self._process

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._process is not None:
            end(self._process)
        self._process = self._timer = None


def _content(process: "Popen[bytes]", size: int, limit: int) -> bytes | None:
    """Read a blob and the newline after it; pass over one that is too large."""
    assert process.stdout is not None
    if size <= limit:
        data = process.stdout.read(size + 1)
        if len(data) != size + 1:
            raise GitFailed("git cat-file ended in the middle of an object")
        return data[:-1]
    left = size + 1
    while left > 0:
        chunk = process.stdout.read(min(left, 1 << 20))
        if not chunk:
            raise GitFailed("git cat-file ended in the middle of an object")
        left -= len(chunk)
    return None
