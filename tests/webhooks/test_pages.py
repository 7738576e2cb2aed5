"""The pages as a browser meets them."""

import json
from urllib.parse import urlencode

import pytest

from tests.webhooks.served import Answer, Served
from tests.webhooks.test_api import HELLO, START

EVIL = "<script>alert(1)</script>\"'"
FORM = "application/x-www-form-urlencoded"


def login(server: Served, token: str, **headers: str) -> Answer:
    told = {"Content-Type": FORM}
    told |= {name.replace("_", "-"): value for name, value in headers.items()}
    return server.send("POST", "/login", urlencode({"token": token}).encode(), told)


def cookie(answer: Answer) -> str:
    return answer.headers["set-cookie"].partition(";")[0]


def test_the_way_in(server: Served):
    """
    Without a session there is a form; the token gives one; then the pages show what is there.
    """
    server.activate({"hello.yaml": HELLO.replace("Say hello", f"'{EVIL[:25]}'")})
    identity = server.api("POST", START, {"inputs": {"name": EVIL}}).json["id"]
    first = server.send("GET", "/")
    entered = login(server, server.token)
    session = {"Cookie": cookie(entered)}
    home = server.send("GET", "/", None, session)
    run = server.send("GET", f"/runs/{identity}", None, session)

    assert [401, 303, 200, 200] == [each.status for each in (first, entered, home, run)]
    assert b'type="password"' in first.body
    assert "/" == entered.headers["location"]
    assert "text/html; charset=utf-8" == home.headers["content-type"]
    for told in (b"shop/hello", b"hello.yaml", identity.encode(), b"queued"):
        assert told in home.body
    for told in (b"greet", b"pending", b"shop/hello"):
        assert told in run.body
    assert b"<script" not in home.body + run.body
    assert b"&lt;script&gt;" in home.body


WAITS = """\
apiVersion: sark/v1
kind: Workflow
name: waits
triggers: {api: {type: api}}
steps:
  ok: {approve: {by: [group:sre], expires: 1h}}
  rest: {wait: {for: 2h}}
  paid: {await: {event: acme.paid, within: 3h}}
"""


def test_a_run_that_waits_says_what_for(server: Served):
    """
    The page of a run tells of each step that waits for what it waits and until when.
    """
    server.activate({"waits.yaml": WAITS})
    run = server.api("POST", "/workflows/shop/waits/runs", {"inputs": {}}).json["id"]
    server.rows("UPDATE runs SET status = 'waiting', started_at = '2026-03-29T02:30:00Z'")
    session = {"Cookie": cookie(login(server, server.token))}

    page = server.send("GET", f"/runs/{run}", None, session).body.decode()

    told = " ".join(page.split())
    assert "waits for approval until 2026-03-29 03:30:00 UTC; who is asked what:" in told
    assert f"<code>sark show {run}</code>" in told
    assert "waits for time until 2026-03-29 04:30:00 UTC" in told
    assert "waits for event acme.paid until 2026-03-29 05:30:00 UTC" in told


def test_the_pages_tell_the_truth(server: Served):
    """
    What slows the house stands on every page; without a database a page says so, as 503.
    """
    server.activate({"hello.yaml": HELLO})
    run = server.api("POST", START, {"inputs": {"name": "Ann"}}).json["id"]
    session = {"Cookie": cookie(login(server, server.token))}
    slowed = [server.send("GET", path, None, session) for path in ("/", f"/runs/{run}")]
    server.rows("DROP TABLE migrations")
    away = [server.send("GET", path, None, session) for path in ("/", f"/runs/{run}")]

    assert [200, 200, 503, 503] == [each.status for each in (*slowed, *away)]
    assert all(b"no worker lives" in each.body for each in slowed)
    for each in away:
        assert b"the database is empty" in each.body
        assert ("1", "text/html; charset=utf-8") == (
            each.headers["retry-after"], each.headers["content-type"]
        )  # fmt: skip


def test_the_session_is_for_this_browser_alone(shared: Served):
    """
    The cookie is read by no script, sent from no other site, and holds no token.
    """
    told = login(shared, shared.token).headers["set-cookie"]

    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in told.split(";")[1:]}
    assert shared.token not in told
    assert cookie(login(shared, shared.token)) != told.partition(";")[0]


@pytest.mark.parametrize("token", ["", "wrong", "x" * 4000])
def test_another_token_gives_no_session(shared: Served, token: str):
    """
    Another token is 401 with the form again, and no cookie.
    """
    answer = login(shared, token)

    assert 401 == answer.status
    assert "set-cookie" not in answer.headers
    assert b"not the token" in answer.body


@pytest.mark.parametrize(("old", "new"), [("=", "=9"), (".", "."), ("sark", "__Host-sark")])
def test_a_made_up_session_is_none(shared: Served, old: str, new: str):
    """
    A cookie that was cut, lengthened or given a later end opens nothing.
    """
    good = cookie(login(shared, shared.token))

    assert 200 == shared.send("GET", "/", None, {"Cookie": good}).status
    made = good.replace(old, new) if old != new else good[:-1]
    assert 401 == shared.send("GET", "/", None, {"Cookie": made}).status


@pytest.mark.parametrize("told", ["sark=", "sark=..", "sark=a.b.c", "sark=99999999999.x.\x80", "x"])
def test_nonsense_is_no_session(shared: Served, told: str):
    """
    A cookie of nonsense opens nothing and harms nothing.
    """
    assert 401 == shared.send("GET", "/", None, {"Cookie": told}).status


