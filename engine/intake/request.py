"""What is asked of the intake, and what it answers."""

from asyncio import Future
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from uuid_utils.compat import uuid7

from engine.core.frozen import frozen
from engine.core.values import Json


class Kind(StrEnum):
    """What a delivery brings.

    What GitHub reports, a webhook's body, an event of the namespace, the end of a run, or what has
    become of a file; or nothing but the time: that of a schedule, or the end of a silence.
    """

    GITHUB = "github"
    WEBHOOK = "webhook"
    EVENT = "event"
    ENDED = "ended"
    SCHEDULE = "schedule"
    ABSENT = "absent"
    FILE = "file"


@frozen
class Start:
    """Start one run of an active workflow.

    `inputs` are as given, without defaults. Under an idempotency `key`, `digest` is that of the
    request's body: the same key with another digest is refused. A run starts another under an id
    of its choosing, `run`, and so once; that needs no trigger. The run is the `chain`-th of those
    that start each other.
    """

    namespace: str
    workflow: str
    inputs: Mapping[str, Json]
    actor: str
    key: str | None = None
    digest: str = ""
    run: UUID | None = None
    chain: int = 1


@frozen
class Started:
    """The run of a start; `repeated` if it was there before.

    It is a `duplicate` if a start of its own has made it, not this one when it first came; then
    `workflow` and `status` are those of the run.
    """

    run: UUID
    repeated: bool
    duplicate: bool = False
    workflow: str = ""
    status: str = "queued"


@frozen
class Delivery:
    """A webhook request with a good signature.

    `route` is its path below `/hooks/`, `id` its sender's. A report of GitHub sets off triggers of
    its `type` in the namespace whose `source` is told of it; a webhook those of `hooks`, pairs of
    workflow and trigger whose own secret has signed it; an event those of its `type`; the end
    of a run those that follow its workflow, `source`; the clock and a file the one of `hooks` that
    it is time for, of the workflow that is its `source`. `event` is what expressions read; `actor`
    is who has sent it, where that is known. `emitted` is told to runs that wait, as the relay takes
    what a run has emitted. A run that it starts is the `chain`-th of those that start each other.
    """

    route: str
    id: str
    kind: Kind
    namespace: str
    body: bytes
    event: Mapping[str, Json]
    source: str = ""
    hooks: frozenset[tuple[str, str]] = frozenset()
    actor: str = ""
    type: str = ""
    emitted: Json = None
    chain: int = 1


@frozen
class Fire:
    """Let a bunch of held events start what they start, if it is still there and due."""

    namespace: str
    workflow: str
    trigger: str
    bunch: UUID


@frozen
class Delivered:
    """What became of a delivery or a bunch: the runs that it has started, now or the first time."""

    runs: tuple[UUID, ...]
    duplicate: bool


@dataclass(slots=True, eq=False)
class Waiting:
    """A request on its way to a commit. `id` is that of its row, so it can be found again."""

    request: "Request"
    answer: "Future[Started | Delivered]"
    id: UUID = field(default_factory=uuid7)

    @property
    def size(self) -> int:
        return len(self.request.body) if isinstance(self.request, Delivery) else 0


Request: TypeAlias = Start | Delivery | Fire
