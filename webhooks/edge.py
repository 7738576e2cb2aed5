"""What every route needs, in one place that the app hands to them."""

from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request

from engine import token
from engine.broker import Bell, HintBroker
from engine.errors import Denied, NotFound, SarkError
from engine.intake import Intake
from engine.secrets import Secrets
from engine.settings import Settings
from engine.store import audit
from engine.store.pool import Pool
from policies.authorizer import Authorizer
from policies.facts import Action, Actor, Resource


class Unauthenticated(SarkError):
    """The request bears no token that we know."""

    code = "sark.unauthenticated"


@dataclass(frozen=True, slots=True)
class Edge:
    """The doors of the engine, as the edge uses them."""

    settings: Settings
    pool: Pool
    intake: Intake
    broker: HintBroker | None
    bell: Bell | None
    authorizer: Authorizer
    secrets: Secrets
    token_hash: bytes

    def actor(self, request: Request) -> Actor:
        """Return who asks; raise Unauthenticated."""
        kind, _, told = request.headers.get("authorization", "").partition(" ")
        told = told if kind.lower() == "bearer" else request.cookies.get("sark_token", "")
        if not told or not token.matches(told.strip(), self.token_hash):
            raise Unauthenticated("send Authorization: Bearer with the token of the state folder")
        return Actor("token", "first", roles=("admin",))

    async def allow(
        self, request: Request, action: str, kind: str, identity: str, namespace: str = ""
    ) -> Actor:
        """Return who asks if the policies allow it; raise Denied, and write that down."""
        actor = self.actor(request)
        resource = Resource(kind, identity, namespace)
        verdict = self.authorizer.decide(actor, Action(action), resource)
        if not verdict.allowed:
            async with self.pool.connection() as connection:
                told = f"{kind} {namespace}/{identity}"
                await audit.add(connection, actor.id, action, told, False, verdict.reason)
            raise Denied(verdict.reason)
        return actor


def edge_of(request: Request) -> Edge:
    """Return the app's edge."""
    edge = request.app.state.edge
    assert isinstance(edge, Edge)
    return edge


def run_id(text: str) -> UUID:
    """Return a run's id from a path; raise NotFound for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(f"there is no run {text[:64]!r}") from None
