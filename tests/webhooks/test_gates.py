"""Webhooks through the gates of their trigger, over real HTTP: what starts, and what is said."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.intake import intake as committer
from tests.webhooks.served import SECRET, Answer, Served, settings

BEARER = {"Authorization": f"Bearer {SECRET}"}
SPEC = """
apiVersion: sark/v1
kind: Workflow
name: paid
triggers:
  hook:
    type: webhook
    path: paid
    auth: {bearer: hook, previous: hook_old}
GATES
    with: {text: "WITH"}
inputs:
  text: {type: string}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.text }}"}}
"""


def spec(gates: str = "", with_: str = "{{ event.body.n }}") -> dict[str, str]:
    lines = "\n".join(f"    {line}" for line in gates.splitlines() if line.strip())
    return {"paid.yaml": SPEC.replace("GATES", lines).replace("WITH", with_)}


def post(served: Served, body: object, **headers: str) -> Answer:
    """Post a body of its own to the hook."""
    told = {"Content-Type": "application/json", **BEARER}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    return served.send("POST", "/hooks/shop/paid", json.dumps(body).encode(), told)


def said(served: Served) -> list[str]:
    return [row[0] for row in served.rows("SELECT said FROM decisions ORDER BY id")]


def reasons(served: Served) -> list[str]:
    return [row[0] for row in served.rows("SELECT reason FROM decisions ORDER BY id")]


def texts(served: Served) -> list[str]:
    return [row[0] for row in served.rows("SELECT inputs->>'text' FROM runs ORDER BY id")]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a commit take its time: these tests are of what it writes."""
    monkeypatch.setattr(committer, "_PATIENCE", 60.0)
    monkeypatch.setattr(committer, "_ABANDON", 90.0)


def test_each_item_is_a_run_of_its_own(server: Served):
    """
    A delivery with three alerts, of which one is not wanted, starts two runs and leaves three
    decisions; sent again it starts nothing and names the same runs.
    """
    server.activate(spec("fan_out: event.body.alerts\nfilter: item.on", "{{ item.n }}"))
    body = {"alerts": [{"n": "a", "on": True}, {"n": "b", "on": False}, {"n": "c", "on": True}]}
    first, again = post(server, body), post(server, body)

    assert [202, 2, False] == [first.status, len(first.json["runs"]), first.json["duplicate"]]
    assert [first.json["runs"], True] == [again.json["runs"], again.json["duplicate"]]
    assert ["a", "c"] == texts(server)
    rows = server.rows("SELECT item, said FROM decisions ORDER BY item")
    assert [(0, "started"), (1, "filtered"), (2, "started")] == rows


def test_a_fan_out_that_would_copy_too_much_is_refused(server: Served):
    """
    A thousand runs of a large event are not written: one error says how much it would have been.
    """
    server.activate(spec("fan_out: event.body.alerts", "{{ item }}"))
    answer = post(server, {"alerts": ["a"] * 1_000, "rest": "x" * 100_000})

    assert (202, [], ["error"]) == (answer.status, answer.json["runs"], said(server))
    assert reasons(server)[0].startswith("fan_out: 1,000 runs of an event of 10")


def test_a_thousand_items_are_a_thousand_runs(server: Served):
    """
    A list of a thousand is taken whole.
    """
    server.activate(spec("fan_out: event.body.alerts", "{{ item }}"))
    answer = post(server, {"alerts": [str(n) for n in range(1_000)]})

    assert (202, 1_000) == (answer.status, len(answer.json["runs"]))


def test_a_key_counts_once(server: Served):
    """
    Of two deliveries with one key the first starts a run; the second is a duplicate of the first,
    by key and delivery.
    """
    server.activate(spec('dedupe: {key: "{{ event.body.id }}", window: 1h}'))
    first = post(server, {"id": "o-1", "n": "a"}, webhook_id="d-1")
    second = post(server, {"id": "o-1", "n": "b"}, webhook_id="d-2")
    third = post(server, {"id": "o-2", "n": "c"}, webhook_id="d-3")

    assert [1, 0, 1] == [len(each.json["runs"]) for each in (first, second, third)]
    assert ["started", "duplicate", "started"] == said(server)
    assert 'dedupe: the key "o-1" came first with delivery d-1' in reasons(server)[1]


def test_a_delivery_that_comes_again_uses_nothing_up(server: Served):
    """
    A sender that repeats a delivery gets its first answer; its key and its turn are used once.
    """
    server.activate(
        spec('dedupe: {key: "{{ event.body.id }}", window: 1h}\nrate: {limit: 2, per: 1h}')
    )
    answers = [post(server, {"id": "o-1", "n": "a"}, webhook_id="d-1") for _ in range(3)]
    last = post(server, {"id": "o-2", "n": "b"}, webhook_id="d-2")

    assert 1 == len({tuple(each.json["runs"]) for each in answers})
    assert [False, True, True] == [each.json["duplicate"] for each in answers]
    assert 1 == len(last.json["runs"])
    assert ["started", "started"] == said(server)


