"""`python -m benchmarks.review`: what a look at a pull request costs that changes one spec.

A look is from the head that is known to the review that is told at a forge on loopback. CPU
seconds are those of this process, of what it keeps and of all that it has waited for.
`SARK_BENCH_SPECS` is how many specs there are.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Event
from types import MappingProxyType

from benchmarks import processes
from benchmarks.bench import Bench
from engine.core.review.wish import head_ref
from engine.cycles import look_seldom
from engine.forge.forges import Forges
from engine.local.postgres import Postgres
from engine.review.duty import Desk
from engine.review.keeping import Keepers
from engine.settings import Settings
from engine.store import reviews
from engine.store.leases import Session
from engine.store.migrate import migrate
from tests.forge.github import APP_ID, FakeGitHub
from tests.git.desk import CATALOGUE, desk
from tests.git.repo import Repo, spec

_COUNT = int(os.environ.get("SARK_BENCH_SPECS", "10000"))
_REPEATS = 5
_NAME = "shop"
_POLICY = {
    "policies/team.polar": """\
rule("hosts", "A host is ours.");
deny("hosts", change, ["calls", host]) if
    host in change.hosts and not host.endswith(".acme.example");
rule("owner", "Every workflow has an owner.");
approval("owner", change, "acme/platform", "it has no owner") if change.is_unowned;
rule("long", "No run goes on for long.");
warn("long", change, ["may take", change.worst_seconds, "s"]) if change.worst_seconds > 3600;
rule("name", "Workflows of payments ask payments.");
approval("name", change, "acme/payments", ["is called", change.name]) if
    change.name.startswith("pay");
"""
}
# As above, but for rules that speak of few workflows.
_QUIET = {
    name: text.replace("if change.is_unowned", 'if change.is_unowned and change.name = "nobody"')
    for name, text in _POLICY.items()
}
_QUIETER = {name: text.replace('"pay"', '"pay-"') for name, text in _QUIET.items()}


def review(bench: Bench) -> None:
    """Tell what it costs to compile what is live, what a first look does then, a later one, one
    after a merge, and those at other policies, that decide much otherwise, or nothing.
    """
    look_seldom()  # as a controller does
    with tempfile.TemporaryDirectory(prefix="sark-bench-", dir="/tmp") as name:
        folder = Path(name)
        repo = Repo(folder / "repo")
        repo.commit({_file(i): _spec(i) for i in range(_COUNT)})
        server = Postgres(folder / "postgres")
        try:
            asyncio.run(_looks(server.start(), folder, repo, bench))
        finally:
            server.stop()


def main() -> None:
    """Print each figure as it is known, then all of them as JSON on the last line."""
    with Bench(repeats=_REPEATS) as bench:
        review(bench)
        print(json.dumps(bench.rows))


async def _looks(url: str, folder: Path, repo: Repo, bench: Bench) -> None:
    await migrate(url)
    with FakeGitHub() as hub:
        told = _settings(url, folder, repo, hub)
        async with (
            desk(url, told.state, *told.sources) as here,
            Forges(told.sources) as forges,
            Keepers() as keepers,
        ):
            assert await here.look()
            looking = Desk(told, told.sources, forges, CATALOGUE, Event(), here.session, keepers)
            before = _cpu()
            await looking.prepare()
            cpu = round(_cpu() - before, 3)
            bench.tell({"shape": "review_prepare", "specs": _COUNT, "cpu": cpu})
            for number in range(1, bench.repeats + 2):
                shape = "review_first" if number == 1 else "review_next"
                row = await _look(looking, here.session, repo, hub, number)
                bench.tell({"shape": shape, "specs": _COUNT, **row})
            repo.git("merge", "-q", "change2")
            assert await here.look()
            row = await _look(looking, here.session, repo, hub, bench.repeats + 2)
            bench.tell({"shape": "review_after_merge", "specs": _COUNT, **row})
            for number in range(bench.repeats + 3, 2 * bench.repeats + 3):
                row = await _look(looking, here.session, repo, hub, number, _POLICY)
                bench.tell({"shape": "review_policies", "specs": _COUNT, **row})
            repo.commit(_QUIET)
            assert await here.look()
            for number in range(2 * bench.repeats + 3, 3 * bench.repeats + 3):
                row = await _look(looking, here.session, repo, hub, number, _QUIETER)
                bench.tell({"shape": "review_few_flips", "specs": _COUNT, **row})


async def _look(
    looking: Desk, session: Session, repo: Repo, hub: FakeGitHub, number: int,
    beside: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, float]:  # fmt: skip
    """Measure a look at a pull request that changes one spec, and what is beside it."""
    base = repo.head
    repo.git("checkout", "-q", "-b", f"change{number}")
    head = repo.commit({_file(number): _spec(number, 1), **beside})
    repo.git("update-ref", f"refs/pull/{number}/head", head)
    repo.git("checkout", "-q", "main")
    hub.pull(head, base, number=number)
    ref = head_ref(number, "github")
    async with session.turn() as connection:
        await reviews.want(connection, [_NAME], ref, number)
        row = await reviews.read(connection, _NAME, ref)
    assert row is not None
    before, began = _cpu(), time.perf_counter()
    await looking.look(row)
    seconds, cpu = time.perf_counter() - began, _cpu() - before
    async with session.turn() as connection:
        row = await reviews.read(connection, _NAME, ref)
    assert row is not None
    assert row.workflows == [f"w{number}"], row
    memory = sum(processes.memory(os.getpid()).values())
    return {"seconds": round(seconds, 3), "cpu": round(cpu, 3), "memory_mb": round(memory)}


def _settings(url: str, folder: Path, repo: Repo, hub: FakeGitHub) -> Settings:
    forge = {
        "kind": "github", "repository": hub.repository, "api": hub.url,
        "app": {"id": str(APP_ID), "key": f"file:{hub.key_file(folder)}"},
    }  # fmt: skip
    source = {
        "name": _NAME, "namespace": "shop", "url": repo.url, "interval": "1m", "forge": forge,
    }  # fmt: skip
    return Settings.model_validate(
        {"database_url": url, "state": folder / "state", "sources": [source]}
    )


def _cpu() -> float:
    """Return the CPU seconds of this process and of all that it has started."""
    return sum(processes.cpu(os.getpid()).values())


def _file(number: int) -> str:
    return f"team{number // 100:03}/w{number}.yaml"


def _spec(number: int, add: int = 0) -> str:
    return spec(f"w{number}", f'"{{{{ {number} + {add} }}}}"')


if __name__ == "__main__":
    main()
