"""What the clock starts, told by the API, and what is made up for by hand."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from engine.cli import cli
from tests.webhooks.served import Answer, Served

REPORT = """\
apiVersion: sark/v1
kind: Workflow
name: report
inputs: {day: {type: string, format: date, default: "{{ trigger.interval.start | date }}"}}
triggers:
  nightly: {type: schedule, cron: "30 2 * * *", timezone: Europe/Oslo}
  hand: {type: manual, backfill: true}
MORE
steps: {say: {uses: echo.say@1, with: {message: "{{ inputs.day }}"}}}
"""
PLAIN = """\
apiVersion: sark/v1
kind: Workflow
name: plain
steps: {say: {uses: echo.say@1, with: {message: hello}}}
"""
HOURLY = "  hourly: {type: schedule, every: 1h}"
ODD = {"from": "2026-03-28", "to": "2026-03-31"}


def activate(server: Served, more: str = "") -> None:
    server.activate({"report.yaml": REPORT.replace("MORE\n", more and more + "\n")})


def fill(server: Served, **body: object) -> Answer:
    return server.api("POST", "/workflows/shop/report/backfill", body)


def sark(server: Served, *words: str) -> Any:
    told = {"SARK_SERVER": f"http://127.0.0.1:{server.port}", "SARK_TOKEN": server.token}
    return CliRunner().invoke(cli, words, env=told)


def test_schedules_tell_what_comes(server: Served):
    """
    Each schedule is told with its zone and as many of its next starts as are asked for.
    """
    activate(server, HOURLY)
    hourly, nightly = server.api("GET", "/schedules?count=3").json["items"]
    days = [datetime.fromisoformat(each).date() for each in nightly["next"]]

    assert ("hourly", None, "1h", "UTC") == tuple(
        hourly[each] for each in ("trigger", "cron", "every", "timezone")
    )
    assert {
        "namespace": "shop", "workflow": "report", "trigger": "nightly", "cron": "30 2 * * *",
        "every": None, "timezone": "Europe/Oslo", "decided": None, "waiting": 0, "run": None,
        "next": nightly["next"],
    } == nightly  # fmt: skip
    assert [timedelta(days=1)] * 2 == [days[1] - days[0], days[2] - days[1]]
    assert 1 == len(server.api("GET", "/schedules?limit=1").json["items"][0]["next"])
    assert [] == server.api("GET", "/schedules?workflow=other").json["items"]


def test_a_backfill_starts_what_was_due_once(server: Served):
    """
    Every instant of the span has a run that knows its interval, on the odd night too; asked again
    nothing starts, and a dry one starts nothing at all.
    """
    activate(server)
    dry = fill(server, **ODD, dry=True)
    none = server.rows("SELECT count(*) FROM runs")
    first, second = fill(server, **ODD), fill(server, **ODD)
    rows = server.rows("SELECT id::text, inputs ->> 'day' FROM runs ORDER BY inputs ->> 'day'")
    instants = [
        "2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00",
    ]  # fmt: skip

    assert (200, 202, 202) == (dry.status, first.status, second.status)
    assert [(0,)] == none
    assert [{"at": at, "run": None, "known": False} for at in instants] == dry.json["items"]
    assert ["2026-03-27", "2026-03-28", "2026-03-29"] == [day for _, day in rows]
    assert {
        "trigger": "nightly",
        "items": [{"at": at, "run": run, "known": False}
                  for at, (run, _) in zip(instants, rows, strict=True)],
    } == first.json  # fmt: skip
    assert [{**each, "known": True} for each in first.json["items"]] == second.json["items"]


def test_a_run_of_a_backfill_says_so(server: Served):
    """
    Its `trigger.kind` is `backfill`, so that a workflow can give it another priority.
    """
    activate(server)
    fill(server, **ODD)
    found = server.rows("SELECT DISTINCT trigger ->> 'type', trigger ->> 'kind' FROM runs")

    assert [("schedule", "backfill")] == found


@pytest.mark.parametrize("hand", ["", "  hand: {type: manual}\n", "  hand: {type: api}\n"])
def test_a_workflow_that_does_not_allow_it_is_not_backfilled(server: Served, hand: str):
    """
    Without `backfill: true` nothing starts, not even with a dry run, and the answer says how to
    allow it.
    """
    allowed = "  hand: {type: manual, backfill: true}\n"
    server.activate({"report.yaml": REPORT.replace("MORE\n", "").replace(allowed, hand)})
    answers = [fill(server, **ODD), fill(server, **ODD, dry=True)]

    assert [409, 409] == [each.status for each in answers]
    assert "give it a trigger `{type: manual, backfill: true}`" in answers[0].json["detail"]
    assert [(0,)] == server.rows("SELECT count(*) FROM runs")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "/from: expected a date or an instant, as a text"),
        ({**ODD, "frm": "x"}, "/frm: unknown; did you mean `from`?"),
        ({**ODD, "dry": 1}, "/dry: expected true or false"),
        ({**ODD, "trigger": 1}, "/trigger: expected the name of a trigger"),
        ({**ODD, "from": "2026-02-30"}, "/from: a date as 2026-01-31, or an instant"),
        ({**ODD, "from": "2026-03-28T01:00:00"}, "/from: a date as 2026-01-31, or an instant"),
        ({**ODD, "to": "2026-03-28"}, "/to: later than `from`"),
        ({**ODD, "to": "2999-01-01"}, "/to: not later than now, "),
        ({"from": "2010-01-01", "to": "2026-01-01"}, "/to: at most 1,000 starts at once: it could"
         " go `to` 2012-09-27T02:30:00+02:00, then on from there"),
        ({**ODD, "trigger": "nightyl"}, "/trigger: one of: nightly"),
    ],
)  # fmt: skip
def test_what_is_no_backfill_starts_nothing(
    server: Served, body: dict[str, object], problem: str
) -> None:
    """
    Whatever is wrong with it is told with its place, and nothing of it starts.
    """
    activate(server)
    answer = fill(server, **body)
    told = [f"{each['pointer']}: {each['message']}" for each in answer.json["errors"]]

    assert 422 == answer.status
    assert any(each.startswith(problem) for each in told), told
    assert [(0,)] == server.rows("SELECT count(*) FROM runs")


def test_the_schedule_is_named_where_there_are_several(server: Served):
    """
    Of several schedules the one that is meant is named; without one there is nothing to fill.
    """
    activate(server, HOURLY)
    several = fill(server, **ODD).json
    hour = fill(server, **{"from": "2026-03-28T01:00:00Z", "to": "2026-03-28T02:00:00Z"},
                trigger="hourly").json  # fmt: skip
    server.activate({"plain.yaml": PLAIN})
    none = server.api("POST", "/workflows/shop/plain/backfill", ODD)

    assert [{"pointer": "/trigger", "message": "one of: hourly, nightly"}] == several["errors"]
    assert ["2026-03-28T01:00:00+00:00"] == [each["at"] for each in hour["items"]]
    assert (404, "no active workflow plain has a schedule") == (none.status, none.json["detail"])


def test_the_commands_say_the_same(server: Served):
    """
    `sark schedules` has a row for each start and tells where the clocks change; `sark backfill`
    tells what it started, and the second time that it was there.
    """
    activate(server)
    listed = sark(server, "schedules", "report", "--count", "50").output
    words = ("backfill", "report", "--from", "2026-03-28", "--to", "2026-03-30")
    told = [sark(server, *words, *more).output for more in (["--dry-run"], [], [])]
    wrong = sark(server, *words[:-1], "2026-03-01")
    empty = sark(server, *words[:3], "2026-03-28T04:00:00Z", "--to", "2026-03-28T05:00:00Z")

    assert "shop/report/nightly  30 2 * * *  Europe/Oslo" in listed
    assert 51 == len(listed.splitlines())
    assert [2, 2, 2] == [
        text.count(word)
        for text, word in zip(told, ("would start", "started", "was there"), strict=True)
    ]
    assert 0 != wrong.exit_code
    assert "the span ends before it begins" in str(wrong.exception)
    assert "The schedule was not due in this span." in empty.output
