"""Stands in for what answers a task, and does what the name of the source says.

What a fork does to what is kept, to the descriptors that it has and to the process that it comes
from is for the next look to tell.
"""

import os
import pickle
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from engine.core.review import Conclusion
from engine.core.whatif import Stored
from engine.review.confinement import MEMORY
from engine.review.keeper import main
from engine.review.kept import Kept
from engine.review.task import Answer, Task

SPOILT: list[str] = []


class Raw:
    """What is no answer."""

    def __init__(self, told: bytes) -> None:
        self._told = told

    def encode(self) -> bytes:
        return self._told


def misbehave(task: Task, kept: Kept, told: BinaryIO) -> Iterator[Answer | Raw]:
    does = task.place.source
    answer = Answer("d", Conclusion.SUCCESS, does, "", "", "s", asks={})
    match does:
        case "sleeps":
            time.sleep(3600)
        case "eats":
            bytearray(MEMORY)
        case "floods":
            yield from (Raw(b"x" * (1 << 20)) for _ in range(200))
        case "babbles":
            yield Raw(b'{"digest": 7}')
        case "fails":
            raise SystemExit("`@ann` <b>")
        case "dies" | "dawdles" | "recalls":
            yield from recall(does, answer, told)
        case "writes":
            with open("/tmp/too-large", "wb") as file:
                file.write(b"x" * (8 << 20))
        case "spoils":
            spoil(kept)
        case "kills":
            os.kill(os.getppid(), signal.SIGKILL)
            time.sleep(3600)
        case "tells":
            yield replace(answer, title=f"spoilt: {SPOILT} {kept.environment}")


def recall(does: str, answer: Answer, told: BinaryIO) -> Iterator[Answer]:
    yield replace(answer, replays=["w"])
    stored: Stored = pickle.load(told)
    if does == "dawdles":
        time.sleep(3600)
    if does == "dies":
        raise SystemExit("nothing of it can be played")
    yield replace(answer, title=",".join(stored.left))


def spoil(kept: Kept) -> None:
    """Change all that is in reach, and write the end of a look wherever that can be written."""
    SPOILT.append("by the last one")
    kept.__init__({}, "spoilt")  # type: ignore[misc]
    for each in range(3, 64):
        with suppress(OSError):
            os.write(each, b"0\n")


if __name__ == "__main__":
    main(misbehave)  # type: ignore[arg-type]
