"""Webhooks of triggers: a plain HMAC, and Standard Webhooks."""

import time
from pathlib import Path

import pytest

from tests.webhooks.served import OLD_SECRET, Answer, Served, sign, standard
from tests.webhooks.test_inbound import HMAC, ORDER, STANDARD, hook, post, runs


def test_a_generic_webhook(server: Served):
    """
    A body that is signed by the namespace's secret starts the workflow of the path.
    """
    server.activate(hook(HMAC))
    answer = post(server, ORDER, X_Shop_Signature=f"sha256={sign(ORDER)}", Authorization="Bearer x")

    assert 202 == answer.status
    told = server.api("GET", f"/runs/{answer.json['runs'][0]}").json
    assert {"order": 7} == told["inputs"]
    assert {"order": 7} == told["trigger"]["event"]["body"]
    headers = told["trigger"]["event"]["headers"]
    assert "application/json" == headers["content-type"]
    assert not {"authorization", "x-shop-signature"} & headers.keys()
    assert post(server, ORDER, X_Shop_Signature=sign(ORDER)).json["duplicate"]


def test_a_generic_webhook_rotates(server: Served):
    """
    The previous secret opens as well; a third does not.
    """
    server.activate(hook(HMAC))

    assert 202 == post(server, ORDER, X_Shop_Signature=sign(ORDER, OLD_SECRET)).status
    assert 401 == post(server, ORDER, X_Shop_Signature=sign(ORDER, "no secret of ours")).status
    assert 401 == post(server, ORDER, X_Hub_Signature_256=sign(ORDER)).status


def test_a_new_route_is_open_at_once(server: Served):
    """
    A route that a commit has brought takes the very next request, one that went takes none.
    """
    for number in range(4):
        server.activate(hook(HMAC, path=f"orders/{number}"))
        signed = {"X_Shop_Signature": sign(ORDER)}
        assert 202 == post(server, ORDER, f"shop/orders/{number}", **signed).status
        gone = post(server, ORDER, f"shop/orders/{number - 1}", **signed)
        assert [] == gone.json.get("runs", [])


def test_standard_webhooks(server: Served):
    """
    A request by Standard Webhooks is taken once; a stale, changed or unsigned one is refused.
    """
    server.activate(hook(STANDARD))
    headers = standard(ORDER)

    def sent(body: bytes, told: dict[str, str]) -> Answer:
        return server.send("POST", "/hooks/shop/orders/paid", body, told)

    assert [202, "msg_1"] == [sent(ORDER, headers).status, sent(ORDER, headers).json["delivery"]]
    assert sent(ORDER, headers).json["duplicate"]
    assert 202 == sent(ORDER, standard(ORDER, OLD_SECRET, "msg_2")).status
    for told in (
        standard(ORDER, at=time.time() - 360),
        standard(ORDER, at=time.time() + 360),
        standard(ORDER, "no secret of ours"),
        {**headers, "webhook-id": "msg_9"},
        {**headers, "webhook-timestamp": "nan"},
        {**headers, "webhook-timestamp": "1e400"},
        {k: v for k, v in headers.items() if k != "webhook-signature"},
    ):
        assert 401 == sent(ORDER, told).status
    assert 2 == runs(server)


def test_a_payload_that_the_trigger_does_not_take(server: Served):
    """
    A body that is not what the trigger declares is 422 with its pointers, and is not kept.
    """
    schema = "    payload: {type: object, properties: {order: {type: integer}}, required: [order]}"
    server.activate(hook(HMAC, schema))
    body = b'{"order": "seven"}'
    answer = post(server, body, X_Shop_Signature=sign(body))

    assert 422 == answer.status
    assert "/order" == answer.json["errors"][0]["pointer"]
    assert [] == server.rows("SELECT 1 FROM deliveries")
    assert 202 == post(server, ORDER, X_Shop_Signature=sign(ORDER)).status


@pytest.mark.parametrize("secret", ["", "short", "\n"])
def test_a_route_without_a_good_secret_stays_shut(server: Served, secret: str):
    """
    A trigger whose secret is missing or weak opens nothing, and the API says why.
    """
    server.activate(hook("{hmac: hook}"))
    Path(server.settings.secrets["shop"]["hook"].removeprefix("file:")).write_text(secret)
    answer = post(server, ORDER, X_Signature_256=sign(ORDER, secret.strip()))
    told = server.api("GET", "/workflows/shop/paid").json["triggers"][0]

    assert 401 == answer.status
    assert ["/hooks/shop/orders/paid", False] == [told["route"], told["open"]]
    assert "secret 'hook' of namespace 'shop'" in told["reason"]


def test_one_path_of_two_sources_is_told_to_both(server: Served):
    """
    Two sources of a namespace may listen on one path: each hears what its own secret has signed.
    """
    server.activate(hook("{hmac: hook}"))
    server.activate(hook("{hmac: hook_old}", name="also"), source="quiet")
    first = post(server, ORDER, X_Signature_256=sign(ORDER))
    other = b'{"order": 8}'
    second = post(server, other, X_Signature_256=sign(other, OLD_SECRET))

    names = [
        server.api("GET", f"/runs/{each.json['runs'][0]}").json["workflow"]
        for each in (first, second)
    ]
    assert ["paid", "also"] == names
    assert [1, 1] == [len(first.json["runs"]), len(second.json["runs"])]


@pytest.mark.parametrize(("depth", "status"), [(190, 202), (210, 400), (900, 400)])
def test_a_body_is_as_deep_as_can_be_kept(server: Served, depth: int, status: int):
    """
    A signed body that is nested deeper than a run can keep is 400, and one less deep is taken.
    """
    server.activate(hook(HMAC))
    body = b'{"order": 7, "x": ' + b"[" * depth + b"]" * depth + b"}"

    assert status == post(server, body, X_Shop_Signature=sign(body)).status
