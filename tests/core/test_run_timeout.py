"""The bounds of a run: its wait for a place in its group, and all its steps."""

from datetime import timedelta

import pytest

from engine.core import bounds, picture
from engine.core.compiler import compile_file
from engine.core.plan import QUEUE
from engine.core.values import Json
from engine.core.whole import WholeRun
from tests.core.catalogue import CATALOGUE

SPEC = """\
apiVersion: sark/v1
kind: Workflow
name: deploy
%s
steps:
  say: {uses: echo.say@1, with: {message: hi}}
"""
GROUP = "concurrency: {group: prod}"
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("keys", "queue", "total"),
    [
        ("", QUEUE, 24 * HOUR),
        (GROUP, QUEUE, 24 * HOUR),
        ("timeout: 2h", QUEUE, 2 * HOUR),
        (f"timeout: {{queue: 10m}}\n{GROUP}", HOUR / 6, 24 * HOUR),
        (f"timeout: {{queue: 3h, total: 30m}}\n{GROUP}", 3 * HOUR, HOUR / 2),
        ("timeout: {total: 30m}", QUEUE, HOUR / 2),
    ],
)
def test_a_run_has_two_bounds(keys: str, queue: timedelta, total: timedelta) -> None:
    """
    `timeout: 2h` bounds its steps; `{queue, total}` its wait for a place as well, an hour else.
    """
    unit = compile_file("deploy.yaml", (SPEC % keys).encode(), CATALOGUE)

    assert () == tuple(unit.diagnostics)
    plan = unit.workflows[0].plan
    assert plan is not None
    assert (queue, total) == (plan.queue, plan.root.timeout)


@pytest.mark.parametrize(
    ("keys", "code", "words"),
    [
        ("timeout: {queue: 10m}", "no-effect", "bounds no wait"),
        (f"timeout: {{queue: soon}}\n{GROUP}", "bad-value", "soon"),
        ("timeout: {attempt: 5m}", "unknown-key", "attempt"),
    ],
)
def test_a_bound_that_is_none_is_told(keys: str, code: str, words: str) -> None:
    """
    A bound without a wait, one that is no span, and one that runs have not are findings.
    """
    unit = compile_file("deploy.yaml", (SPEC % keys).encode(), CATALOGUE)

    [told] = unit.diagnostics
    assert code == told.code
    assert words in told.message


@pytest.mark.parametrize(
    ("keys", "expected"),
    [("", None), (GROUP, "1h"), (f"timeout: {{queue: 10m}}\n{GROUP}", "10m")],
)
def test_a_plan_tells_how_long_its_runs_wait(keys: str, expected: Json) -> None:
    """
    The worst case of a plan with a group tells the wait before a run begins.
    """
    made = compile_file("deploy.yaml", (SPEC % keys).encode(), CATALOGUE).workflows[0].plan
    assert made is not None
    worst = bounds.of(made)

    assert expected == bounds.as_json(worst).get("queue")
    line = f"    waits before   {expected} for its place in the group"
    assert (expected is not None) == (line in picture.as_text(made, worst).splitlines())


def test_a_run_brings_its_bound_to_its_group() -> None:
    """
    Whoever lets runs in reads how long each may wait, in milliseconds.
    """
    text = SPEC % f"timeout: {{queue: 10m}}\n{GROUP}"
    made = compile_file("deploy.yaml", text.encode(), CATALOGUE).workflows[0].plan
    assert made is not None

    rules = {"limit": 1, "on_conflict": "queue", "max_queue": 1_000, "queue": 600_000}
    assert rules == WholeRun(made).terms({}, {}).rules
