"""Outputs that are too large for a journal, on their way into the artifact store and out of it.

The law of this file: a value is durable before the outcome that refers to it is told, and is in
memory no longer than the attempts that read it.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TypeAlias

import orjson

from engine.artifacts import LONGEST, Artifacts
from engine.core.attempt import Attempt
from engine.core.frozen import frozen
from engine.core.handout import needed
from engine.core.kind import kind
from engine.core.spilled import (
    KEPT,
    LARGEST,
    MEDIA_TYPE,
    MOST,
    Path,
    Spilled,
    chosen,
    filled,
    found,
    measured,
)
from engine.core.values import Json
from engine.errors import Invalid, NotFound, SarkError, Unavailable
from engine.failing import Failure, may_repeat, problem

# How much of such values, in JSON, is read in one process at a time; it takes some times as much.
ROOM = 4 * LARGEST
# What a run may take beyond its timeout, to undo and to finish, and history beyond `history.keep`.
_BEYOND = timedelta(days=30)

Outputs: TypeAlias = tuple[Mapping[str, Json], Mapping[str, Spilled]]


@frozen
class Needs:
    """What a call reads, where some of it is passed by reference: the values, and those places."""

    names: Mapping[str, Json]
    places: Sequence[tuple[Path, Spilled]]


def needs(attempt: Attempt) -> Needs | None:
    """Return what an attempt reads by reference; None if that is nothing."""
    if not attempt.spills:
        return None
    names = needed(attempt.step, attempt.names)
    places = found(names)
    return Needs(names, places) if places else None


class Spilling:
    """Keeps values in `artifacts` for as long as their run, whose history is kept for `keep`."""

    def __init__(self, artifacts: Artifacts, keep: timedelta | None, room: int = ROOM) -> None:
        self._artifacts = artifacts
        self._keep = keep
        self._room = _Room(room)
        self._readings: dict[str, _Reading] = {}

    def retain(self, attempt: Attempt) -> timedelta:
        """Return how long a value of an attempt is kept from now on: past the end of its run."""
        if self._keep is None:
            return LONGEST
        return min(attempt.lasts + self._keep + _BEYOND, LONGEST)

    def spill(self, attempt: Attempt, outputs: Mapping[str, Json]) -> Outputs:
        """Keep the largest of some outputs; return the others, and references to these.

        Raise Failure if it is too much, or the store cannot be written. It blocks.
        """
        names = chosen(outputs)
        kept = {name: each for name, each in outputs.items() if name not in names}
        if len(names) > MOST or len(orjson.dumps({**dict.fromkeys(names), **kept})) > KEPT:
            detail = (
                f"{len(outputs)} outputs have more than {KEPT} bytes together, and {MOST} values "
                "of them at most are passed by reference: declare `outputs` for what is needed"
            )
            raise Failure(problem("sark.too_large", detail, "permanent"))
        try:
            return kept, {name: self._keep_one(attempt, name, outputs[name]) for name in names}
        except SarkError as fault:
            safe = "transient" if isinstance(fault, Unavailable) else "permanent"
            error_class = safe if may_repeat(attempt.step) else "unknown"
            raise Failure(problem("sark.artifact", str(fault), error_class)) from fault

    @asynccontextmanager
    async def read(self, attempt: Attempt, needs: Needs) -> AsyncIterator[Attempt]:
        """Give the attempt with the values that it needs, once there is room for them.

        Raise Failure if there is too much of them, or one is not there, or no room in time.
        """
        names, places = needs.names, needs.places
        wanted = {each.digest: each for _, each in places}
        size = sum(each.bytes for each in wanted.values())
        if size > LARGEST:
            detail = f"the call reads {size} bytes of values by reference; at most {LARGEST}"
            raise Failure(problem("sark.too_large", detail, "permanent"))
        whole_ones = {each.digest for _, each in places if each.at is None}
        own = sum(wanted[each].bytes for each in whole_ones)
        lists = {each: wanted[each].bytes for each in wanted.keys() - whole_ones}
        async with (
            self._room.hold(_Place(own, lists), attempt.step.plan.timeout.queue),
            AsyncExitStack() as stack,
        ):
            at_hand = {each: self._at_hand(wanted[each]) for each in wanted}
            whole = {each: await stack.enter_async_context(at_hand[each]) for each in at_hand}
            held = ((path, each.filled(whole[each.digest])) for path, each in places)
            values = filled(names, held)
            yield replace(attempt, names=values, spills=False)

    def _keep_one(self, attempt: Attempt, name: str, value: Json) -> Spilled:
        data = orjson.dumps(value)
        told = self._artifacts.keep_bytes(data, name, MEDIA_TYPE, self.retain(attempt))
        return Spilled(str(told["artifact"]), name, len(data), kind(value), measured(value))

    @asynccontextmanager
    async def _at_hand(self, value: Spilled) -> AsyncIterator[Json]:
        """Give a value that is read once for all who need it at the same time, as items do."""
        reading = self._readings.get(value.digest)
        if reading is None:
            reading = _Reading(asyncio.ensure_future(self._whole(value)))
            self._readings[value.digest] = reading
        reading.users += 1
        try:
            yield await asyncio.shield(reading.whole)
        finally:
            reading.users -= 1
            if not reading.users:
                del self._readings[value.digest]
                reading.whole.cancel()

    async def _whole(self, value: Spilled) -> Json:
        try:
            data = await asyncio.to_thread(self._artifacts.content, value.told())
        except (NotFound, Invalid) as fault:
            raise Failure(problem("sark.artifact_missing", str(fault), "permanent")) from fault
        except Unavailable as fault:
            raise Failure(problem("sark.artifact", str(fault), "transient")) from fault
        whole: Json = await asyncio.to_thread(orjson.loads, data)
        return whole


@dataclass(slots=True)
class _Reading:
    """A value that is at hand, or on its way, for as long as it has users."""

    whole: asyncio.Future[Json]
    users: int = 0


@dataclass(slots=True, eq=False)
class _Place:
    """What a call needs room for: `own` bytes, and the `lists` of which it takes items.

    A list is in memory once for all who take items of it, and its items are parts of it.
    """

    own: int
    lists: Mapping[str, int]
    turn: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def size(self) -> int:
        """How many bytes the call reads, whoever reads them as well."""
        return self.own + sum(self.lists.values())


class _Room:
    """Room for so many bytes, given in the order in which it is asked for."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._line: deque[_Place] = deque()
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def hold(self, place: _Place, patience: timedelta) -> AsyncIterator[None]:
        """Hold room; raise Failure if there is none in time."""
        self._line.append(place)
        self._let_in()
        try:
            async with asyncio.timeout(patience.total_seconds()):
                await place.turn.wait()
        except TimeoutError:
            self._leave(place)
            detail = (
                f"there was no room to read {place.size} bytes by reference within "
                f"{patience.total_seconds():g} s (timeout.queue)"
            )
            raise Failure(problem("sark.queue_timeout", detail, "transient")) from None
        except BaseException:
            self._leave(place)
            raise
        try:
            yield
        finally:
            self._leave(place)

    def _needed(self, place: _Place) -> int:
        """Return how much more there is in memory with a call than without."""
        return place.own + sum(
            size for each, size in place.lists.items() if each not in self._users
        )

    def _let_in(self) -> None:
        while self._line and self._needed(self._line[0]) <= self._left:
            place = self._line.popleft()
            self._left -= self._needed(place)
            self._users.update(place.lists.keys())
            place.turn.set()

    def _leave(self, place: _Place) -> None:
        """Let go of the room that was given, or of a place in the line."""
        if place.turn.is_set():
            self._users -= Counter(place.lists.keys())
            self._left += self._needed(place)
        else:
            self._line.remove(place)
        self._let_in()
