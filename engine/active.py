"""The active set in memory: which workflows there are, and which events each one waits for."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from engine import stored
from engine.core import forge
from engine.core.binding import Bound
from engine.core.frozen import frozen
from engine.core.inputs import BoundInputs
from engine.core.lookout import TYPE as FILE
from engine.core.plan import Trigger
from engine.core.trigger import CLOCK, ENDED, BoundTrigger, by_hand
from engine.core.values import Json
from engine.core.whole import WholeRun
from engine.store import views, workflows
from engine.store.pool import Connection
from engine.store.schedules import Key
from engine.store.workflows import Active

_PLANS_KEPT = 1_000


@frozen
class Hook:
    """A trigger of an active workflow that something sets off, as its plan has it."""

    workflow: Active
    trigger: str
    settings: Mapping[str, Any]
    type: str = ""

    @property
    def key(self) -> Key:
        """What it is known by, whatever its workflow's plan is just now."""
        return Key(self.workflow.namespace, self.workflow.name, self.trigger)


@frozen
class ActiveSet:
    """What is active after `number` activations.

    `reports` are by namespace and type, `webhooks` by namespace and path below
    `/hooks/<namespace>/`, `events` by namespace and type, `followers` by namespace and the
    workflow for the end of whose runs they wait, `clocks`, `files` and `hands`, those of people,
    by namespace and workflow.
    """

    number: int = 0
    workflows: Mapping[tuple[str, str], Active] = field(default_factory=dict)
    reports: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)
    webhooks: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)
    events: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)
    followers: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)
    clocks: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)
    files: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)
    hands: Mapping[tuple[str, str], tuple[Hook, ...]] = field(default_factory=dict)

    def reported(self, namespace: str, source: str, kind: str) -> Iterable[Hook]:
        """Yield what a report of a forge about a source is meant for, such as a `github.push`.

        As with GitHub Actions a workflow hears of its own repository; one that names a `repo`
        hears of every report within its namespace, and says itself which it wants.
        """
        for hook in self.reports.get((namespace, kind), ()):
            if hook.workflow.source == source or "repo" in hook.settings:
                yield hook

    def happened(self, namespace: str, occurred: str) -> Iterable[Hook]:
        """Yield what an event of this type is meant for."""
        for name in forge.names(occurred):
            yield from self.events.get((namespace, name), ())

    def may_be_backfilled(self, namespace: str, name: str) -> bool:
        """True if a workflow lets people start what its schedules would have started."""
        hands = self.hands.get((namespace, name), ())
        return any(each.settings.get("backfill") is True for each in hands)


class BoundPlan:
    """What the intake needs of a plan, compiled once."""

    def __init__(self, bound: Bound) -> None:
        self.inputs = BoundInputs(bound.plan.inputs)
        self.by_hand: Trigger | None = by_hand(bound.plan.triggers)
        self.triggers = {each.id: BoundTrigger(each, self.inputs) for each in bound.plan.triggers}
        self.whole = WholeRun(bound.plan)


class Cache:
    """Keeps the active set and its plans, and reads again only what an activation has changed."""

    def __init__(self) -> None:
        self.active = ActiveSet()
        self._triggers: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._plans: dict[str, BoundPlan] = {}

    async def refresh(self, connection: Connection) -> ActiveSet:
        """Return the active set as of now: one look at a counter unless it has changed."""
        number = await workflows.number(connection)
        if number != self.active.number:
            found = await workflows.all_of(connection)
            digests = {each.plan for each in found}
            new = await views.triggers(connection, digests - self._triggers.keys())
            known = {digest: self._triggers[digest] for digest in digests & self._triggers.keys()}
            self._triggers = {**known, **{digest: _events(told) for digest, told in new.items()}}
            self.active = self._arrange(number, found)
        return self.active

    async def plan(self, connection: Connection, digest: str) -> BoundPlan:
        """Return a plan, read when it is first asked for."""
        found = self._plans.pop(digest, None)
        if found is None:
            found = BoundPlan(await stored.bound(connection, digest))
            while len(self._plans) >= _PLANS_KEPT:
                self._plans.pop(next(iter(self._plans)))
        self._plans[digest] = found
        return found

    def _arrange(self, number: int, found: Iterable[Active]) -> ActiveSet:
        """Lay each trigger where what sets it off is looked for."""
        named = {(each.namespace, each.name): each for each in found}
        places: dict[str, dict[tuple[str, str], tuple[Hook, ...]]] = {
            place: {} for place in (_REPORTS, *(place for place, _ in _PLACES.values()))
        }
        for active in named.values():
            for told in self._triggers.get(active.plan, ()):
                hook = Hook(active, str(told["id"]), told["settings"], str(told["type"]))
                place, name = _PLACES.get(hook.type, (_REPORTS, _type))
                key = (active.namespace, name(hook))
                places[place][key] = (*places[place].get(key, ()), hook)
        return ActiveSet(number, named, **places)


def _type(hook: Hook) -> str:
    return hook.type


def _workflow(hook: Hook) -> str:
    return hook.workflow.name


def _setting(key: str) -> Callable[[Hook], str]:
    return lambda hook: str(hook.settings[key])


# Where in the active set a trigger of a type lies, and the name by which it is found there.
_REPORTS = "reports"
_PLACES: Mapping[str, tuple[str, Callable[[Hook], str]]] = {
    **dict.fromkeys(CLOCK, ("clocks", _workflow)),
    FILE: ("files", _workflow),
    "manual": ("hands", _workflow),
    "event": ("events", _setting("event")),
    "webhook": ("webhooks", _setting("path")),
    ENDED: ("followers", _setting("workflow")),
}


def _events(triggers: Json) -> list[Mapping[str, Any]]:
    """Return the triggers of a plan's JSON that something sets off, or a person; no program's."""
    listed = triggers if isinstance(triggers, Sequence) else ()
    return [each for each in listed if isinstance(each, Mapping) and _is_kept(str(each["type"]))]


def _is_kept(kind: str) -> bool:
    return kind in _PLACES or kind.startswith(forge.PREFIX)
