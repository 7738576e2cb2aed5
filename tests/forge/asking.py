"""A forge's client opened as a server opens it, from the configuration of a source."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from engine.forge.contract import Forge
from engine.forge.forges import Forges
from engine.settings import Source
from tests.forge.github import APP_ID, TOKEN, FakeGitHub

T = TypeVar("T")


def by_app(hub: FakeGitHub, folder: Path) -> dict[str, Any]:
    """Return the settings of a source's forge for which the app speaks."""
    key = f"file:{hub.key_file(folder)}"
    return {"repository": hub.repository, "api": hub.url, "app": {"id": str(APP_ID), "key": key}}


def by_token(hub: FakeGitHub, folder: Path, token: str = TOKEN) -> dict[str, Any]:
    """Return the settings of a source's forge for which a person's token speaks."""
    file = folder / "token"
    file.write_text(token)
    return {"repository": hub.repository, "api": hub.url, "token": f"file:{file}"}


def source(forge: dict[str, Any] | None, name: str = "shop", **told: Any) -> Source:
    """Return a source with a forge."""
    told = {"namespace": "shop", "url": "/srv/shop.git", **told}
    return Source.model_validate({"name": name, **told, **({"forge": forge} if forge else {})})


def asked(forge: dict[str, Any], work: Callable[[Forge], Awaitable[T]]) -> T:
    """Return what comes of some work with a forge."""

    async def working() -> T:
        async with Forges([source(forge)]) as forges:
            found = forges.of("shop")
            assert found is not None
            return await work(found)

    return asyncio.run(working())
