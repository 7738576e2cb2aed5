"""Tests of workflows that the clock starts."""

import pytest

from tests.core.trial.authored import told, tried

NIGHTLY = """
triggers:
  nightly: {type: schedule, cron: "30 2 * * *", timezone: Europe/Oslo}
  silent: {type: absent, event: acme.beat, within: 1h}
inputs:
  day: {type: string, format: date, default: "{{ trigger.interval.start | date }}"}
steps:
  say: {set: {end: {type: string, value: "{{ trigger.interval.end }}"}}}
outputs:
  day: {type: string, value: "{{ inputs.day }}"}
  end: {type: string, value: "{{ steps.say.outputs.end }}"}
  kind: {type: string, value: "{{ trigger.kind }}"}
"""
GIVEN = [
    ("nightly", "2026-03-29T12:00:00+02:00", "2026-03-28", "2026-03-29T03:00:00+02:00", "schedule"),
    ("nightly", "2026-03-29T01:00:00Z", "2026-03-28", "2026-03-29T03:00:00+02:00", "schedule"),
    ("nightly", "2026-03-29T00:59:59Z", "2026-03-27", "2026-03-28T02:30:00+01:00", "schedule"),
    ("silent", "2026-03-29T00:30:00Z", "2026-03-28", "2026-03-29T00:30:00+00:00", "absent"),
]


@pytest.mark.parametrize(("trigger", "clock", "day", "end", "kind"), GIVEN)
def test_a_test_starts_a_run_by_the_clock(
    trigger: str, clock: str, day: str, end: str, kind: str
) -> None:
    """
    A schedule starts the run for which it was last due by the test's clock; a silence ends then.
    """
    result = tried(
        NIGHTLY,
        f"clock: {clock}\ngiven: {{trigger: {trigger}}}\n"
        f"expect: {{outputs: {{day: '{day}', end: '{end}', kind: {kind}}}}}\n",
    )

    assert [] == told(result)


WRONG = [
    (
        NIGHTLY,
        "given: {trigger: nightly, event: {x: 1}}",
        "nightly is set off by the clock; no event comes with it = take it out",
    ),
    (
        "triggers: {never: {type: schedule, cron: '* * * * *', calendar: none}}\n"
        "steps: {say: {set: {x: {type: integer, value: 1}}}}\n---\napiVersion: sark/v1\n"
        "kind: Calendar\nname: none\ndays: []\n",
        "given: {trigger: never}",
        "never was not due in the 50 years before the test's clock",
    ),
]


@pytest.mark.parametrize(("workflow", "given", "expected"), WRONG)
def test_a_clock_that_starts_nothing_is_told(workflow: str, given: str, expected: str) -> None:
    """
    The clock brings no event, and a calendar without days never starts a run.
    """
    (finding,) = told(tried(workflow, f"{given}\nexpect: {{run: {{state: succeeded}}}}\n"))

    assert finding.endswith(f"test-unstarted: {expected}")
