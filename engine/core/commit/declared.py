"""What a document says of itself that others of its commit may know."""

from dataclasses import fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.core import values
from engine.core.commit.flow import Trust
from engine.core.diagnostic import Span
from engine.core.frozen import frozen
from engine.core.values import Json

if TYPE_CHECKING:
    from engine.core.plan import Plan


class Kind(StrEnum):
    """What a document is; a name is unique among those of its kind."""

    WORKFLOW = "Workflow"
    CONNECTION = "Connection"
    POOL = "Pool"
    BREAKER = "CircuitBreaker"
    CALENDAR = "Calendar"
    ENVIRONMENT = "Environment"
    TEST = "WorkflowTest"
    POLICY_TEST = "PolicyTest"


@frozen
class Mention:
    """A name that a document speaks of, and where."""

    name: str
    span: Span

    def at(self, file: str) -> "Mention":
        """Return the same in another file."""
        return Mention(self.name, replace(self.span, file=file))


@frozen
class Wiring:
    """How a document hangs together with others: all that is checked of a commit as a whole.

    `uses` are the documents that it names, by their kind; `calls` are the workflows among them
    that are laid into its plan, `detached` those that it sets off as runs of their own, `follows`
    those whose end starts it. It `emits` event types, `starts` on some, on others only so often
    in a chain (`bounded`), and `awaits` others; of some it says that they come from `outside`.
    `routes` are the paths of its webhooks, `steps` is how many it has itself.
    """

    uses: tuple[tuple[Kind, Mention], ...] = ()
    calls: tuple[Mention, ...] = ()
    detached: tuple[Mention, ...] = ()
    follows: tuple[Mention, ...] = ()
    emits: tuple[Mention, ...] = ()
    starts: tuple[Mention, ...] = ()
    bounded: tuple[Mention, ...] = ()
    awaits: tuple[Mention, ...] = ()
    outside: tuple[Mention, ...] = ()
    routes: tuple[Mention, ...] = ()
    steps: int = 0

    @property
    def face(self) -> tuple[object, ...]:
        """Return the names in it without their places."""
        uses = tuple((kind, each.name) for kind, each in self.uses)
        lists = (tuple(each.name for each in getattr(self, name)) for name in _LISTS)
        return uses, *lists, self.steps

    def at(self, file: str) -> "Wiring":
        """Return the same in another file."""
        if self == Wiring(steps=self.steps):
            return self
        lists = {name: _at(getattr(self, name), file) for name in _LISTS}
        uses = tuple((kind, each.at(file)) for kind, each in self.uses)
        return Wiring(uses=uses, steps=self.steps, **lists)


_LISTS = tuple(each.name for each in fields(Wiring) if each.name not in ("uses", "steps"))


@frozen
class Declared:
    """A document of a file: `span` is its name, `facts` what its neighbours may know of it.

    `facts` are None where the document cannot be read: it is there, and no more is known.
    `digest` is that of the facts. A workflow that could be looked through has its `trust`, one
    without errors a `plan`; what it calls is not yet laid into that.
    """

    kind: Kind
    name: str
    span: Span
    facts: Json = None
    digest: str = ""
    wiring: Wiring = Wiring()
    plan: "Plan | None" = None
    trust: Trust | None = None

    @property
    def face(self) -> tuple[object, ...]:
        """Return all by which `findings` judges it among others, but for lines and columns."""
        trust = None if self.trust is None else self.trust.face
        return self.kind, self.name, self.facts is None, self.wiring.face, trust

    def compiled(self, plan: "Plan | None", trust: Trust | None) -> "Declared":
        """Return the same with what it compiled to."""
        told = (self.kind, self.name, self.span, self.facts, self.digest, self.wiring)
        return Declared(*told, plan, trust)

    def at(self, file: str) -> "Declared":
        """Return the same in another file."""
        return replace(
            self,
            span=replace(self.span, file=file),
            wiring=self.wiring.at(file),
            trust=self.trust and self.trust.at(file),
            plan=self.plan and replace(self.plan, file=file),
        )


def declared(kind: Kind, name: str, span: Span, facts: Json, wiring: Wiring) -> Declared:
    """Return what a document declares, with the digest of its facts."""
    return Declared(kind, name, span, facts, values.digest(facts), wiring)


def _at(mentions: tuple[Mention, ...], file: str) -> tuple[Mention, ...]:
    return tuple(each.at(file) for each in mentions)
