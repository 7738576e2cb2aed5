"""Example 4: an alert is looked into, acted on and paged, and told on if nobody takes it."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from engine.core.values import Json
from engine.store import journal
from tests.adapters.engine import Standing, standing
from tests.adapters.mailing import Inbox, serving, settings
from tests.adapters.servers import Seen, answer, json_answer
from tests.stories.world import World, world

INPUTS: dict[str, Json] = {
    "service": "web", "severity": "page", "summary": "it is down", "fingerprint": "f-1",
}  # fmt: skip
SECRETS = {"pager_key": "key-of-the-pager", "deployer_token": "token-of-deployer"}
# The stand-in engine runs programs of this machine, which has no kubectl.
KUBECTL = "argv: [kubectl, rollout,"
TOLD = "argv: [echo, rollout,"
Acts = Callable[[World, UUID], Coroutine[Any, Any, None]]


@dataclass
class Site:
    """What stands around a service: its pods, the deployer, the pager.

    `memory` is how full the pods are, in percent. Without a `cluster` nobody answers for them;
    a pager that is `dead` answers 503. `before_reply` is done before the pager answers.
    """

    memory: int = 50
    cluster: bool = True
    dead: bool = False
    before_reply: Callable[[], Coroutine[Any, Any, None]] | None = None
    incidents: list[Any] = field(default_factory=list)
    rolled_back: list[str] = field(default_factory=list)

    async def __call__(self, seen: Seen) -> bytes:
        body: Any = orjson.loads(seen.body) if seen.body else {}
        match seen.method, seen.target.strip("/").split("/"):
            case "GET", ["k8s", "services", "web", "pods"] if self.cluster:
                return json_answer(orjson.dumps({"restarts": 3, "memory_pc": self.memory}))
            case "POST", ["pager", "v1", "incidents"] if not self.dead:
                self.incidents.append(body)
                if self.before_reply is not None:
                    await self.before_reply()
                return json_answer(b'{"id": "INC-1"}', 201)
            case "PUT", ["deployer", "apps", "web", "rollback"]:
                self.rolled_back.append(body["run"])
                return json_answer(b'{"revision": "r-6"}')
        return answer(503)


async def nothing(made: World, run: UUID) -> None:
    pass


@dataclass
class Incident:
    """One alert's story: what stands around it, and what has been mailed."""

    url: str
    folder: Path
    engine: Standing
    site: Site = field(default_factory=Site)
    inbox: Inbox = field(default_factory=Inbox)

    def play(self, act: Acts = nothing, *, prepare: Acts | None = None, **changed: Json) -> Any:
        """Return the row of the run of one alert, and its steps, after what happened meanwhile."""

        async def story() -> Any:
            state = self.folder / "state"
            state.mkdir()
            async with serving(self.inbox) as port:
                adapters = {"container": {"command": self.engine.command}, "smtp": settings(port)}
                async with world(
                    self.url, state, self.site, SECRETS, adapters,
                    lambda text: text.replace(KUBECTL, TOLD),
                ) as made:  # fmt: skip
                    if prepare is not None:
                        await prepare(made, UUID(int=0))
                    run = await made.start("respond-to-alert", {**INPUTS, **changed})
                    await act(made, run)
                    row = await made.ended(run)
                    await made.events()
                    return row, await journal.read(made.here.connection, run)

        return asyncio.run(story())

    def subjects(self) -> list[str]:
        """Return the subject of every e-mail."""
        told = [each.content.decode() for each in self.inbox.envelopes
                if isinstance(each.content, bytes)]  # fmt: skip
        return [line.removeprefix("Subject: ") for text in told for line in text.splitlines()
                if line.startswith("Subject: ")]  # fmt: skip


@pytest.fixture
def incident(database_url: str, tmp_path: Path) -> Any:
    with standing(tmp_path) as engine:
        yield Incident(database_url, tmp_path, engine)


async def acknowledge(made: World, run: UUID) -> None:
    """Take the incident once the run waits for somebody."""
    await made.until(run, "waiting")
    await made.emit("acme.pager.acknowledged", {"incident": "INC-1", "user": "bo"})


async def deployed(made: World, _: UUID) -> None:
    """Let there be a release of the last two hours."""
    inputs = {"version": "v1.0.0", "image": f"ghcr.io/acme/web@sha256:{'a' * 64}", "env": "staging"}
    run = await made.start("deploy-web", inputs)
    await made.until(run, "failed", "succeeded", "compensated")
    await made.here.connection.execute("UPDATE runs SET status = 'succeeded' WHERE id = %s", (run,))


def test_an_alert_that_is_taken_is_told_to_nobody_else(incident: Incident) -> None:
    """
    It is paged once with what is known of its cause, and taken within its time.
    """
    row, _ = incident.play(acknowledge)

    assert ("succeeded", []) == (row["status"], row["flags"])
    assert [{"title": "web: it is down", "cause": "unknown"}] == incident.site.incidents
    assert [] == incident.subjects()
    assert [] == incident.engine.asked("create")


