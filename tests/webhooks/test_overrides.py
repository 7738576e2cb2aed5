"""What people put between a commit and its being live, as the API takes it."""

from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from tests.webhooks.served import Served, settings
from tests.webhooks.test_api import SPECS

SHA = "c0ffee" + "0" * 34
SUSPEND = "/sources/shop/overrides/suspend"
VIEWER = "the-token-of-a-viewer"


@pytest.fixture
def here(tmp_path: Path, database_url: str, redis_url: str) -> Any:
    tokens = [{"name": "eyes", "token": f"file:{tmp_path / 'eyes'}", "role": "viewer"}]
    (tmp_path / "eyes").write_text(VIEWER)
    with Served(settings(tmp_path, database_url, redis_url, tokens=tokens)) as served:
        served.activate(SPECS)
        yield served


def test_a_source_is_suspended_and_resumed(here: Served):
    """
    Who, why and until when is told with the source, in the audit log, and gone once taken back.
    """
    before = here.api("GET", "/sources/shop").json
    made = here.api("PUT", SUSPEND, {"reason": "migration", "for": "2h"})
    source = here.api("GET", "/sources/shop").json

    assert 202 == made.status
    assert before["generation"] + 1 == made.json["generation"] == source["generation"]
    assert [made.json["override"]] == source["overrides"]
    told = source["overrides"][0]
    assert ("suspend", "migration", "token:admin") == (told["kind"], told["reason"], told["actor"])
    assert told["until"] > told["since"]
    assert source == here.api("GET", "/sources").json["items"][0]
    assert 202 == here.api("DELETE", SUSPEND).status
    assert [] == here.api("GET", "/sources/shop").json["overrides"]
    again = here.api("DELETE", SUSPEND)
    assert (404, "no suspend of source shop stands") == (again.status, again.json["detail"])
    (first, second) = here.rows("SELECT action, resource, allowed, reason FROM audit ORDER BY id")
    assert ("source.suspend", "source:shop/shop", True) == first[:3]
    assert first[3].startswith("suspended by token:admin until ")
    assert first[3].endswith(": migration")
    assert "taken back" == second[3]


@pytest.mark.parametrize(
    ("kind", "body", "pointer", "words"),
    [
        ("suspend", {"for": "2h"}, "/reason", "say why, in a few words"),
        ("suspend", {"reason": "  ", "for": "2h"}, "/reason", "say why, in a few words"),
        ("suspend", {"reason": "a\nb", "for": "2h"}, "/reason", "one line"),
        ("suspend", {"reason": "x" * 501, "for": "2h"}, "/reason", "up to 500 characters"),
        ("suspend", {"reason": "x"}, "/for", "say for how long, up to 30d"),
        ("suspend", {"reason": "x", "for": "31d"}, "/for", "up to 30d, found '31d'"),
        ("suspend", {"reason": "x", "for": "0s"}, "/for", "found '0s'"),
        ("suspend", {"reason": "x", "for": "soon"}, "/for", "found 'soon'"),
        ("suspend", {"reason": "x", "for": f"{10**15}d"}, "/for", "up to 30d"),
        ("suspend", {"reason": "x", "for": 5}, "/for", "found 5"),
        ("suspend", {"reason": "x", "for": "1h", "commit": SHA}, "/commit", "about no commit"),
        ("suspend", {"reason": "x", "for": "1h", "until": "x"}, "/until", "no such key"),
        ("thaw", {"reason": "x", "for": "25h"}, "/for", "up to 1d"),
        ("rollback", {"reason": "x"}, "/commit", "the full hash"),
        ("rollback", {"reason": "x", "commit": SHA[:12]}, "/commit", "40 or 64 of 0-9 and a-f"),
        ("rollback", {"reason": "x", "commit": SHA, "for": "91d"}, "/for", "up to 90d"),
        ("confirm", {"reason": "x", "commit": SHA, "for": "1h"}, "/for", "stands for 7d"),
        ("suspend", ["reason"], "", "expected an object"),
    ],
)
def test_what_cannot_be_put_is_told(shared: Served, kind: str, body: Any, pointer: str, words: str):
    """
    Each fault is told at its place: what was expected there, and what was found.
    """
    shared.activate(SPECS)
    answer = shared.api("PUT", f"/sources/shop/overrides/{kind}", body)

    assert 422 == answer.status
    (fault,) = answer.json["errors"]
    assert pointer == fault["pointer"]
    assert words in fault["message"]
    assert [] == shared.api("GET", "/sources/shop").json["overrides"]


def test_what_is_not_there_can_have_no_override(here: Served):
    """
    An unknown source or kind is 404; a source that nobody looks at any more is a conflict.
    """
    body = {"reason": "x", "for": "1h"}

    assert 404 == here.api("PUT", "/sources/nothing/overrides/suspend", body).status
    unknown = here.api("PUT", "/sources/shop/overrides/stop", body)
    assert 404 == unknown.status
    here.rows("UPDATE sources SET configured = false RETURNING 1")
    assert 409 == here.api("PUT", SUSPEND, body).status


def test_a_look_is_asked_for(here: Served):
    """
    A look is asked for, the number to wait for is told, and who it was is kept. One that nobody
    will make, for the source is out of the configuration, is refused at once.
    """
    answer = here.api("POST", "/sources/shop/sync", {})
    asked = here.api("GET", "/sources/shop").json["generation"]

    assert (202, asked) == (answer.status, answer.json["generation"])
    assert [("token:admin",)] == here.rows("SELECT asked_by FROM sources WHERE name = 'shop'")
    assert 404 == here.api("POST", "/sources/nothing/sync").status
    here.rows("UPDATE sources SET configured = false RETURNING 1")
    refused = here.api("POST", "/sources/shop/sync", {})
    assert 409 == refused.status
    assert "not in the configuration" in refused.json["detail"]
    assert asked == here.api("GET", "/sources/shop").json["generation"]


def test_only_what_is_held_is_confirmed(here: Served):
    """
    A commit that is held for something else, or not at all, cannot be confirmed.
    """
    put = "/sources/shop/overrides/confirm"
    body = {"reason": "meant", "commit": SHA}
    nothing = here.api("PUT", put, body)
    condition = {"type": "Unheld", "status": False, "reason": "Prune", "message": "", "since": ""}
    here.rows("UPDATE sources SET attempted = %s, conditions = %s WHERE name = 'shop' RETURNING 1",
              SHA, Jsonb([condition]))  # fmt: skip
    other = here.api("PUT", put, {**body, "commit": "f" * 40})

    assert (409, "no commit is held for what it removes, not c0ffee000000") == (
        nothing.status, nothing.json["detail"],
    )  # fmt: skip
    assert 409 == other.status
    assert other.json["detail"].startswith(f"{SHA} is held")
    assert 202 == here.api("PUT", put, body).status


def test_a_viewer_sees_and_changes_nothing(here: Served):
    """
    Whoever only reads is told what stands, and denied to put anything; the denial is recorded.
    """
    told = {"Authorization": f"Bearer {VIEWER}", "Content-Type": "application/json"}
    body = b'{"reason": "x", "for": "1h"}'

    assert 200 == here.send("GET", "/api/v1/sources/shop", None, told).status
    assert 403 == here.send("PUT", f"/api/v1{SUSPEND}", body, told).status
    assert 403 == here.send("DELETE", f"/api/v1{SUSPEND}", None, told).status
    rows = here.rows("SELECT actor, action, allowed FROM audit ORDER BY id")
    assert [("token:eyes", "source.suspend", False)] * 2 == rows
