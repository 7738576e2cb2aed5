"""How much of a workflow its tests go through, and names of steps in tests."""

import pytest

from engine.core.facts import Catalogue
from engine.core.spec.workflow_test import Mock
from engine.core.trial.expectation import unmet
from engine.core.trial.gives import Gives, gives
from engine.core.trial.mocking import unfit
from engine.core.trial.path import parts, speaks_of
from engine.core.trial.simulation import simulate
from engine.core.trial.subject import Subject
from tests.core.catalogue import CATALOGUE
from tests.core.trial.authored import judged, suite_of

ECHO = "uses: echo.say@1, with: {message: hi}"
PUT = "uses: http.request@1, with: {method: PUT, url: 'https://x.example/a'}"
GIVES = "{status: 1, headers: {}, body: null}"
OK = "expect: {}\n"
WHOLE = f"""
inputs: {{kind: {{type: string, enum: [big, small, none], default: big}}}}
steps:
  a: {{{PUT}, compensate: {{{ECHO}}}, fallback: {{outputs: {GIVES}}}}}
  b:
    needs: [a]
    switch:
      value: inputs.kind
      cases:
        big: {{steps: [{{id: x, {ECHO}}}]}}
        small: {{{ECHO}}}
      else: {{steps: []}}
  c:
    for_each: {{over: "[1]", as: i, max_items: 1, {ECHO}}}
  d:
    needs: [c]
    repeat: {{steps: {{e: {{{ECHO}}}}}, until: 1 == 1, max_times: 2}}
  f:
    needs: [d]
    race: {{branches: {{p: {{{ECHO}}}, q: {{steps: {{g: {{{ECHO}}}}}}}}}}}
  h:
    switch:
      - {{if: inputs.kind == 'none', steps: [{{id: y, {PUT}, fallback: {{{PUT}}}}}]}}
      - {{else: {{steps: []}}}}
  k:
    needs: [a, f]
    join: any
    block: {{steps: {{m: {{{ECHO}}}}}}}
on_failure:
  - {{match: {{type: gone, step: a}}, steps: [{{id: n, {ECHO}}}]}}
  - {{match: {{any: true}}, steps: []}}
finally: {{steps: {{o: {{{ECHO}}}}}}}
on_compensation_failure: {{steps: {{p: {{{ECHO}}}}}}}
"""


def test_edges_have_the_names_of_what_they_lead_from_and_to() -> None:
    """
    An author reads of steps, cases, items and handlers, and of no positions.
    """
    suite, _ = judged(WHOLE, OK)

    coverage = suite.coverages["w"]
    assert {
        "a -> a.compensate",
        "a -> a.fallback",
        "b -> b (else)",
        "b -> b (small)",
        "f -> k",
        "h (if inputs.kind == 'none') -> h.y",
        "h.y -> h.y.fallback",
        "on_compensation_failure[*] -> on_compensation_failure[*].p",
        "on_failure (type gone, step a) -> on_failure.n",
        "start -> on_failure (any)",
    } == set(coverage.missing)
    assert {
        "a -> b",
        "a -> k",
        "b (big) -> b.x",
        "c -> c[*]",
        "c -> d",
        "d -> f",
        "d[*] -> d[*].e",
        "f -> f[p]",
        "f[q] -> f[q].g",
        "finally -> finally.o",
        "h -> h (else)",
        "k -> k.m",
        "start -> a",
        "start -> c",
        "start -> h",
    } == coverage.taken
    assert len(coverage.taken) / len(coverage.edges) == coverage.part


@pytest.mark.parametrize(
    ("test", "edges"),
    [
        ("given: {inputs: {kind: small}}\n", {"b -> b (small)"}),
        (
            "given: {inputs: {kind: none}}\nmock: {h.y: {error: {type: bad}}}\n",
            {"b -> b (else)", "h (if inputs.kind == 'none') -> h.y", "h.y -> h.y.fallback"},
        ),
        ("mock: {a: {error: {type: gone}}}\n", {"a -> a.fallback"}),
        (
            "mock: {c: {}, k.m: {error: {type: bad}}}\n",
            {"a -> a.compensate", "start -> on_failure (any)"},
        ),
        (
            "mock: {k: {error: {type: bad}}, a.compensate: {error: {type: worse}}}\n",
            {"on_compensation_failure[*] -> on_compensation_failure[*].p"},
        ),
    ],
)  # fmt: skip
def test_what_a_run_goes_through_counts(test: str, edges: set[str]) -> None:
    """
    Cases, fallbacks, compensations, handlers and alerts count once they are gone through.
    """
    suite, _ = judged(WHOLE, test + OK)

    assert edges <= suite.coverages["w"].taken


