"""The workflows that are measured: real steps, each with one expression."""

_HEAD = """\
apiVersion: sark/v1
kind: Workflow
name: {name}
inputs:
  n: {{type: integer, default: 1}}
steps:
"""
_STEP = '  {id}:\n    uses: echo.say@1\n    with: {{message: "{{{{ inputs.n + {add} }}}}"}}\n'


def _graph(name: str, steps: list[tuple[str, list[str]]]) -> str:
    text = _HEAD.format(name=name)
    for add, (step, needs) in enumerate(steps):
        text += _STEP.format(id=step, add=add)
        if needs:
            text += f"    needs: [{', '.join(needs)}]\n"
    return text


def files() -> dict[str, str]:
    """Return the repository that is measured: file name to text."""
    diamond = [("a", []), ("b", ["a"]), ("c", ["a"]), ("d", ["a"]), ("e", ["b", "c", "d"])]
    chain = [(f"s{i}", [f"s{i - 1}"] if i else []) for i in range(40)]
    fan = [(f"s{i}", []) for i in range(1000)]
    fan.append(("join", [f"s{i}" for i in range(1000)]))
    return {
        "one.yaml": _graph("one", [("a", [])]),
        "diamond.yaml": _graph("diamond", diamond),
        "flow40.yaml": _graph("flow40", chain),
        "fan1000.yaml": _graph("fan1000", fan),
    }
