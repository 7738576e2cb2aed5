"""What GitHub and others post, and what becomes of it."""

import hmac
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.webhooks.served import OLD_SECRET, SECRET, Answer, Served, payload, sign

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
  where: {type: [string, "null"], default: "{{ trigger.event.branch }}"}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.who }}"}}
"""
TAGGED = PUSHED.replace("name: pushed", "name: tagged").replace(
    "branches: [master]", 'tags: ["v*"]'
)
BOTH = {"pushed.yaml": PUSHED, "tagged.yaml": TAGGED}
BRANCH = payload("push-branch-created")
ORDER = b'{"order": 7}'
HMAC = "{hmac: hook, header: X-Shop-Signature, previous: hook_old}"
STANDARD = "{standard: hook, previous: hook_old}"


def hook(
    auth: str, more: str = "", name: str = "paid", path: str = "orders/paid"
) -> dict[str, str]:
    """Return a spec that a webhook starts."""
    text = f"""\
apiVersion: sark/v1
kind: Workflow
name: {name}
triggers:
  paid:
    type: webhook
    path: {path}
    auth: {auth}
    with: {{order: "{{{{ event.body.order }}}}"}}
{more}
inputs:
  order: {{type: integer}}
steps:
  say: {{uses: echo.say@1, with: {{message: "{{{{ inputs.order }}}}"}}}}
