"""What stands beside a verb is looked at only where a key of it is written."""

from typing import Any, cast

from engine.core import spec
from engine.core.commit import Commit
from engine.core.compiler import compile_survey, limits, survey
from engine.core.compiler.node import Node
from engine.core.compiler.world import World
from engine.core.facts import Catalogue
from tests.core.catalogue import CATALOGUE

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: demo
triggers: {by_hand: {type: manual}}
steps:
  a: {uses: echo.say@1, with: {message: hi}}
"""


class Overheard:
    """A step that notes which of its keys are read; it says that all of them are written."""

    written = frozenset(spec.Step.keys)

    def __init__(self, told: spec.Step) -> None:
        self.told = told
        self.read = set[str]()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.told, name)


def test_no_key_that_limits_a_step_is_passed_over() -> None:
    """
    A step with none of the listed keys is not looked at: so the list has each key that is read,
    but for the verb itself.
    """
    worlds: list[World] = []
    surveyed = survey("demo.yaml", SPEC.encode())
    compile_survey(
        surveyed,
        Catalogue(CATALOGUE),
        Commit(surveyed.documents),
        lambda _, world: worlds.append(world),
    )
    [world] = worlds
    [node] = world.root.nodes
    step = Overheard(node.spec)
    heard = Node(node.id, node.path, node.position, cast(spec.Step, step), node.scope)

    assert limits.Limits() == limits.limits_of(world, heard, None)
    assert limits._BESIDE == step.read - {"uses"}
