"""A workflow tried out with nothing said: doubles answer, and a timeline is left."""

from collections.abc import Callable, Mapping

import pytest

from engine.core.facts import Catalogue
from engine.core.preview import LIMIT, Preview, as_json, as_markdown, as_text, preview, unknown
from engine.core.preview.making import MOST_EVENTS
from tests.core.catalogue import CATALOGUE
from tests.core.trial.authored import suite_of

DAY = {"day": "2026-01-01"}
HEAD = "apiVersion: sark/v1\nkind: {}\nname: {}\n"
CALL = "uses: http.request@1\n    with: {method: GET, url: https://x.example/a}"
TWO = f"""
inputs: {{day: {{type: string}}, n: {{type: integer, default: 2}}}}
steps:
  fetch:
    {CALL}
    outputs: {{n: {{type: integer, from: body.n}}}}
  ok: {{approve: {{by: [group:ops], expires: 1h}}, needs: [fetch]}}
  signed:
    approve: {{by: [group:ops], expires: 1h, form: {{why: {{type: string}}}}}}
    needs: [ok]
  wait: {{wait: {{for: 5m}}, needs: [signed]}}
  many: {{set: {{x: {{type: integer, value: 1}}}}, needs: [wait], if: steps.fetch.outputs.n > 1}}
"""


def made(
    workflow: str, *tests: str, most: int = MOST_EVENTS,
    goes_on: Callable[[], bool] = lambda: True, inputs: Mapping[str, str] | None = None,
) -> Preview:  # fmt: skip
    """Return the preview of a workflow `w`; the heads of all are ours."""
    texts = {"w.yaml": HEAD.format("Workflow", "w") + workflow}
    for number, each in enumerate(tests):
        head = HEAD.format("WorkflowTest", f"t{number}")
        texts[f"t{number}.yaml"] = (
            f"{head}workflow: w\n{each}\nexpect: {{run: {{state: succeeded}}}}\n"
        )
    suite, written = suite_of(texts)
    tried = [each.test for each in written]
    return preview(suite.plans["w"], Catalogue(CATALOGUE), tried, inputs or {}, goes_on, most)


def ends(told: Preview) -> Mapping[str, str]:
    """Return how each step ended, by its path."""
    return {each.path: f"{each.state} {each.by}".strip() for each in told.rows}


def test_every_step_is_answered_and_the_clock_jumps():
    """
    Operations give what they declare, people approve, and waits are over at once.
    """
    told = made(TWO, inputs=DAY)

    assert "succeeded" == told.state
    assert 300.0 == told.took.total_seconds()
    assert {
        "fetch": "succeeded double", "ok": "succeeded double", "signed": "succeeded double",
        "wait": "succeeded", "many": "skipped",
    } == ends(told)  # fmt: skip
    assert told == made(TWO, inputs=DAY)


def test_a_test_says_it_better():
    """
    What a WorkflowTest says of a step that succeeds is what it gives: the first that does, by its
    last success. What would fail, does not fit, is of no such step or of a whole is passed over.
    """
    day = "given: {inputs: {day: x}}\n"
    told = made(
        TWO,
        f"{day}mock: {{fetch: {{error: {{type: a.b}}}}, gone: {{}}, ok: {{decision: rejected}}}}",
        f"{day}mock: {{fetch: {{outputs: {{n: none}}}}, many: {{outputs: {{x: 3}}}}}}",
        f"{day}mock: {{fetch: [{{error: {{type: a.b}}}}, {{outputs: {{n: 7}}, takes: 90s}}]}}",
        f"{day}mock: {{fetch: {{outputs: {{n: 0}}}}}}",
        inputs=DAY,
    )

    assert "succeeded mock" == ends(told)["fetch"]
    assert "succeeded" == ends(told)["many"]
    assert 390.0 == told.took.total_seconds()


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        ({}, 'the input "day" is missing, and has no default: say day=VALUE'),
        ({"day": "x", "n": "many"}, 'the input "n": expected an integer, found "many"'),
        ({"day": "x", "m": "1"}, 'the input "m": there is no property `m`'),
    ],
)
def test_inputs_that_do_not_fit_are_named(inputs: dict[str, str], why: str):
    """
    An input that is missing, of another type or unknown is named, with what to say.
    """
    told = made(TWO, inputs=inputs)

    assert ("", 1) == (told.state, len(told.problems))
    assert why in told.problems[0]
    assert "it does not start" in as_text(told)


