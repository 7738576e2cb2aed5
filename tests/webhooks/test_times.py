"""When the clock starts workflows next, as the API tells it."""

from datetime import UTC, datetime, timedelta

from tests.webhooks.served import Served

WORKFLOW = """\
apiVersion: sark/v1
kind: Workflow
name: {name}
triggers:
  by_hand: {{type: manual}}
{more}steps: {{say: {{uses: echo.say@1, with: {{message: hello}}}}}}
"""
CLOCKED = """\
  daily: {type: schedule, cron: "0 0 * * *"}
  hourly: {type: schedule, cron: "30 * * * *", timezone: Asia/Kolkata}
  silent: {type: absent, event: acme.beat, within: 1h}
"""


def test_a_workflow_tells_when_it_starts_next(server: Served):
    """
    The earliest of its schedules counts; each trigger tells its own, and how many starts wait.
    """
    server.activate({
        "clocked.yaml": WORKFLOW.format(name="clocked", more=CLOCKED),
        "plain.yaml": WORKFLOW.format(name="plain", more=""),
    })  # fmt: skip
    server.rows(
        "INSERT INTO schedules (namespace, workflow, trigger, definition, since, upto, waiting)"
        " VALUES ('shop', 'clocked', 'hourly', '', now(), now(), ARRAY[now(), now()])"
    )
    clocked, plain = server.api("GET", "/workflows").json["items"]
    told = server.api("GET", "/workflows/shop/clocked").json
    triggers = {each.pop("id"): each for each in told["triggers"]}
    at = datetime.fromisoformat(triggers["hourly"]["next"])

    assert None is plain["next"]
    assert None is server.api("GET", "/workflows/shop/plain").json["next"]
    assert {clocked["next"], told["next"]} <= {
        triggers["hourly"]["next"], triggers["daily"]["next"]
    }  # fmt: skip
    assert timedelta(hours=5, minutes=30) == at.utcoffset()
    assert at.minute == 30
    assert at - datetime.now(UTC) <= timedelta(hours=1)
    assert (2, 0) == (triggers["hourly"]["waiting"], triggers["daily"]["waiting"])
    assert [{"type": "manual"}, {"type": "absent"}] == [triggers["by_hand"], triggers["silent"]]
