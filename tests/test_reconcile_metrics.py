"""What is counted of sources: how they are, how long a commit takes, and what stops it."""

import asyncio

from engine.reconcile import measure
from engine.telemetry import REGISTRY
from tests.git.desk import desk, source
from tests.git.repo import Repo, broken, spec


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_commits_are_counted(tmp_path, database_url):
    """
    A commit that gets live is counted with its lag, one with errors by its first error, one that
    waits for a word by the reason; looking again counts nothing twice.
    """
    repo = Repo(tmp_path / "repo")

    def counts() -> list[float]:
        return [
            value("sark_source_lag_seconds_count"),
            value("sark_reconcile_seconds_count", phase="activate"),
            value("sark_commits_rejected_total", code="unknown-key"),
            value("sark_commits_held_total", reason="Prune"),
        ]

    async def story():
        before = counts()
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            for files, gone in (
                ({f"{n}.yaml": spec(n) for n in "abcdefgh"}, ()),
                ({"a.yaml": broken("a")}, ()),
                ({"a.yaml": spec("a")}, [f"{n}.yaml" for n in "bcdefg"]),
            ):
                repo.commit(files, gone=list(gone))
                for _ in range(2):
                    await here.look()
                await here.restart()
                await here.look()
            return [now - was for now, was in zip(counts(), before, strict=True)]

    assert [1, 1, 1, 1] == asyncio.run(story())


def test_the_conditions_of_a_source_are_shown(tmp_path, database_url):
    """
    Each condition is 1 while it is true; another process that leads shows them, and this one not.
    """
    repo = Repo(tmp_path / "repo")

    def shown(kind: str) -> float | None:
        labels = {"source": "shop", "type": kind}
        return REGISTRY.get_sample_value("sark_source_condition", labels)

    async def story():
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            repo.commit({"a.yaml": spec("a")})
            await here.look()
            assert [1, 1, 0] == [shown(each) for each in ("Ready", "Compiled", "Stalled")]
            repo.commit({"a.yaml": broken("a")})
            await here.look()
            assert [0, 0, 1] == [shown(each) for each in ("Ready", "Compiled", "Stalled")]
            measure.forget()
            await here.look()
            assert [0, 0, 1] == [shown(each) for each in ("Ready", "Compiled", "Stalled")]
            measure.forget()
            assert shown("Ready") is None

    asyncio.run(story())
