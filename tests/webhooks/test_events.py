"""Events as senders and readers meet them over the API."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.served import Answer, Served, settings
from tests.webhooks.waits import ENVIRONMENT, SECRETS, as_, run, tokens

PLACE = "/namespaces/shop/events"
EVENT: dict[str, Any] = {
    "specversion": "1.0", "id": "7", "source": "/orders", "type": "paid", "data": {"n": 7},
}  # fmt: skip


@pytest.fixture
def there(
    tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    for name, variable in ENVIRONMENT.items():
        monkeypatch.setenv(variable, SECRETS[name])
    with Served(settings(tmp_path, database_url, redis_url, tokens=tokens())) as served:
        for namespace in ("shop", "bank"):
            run(served, namespace=namespace)
        yield served


def send(served: Served, **more: Any) -> Answer:
    return served.api("POST", PLACE, {**EVENT, **more})


def test_an_event_is_taken(there: Served):
    """
    A CloudEvent is durable when it is answered, with who has sent it; its own id comes back.
    """
    answer = send(there)

    assert (202, {"id": "7", "source": "/orders", "duplicate": False}) == (
        answer.status, answer.json,
    )  # fmt: skip
    ((kind, namespace, run_id, data),) = there.rows(
        "SELECT kind, namespace, run_id, data FROM outbox"
    )
    assert ("emitted", "shop", None) == (kind, namespace, run_id)
    assert ("7", "token:admin", {"n": 7}) == (data["identity"], data["actor"], data["data"])


def test_the_standards_own_type_is_taken(there: Served):
    """
    The content type of the standard's structured mode is as good as plain JSON.
    """
    told = {"Authorization": f"Bearer {there.token}",
            "Content-Type": "application/cloudevents+json; charset=utf-8"}  # fmt: skip
    body = json.dumps(EVENT).encode()

    assert 202 == there.send("POST", f"/api/v1{PLACE}", body, told).status
    batch = {**told, "Content-Type": "application/cloudevents-batch+json"}
    assert 422 == there.send("POST", f"/api/v1{PLACE}", b"[" + body + b"]", batch).status


def test_one_event_has_one_identity(there: Served):
    """
    The same id of the same source is the same event; of another source or namespace it is another.
    """
    for _ in range(2):
        send(there)
    send(there, source="/refunds")
    there.api("POST", "/namespaces/bank/events", EVENT)
    ids = [data["id"] for (data,) in there.rows("SELECT data FROM outbox ORDER BY id")]

    assert [4, 3, ids[0]] == [len(ids), len(set(ids)), ids[1]]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"source": "run/1"}, "/source"),
        ({"source": "sark/source/shop"}, "/source"),
        ({"type": None}, "/type"),
        ({"type": "github.check_run"}, "/type"),
        ({"type": "sark.objective.missed"}, "/type"),
        ({"data_base64": "YQ=="}, "/data_base64"),
    ],
)
def test_what_is_no_event_is_refused(there: Served, more: dict[str, Any], pointer: str):
    """
    What is no CloudEvent, or poses as one of a run's, a forge's or the engine's, is 422 with its
    place.
    """
    answer = send(there, **more)

    assert (422, [pointer]) == (answer.status, [each["pointer"] for each in answer.json["errors"]])
    assert [] == there.rows("SELECT 1 FROM outbox")


def test_who_may_send(there: Served):
    """
    An administrator sends to namespaces that there are; a viewer and an approver do not.
    """
    assert 403 == as_(there, "eve", "POST", PLACE, EVENT).status
    assert 403 == as_(there, "ann", "POST", PLACE, EVENT).status
    assert 202 == as_(there, "root", "POST", PLACE, EVENT).status
    assert 404 == there.api("POST", "/namespaces/nowhere/events", EVENT).status
    assert 413 == send(there, data="x" * (256 << 10)).status


def test_pages_of_events(there: Served):
    """
    Events are listed newest first, page after page, by type and namespace.
    """
    there.rows(
        "INSERT INTO events (id, namespace, type, source, data, identity, at)"
        " SELECT gen_random_uuid(), CASE n WHEN 5 THEN 'bank' ELSE 'shop' END,"
        "        CASE n %% 2 WHEN 0 THEN 'even' ELSE 'odd' END, '/n', '7', n::text,"
        "        now() + make_interval(secs => n / 2) FROM generate_series(1, 5) AS n",
    )
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = as_(there, "eve", "GET", f"/events?limit=2&cursor={cursor}").json
        seen += [each["id"] for each in page["items"]]
        cursor = page["next"]

    assert ["1", "2", "3", "4", "5"] == sorted(seen)
    assert "1" == seen[-1]
    told = there.api("GET", "/events?type=odd&namespace=shop").json["items"]
    assert ["3", "1"] == [each["id"] for each in told]
    assert {"namespace": "shop", "type": "odd", "subject": None, "source": "/n", "data": 7} == {
        name: told[0][name] for name in ("namespace", "type", "subject", "source", "data")
    }
    for bad in ("bm90aGluZw==", "MSAy"):
        assert 422 == there.api("GET", f"/events?cursor={bad}").status
