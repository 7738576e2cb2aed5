"""What is started again when it ends, after a pause that grows."""

import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import click

from engine.errors import SarkError
from engine.local.child import Forked, fork

_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 5.0
_LONG_LIFE = 10.0
_LONGEST_SLEEP = 60.0


class Part(Protocol):
    """A server or a process of SARK."""

    def start(self) -> object: ...

    def is_up(self) -> bool: ...


class Program:
    """A process of SARK, forked from the supervisor."""

    def __init__(self, name: str, work: Callable[[], None], log: Path) -> None:
        self._name = name
        self._work = work
        self._log = log
        self.process: Forked | None = None

    def start(self) -> None:
        self.process = fork(self._name, self._work, self._log)

    def is_up(self) -> bool:
        """True while the process lives."""
        return self.process is not None and self.process.poll() is None


@dataclass(slots=True)
class Watched:
    """A part that has been started, and when it may be started again once it has ended."""

    name: str
    part: Part
    began: float
    pause: float = _SHORTEST_PAUSE
    due: float | None = None

    def mend(self) -> None:
        """Start the part again if it has ended and its pause is over.

        What keeps it from starting, a full disk or a port that is taken, may pass: say so, and
        try again later.
        """
        if self.part.is_up():
            return
        if self.due is None:
            self._rest()
        elif time.monotonic() >= self.due:
            click.echo(f"sark: {self.name} has ended; starting it again", err=True)
            self.due = None
            try:
                self.part.start()
            except (SarkError, OSError) as error:
                click.echo(f"sark: {self.name} did not start: {error}", err=True)
            self.began = time.monotonic()
            if not self.part.is_up():  # of what did not even begin nothing tells that it has ended
                self._rest()

    def _rest(self) -> None:
        """Start nothing for a moment, and for longer each time unless the part has lived long."""
        now = time.monotonic()
        has_lived = now - self.began > _LONG_LIFE
        self.pause = _SHORTEST_PAUSE if has_lived else min(self.pause * 2, _LONGEST_PAUSE)
        self.due = now + self.pause


@contextmanager
def asleep() -> Iterator[Callable[[Iterable[Watched]], None]]:
    """Give a sleep that ends when a child does, a signal comes, or a part is to be started again.

    Of the main thread, whose signals write to a pipe meanwhile.
    """
    ours, theirs = os.pipe()
    for each in (ours, theirs):
        os.set_blocking(each, False)
    before = signal.signal(signal.SIGCHLD, lambda *_: None)
    told = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)

    def sleep(watched: Iterable[Watched]) -> None:
        dues = [each.due - time.monotonic() for each in watched if each.due is not None]
        select.select([ours], [], [], max(0.0, min((*dues, _LONGEST_SLEEP))))
        with suppress(BlockingIOError):
            os.read(ours, 1 << 16)

    try:
        yield sleep
    finally:
        signal.set_wakeup_fd(told)
        signal.signal(signal.SIGCHLD, before)
        os.close(ours)
        os.close(theirs)
