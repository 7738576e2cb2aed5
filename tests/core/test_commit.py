"""Documents put together: what two of them may not share, and what they say of each other."""

from collections.abc import Iterable

import pytest

from engine.core.commit import findings
from engine.core.compiler import survey
from engine.core.diagnostic import MAX_FINDINGS, Diagnostic

STEPS = "steps: {a: {uses: echo.say@1, with: {message: hi}}}\n"


def document(kind: str, name: str, rest: str = "") -> str:
    return f"apiVersion: sark/v1\nkind: {kind}\nname: {name}\n{rest}"


def workflow(name: str, rest: str = STEPS) -> str:
    return document("Workflow", name, rest)


def calling(name: str, *others: str, verb: str = "call: {}") -> str:
    steps = "".join(f"  s{i}: {{{verb.format(each)}}}\n" for i, each in enumerate(others))
    return workflow(name, f"steps:\n{steps}" if others else STEPS)


def emitting(name: str, starts: str, emits: str, rest: str = "") -> str:
    trigger = f"triggers: {{t: {{type: event, event: {starts}{rest}}}}}\n"
    return workflow(name, f"{trigger}steps: {{a: {{emit: {{type: {emits}}}}}}}\n")


def told(*texts: str) -> list[Diagnostic]:
    """Return what there is to say of files a.yaml, b.yaml and so on, put together."""
    files = [survey(f"{chr(97 + i)}.yaml", text.encode()) for i, text in enumerate(texts)]
    return findings([each for file in files for each in file.documents])


def places(found: Iterable[Diagnostic]) -> list[tuple[str, str]]:
    return [(each.code, f"{each.span.file}:{each.span.line}:{each.span.column}") for each in found]


def related(found: Diagnostic) -> list[tuple[str, str]]:
    return [(f"{each.span.file}:{each.span.line}", each.message) for each in found.related]


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        ("Pool", "pools"),
        ("Calendar", "calendars"),
        ("CircuitBreaker", "circuit breakers"),
        ("Environment", "environments"),
    ],
)
def test_a_name_is_taken_once_among_those_of_a_kind(kind: str, word: str) -> None:
    """
    Two documents of one kind and name are told apart by nobody; both places are shown.
    """
    texts = [document(kind, "x"), document("Workflow", "x", STEPS), document(kind, "x")]
    [found, *_] = told(*texts)

    assert ("duplicate-name", f'there are two {word} with the name "x"') == (
        found.code,
        found.message,
    )
    assert [("c.yaml:3:7")] == [place for _, place in places([found])]
    assert [("a.yaml:3", "the first is here")] == related(found)


def test_names_that_look_alike_are_told() -> None:
    """
    Whoever reviews `pay-1` must not take it for `pay-l`.
    """
    [found] = told(workflow("pay-1"), workflow("pay-l"), workflow("pay-2"))

    assert 'the workflows "pay-l" and "pay-1" look alike' == found.message
    assert ("look-alike", "warning") == (found.code, found.severity)
    assert [("a.yaml:3", '"pay-1" is here')] == related(found)


STEP = "steps: {{a: {{uses: echo.say@1, with: {{message: hi}}, {}}}}}\n"


@pytest.mark.parametrize(
    ("kind", "name", "rest", "code"),
    [
        ("Workflow", "pay", "steps: {a: {call: pya}}\n", "unknown-workflow"),
        ("Workflow", "pay", "steps: {a: {call: pya, detach: true}}\n", "unknown-workflow"),
        (
            "Workflow",
            "pay",
            "triggers: {t: {type: workflow, workflow: pya}}\n" + STEPS,
            "unknown-workflow",
        ),
        ("Pool", "fast", STEP.format("pool: fsat"), "unknown-pool"),
        ("CircuitBreaker", "api", STEP.format("circuit: apii"), "unknown-breaker"),
        (
            "Calendar",
            "banks",
            "triggers: {t: {type: schedule, every: 1h, calendar: bnaks}}\n" + STEPS,
            "unknown-calendar",
        ),
        (
            "Connection",
            "box",
            "triggers: {t: {type: file, connection: boxx, paths: ['*']}}\n" + STEPS,
            "unknown-connection",
        ),
    ],
)
def test_a_document_that_is_named_is_there(kind: str, name: str, rest: str, code: str) -> None:
    """
    A misspelt name is an error that says what was probably meant.
    """
    more = {"Workflow": STEPS, "Connection": "adapter: echo\n"}.get(kind, "")
    [found] = [each for each in told(document(kind, name, more), workflow("x", rest)) if each.hint]

    assert code == found.code
    assert f'did you mean "{name}"?' == found.hint
    assert name in found.expected


