"""What a step is shut in and may use: what is kept, and that nothing is silently without effect."""

from dataclasses import replace

import pytest

from engine.core.compiler import compile_file
from engine.core.facts import Catalogue
from engine.core.plan import Plan, Uses
from engine.core.values import Json
from tests.core.catalogue import CATALOGUE

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\nsteps:\n  a: "
POOLS = "".join(
    f"---\napiVersion: sark/v1\nkind: Pool\nname: {name}\n{rest}"
    for name, rest in (("weak", ""), ("walled", "sandbox: container\n"), ("vms", "sandbox: vm\n"))
)
_BOX = replace(
    CATALOGUE["shell.run@1"], name="box.run@1", sandbox="container", sandbox_by=None,
    resources={"cpu": "cpus", "memory": "memory_mib"},
    arguments={"type": "object", "properties": {"limits": {}}, "additionalProperties": False},
)  # fmt: skip
OPERATIONS = Catalogue({**CATALOGUE, "box.run@1": _BOX})
BOX = "uses: box.run@1"
SHELL = "uses: shell.run@1, with: {argv: [make]}"
IMAGE = "uses: shell.run@1, with: {argv: [make], image: x}"
ECHO = "uses: echo.say@1, with: {message: hi}"


def told(step: str, pools: str = POOLS) -> tuple[list[tuple[str, str]], Plan | None]:
    """Return code and message of what is found of a step, and the plan."""
    unit = compile_file("demo.yaml", f"{HEAD}{{{step}}}\n{pools}".encode(), OPERATIONS)
    return [(each.code, each.message) for each in unit.diagnostics], unit.documents[0].plan


@pytest.mark.parametrize(
    ("step", "limits"),
    [
        (f"{BOX}, resources: {{cpu: 1.5, memory: 4Gi}}", {"cpus": 1.5, "memory_mib": 4096}),
        (f"{BOX}, resources: {{memory: 2G}}", {"memory_mib": 1907}),
        (f"{BOX}, resources: {{memory: 300}}", {"memory_mib": 1}),
        (
            f"{BOX}, with: {{limits: {{processes: 9}}}}, resources: {{cpu: 2}}",
            {"processes": 9, "cpus": 2},
        ),
        (f"{SHELL}, resources: {{memory: 512Mi}}", {"memory_mib": 512}),
        (f"{BOX}, pool: vms, resources: {{cpu: 2, disk: 1Gi}}", {"cpus": 2}),
    ],
)
def test_resources_become_limits_of_the_call(step: str, limits: Json) -> None:
    """
    What an operation keeps to is handed to it as limits, beside those that the author gave.
    """
    found, made = told(step)

    assert [] == found
    assert made is not None
    verb = made.root.steps[0].verb
    assert isinstance(verb, Uses)
    assert isinstance(verb.arguments, dict)
    assert limits == verb.arguments["limits"]


@pytest.mark.parametrize(
    "step",
    [
        ECHO,
        f"{ECHO}, sandbox: none",
        f"{SHELL}, sandbox: process",
        f"{IMAGE}, sandbox: container",
        f"{BOX}, sandbox: container",
        f"{ECHO}, pool: walled, sandbox: process, resources: {{cpu: 1, memory: 1Gi, disk: 1Gi}}",
        f"{ECHO}, pool: vms, sandbox: vm",
        f"{ECHO}, pool: unheard_of, sandbox: vm, resources: {{cpu: 1}}",
    ],
)
def test_what_is_offered_is_fine(step: str) -> None:
    """
    The operation, or the workers of a pool, offer enough; of a pool that is not there it is told
    that it is not there, and no more.
    """
    found, _ = told(step.replace("unheard_of", "gone"))

    assert [] == found


@pytest.mark.parametrize(
    ("step", "code", "words"),
    [
        (f"{ECHO}, sandbox: process", "weak-sandbox", "echo.say@1 offers none"),
        (f"{SHELL}, sandbox: container", "weak-sandbox", "shell.run@1 offers process"),
        (f"{BOX}, sandbox: vm", "weak-sandbox", 'step "a" in a vm: box.run@1 offers container'),
        (f"{SHELL}, pool: weak, sandbox: vm", "weak-sandbox", 'pool "weak" none'),
        (f"{ECHO}, resources: {{cpu: 1}}", "no-effect", "echo.say@1 cannot keep to it"),
        (f"{SHELL}, pool: weak, resources: {{disk: 1Gi}}", "no-effect", "`resources.disk`"),
        (f"{IMAGE}, resources: {{memory: 1Gi}}", "no-effect", "`resources.memory`"),
        (
            f"{BOX}, with: {{limits: {{cpus: 1}}}}, resources: {{cpu: 2}}",
            "no-effect", "`limits` of `with` says it already",
        ),
        (
            f"{BOX}, with: {{limits: '{{{{ {{}} }}}}'}}, resources: {{cpu: 2}}",
            "no-effect", "`limits` of `with` says it already",
        ),
    ],
)  # fmt: skip
def test_what_nobody_keeps_is_found(step: str, code: str, words: str) -> None:
    """
    A wall that nothing offers, and a bound that nobody keeps, is an error that says what is there.
    """
    found, made = told(step)

    assert [code] == [each for each, _ in found][:1]
    assert words in found[0][1]
    assert made is None
