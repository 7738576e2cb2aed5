"""What processes cost: CPU seconds and memory, by role, read from /proc."""

import os
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_ROLES = ("postgres", "valkey-server", "server", "worker", "controller")
# Between two looks at memory, which cost the kernel some milliseconds each.
_LOOK_SECONDS = 0.1


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    parents: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                parents[int(fields[1])].append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents[pid]
    return found


def living(root: int) -> list[int]:
    """Return the descendants of a process that have not ended."""
    pids = (pid for pid in tree(root) if pid != root)
    return [pid for pid in pids if _stat(pid)[:1] not in ([], ["Z"])]


def cpu(*roots: int) -> dict[str, float]:
    """Return the CPU seconds that trees have used so far, by role."""
    used: dict[str, float] = defaultdict(float)
    for pid in (pid for root in roots for pid in tree(root)):
        fields = _stat(pid)
        if fields:
            used[_role(pid)] += sum(map(int, fields[11:15])) / _TICK
    return dict(used)


def memory(*roots: int) -> dict[str, float]:
    """Return the proportional memory of trees in MB, by role."""
    used: dict[str, float] = defaultdict(float)
    for pid in (pid for root in roots for pid in tree(root)):
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        lines = (line for line in text.splitlines() if line.startswith("Pss:"))
        used[_role(pid)] += next((int(line.split()[1]) / 1024 for line in lines), 0.0)
    return dict(used)


@contextmanager
def looking(root: int) -> Iterator[list[Mapping[str, float]]]:
    """Look at the memory of a tree again and again meanwhile; the list grows by each look.

    Looking costs what it looks at, so nothing is timed meanwhile.
    """
    seen: list[Mapping[str, float]] = [memory(root)]
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_SECONDS):
            seen.append(memory(root))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def _role(pid: int) -> str:
    try:
        told = Path(f"/proc/{pid}/comm").read_text().strip().removeprefix("sark-")
    except OSError:
        return "gone"
    return told if told in _ROLES else "up" if told.startswith(("python", "sark")) else told
