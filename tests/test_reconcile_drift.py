"""What is live is what its commit says, whatever a hand has done to the database (R11)."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.core.override import Asked, Kind
from engine.telemetry import REGISTRY
from policies.authorizer import Authorizer
from tests.git.desk import CATALOGUE, GOOD, Desk, desk, source
from tests.git.repo import Repo, broken, spec
from tests.git.signing import allowed, by_ssh
from tests.test_relay import relaying

NOW = datetime(2026, 11, 27, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HEARS = """\
apiVersion: sark/v1
kind: Workflow
name: hears
triggers:
  drift:
    type: event
    event: sark.drift.healed
    with: {what: "{{ event.data.workflows | join(',') }}", source: "{{ event.data.source }}"}
inputs:
  what: {type: string}
  source: {type: string}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.what }}"}}
"""
PLACE = "environments/production.yaml"
PRODUCTION = """\
apiVersion: sark/v1
kind: Environment
name: production
variables: {HOST: shop.example}
"""
FOLLOWS = "triggers:\n  after: {type: workflow, workflow: a}\nsteps:"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    made = Repo(tmp_path / "repo")
    names = ("a", "b", "c", "d")
    files = {f"{name}.yaml": spec(name) for name in names}
    made.commit({**files, "d.yaml": spec("d").replace("steps:", FOLLOWS)})
    return made


async def harm(here: Desk, statement: str) -> None:
    async with here.session.turn() as connection:
        await connection.execute(statement.encode())


async def rows(here: Desk, statement: str) -> list[tuple[object, ...]]:
    async with here.session.turn() as connection:
        return await (await connection.execute(statement.encode())).fetchall()


async def state(here: Desk) -> list[tuple[object, ...]]:
    """Return all that an activation writes, but when and by which it was."""
    told = await rows(here, "SELECT namespace, name, source, plan, file, title FROM workflows")
    return sorted([*told, *await rows(here, "SELECT follower, workflow FROM follows")], key=str)


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("DELETE FROM workflows WHERE name IN ('a', 'b')", "a, b"),
        ("UPDATE workflows SET plan = (SELECT plan FROM workflows WHERE name = 'b')"
         " WHERE name = 'a'", "a"),
        ("UPDATE workflows SET title = 'x'", "a, b, c, d"),
        ("INSERT INTO workflows SELECT namespace, 'e', source, commit_sha, plan, file"
         " FROM workflows WHERE name = 'a'", "e"),
        ("DELETE FROM follows", "who follows whom"),
        ("INSERT INTO follows VALUES ('shop', 'b', 'c')", "who follows whom"),
        ("DELETE FROM workflows", "a, b, c, d"),
    ],
)  # fmt: skip
def test_what_a_hand_has_changed_is_healed(repo, tmp_path, database_url, statement, what):
    """
    At the next interval the workflows are those of the commit; the audit log and the commit say
    what was not so, and everybody who keeps the active set in memory hears of it.
    """

    async def story():
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            here.clock.now = NOW
            await here.look()
            await here.look()
            before, number = await state(here), await here.activations()
            await harm(here, statement)
            await here.look()
            assert before != await state(here), "an interval has not passed"
            here.clock.now += MINUTE
            await here.look()

            assert before == await state(here)
            assert number + 1 == await here.activations()
            why = f"DriftHealed: not as the commit says: {what}"
            told = await rows(here, "SELECT action, resource, allowed, reason FROM audit")
            assert [("source.heal", "source:shop/shop", True, why)] == told
            assert why == (await here.commit(repo.head)).reason
            assert GOOD == await here.conditions()
            here.clock.now += MINUTE
            await here.look()
            assert number + 1 == await here.activations()

    asyncio.run(story())


def test_a_workflow_is_started_by_what_was_healed(repo, tmp_path, database_url):
    """
    What was healed is told once to the namespace, as an event that starts workflows: the source,
    the environment, the commit and the workflows that were not as they should be.
    """

    async def story():
        head = repo.commit({"hears.yaml": HEARS})
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            await harm(here, "DELETE FROM workflows WHERE name IN ('a', 'b')")
            await here.restart()
            await here.look()
            await here.look()
            async with relaying(database_url):
                async with asyncio.timeout(60):
                    while not await rows(here, "SELECT FROM events, runs") or await rows(
                        here, "SELECT FROM outbox"
                    ):
                        await asyncio.sleep(0.05)
            runs = await rows(here, "SELECT workflow, inputs FROM runs")
            events = await rows(here, "SELECT namespace, type, subject, source, data FROM events")

            assert [("hears", {"what": "a,b", "source": "shop"})] == runs
            [(namespace, type_, subject, of, data)] = events
            assert ("shop", "sark.drift.healed", "shop", "sark/source/shop") == (
                namespace, type_, subject, of,
            )  # fmt: skip
            told = {"source": "shop", "environment": "production", "commit": head,
                    "message": "a, b", "workflows": ["a", "b"], "count": 2}  # fmt: skip
            assert told == data

    asyncio.run(story())


def test_what_is_held_or_rejected_is_not_healed_into(repo, tmp_path, database_url):
    """
    What is healed is what is live: neither the pinned, nor the held, nor the broken newest commit.
    """

    async def story():
        old = repo.head
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await state(here)
            await here.put(Asked(Kind.SUSPEND, "x", 60 * MINUTE))
            repo.commit({"a.yaml": spec("a", "new")})
            await here.look()
            told = await here.conditions()
            for _ in range(2):
                await harm(here, "DELETE FROM workflows WHERE name = 'a'")
                await here.restart()
                await here.look()
                assert (old, before) == ((await here.row()).active, await state(here))
                assert (told.get("Unheld"), True) == (
                    (await here.conditions()).get("Unheld"), told == await here.conditions(),
                )  # fmt: skip
                repo.commit({"a.yaml": broken("a")})
                await here.look()
                told = await here.conditions()

    asyncio.run(story())


def test_a_touched_past_is_not_brought_back(repo, tmp_path, database_url):
    """
    A rollback after drift is compiled from Git, and not taken from rows that a hand has touched.
    """

    async def story():
        old = repo.head
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before = await state(here)
            repo.commit({"b.yaml": spec("b", "new")})
            await here.look()
            await harm(here, "UPDATE workflows SET plan = 'x' WHERE name = 'a'")
            await here.put(Asked(Kind.ROLLBACK, "x", None, old))
            await here.look()

            assert (old, before) == ((await here.row()).active, await state(here))

    asyncio.run(story())


def test_drift_that_cannot_be_healed_is_counted(repo, tmp_path, database_url, monkeypatch):
    """
    Where what is live does not compile any more it is left as it is, told of in the log and the
    metrics, and healed once it does.
    """

    def left() -> float:
        return REGISTRY.get_sample_value("sark_source_drift_total", {"outcome": "left"}) or 0

    async def story():
        async with desk(database_url, tmp_path, source(repo.url)) as here:
            await here.look()
            before, count = await state(here), left()
            await harm(here, "DELETE FROM workflows WHERE name = 'a'")
            without = {name: each for name, each in CATALOGUE.items() if name != "echo.say@1"}
            with monkeypatch.context() as upgraded:
                upgraded.setattr("tests.git.desk.CATALOGUE", without)
                await here.restart()
                await here.look()
            assert count + 1 == left()
            assert (False, "RecompileFailed") == (await here.conditions())["Compiled"]
            assert before != await state(here)
            await here.restart()
            await here.look()

            assert before == await state(here)
            assert GOOD == await here.conditions()

    asyncio.run(story())


@pytest.mark.parametrize("by", ["unsigned", "suspended"])
def test_healing_lets_in_nothing_that_was_kept_out(repo, tmp_path, database_url, by):
    """
    R07: an environment pins its commit, and gives values to it. Whoever pushes other values that
    are rejected or held, and then harms the database, gets back what was live, not his values.
    """

    async def story():
        dana = by_ssh(tmp_path, "dana")
        signers = allowed(tmp_path / "signers", f"dana@acme {dana.public}")
        reads = spec("a", '"{{ variables.HOST }}"')
        one = dana.commit(repo, {"a.yaml": reads, PLACE: PRODUCTION})
        dana.commit(repo, {PLACE: f"{PRODUCTION}revision: {one}\n"})
        named = source(repo.url, verify="head", signers=signers)
        async with desk(database_url, tmp_path, named) as here:
            await here.look()
            before = await state(here)
            theirs = f"{PRODUCTION.replace('shop', 'evil')}revision: {one}\n"
            if by == "unsigned":
                head = repo.commit({PLACE: theirs})
            else:
                await here.put(Asked(Kind.SUSPEND, "x", 60 * MINUTE))
                head = dana.commit(repo, {PLACE: theirs})
            await here.look()
            kept_out = await here.commit(head)
            assert kept_out.state == ("Rejected" if by == "unsigned" else "Held")
            await harm(here, "DELETE FROM workflows WHERE name = 'a'")
            await here.restart()
            await here.look()

            assert (one, head) == ((await here.row()).active, (await here.row()).observed)
            assert before == await state(here)

    asyncio.run(story())


def test_healing_makes_live_what_was_activated_or_nothing(repo, tmp_path, database_url):
    """
    R07: where a commit would come to something else by now, for its source has another root, it is
    judged as any commit is: what may not be there is refused, and drift does not let it in.
    """

    async def story():
        repo.commit({"one/a.yaml": spec("a"), "two/a.yaml": spec("a", "2")})
        denies = tmp_path / "denies"
        denies.mkdir()
        (denies / "none.polar").write_text("allow(_, _, _) if false;\n")
        async with desk(database_url, tmp_path, source(repo.url, root="one")) as here:
            await here.look()
            live = await here.workflows()
            await harm(here, "UPDATE workflows SET title = 'x'")
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr("tests.git.desk.policy", lambda: Authorizer(denies))
                await here.restart(source(repo.url, root="two"))
                await here.look()

            assert live == await here.workflows()
            assert (False, "Denied") == (await here.conditions())["Authorised"]

    asyncio.run(story())