def test_a_rate_turns_away_what_is_over_it(server: Served):
    """
    Two an hour are let through, for each group by itself.
    """
    server.activate(spec('rate: {limit: 2, per: 1h, group: "{{ event.body.of }}"}'))
    for number in range(4):
        post(server, {"of": "eu", "n": str(number)})
    post(server, {"of": "us", "n": "us"})

    assert ["started", "started", "limited", "limited", "started"] == said(server)
    assert 'rate: 2 of "eu" in 1h are used up; the next may come at ' in reasons(server)[2]
    assert ["0", "1", "us"] == texts(server)


def test_two_servers_share_keys_and_rates(server: Served, tmp_path: Path):
    """
    Two servers that take a burst together let through exactly what one would.
    """
    server.activate(
        spec('dedupe: {key: "{{ event.body.id }}", window: 1h}\nrate: {limit: 5, per: 1h}')
    )
    (tmp_path / "two").mkdir()
    url, redis = str(server.settings.database_url), str(server.settings.redis_url)
    with Served(settings(tmp_path / "two", url, redis)) as other:
        doors = (server, other)

        def send(one: Served, number: int) -> None:
            post(one, {"id": number % 20, "n": str(number)}, webhook_id=f"d-{number}")

        threads = [threading.Thread(target=send, args=(doors[n % 2], n)) for n in range(60)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    words = said(server)
    assert 60 == len(words)
    assert 5 == words.count("started")
    # Five keys came in; all other events of those are duplicates or were limited before.
    assert 55 == words.count("duplicate") + words.count("limited")
    assert 5 == len({row[0] for row in server.rows("SELECT inputs->>'text' FROM runs")})
    assert [(5,)] == server.rows("SELECT count(*) FROM dedupe_keys")


def test_events_that_wait_are_held(server: Served):
    """
    An event that waits is durable, starts nothing yet, and the next takes its place.
    """
    server.activate(spec('debounce: {key: "{{ event.body.k }}", for: 1h, max_wait: 2h}'))
    answers = [post(server, {"k": "a", "n": "1"}), post(server, {"k": "a", "n": "2"})]
    answers += [post(server, {"k": "b", "n": "3"})]

    assert [[], [], []] == [each.json["runs"] for each in answers]
    assert ["superseded", "held", "held"] == said(server)
    assert "debounce: a later event took its place, that of delivery " in reasons(server)[0]
    assert [("a", 1), ("b", 1)] == server.rows(
        "SELECT key, count(*) FROM held GROUP BY 1 ORDER BY 1"
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"n": "a"}, "id"),
        ({"id": None, "n": "a"}, "dedupe.key must give a text; it gave null"),
        ({"id": {"a": 1}, "n": "a"}, "dedupe.key must give a text; it gave an object"),
        ({"id": "", "n": "a"}, "dedupe.key gave 0 characters; it may have 1 to 500"),
        ({"id": "x" * 600, "n": "a"}, "dedupe.key gave 600 characters; it may have 1 to 500"),
        ({"id": "a\0", "n": "a"}, "dedupe.key gave a text with a NUL in it"),
    ],
)
def test_a_bad_key_is_dead_lettered(server: Served, body: Mapping[str, Any], reason: str):
    """
    A key that has no value is an error that is kept and listed, with its reason.
    """
    server.activate(spec('dedupe: {key: "{{ event.body.id }}", window: 1h}'))
    answer = post(server, body)

    assert (202, ["error"]) == (answer.status, said(server))
    assert reason in reasons(server)[0]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Authorization": "bearer an-older-secret-of-it"}, 202),
        ({"Authorization": f"BEARER  {SECRET}"}, 202),
        ({"Authorization": f"Basic {SECRET}"}, 401),
        ({"Authorization": SECRET}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": ""}, 401),
        ({"Authorization": f"Bearer {SECRET[:-1]}"}, 401),
        ({"Authorization": f"Bearer {SECRET}x"}, 401),
        ({"Authorization": f"Bearer {SECRET}, Bearer {SECRET}"}, 401),
        ({"Authorization": "Bearer é"}, 401),
    ],
)
def test_a_bearer_opens_its_route(server: Served, headers: Mapping[str, str], status: int):
    """
    The secret, or the one before it, opens the route as a bearer's token; nothing else does.
    """
    server.activate(spec())

    assert status == post(server, {"n": "a"}, **headers).status


