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
from dataclasses import dataclass
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
from engine.reconcile.duty import ReconcileDuty
from engine.settings import Settings, Source
from engine.store import leases, sources
from engine.store.migrate import migrate
from engine.store.pool import Connection, connect
from policies.authorizer import Authorizer
from tests.git.desk import CATALOGUE, Desk, desk, source
from tests.git.repo import Repo, spec

_COUNT = 10_000
_SAMPLE = 1_000
_MANY = 1_000
_FAILING = 100
_REPEATS = 5
_MAIN = "refs/heads/main"
_CHANGES = {
    "reconcile_one_changed": 1,
    "reconcile_1000_changed": _MANY,
    "reconcile_no_change": 0,
}


@dataclass(frozen=True, slots=True)
class _Moment:
    """An instant, in seconds of the clock and of CPU."""

    at: float
    cpu: float


def reconcile(bench: Bench) -> None:
    """Tell what passes over 10,000 specs cost: the first, after a change of one, 1,000 or none.

    And how long a commit takes to be live, alone and beside 100 sources that fail.
    """
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
    ended: list[_Moment] = []
    with _fetches(ended):
        async with desk(url, folder / "state", source(repo.url)) as here:
            before = _memory()
            cold = await _measure(here.look, ended)
            tell({"shape": "reconcile_cold", **cold, "memory_mb_more": _memory() - before})
            for shape, count in _CHANGES.items():
                rows = [await _once(here, repo, i, count, ended) for i in range(_REPEATS)]
                rows.sort(key=lambda row: row["seconds"])
                tell({"shape": shape, **rows[_REPEATS // 2]})
            assert len(await here.workflows()) == _COUNT
            tell({"shape": "reconcile_afterwards", "memory_mb": _memory()})
    tell(await _neighbours(url, folder))


async def _once(
    here: Desk, repo: Repo, turn: int, count: int, ended: list[_Moment]
) -> dict[str, float]:
    """Measure a pass after a change of so many files."""
    if count:
        first = turn * count
        repo.commit({_file(i): _spec(i, turn + count) for i in range(first, first + count)})
    return await _measure(here.look, ended)


async def _measure(look: Callable[[], Awaitable[bool]], ended: list[_Moment]) -> dict[str, float]:
    """Return what one pass takes, in all and, where it fetched, from the end of that on."""
    ended.clear()
    began = _now()
    assert await look()
    done = _now()
    row = {"seconds": round(done.at - began.at, 4), "cpu": round(done.cpu - began.cpu, 4)}
    if not ended:
        return row
    after = {"after_fetch": done.at - ended[-1].at, "after_fetch_cpu": done.cpu - ended[-1].cpu}
    return {**row, **{name: round(value, 4) for name, value in after.items()}}


async def _neighbours(url: str, folder: Path) -> Row:
    """Return how long a commit takes to be live, alone and beside 100 sources that fail."""
    repo = Repo(folder / "healthy")
    failing = [source(str(folder / f"gone{i}"), f"gone{i}") for i in range(_FAILING)]
    alone = await _latency(url, folder / "alone", repo, [])
    beside = await _latency(url, folder / "beside", repo, failing)
    return {
        "shape": "reconcile_beside_failing",
        "alone_seconds": round(alone, 4),
        "beside_seconds": round(beside, 4),
        "ratio": round(beside / alone, 2),
    }


async def _latency(url: str, state: Path, repo: Repo, failing: list[Source]) -> float:
    """Return the middle of the seconds from a commit to its activation, as a duty watches."""
    named = [source(repo.url, "healthy", namespace="healthy"), *failing]
    settings = Settings.model_validate(
        {"database_url": url, "state": state, "sources": [each.model_dump() for each in named]}
    )
    duty = ReconcileDuty(settings, Authorizer())
    async with await connect(url, "bench") as leading, await connect(url, "bench") as asking:
        task = asyncio.create_task(duty.lead(await leases.lead(leading, "reconcile")))
        try:
            taken = [await _live(asking, repo, turn) for turn in range(_REPEATS + 1)]
        finally:
            task.cancel()
            await asyncio.wait([task])
            duty.close()
    return sorted(taken[1:])[_REPEATS // 2]


async def _live(connection: Connection, repo: Repo, turn: int) -> float:
    """Commit, and return the seconds until that is live."""
    head = repo.commit({"a.yaml": spec("a", f"{turn} {time.time_ns()}")})
    began = time.perf_counter()
    while True:
        row = await sources.read(connection, "healthy")
        if row is not None and row.active == head:
            return time.perf_counter() - began
        await asyncio.sleep(0.005)


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
def _fetches(ended: list[_Moment]) -> Iterator[None]:
    """Note when each fetch has ended."""
    plain = Mirror.fetch

    def noting(mirror: Mirror, ref: str) -> str:
        commit = plain(mirror, ref)
        ended.append(_now())
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


def _now() -> _Moment:
    return _Moment(time.perf_counter(), _cpu())


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _memory() -> int:
    """Return the resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() >> 20


if __name__ == "__main__":
    main()
