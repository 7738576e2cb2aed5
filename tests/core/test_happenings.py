"""What `event` is known to hold, for each kind of trigger, before anything has happened."""

import pytest

from engine.operations import catalogue
from engine.source import File, compile_files

HEAD = "apiVersion: sark/v1\nkind: Workflow\nname: "
LOAD = f"""{HEAD}load
steps:
  a: {{set: {{n: {{type: integer, value: "{{{{ 1 + 1 }}}}"}}}}}}
outputs:
  n: {{type: integer, value: "{{{{ steps.a.outputs.n }}}}"}}
"""
WORKFLOW = "{type: workflow, workflow: load}"
BROKEN = "{type: workflow, workflow: load, states: [failed, succeeded]}"
PULL = "{type: github.pull_request}"
RELEASE = "{type: github.release}"


def found(trigger: str, value: str, kind: str) -> list[str]:
    """Return what is found where a trigger gives a value to an input of a type."""
    text = (
        f'{HEAD}after\ntriggers:\n  t: {trigger[:-1]}, with: {{x: "{{{{ {value} }}}}"}}}}\n'
        f"inputs:\n  x: {{type: {kind}}}\n"
        'steps:\n  a: {uses: echo.say@1, with: {message: "{{ inputs.x }}"}}\n'
    )
    files = [File("load.yaml", "", LOAD.encode()), File("after.yaml", "", text.encode())]
    return [each.message for each in compile_files(files, catalogue()).diagnostics]


@pytest.mark.parametrize(
    ("trigger", "value", "kind"),
    [
        (WORKFLOW, "event.outputs.n", "integer"),
        (WORKFLOW, "event.run", "string"),
        (BROKEN, "event.error.type | default('none')", "string"),
        (PULL, "event.number", "integer"),
        (PULL, "event.head.is_fork", "boolean"),
        (PULL, "event.base.ref", "string"),
        (PULL, "event.labels", "array"),
        (PULL, "event.pull_request.body", "string"),
        (RELEASE, "event.repository.full_name", "string"),
        (RELEASE, "event.release.tag_name", "string"),
        ("{type: event, event: github.pull_request.closed}", "event.merged", "boolean"),
        ("{type: event, event: github.pull_request}", "event.author", "string"),
    ],
)
def test_what_an_event_holds(trigger: str, value: str, kind: str):
    """
    A known part of an event goes into an input of its type, and a part that nobody knows into any.
    """
    assert [] == found(trigger, value, kind)


@pytest.mark.parametrize(
    ("trigger", "value", "kind", "word"),
    [
        (WORKFLOW, "event.outputs.m", "integer", "`m`"),
        (WORKFLOW, "event.outputs.n", "string", "string"),
        (WORKFLOW, "event.nothing", "string", "`nothing`"),
        (PULL, "event.head.sha", "integer", "integer"),
        (PULL, "event.head.shaa", "string", "`shaa`"),
        (PULL, "event.draft", "string", "string"),
        ("{type: event, event: github.pull_request.closed}", "event.merged", "string", "string"),
    ],
)
def test_what_an_event_does_not_hold(trigger: str, value: str, kind: str, word: str):
    """
    A part that is not there, or is of another type, is found before merge.
    """
    (message,) = found(trigger, value, kind)

    assert word in message
