"""What stands beside a step's verb: order, retry, time, values, limits."""

from datetime import timedelta
from enum import StrEnum

from engine.core.frozen import frozen
from engine.core.values import Json

# How long a step, or a run, waits for its turn where nothing is said.
QUEUE = timedelta(hours=1)


class Effect(StrEnum):
    """What an operation does to the world."""

    PURE = "pure"
    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


class Requirement(StrEnum):
    """The result that a step asks of one before it."""

    OK = "ok"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    DONE = "done"


class Otherwise(StrEnum):
    """What becomes of a step that did not get what it waited for."""

    FAIL = "fail"
    CONTINUE = "continue"


@frozen
class Edge:
    """One step must have ended before another starts.

    `step` is its position in the scope. `requires` is the result asked for. `data` is true where
    the later step reads its outputs with no `default`: then a step without outputs skips it.
    `inferred` tells edges that the compiler found from those that the author wrote.
    """

    step: int
    requires: Requirement = Requirement.DONE
    data: bool = False
    inferred: bool = False


@frozen
class Retry:
    """At most `max_attempts` (1 = never again), `condition` an expression over `error`."""

    max_attempts: int = 1
    initial: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    max: timedelta = timedelta(seconds=30)
    jitter: bool = True
    max_elapsed: timedelta | None = None
    condition: str | None = None


@frozen
class Timeout:
    """`total` bounds all of a step, its attempts or the scopes that it opens."""

    queue: timedelta = QUEUE
    attempt: timedelta = timedelta(minutes=5)
    total: timedelta | None = None
    heartbeat: timedelta | None = None


@frozen
class Projection:
    """An output of a step: `source` is an expression over what its verb gave.

    That is what the operation returned (`Uses`), `last` (`Repeat`), or `event` (`Await`).
    """

    name: str
    source: str
    schema: Json


@frozen
class Assignment:
    """A typed pure value: `value` is a Json area with templates."""

    name: str
    value: Json
    schema: Json


@frozen
class Artifact:
    """A file that is kept: one that the operation names, or one by its path in its folder."""

    name: str
    source: str = ""
    path: str = ""
    media_type: str = "application/octet-stream"
    retain: timedelta = timedelta(days=30)


@frozen
class Circuit:
    """A breaker shared by all workers: open while `failure_ratio` of a window's calls fail."""

    name: str
    window: timedelta
    failure_ratio: float
    min_calls: int
    open_for: timedelta
    half_open_calls: int


@frozen
class Rate:
    """At most `limit` calls a `period`, counted by `group`, a template."""

    group: str
    limit: int
    period: timedelta


@frozen
class Concurrency:
    """At most `limit` at once of those whose `group`, a template, is equal in the scope."""

    group: str
    limit: int = 1
    scope: str = "namespace"
    on_conflict: str = "queue"
    max_queue: int = 1_000


@frozen
class Pool:
    """On what terms the workers of a pool make calls: at most `parallelism` at once, all together.

    `labels` are those that a worker must have. `adapters` (or operations of them) and `secrets`
    are what may go there; None is all.
    """

    labels: tuple[tuple[str, str], ...] = ()
    parallelism: int = 32
    adapters: tuple[str, ...] | None = None
    secrets: tuple[str, ...] | None = None

    def takes(self, operation: str) -> bool:
        """True if an operation, as in `http.request@1`, may be called there."""
        stem = operation.partition("@")[0]
        named = (stem.partition(".")[0], stem, operation)
        return self.adapters is None or any(each in self.adapters for each in named)


@frozen
class Cache:
    """Earlier outputs of the same call stand in for a new one for `ttl`; `key` adds templates."""

    ttl: timedelta
    key: Json = None
    scope: str = "workflow"


ONCE = Retry()
DEFAULT_TIMEOUT = Timeout()
