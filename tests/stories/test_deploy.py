"""Example 1: a build goes to staging, then with a yes to production, and back if it is ill."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from engine.core.values import Json
from tests.adapters.servers import Seen, answer, json_answer
from tests.stories.world import COMMIT, World, world

OLD, NEW = (f"ghcr.io/acme/web@sha256:{digit * 64}" for digit in "ab")
INPUTS: dict[str, Json] = {"version": "v1.2.3", "image": NEW, "env": "production"}
SECRETS = {"deployer_token": "token-of-deployer", "slack_webhook": "URL/slack"}


@dataclass
class Deployer:
    """What runs where, by environment; what was told to people; how each run was recorded.

    A revision rolls for two looks and is then ready; `rate` is how many requests fail.
    """

    images: dict[str, str] = field(default_factory=lambda: {"production": OLD, "staging": OLD})
    tickets: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    audit: dict[str, Any] = field(default_factory=dict)
    rate: float = 0.0
    looks: int = 0

    def __call__(self, seen: Seen) -> bytes:
        body: Any = orjson.loads(seen.body) if seen.body else {}
        match seen.method, seen.target.strip("/").split("/"):
            case "GET", ["deployer", "apps", "web", env]:
                return told(image=self.images[env])
            case "PUT", ["deployer", "apps", "web", env]:
                if seen.headers.get("authorization") != f"Bearer {SECRETS['deployer_token']}":
                    return answer(401)
                self.images[env] = body["image"]
                self.tickets += [body["ticket"]] if "ticket" in body else []
                return told(revision=f"{env}-7")
            case "GET", ["deployer", "revisions", _]:
                self.looks += 1
                return told(state="rolling" if self.looks <= 2 else "ready")
            case "GET", ["deployer", "revisions", _, "error-rate"]:
                return told(rate=self.rate)
            case "PUT", ["deployer", "audit", run]:
                self.audit[run] = body
                return told()
            case "POST", ["slack"]:
                self.notes.append(body["text"])
                return told()
        return answer(404)


def told(**body: Any) -> bytes:
    return json_answer(orjson.dumps(body))


Acts = Callable[[World, UUID], Coroutine[Any, Any, None]]


def deployed(
    url: str, folder: Path, deployer: Deployer, act: Acts | None = None, **changed: Json
) -> tuple[UUID, Any, World]:
    """Return a run, its row and its world, after what people did meanwhile."""

    async def story() -> tuple[UUID, Any, World]:
        async with world(url, folder, deployer, SECRETS) as made:
            run = await made.start("deploy-web", {**INPUTS, **changed})
            if act is not None:
                await act(made, run)
            return run, await made.ended(run), made

    return asyncio.run(story())


async def approve(made: World, run: UUID) -> None:
    assert "Staging revision staging-7 is ready." in str((await made.asked(run)).body["show"])
    await made.decide(run, ticket="CHG-42")


def test_an_approved_release_stays_where_it_is_well(database_url: str, tmp_path: Path) -> None:
    """
    Staging first; then, with a yes and its ticket, production; quiet for its time, it stays.
    """
    deployer = Deployer()
    run, row, made = deployed(database_url, tmp_path, deployer, approve)

    assert ("succeeded", {"revision": "production-7"}) == (row["status"], row["outputs"])
    assert {"production": NEW, "staging": NEW} == deployer.images
    assert ["CHG-42"] == deployer.tickets
    assert 20 == len(made.calls("/deployer/revisions/production-7/error-rate"))
    assert {str(run): {"status": "succeeded", "commit": COMMIT}} == deployer.audit
    assert [] == deployer.notes


def test_a_release_that_is_ill_is_rolled_back(database_url: str, tmp_path: Path) -> None:
    """
    What ran before runs again, people hear of it, and the record says how it ended.
    """
    deployer = Deployer(rate=0.5)
    run, row, _ = deployed(database_url, tmp_path, deployer, approve)

    assert "compensated" == row["status"]
    assert ("deploy.unhealthy", "gate") == (row["error"]["type"], row["error"]["step"])
    assert "error rate 0.5 after rollout" == row["error"]["detail"]
    assert {"production": OLD, "staging": NEW} == deployer.images
    note = "deploy v1.2.3 failed: deploy.unhealthy in gate (rolled back: true)"
    assert [note] == deployer.notes
    assert {str(run): {"status": "compensated", "commit": COMMIT}} == deployer.audit


def test_a_release_that_nobody_decides_on_is_not_made(database_url: str, tmp_path: Path) -> None:
    """
    After a day the question has expired, and that is a no.
    """

    async def ignore(made: World, run: UUID) -> None:
        await made.asked(run)
        await made.pass_time(run, timedelta(hours=23))
        await asyncio.sleep(0.3)
        assert "waiting" == (await made.here.row(run))["status"]
        await made.pass_time(run, timedelta(hours=1))

    deployer = Deployer()
    _, row, _ = deployed(database_url, tmp_path, deployer, ignore)

    assert ("failed", "sark.expired") == (row["status"], row["error"]["type"])
    assert OLD == deployer.images["production"]
    assert ["deploy v1.2.3 failed: sark.expired in approve (rolled back: false)"] == deployer.notes


def test_a_no_is_a_no(database_url: str, tmp_path: Path) -> None:
    """
    Who is asked and rejects ends the run before it has touched production.
    """

    async def reject(made: World, run: UUID) -> None:
        await made.decide(run, approved=False)

    deployer = Deployer()
    _, row, _ = deployed(database_url, tmp_path, deployer, reject)

    assert ("failed", "sark.rejected") == (row["status"], row["error"]["type"])
    assert OLD == deployer.images["production"]


def test_staging_alone_asks_nobody(database_url: str, tmp_path: Path) -> None:
    """
    Where production is not meant, nobody is asked, and production is left alone.
    """
    deployer = Deployer()
    _, row, _ = deployed(database_url, tmp_path, deployer, env="staging")

    assert ("succeeded", {"revision": ""}) == (row["status"], row["outputs"])
    assert {"production": OLD, "staging": NEW} == deployer.images
