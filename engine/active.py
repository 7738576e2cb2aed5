"""The active set in memory: every workflow that can be started, ready to be asked."""

from dataclasses import dataclass, field

from engine.core.binding import Bound
from engine.core.codec import decode
from engine.core.plan import Trigger
from engine.errors import NotFound
from engine.store import plans, workflows
from engine.store.pool import Connection
from engine.store.workflows import Active

_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Startable:
    """A workflow of the active set with its plan."""

    active: Active
    bound: Bound


@dataclass(slots=True)
class ActiveSet:
    """Follows activations by their number; a plan is loaded once, by its digest."""

    _number: int = -1
    _startable: dict[tuple[str, str], Startable] = field(default_factory=dict)
    _bounds: dict[str, Bound] = field(default_factory=dict)

    async def refresh(self, connection: Connection) -> None:
        """Make the set what the database has; one small statement where nothing has changed."""
        number = await workflows.number(connection)
        if number == self._number:
            return
        active = await workflows.all_of(connection)
        for each in active:
            if each.plan not in self._bounds:
                body = await plans.read(connection, each.plan)
                self._bounds[each.plan] = Bound(decode(body))
        self._startable = {
            (each.namespace, each.name): Startable(each, self._bounds[each.plan]) for each in active
        }
        if len(self._bounds) > _KEPT:
            wanted = {each.plan for each in active}
            self._bounds = {key: told for key, told in self._bounds.items() if key in wanted}
        self._number = number

    def find(self, namespace: str, name: str) -> Startable:
        """Return a workflow; raise NotFound if it is not active."""
        found = self._startable.get((namespace, name))
        if found is None:
            raise NotFound(f"workflow {name!r} is not active in namespace {namespace!r}")
        return found

    def pushed(self, source: str) -> list[tuple[Startable, Trigger]]:
        """Return what a push that was told to this source may start."""
        return [
            (each, trigger)
            for each in self._startable.values()
            if each.active.source == source
            for trigger in each.bound.plan.triggers
            if trigger.type == "github.push"
        ]

    def hooked(self, namespace: str, path: str) -> list[tuple[Startable, Trigger]]:
        """Return what a request to `/hooks/<namespace>/<path>` may start."""
        return [
            (each, trigger)
            for each in self._startable.values()
            if each.active.namespace == namespace
            for trigger in each.bound.plan.triggers
            if trigger.type == "webhook" and _path(trigger) == path
        ]


def _path(trigger: Trigger) -> object:
    return trigger.settings.get("path") if isinstance(trigger.settings, dict) else None