"""
    return {f"{name}.yaml": text}


def post(server: Served, body: bytes, path: str = "shop/orders/paid", **headers: str) -> Answer:
    told = {"Content-Type": "application/json"}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    return server.send("POST", f"/hooks/{path}", body, told)


def runs(server: Served) -> int:
    return len(server.api("GET", "/runs").json["items"])


def test_a_push_starts_what_waits_for_it(server: Served):
    """
    GitHub's own example, signed, starts the workflow that it matches, with values from it.
    """
    commit = server.activate(BOTH)
    answer = server.push(BRANCH, "d-1")

    assert 202 == answer.status
    assert ["d-1", False] == [answer.json["delivery"], answer.json["duplicate"]]
    (run,) = answer.json["runs"]
    told = server.api("GET", f"/runs/{run}").json
    assert ["shop", "pushed", commit] == [told["namespace"], told["workflow"], told["commit"]]
    assert {"who": "Codertocat", "count": 1, "where": "master"} == told["inputs"]
    assert ["github.push", "main", "d-1"] == [
        told["trigger"][k] for k in ("type", "id", "delivery")
    ]
    assert "master" == told["trigger"]["event"]["branch"]


def test_every_trigger_leaves_a_decision(server: Served):
    """
    What a delivery did not start is written down with the reason, what it started with its run.
    """
    server.activate(BOTH)
    (run,) = server.push(BRANCH, "d-1").json["runs"]
    told = server.rows(
        "SELECT workflow, trigger, said, reason, run_id::text FROM decisions ORDER BY 1"
    )

    assert ("pushed", "main", "started", "", run) == told[0]
    assert ("tagged", "main", "unmatched", "branch master: only tags are wanted", None) == told[1]


def test_a_filter_that_errs_is_kept(server: Served):
    """
    A filter that errs is a decision of its own, with the error; the sender hears 202.
    """
    broken = PUSHED.replace("event.pusher.name ==", "event.commits[7].id ==")
    server.activate({"pushed.yaml": broken})
    answer = server.push(BRANCH, "d-1")

    assert [202, []] == [answer.status, answer.json["runs"]]
    ((said, reason),) = server.rows("SELECT said, reason FROM decisions")
    assert "error" == said
    assert reason


def test_the_same_delivery_twice_starts_one_run(server: Served):
    """
    A delivery that comes again, even at the same time, answers 202 with the first one's run.
    """
    server.activate(BOTH)
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(server.push(BRANCH, "d-1")))
        for _ in range(50)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert {202} == {each.status for each in answers}
    assert 49 == sum(each.json["duplicate"] for each in answers)
    assert 1 == len({tuple(each.json["runs"]) for each in answers})
    assert 1 == runs(server)


def test_two_servers_start_one_run(server: Served):
    """
    The same delivery, sent to two servers at once, starts one run.
    """
    server.activate(BOTH)
    answers: list[Answer] = []
    with Served(server.settings) as second:
        threads = [
            threading.Thread(target=lambda s=each: answers.append(s.push(BRANCH, "d-1")))
            for each in (server, second) * 10
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert {202} == {each.status for each in answers}
    assert 1 == len({tuple(each.json["runs"]) for each in answers})
    assert 1 == runs(server)


def test_a_delivery_without_an_id_is_its_own_id(server: Served):
    """
    Without X-GitHub-Delivery the body itself says whether it came before.
    """
    server.activate(BOTH)
    first, second = server.push(BRANCH), server.push(BRANCH)

    assert [False, True] == [first.json["duplicate"], second.json["duplicate"]]
    assert first.json["delivery"] == second.json["delivery"]
    assert first.json["runs"] == second.json["runs"]


def test_an_activation_counts_from_the_next_delivery(server: Served):
    """
    A delivery that comes after an activation starts the new plans, and never the old ones.
    """
    server.activate(BOTH)
    server.push(BRANCH, "d-0")
    for number in range(1, 6):
        changed = PUSHED.replace("[master]", "[master]" if number % 2 else "[other]")
        server.activate({"pushed.yaml": changed})
        assert number % 2 == len(server.push(BRANCH, f"d-{number}").json["runs"])


def test_a_push_asks_for_a_look_at_its_source(server: Served):
    """
    A push wakes the reconciler of its source; the same delivery again asks for nothing.
    """
    server.activate(BOTH)
    before = server.api("GET", "/sources/shop").json["generation"]
    server.push(BRANCH, "d-1")
    limit = time.monotonic() + 60
    while server.api("GET", "/sources/shop").json["generation"] == before:
        assert time.monotonic() < limit
    wanted = server.api("GET", "/sources/shop").json["generation"]
    server.push(BRANCH, "d-1")
    time.sleep(0.1)

    assert wanted == server.api("GET", "/sources/shop").json["generation"]


def test_a_burst_of_pushes_is_few_looks(server: Served):
    """
    Two hundred pushes of one repository ask for far fewer looks at it.
    """
    server.activate(BOTH)
    bodies = [(BRANCH, f"d-{number}") for number in range(200)]
    threads = [
        threading.Thread(target=lambda part=bodies[i::20]: [server.push(*each) for each in part])
        for i in range(20)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert 200 == len(server.rows("SELECT 1 FROM deliveries"))
    assert server.api("GET", "/sources/shop").json["generation"] < 200


def test_ping(server: Served):
    """
    GitHub's ping is answered with 202 and starts nothing.
    """
    answer = server.push(payload("ping"), "d-1", X_GitHub_Event="ping")

    assert [202, []] == [answer.status, answer.json["runs"]]


SIGNED = f"sha256={sign(BRANCH)}"
UNSIGNED = {
    "S01 none": {},
    "S02 wrong": {"X-Hub-Signature-256": f"sha256={sign(BRANCH, 'another secret')}"},
    "S04 sha1": {"X-Hub-Signature": f"sha1={sign(BRANCH, SECRET, 'sha1')}"},
    "sha1 in the new header": {"X-Hub-Signature-256": f"sha1={sign(BRANCH, SECRET, 'sha1')}"},
    "empty": {"X-Hub-Signature-256": "sha256="},
    "no word before": {"X-Hub-Signature-256": sign(BRANCH)},
    "upper case": {"X-Hub-Signature-256": SIGNED.upper()},
    "another body": {"X-Hub-Signature-256": f"sha256={sign(BRANCH + b' ')}"},
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_a_push_that_is_not_signed_is_refused(name: str, shared: Served):
    """
    Without a good signature the answer is 401, nothing is written and nothing starts.
    """
    shared.activate(BOTH)
    told = {"Content-Type": "application/json", "X-GitHub-Event": "push", **UNSIGNED[name]}
    answer = shared.send("POST", "/hooks/github/shop", BRANCH, told)

    assert 401 == answer.status
    assert "webhook.unsigned" == answer.json["code"]
    assert [] == shared.rows("SELECT 1 FROM deliveries")
    assert 0 == runs(shared)


def test_two_signatures_are_none(server: Served):
    """
    A request with two signature headers is refused, even if one is right.
    """
    head = (
        f"POST /hooks/github/shop HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BRANCH)}\r\n"
        "Content-Type: application/json\r\nX-GitHub-Event: push\r\nConnection: close\r\n"
    )
    twice = f"X-Hub-Signature-256: {SIGNED}\r\n" * 2
    once = f"X-Hub-Signature-256: {SIGNED}\r\n"

    assert server.raw(f"{head}{twice}\r\n".encode() + BRANCH).startswith(b"HTTP/1.1 401")
    assert server.raw(f"{head}{once}\r\n".encode() + BRANCH).startswith(b"HTTP/1.1 202")


def test_both_secrets_open_while_one_is_rotated(server: Served):
    """
    Old and new secret both open; once the old one is taken away it opens nothing.
    """
    server.activate(BOTH)

    assert 202 == server.push(BRANCH, "d-1", OLD_SECRET).status
    assert 202 == server.push(BRANCH, "d-2", SECRET).status
    Path(server.settings.sources[0].webhook_secrets[1].removeprefix("file:")).write_text(SECRET)
    assert 401 == server.push(BRANCH, "d-3", OLD_SECRET).status


def test_an_unknown_route_is_like_a_bad_signature(shared: Served, monkeypatch):
    """
    A source that is not there, one without a secret, and an unknown path answer as a bad
    signature does, after the same work: as many signatures of the body are made and compared.
    """
    shared.activate({**BOTH, **hook(HMAC)})
    body = BRANCH * 40
    work: list[tuple[str, int]] = []
    make, compare = hmac.new, hmac.compare_digest

    def new(secret: bytes, told: bytes, algorithm: Any) -> hmac.HMAC:
        work.append(("made", len(told)))
        return make(secret, told, algorithm)

    def compare_digest(one: bytes, other: bytes) -> bool:
        work.append(("compared", len(one)))
        return compare(one, other)

    monkeypatch.setattr(hmac, "new", new)
    monkeypatch.setattr(hmac, "compare_digest", compare_digest)

    def refused(path: str) -> tuple[int, str, list[tuple[str, int]]]:
        work.clear()
        answer = post(shared, body, path, X_Hub_Signature_256=SIGNED, X_Shop_Signature="0" * 64)
        told = {k: v for k, v in answer.json.items() if k not in ("request_id", "instance")}
        return answer.status, json.dumps(told), work[:]

    for known, unknown in (
        ("github/shop", "github/nothing"),
        ("github/shop", "github/quiet"),
        ("shop/orders/paid", "shop/orders/nothing"),
        ("shop/orders/paid", "elsewhere/orders/paid"),
    ):
        right, wrong = refused(known), refused(unknown)
        assert (401, right) == (wrong[0], wrong)
        assert ("made", len(body)) in wrong[2]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"not json", 400),
        (b"\xff\xfe{}", 400),
        (b'{"ref": NaN}', 400),
        (b"9" * 5000, 400),
        (b"[" * 100_000, 400),
        (b'"\\ud800"', 400),
        (b"[]", 400),
        (b'"text"', 400),
        (b"{}", 400),
        (b'{"ref": 1, "repository": []}', 400),
        (b'{"ref": "refs/heads/a"}', 400),
    ],
)
def test_a_signed_body_may_still_be_nonsense(server: Served, body: bytes, status: int):
    """
    A body with a good signature that is no JSON, no object or no push is 400, and the next good
    request works.
    """
    server.activate(BOTH)
    answer = server.push(body, "d-1")

    assert status == answer.status
    assert b"Traceback" not in answer.body
    assert 202 == server.push(BRANCH, "d-1").status


@pytest.mark.parametrize(
    "kind", ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded", "", "json"]
)
def test_only_json_is_taken(shared: Served, kind: str):
    """
    Another content type than JSON is 415, before the signature is looked at.
    """
    assert 415 == shared.push(BRANCH, Content_Type=kind).status


def test_two_content_types_are_none(shared: Served):
    """
    Two Content-Type headers are 415; so is a compressed body.
    """
    head = (
        f"POST /hooks/github/shop HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BRANCH)}\r\n"
        f"X-Hub-Signature-256: {SIGNED}\r\nConnection: close\r\nContent-Type: application/json\r\n"
    )

    assert shared.raw(f"{head}Content-Type: text/plain\r\n\r\n".encode() + BRANCH)[:12].endswith(
        b"415"
    )
    assert shared.raw(f"{head}Content-Encoding: gzip\r\n\r\n".encode() + BRANCH)[:12].endswith(
        b"415"
    )


def test_urls_in_a_payload_are_only_text(server: Served):
    """
    A payload that names other repositories and addresses changes nothing of the source.
    """
    server.activate(BOTH)
    told = json.loads(BRANCH)
    told["repository"]["clone_url"] = "http://127.0.0.1:1/evil.git"
    body = json.dumps(told).encode()

    assert 202 == server.push(body, "d-1", X_GitHub_Enterprise_Host="evil.example").status
    assert "https://***@git.example/shop" == server.api("GET", "/sources/shop").json["url"]


@pytest.mark.parametrize("identity", ["a b", "x" * 201, "é"])
def test_a_delivery_id_is_a_plain_name(shared: Served, identity: str):
    """
    An id that is too long or not printable ASCII is 400.
    """
    assert 400 == shared.push(BRANCH, identity).status
