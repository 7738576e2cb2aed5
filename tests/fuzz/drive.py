"""The loop of the fuzzer: breed, try, measure, keep what behaved in a new way."""

import faulthandler
import gc
import hashlib
import mmap
import resource
import sys
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol, TypeVar

MAX_SECONDS = 1.0  # of CPU, for one input
MAX_GROWTH = 100 << 20  # bytes of memory, over what the seeds took
MAX_CORPUS = 4_000
_LONGEST_KEPT = 4_096  # so that the fuzzer's own memory is not taken for the target's
HANG = 60  # seconds after which the process ends itself and tells where it stood
_LONGEST = 1 << 20
_MAX_FAILURES = 20
_R = TypeVar("_R")


class Target(Protocol[_R]):
    """What is fuzzed. Inputs are bytes; a text is its UTF-8."""

    def seeds(self) -> list[bytes]:
        """Return what to begin with: honest inputs and hostile ones."""
        ...

    def breed(self, chance: Random, corpus: Sequence[bytes]) -> bytes:
        """Return a new input, made of the corpus or by a grammar."""
        ...

    def attempt(self, data: bytes) -> _R:
        """Return what comes of an input. This alone is measured; it raises nothing."""
        ...

    def judge(self, data: bytes, result: _R) -> Hashable:
        """Return a sign of how the input was taken; raise if a promise was broken."""
        ...

    def compare(self, data: bytes, result: _R) -> bool:
        """Return whether a second opinion was there; raise AssertionError if it differs."""
        ...


@dataclass(slots=True)
class Figures:
    """What a run has come to. `failures` are told once for each place of the program."""

    executions: int = 0
    compared: int = 0
    corpus: int = 0
    slowest: float = 0.0
    slowest_length: int = 0
    growth: int = 0
    failures: dict[str, bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.executions:,} executions, {self.compared:,} compared, "
            f"{self.corpus:,} kept; slowest {self.slowest * 1000:.0f} ms "
            f"({self.slowest_length:,} bytes); memory grew {self.growth >> 20} MiB; "
            f"{len(self.failures)} failures"
        )


def patience() -> float:
    """Return how many seconds of CPU an input may take: more where coverage counts every line."""
    return MAX_SECONDS * (5 if sys.gettrace() else 1)


def fuzz(
    target: Target[Any],
    seconds: float,
    seed: int,
    folder: Path,
    tell: Callable[[Figures], None] = lambda _: None,
) -> Figures:
    """Return the figures of a run; `folder` gets the inputs that failed, `tell` hears of progress.

    An input that is under way stands in the file `last` of the folder, so that one that hangs
    the process, or ends it, is not lost.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(target, folder)
    chance = Random(seed)
    corpus = target.seeds()
    known = {run.attempt(each) for each in corpus}
    gc.freeze()
    before = _peak()
    end, told = time.monotonic() + seconds, time.monotonic()
    try:
        while time.monotonic() < end and len(run.figures.failures) < _MAX_FAILURES:
            data = target.breed(chance, corpus)[:_LONGEST]
            sign = run.attempt(data)
            if sign not in known and len(corpus) < MAX_CORPUS and len(data) <= _LONGEST_KEPT:
                known.add(sign)
                corpus.append(data)
            run.figures.corpus = len(corpus)
            run.figures.growth = _peak() - before
            if time.monotonic() - told > 30:
                told = time.monotonic()
                tell(run.figures)
    finally:
        faulthandler.cancel_dump_traceback_later()
        gc.unfreeze()
    if run.figures.growth > MAX_GROWTH:
        run.figures.failures["memory"] = b""
    return run.figures


class _Run:
    """Tries inputs one by one and keeps count."""

    def __init__(self, target: Target[Any], folder: Path) -> None:
        self.figures = Figures()
        self._target = target
        self._folder = folder
        self._armed = 0.0
        with (folder / "last").open("wb+") as file:
            file.truncate(_LONGEST + 8)
            self._last = mmap.mmap(file.fileno(), _LONGEST + 8)

    def attempt(self, data: bytes) -> Hashable:
        """Return the sign of an input; a failure is noted, and its sign is None."""
        self._last[: 8 + len(data)] = len(data).to_bytes(8, "little") + data
        if time.monotonic() - self._armed > HANG / 10:
            self._armed = time.monotonic()
            faulthandler.dump_traceback_later(HANG, exit=True)
        self.figures.executions += 1
        begun = time.thread_time()
        try:
            result = self._target.attempt(data)
            took = time.thread_time() - begun
            sign = self._target.judge(data, result)
            self.figures.compared += self._target.compare(data, result)
        except Exception as error:
            self._fail(f"{type(error).__name__} {_place(error)}: {str(error)[:200]}", data)
            return None
        if took > self.figures.slowest:
            self.figures.slowest, self.figures.slowest_length = took, len(data)
            (self._folder / "slowest").write_bytes(data)
        if took > patience():
            self._fail(f"slow: {took:.1f} s", data)
        return sign

    def _fail(self, what: str, data: bytes) -> None:
        place = what.split(":", maxsplit=1)[0]
        if all(not each.startswith(place) for each in self.figures.failures):
            name = hashlib.sha256(data).hexdigest()[:12]
            (self._folder / name).write_bytes(data)
            self.figures.failures[f"{what} -> {self._folder / name}"] = data


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return ""
    return f"{Path(trace.tb_frame.f_code.co_filename).name}@{trace.tb_lineno}"


def _peak() -> int:
    """Return the most memory that this process has had, in bytes."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024
