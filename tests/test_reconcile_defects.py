"""A pass in which the engine itself fails: it is told, it is repeated, and it is nobody else's."""

import asyncio
import threading

from tests.git.desk import GOOD, desk, source
from tests.git.repo import Repo, spec


def test_a_defect_is_told_and_holds_up_no_other_source(tmp_path, database_url, monkeypatch, caplog):
    """
    Where one source's commit makes the engine itself fail, what was live stays, its condition says
    so without the words of the fault, which the log has whole, and the repository's other source
    goes on. Once the engine can, the commit is live.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"one/a.yaml": spec("a"), "two/b.yaml": spec("b")})

    async def story():
        named = (source(repo.url, "one", root="one"), source(repo.url, "two", root="two"))
        async with desk(database_url, tmp_path, *named) as here:
            await here.look()
            live = repo.head
            head = repo.commit({"one/a.yaml": spec("a", "new"), "two/b.yaml": spec("b", "new")})
            with monkeypatch.context() as faulty:
                faulty.setattr("engine.reconcile.checkout.compile_files", _failing_once())
                assert not await here.look()
            assert (live, head) == ((await here.row("one")).active, (await here.row("two")).active)
            told = await here.conditions("one")
            assert [(False, "Defect")] * 2 == [told["SourceReady"], told["Ready"]]
            assert (True, "Defect") == told["Reconciling"]
            assert "KeyError" in await here.message(name="one")
            assert "in its middle" not in await here.message(name="one")
            assert "in its middle" in caplog.text
            assert GOOD == await here.conditions("two")
            await here.look()

            assert head == (await here.row("one")).active
            assert GOOD == await here.conditions("one")

    asyncio.run(story())


def test_a_source_that_fails_slows_no_other_of_its_repository(tmp_path, database_url, monkeypatch):
    """
    Where one source cannot be judged, the other is looked at before it and in the lane of what goes
    well, though every place for what fails is taken; and as often as its interval says.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"one/a.yaml": spec("a"), "two/b.yaml": spec("b")})
    keys = {"verify": "head", "signers": tmp_path / "missing"}
    named = (
        source(repo.url, "one", root="one", **keys), source(repo.url, "two", root="two"),
    )  # fmt: skip
    release = threading.Event()

    async def story():
        async with desk(database_url, tmp_path, *named) as here:
            assert not await here.look()
            assert here.repository.has_healthy
            assert (False, "Misconfigured") == (await here.conditions("one"))["SourceVerified"]
            head = repo.commit({"two/b.yaml": spec("b", "new")})
            taken = [asyncio.create_task(here.lanes.run(True, release.wait, 60)) for _ in range(8)]
            looking = asyncio.create_task(here.look())
            async with asyncio.timeout(60):
                while (await here.row("two")).active != head:
                    await asyncio.sleep(0.01)
            assert not looking.done()
            release.set()
            await asyncio.gather(looking, *taken)

    asyncio.run(story())


def _failing_once():
    """Return what compiles as ever, but for the first time."""
    from engine.source import compile_files

    failures = iter([KeyError("in its middle")])

    def compiling(*words, **named):
        for failure in failures:
            raise failure
        return compile_files(*words, **named)

    return compiling
