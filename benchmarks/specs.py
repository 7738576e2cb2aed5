"""The workflows that are measured: real steps, each with one expression."""

ITEMS = 1_000  # of one `for_each` in `scale`
_HEAD = """\
apiVersion: sark/v1
kind: Workflow
name: {name}
inputs:
  n: {{type: integer, default: 1}}
steps:
"""
_STEP = '  {id}:\n    uses: echo.say@1\n    with: {{message: "{{{{ inputs.n + {add} }}}}"}}\n'
_WIDE = """\
apiVersion: sark/v1
kind: Workflow
name: wide
inputs:
  n: {type: integer, default: 1}
  items: {type: array, items: {type: integer}, maxItems: 10000}
steps:
  each:
    for_each:
      over: inputs.items
      max_items: 10000
      max_parallel: 1000
      uses: echo.say@1
      with: {message: "{{ inputs.n + item }}"}
"""
# A loop takes 10,000 items at most, so a longer run is a loop in a loop: thousand after thousand.
_SCALE = """\
apiVersion: sark/v1
kind: Workflow
name: scale
inputs:
  n: {type: integer, default: 1}
  thousands: {type: array, items: {type: integer}, maxItems: 100}
  items: {type: array, items: {type: integer}, maxItems: 1000}
steps:
  every:
    for_each:
      over: inputs.thousands
      as: thousand
      max_items: 100
      max_parallel: 1
      for_each:
        over: inputs.items
        max_items: 1000
        max_parallel: 1000
        uses: echo.say@1
        with: {message: "{{ inputs.n + item }}"}
"""
_SLEEPER = """\
apiVersion: sark/v1
kind: Workflow
name: sleeper
inputs: {until: {type: string}}
steps:
  sleep: {wait: {until: "{{ inputs.until }}"}}
"""
_LISTENER = """\
apiVersion: sark/v1
kind: Workflow
name: listener
inputs: {key: {type: string}}
steps:
  hear: {await: {event: bench.told, match: event.data.key == inputs.key, within: 12h}}
"""


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
    fan: list[tuple[str, list[str]]] = [(f"s{i}", []) for i in range(1000)]
    fan.append(("join", [f"s{i}" for i in range(1000)]))
    return {
        "one.yaml": _graph("one", [("a", [])]),
        "diamond.yaml": _graph("diamond", diamond),
        "flow40.yaml": _graph("flow40", chain),
        "fan1000.yaml": _graph("fan1000", fan),
        "wide.yaml": _WIDE,
        "scale.yaml": _SCALE,
        "sleeper.yaml": _SLEEPER,
        "listener.yaml": _LISTENER,
    }
