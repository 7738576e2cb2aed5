"""Breakers as one worker sees them. It counts by itself and tells the others now and then."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from engine.core.circuit import Breaker, CircuitState, Passed, Stopped, Tally, ask, tell
from engine.core.plan import Circuit
from engine.guard.deadline import within
from engine.guard.refusal import Refused
from engine.store import circuits
from engine.store.circuits import Name, Seen
from engine.store.pool import AWAY, Pool
from engine.telemetry import METRICS

_LOG = logging.getLogger("sark.guard")
PERIOD = timedelta(milliseconds=250)
# A breaker that nobody has asked for so long is looked at again only once somebody does.
_FORGOTTEN = timedelta(minutes=10)
_PATIENCE_SECONDS = 1.0


@dataclass(slots=True, eq=False)
class _Known:
    """A breaker: `view` is its row as last seen and, on top of it, what is not told yet."""

    rules: Circuit
    asked_at: datetime
    view: Breaker = field(default_factory=Breaker)
    untold: dict[int, Tally] = field(default_factory=dict)


class Circuits:
    """Lets calls through or stops them, and counts what they came to."""

    def __init__(
        self, connections: Pool, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._connections = connections
        self._clock = clock
        # How far PostgreSQL's clock is ahead: instants of all workers are of that one clock.
        self._ahead = timedelta(0)
        self._known: dict[Name, _Known] = {}
        self._telling = asyncio.Lock()
        self._bell = asyncio.Event()
        self._is_away = False

    async def check(self, namespace: str, rules: Circuit) -> None:
        """Raise Refused if the breaker is open; nothing is promised if it is not."""
        known = await self._look(namespace, rules)
        until = known.view.until
        if known.view.state is CircuitState.OPEN and until is not None and self._now() < until:
            raise _refused(rules, until - self._now())

    async def enter(self, namespace: str, rules: Circuit) -> int:
        """Return the round in which a call may be made; raise Refused if it may not."""
        known = await self._look(namespace, rules)
        answer: Passed | Stopped = Passed(known.view.round)
        if known.view.until is not None:
            _, answer = ask(known.view, rules, self._now())
            if isinstance(answer, Passed):
                answer = await self._try((namespace, rules.name), known)
        if isinstance(answer, Stopped):
            raise _refused(rules, answer.rest)
        return answer.round

    def leave(self, namespace: str, rules: Circuit, number: int, failed: bool) -> None:
        """Count what a call of a round came to."""
        known = self._known.get((namespace, rules.name))
        if known is None:
            return
        told = known.untold.get(number, Tally(number))
        known.untold[number] = Tally(number, told.calls + 1, told.failures + failed)
        before = known.view
        self._show(known, tell(before, rules, Tally(number, 1, int(failed)), self._now()))
        if known.view.round != before.round or before.state is CircuitState.HALF_OPEN:
            self._bell.set()  # the others are to hear of it at once

    async def serve(self) -> None:
        """Tell the others, and hear of them, once a `PERIOD` until cancelled.

        So what this worker sees is known to all after two periods, and after one if that alone
        changes the breaker, for then it is told at once. As long as no breaker is known there is
        nothing to tell or hear.
        """
        while True:
            pause = PERIOD.total_seconds() if self._known else None
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._bell.wait()
            self._bell.clear()
            now = self._now()
            for name, known in list(self._known.items()):
                if now - known.asked_at > _FORGOTTEN and not known.untold:
                    del self._known[name]
            try:
                await within(_PATIENCE_SECONDS, self.flush())
                self._is_away = False
            except AWAY as error:
                if not self._is_away:
                    _LOG.warning("breakers stay as last seen: %s", type(error).__name__)
                self._is_away = True

    async def flush(self) -> None:
        """Tell what is untold and read every breaker that is known."""
        changed = [name for name, known in self._known.items() if known.untold]
        others = [name for name, known in self._known.items() if not known.untold]
        if others:
            await self._read(others)
        if changed:
            await self._tell(changed)

    async def _read(self, names: list[Name]) -> None:
        async with self._connections.connection() as connection:
            seen = await circuits.read(connection, names)
        for name in names:
            self._see(name, seen.get(name))

    async def _tell(self, names: list[Name], wanted: Name | None = None) -> Passed | Stopped | None:
        """Write what is untold of breakers; ask for one call of `wanted` in the same turn."""
        async with self._telling:
            told = {name: dict(self._known[name].untold) for name in names}
            answer: Passed | Stopped | None = None
            async with self._connections.connection() as connection, connection.transaction():
                seen = await circuits.lock(connection, names)
                for name in names:
                    breaker, at = self._fold(name, seen[name], told[name]), seen[name].at
                    if name == wanted:
                        breaker, answer = ask(breaker, self._known[name].rules, at)
                    if breaker != seen[name].breaker:
                        await circuits.write(connection, name, breaker)
                        seen[name] = Seen(breaker, at)
            for name in names:
                self._settle(name, told[name])
                self._see(name, seen[name])
            return answer

    def _fold(self, name: Name, seen: Seen, told: dict[int, Tally]) -> Breaker:
        breaker = seen.breaker
        for tally in told.values():
            breaker = tell(breaker, self._known[name].rules, tally, seen.at)
        return breaker

    async def _try(self, name: Name, known: _Known) -> Passed | Stopped:
        """Ask for a trial call, which all workers share; stopped if nobody can be asked."""
        try:
            answer = await within(_PATIENCE_SECONDS, self._tell([name], name))
        except AWAY:
            return Stopped(known.rules.open_for)
        assert answer is not None
        return answer

    async def _look(self, namespace: str, rules: Circuit) -> _Known:
        """Return a breaker; one that is new here is read before the first call."""
        name = (namespace, rules.name)
        if name not in self._known:
            seen: Seen | None = None
            try:
                seen = await within(_PATIENCE_SECONDS, self._row(name))
            except AWAY as error:
                _LOG.warning("breaker %s is taken for closed: %s", name, type(error).__name__)
            # Nobody may find it here before its row was read.
            if name not in self._known:
                self._known[name] = _Known(rules, self._now())
                self._see(name, seen)
                self._bell.set()
        known = self._known[name]
        known.rules, known.asked_at = rules, self._now()
        return known

    async def _row(self, name: Name) -> Seen | None:
        async with self._connections.connection() as connection:
            return (await circuits.read(connection, [name])).get(name)

    def _see(self, name: Name, seen: Seen | None) -> None:
        """Take over a breaker's row, and what is untold on top of it."""
        known = self._known.get(name)
        if known is None:
            return
        view = Breaker()
        if seen is not None:
            self._ahead = seen.at - self._clock()
            view = seen.breaker
        for tally in known.untold.values():
            view = tell(view, known.rules, tally, self._now())
        self._show(known, view)

    def _settle(self, name: Name, told: dict[int, Tally]) -> None:
        """Take away what was told; what has come meanwhile stays."""
        known = self._known[name]
        for number, tally in told.items():
            now = known.untold.pop(number)
            if now.calls > tally.calls:
                rest = Tally(number, now.calls - tally.calls, now.failures - tally.failures)
                known.untold[number] = rest

    def _show(self, known: _Known, view: Breaker) -> None:
        if view.state is not known.view.state:
            METRICS.circuits.labels(view.state.value).inc()
            _LOG.warning("circuit %s is %s", known.rules.name, view.state.value)
        known.view = view

    def _now(self) -> datetime:
        return self._clock() + self._ahead


def _refused(rules: Circuit, rest: timedelta) -> Refused:
    seconds = rest.total_seconds()
    detail = (
        f"circuit {rules.name} is open: too many calls failed; it may be tried in {seconds:g} s"
    )
    return Refused("sark.circuit_open", detail, rest)
