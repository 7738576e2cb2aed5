"""The one committer: whatever waits goes into one transaction a turn, and is then answered.

A commit costs the same for one request as for hundreds, so while one is under way the requests
that come gather for the next. Nobody is answered before the commit that holds the row returns.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import cast
from uuid import UUID

import psycopg
from prometheus_client import Counter, Histogram

from engine.active import ActiveSet, Cache
from engine.broker import Rings
from engine.errors import SarkError, Unavailable
from engine.intake.request import (
    Delivered,
    Delivery,
    Fire,
    Kind,
    Request,
    Start,
    Started,
    Waiting,
)
from engine.intake.turn import Answers, Decides, Turn
from engine.patience import Patience
from engine.store.pool import (
    AWAY,
    Connection,
    Pool,
    connect,
    is_final,
    is_lost,
    is_passing,
    told,
)  # fmt: skip
from engine.store.starts import Starts
from engine.telemetry import REGISTRY

_LOG = logging.getLogger("sark.intake")
_ROOM = 10_000
_GROUP = 512
_GROUP_BYTES = 16 << 20
_PATIENCE = 5.0
_ABANDON = 15.0
_OVER_HTTP = frozenset({Kind.GITHUB, Kind.WEBHOOK})
_STARTS = Counter("sark_starts", "Runs started, by how", ["how"], registry=REGISTRY)
_GROUPS = Histogram(
    "sark_intake_group", "Requests a commit", buckets=(1, 4, 16, 64, 256), registry=REGISTRY
)


class Intake:
    """Takes starts and deliveries. Use as a context: it holds a connection and a task.

    `pool` serves looks at the active set, which must not wait for the committer.
    """

    def __init__(self, url: str, pool: Pool, bell: Rings | None, policy: Decides) -> None:
        self._url = url
        self._pool = pool
        self._policy = policy
        self._bell = bell
        self._cache = Cache()
        self._looks = Cache()
        self._lock = asyncio.Lock()
        self._asked = self._served = 0
        self._waiting: deque[Waiting] = deque()
        self._wake = asyncio.Event()
        self._link: tuple[Connection, Starts] | None = None
        self._task: asyncio.Task[None] | None = None
        self._began: float | None = None
        self._closing = False
        self._patience = Patience(_PATIENCE)

    async def __aenter__(self) -> "Intake":
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Commit what waits, then let go."""
        assert self._task is not None
        self._closing = True
        self._wake.set()
        await asyncio.wait({self._task}, timeout=_PATIENCE)
        self._task.cancel()
        if self._link is not None:
            await self._link[0].close()

    @property
    def active(self) -> ActiveSet:
        """The active set as it was last seen."""
        return self._looks.active

    async def look(self) -> ActiveSet:
        """Return the active set as of now.

        Who asks while somebody looks shares the next look: the one under way may be too early.
        """
        self._asked += 1
        ticket = self._asked
        async with self._lock:
            if self._served < ticket:
                upto = self._asked
                async with self._pool.connection() as connection:
                    await self._looks.refresh(connection)
                self._served = upto
        return self._looks.active

    async def start(self, start: Start) -> Started:
        """Start a run, durably. Raise NotFound, Conflict, Invalid or Unavailable."""
        answer = cast(Started, await self._take(start))
        _STARTS.labels("api").inc(not answer.repeated)
        return answer

    async def deliver(self, delivery: Delivery) -> Delivered:
        """Record a delivery and start what it sets off, once. Raise Unavailable."""
        answer = cast(Delivered, await self._take(delivery))
        how = "webhook" if delivery.kind in _OVER_HTTP else delivery.kind
        _STARTS.labels(how).inc(0 if answer.duplicate else len(answer.runs))
        return answer

    async def fire(self, fire: Fire) -> Delivered:
        """Start what a bunch of held events starts, once. Raise Unavailable."""
        answer = cast(Delivered, await self._take(fire))
        _STARTS.labels("held").inc(len(answer.runs))
        return answer

    def stuck(self) -> str:
        """Return why requests are not committed, or an empty string."""
        if self._is_slow():
            return f"a commit has taken longer than {_PATIENCE:g} s"
        return ""

    async def _take(self, request: Request) -> Started | Delivered:
        if len(self._waiting) >= _ROOM or self._is_slow():
            raise Unavailable("more waits to be recorded than PostgreSQL can take just now")
        waiting = Waiting(request, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        try:
            async with self._patience.bound():
                return await waiting.answer
        except TimeoutError:
            raise Unavailable(
                f"PostgreSQL has not answered within {_PATIENCE:g} s; whether it was recorded is "
                "unknown: send it again with the same key or id"
            ) from None

    def _is_slow(self) -> bool:
        now = asyncio.get_running_loop().time()
        return self._began is not None and now - self._began > _PATIENCE

    async def _serve(self) -> None:
        while not self._closing:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                self._began = asyncio.get_running_loop().time()
                group = self._gather()
                if group:
                    await self._bounded(group)
                self._began = None

    async def _bounded(self, group: Sequence[Waiting]) -> None:
        """Commit a group, and leave it behind with its connection if that takes too long.

        A server that is frozen answers nothing, and to cancel would wait for an answer, too.
        """
        commit = asyncio.create_task(self._commit(group))
        done, _ = await asyncio.wait({commit}, timeout=_ABANDON)
        if not done:
            _LOG.error("a commit was left behind after %g s", _ABANDON)
            self._link = None

    def _gather(self) -> list[Waiting]:
        """Return the next group: whoever waits still, up to a number and a size."""
        group: list[Waiting] = []
        size = 0
        while self._waiting and len(group) < _GROUP and size <= _GROUP_BYTES:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                group.append(waiting)
                size += waiting.size
        return group

    async def _commit(self, group: Sequence[Waiting]) -> None:
        """Write a group and answer it. Nothing that one request brings may harm the others."""
        _GROUPS.observe(len(group))
        try:
            answers = await self._write(group)
        except psycopg.Error as error:
            if len(group) > 1:
                for each in group:
                    await self._commit([each])
                return
            _LOG.error("PostgreSQL refused a request: %s", error)
            answers = {group[0].id: error}
        except Exception as error:  # a defect of ours: each hears of it, the committer goes on
            _LOG.log(
                logging.WARNING if isinstance(error, SarkError) else logging.ERROR,
                "a group was not committed: %s", error, exc_info=not isinstance(error, SarkError),
            )  # fmt: skip
            answers = {each.id: error for each in group}
        for each in group:
            if not each.answer.done():
                told = answers[each.id]
                if isinstance(told, Exception):
                    each.answer.set_exception(told)
                else:
                    each.answer.set_result(told)

    async def _write(self, group: Sequence[Waiting]) -> Answers:
        """Return the answers of a committed group; what may pass is tried once more.

        The reply to a commit may be what was lost: what it has written is not written again.
        """
        answers: dict[UUID, Started | Delivered | Exception] = {}
        while group:
            turn = Turn(self._cache, self._policy, group)
            try:
                await self._turn(turn)
            except (*AWAY, Unavailable) as error:
                if not _may_pass(error):
                    raise
                try:
                    await self._turn(turn)
                except AWAY as again:
                    if not _may_pass(again):
                        raise
                    with told():
                        raise
            self._ring(turn)
            answers |= turn.answers
            group = turn.left
        return answers

    def _ring(self, turn: Turn) -> None:
        if self._bell is None:
            return
        for pool in turn.pools:
            self._bell.ring_pool(pool)
        if turn.is_for_relay:
            self._bell.ring_relay()

    async def _turn(self, turn: Turn) -> None:
        """Write a turn on the committer's own connection; a broken one is not used again."""
        if self._link is None:
            connection = await connect(self._url, "intake", plan_once=True)
            self._link = (connection, Starts(connection))
        link = self._link
        try:
            await turn.write(*link)
        except AWAY as error:
            if not is_final(error):
                if self._link is link:
                    self._link = None
                await link[0].close()
            raise


def _may_pass(error: Exception) -> bool:
    return isinstance(error, OSError) or is_lost(error) or is_passing(error)