def test_a_promotion_names_what_is_there() -> None:
    """
    A commit that waits for a workflow or an environment that is not there is never promoted.

    The environment itself is not proposed to it.
    """
    promoted = "promotion: {from: prud, verify: [smokey, smoke]}\n"
    texts = [document("Environment", "prod", promoted), workflow("smoke", STEPS)]

    unknown = told(*texts)
    described = told(*texts, document("Environment", "prude"))

    otherwise = "describe it: a document of the kind `Environment` needs no more than a name"
    assert [
        ("unknown-environment", 4, 19, otherwise),
        ("unknown-workflow", 4, 34, 'did you mean "smoke"?'),
    ] == [(each.code, each.span.line, each.span.column, each.hint) for each in unknown]
    assert 'did you mean "prude"?' == described[0].hint
    assert [] == told(texts[0].replace("smokey, ", ""), texts[1], document("Environment", "prud"))


def test_a_test_names_a_workflow() -> None:
    """
    A test of a workflow that is gone tests nothing.
    """
    [found] = told(document("WorkflowTest", "x", "workflow: gone\nexpect: {}\n"))

    assert ("unknown-workflow", "no workflow") == (found.code, found.expected)


def test_what_nothing_names_is_told() -> None:
    """
    A pool that no step names is left over, or its name is misspelt; an environment needs no name.
    """
    texts = [document("Pool", "old"), document("Environment", "prod"), document("Pool", "new")]

    found = told(*texts, workflow("x", STEP.format("pool: new")))

    assert [("unused-document", "a.yaml:3:7")] == places(found)


def test_of_a_broken_neighbour_nothing_is_guessed() -> None:
    """
    A document that cannot be read may use, call and emit whatever the others miss.
    """
    broken = workflow("y", "steps: {a: {zzz: 1}}\n")
    waiting = workflow("x", "steps: {a: {await: {event: acme.x, within: 1h}}, b: {call: y}}\n")

    assert [] == told(document("Pool", "old"), waiting, broken, "kind: Nothing\n", "[]")


def test_a_circle_of_calls_is_told_with_every_place() -> None:
    """
    Workflows that call each other would be laid into each other without end.
    """
    [found] = told(calling("a", "b"), calling("b", "a", "c"), calling("c"))

    assert "workflows call each other without end: a -> b -> a" == found.message
    assert [("call-cycle", "a.yaml:5:14")] == places([found])
    assert [("b.yaml:5", "b calls a here")] == related(found)


def test_calls_are_nested_sixteen_deep_at_most() -> None:
    """
    The first call that is too deep is told, and not every caller above it.
    """
    chain = [calling(f"w{i}", f"w{i + 1}") for i in range(19)]

    [found] = told(*chain, calling("w19"))

    assert [("call-depth", "c.yaml:5:14")] == places([found])
    expected = "w2 -> w3 -> w4 -> w5 -> w6 -> w7 -> 6 others -> w14 -> w15 -> w16 -> w17 -> w18"
    assert f"calls are nested over 16 deep: {expected} -> w19" == found.message
    assert [] == told(*chain[3:], calling("w19"))


def test_what_is_called_counts_among_the_steps() -> None:
    """
    A plan has at most 2,000 steps with all that it calls; the callers above are not told again.
    """
    many = workflow("many", "steps:\n" + "".join(f"  s{i}: {{set: {{}}}}\n" for i in range(700)))
    texts = [
        calling("top", "three"),
        calling("three", *["many"] * 3),
        calling("two", *["many"] * 2),
    ]

    [found] = told(*texts, many)

    assert ("too-many-steps", "b.yaml") == (found.code, found.span.file)
    assert 'the workflow "three" has 2,103 steps; a plan may have 2,000' in found.message


