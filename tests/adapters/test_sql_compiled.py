"""What the compiler knows of the operations on databases before anything runs."""

from collections.abc import Mapping

import pytest

from adapters.contract import Json
from adapters.manifest.sql import LOAD, QUERY
from engine.core.facts import Operation
from engine.core.plan import Effect, Uses
from engine.operations import catalogue
from engine.source import File, compile_files

HEAD = """
apiVersion: sark/v1
kind: Workflow
name: nightly
secrets: [dsn]
triggers:
  hook: {type: webhook, path: /hooks/a, auth: {bearer: dsn}, payload: true}
steps:
"""
READ = """
  ok:
    uses: sql.query@1
    with:
      dsn: "{{ secrets.dsn }}"
      statement: select count(*) as n from orders where note like '{{%'
"""
WRITE = """
  publish:
    uses: sql.query@1
    with:
      dsn: "{{ secrets.dsn }}"
      statement: call publish_orders(%(day)s)
      params: {day: "2026-03-28"}
    effect: write
"""


def verb(step: str) -> Uses:
    """Return what the one step of a workflow compiles to."""
    text = HEAD.replace("triggers:\n", "").replace(
        "  hook: {type: webhook, path: /hooks/a, auth: {bearer: dsn}, payload: true}\n", ""
    )
    compiled = compile_files([File("a.yaml", "", (text + step).encode())], catalogue())
    assert [] == compiled.diagnostics
    (plan,) = compiled.plans.values()
    (found,) = plan.root.steps
    assert isinstance(found.verb, Uses)
    return found.verb


def test_a_statement_reads_unless_its_step_says_that_it_writes():
    """
    The nightly example's select may be cached and tried again; its `call` may not.
    """
    read, write = verb(READ), verb(WRITE)

    assert (Effect.READ, True) == (read.effect, read.repeatable)
    assert (Effect.WRITE, False) == (write.effect, write.repeatable)


@pytest.mark.parametrize(
    ("arguments", "repeatable"),
    [({"replace_where": {"region": "{{ region }}"}}, True), ({"mode": "append"}, False),
     ({"mode": "{{ inputs.mode }}"}, False)],
)  # fmt: skip
def test_a_load_can_be_repeated_if_it_replaces(arguments: Mapping[str, Json], repeatable: bool):
    """
    The nightly example's load is tried again by default; one that appends is not.
    """
    operation = Operation(LOAD)

    assert repeatable == operation.is_idempotent_with(arguments)
    assert Effect.WRITE == operation.effect_with(arguments)
    assert Effect.READ == Operation(QUERY).effect_with({})


def findings(step: str) -> str:
    """Return all that is said of a workflow with this step."""
    text = f"apiVersion: sark/v1\nkind: Workflow\nname: a\nsteps:\n{step}"
    found = compile_files([File("a.yaml", "", text.encode())], catalogue()).diagnostics
    return "\n".join(f"{each.code}: {each.message}" for each in found)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("{dsn: x, statement: \"select '{{ inputs.a }}'\"}", "template-in-code"),
        ("{dsn: x, statement: select 1, max_rows: 20000}", "max_rows"),
        ("{statement: select 1}", 'needs the argument "dsn"'),
    ],
)
def test_what_is_wrong_is_known_before_it_runs(arguments: str, words: str):
    """
    A value in the statement, a bound that is too high, and no dsn are errors before merge.
    """
    assert words in findings(f"  a: {{uses: sql.query@1, with: {arguments}}}\n")


def test_a_load_without_replace_where_says_so_or_is_refused():
    """
    Whoever forgets `replace_where` hears of it before merge.
    """
    told = findings("  a: {uses: sql.load@1, with: {dsn: x, table: t, file: f.csv}}\n")

    assert "replace_where" in told