def test_an_acknowledgement_that_was_quicker_than_the_wait_counts(incident: Incident) -> None:
    """
    Somebody takes the incident before the pager has even answered: nobody is told on.
    """
    kept: list[World] = []

    async def quick() -> None:
        await kept[0].emit("acme.pager.acknowledged", {"incident": "INC-1", "user": "bo"})
        await kept[0].events()

    async def keep(made: World, _: UUID) -> None:
        kept.append(made)

    incident.site.before_reply = quick
    row, _ = incident.play(prepare=keep)

    assert ("succeeded", []) == (row["status"], row["flags"])
    assert [] == incident.subjects()


def test_an_alert_that_nobody_takes_is_told_to_a_manager(incident: Incident) -> None:
    """
    After a quarter of an hour a run of its own tells a manager.
    """

    async def ignore(made: World, run: UUID) -> None:
        await made.pass_time(run, timedelta(minutes=15))
        async with asyncio.timeout(60):
            while not incident.inbox.envelopes:
                await asyncio.sleep(0.05)

    row, _ = incident.play(ignore)

    assert "succeeded" == row["status"]
    assert ["UNACKNOWLEDGED web"] == incident.subjects()


def test_a_service_that_is_out_of_memory_is_restarted(incident: Incident) -> None:
    """
    Where memory is the cause, the service is restarted, in a container.
    """
    incident.site.memory = 97
    row, _ = incident.play(acknowledge)

    assert "succeeded" == row["status"]
    assert "memory" == incident.site.incidents[0]["cause"]
    (words,) = incident.engine.asked("create")
    assert ["rollout", "restart", "deployment/web"] == words[-3:]


def test_a_release_that_is_blamed_is_rolled_back_with_a_yes(incident: Incident) -> None:
    """
    A release of the last two hours is suspected first; a person decides whether it goes.
    """

    async def agree(made: World, run: UUID) -> None:
        asked = await made.asked(run)
        assert str(asked.body["show"]).startswith("Roll back ")
        await made.decide(run)
        async with asyncio.timeout(60):
            while not incident.site.incidents:
                await asyncio.sleep(0.05)
        await acknowledge(made, run)

    row, _ = incident.play(agree, prepare=deployed)

    assert "succeeded" == row["status"]
    assert "recent_deploy" == incident.site.incidents[0]["cause"]
    assert 1 == len(incident.site.rolled_back)


def test_a_no_to_a_rollback_goes_on_to_the_page(incident: Incident) -> None:
    """
    Nothing is rolled back, and the alert is paged all the same.
    """

    async def refuse(made: World, run: UUID) -> None:
        await made.decide(run, approved=False)
        async with asyncio.timeout(60):
            while not incident.site.incidents:
                await asyncio.sleep(0.05)
        await acknowledge(made, run)

    row, _ = incident.play(refuse, prepare=deployed)

    assert "succeeded" == row["status"]
    assert [] == incident.site.rolled_back


def test_a_pager_that_is_down_is_stood_in_for_by_mail(incident: Incident) -> None:
    """
    The page goes by e-mail, and is acknowledged under the alert's own fingerprint.
    """
    incident.site.dead = True

    async def take(made: World, run: UUID) -> None:
        async with asyncio.timeout(60):
            while not incident.inbox.envelopes:
                await asyncio.sleep(0.05)
        await made.emit("acme.pager.acknowledged", {"incident": "f-1", "user": "bo"})

    row, _ = incident.play(take)

    assert ("succeeded", ["degraded"]) == (row["status"], row["flags"])
    assert ["PAGE web"] == incident.subjects()


def test_a_cluster_that_does_not_answer_stops_no_response(incident: Incident) -> None:
    """
    Without a diagnosis the cause is unknown, and the page goes out.
    """
    incident.site.cluster = False
    row, _ = incident.play(acknowledge)

    assert ("succeeded", ["degraded"]) == (row["status"], row["flags"])
    assert "unknown" == incident.site.incidents[0]["cause"]


def test_an_alert_that_goes_by_itself_ends_its_run(incident: Incident) -> None:
    """
    When this alert is resolved, and not another, its run is over, and its timeline is kept.
    """

    async def resolve(made: World, run: UUID) -> None:
        await made.until(run, "waiting")
        await made.emit("acme.alert.resolved", {"fingerprint": "f-2"})
        await asyncio.sleep(0.5)
        assert "waiting" == (await made.here.row(run))["status"]
        await made.emit("acme.alert.resolved", {"fingerprint": "f-1"})

    row, rows = incident.play(resolve)

    assert "cancelled" == row["status"]
    (last,) = [each for each in rows if each.path == "finally.timeline" and each.kind == "produced"]
    assert "timeline" in str(last.data)
    assert "The run: cancelled." in _kept(incident)


def _kept(incident: Incident) -> str:
    """Return the one artifact that was kept."""
    (file,) = [each for each in (incident.folder / "state/artifacts").rglob("*")
               if each.is_file() and b"Cause" in each.read_bytes()]  # fmt: skip
    return file.read_text()