def test_a_session_ends(shared: Served, monkeypatch: pytest.MonkeyPatch):
    """
    A session is over after its time.
    """
    from webhooks.auth import session

    monkeypatch.setattr(session, "_SECONDS", -1)

    assert (
        401 == shared.send("GET", "/", None, {"Cookie": cookie(login(shared, shared.token))}).status
    )


def test_signing_out(shared: Served):
    """
    Signing out takes the cookie away.
    """
    answer = shared.send("POST", "/logout", b"", {"Content-Type": FORM})

    assert 303 == answer.status
    assert "Max-Age=0" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_another_site_sends_no_forms(shared: Served, headers: dict[str, str]):
    """
    A form that another site sends is 403, with the right token, too.
    """
    assert 403 == login(shared, shared.token, **headers).status
    assert 403 == shared.send(
        "POST", "/logout", b"", {k.replace("_", "-"): v for k, v in headers.items()}
    ).status  # fmt: skip


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://{host}", "Sec_Fetch_Site": "same-origin"},
        {"Origin": "http://{host}"},
        {"Origin": "https://{host}"},
        {"Origin": "null", "Sec_Fetch_Site": "same-origin"},
        {},
    ],
    ids=("a browser", "an old one", "behind TLS", "one that hides its origin", "a program"),
)
def test_its_own_site_does(shared: Served, headers: dict[str, str]):
    """
    The page's own form is taken as browsers send it, also where a proxy speaks TLS with them.
    """
    host = f"127.0.0.1:{shared.port}"
    told = {name: value.format(host=host) for name, value in headers.items()}

    assert 303 == login(shared, shared.token, **told).status


def test_a_browser_tells_its_origin(shared: Served):
    """
    The page lets a browser name it as the origin of its own form, and as nobody else's referrer.

    Under `no-referrer` a browser sends `Origin: null` (Fetch standard, "append a request `Origin`
    header").
    """
    assert "same-origin" == shared.send("GET", "/").headers["referrer-policy"]


def test_a_session_opens_no_api(shared: Served):
    """
    A cookie opens pages alone: what changes something needs the token in a header.
    """
    session = {"Cookie": cookie(login(shared, shared.token)), "Content-Type": "application/json"}

    assert 401 == shared.send("POST", f"/api/v1{START}", b"{}", session).status
    assert 401 == shared.send("GET", "/api/v1/runs", None, session).status


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
def test_a_form_is_a_form(shared: Served, kind: str):
    """
    Another content type than a form's is 415.
    """
    assert 415 == shared.send("POST", "/login", b"token=x", {"Content-Type": kind}).status


def test_a_run_that_is_not_there(shared: Served):
    """
    A run that is not there is 404, and to a stranger it is the form.
    """
    session = {"Cookie": cookie(login(shared, shared.token))}
    missing = "/runs/018f0000-0000-7000-8000-000000000000"

    gone = shared.send("GET", missing, None, session)
    assert (404, "text/html; charset=utf-8") == (gone.status, gone.headers["content-type"])
    assert b"there is no run" in gone.body
    assert 401 == shared.send("GET", missing).status


def test_the_style_is_one_file(shared: Served):
    """
    The style sheet is served by ourselves and may be kept.
    """
    answer = shared.send("GET", "/static/sark.css")

    assert [200, "text/css; charset=utf-8"] == [answer.status, answer.headers["content-type"]]
    assert b"color-scheme" in answer.body


def test_a_failure_comes_first(server: Served):
    """
    A run that failed shows what went wrong before anything else, as text whatever it holds.
    """
    server.activate({"hello.yaml": HELLO})
    identity = server.api("POST", START, {"inputs": {"name": EVIL}}).json["id"]
    server.rows(
        "UPDATE runs SET status = 'failed', started_at = now(), ended_at = now(), error = %s",
        json.dumps({"type": EVIL, "detail": EVIL, "step": EVIL, "class": "permanent"}),
    )
    session = {"Cookie": cookie(login(server, server.token))}
    run = server.send("GET", f"/runs/{identity}", None, session).body
    home = server.send("GET", "/", None, session).body

    assert run.index(b"&lt;script&gt;") < run.index(b"<dl>")
    assert b"<script" not in run + home
    assert b"failed: &lt;script&gt;" in home


def test_an_empty_page_says_what_to_do(server: Served):
    """
    Where there is nothing yet, the page names the command that changes it.
    """
    session = {"Cookie": cookie(login(server, server.token))}
    empty = server.send("GET", "/", None, session).body
    server.activate({"hello.yaml": HELLO.replace("name: hello", "name: greet")})
    filled = server.send("GET", "/", None, session).body

    for told in (b"sark up --repo PATH", b"sark sources", b"sark run NAME --wait"):
        assert told in empty
    assert b"sark run greet --wait" in filled


def test_a_page_tells_what_a_run_should_hold_to(server: Served):
    """
    The page of a run has its objectives, with the instant at which each is due.
    """
    promise = "objectives: [{id: quick, duration_below: 1h}]\n"
    server.activate({"hello.yaml": HELLO + promise})
    identity = server.api("POST", START, {"inputs": {}}).json["id"]
    session = {"Cookie": cookie(login(server, server.token))}

    assert b"Objective quick" in server.send("GET", f"/runs/{identity}", None, session).body
