"""What is counted of sources: how they are, how long a commit takes, and what stops it."""

import asyncio
from itertools import pairwise

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


def test_what_held_a_source_is_counted_once_it_is_over(tmp_path, database_url):
    """
    How long commits were held is told by what held them, once, when another reason or none holds
    them; looking in between tells nothing, and neither does another leader.
    """
    repo = Repo(tmp_path / "repo")
    many = {f"{n}.yaml": spec(n) for n in "abcdefgh"}

    def held(reason: str, what: str = "count") -> float:
        return value(f"sark_source_held_seconds_{what}", reason=reason)

    async def story():
        repo.commit(many)
        before = [held("Prune"), held("NonFastForward"), held("Prune", "sum")]
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            live = repo.head
            repo.commit({}, gone=[f"{n}.yaml" for n in "bcdefg"])
            await here.look()
            await here.restart()
            await here.look()
            assert before[0] == held("Prune")
            repo.git("checkout", "-q", "--orphan", "anew")
            repo.commit(many, "anew")
            repo.git("branch", "-f", "main")
            await here.look()
            assert [before[0] + 1, before[1]] == [held("Prune"), held("NonFastForward")]
            repo.git("branch", "-f", "main", live)
            await here.look()

            assert [before[0] + 1, before[1] + 1] == [held("Prune"), held("NonFastForward")]
            assert 0 < held("Prune", "sum") - before[2] < 600

    asyncio.run(story())


def test_what_is_known_is_told_from_what_is_compiled(tmp_path, database_url):
    """
    Of a commit that changes one of three specs two are known; another process knows none.
    """
    repo = Repo(tmp_path / "repo")

    def counts() -> list[float]:
        return [value("sark_specs_total", outcome=each) for each in ("compiled", "known")]

    async def story():
        told = [counts()]
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            repo.commit({f"{n}.yaml": spec(n) for n in "abc"})
            await here.look()
            told.append(counts())
            repo.commit({"a.yaml": spec("a", "new")})
            await here.look()
            told.append(counts())
            repo.commit({"a.yaml": spec("a", "newer")})
            await here.restart()
            await here.look()
            told.append(counts())
        return [[now - was for was, now in zip(*pair, strict=True)] for pair in pairwise(told)]

    assert [[3, 0], [1, 2], [3, 0]] == asyncio.run(story())
