"""A workflow under test: its plan made ready once for all of its tests."""

from collections.abc import Iterable, Mapping
from functools import cached_property

from engine.core.binding import Bound
from engine.core.facts import Catalogue
from engine.core.frozen import frozen
from engine.core.inputs import BoundInputs
from engine.core.plan import Approve, Plan, Step, Uses
from engine.core.trial.gives import Gives, gives
from engine.core.trial.outline import Outline
from engine.core.trial.standing import OPERATION, with_stand_ins
from engine.core.trigger import BoundTrigger


@frozen
class Scene:
    """A plan with stand-ins, ready to run; `needed` are the steps that a test must answer.

    They are told by the identity of their plans.
    """

    bound: Bound
    outline: Outline
    needed: frozenset[int]


class Subject:
    """What all tests of a workflow share; `operations` tell what undeclared outputs are."""

    def __init__(self, plan: Plan, operations: Catalogue) -> None:
        self.plan = plan
        self.outline = Outline(plan)
        self._operations = operations
        self._scenes: dict[frozenset[str], Scene] = {}
        self._gives: dict[int, Gives] = {}

    @cached_property
    def inputs(self) -> BoundInputs:
        return BoundInputs(self.plan.inputs)

    @cached_property
    def triggers(self) -> Mapping[str, BoundTrigger]:
        return {each.id: BoundTrigger(each, self.inputs) for each in self.plan.triggers}

    def scene(self, names: Iterable[str]) -> Scene:
        """Return the plan for a test with mocks of these names.

        Each names a step, which is answered as a whole unless it is one attempt anyway.
        """
        wholes = frozenset(
            place.path
            for name in names
            for place in self.outline.find(name)
            if not isinstance(place.step.verb, Uses | Approve)
        )
        if wholes not in self._scenes:
            self._scenes[wholes] = self._made(wholes)
        return self._scenes[wholes]

    def gives(self, step: Step) -> Gives:
        """Return what a step of the plan gives."""
        if id(step) not in self._gives:
            self._gives[id(step)] = gives(step, self._operations)
        return self._gives[id(step)]

    def _made(self, wholes: frozenset[str]) -> Scene:
        plan = with_stand_ins(self.plan, wholes)
        outline = Outline(plan) if wholes else self.outline
        needed = (
            id(each.step)
            for each in outline.places
            if each.step.outputs
            or (each.is_read and not each.step.artifacts)
            or (isinstance(each.step.verb, Uses) and each.step.verb.operation == OPERATION)
        )
        return Scene(Bound(plan), outline, frozenset(needed))
