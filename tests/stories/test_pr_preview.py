"""Example 5: each pull request has an environment of its own, for a week or until it is closed."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest

from engine.settings import Settings
from tests.adapters.engine import Standing, image_of, standing
from tests.adapters.forge import TOKEN, GitHub
from tests.adapters.servers import Seen, answer, json_answer
from tests.stories.world import World, world
from tests.webhooks.served import Served, payload

SHA = "a1" * 20
HOOK = "secret-of-the-webhook"
SECRETS = {"preview_token": "token-of-previews", "github_app": TOKEN}
# The stand-in engine runs programs of this machine, which has no Makefile of the pull request's.
MAKE = 'argv: [make, "{{ suite }}"]'
SUITE = (
    'argv: [sh, -c, "mkdir -p out && echo $1 > out/junit.xml && test $1 != %s", sh, "{{ suite }}"]'
)


@dataclass
class Previews:
    """The environments that are up, by name, with the image in each; GitHub beside them."""

    github: GitHub = field(default_factory=GitHub)
    up: dict[str, str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)

    def __call__(self, seen: Seen) -> bytes:
        if seen.target.startswith("/repos/"):
            return self.github(seen)
        match seen.method, seen.target.strip("/").split("/"):
            case "PUT", ["preview", "envs", name]:
                self.up[name] = orjson.loads(seen.body)["image"]
                self.made.append(name)
                return json_answer(orjson.dumps({"url": f"https://{name}.preview.example"}))
            case "DELETE", ["preview", "envs", name]:
                return answer(204 if self.up.pop(name, None) else 404)
        return answer(404)


def delivery(action: str, number: int = 7, sha: str = SHA, author: str = "ann",
             repo: str = "acme/web") -> bytes:  # fmt: skip
    """Return what GitHub posts of a pull request with the label `preview`; its head is in `repo`.

    It is GitHub's own example, with other names.
    """
    told = json.loads(
        payload("pull-request-opened").replace(b"Codertocat/Hello-World", b"acme/web")
    )
    pull = told["pull_request"]
    pull["head"] |= {"sha": sha, "repo": {**pull["head"]["repo"], "full_name": repo}}
    pull |= {"number": number, "labels": [{"name": "preview"}], "user": {"login": author}}
    return json.dumps({**told, "action": action, "number": number}).encode()


Acts = Callable[[World, UUID], Coroutine[Any, Any, None]]


async def nothing(made: World, run: UUID) -> None:
    pass


@dataclass
class Preview:
    """One pull request's story: its world, and what is left when it has ended."""

    url: str
    folder: Path
    engine: Standing
    previews: Previews = field(default_factory=Previews)
    broken: str = "none"
    server: Served | None = None

    async def deliver(self, body: bytes) -> list[UUID]:
        """Post what GitHub signs, and return the runs that it starts."""
        assert self.server is not None
        headers = {"X_GitHub_Event": "pull_request"}
        identity = hashlib.sha256(body).hexdigest()
        answer = await asyncio.to_thread(
            self.server.push, body, identity, HOOK, "examples", **headers
        )
        assert 202 == answer.status
        return [UUID(each) for each in answer.json["runs"]]

    def settings(self, made: World, state: Path) -> Settings:
        """Return those of a server beside the world: its source is the world's."""
        files = {}
        for name, text in {"hook": HOOK, "api": TOKEN}.items():
            (state / name).write_text(text)
            files[name] = f"file:{state / name}"
        source = {
            "name": "examples", "namespace": "local", "url": str(state),
            "webhook_secrets": (files["hook"],), "api_token": files["api"],
        }  # fmt: skip
        return Settings.model_validate({
            "state": state / "server", "database_url": self.url, "sources": (source,),
            "adapters": {"github": {"api_url": made.server.url}},
        })  # fmt: skip

    def play(self, act: Acts = nothing, author: str = "ann", repo: str = "acme/web") -> Any:
        """Return the row of the run that a pull request starts, after what happened meanwhile."""

        async def story() -> Any:
            adapters = {
                "container": {"command": self.engine.command}, "github": {"api_url": "URL/"},
            }  # fmt: skip
            state = self.folder / "state"
            state.mkdir()
            async with world(
                self.url, state, self.previews, SECRETS, adapters,
                lambda text: text.replace(MAKE, SUITE % self.broken),
            ) as made:  # fmt: skip
                self.previews.github.url = made.server.url
                self.previews.github.files = [{"filename": "app/index.html"}]
                with Served(self.settings(made, state)) as self.server:
                    (run,) = await self.deliver(delivery("opened", author=author, repo=repo))
                    await act(made, run)
                    return await made.ended(run)

        return asyncio.run(story())


@pytest.fixture
def preview(database_url: str, tmp_path: Path) -> Any:
    with standing(tmp_path) as engine:
        yield Preview(database_url, tmp_path, engine)


async def is_up(made: World, run: UUID) -> None:
    """Wait until only the week is left."""
    await made.until(run, "waiting")