def test_two_bearers_are_none(server: Served):
    """
    A request with two Authorization headers is refused.
    """
    server.activate(spec())
    body = b'{"n": "a"}'
    line = f"Authorization: Bearer {SECRET}\r\n"
    head = (
        f"POST /hooks/shop/paid HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: application/json\r\nConnection: close\r\n"
    )

    assert server.raw(f"{head}{line}{line}\r\n".encode() + body).startswith(b"HTTP/1.1 401")
    assert server.raw(f"{head}{line}\r\n".encode() + body).startswith(b"HTTP/1.1 202")


def test_a_bearer_is_never_kept(server: Served):
    """
    The header is neither in the event that the run reads, nor anywhere in the database.
    """
    server.activate(spec("debounce: {for: 1h, max_wait: 1h}", "{{ event.id }}"))
    post(server, {"n": "a"})
    server.activate(spec("", "{{ event.id }}"))
    post(server, {"n": "b"})

    for table in ("runs", "deliveries", "decisions", "held"):
        rows = server.rows(f"SELECT {table}::text FROM {table}")
        assert rows
        assert not [row for row in rows if SECRET in row[0]]


@pytest.fixture
def open_routes(server: Served) -> Served:
    """A server with a route for a bearer."""
    server.activate(spec())
    return server


def test_a_shut_route_is_like_an_unknown_one(open_routes: Served):
    """
    A route whose bearer is wrong answers as one that is not there, word for word.
    """
    told = []
    for path in ("/hooks/shop/paid", "/hooks/shop/nothing"):
        headers = {"Content-Type": "application/json", "Authorization": "Bearer wrong"}
        answer = open_routes.send("POST", path, b"{}", headers)
        hidden = ("request_id", "instance")
        told.append({k: v for k, v in answer.json.items() if k not in hidden})
        assert 401 == answer.status

    assert told[0] == told[1]


def test_a_route_says_whether_it_is_open(open_routes: Served):
    """
    The API tells that a bearer's route is open, and why it is not.
    """
    (hook,) = open_routes.api("GET", "/workflows/shop/paid").json["triggers"]
    open_routes.activate({"x.yaml": spec()["paid.yaml"].replace("hook, prev", "nope, prev")})
    (shut,) = open_routes.api("GET", "/workflows/shop/paid").json["triggers"]

    assert [True, None] == [hook["open"], hook["reason"]]
    assert [False, True] == [shut["open"], "no secret 'nope'" in shut["reason"]]


def listed(served: Served, query: str = "") -> Any:
    return served.api("GET", f"/namespaces/shop/decisions{query}").json


def test_decisions_are_listed(server: Served):
    """
    What events came to is listed newest first, a page at a time, and by word and workflow; what
    erred is found by `said=error`.
    """
    server.activate(spec("filter: event.body.on"))
    for number, on in enumerate((True, False, "?", True, 7)):
        post(server, {"n": str(number), "on": on}, webhook_id=f"d-{number}")

    whole = listed(server)["items"]
    assert ["error", "started", "error", "filtered", "started"] == [each["said"] for each in whole]
    first = listed(server, "?limit=2")
    second = listed(server, f"?limit=3&cursor={first['next']}")
    assert whole == first["items"] + second["items"]
    assert second["next"] is None
    errors = listed(server, "?said=error&workflow=paid")["items"]
    assert ["d-4", "d-2"] == [each["delivery"] for each in errors]
    assert "filter must give true or false" in errors[0]["reason"]
    assert [] == listed(server, "?said=limited")["items"]
    assert [] == listed(server, "?workflow=other")["items"]
    assert listed(server, "?said=started")["items"][0]["run"] is not None


def test_a_secret_in_a_reason_is_masked(server: Served):
    """
    A key that holds a secret is told without it.
    """
    server.activate(spec('dedupe: {key: "{{ event.body.id }}"}'))
    post(server, {"id": f"x-{SECRET}", "n": "a"}, webhook_id="d-1")
    post(server, {"id": f"x-{SECRET}", "n": "a"}, webhook_id="d-2")

    (told, _) = listed(server)["items"]
    assert ("duplicate", True) == (told["said"], 'the key "x-***"' in told["reason"])


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("shop/decisions?said=nope", 422, "no decision is 'nope'"),
        ("shop/decisions?what=1", 422, "there is no parameter 'what'"),
        ("shop/decisions?limit=0", 422, "limit is a number"),
        ("shop/decisions?cursor=x", 422, "this cursor is none of ours"),
        ("shop/decisions?cursor=YWJj", 422, "this cursor is none of ours"),
        ("bank/decisions", 404, "there is no namespace bank"),
    ],
)
def test_a_list_that_cannot_be(open_routes: Served, path: str, status: int, told: str):
    """
    A word, a cursor or a namespace that there is not is refused with its reason.
    """
    answer = open_routes.api("GET", f"/namespaces/{path}")

    assert (status, True) == (answer.status, told in answer.json["detail"])
