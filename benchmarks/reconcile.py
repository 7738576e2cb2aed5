"""`python -m benchmarks.reconcile`: what a pass over 10,000 specs costs, a line each, then JSON.

Each pass stands beside what git and the compiler alone take for the same files in the same minute.
CPU seconds are those of this process and of the git commands that it has waited for.
"""

import asyncio
import json
import resource
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Row
from engine.core.compiler import compile_file
from engine.core.facts import Catalogue
from engine.cycles import look_seldom
from engine.git.address import parse
from engine.git.mirror import MAX_FILE, Mirror
from engine.local.postgres import Postgres
from engine.store.migrate import migrate
from tests.git.desk import CATALOGUE, Desk, desk, source
from tests.git.repo import Repo, spec

_COUNT = 10_000
_SAMPLE = 1_000
_REPEATS = 5
_MAIN = "refs/heads/main"


def reconcile(bench: Bench) -> None:
    """Tell what passes over 10,000 specs cost: the first, after a change of one, after none."""
    look_seldom()  # as a controller does
    _measured(bench.tell)


def main() -> None:
    """Print each figure as it is known, then all of them as JSON on the last line."""
    with Bench(repeats=_REPEATS) as bench:
        reconcile(bench)
        print(json.dumps(bench.rows))


def _measured(tell: Callable[[Row], None]) -> None:
    with tempfile.TemporaryDirectory(prefix="sark-bench-", dir="/tmp") as name:
        folder = Path(name)
        repo = Repo(folder / "repo")
        repo.commit({_file(i): _spec(i) for i in range(_COUNT)})
        server = Postgres(folder / "postgres")
        url = server.start()
        try:
            asyncio.run(_passes(url, folder, repo, tell))
        finally:
            server.stop()


async def _passes(url: str, folder: Path, repo: Repo, tell: Callable[[Row], None]) -> None:
    await migrate(url)
    tell(_bare(folder / "bare", repo))
    ended: list[float] = []
    with _fetches(ended):
        async with desk(url, folder / "state", source(repo.url)) as here:
            before = _memory()
            cold = await _measure(here.look, ended)
            tell({"shape": "reconcile_cold", **cold, "memory_mb_more": _memory() - before})
            for shape, change in (("reconcile_one_changed", True), ("reconcile_no_change", False)):
                rows = [await _once(here, repo, i, change, ended) for i in range(_REPEATS)]
                rows.sort(key=lambda row: row["seconds"])
                tell({"shape": shape, **rows[_REPEATS // 2]})
            assert len(await here.workflows()) == _COUNT
            tell({"shape": "reconcile_afterwards", "memory_mb": _memory()})


async def _once(
    here: Desk, repo: Repo, turn: int, change: bool, ended: list[float]
) -> dict[str, float]:
    if change:
        repo.commit({_file(turn): _spec(turn, turn + 1)})
    return await _measure(here.look, ended)


async def _measure(look: Callable[[], Awaitable[bool]], ended: list[float]) -> dict[str, float]:
    """Return what one pass takes, in all and, where it fetched, from the end of that on."""
    ended.clear()
    began, cpu = time.perf_counter(), _cpu()
    assert await look()
    done = time.perf_counter()
    row = {"seconds": round(done - began, 4), "cpu": round(_cpu() - cpu, 4)}
    return {**row, "after_fetch": round(done - ended[-1], 4)} if ended else row


def _bare(folder: Path, repo: Repo) -> Row:
    """Return the CPU seconds in which git alone fetches, lists and reads, and files compile."""
    mirror = Mirror(folder, parse(repo.url))
    at = [_cpu()]
    commit = mirror.fetch(_MAIN)
    at.append(_cpu())
    blobs = mirror.tree(commit, ".").blobs
    at.append(_cpu())
    with mirror.objects() as objects:
        data = objects.read(list(blobs.values()), MAX_FILE)
    at.append(_cpu())
    catalogue = Catalogue(CATALOGUE)
    for path, blob in list(blobs.items())[:_SAMPLE]:
        compile_file(path, data[blob] or b"", catalogue)
    at.append(_cpu())
    fetch, tree, read, compiled = (b - a for a, b in pairwise(at))
    return {
        "shape": "reconcile_limits",
        "fetch_cpu": round(fetch, 3),
        "list_cpu": round(tree, 3),
        "read_cpu": round(read, 3),
        "compile_all_cpu": round(compiled * _COUNT / _SAMPLE, 3),
    }


@contextmanager
def _fetches(ended: list[float]) -> Iterator[None]:
    """Note when each fetch has ended."""
    plain = Mirror.fetch

    def noting(mirror: Mirror, ref: str) -> str:
        commit = plain(mirror, ref)
        ended.append(time.perf_counter())
        return commit

    Mirror.fetch = noting  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        Mirror.fetch = plain  # type: ignore[method-assign]


def _file(number: int) -> str:
    return f"team{number // 100:03}/w{number}.yaml"


def _spec(number: int, add: int = 0) -> str:
    return spec(f"w{number}", f'"{{{{ {number} + {add} }}}}"')


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _memory() -> int:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


if __name__ == "__main__":
    main()