def test_an_event_that_nobody_emits_is_told() -> None:
    """
    Nothing would ever come of waiting for a misspelt event; both what waits and what starts.
    """
    waits = "steps: {a: {await: {event: acme.piad, within: 1h}}}\n"
    cancels = f"cancel_when: [{{event: shop.closed.early}}]\n{STEPS}"
    absent = f"triggers: {{t: {{type: absent, event: pump.heartbeat, within: 1h}}}}\n{STEPS}"
    texts = [workflow("x", waits), workflow("y", cancels), workflow("z", absent)]

    found = told(*texts, workflow("e", "steps: {a: {emit: {type: acme.paid}}}\n"))

    assert [("event-nobody-emits", f"{name}.yaml") for name in "abc"] == [
        (each.code, each.span.file) for each in found
    ]
    otherwise = "it must come from outside, by the API"
    assert ['did you mean "acme.paid"?', otherwise, otherwise] == [each.hint for each in found]
    assert {"warning"} == {each.severity for each in found}


@pytest.mark.parametrize("event", ["github.pull_request.closed", "sark.run.failed", "acme.in"])
def test_events_from_outside_need_nobody_here(event: str) -> None:
    """
    A forge, the engine, and whoever a trigger's `payload` describes emit them.
    """
    outside = emitting("y", "acme.in", "acme.out", ", payload: {type: object}")
    waits = workflow("x", f"steps: {{a: {{await: {{event: {event}, within: 1h}}}}}}\n")

    assert [] == told(waits, outside)


def test_a_circle_of_events_is_told_with_every_place() -> None:
    """
    Two workflows that start each other would go on for ever.
    """
    [found] = told(emitting("a", "acme.y", "acme.x"), emitting("b", "acme.x", "acme.y"))

    assert "workflows start each other without end: a -> b -> a" == found.message
    assert [("trigger-cycle", "a.yaml:5:26")] == places([found])
    assert [("b.yaml:5", "b emits acme.y, on which a starts here")] == related(found)


@pytest.mark.parametrize(("more", "codes"), [("", ["trigger-cycle"]), (", max_chain: 3", [])])
def test_an_alert_may_not_alert_of_itself(more: str, codes: list[str]) -> None:
    """
    A workflow that starts when an objective is missed, and has one itself, starts itself.
    """
    trigger = f"triggers: {{t: {{type: event, event: sark.objective.missed{more}}}}}\n"
    objective = "objectives: [{id: quick, duration_below: 1m}]\n"

    found = told(workflow("alert", trigger + objective + STEPS))

    assert codes == [each.code for each in found]


def test_a_bounded_circle_of_events_is_let_be() -> None:
    """
    With `max_chain` on one of its triggers, the author has said how long it may become.
    """
    bounded = emitting("a", "acme.y", "acme.x", ", max_chain: 3")

    assert [] == told(bounded, emitting("b", "acme.x", "acme.y"))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([emitting("a", "acme.x", "acme.x")], "a -> a"),
        ([calling("a", "b", verb="call: {}, detach: true"), calling("b", "a")], "a -> b -> a"),
        (
            [
                workflow(
                    "a", "triggers: {t: {type: event, event: acme.x}}\nsteps: {s: {call: b}}\n"
                ),
                workflow("b", "steps: {s: {emit: {type: acme.x}}}\n"),
            ],
            "a -> b -> a",
        ),
        ([workflow("a", "triggers: {t: {type: workflow, workflow: a}}\n" + STEPS)], "a -> a"),
    ],
)
def test_a_circle_may_go_by_calls_and_ends(texts: list[str], expected: str) -> None:
    """
    What a workflow calls, starts, or follows is a way to itself like an event.
    """
    [found] = told(*texts)

    assert ("trigger-cycle", True) == (found.code, found.message.endswith(expected))


def test_a_follower_with_a_bound_is_let_be() -> None:
    """
    `max_chain` bounds a chain of workflows that start at each other's end.
    """
    trigger = "triggers: {t: {type: workflow, workflow: a, max_chain: 2}}\n"

    assert [] == told(workflow("a", trigger + STEPS))


def test_a_hundred_errors_between_files_are_enough() -> None:
    """
    Of very many the first hundred are told, and that there are more.
    """
    found = told(*[workflow("same")] * (MAX_FINDINGS + 10))

    assert MAX_FINDINGS + 1 == len(found)
    assert "too-many-findings" == found[-1].code