def test_who_nobody_starts_by_hand_starts_as_its_test_does():
    """
    A workflow that an event starts has the event of its first test that brings one; one that the
    clock starts has its instant; else it starts with no event, and fails where it reads one.
    """
    pushed = """
triggers: {hook: {type: webhook, path: h, auth: {hmac: key}}}
secrets: [key]
steps: {say: {set: {x: {type: string, value: "{{ trigger.event.body.who }}"}}}}
"""
    nightly = """
triggers: {night: {type: schedule, cron: "30 2 * * *"}}
steps: {say: {set: {x: {type: string, value: "{{ trigger.interval.end }}"}}}}
"""
    test = "given: {trigger: hook, event: {body: {who: dana}}}"

    assert "failed" == made(pushed).state
    assert "succeeded" == made(pushed, "mock: {}", test).state
    assert "succeeded" == made(nightly).state


ENDLESS = f"""
steps:
  again:
    repeat:
      until: self.outputs.x > 5
      max_times: 1000
      every: 1s
      steps: {{look: {{{CALL.replace(chr(10) + "    ", ", ")}}}}}
      outputs: {{x: {{type: integer, value: 1}}}}
"""
FAN = f"""
inputs: {{all: {{type: array, items: {{type: integer}}, default: {list(range(10_000))}}}}}
steps:
  each:
    for_each:
      over: inputs.all
      as: one
      key: one
      max_items: 10000
      steps: {{call: {{{CALL.replace(chr(10) + "    ", ", ")}}}}}
"""


def test_a_preview_is_bounded():
    """
    It is given up after so many events, or when its time is over, and tells how far it came.
    """
    few = FAN.replace(str(list(range(10_000))), str(list(range(100))))
    for told in (made(few, most=50), made(few, goes_on=iter([True, False]).__next__)):
        assert "" == told.state
        assert "goes on with each" in told.given_up
        assert "given up" in as_text(told)
        assert "given up" in as_markdown(told)


def test_a_fan_out_of_ten_thousand_is_told_in_a_page():
    """
    10,000 items come to their end; people are shown the first hundred, programs all.
    """
    told = made(FAN)

    assert "succeeded" == told.state
    assert len(as_markdown(told)) <= LIMIT
    assert "more steps" in as_markdown(told)
    assert "and 9901 more steps; --json has them all" in as_text(told)
    shown = as_json(told)
    assert isinstance(shown, Mapping)
    assert 10_001 == len(shown["steps"])  # type: ignore[arg-type]


def test_failure_is_told_with_its_cause():
    """
    A run that would fail says where and why, and what it would emit.
    """
    told = made("""
steps:
  news: {emit: {type: acme.news, data: {}}}
  stop: {fail: {type: my.error, message: "a | b"}, needs: [news]}
""")

    assert "failed" == told.state
    assert "stop  fail  failed: my.error: a | b" in as_text(told)
    assert "It would emit acme.news." in as_text(told)
    assert "\\|" in as_markdown(told)


def test_long_names_leave_the_table_whole():
    """
    Steps whose names fill the page are cut by the row, never within one.
    """
    key = "k" * 190
    told = made(f"""
inputs: {{all: {{type: array, items: {{type: integer}}, default: {list(range(200))}}}}}
steps:
  each:
    for_each:
      over: inputs.all
      as: one
      key: "'{key}' ~ (one | string)"
      max_items: 200
      steps: {{say: {{set: {{x: {{type: integer, value: 1}}}}}}}}
""")
    text = as_markdown(told)

    assert len(text) <= LIMIT
    assert {5} == {line.count("|") for line in text.split("\n") if line.startswith("|")}


def test_a_workflow_that_is_not_there_is_named():
    """
    A name that is nearly one is met with the one that was meant.
    """
    assert 'did you mean "w"?' in as_text(unknown("ww", ["w"]))
    assert "there is nothing" in as_text(unknown("w", []))
    assert "did you mean `w`?" in as_markdown(unknown("ww", ["w"]))
