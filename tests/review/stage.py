"""A repository, its forge, a server and whoever leads: what a pull request meets."""

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import orjson
import psycopg

from engine.errors import Unavailable
from engine.reconcile.duty import ReconcileDuty
from engine.review.duty import ReviewDuty
from engine.settings import Settings
from engine.store import leases
from engine.store.pool import connect
from tests.forge.github import APP_ID, TOKEN, FakeGitHub
from tests.git.desk import policy
from tests.git.repo import Repo
from tests.webhooks.served import Answer, Served
from tests.webhooks.served import settings as served_settings

Led: TypeAlias = ReviewDuty | ReconcileDuty
TEAM = "acme/payments"
PATIENCE = 60.0


def settings(
    folder: Path, database: str, hub: FakeGitHub, url: str, *, is_app: bool = True, **more: Any
) -> Settings:  # fmt: skip
    """Return settings with the one source `shop`, whose forge is a GitHub of ours.

    Without an app there is a person's token, and no checks, as at GitLab and Gitea.
    """
    (folder / "token").write_text(TOKEN)
    forge = {
        "kind": "github", "repository": hub.repository, "api": hub.url,
        **({"app": {"id": str(APP_ID), "key": f"file:{hub.key_file(folder)}"}} if is_app
           else {"token": f"file:{folder / 'token'}"}),
    }  # fmt: skip
    told = served_settings(folder, database, None)
    source = {
        "name": "shop", "namespace": "shop", "url": url, "root": "flows", "forge": forge,
        "webhook_secrets": told.sources[0].webhook_secrets, "interval": "1s", **more,
    }  # fmt: skip
    return Settings.model_validate({**told.model_dump(), "sources": [source]})


class Stage:
    """What a test does and sees. `repo` is the base repository, `fork` another's copy of it."""

    def __init__(self, folder: Path, hub: FakeGitHub, told: Settings, served: Served) -> None:
        self.hub, self.settings, self.served = hub, told, served
        self.repo = Repo(folder / "repo")
        self.fork = Repo(folder / "fork")
        self._deliveries = 0

    def start(self, files: Mapping[str, str]) -> str:
        """Make a first commit, of which the fork is a copy."""
        head = self.repo.commit({f"flows/{name}": text for name, text in files.items()})
        self.fork.git("pull", "-q", self.repo.url, "main")
        return head

    def open(self, files: Mapping[str, str], *, gone: tuple[str, ...] = (), number: int = 0,
             deliver: bool = True, **more: Any) -> int:  # fmt: skip
        """Commit in the fork and open a pull request of it."""
        head = self.change(files, gone)
        number = self.hub.pull(head, self.repo.head, number=number, **more)
        self.show(number)
        if deliver:
            self.deliver("pull_request", self.hub.pull_request("opened", number))
        return number

    def push(self, number: int, files: Mapping[str, str], *, gone: tuple[str, ...] = (),
             deliver: bool = True) -> str:  # fmt: skip
        """Commit in the fork and push that to a pull request."""
        head = self.change(files, gone)
        self.show(number)
        self.hub.push(number, head)
        if deliver:
            self.deliver("pull_request", self.hub.pull_request("synchronize", number))
        return head

    def change(self, files: Mapping[str, str], gone: tuple[str, ...] = ()) -> str:
        named = {f"flows/{name}": text for name, text in files.items()}
        return self.fork.commit(named, gone=[f"flows/{each}" for each in gone])

    def show(self, number: int, branch: str = "main") -> None:
        """Let the base repository have the head, as a forge does."""
        self.repo.git("fetch", "-q", self.fork.url, f"+{branch}:refs/pull/{number}/head")

    def merge(self, number: int) -> str:
        """Merge a pull request in the base repository and return the commit."""
        self.repo.git(
            "merge", "-q", "--no-ff", "-m", f"Merge #{number}", f"refs/pull/{number}/head"
        )
        self.hub.close(number, self.repo.head)
        self.deliver("pull_request", self.hub.pull_request("closed", number))
        return self.repo.head

    def say(self, number: int, body: str, login: str = "dana") -> int:
        """Comment on a pull request; return the comment's id."""
        id_ = self.hub.say(number, body, login)
        self.deliver("issue_comment", self.hub.issue_comment("created", id_))
        return id_

    def deliver(self, event: str, payload: Mapping[str, Any]) -> Answer:
        """Send a delivery as GitHub does."""
        self._deliveries += 1
        answer = self.served.push(
            orjson.dumps(payload), f"delivery-{self._deliveries}", X_GitHub_Event=event
        )
        assert answer.status == 202, answer.body
        return answer

    def ours(self, number: int) -> list[str]:
        """Return what SARK has written to a pull request."""
        with self.hub.lock:
            return [
                each["body"] for each in self.hub.comments
                if each["issue_url"].endswith(f"/{number}")
                and (each["user"]["type"] == "Bot" or each["body"].startswith("<!-- sark:"))
            ]  # fmt: skip

    def checks(self, sha: str = "") -> list[dict[str, Any]]:
        """Return the checks of a commit, or all of them."""
        with self.hub.lock:
            return [each for each in self.hub.checks.values() if each["head_sha"].startswith(sha)]

    def concluded(self, sha: str) -> dict[str, Any]:
        """Return the latest check of a commit, once it has ended and all that was wanted is."""

        def ended() -> dict[str, Any] | None:
            found = self.checks(sha)
            rests = not self.rows("SELECT 1 FROM reviews WHERE wanted > handled")
            return found[-1] if found and found[-1]["conclusion"] and rests else None

        found: dict[str, Any] = until(ended)
        return found

    def settled(self) -> None:
        """Wait until all that was wanted was looked at."""
        until(lambda: not self.rows("SELECT 1 FROM reviews WHERE wanted > handled"))

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(str(self.settings.database_url)) as connection:
            return connection.execute(statement.encode()).fetchall()


