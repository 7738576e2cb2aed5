"""What the API tells to whom: nothing to strangers, and to others what policy opens."""

from pathlib import Path
from uuid import uuid4

import pytest

from policies.authorizer import Authorizer
from tests.webhooks.served import Served, settings
from tests.webhooks.test_api import SPECS, START


@pytest.fixture(scope="module")
def there(shared: Served) -> Served:
    shared.activate(SPECS)
    return shared


# A run that is not there.
ABSENT = "0190f6f0-0000-7000-8000-000000000000"
UNKNOWN = [
    f"/runs/{ABSENT}",
    "/runs/nothing",
    "/runs/..%2f..%2fetc%2fpasswd",
    f"/runs/{ABSENT}/journal",
    "/workflows/shop/nothing",
    "/sources/nothing",
    "/nothing",
    "/runs//",
]


@pytest.mark.parametrize("path", UNKNOWN)
def test_what_is_not_there_is_404(there: Served, path: str):
    """
    Whatever is not there is a problem with status 404.
    """
    answer = there.api("GET", path)

    assert 404 == answer.status
    assert ["application/problem+json", 404] == [
        answer.headers["content-type"], answer.json["status"],
    ]  # fmt: skip
    assert answer.json["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/sources/a%00b", 404),
        ("POST", "/sources/%00/sync", 404),
        ("GET", "/workflows/%00/hello", 404),
        ("GET", "/workflows?namespace=%00", 422),
        ("GET", "/runs?workflow=%00", 422),
    ],
)
def test_what_postgresql_cannot_hold_is_not_asked_for(
    there: Served, method: str, path: str, status: int
):
    """
    A NUL in an address or a parameter is refused like any other name that nothing has.
    """
    assert status == there.api(method, path).status


NEEDS_A_TOKEN = [
    ("GET", "/api/v1/runs"),
    ("GET", f"/api/v1/runs/{ABSENT}"),
    ("GET", f"/api/v1/runs/{ABSENT}/journal"),
    ("POST", f"/api/v1/runs/{ABSENT}/cancel"),
    ("GET", "/api/v1/workflows"),
    ("GET", "/api/v1/workflows/shop/hello"),
    ("POST", "/api/v1/workflows/shop/hello/runs"),
    ("GET", "/api/v1/sources"),
    ("GET", "/api/v1/sources/shop"),
    ("POST", "/api/v1/sources/shop/sync"),
    ("GET", "/api/v1/commits/c0ffee"),
    ("GET", "/api/openapi.json"),
    ("GET", "/metrics"),
    ("GET", "/api/v1/nothing"),
    ("DELETE", "/api/v1/runs"),
    ("OPTIONS", "/api/v1/runs"),
    ("GET", "/api/v1/runs?staus=failed"),
]


@pytest.mark.parametrize(("method", "path"), NEEDS_A_TOKEN)
def test_nothing_is_told_to_strangers(there: Served, method: str, path: str):
    """
    Without the token, or with another, every address of the API is 401, whatever is there.
    """
    for told in (
        {},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": f"Basic {there.token}"},
        {"Authorization": f"Bearer {there.token}x"},
        {"Authorization": "Bearer " + "x" * 8000},
        {"Cookie": f"sark={there.token}; sark_token={there.token}"},
    ):
        answer = there.send(method, path, None, told)
        assert 401 == answer.status
        assert 'Bearer realm="sark"' == answer.headers["www-authenticate"]
    assert 401 == there.send(method, f"{path.partition('?')[0]}?token={there.token}").status


def test_the_token_is_a_private_file(there: Served):
    """
    The token's file is its owner's alone; the server's own memory of it is a hash.
    """
    path = there.settings.state / "token"

    assert 0o600 == path.stat().st_mode & 0o777
    assert len(there.token) >= 43


POLICY = """
allow(actor, action, resource) if
    actor.kind = "token" and resource.namespace = "shop" and opens(action);
opens("run.read"); opens("workflow.read"); opens("source.read"); opens("run.start");
"""


@pytest.fixture
def tenant(tmp_path: Path, database_url: str, redis_url: str):
    """A server whose policy opens the namespace shop alone, and no cancelling."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "tenant.polar").write_text(POLICY)
    told = settings(tmp_path, database_url, redis_url)
    with Served(told, Authorizer(rules)) as served:
        served.activate(SPECS)
        served.activate(SPECS, "bank", "quiet")
        yield served


def test_another_namespace_does_not_exist(tenant: Served):
    """
    What policy hides answers as what is not there does, and no list or filter tells of it.
    """
    mine = tenant.api("POST", START, {"inputs": {}}).json["id"]
    theirs = str(uuid4())
    tenant.rows(
        "INSERT INTO runs (id, namespace, workflow, plan, trigger, inputs)"
        " SELECT %s, 'bank', workflow, plan, trigger, inputs FROM runs",
        theirs,
    )
    hidden = (
        f"/runs/{theirs}",
        f"/runs/{theirs}/journal",
        "/workflows/bank/hello",
        "/sources/quiet",
    )
    for path in hidden:
        absent = path.replace(theirs, str(uuid4())).replace("bank", "b").replace("quiet", "q")
        known, unknown = tenant.api("GET", path), tenant.api("GET", absent)
        assert [404, 404] == [known.status, unknown.status]
        assert known.json["code"] == unknown.json["code"]
    for path in ("/runs", "/runs?workflow=hello", "/runs?namespace=bank", "/workflows", "/sources"):
        assert "bank" not in str(tenant.api("GET", path).json["items"])
    assert [mine] == [each["id"] for each in tenant.api("GET", "/runs").json["items"]]
    assert 404 == tenant.api("POST", f"/runs/{theirs}/cancel").status


def test_a_denial_is_403_and_is_written_down(tenant: Served):
    """
    What policy denies is 403 with the reason; the audit log has it and cannot be changed.
    """
    identity = tenant.api("POST", START, {"inputs": {}}).json["id"]

    assert 403 == tenant.api("POST", f"/runs/{identity}/cancel").status
    assert 403 == tenant.api("POST", "/workflows/bank/hello/runs", {"inputs": {}}).status
    assert (
        403
        == tenant.send("GET", "/metrics", None, {"Authorization": f"Bearer {tenant.token}"}).status
    )
    told = tenant.rows("SELECT actor, action, resource, allowed FROM audit ORDER BY id")
    assert ("token:admin", "run.cancel", "run:shop/hello", False) == told[0]
    assert ("token:admin", "run.start", "workflow:bank/hello", False) == told[1]
    for statement in ("DELETE FROM audit", "UPDATE audit SET allowed = true", "TRUNCATE audit"):
        with pytest.raises(Exception, match="never changed"):
            tenant.rows(statement)


def test_a_webhook_is_asked_about_too(tenant: Served):
    """
    A push whose route may start nothing starts nothing, and its decision says who denied it.
    """
    from tests.webhooks.test_inbound import BOTH, BRANCH

    tenant.activate(BOTH)
    answer = tenant.push(BRANCH, "d-1")

    assert [202, []] == [answer.status, answer.json["runs"]]
    assert {"denied", "unmatched"} == {row[0] for row in tenant.rows("SELECT said FROM decisions")}
