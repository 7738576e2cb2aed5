"""Which duties a controller leads."""

import asyncio
import time
from pathlib import Path

import pytest

from engine.controller import Controller
from engine.settings import ForgeSettings
from tests.git.desk import source
from tests.git.repo import Repo, spec
from tests.test_controller import PATIENCE, live, serving, settings, until


def test_a_duty_with_nothing_to_do_has_no_leader(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """
    Without a forge a controller leads neither reviews nor statuses, so that one whose settings
    name a forge does not wait for it.
    """
    repo = Repo(tmp_path / "repo")
    repo.commit({"a.yaml": spec("a")})
    monkeypatch.setenv("NO_TOKEN", "none")
    plain = source(repo.url)
    reviewed = plain.model_copy(update={"forge": ForgeSettings.model_validate(
        {"repository": "acme/shop", "token": "env:NO_TOKEN", "api": "http://127.0.0.1:9"}
    )})  # fmt: skip

    async def story() -> None:
        async with serving(settings(database_url, tmp_path / "a", plain)) as (without,):
            await until(database_url, live(repo.head))
            assert {"review", "statuses"}.isdisjoint(await standing(without))

            async with serving(settings(database_url, tmp_path / "b", reviewed)) as (with_forge,):
                began = time.monotonic()
                while True:
                    told = await standing(with_forge)
                    if (told["review"], told["statuses"]) == ("leads", "leads"):
                        break
                    assert time.monotonic() - began < PATIENCE, told
                    await asyncio.sleep(0.05)

    asyncio.run(story())


async def standing(controller: Controller) -> dict[str, str]:
    """Return how a controller stands to each of its duties."""
    told = (await controller.health()).more["duties"]
    assert isinstance(told, dict)
    return told