def test_less_than_is_asked_for_is_told_with_what_is_missing() -> None:
    """
    A test may ask that all tests of its workflow go through a part of the edges.
    """
    head = "apiVersion: sark/v1\nkind: WorkflowTest\nname: {}\nworkflow: w\n"
    workflow = f"apiVersion: sark/v1\nkind: Workflow\nname: w\n{WHOLE}"
    steps = "".join(f"  s{n}: {{{ECHO}, if: 1 > 2}}\n" for n in range(3))
    small = f"apiVersion: sark/v1\nkind: Workflow\nname: v\nsteps:\n{steps}"
    asked = head.format("one") + "expect: {}\ncoverage: {edges: 0.9}\n"
    suite, tests = suite_of({
        "w.yaml": workflow, "v.yaml": small, "t.yaml": asked,
        "u.yaml": head.format("two") + "expect: {}\n",
        "v.test.yaml": asked.replace("one", "three").replace("workflow: w", "workflow: v"),
        "x.yaml": asked.replace("one", "four").replace("0.9", "0.5"),
    })  # fmt: skip

    assert [] == suite.uncovered(tests)

    for each in tests:
        suite.judge(each)

    assert [
        "the tests of w go through 60.0% of its edges, not 90.0%; missing: a -> a.compensate, "
        "a -> a.fallback, b -> b (else), b -> b (small), f -> k and 5 more",
        "the tests of v go through 0.0% of its edges, not 90.0%; missing: start -> s0, "
        "start -> s1, start -> s2",
    ] == [each.message for each in suite.uncovered(tests)]


def test_a_workflow_of_no_edges_is_gone_through() -> None:
    """
    What has nothing to go through is never short of it.
    """
    suite, _ = judged("steps: {a: {block: {steps: {b: {wait: {for: 1s}}}}}}\n", OK)
    coverage = suite.coverages["w"]

    assert 1.0 == type(coverage)(frozenset()).part


def test_a_run_that_goes_on_and_on_is_given_up() -> None:
    """
    A trial has a bound of events; past it the test fails and says with what the run went on.
    """
    texts = {
        "w.yaml": "apiVersion: sark/v1\nkind: Workflow\nname: w\nsteps: {a: {wait: {for: 1s}}}\n",
        "t.yaml": "apiVersion: sark/v1\nkind: WorkflowTest\nname: t\nworkflow: w\nexpect: {}\n",
    }
    suite, [written] = suite_of(texts)
    plan = suite.plans["w"]

    trial = simulate(Subject(plan, Catalogue(CATALOGUE)), written.test, most=0)

    assert ["the run does not end: it still goes on with a"] == [
        each.message for each in unmet(written.test, trial)
    ]


@pytest.mark.parametrize(
    ("name", "path", "expected"),
    [
        ("a.b", "a.b", True),
        ("a.b", "a[x].b", True),
        ("a[*].b", "a[x].b", True),
        ("a[x].b", "a[*].b", True),
        ("a[x].b", "a[y].b", False),
        ("a[x].b", "a.b", False),
        ("a[*].b", "a.b", False),
        ("a", "a[x]", False),
        ("a[x.y].b", "a[x.y].b", True),
        ("a.b", "a.b.c", False),
        ("u.page", "u[load[fr].copy].page", True),
    ],
)
def test_a_name_speaks_of_a_step(name: str, path: str, expected: bool) -> None:
    """
    Keys may be `*` or left out, but for what is an item itself.
    """
    assert expected == speaks_of(parts(name), parts(path))


def test_what_an_unknown_operation_gives_is_open() -> None:
    """
    A plan may name an operation that is not installed here; its mock may give anything.
    """
    workflow = f"steps: {{a: {{{ECHO}}}}}\n"
    suite, _ = judged(workflow, OK)

    [step] = suite.plans["w"].root.steps

    assert Gives(is_open=True) == gives(step, Catalogue({}))
    mocks: dict[str, Mock | list[Mock]] = {"a": Mock(outputs={"anything": 1})}
    assert [] == list(unfit(mocks, Subject(suite.plans["w"], Catalogue({}))))


def test_a_detached_call_gives_a_run() -> None:
    """
    The only output of a run that nobody waits for is its id.
    """
    head = "apiVersion: sark/v1\nkind: {}\nname: {}\n"
    mocks = "mock: {a: {outputs: {run: r}}, b.c: {outputs: {n: 2}}}\n"
    steps = "a: {outputs: {run: r}}, b.c: {outputs: {n: 2}}, b: succeeded"
    callee = "c: {set: {n: {type: integer, value: 1}}}"
    texts = {
        "w.yaml": head.format("Workflow", "w")
        + "steps: {a: {call: v, detach: true}, b: {call: v}}\n",
        "v.yaml": head.format("Workflow", "v") + f"steps: {{{callee}, d: {{{ECHO}}}}}\n",
        "t.yaml": head.format("WorkflowTest", "t")
        + f"workflow: w\n{mocks}expect: {{steps: {{{steps}}}}}\n",
    }
    suite, [written] = suite_of(texts)

    assert () == suite.judge(written).findings


def test_cases_may_have_steps_of_one_path() -> None:
    """
    A mock is right if it is right for one of them.
    """
    workflow = (
        "inputs: {k: {type: string, enum: [i, t], default: i}}\n"
        "steps: {a: {switch: {value: inputs.k, cases: {"
        "i: {steps: [{id: s, set: {n: {type: integer, value: 1}}}]}, "
        "t: {steps: [{id: s, set: {n: {type: string, value: x}}}]}}}}}\n"
    )

    assert () == judged(workflow, "mock: {a.s: {outputs: {n: x}}}\n" + OK)[1].findings
