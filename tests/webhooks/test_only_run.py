"""Workflows whose `idempotency` lets the first of several starts make a run, as callers meet it."""

import threading
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from tests.webhooks.served import Answer, Served

TRIP = """\
apiVersion: sark/v1
kind: Workflow
name: NAME
triggers:
  hand: {type: api}
  booked: {type: event, event: booked, with: {order: "{{ event.data.order }}"}}
idempotency: {key: "trip-{{ inputs.order }}"MORE}
inputs:
  order: {type: string}
  note: {type: string, default: ""}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.order }}"}}
"""


def trip(more: str = "", name: str = "trip") -> dict[str, str]:
    return {f"{name}.yaml": TRIP.replace("NAME", name).replace("MORE", more)}


def start(server: Served, order: str, name: str = "trip", note: str = "", **headers: str) -> Answer:
    told = {"inputs": {"order": order, "note": note}}
    return server.api("POST", f"/workflows/shop/{name}/runs", told, **headers)


def runs(server: Served) -> list[UUID]:
    return [row[0] for row in server.rows("SELECT id FROM runs ORDER BY id")]


def told(answer: Answer) -> Mapping[str, Any]:
    return {name: answer.json[name] for name in ("id", "workflow", "status", "duplicate")}


def test_a_second_start_gets_the_first_run(server: Served):
    """
    Of two starts with an equal key the first makes a run; the second is told of it and how it is.
    """
    server.activate(trip())
    first = start(server, "7")
    server.rows("UPDATE runs SET status = 'failed', ended_at = now() RETURNING id")
    second, other = start(server, "7", note="again"), start(server, "8")

    run = {"id": first.json["id"], "workflow": "trip"}
    assert {**run, "status": "queued", "duplicate": False} == told(first)
    assert {**run, "status": "failed", "duplicate": True} == told(second)
    assert [202, first.headers["location"]] == [second.status, second.headers["location"]]
    assert [UUID(first.json["id"]), UUID(other.json["id"])] == runs(server)


def test_a_second_start_is_refused_if_the_workflow_says_so(server: Served):
    """
    With `on_duplicate: reject` a second start is a conflict that names the run in its way.
    """
    server.activate(trip(", on_duplicate: reject"))
    first, second = start(server, "7"), start(server, "7")

    assert [202, 409, "sark.conflict"] == [first.status, second.status, second.json["code"]]
    assert (
        f"shop/trip is not started: run {first.json['id']} of shop/trip, which is queued, "
        "has its idempotency.key, and on_duplicate is reject"
    ) == second.json["detail"]
    assert [UUID(first.json["id"])] == runs(server)


def test_of_starts_at_the_same_time_one_makes_a_run(server: Served):
    """
    However many starts of one key come at once, there is one run, and all are told of it.
    """
    server.activate(trip())
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(start(server, "7"))) for _ in range(20)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert {202} == {each.status for each in answers}
    assert [each.json["id"] for each in answers] == [str(*runs(server))] * 20
    assert 19 == sum(each.json["duplicate"] for each in answers)


@pytest.mark.parametrize(
    ("scope", "made"), [("", 2), (", scope: workflow", 2), (", scope: namespace", 1)]
)
def test_keys_are_compared_within_their_scope(server: Served, scope: str, made: int):
    """
    Two workflows have keys of their own, unless both say that the namespace's are compared: then
    the second is told of a run of the first.
    """
    server.activate({**trip(scope), **trip(scope, "tour")})
    first, second = start(server, "7"), start(server, "7", "tour")

    assert made == len(runs(server))
    assert (made == 1) == second.json["duplicate"] == (first.json["id"] == second.json["id"])
    assert ("trip" if made == 1 else "tour") == second.json["workflow"]


def test_a_namespace_key_is_no_workflow_key(server: Served):
    """
    A workflow that says nothing of a scope is not in the way of those that share their keys.
    """
    server.activate({**trip(), **trip(", scope: namespace", "tour")})
    start(server, "7"), start(server, "7", "tour")

    assert 2 == len(runs(server))


def test_a_client_with_a_key_of_its_own_is_second_too(server: Served):
    """
    An Idempotency-Key does not lead past the workflow's: the start gets the first run, under that
    key for good, and the same key with another body is refused.
    """
    server.activate(trip())
    first = start(server, "7", Idempotency_Key="a")
    again, second = start(server, "7", Idempotency_Key="a"), start(server, "7", Idempotency_Key="b")
    server.rows("DELETE FROM idempotency_keys WHERE key LIKE 'run:%%' RETURNING run")
    later, other = start(server, "7", Idempotency_Key="b"), start(server, "8", Idempotency_Key="b")

    assert first.body == again.body
    run = {"id": first.json["id"], "workflow": "trip", "status": "queued", "duplicate": True}
    assert [run, run] == [told(second), told(later)]
    assert 422 == other.status
    assert 1 == len(runs(server))


def test_a_client_that_sends_a_start_again_is_not_refused(server: Served):
    """
    With `on_duplicate: reject` and an Idempotency-Key, who lost the answer gets it again; another
    client is refused however often it asks.
    """
    server.activate(trip(", on_duplicate: reject"))
    first = start(server, "7", Idempotency_Key="a")
    again = start(server, "7", Idempotency_Key="a")
    second = [start(server, "7", Idempotency_Key="b") for _ in range(2)]

    assert [first.status, first.body] == [again.status, again.body]
    assert [409, 409] == [each.status for each in second]
    assert 1 == len(runs(server))


def test_keys_of_clients_and_of_the_workflow_hold_at_the_same_time(server: Served):
    """
    Of starts that come at once, each under a key of its client, one makes a run; sent again each
    gets the same answer.
    """
    server.activate(trip())
    answers: dict[str, list[Answer]] = {str(number): [] for number in range(12)}

    def send(key: str) -> None:
        for _ in range(3):
            answers[key].append(start(server, "7", Idempotency_Key=key))

    threads = [threading.Thread(target=send, args=(key,)) for key in answers]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    (run,) = runs(server)
    assert {(202, str(run))} == {
        (a.status, a.json["id"]) for each in answers.values() for a in each
    }
    assert 1 == sum(not each[0].json["duplicate"] for each in answers.values())
    assert [1] * 12 == [len({each.body for each in told}) for told in answers.values()]


def test_a_start_that_is_wrong_claims_no_key(server: Served):
    """
    A start whose inputs do not fit claims no key, neither the client's nor the workflow's.
    """
    server.activate(trip())
    wrong = server.api("POST", "/workflows/shop/trip/runs", {"inputs": {}}, Idempotency_Key="a")

    assert [422, []] == [wrong.status, runs(server)]
    assert 202 == start(server, "7", Idempotency_Key="a").status