def test_a_preview_is_up_for_a_week(preview: Preview) -> None:
    """
    The commit is built and its suites are run, one comment says where it is, and after a week
    it is gone.
    """

    async def week(made: World, run: UUID) -> None:
        await is_up(made, run)
        image = image_of(f"https://github.com/acme/web.git#{SHA}")
        assert {"pr-7": image} == preview.previews.up
        await made.pass_time(run, timedelta(days=6))
        await asyncio.sleep(0.3)
        assert {"pr-7": image} == preview.previews.up
        await made.pass_time(run, timedelta(days=1))

    row = preview.play(week)

    assert ("succeeded", []) == (row["status"], row["flags"])
    assert {} == preview.previews.up
    (comment,) = preview.previews.github.texts()
    assert "Preview: https://pr-7.preview.example (a1a1a1a1)" in comment
    assert 3 == len(preview.engine.asked("create"))
    assert [] == preview.previews.github.statuses


def test_a_strangers_code_is_built_only_with_a_yes(preview: Preview) -> None:
    """
    Of a fork a person is asked, and shown whose code it is; without an answer nothing is built.
    """

    async def trust(made: World, run: UUID) -> None:
        asked = await made.asked(run)
        assert f"Build code from eve at {SHA}?" == asked.body["show"]
        assert [] == preview.engine.asked("build")
        await made.decide(run)
        async with asyncio.timeout(60):
            while not preview.previews.github.comments:
                await asyncio.sleep(0.05)
        await made.pass_time(run, timedelta(days=7))

    row = preview.play(trust, author="eve", repo="eve/web")

    assert "succeeded" == row["status"]
    assert 1 == len(preview.engine.asked("build"))


def test_a_no_to_a_stranger_is_told_on_the_commit(preview: Preview) -> None:
    """
    A rejected fork is neither built nor brought up, and the commit says why.
    """

    async def refuse(made: World, run: UUID) -> None:
        await made.decide(run, approved=False)

    row = preview.play(refuse, repo="eve/web")

    assert ("failed", "sark.rejected") == (row["status"], row["error"]["type"])
    assert [] == preview.engine.asked("build")
    assert [] == preview.previews.made
    (status,) = preview.previews.github.statuses
    assert ("failure", "sark/preview") == (status["state"], status["context"])
    assert "sark.rejected" == status["description"]


def test_a_question_about_a_stranger_expires(preview: Preview) -> None:
    """
    After three days without an answer it is a no.
    """

    async def ignore(made: World, run: UUID) -> None:
        await made.asked(run)
        await made.pass_time(run, timedelta(days=3))

    row = preview.play(ignore, repo="eve/web")

    assert ("failed", "sark.expired") == (row["status"], row["error"]["type"])
    assert [] == preview.engine.asked("build")


def test_a_pull_request_that_is_closed_takes_its_preview_along(preview: Preview) -> None:
    """
    When this pull request is closed, and not another, its environment is gone at once.
    """

    async def close(made: World, run: UUID) -> None:
        await is_up(made, run)
        assert [] == await preview.deliver(delivery("closed", number=8))
        assert [] == await preview.deliver(delivery("edited"))
        await asyncio.sleep(0.5)
        assert ["pr-7"] == list(preview.previews.up)
        assert [] == await preview.deliver(delivery("closed"))

    row = preview.play(close)

    assert "cancelled" == row["status"]
    assert {} == preview.previews.up


def test_a_newer_push_takes_the_place_of_an_older(preview: Preview) -> None:
    """
    The older preview of the same pull request is cancelled, and only then the newer begins.
    """
    newer = "b2" * 20

    async def push(made: World, run: UUID) -> None:
        await is_up(made, run)
        (second,) = await preview.deliver(delivery("synchronize", sha=newer))
        assert "cancelled" == await made.until(run, "cancelled", "failed", "succeeded")
        await made.until(second, "waiting")
        assert image_of(f"https://github.com/acme/web.git#{newer}") == preview.previews.up["pr-7"]
        (comment,) = preview.previews.github.texts()
        assert "(b2b2b2b2)" in comment

    row = preview.play(push)

    assert "cancelled" == row["status"]


def test_a_red_suite_takes_the_preview_down(preview: Preview) -> None:
    """
    All suites are run to their end; one that fails makes the commit red, and nothing stays up
    once what was under way has ended.
    """
    preview.broken = "e2e"

    async def end(made: World, run: UUID) -> None:
        async with asyncio.timeout(60):
            while (row := await made.here.row(run))["owner"] or row["status"] == "queued":
                await asyncio.sleep(0.01)
        if row["status"] == "waiting":  # for the rest of the week, which had begun
            await made.pass_time(run, timedelta(days=7))

    row = preview.play(end)

    assert ("compensated", "container.exit") == (row["status"], row["error"]["type"])
    assert {} == preview.previews.up
    (status,) = preview.previews.github.statuses
    assert ("failure", "container.exit") == (status["state"], status["description"])
    assert 3 == len(preview.engine.asked("create"))
