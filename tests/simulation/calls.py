"""Random calls of `engine.store`: any owner, sweep, performer and relay, in no sensible order."""

import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.core.event import Failed, Row, Succeeded
from engine.core.values import Json
from engine.store import events, handouts, inbox, journal, outbox, runs, workers
from engine.store.events import Event
from engine.store.handouts import Offer, Served
from engine.store.inbox import Telling
from engine.store.outbox import Sending
from engine.store.starts import NewRun, Starts
from engine.store.turns import Change, Claim, Turns, Written
from tests.simulation.sides import Side

Call = Callable[[Side, Any], Awaitable[Any]]
PAST, FUTURE = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_RUNS = tuple(UUID(int=number) for number in range(1, 5))
_SERVED = Served(("gpu",), {"zone": "a"})
_PLACE = ("local", "gpu")


class Calls:
    """Draws one call after another; `workers` are ids that may be registered, or never were."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._seqs: dict[UUID, int] = {}
        self._kinds = (
            self._start, self._turn, self._turn, self._turn, self._cancel, self._tell, self._read,
            self._sweep, self._wait, self._take, self._take, self._mark, self._end, self._expire,
            self._beat, self._suspects, self._bury, self._terminate, self._outbox, self._keep,
            self._watch, self._journal,
        )  # fmt: skip

    def draw(self) -> tuple[str, Call]:
        kind = self._dice.choice(self._kinds)
        return kind.__name__, kind()

    def run(self) -> UUID:
        return self._dice.choice(_RUNS)

    def worker(self) -> int:
        return self._dice.randint(1, 4)

    def step(self) -> tuple[UUID, str, int]:
        return self.run(), self._dice.choice("ab"), self._dice.randint(1, 2)

    def maybe(self) -> bool:
        return self._dice.random() < 0.4

    def _start(self) -> Call:
        trigger: Json = {"id": "manual", "type": "manual", "event": {}}
        new = [NewRun(each, "local", "w", "", "", "d", trigger, {}) for each in
               self._dice.sample(_RUNS, 2)]  # fmt: skip
        return lambda _, link: Starts(link).write(1, new)

    def _turn(self) -> Call:
        """Return a turn of any owner, right or wrong, with or without a claim."""
        run, path, attempt = self.step()
        seq = self._seqs.get(run, 0) + (0 if self._dice.random() < 0.1 else 1)
        row = Row(max(seq, 1), PAST, "succeeded", path, attempt, {})
        rows = [(run, row)] if self.maybe() else []
        if rows:
            self._seqs[run] = row.seq
        told = Written(
            rows, self._changes(run), [Sending(run, "local", "emitted", path, {})] * self.maybe(),
            (), [self._offer()] * self.maybe(), [self.step()] * self.maybe(),
        )  # fmt: skip
        left = () if seq % 5 else (run,)
        claim = Claim("default", 9, PAST, "running", left_runs=left)
        owner, wants, taken = self.worker(), self.maybe() or not told, (run, path, str(attempt))

        async def write(side: Side, link: Any) -> Any:
            ids = [await side.identity("inbox", run_id=run, path=path, key=taken[2])]
            whole = Written(told.rows, told.changes, told.sent, ids if told.changes else (),
                            told.offers, told.revoked)  # fmt: skip
            return await Turns(link, owner).write(whole, claim if wants else None)

        return write

    def _changes(self, run: UUID) -> list[Change]:
        if self.maybe():
            return []
        if self._dice.random() < 0.2:
            return [Change(run, "failed", ("degraded",), None, {"type": "t"}, ended_at=PAST)]
        due = self._dice.choice([None, PAST, FUTURE])
        return [Change(run, "waiting", wake_at=due, due_at=due, kept=self.maybe(),
                       lost=self.maybe(), heard=self.maybe())]  # fmt: skip

    def _offer(self) -> Offer:
        run, path, attempt = self.step()
        labels = {"zone": self._dice.choice("ab")} if self.maybe() else {}
        patience = timedelta(hours=self._dice.choice([0, 1, 1]))
        limit = self._dice.choice([1, 2, 9])
        return Offer(run, path, attempt, "local", "d", "gpu", labels, limit, b"{}", patience)

    def _cancel(self) -> Call:
        run = self.run()
        return lambda _, link: runs.cancel(link, run, {"by": "ann"})

    def _tell(self) -> Call:
        told = [Telling(run, "arrived", path, str(number), {}) for run, path, number in
                {self.step(), self.step()}]  # fmt: skip
        return lambda _, link: inbox.tell(link, told)

    def _read(self) -> Call:
        worker = self.worker()

        async def read(_: Side, link: Any) -> Any:
            rows = await inbox.read(link, worker, 10)
            return [(each.run_id, each.kind, each.path, each.attempt) for each in rows], (
                await runs.cancelled(link, worker)
            )

        return read

    def _sweep(self) -> Call:
        return lambda _, link: inbox.sweep(link)

    def _wait(self) -> Call:
        gone = [self.step()]

        async def look(_: Side, link: Any) -> Any:
            waits = await handouts.waiting(link, _SERVED, [])
            return waits, await handouts.holders(link, gone), await handouts.out(link, _RUNS)

        return look

    def _take(self) -> Call:
        worker, limit = self.worker(), self._dice.randint(1, 2)

        async def take(_: Side, link: Any) -> Any:
            async with link.transaction():
                taken = await handouts.take(link, worker, _SERVED, [], _PLACE, limit)
            return [(each.run_id, each.path, each.attempt) for each in taken]

        return take

    def _mark(self) -> Call:
        (run, path, attempt), worker, is_mark = self.step(), self.worker(), self.maybe()

        async def mark(side: Side, link: Any) -> Any:
            each = await side.identity("handouts", run_id=run, path=path, attempt=attempt)
            if not is_mark:
                return await handouts.release(link, worker, [each])
            return len(await handouts.mark(link, worker, [each])), len(
                await handouts.revoked(link, worker)
            )

        return mark

    def _end(self) -> Call:
        run, path, attempt = self.step()
        worker = self._dice.choice([None, self.worker()])
        event = Succeeded(path, attempt, {}) if self.maybe() else Failed(path, attempt, {})

        async def end(side: Side, link: Any) -> Any:
            each = await side.identity("handouts", run_id=run, path=path, attempt=attempt)
            ended = await handouts.end(link, worker, [(each, event)])
            return [(one.is_told, one.owner, one.pool) for one in ended]

        return end

    def _expire(self) -> Call:
        async def expire(_: Side, link: Any) -> Any:
            return [one.owner for one in await handouts.expire(link)]

        return expire

    def _beat(self) -> Call:
        worker, lease = self.worker(), timedelta(days=self._dice.choice([0, 1]))
        return lambda _, link: workers.beat(link, worker, timedelta(0), lease)

    def _suspects(self) -> Call:
        worker, lease = self.worker(), timedelta(days=self._dice.choice([0, 1]))
        return lambda _, link: workers.suspects(link, worker, lease)

    def _bury(self) -> Call:
        worker = self.worker()

        async def bury(_: Side, link: Any) -> Any:
            async with link.transaction():
                return await workers.bury(link, [worker])

        return bury

    def _terminate(self) -> Call:
        worker = self.worker()
        return lambda _, link: workers.terminate(link, [worker])

    def _outbox(self) -> Call:
        is_taking = self.maybe()

        async def follow(_: Side, link: Any) -> Any:
            sent = await outbox.take(link, 3)
            if is_taking:
                await outbox.forget(link, [each.id for each in sent])
            return [(each.run_id, each.kind, each.path) for each in sent], (
                (await outbox.work(link)).sent if not sent else True
            )

        return follow

    def _keep(self) -> Call:
        identity = UUID(int=self._dice.randint(50, 55))
        event = Event(identity, "local", "go", None, "", {"n": identity.int % 2})

        async def keep(_: Side, link: Any) -> Any:
            return await events.keep(link, event), await events.watchers(link, event)

        return keep

    def _watch(self) -> Call:
        (run, path, number), is_over = self.step(), self.maybe()
        key = str(number % 2) if self.maybe() else None

        async def watch(_: Side, link: Any) -> Any:
            if is_over:
                return await events.unwatch(link, run, path)
            return await events.watch(link, run, path, "local", "go", "data.n", key, PAST)

        return watch

    def _journal(self) -> Call:
        return lambda _, link: journal.read_many(link, _RUNS)
