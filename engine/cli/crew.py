"""Two processes that look at files together, where there is enough to do for both.

Each of them parses its half, they tell each other what the halves declare, and then each compiles
its own. What the second process finds out comes as JSON through a pipe.
"""

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import BinaryIO, NoReturn

import orjson

from engine.cli import shelved
from engine.core.commit import Commit, Companions, Declared, Unit
from engine.core.values import Json
from engine.tree import Alone, Batch, File, Survey

# With fewer files a second process costs more than it saves.
_ENOUGH = 50
_PREFIX = 8


def batch(beside: Companions, files: Sequence[File], survey: Survey) -> Batch:
    """Return who looks at files: this process, or two. Others that they name are `beside`."""
    is_pair = len(files) >= _ENOUGH and (os.cpu_count() or 1) > 1
    return _Pair(beside, files, survey) if is_pair else Alone(files, survey)


class _Pair:
    """A batch of which another process has the second half. Units from there have no plans.

    If the other process is lost, this one does its work too.
    """

    def __init__(self, beside: Companions, files: Sequence[File], survey: Survey) -> None:
        survey(files[0].path, files[0].read() or b"")  # loads and builds, once, what all need
        half = len(files) // 2
        self._theirs, self._survey = files[half:], survey
        come, tell = os.pipe()
        hear, go = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            os.close(come)
            os.close(go)
            _work(self._theirs, survey, beside, os.fdopen(hear, "rb"), tell)
        os.close(hear)
        os.close(tell)
        self._come, self._go = os.fdopen(come, "rb"), go
        self._mine = Alone(files[:half], survey)
        self._instead: Alone | None = None
        self.documents = [*self._mine.documents, *self._documents(_received(self._come))]

    def compile(self, commit: Commit) -> list[Unit]:
        """Return what each file compiles to."""
        _send(self._go, shelved.put_known(commit.documents))
        mine = self._mine.compile(commit)
        told = _received(self._come)
        self._come.close()
        os.close(self._go)
        os.waitpid(self._child, 0)
        if told is None:
            instead = self._instead or Alone(self._theirs, self._survey)
            return [*mine, *instead.compile(commit)]
        theirs = zip(self._theirs, self.documents[len(mine) :], told, strict=True)
        taken = (shelved.taken_found(each.path, declared, it) for each, declared, it in theirs)
        return [*mine, *taken]

    def _documents(self, told: list[Json] | None) -> Iterable[tuple[Declared, ...]]:
        if told is None:
            self._instead = Alone(self._theirs, self._survey)
            return self._instead.documents
        pairs = zip(self._theirs, told, strict=True)
        return (shelved.taken_documents(each.path, documents) for each, documents in pairs)


def _work(
    files: Sequence[File], survey: Survey, beside: Companions, hear: BinaryIO, tell: int
) -> NoReturn:
    """Look at files in the second process, and end it; if it is lost, the first finds out."""
    try:
        mine = Alone(files, survey)
        _send(tell, [shelved.put_documents(each) for each in mine.documents])
        known = _received(hear)
        if known is not None:
            commit = Commit(shelved.taken_known(known), beside)
            _send(tell, [shelved.put_found(each) for each in mine.compile(commit)])
    finally:
        os._exit(0)


def _send(to: int, told: Json) -> None:
    """Write a value, its length first; whoever does not listen any more is let be."""
    body = orjson.dumps(told)
    left = memoryview(len(body).to_bytes(_PREFIX) + body)
    with suppress(BrokenPipeError):
        while left:
            left = left[os.write(to, left) :]


def _received(come: BinaryIO) -> list[Json] | None:
    """Return the next value; None if the other process ended before it was whole."""
    length = int.from_bytes(come.read(_PREFIX))
    body = come.read(length)
    if not body or len(body) < length:
        return None
    told: list[Json] = orjson.loads(body)
    return told
