"""The budget of a workflow against the worst case of its runs."""

import pytest

from engine.core.compiler import compile_file
from tests.core.catalogue import CATALOGUE

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: costly
timeout: 1h
budget: {%s}
steps:
  each:
    for_each:
      over: "[1, 2, 3]"
      as: n
      max_items: 3
      uses: echo.say@1
      with: {message: "{{ n }}"}
      retry: {max_attempts: 2}
"""


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ("adapter_calls: 6, fan_out: 3, duration: 1h", None),
        ("adapter_calls: 5", "at worst a run has 6 adapter calls; its budget is 5"),
        ("fan_out: 2", "at worst a run has 3 attempts at once; its budget is 2"),
        ("duration: 1m", "at worst a run has a duration of 10m1s; its budget is 1m"),
    ],
)
def test_a_run_keeps_to_its_budget(budget: str, expected: str | None) -> None:
    """
    A workflow whose worst case is over its budget is refused where the budget is written.
    """
    unit = compile_file("costly.yaml", (SPEC % budget).encode(), CATALOGUE)

    told = [(each.code, each.message, each.span.line) for each in unit.diagnostics]
    assert ([] if expected is None else [("over-budget", expected, 5)]) == told
