"""One run of measurements: the stack and the limits that shapes share, and what they told."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cached_property

from benchmarks import limits, processes, replay
from benchmarks.figures import Row, Shape, largest
from benchmarks.load import Load
from benchmarks.stack import Stack

_LINKS = 16
_COMMITS = 40

Once = Callable[[], Sequence[str]]


class Bench:
    """Shapes measure with it; use it as a context.

    `repeats` are of the shapes that take less than a second, longer ones take fewer.
    """

    def __init__(self, repeats: int) -> None:
        self.repeats = repeats
        self.rows: list[Row] = []
        self._open = ExitStack()

    def __enter__(self) -> "Bench":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def tell(self, row: Row) -> None:
        """Keep a row, and show it at once: a shape takes minutes at times."""
        self.rows.append(row)
        print("  ".join(f"{key}={value}" for key, value in row.items()), flush=True)

    @cached_property
    def stack(self) -> Stack:
        """A stack of one worker, started when the first shape asks for it."""
        return self._open.enter_context(Stack())

    @cached_property
    def many(self) -> Load:
        """A client with many connections."""
        return self.stack.load(_LINKS)

    @cached_property
    def single(self) -> Load:
        """A client with one connection."""
        return self.stack.load(1)

    @cached_property
    def messages_per_second(self) -> float:
        """What Dramatiq alone does in the Redis of the stack."""
        return limits.messages_per_second(self.stack.redis_url)

    def measure(self, name: str, steps: int, once: Once, repeats: int | None = None) -> None:
        """Tell a shape of the shared stack beside the limits of the same minute."""
        shape, runs, writes = measure(self.stack, name, steps, once, repeats or self.repeats)
        bare = replay.seconds(self.stack.database_url, runs, writes)
        self.tell(
            shape.told({"same_rows": bare, "dramatiq": shape.steps / self.messages_per_second})
        )


def measure(
    stack: Stack, name: str, steps: int, once: Once, repeats: int
) -> tuple[Shape, Sequence[str], int]:
    """Run a shape once to warm up, looking at memory, then its repeats, each after bare commits.

    Return it with the runs of its last repeat and the transactions in which they were written.
    Raise RuntimeError where fewer steps than it promises are in the journal.
    """
    with processes.looking(stack.pid) as seen:
        runs = once()
    stack.count(runs, steps)
    shape = Shape(name, steps, memory=largest(seen))
    for _ in range(repeats):
        runs, written = _repeat(stack, shape, once)
        stack.count(runs, steps)
    return shape, runs, written


def _repeat(stack: Stack, shape: Shape, once: Once) -> tuple[Sequence[str], int]:
    url = stack.database_url
    shape.bare.append(limits.commits(url, _COMMITS))
    cpu, wal, writes = processes.cpu(stack.pid), limits.wal_bytes(url), limits.writes(url)
    began = time.perf_counter()
    runs = once()
    shape.seconds.append(time.perf_counter() - began)
    written = limits.writes(url) - writes
    shape.cpu.update({k: v - cpu.get(k, 0) for k, v in processes.cpu(stack.pid).items()})
    shape.wal += limits.wal_bytes(url) - wal
    shape.writes += written
    return runs, written
