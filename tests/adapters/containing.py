"""Asking a stand-in engine something, through the operations on containers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.container import create
from adapters.contract import Call, Failed, Json, Outcome
from tests.adapters.engine import Standing, image_of
from tests.adapters.speaking import call, failed, opened, outputs

HERE = image_of("here")
REF = "a1" * 20
RUN: Mapping[str, Json] = {"image": HERE, "argv": ["true"]}
BUILD: Mapping[str, Json] = {"repo": "acme/web", "ref": REF}


@dataclass(frozen=True, slots=True)
class Bench:
    """A stand-in engine, and the settings that the adapter has."""

    engine: Standing
    settings: Mapping[str, Json] = field(default_factory=dict)

    def run(self, seconds: float = 20, /, **changed: Json) -> Outcome:
        """Return what a program in a container leads to."""
        return self.ask("container.run@1", call(seconds, **{**RUN, **changed}))

    def build(self, seconds: float = 20, /, **changed: Json) -> Outcome:
        """Return what a build leads to."""
        return self.ask("container.build@1", call(seconds, **{**BUILD, **changed}))

    def ask(self, name: str, given: Call) -> Outcome:
        """Return what a call leads to."""

        async def story() -> Outcome:
            settings = {"command": self.engine.command, **self.settings}
            async with opened(create(settings), name) as operation:
                return await operation.invoke(given)

        return asyncio.run(story())

    def stdout(self, **changed: Json) -> str:
        """Return what a program that succeeds has written."""
        return str(outputs(self.run(**changed))["stdout"])

    def refusal(self, **changed: Json) -> Failed:
        """Return the failure that a program must lead to."""
        return failed(self.run(**changed))

    def created(self) -> list[str]:
        """Return the words that made the one container."""
        (words,) = self.engine.asked("create")
        return words
