"""The far side of every step: it books under keys, gives back, and remembers who called."""

import asyncio
import random
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from adapters.contract import Call, ErrorClass, Failed, Manifest, Outcome, Succeeded
from engine.executor import Executor
from tests.heart import executor
from tests.simulation.chance import Chance
from tests.simulation.load import UNDO, WORK
from tests.simulation.loop import HERE, VirtualLoop


@dataclass
class Service:
    """`calls` are the numbers of the attempts of each step, in the order in which they came.

    It takes part: a key that was given back is booked no more.
    """

    seed: int
    chance: Chance
    calls: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    booked: set[str] = field(default_factory=set)
    given_back: set[str] = field(default_factory=set)
    trace: list[tuple[Any, ...]] = field(default_factory=list)

    def note(self, call: Call, what: str) -> None:
        loop, who = asyncio.get_running_loop(), HERE.get().name
        run = UUID(call.run).int % 100_000
        self.trace.append((loop.time(), who, what, f"run-{run}:{call.step}", call.attempt))

    def come(self, call: Call) -> None:
        self.note(call, "calls")
        self.calls[call.run, call.step].append(call.attempt)
        self.keys[call.run, call.step].add(call.key)

    def says(self, call: Call) -> Outcome:
        """Answer as the seed has it for this attempt."""
        how = str(call.arguments.get("fails", "never"))
        dice = random.Random(f"{self.seed}:{call.run}:{call.step}:{call.attempt}")
        if how == "never" or dice.random() < 0.4:
            self.booked.add(call.key)
            return Succeeded({"n": 1})
        kind = ErrorClass.TRANSIENT if how == "transient" else ErrorClass.PERMANENT
        return Failed("sim.refused", "not this time", kind)


def _service() -> Service:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    service = loop.world.service
    assert isinstance(service, Service)
    return service


class Work:
    """Books, or refuses to."""

    manifest = Manifest(WORK, WORK, {"type": "object"}, {"type": "object"}, "write", True, ())

    async def invoke(self, call: Call) -> Outcome:
        service = _service()
        service.come(call)
        await asyncio.sleep(service.chance.duration())
        if call.key in service.given_back:
            return Failed("sim.gone", "it was given back", ErrorClass.PERMANENT)
        told = service.says(call)
        await asyncio.sleep(service.chance.delay())
        return told


class Undo:
    """Gives back what was booked, or what may be booked later."""

    manifest = Manifest(UNDO, UNDO, {"type": "object"}, {"type": "object"}, "write", True, ())

    async def invoke(self, call: Call) -> Outcome:
        service = _service()
        service.come(call)
        await asyncio.sleep(service.chance.duration())
        service.given_back.add(str(call.arguments["key"]))
        return Succeeded({})


@cache
def makes() -> Executor:
    """Return what makes attempts; it holds nothing of any world."""
    return executor(Work(), Undo())
