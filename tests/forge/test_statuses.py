"""What a forge hears of commits: in order, only on change, and nothing is lost with the forge."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.forge.duty import Speaker, StatusDuty
from engine.forge.forges import Forges
from engine.forge.github import GitHub
from engine.reconcile import status
from engine.settings import Settings, Source
from engine.store import statuses
from engine.store.statuses import Words
from tests.forge.asking import by_token
from tests.forge.github import FakeGitHub
from tests.git.desk import Desk, desk
from tests.git.desk import source as plain
from tests.git.repo import Repo, broken, spec

CONTEXT = "sark/production"


@dataclass(slots=True)
class Told:
    """A reconciler, and whoever tells the forge of what it does."""

    desk: Desk
    speaker: Speaker
    hub: FakeGitHub
    repo: Repo

    async def heard(self) -> list[tuple[str, str, str]]:
        """Say what is due, and return all that the forge has heard: commit, state and words."""
        await self.speaker.speak()
        return self.hub.told(CONTEXT)

    async def tell(self, sha: str, words: Words) -> None:
        async with self.desk.session.turn() as connection:
            await statuses.tell(connection, "shop", sha, words)

    async def kept(self) -> int:
        async with self.desk.session.turn() as connection:
            row = await (await connection.execute("SELECT count(*) FROM statuses")).fetchone()
        assert row is not None
        return int(row[0])


Story = Callable[[Told], Coroutine[Any, Any, None]]


@pytest.fixture
def told(tmp_path: Path, database_url: str, hub: FakeGitHub) -> Callable[[Story], None]:
    """Tell a story of a repository, its reconciler and its forge."""
    repo = Repo(tmp_path / "repo")
    mine = plain(repo.url, forge=by_token(hub, tmp_path))

    @asynccontextmanager
    async def opened() -> AsyncIterator[Told]:
        async with desk(database_url, tmp_path, mine) as here, Forges([mine]) as forges:
            async with here.session.turn() as connection:
                await statuses.direct(connection, status.contexts([mine]))
            ((forge, named),) = forges.shared()
            yield Told(here, Speaker(here.session, forge, named, "https://sark.example"), hub, repo)

    async def telling(story: Story) -> None:
        async with opened() as all_of_it:
            await story(all_of_it)

    return lambda story: asyncio.run(telling(story))


def test_a_commit_gets_live(told):
    """
    A commit is pending while it is looked at, and then live since a time; with a link to us.
    """

    async def story(here: Told) -> None:
        head = here.repo.commit({"a.yaml": spec("a")})
        await here.desk.look()
        ((sha, state, words),) = await here.heard()

        assert (head, "success") == (sha, state)
        assert words.startswith("active since ")
        assert words.endswith(" UTC")
        assert ["https://sark.example/#source-shop"] == [
            each["target_url"] for each in here.hub.statuses
        ]

    told(story)


def test_a_commit_on_its_way(told):
    """
    What is heard while a commit is looked at is that it is being compiled.
    """

    async def story(here: Told) -> None:
        await here.tell("a" * 40, status.COMPILING)

        assert [("a" * 40, "pending", "compiling")] == await here.heard()

    told(story)


def test_a_commit_with_errors(told):
    """
    A commit with errors has failed, and its status says how many.
    """

    async def story(here: Told) -> None:
        here.repo.commit({"a.yaml": spec("a")})
        await here.desk.look()
        bad = here.repo.commit({"a.yaml": broken("a"), "b.yaml": broken("b")})
        await here.desk.look()

        assert (bad, "failure", "2 errors in 2 files") == (await here.heard())[-1]

    told(story)


def test_a_commit_that_is_held(told):
    """
    A commit that waits for a word of somebody is pending, and says which word.
    """

    async def story(here: Told) -> None:
        here.repo.commit({f"{n}.yaml": spec(n) for n in "abcdefgh"})
        await here.desk.look()
        held = here.repo.commit({}, gone=[f"{n}.yaml" for n in "abcdef"])
        await here.desk.look()
        sha, state, words = (await here.heard())[-1]

        assert (held, "pending") == (sha, state)
        assert words.startswith("held: it removes 6 of 8 workflows; ")

    told(story)


def test_only_what_changes_is_said(told):
    """
    Looking again, or beginning anew, says nothing twice.
    """

    async def story(here: Told) -> None:
        here.repo.commit({"a.yaml": spec("a")})
        await here.desk.look()
        before = await here.heard()
        for _ in range(2):
            await here.desk.look()
            await here.desk.restart()

        assert before == await here.heard()
        assert 1 == len(before)

    told(story)


def test_a_forge_that_was_away(told):
    """
    A forge that is away holds nothing up; once it is back it hears the last word of each commit,
    in the order in which they came.
    """

    async def story(here: Told) -> None:
        here.hub.is_down = True
        heads = []
        for n in range(4):
            text = broken("a") if n == 2 else spec("a", f"at {n}")
            heads.append(here.repo.commit({"a.yaml": text}))
            assert await here.desk.look()
            assert await here.speaker.speak() is not None
        here.hub.is_down = False

        words = [(sha, state) for sha, state, _ in await here.heard()]
        outcomes = ("success", "success", "failure", "success")
        assert list(zip(heads, outcomes, strict=True)) == words

    told(story)


@pytest.mark.parametrize("fault", ["limit", "token", "answer", "moved"])
def test_a_forge_that_does_not_hear_us(told, fault):
    """
    A limit, a token that is no good any more, an answer that was lost: later the words get through.
    """

    async def story(here: Told) -> None:
        await here.tell("a" * 40, status.COMPILING)
        match fault:
            case "limit":
                here.hub.fail(429, headers={"Retry-After": "1"})
            case "token":
                here.hub.fail(401, "Bad credentials")
            case "answer":
                here.hub.drop(done=True)
            case "moved":
                here.hub.fail(301, headers={"Location": "/elsewhere"})
        pause = await here.speaker.speak()
        assert pause is not None
        assert (fault in ("token", "moved")) == (pause >= timedelta(minutes=5))
        await asyncio.sleep(1.1 if fault == "limit" else 0)
        heard = await here.heard()

        assert [("a" * 40, "pending", "compiling")] * (1 + (fault == "answer")) == heard

    told(story)


def test_a_commit_that_the_forge_stumbles_over(told):
    """
    A status that the forge cannot hear holds the others up no longer than once.
    """

    async def story(here: Told) -> None:
        here.hub.fail(500, on=f"POST .*/statuses/{'a' * 40}", times=float("inf"))
        for letter in "abc":
            await here.tell(letter * 40, status.COMPILING)
        assert await here.speaker.speak() is None

        assert ["b" * 40, "c" * 40] == [sha for sha, _, _ in await here.heard()]
        assert 1 == len(here.hub.asked(f"POST .*/statuses/{'a' * 40}"))

    told(story)


def test_a_fault_of_ours_ends_nothing(told, caplog):
    """
    A fault in what speaks to one forge is logged whole; whoever leads goes on.
    """

    class Faulty(GitHub):
        def __init__(self) -> None:
            return None

        async def status(self, *_: object) -> None:
            raise ZeroDivisionError

    async def story(here: Told) -> None:
        await here.tell("a" * 40, status.COMPILING)
        speaker = Speaker(here.desk.session, Faulty(), ["shop"])
        serving = asyncio.create_task(speaker.serve())
        async with asyncio.timeout(60):
            while "statuses of shop have failed" not in caplog.text:
                await asyncio.sleep(0.05)
        assert not serving.done()
        serving.cancel()

    told(story)


def test_a_commit_that_is_not_there_any_more(told):
    """
    What the forge will never take is told to the log once.
    """

    async def story(here: Told) -> None:
        await here.tell("0" * 40, status.COMPILING)
        await here.tell("b" * 40, status.COMPILING)
        for _ in range(3):
            await here.heard()

        assert ["b" * 40] == [sha for sha, _, _ in here.hub.told(CONTEXT)]
        assert 2 == len(here.hub.seen)

    told(story)


def test_newer_words_are_not_lost_by_older_ones(told):
    """
    Words that change while the older ones are being said are said after them.
    """

    async def story(here: Told) -> None:
        await here.tell("a" * 40, status.COMPILING)
        async with here.desk.session.turn() as connection:
            (older,) = await statuses.due(connection, ["shop"], 10)
        await here.tell("a" * 40, Words("failure", "2 errors"))
        async with here.desk.session.turn() as connection:
            await statuses.said(connection, older)

        assert [("a" * 40, "failure", "2 errors")] == await here.heard()

    told(story)


def test_a_lost_forge_fills_no_table(told):
    """
    What was said is forgotten with the next commit; of what never was, the newest 1,000 are kept.
    """

    async def story(here: Told) -> None:
        for n in range(5):
            await here.tell(f"{n:040x}", status.COMPILING)
            await here.heard()
        assert 1 == await here.kept()
        for n in range(statuses.MOST_UNSAID + 50):
            await here.tell(f"{n + 100:040x}", status.COMPILING)
        assert statuses.MOST_UNSAID == await here.kept()
        async with here.desk.session.turn() as connection:
            await statuses.direct(connection, {})
        assert 0 == await here.kept()

    told(story)


def test_a_source_without_a_forge_keeps_no_words(told):
    """
    Where there is no forge, nothing is kept for one.
    """

    async def story(here: Told) -> None:
        async with here.desk.session.turn() as connection:
            await statuses.direct(connection, {})
        here.repo.commit({"a.yaml": spec("a")})
        await here.desk.look()

        assert 0 == await here.kept()

    told(story)


def test_the_duty_says_what_is_due(hub: FakeGitHub, tmp_path: Path, database_url: str):
    """
    Whoever leads the duty says what is due by itself; a forge that is away delays no other.
    """
    dead = {**by_token(hub, tmp_path), "api": "http://127.0.0.1:9"}
    sources = (plain("/srv/a", forge=by_token(hub, tmp_path)), plain("/srv/b", "b", forge=dead))

    async def story() -> None:
        settings = Settings(sources=sources)
        async with desk(database_url, tmp_path, *sources) as here:
            async with here.session.turn() as connection:
                await statuses.direct(connection, status.contexts(sources))
                for name in ("b", "shop"):
                    await statuses.tell(connection, name, "a" * 40, status.COMPILING)
            leading = asyncio.create_task(StatusDuty(settings).lead(here.session))
            async with asyncio.timeout(60):
                while not hub.told(CONTEXT):
                    await asyncio.sleep(0.05)
            leading.cancel()
            await asyncio.gather(leading, return_exceptions=True)

    asyncio.run(story())

    assert [("a" * 40, "pending", "compiling")] == hub.told(CONTEXT)


def test_sources_of_one_repository():
    """
    Each environment has its context; two sources that would share one have their names in it.
    """
    forge = {"repository": "acme/shop", "token": "env:TOKEN"}

    def named(name: str, environment: str, **more: Any) -> Source:
        told = {"name": name, "namespace": "shop", "url": "/srv/a", "environment": environment}
        return Source.model_validate({**told, **more})

    told = [
        named("web", "production", forge=forge),
        named("ops", "production", forge=forge),
        named("try", "staging", forge=forge),
        named("other", "staging", forge={**forge, "repository": "acme/other"}),
        named("silent", "production"),
    ]

    expected = {
        "web": "sark/production/web",
        "ops": "sark/production/ops",
        "try": "sark/staging",
        "other": "sark/staging",
    }
    assert expected == status.contexts(told)
