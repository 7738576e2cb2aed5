"""Workflows that call others of their commit: typed from the outside, and one plan in the end."""

import pytest

from engine.core.commit import Declared
from engine.core.compiler import compile_file, laid
from engine.core.plan import Call, Start
from tests.core.catalogue import CATALOGUE

CALLEE = """\
apiVersion: sark/v1
kind: Workflow
name: pay
inputs:
  order: {type: string}
  amount: {type: integer, default: 1}
secrets: [key]
steps:
  charge:
    uses: http.request@1
    with:
      method: GET
      url: "https://pay.example/{{ inputs.order }}"
      auth: {bearer: "{{ secrets.key }}"}
      query: {n: "{{ inputs.amount }}"}
outputs:
  receipt: {type: string, value: "{{ steps.charge.outputs.status }} ok"}
"""
CALLER = """\
---
apiVersion: sark/v1
kind: Workflow
name: shop
steps:
  pay: {{call: pay{}}}
  tell: {{uses: echo.say@1, with: {{message: "{{{{ steps.pay.outputs.{} }}}}"}}}}
"""


def compiled(
    arguments: str = ", with: {order: a}", output: str = "receipt"
) -> tuple[list[str], dict[str, Declared]]:
    text = CALLEE + CALLER.format(arguments, output)
    unit = compile_file("shop.yaml", text.encode(), CATALOGUE)
    return [each.code for each in unit.diagnostics], {each.name: each for each in unit.documents}


def test_a_call_is_laid_into_the_plan() -> None:
    """
    A run of the caller holds all that the callee does, from its own commit.
    """
    found, documents = compiled()

    plans = {name: each.plan for name, each in laid(documents.values(), {}).items()}

    assert [] == found
    call = plans["shop"].root.steps[0].verb
    assert isinstance(call, Call)
    assert (plans["pay"].root, plans["pay"].inputs) == (call.body, call.inputs)
    assert ("key",) == plans["shop"].secrets


def test_a_detached_call_is_a_start() -> None:
    """
    Another run is started, and its id is all that it gives; nothing is laid in.
    """
    found, documents = compiled(", detach: true, with: {order: a}", "run")

    assert [] == found
    shop = laid(documents.values(), {})["shop"].plan
    assert Start("pay", {"order": "a"}) == shop.root.steps[0].verb
    assert () == shop.secrets


@pytest.mark.parametrize(
    ("arguments", "output", "code"),
    [
        ("", "receipt", "missing-input"),
        (", with: {order: a, amout: 2}", "receipt", "unknown-input"),
        (", with: {order: a, amount: x}", "receipt", "bad-input"),
        (", with: {order: '{{ 1 + 1 }}'}", "receipt", "wrong-type"),
        (", with: {order: a}", "recipt", "unknown-output"),
        (", detach: true, with: {order: a}", "receipt", "unknown-output"),
    ],
)
def test_a_call_is_held_against_what_the_callee_takes_and_gives(
    arguments: str, output: str, code: str
) -> None:
    """
    Inputs and outputs of another workflow are typed like those of an operation.
    """
    assert [code] == compiled(arguments, output)[0]
