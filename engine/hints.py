"""Dramatiq's own worker in a worker process: its actors do nothing but ring the event loop."""

import asyncio
from collections.abc import Callable, Sequence

import dramatiq
from dramatiq.broker import Broker
from dramatiq.worker import Worker as Consumers

from engine.broker import serving_queue

# How long its threads sleep where nothing comes, and how long they may take to end.
_ASLEEP_MILLISECONDS = 10_000
_STOPPING_MILLISECONDS = 1_000


class Listener:
    """Dramatiq's worker over a broker whose actors ring, until it is closed with its broker."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._consumers = Consumers(broker, worker_timeout=_ASLEEP_MILLISECONDS, worker_threads=1)
        self._consumers.start()

    def close(self) -> None:
        """End the threads; takes a moment, so not on the event loop."""
        self._broker.close()
        self._consumers.stop(timeout=_STOPPING_MILLISECONDS)
        self._broker.close()  # what was just about to connect as it was closed


class Hints:
    """Hears what is told to pools and to one worker of them, from `listen` to `close`.

    The broker is its own, and closed with it; any of Dramatiq's does.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._is_closed = False
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None

    def listen(
        self, pool: str, worker: int, attend: Callable[[], None], look: Callable[[], None],
        serve: Callable[[], None] = lambda: None, serving: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Call these on the event loop when they are rung for.

        `attend` for runs of a pool, "" for none; `look` for what the worker was told; `serve` for
        the work of the pools in `serving`.
        """
        if pool:
            self._declare("attend", f"pool.{pool}", attend)
        self._declare("look", f"worker.{worker}", look)
        for number, each in enumerate(serving):
            if number == 0:
                self._declare("serve", serving_queue(each), serve)
            self._broker.declare_queue(serving_queue(each))
        self._listener = Listener(self._broker)

    def close(self) -> None:
        """End the threads; takes a moment, so not on the event loop."""
        self._is_closed = True
        if self._listener is not None:
            self._listener.close()

    def _declare(self, name: str, queue: str, call: Callable[[], None]) -> None:
        def hint(*_: object) -> None:
            """Ring. What else the message says is not believed."""
            if not self._is_closed:
                self._loop.call_soon_threadsafe(call)

        dramatiq.actor(actor_name=name, queue_name=queue, broker=self._broker)(hint)
