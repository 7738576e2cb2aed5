"""Asking a server something, through `http.request@1`."""

import asyncio

from adapters.contract import Failed, Json, Outcome
from adapters.http import create
from tests.adapters.servers import Handler, Seen, json_answer, serve
from tests.adapters.speaking import call, opened

OK = json_answer(b"{}")


def ask(handler: Handler, timeout: float = 5, /, **arguments: Json) -> tuple[Outcome, list[Seen]]:
    """Return what a request to a server leads to, and what the server has seen."""

    async def story() -> tuple[Outcome, list[Seen]]:
        async with serve(handler) as server:
            adapter = create({"allow_hosts": [server.host]})
            given: dict[str, Json] = {"url": f"{server.url}/", **arguments}
            if str(given["url"]).startswith("/"):
                given["url"] = f"{server.url}{given['url']}"
            async with opened(adapter) as operation:
                return await operation.invoke(call(timeout, **given)), server.seen

    return asyncio.run(story())


def refusal(handler: Handler, timeout: float = 5, /, **arguments: Json) -> Failed:
    """Return the failure that a request must lead to."""
    outcome, _ = ask(handler, timeout, **arguments)
    assert isinstance(outcome, Failed), outcome
    return outcome


def seen_by(handler: Handler, /, **arguments: Json) -> Seen:
    """Return the one request that the server has seen."""
    outcome, seen = ask(handler, **arguments)
    assert not isinstance(outcome, Failed), outcome
    (only,) = seen
    return only
