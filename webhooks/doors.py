"""What every handler may use: the engine's doors, opened once a process."""

from dataclasses import dataclass, field

from starlette.requests import Request

from engine.broker import HintBroker, Rings
from engine.history import History
from engine.intake import Intake
from engine.patience import Patience
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store.pool import Pool
from policies.authorizer import Authorizer
from policies.facts import Actor
from webhooks.pulls import Pulls
from webhooks.reviews import Reviews
from webhooks.syncs import Syncs


@dataclass(slots=True)
class Drain:
    """Whether the server is about to stop, and when somebody last asked if it is ready."""

    draining: bool = False
    asked: list[float] = field(default_factory=list)


BODY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Doors:
    """`token` is the SHA-256 of the first bearer token; `bearers` has it and those of the settings.

    Nothing else of them is kept. `bodies` bounds how long a request's body may take.
    """

    settings: Settings
    pool: Pool
    intake: Intake
    syncs: Syncs
    pulls: Pulls
    reviews: Reviews
    history: History
    policy: Authorizer
    secrets: Secrets
    token: bytes
    bearers: tuple[tuple[bytes, Actor], ...]
    broker: HintBroker | None
    bell: Rings | None
    drain: Drain
    bodies: Patience = field(default_factory=lambda: Patience(BODY_SECONDS))


def doors(request: Request) -> Doors:
    """Return the doors of the process that serves a request."""
    found: Doors = request.scope["app"].doors
    return found
