"""Asking a database something, through the operations of the sql adapter."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from adapters.contract import Failed, Json, Outcome
from adapters.sql import create
from tests.adapters.speaking import call, failed, outputs

Ask = Callable[..., Coroutine[Any, Any, Outcome]]


@asynccontextmanager
async def database(url: str, **settings: Json) -> AsyncIterator[Ask]:
    """Give what asks a database: `await ask("select 1", params=..., effect=..., timeout=...)`."""
    adapter = create(settings)
    query, _ = adapter.operations()

    async def ask(
        statement: str, timeout: float = 10, effect: str = "", dsn: str = url, **given: Any
    ) -> Outcome:
        made = call(timeout, dsn=dsn, statement=statement, **given)
        return await query.invoke(replace(made, effect=effect))

    await adapter.open()
    try:
        yield ask
    finally:
        await adapter.close()


def ask(url: str, statement: str, **given: Any) -> Outcome:
    """Return what one statement leads to."""

    async def story() -> Outcome:
        async with database(url) as asking:
            return await asking(statement, **given)

    return asyncio.run(story())


def answer(url: str, statement: str, **given: Any) -> Mapping[str, Any]:
    """Return the outputs of a statement that must succeed."""
    return outputs(ask(url, statement, **given))


def refusal(url: str, statement: str, **given: Any) -> Failed:
    """Return the failure that a statement must lead to."""
    return failed(ask(url, statement, **given))
