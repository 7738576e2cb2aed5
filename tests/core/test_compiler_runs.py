"""What the compiler makes runs as it is written: specs, compiled, on the machine."""

from collections.abc import Mapping

from engine.core.values import Json
from tests.core.stage import Broken, Stage, ended

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: demo\n"


def echo(_: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
    return {"message": arguments.get("message"), "total": arguments.get("by", 0)}


def spec(text: str) -> str:
    return HEAD + text


LOOPS = spec("""
inputs:
  names: {type: array, items: {type: string}, maxItems: 9}
steps:
  first: {set: {greeting: {type: string, value: hello}}}
  lone:
    for_each:
      over: inputs.names
      as: name
      key: name
      uses: echo.say@1
      with: {message: "{{ steps.first.outputs.greeting }} {{ name }} {{ key }}"}
      outputs: {text: {type: string, from: message}}
      collect:
        texts: {type: array, items: {type: string}, value: "{{ items | map('text') }}"}
  many:
    for_each:
      over: inputs.names
      steps:
        - {id: a, uses: count.up@2, with: {by: 2}}
        - {id: b, if: item != 'x', uses: count.up@2, with: {by: "{{ steps.a.outputs.total + 1 }}"}}
      collect:
        sum: {type: integer, value: "{{ items | sum('a.total') }}"}
        seen: {type: integer, value: "{{ items | length }}"}
  turns:
    repeat:
      uses: count.up@2
      with: {by: "{{ last.total | default(0) + turn }}"}
      until: self.outputs.total >= 6
      max_times: 9
      every: 1m
    outputs: {total: {type: integer, from: last.total}}
outputs:
  texts: {value: "{{ steps.lone.outputs.texts }}"}
  sum: {value: "{{ steps.many.outputs.sum }}"}
  total: {value: "{{ steps.turns.outputs.total }}"}
""")


def test_loops_give_what_their_items_and_turns_gave() -> None:
    """
    An item reads its name, its key and the steps outside; a turn reads the one before.
    """
    run = ended(LOOPS, echo, names=["x", "y"])

    texts: Json = ["hello x x", "hello y y"]
    assert {"texts": texts, "sum": 4, "total": 6} == run.outputs


CHOICES = spec("""
inputs:
  env: {type: string, enum: [near, far]}
  sure: {type: boolean}
steps:
  by_word:
    switch:
      value: inputs.env
      cases:
        near: {uses: echo.say@1, with: {message: 1}, outputs: {n: {type: integer, from: message}}}
        far:
          steps: {a: {set: {n: {type: integer, value: 2}}}}
          outputs: {n: {type: integer, value: "{{ steps.a.outputs.n }}"}}
  by_truth:
    switch:
      value: inputs.sure
      cases:
        "true": {set: {word: {type: string, value: yes indeed}}}
        "false": {set: {word: {type: string, value: not at all}}}
  fast:
    race:
      branches:
        slow: {wait: {for: 1h}}
        quick: {wait: {for: 1m}}
outputs:
  n: {value: "{{ steps.by_word.outputs.n }}"}
  word: {value: "{{ steps.by_truth.outputs.word }}"}
  winner: {value: "{{ steps.fast.outputs.winner }}"}
""")


def test_a_case_is_taken_by_its_value() -> None:
    """
    The key of a case stands for what is switched on, be that a text or a boolean.
    """
    near = ended(CHOICES, echo, env="near", sure=True).outputs
    far = ended(CHOICES, echo, env="far", sure=False).outputs

    assert {"n": 1, "word": "yes indeed", "winner": "quick"} == near
    assert {"n": 2, "word": "not at all", "winner": "quick"} == far


PAST = spec("""
steps:
  - {id: lint, optional: true, uses: count.up@2, with: {by: 1}}
  - {id: reads, uses: echo.say@1, with: {message: "{{ steps.lint.outputs.total }}"}}
  - {id: deploy, uses: echo.say@1, with: {message: "{{ steps.lint.status }}"}}
outputs:
  lint: {value: "{{ steps.deploy.outputs.message }}"}
""")


def test_a_list_goes_on_past_an_optional_step_that_failed() -> None:
    """
    The next of the list runs, unless it reads what the optional step did not give.
    """

    def play(path: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        if path == "lint":
            raise Broken(path)
        return echo(path, arguments)

    run = Stage(PAST, play).run

    states = {path: step.state.value for path, step in run.steps.items()}
    assert {"lint": "failed", "reads": "skipped", "deploy": "succeeded"} == states
    assert {"lint": "failed"} == run.outputs


WAITS = spec("""
steps:
  - id: heard
    await: {event: acme.heard, match: event.data.n == 7, within: 1h}
    outputs: {user: {type: string, from: event.data.user}}
  - id: asked
    approve: {by: [group:ops], expires: 1h, show: "{{ steps.heard.outputs.user }}?"}
  - id: told
    emit: {type: acme.told, data: {by: "{{ steps.asked.outputs.by }}"}}
  - id: other
    call: other
    detach: true
outputs:
  decision: {value: "{{ steps.asked.outputs.decision }}"}
  is_run: {value: "{{ steps.other.outputs.run | length }}"}
""")


def test_what_waits_goes_on_with_what_came() -> None:
    """
    An event gives its outputs, a decision its own, and what is emitted reads both.
    """
    stage = Stage(WAITS, echo)

    assert {"decision": "approved", "is_run": 36} == stage.run.outputs
    assert [{"by": ["ada"]}] == stage.emitted


UNDO = spec("""
steps:
  one:
    uses: count.up@2
    with: {by: 1}
    compensate: {uses: count.up@2, with: {by: "{{ 0 - (self.outputs.total | default(0)) }}"}}
  two:
    needs: [one]
    uses: count.up@2
    with: {by: 2}
    outputs: {total: {type: integer, from: total}}
    fallback: {uses: echo.say@1, with: {message: "{{ error.type }}"}, outputs: {total: 9}}
    compensate:
      steps:
        - {id: a, uses: count.up@2, with: {by: "{{ steps.one.outputs.total }}"}}
  three: {needs: [two], uses: count.up@2, with: {by: "{{ steps.two.outputs.total }}"}}
on_failure:
  - match: {step: three}
    uses: echo.say@1
    with:
      message: "{{ error.type }} {{ run.compensated }} {{ steps.two.outputs.total | default(0) }}"
finally:
  steps:
    last: {uses: echo.say@1, with: {message: "{{ run.status }}"}}
""")


def test_what_was_done_is_undone_and_then_handled() -> None:
    """
    Last done, first undone; then the handler is told, then `finally` runs.
    """

    def play(path: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        if path in ("two", "three"):
            raise Broken(path)
        return echo(path, arguments)

    stage = Stage(UNDO, play)

    assert [
        ("one", {"by": 1}),
        ("two", {"by": 2}),
        ("two.fallback.fallback", {"message": "test.broken"}),
        ("three", {"by": 9}),
        ("two.compensate.a", {"by": 1}),
        ("one.compensate", {"by": -1}),
        ("on_failure", {"message": "test.broken true 9"}),
        ("finally.last", {"message": "compensated"}),
    ] == stage.calls


BLOCKS = spec("""
steps:
  outer: {uses: echo.say@1, with: {message: outside}}
  block:
    block:
      steps:
        broken: {uses: count.up@2, with: {by: 1}}
      on_failure:
        - match: {type: test.broken}
          then: recover
          steps: {note: {set: {text: {type: string, value: "{{ steps.outer.outputs.message }}"}}}}
          outputs: {text: "{{ steps.note.outputs.text }} and {{ error.step }}"}
      outputs: {text: {type: string, value: "{{ steps.broken.outputs.note | default('') }}"}}
outputs:
  text: {type: string, value: "{{ steps.block.outputs.text }}"}
""")


def test_a_handler_recovers_with_what_it_read_outside() -> None:
    """
    The block waits for the step outside that its handler reads.
    """

    def play(path: str, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        if path == "block.broken":
            raise Broken(path)
        return echo(path, arguments)

    assert {"text": "outside and block.broken"} == ended(BLOCKS, play).outputs
