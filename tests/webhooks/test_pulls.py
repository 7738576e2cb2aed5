"""The files of pull requests: asked for where they decide, by the source's token."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.adapters.forge import TOKEN, GitHub, bad_gateway, refusal
from tests.adapters.servers import Handler, Server, serve
from tests.webhooks.served import Served, payload, settings
from tests.webhooks.test_forge import PREVIEW, decided, emitted, post

OPENED = payload("pull-request-opened").replace(b"Codertocat/Hello-World", b"acme/web")
PATHS = PREVIEW.replace("branches: [master]", "branches: [master], paths: [app/**, '!**/*.md']")
PATHS = PATHS.replace("    branches: [master], paths", "    branches: [master]\n    paths")


@contextmanager
def github(handler: Handler) -> Iterator[Server]:
    """Serve a GitHub in a thread of its own."""
    found: list[Server] = []
    ready, over = threading.Event(), threading.Event()

    async def serving() -> None:
        async with serve(handler) as server:
            found.append(server)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serving()), daemon=True)
    thread.start()
    assert ready.wait(20)
    yield found[0]
    over.set()
    thread.join(20)


class Asked:
    """A server of ours that may ask GitHub."""

    def __init__(self, folder: Path, database: str) -> None:
        self.folder, self.database = folder, database

    @contextmanager
    def by(self, handler: Handler, token: str = TOKEN) -> Iterator[tuple[Served, Server]]:
        with github(handler) as theirs:
            if isinstance(handler, GitHub):
                handler.url = theirs.url
            (self.folder / "token").write_text(token)
            adapters = {"github": {"api_url": theirs.url}}
            told = settings(self.folder, self.database, None, adapters=adapters)
            shop = told.sources[0].model_copy(update={"api_token": f"file:{self.folder / 'token'}"})
            with Served(told.model_copy(update={"sources": (shop, *told.sources[1:])})) as ours:
                yield ours, theirs


@pytest.fixture
def asked(tmp_path: Path, database_url: str) -> Asked:
    return Asked(tmp_path, database_url)


def changing(*names: str) -> GitHub:
    return GitHub(files=[{"filename": name} for name in names])


@pytest.mark.parametrize(
    ("names", "said", "reason"),
    [
        (["docs/a.md", "app/b.py"], "started", ""),
        (["docs/a.md", "app/b.md"], "unmatched", "no changed path is wanted"),
        ([], "unmatched", "no changed path is wanted"),
    ],
)
def test_paths_of_a_pull_request(asked: Asked, names: list[str], said: str, reason: str):
    """
    A pull request starts the workflow only if one of its files, which GitHub lists, is wanted.
    """
    with asked.by(changing(*names)) as (ours, theirs):
        ours.activate({"preview.yaml": PATHS})
        post(ours, "pull_request", OPENED)

        assert [("preview", said, reason)] == decided(ours)
        assert ["/repos/acme/web/pulls/2/files?per_page=100"] == [
            each.target for each in theirs.seen
        ]
        assert names == emitted(ours)[0]["data"]["files"]


@pytest.mark.parametrize(
    "text",
    [
        PREVIEW,
        PATHS.replace("branches: [master]", "branches: [main]"),
        PATHS.replace("branches: [master]", "branches: ['[z-a]']"),
        PATHS.replace("branches: [master]", "repo: acme/other"),
        PATHS.replace("branches: [master]", "actions: [closed]"),
    ],
)
def test_github_is_not_asked_for_nothing(asked: Asked, text: str):
    """
    Where no `paths` decide, or another key has said no, GitHub hears nothing of it.
    """
    with asked.by(changing("app/a")) as (ours, theirs):
        ours.activate({"preview.yaml": text})

        assert 202 == post(ours, "pull_request", OPENED).status
        assert [] == theirs.seen


def test_a_github_that_is_away_is_asked_again(asked: Asked):
    """
    While GitHub does not answer, the delivery is refused with 503 and not kept: sent again, it
    starts its run.
    """
    kept = changing("app/a.py")
    kept.next = [bad_gateway()]
    with asked.by(kept) as (ours, _):
        ours.activate({"preview.yaml": PATHS})
        answer = post(ours, "pull_request", OPENED)

        assert [503, "sark.unavailable"] == [answer.status, answer.json["code"]]
        assert [] == ours.rows("SELECT 1 FROM deliveries")
        assert 1 == len(post(ours, "pull_request", OPENED).json["runs"])


@pytest.mark.parametrize("token", ["ghp_of-somebody-else", TOKEN])
def test_a_token_that_may_not_is_an_error_of_the_trigger(asked: Asked, token: str):
    """
    What GitHub refuses for good is an error of the trigger with `paths`; others start.
    """
    plain = PREVIEW.replace("name: preview", "name: plain")
    kept = changing("app/a.py")
    kept.next = [refusal(404, "Not Found")] if token == TOKEN else []
    with asked.by(kept, token) as (ours, _):
        ours.activate({"preview.yaml": PATHS, "plain.yaml": plain})
        post(ours, "pull_request", OPENED)
        (first, second) = decided(ours)

        assert ("plain", "started", "") == first
        assert ("preview", "error") == second[:2]
        assert "files of the pull request are not known" in second[2]
