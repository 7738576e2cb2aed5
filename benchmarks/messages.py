"""A message that does nothing, sent through Dramatiq as it comes: what a queue alone can do."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

URL = "SARK_BENCH_REDIS_URL"
# Dramatiq keeps a message here until it is acknowledged.
UNACKNOWLEDGED = "dramatiq:nothing.msgs"


def serve() -> None:
    """Make the broker of a worker process, at the address that its environment names."""
    broker = RedisBroker(url=os.environ[URL])  # type: ignore[no-untyped-call]
    _actor(broker)
    dramatiq.set_broker(broker)


def send(url: str, count: int) -> None:
    """Put `count` messages into the queue."""
    nothing = _actor(RedisBroker(url=url))  # type: ignore[no-untyped-call]
    for _ in range(count):
        nothing.send()


def _actor(broker: RedisBroker) -> "dramatiq.Actor[[], None]":
    declare = dramatiq.actor(broker=broker, actor_name="nothing", queue_name="nothing")
    return declare(_nothing)


def _nothing() -> None:
    """Do nothing."""
