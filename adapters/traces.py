"""What a process holds: tasks, open files, and processes below it, to see what a call leaves."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Traces:
    """What a process holds at one moment: tasks, open files and processes below it."""

    tasks: int
    files: tuple[str, ...]
    processes: frozenset[int]

    def more_than(self, before: "Traces") -> list[str]:
        """Return in words what is held now and was not before."""
        fresh = self.processes - before.processes
        found = [f"{self.tasks - before.tasks} tasks"] if self.tasks > before.tasks else []
        if len(self.files) > len(before.files):
            found += [f"the file {each}" for each in sorted({*self.files} - {*before.files})]
        return found + [f"the process {each}" for each in sorted(fresh)]


def traces() -> Traces:
    """Return what this process holds now; processes and files where /proc tells them."""
    files: list[str] = []
    with suppress(OSError):
        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                files.append(f"{number} {os.readlink(f'/proc/self/fd/{number}')}")
    return Traces(len(asyncio.all_tasks()), tuple(files), descendants(os.getpid()))


def descendants(pid: int) -> frozenset[int]:
    """Return the living processes below a process."""
    found: set[int] = set()
    queue = [pid]
    while queue:
        for each in _children(queue.pop()):
            if each not in found and not _is_dead(each):
                found.add(each)
                queue.append(each)
    return frozenset(found)


def _children(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with suppress(OSError):
                text = Path(f"/proc/{pid}/task/{task}/children").read_text()
                yield from (int(each) for each in text.split())


def _is_dead(pid: int) -> bool:
    """True for a process that has ended, be it not yet collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True
