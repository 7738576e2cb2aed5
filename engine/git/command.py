"""One git command at a time, through GitPython as its runner, with nothing taken from outside."""

import os
import re
import selectors
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from threading import Event

from git.cmd import Git
from git.exc import GitCommandNotFound

from engine.core.frozen import frozen
from engine.git.address import shown
from engine.git.environment import CONFIGURATION, NOTHING, Reach, environment, program
from engine.git.failure import GitFailed, Moved, TooMuch

_TIMEOUT = 60.0
_STEP = 0.5
_MOST_OUTPUT = 64 << 20
_MOST_TOLD = 64 << 10
_CHUNK = 1 << 16
# Who speaks to a network waits for it, and so do its helpers, though we may be killed: a second
# process reads from us, and ends all of the group once there is nobody to read from.
_LEASHED = (
    "sh", "-c",
    'exec 3<&0; "$@" </dev/null 3<&- & git=$!; '
    "{ read -r _; kill -9 0; } <&3 >/dev/null 2>&1 & wait $git",
    "sh",
)  # fmt: skip
_REDIRECTED = re.compile(r"returned error: 30[1278]|redirect")


@frozen
class Answer:
    """What a command has come to: its exit code, its output, its complaints."""

    status: int
    out: bytes
    told: str


@frozen
class Runner:
    """Runs git on the repository `folder` (always named, never found), within a reach.

    Once `halted` is set, a command that is under way ends within half a second.
    """

    folder: Path
    reach: Reach = NOTHING
    halted: Event = field(default_factory=Event)

    def run(self, *words: str, timeout: float = _TIMEOUT) -> bytes:
        """Return a command's output; raise GitFailed with what it said."""
        answer = self.ask(words, timeout)
        if answer.status != 0:
            raise failure(words[0], answer.told)
        return answer.out

    def ask(
        self, words: Sequence[str], timeout: float, watch: Callable[[], None] | None = None
    ) -> Answer:
        """Run a command to its end and return its answer.

        `watch` is called twice a second and may raise. Whatever ends the wait, nothing of the
        command is left: it has a process group of its own, which is killed whole.
        """
        process = self.start(words)
        try:
            out, told = _drain(process, words[0], time.monotonic() + timeout, self._watched(watch))
            return Answer(process.wait(_STEP * 4), out, told.decode("utf-8", "replace"))
        except TimeoutExpired:
            raise GitFailed(f"git {words[0]} did not end") from None
        finally:
            end(process)

    def _watched(self, watch: Callable[[], None] | None) -> Callable[[], None]:
        def look() -> None:
            if self.halted.is_set():
                raise GitFailed("git was ended, for the process stops")
            if watch is not None:
                watch()

        return look

    def start(self, words: Sequence[str], feed: bool = False) -> "Popen[bytes]":
        """Start a command; `feed` opens its standard input. The caller ends it with `end`.

        It ends when this process does, however that is: one that is fed, or prints, by its pipe,
        and one that speaks to a network by the process beside it.
        """
        ours = environment(self.reach)
        command = [*program(os.environ, ours), *CONFIGURATION, f"--git-dir={self.folder}", *words]
        is_leashed = self.reach.transport != NOTHING.transport
        try:
            handle = Git().execute(
                [*_LEASHED, *command] if is_leashed else command, as_process=True,
                istream=PIPE if feed or is_leashed else None, env=ours, start_new_session=True,
            )  # fmt: skip
        except (GitCommandNotFound, OSError) as error:
            raise GitFailed(f"git cannot be started: {type(error).__name__}") from None
        process = handle.proc
        assert process is not None
        handle.proc = None
        return process


def end(process: "Popen[bytes]") -> None:
    """Kill what is left of a command, its children included, and let go of its pipes."""
    with suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
    process.wait()


def failure(verb: str, told: str) -> GitFailed:
    """Return the failure of a command by what it said."""
    if _REDIRECTED.search(told):
        return Moved(f"git {verb}: {first(told)}; name the new address, for none is followed")
    return GitFailed(f"git {verb}: {first(told)}")


def first(told: str) -> str:
    """Return the line that says most of what git said, credentials taken out."""
    lines = [line.strip() for line in told.splitlines() if line.strip()]
    fatal = [line for line in lines if line.startswith(("fatal:", "error:"))]
    chosen = (fatal or lines or ["no answer"])[0].removeprefix("fatal: ")[:500]
    return " ".join(_masked(word) for word in chosen.split())


def _masked(word: str) -> str:
    bare = word.strip("'\"")
    return word.replace(bare, shown(bare)) if "://" in bare else word


def _drain(
    process: "Popen[bytes]", verb: str, until: float, watch: Callable[[], None]
) -> tuple[bytes, bytes]:
    """Return all that a command prints; raise GitFailed when it is too late or too much."""
    assert process.stdout is not None
    assert process.stderr is not None
    out, told = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, out)
        selector.register(process.stderr, selectors.EVENT_READ, told)
        while selector.get_map():
            if time.monotonic() > until:
                raise GitFailed(f"git {verb} was ended, for it took too long")
            watch()
            for key, _ in selector.select(_STEP):
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                elif key.data is out or len(told) < _MOST_TOLD:
                    key.data.extend(chunk)
                if len(out) > _MOST_OUTPUT:
                    raise TooMuch(f"git {verb} was ended, for it printed too much")
    return bytes(out), bytes(told)