@contextmanager
def stage(
    folder: Path, database: str, *, leads: bool = True, **more: Any
) -> Iterator[Stage]:  # fmt: skip
    """Give a stage on which somebody leads, unless told otherwise."""
    with FakeGitHub() as hub:
        told = settings(folder, database, hub, str(folder / "repo"), **more)
        hub.permissions |= {"ann": "write", "bob": "write"}
        hub.teams[TEAM] = {"ann", "dana"}
        with Served(told) as served:
            here = Stage(folder, hub, told, served)
            if leads:
                with leading(told):
                    yield here
            else:
                yield here


@contextmanager
def leading(told: Settings) -> Iterator[None]:
    """Lead reviews and the reconciler, in a thread, until the context ends."""
    loop = asyncio.new_event_loop()
    duties: dict[str, Led] = {
        "review": ReviewDuty(told),
        "reconcile": ReconcileDuty(told, policy()),
    }
    tasks: list[asyncio.Task[None]] = []

    async def serve() -> None:
        tasks.extend(asyncio.ensure_future(lead(told, *each)) for each in duties.items())
        await asyncio.gather(*tasks, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    try:
        yield
    finally:
        for each in tasks:
            loop.call_soon_threadsafe(each.cancel)
        for duty in duties.values():
            duty.close()
        thread.join(20)
        failed = [each.exception() for each in tasks if each.done() and not each.cancelled()]
        if wrong := [each for each in failed if each is not None]:
            raise BaseExceptionGroup("a duty has failed", wrong)


async def lead(told: Settings, name: str, duty: Led) -> None:
    """Lead, and again after PostgreSQL was lost, as a controller does."""
    while True:
        try:
            async with await connect(str(told.database_url), f"lead-{name}") as connection:
                await duty.lead(await leases.lead(connection, name))
        except* (psycopg.Error, Unavailable, OSError):
            traceback.print_exc()
        await asyncio.sleep(0.5)


def until(look: Callable[[], Any]) -> Any:
    """Return the first true answer, within a minute."""
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it has not come to pass within a minute")
