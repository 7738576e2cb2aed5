"""Asking a small GitHub something, through the operations on GitHub."""

import asyncio
from collections.abc import Mapping

from adapters.contract import Failed, Json, Outcome
from adapters.github import create
from tests.adapters.forge import TOKEN, GitHub
from tests.adapters.servers import Handler, Seen, serve
from tests.adapters.speaking import call, failed, opened, outputs

COMMENT: Mapping[str, Json] = {
    "repo": "acme/web", "number": 7, "marker": "sark-preview", "body": "hello", "auth": TOKEN,
}  # fmt: skip
STATUS: Mapping[str, Json] = {
    "repo": "acme/web", "sha": "a1" * 20, "context": "sark/preview", "state": "failure",
    "auth": TOKEN,
}  # fmt: skip
FILES: Mapping[str, Json] = {"repo": "acme/web", "number": 7, "auth": TOKEN}
LINE = "<!-- sark:sark-preview -->"
MINE = f"{LINE}\nhello"


def ask(
    github: Handler, name: str, given: Mapping[str, Json], /, **changed: Json
) -> tuple[Outcome, list[Seen]]:
    """Return what an operation leads to, and what GitHub has seen."""

    async def story() -> tuple[Outcome, list[Seen]]:
        async with serve(github) as server:
            if isinstance(github, GitHub):
                github.url = server.url
            async with opened(create({"api_url": f"{server.url}/"}), name) as operation:
                outcome = await operation.invoke(call(60, **{**given, **changed}))
                return outcome, server.seen

    return asyncio.run(story())


def comment(github: Handler, /, **changed: Json) -> Mapping[str, Json]:
    """Return the outputs of a comment that is kept."""
    return outputs(ask(github, "github.comment@1", COMMENT, **changed)[0])


def refused(github: Handler, /, **changed: Json) -> Failed:
    """Return the failure that a comment must lead to."""
    return failed(ask(github, "github.comment@1", COMMENT, **changed)[0])
