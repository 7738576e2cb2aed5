"""What an editor may know of a place: the names that an expression reads there, and their types."""

import pytest

from engine.core.commit import Commit
from engine.core.compiler import Visibility, compile_survey, survey
from engine.core.compiler.world import World
from engine.core.facts import Catalogue
from tests.core.catalogue import CATALOGUE

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: demo
inputs:
  count: {type: integer, default: 3}
secrets: [token]
triggers:
  hook: {type: webhook, path: a, auth: {hmac: token}, filter: event.a == 1}
cancel_when:
  - {event: order.gone, match: event.data.id == inputs.count}
steps:
  say: {uses: echo.say@1, with: {message: hi}, retry: {if: error.type == 'x'}}
  picked:
    uses: echo.say@1
    with: {message: hi}
    outputs: {text: {type: string, from: message}}
  odd: {uses: no.such@1, with: {}, outputs: {text: {type: string, from: message}}}
  many:
    for_each:
      over: "[1, 2]"
      as: number
      key: number
      uses: echo.say@1
      with: {message: "{{ number }}"}
      max_items: 2
  loop:
    repeat:
      max_times: 3
      until: self.outputs.message == 'hi'
      uses: echo.say@1
      with: {message: hi}
  boxed:
    block:
      steps:
        inner: {uses: echo.say@1, with: {message: hi}}
      outputs:
        text: {type: string, value: "{{ steps.inner.outputs.message }}"}
  wait: {await: {event: order.paid, match: event.data.id == 1, within: 1h}}
  sub: {call: other, with: {a: 1}}
on_failure:
  - match: {if: error.type == 'x'}
    steps:
      mend: {uses: echo.say@1, with: {message: hi}}
outputs:
  text: {type: string, value: "{{ steps.say.outputs.message }}"}
"""


def visibility(text: str = SPEC) -> Visibility:
    worlds: dict[int, World] = {}
    surveyed = survey("a.yaml", text.encode())
    compile_survey(surveyed, Catalogue(CATALOGUE), Commit(surveyed.documents), worlds.__setitem__)
    return Visibility(worlds[0])


PLAIN = ("inputs", "steps", "trigger", "run")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (("steps", "say", "with", "message"), {*PLAIN, "secrets"}),
        (("steps", "say", "if"), {*PLAIN}),
        (("steps", "say", "retry", "if"), {*PLAIN, "error"}),
        (("steps", "picked", "outputs", "text", "from"), {"message"}),
        (("steps", "odd", "outputs", "text", "from"), set()),
        (("steps", "many", "for_each", "over"), {*PLAIN}),
        (("steps", "many", "for_each", "key"), {*PLAIN, "number"}),
        (("steps", "many", "for_each", "collect", "x", "value"), {*PLAIN, "items", "failures"}),
        (("steps", "many", "for_each", "with", "message"), {*PLAIN, "secrets", "number", "key"}),
        (("steps", "loop", "repeat", "until"), {*PLAIN, "self"}),
        (("steps", "loop", "repeat", "with", "message"), {*PLAIN, "secrets", "last", "turn"}),
        (("steps", "wait", "await", "match"), {*PLAIN, "event"}),
        (("steps", "sub", "with", "a"), {*PLAIN}),
        (("steps", "new", "with", "message"), {*PLAIN, "secrets"}),
        (("steps", "say", "repeat", "until"), {*PLAIN}),
        (("on_failure", 0, "match", "if"), {"inputs", "trigger", "run", "error"}),
        (("on_failure", 0, "steps", "new", "if"), {*PLAIN, "error"}),
        (("outputs", "text", "value"), {*PLAIN}),
        (("concurrency", "group"), {"inputs", "trigger"}),
        (("cancel_when", 0, "match"), {"inputs", "trigger", "run", "event"}),
        (("cancel_when", 7, "match"), {"inputs", "trigger", "run"}),
        (("triggers", "hook", "filter"), {"event", "trigger"}),
        (("triggers",), {"event", "trigger"}),
        ((), {*PLAIN}),
    ],
)
def test_each_place_reads_its_own_names(path: tuple[str | int, ...], expected: set[str]) -> None:
    """
    What is offered at a place is what the compiler lets be read there, and nothing else.
    """
    assert expected == set(visibility().names(path))


@pytest.mark.parametrize(
    ("path", "reference", "expected"),
    [
        (("outputs", "x"), ("steps", "say", "status"), "string"),
        (("steps", "say", "if"), ("inputs", "count"), "integer"),
        (("steps", "say", "if"), ("inputs", "nothing"), None),
        (("steps", "say", "if"), ("nothing",), None),
        (("steps", "say", "if"), (), None),
        (("steps", "say", "if"), ("steps", "say", "status"), None),
        (("steps", "boxed", "block", "outputs", "x"), ("steps", "inner", "status"), "string"),
        (("steps", "sub", "if"), ("steps", "inner", "status"), None),
    ],
)
def test_a_name_has_the_type_that_the_compiler_gives_it(
    path: tuple[str | int, ...], reference: tuple[str | int, ...], expected: str | None
) -> None:
    """
    The type of a reference is that of its place: a step does not read itself, or into a block.
    """
    told = visibility().type_of(path, reference)

    assert expected == (told and told.get("type"))


def test_a_step_is_found_from_where_it_may_be_read() -> None:
    """
    A name leads to the step that an expression at that place would read.
    """
    view = visibility()
    inner = view.step(("steps", "boxed", "block", "steps", "inner", "if"), "inner")

    assert inner is not None
    assert ("steps", "boxed", "block", "steps", "inner") == inner.path
    assert view.step(("steps", "say", "if"), "inner") is None


def test_a_workflow_full_of_mistakes_still_answers() -> None:
    """
    With more findings than are shown, the names are still there.
    """
    bad = "".join(f"  s{n}: {{uses: echo.say@1, with: {{message: '{{{{ x.y }}}}'}}}}\n"
                  for n in range(150))  # fmt: skip
    view = visibility(SPEC.replace("steps:\n  say", f"steps:\n{bad}  say", 1))

    assert "steps" in view.names(("outputs", "text", "value"))
