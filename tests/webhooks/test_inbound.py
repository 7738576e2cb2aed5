"""What GitHub and others post, and what becomes of it."""

import threading

from tests.webhooks.served import Served, payload

PUSHED = """\
apiVersion: sark/v1
kind: Workflow
name: pushed
triggers:
  main:
    type: github.push
    branches: [master]
    filter: event.pusher.name == 'Codertocat'
    with: {who: "{{ event.pusher.name }}", count: "{{ event.commits | length }}"}
inputs:
  who: {type: string}
  count: {type: integer}
  where: {type: string, default: "{{ trigger.event.branch }}"}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.who }}"}}
"""
TAGGED = PUSHED.replace("name: pushed", "name: tagged").replace(
    "branches: [master]", 'tags: ["v*"]'
)
BOTH = {"pushed.yaml": PUSHED, "tagged.yaml": TAGGED}


def hook(auth: str, payload: str = "") -> dict[str, str]:
    """Return a spec that a webhook starts."""
    text = f"""\
apiVersion: sark/v1
kind: Workflow
name: paid
triggers:
  paid:
    type: webhook
    path: orders/paid
    auth: {auth}
    {payload}
    with: {{order: "{{{{ event.body.order }}}}"}}
inputs:
  order: {{type: integer}}
steps:
  say: {{uses: echo.say@1, with: {{message: "{{{{ inputs.order }}}}"}}}}
"""
    return {"paid.yaml": text}


def post(server: Served, body: bytes, path: str = "shop/orders/paid", **headers: str):
    told = {"Content-Type": "application/json", **headers}
    return server.send("POST", f"/hooks/{path}", body, told)


def test_a_push_starts_what_waits_for_it(server: Served):
    """
    GitHub's own example, signed, starts the workflow that it matches, with values from it.
    """
    server.activate(BOTH)
    answer = server.push(payload("push-branch-created"), "d-1")

    assert 202 == answer.status
    assert ["d-1", False] == [answer.json["delivery"], answer.json["duplicate"]]
    (run,) = answer.json["runs"]
    told = server.api("GET", f"/runs/{run}").json
    assert "pushed" == told["workflow"]
    assert {"who": "Codertocat", "count": 1, "where": "master"} == told["inputs"]
    assert "github.push" == told["trigger"]["type"]


def test_the_same_delivery_twice_starts_one_run(server: Served):
    """
    A delivery that comes again, even at the same time, answers 202 and starts nothing.
    """
    server.activate(BOTH)
    body = payload("push-branch-created")
    answers = []

    def send() -> None:
        answers.append(server.push(body, "d-1"))

    threads = [threading.Thread(target=send) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert {202} == {each.status for each in answers}
    assert 19 == sum(each.json["duplicate"] for each in answers)
    assert 1 == len({tuple(each.json["runs"]) for each in answers})
    assert 1 == len(server.api("GET", "/runs").json["items"])
