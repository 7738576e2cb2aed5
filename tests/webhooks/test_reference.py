"""What the reference says of the API is what the API does."""

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import jsonschema_rs
import pytest

from engine.artifacts import Artifacts
from policies.authorizer import Authorizer
from policies.facts import Action, Actor, Resource, Verdict
from tests.database import clone
from tests.webhooks.served import SECRET, Answer, Served, payload, settings, sign
from tests.webhooks.test_api import HELLO, START
from tests.webhooks.test_inbound import HMAC, hook
from tests.webhooks.waits import ASKED, asks, waits
from webhooks.address import needs_token
from webhooks.addresses import TABLE
from webhooks.app import description

DOCUMENT = description()
BRANCH = payload("push-branch-created")
EVENTS = "triggers:\n  pushed: {type: github.push}\n"

TRIGGERS = (
    f'{EVENTS}  a: {{type: manual, backfill: true}}\n  b: {{type: schedule, cron: "0 0 * * *"}}\n'
)


class Asked(Authorizer):
    """Decides as the shipped policy does, and keeps what it was asked."""

    names: ClassVar[set[str]] = set()

    def decide(self, actor: Actor, action: Action, resource: Resource) -> Verdict:
        self.names.add(action.name)
        return super().decide(actor, action, resource)


@pytest.fixture(scope="module")
def there(
    template_url: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server with a workflow, a hook, a run with a journal, and a commit with a finding."""
    folder = tmp_path_factory.mktemp("reference")
    with clone(template_url) as url, Served(settings(folder, url, redis_server), Asked()) as served:
        hello = HELLO.replace("inputs:\n", f"{TRIGGERS}inputs:\n", 1)
        served.activate({"hello.yaml": hello, **hook(HMAC)})
        yield served


def right(method: str, path: str, answer: Answer) -> None:
    """Hold an answer against what the document says of its address and status."""
    told = DOCUMENT["paths"][path][method.lower()]["responses"][str(answer.status)]
    ((kind, content),) = told["content"].items()

    assert kind == answer.headers["content-type"].partition(";")[0]
    if kind.endswith("json"):
        schema = {**content["schema"], "components": DOCUMENT["components"]}
        checker = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        assert [] == [str(each) for each in checker.iter_errors(answer.json)]
    if kind == "application/problem+json":
        assert answer.json["code"] in told["x-sark-codes"]
    for name in told.get("headers", ()):
        assert name.lower() in answer.headers


def asked(there: Served, method: str, path: str, told: Mapping[str, str], query: str = "",
          body: object = None, **headers: str) -> Answer:  # fmt: skip
    """Ask an address of the document and hold the answer against it."""
    place = path.format(**told)
    if path.startswith("/hooks"):
        raw = json.dumps(body).encode() if not isinstance(body, bytes) else body
        kind = {"Content-Type": "application/json", "X-GitHub-Event": "push"}
        signed = {"X-Hub-Signature-256": f"sha256={sign(raw)}", "X-Shop-Signature": sign(raw)}
        signed |= {
            "X-Gitlab-Token": SECRET,
            "X-Gitea-Signature": sign(raw),
            "X-Gitea-Event": "push",
        }
        answer = there.send(method, place, raw, kind | signed | headers)
    else:
        bearer = {"Authorization": f"Bearer {there.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        answer = there.send(method, place + query, data, bearer | headers)
    right(method, path, answer)
    return answer


V1 = "/api/v1"
OVERRIDES = f"{V1}/sources/{{name}}/overrides"
OVERRIDE = {
    "suspend": {"reason": "x", "for": "1h"},
    "thaw": {"reason": "x", "for": "1h"},
    "confirm": {"reason": "x", "commit": "c0ffee" + "0" * 34},
    "rollback": {"reason": "x", "commit": "c0ffee" + "0" * 34},
}


def prepared(there: Served) -> dict[str, str]:
    """Give the server one of everything, and return what stands in the addresses."""
    run = there.api("POST", START, {"inputs": {}}).json["id"]
    there.rows("UPDATE runs SET status = 'running', started_at = now() WHERE id = %s", run)
    there.rows("INSERT INTO journal SELECT %s, 1, now(), 'started', 'greet', 1, 'null'", run)
    value = Artifacts(there.settings.artifact_folder).keep_bytes(
        b"{}", "message", "application/json", timedelta(days=1)
    )
    told = {"outputs": {}, "artifacts": {}, "cached": False,
            "spilled": {"message": {**value, "type": "object"}}}  # fmt: skip
    there.rows(
        "INSERT INTO journal SELECT %s, 2, now(), 'spilled', 'greet', 1, %s", run, json.dumps(told)
    )
    there.rows(
        "INSERT INTO commits (source, sha, state, reason, findings) VALUES"
        " ('shop', %s, 'Rejected', 'no', %s)",
        "c0ffee" + "0" * 34,
        json.dumps([{"code": "tab", "severity": "error", "message": "m", "file": "f", "line": 1,
                     "column": 1, "hint": ""}]),
    )  # fmt: skip
    there.rows(
        "UPDATE sources SET attempted = %s, conditions = %s WHERE name = 'shop'",
        "c0ffee" + "0" * 34,
        json.dumps([{"type": "Unheld", "status": False, "reason": "Prune", "message": "",
                     "revision": None, "since": "2026-01-02T03:04:05+00:00"}]),
    )  # fmt: skip
    asks(there, run, by=["user:admin"], exclude=[])
    waits(there, run, "ready", {})
    there.rows(
        "INSERT INTO events (id, namespace, type, source, data)"
        " VALUES (gen_random_uuid(), 'shop', 'paid', '/orders', '7')"
    )
    there.rows(
        "INSERT INTO reviews (source, ref, number, not_before, conclusion, asks)"
        " VALUES ('shop', 'refs/pull/482/head', 482, now(), 'success', '{\"r\": \"acme/pay\"}')"
    )
    (handed,) = there.api("GET", f"/runs/{run}/callbacks").json["items"]
    return {"token": handed["url"].rpartition("/")[2], "namespace": "shop", "name": "hello",
            "id": run, "sha": "c0ffee", "source": "shop", "number": "482",
            "digest": str(value["artifact"])}  # fmt: skip


def test_every_good_answer_is_as_described(there: Served):
    """
    Each address answers in the shape, with the status and the headers that its reference tells,
    and asks the policy for what it says it asks.
    """
    words = prepared(there)
    hooked = {"namespace": "shop", "path": "orders/paid"}
    event = {"specversion": "1.0", "id": "1", "source": "/orders", "type": "paid"}
    bodies: dict[str, object] = {
        "/hooks/github/{source}": BRANCH,
        "/hooks/gitlab/{source}": {"object_kind": "push"},
        "/hooks/gitea/{source}": {"ref": "refs/heads/main"},
        "/hooks/{namespace}/{path}": {"order": 7},
        f"{V1}/runs/{{id}}/approvals/{{path}}": {"decision": "approved", "asked": ASKED},
        f"{V1}/namespaces/{{namespace}}/events": event,
        f"{V1}/workflows/{{namespace}}/{{name}}/backfill": {
            "from": "2026-03-28", "to": "2026-03-29",
        },
        "/callbacks/{token}": {},
        **{f"{OVERRIDES}/{kind}": body for kind, body in OVERRIDE.items()},
    }  # fmt: skip
    for address in TABLE:
        path = address.path.replace(":path", "")
        told = {**words, **(hooked if "{path}" in path else {})}
        if "/approvals/" in path:
            told["path"] = "ok"
        if "/sources/" in path:
            told["name"] = "shop"
        Asked.names.clear()
        answer = asked(there, address.method, path, told, body=bodies.get(path))
        assert answer.status in address.answers, (path, answer.body)
        assert set(address.actions) == Asked.names, path


REFUSED: list[tuple[str, str, str, object, int]] = [
    ("GET", f"{V1}/runs", "?status=nonsense", None, 422),
    ("GET", f"{V1}/runs", "?limit=0", None, 422),
    ("GET", f"{V1}/runs/{{id}}", "", None, 404),
    ("GET", f"{V1}/runs/{{id}}", "?limit=1", None, 422),
    ("GET", f"{V1}/runs/{{id}}/journal", "", None, 404),
    ("POST", f"{V1}/runs/{{id}}/cancel", "", {"why": 1}, 422),
    ("POST", f"{V1}/runs/{{id}}/cancel", "", {"reason": "x"}, 404),
    ("POST", f"{V1}/runs/{{id}}/pause", "", {"for": "31d"}, 422),
    ("POST", f"{V1}/runs/{{id}}/pause", "", {"reason": "x"}, 404),
    ("POST", f"{V1}/runs/{{id}}/resume", "", {"for": "1h"}, 422),
    ("POST", f"{V1}/runs/{{id}}/resume", "", None, 404),
    ("POST", f"{V1}/workflows/{{namespace}}/{{name}}/runs", "", {"inputs": {"times": 9}}, 422),
    ("POST", f"{V1}/workflows/{{namespace}}/{{name}}/runs", "?dry=1", {}, 422),
    ("GET", f"{V1}/workflows/{{namespace}}/{{name}}", "?x=1", None, 422),
    ("GET", f"{V1}/sources/{{name}}", "", None, 404),
    ("POST", f"{V1}/sources/{{name}}/sync", "", None, 404),
    ("PUT", f"{OVERRIDES}/suspend", "", {}, 404),
    ("DELETE", f"{OVERRIDES}/suspend", "", None, 404),
    ("GET", f"{V1}/commits/{{sha}}", "", None, 404),
    ("GET", f"{V1}/reviews", "?limit=0", None, 422),
    ("GET", f"{V1}/reviews/{{source}}/{{number}}", "", None, 404),
    ("GET", f"{V1}/approvals", "?cursor=x", None, 422),
    ("GET", f"{V1}/runs/{{id}}/approvals", "", None, 404),
    ("POST", f"{V1}/runs/{{id}}/approvals/{{path}}", "", {}, 404),
    ("GET", f"{V1}/runs/{{id}}/callbacks", "", None, 404),
    ("POST", "/callbacks/{token}", "", {}, 404),
    ("GET", f"{V1}/events", "?limit=0", None, 422),
    ("POST", f"{V1}/namespaces/{{namespace}}/events", "", {}, 422),
    ("GET", f"{V1}/namespaces/{{namespace}}/decisions", "?said=no", None, 422),
    ("GET", f"{V1}/namespaces/{{namespace}}/decisions", "?limit=0", None, 422),
    ("POST", "/hooks/github/{source}", "", [], 400),
    ("POST", "/hooks/github/{source}", "", {}, 400),
]


@pytest.mark.parametrize(("method", "path", "query", "body", "status"), REFUSED)
def test_a_problem_is_as_described(
    there: Served, method: str, path: str, query: str, body: object, status: int
):
    """
    What is refused is a problem of the one shape, with a code that the reference lists for it.
    """
    words = {"namespace": "shop", "name": "hello", "id": str(uuid4()), "sha": "dead",
             "source": "shop", "path": "ok", "token": "none", "number": "9"}  # fmt: skip

    assert status == asked(there, method, path, words, query, body).status


def test_a_stranger_hears_what_is_described(there: Served):
    """
    Without a token each guarded address is 401, as its reference says; no other needs one.
    """
    for path, methods in DOCUMENT["paths"].items():
        for method, told in methods.items():
            assert bool(told["security"]) == needs_token(path)
            if told["security"]:
                right(method, path, there.send(method.upper(), path))


def test_the_document_is_served(there: Served):
    """
    `/api/openapi.json` is the document of the reference, and every reference in it resolves.
    """
    answer = there.send(
        "GET", "/api/openapi.json", None, {"Authorization": f"Bearer {there.token}"}
    )
    written = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"

    assert json.loads(written.read_text()) == answer.json
    for place in _references(answer.json):
        assert place.rpartition("/")[2] in answer.json["components"]["schemas"]
    names = [
        told["operationId"] for each in answer.json["paths"].values() for told in each.values()
    ]
    assert len(names) == len(set(names))


def _references(told: Any) -> Iterator[str]:
    if isinstance(told, dict):
        if isinstance(told.get("$ref"), str):
            yield told["$ref"]
        for each in told.values():
            yield from _references(each)
    elif isinstance(told, list):
        for each in told:
            yield from _references(each)
