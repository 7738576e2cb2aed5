"""Signed addresses that a run hands out, each good for one request."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from engine.core.values import Json
from tests.webhooks.served import Answer, Served, settings
from tests.webhooks.waits import ENVIRONMENT, SECRETS, as_, heard, run, tokens, waits
from webhooks.auth import callback
from webhooks.auth.callback import Wait

SCHEMA: Json = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}
PUBLIC = "https://sark.example/edge"


@pytest.fixture
def there(
    tmp_path: Path, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    for name, variable in ENVIRONMENT.items():
        monkeypatch.setenv(variable, SECRETS[name])
    told = settings(
        tmp_path, database_url, redis_url, tokens=tokens(), server={"public_url": f"{PUBLIC}/"}
    )
    with Served(told) as served:
        yield served


def post(served: Served, place: str, body: object) -> Answer:
    kind = {"Content-Type": "application/json"}
    return served.send("POST", place, json.dumps(body).encode(), kind)


def place(served: Served, run: str) -> str:
    """Return the path of the one address that a run hands out."""
    (found,) = served.api("GET", f"/runs/{run}/callbacks").json["items"]
    assert found["url"].startswith(f"{PUBLIC}/callbacks/")
    return str(found["url"].removeprefix(PUBLIC))


def test_one_request_is_taken(there: Served):
    """
    Whoever has the address sends one body that fits, with no token; the second is 409.
    """
    one = run(there)
    waits(there, one, "load[é/x].ready", SCHEMA)
    address = place(there, one)
    refused = post(there, address, {"ok": "yes"})
    answers = [post(there, address, {"ok": True}) for _ in range(2)]

    assert (422, "/ok") == (refused.status, refused.json["errors"][0]["pointer"])
    assert [202, 409] == [each.status for each in answers]
    assert {"run": one, "path": "load[é/x].ready"} == answers[0].json
    told = {"type": "callback", "data": {"ok": True}}
    assert [("arrived", "load[é/x].ready", told)] == heard(there, one)
    (listed,) = there.api("GET", f"/runs/{one}/callbacks").json["items"]
    assert listed["used_at"] is not None


def test_a_wait_that_is_over_takes_nothing(there: Served):
    """
    An address whose wait has ended, or begun anew, is 409; nothing is told to the run.
    """
    one = run(there)
    waits(there, one, "a", {})
    address = place(there, one)
    there.rows("DELETE FROM callbacks")
    assert 409 == post(there, address, {}).status
    waits(there, one, "a", {})
    assert 409 == post(there, address, {}).status
    newer = place(there, one)
    there.rows("UPDATE runs SET status = 'failed', ended_at = now()")

    assert 409 == post(there, newer, {}).status
    assert [] == heard(there, one)


def test_an_address_cannot_be_made_up(there: Served):
    """
    Whatever is no address of ours is the same 404, before its body is looked at.
    """
    one = run(there)
    waits(there, one, "a", {})
    address = place(there, one)
    forged = [
        address[:-1], f"{address}A", address.replace("callbacks/", "callbacks/A"), "/callbacks/x",
        "/callbacks/%00", "/callbacks/é".encode().decode("latin-1"), f"/callbacks/{'A' * 5000}",
    ]  # fmt: skip
    answers = [there.send("POST", each.encode("utf-8").decode("latin-1"), b"no json")
               for each in forged if each.isascii()]  # fmt: skip

    assert {(404, "callback.unknown")} == {(each.status, each.json["code"]) for each in answers}
    assert [] == heard(there, one)


def test_addresses_are_secrets(there: Served):
    """
    Only an administrator reads the addresses: who has one may answer in the world's name.
    """
    one = run(there)
    waits(there, one, "a", {})

    assert 403 == as_(there, "ann", "GET", f"/runs/{one}/callbacks").status
    assert 200 == as_(there, "root", "GET", f"/runs/{one}/callbacks").status
    assert "callbacks" not in as_(there, "eve", "GET", "/runs").body.decode()


@pytest.mark.parametrize("path", ["a", "load[é/x].ready", "x" * 1000])
def test_a_token_says_which_wait_is_meant(path: str):
    """
    A token is read back as what it was made for, under its own key and no other.
    """
    wait = Wait(uuid4(), path, uuid4())
    made = callback.sign(b"key", wait)

    assert wait == callback.read(b"key", made)
    assert None is callback.read(b"another", made)
    assert None is callback.read(b"key", callback.sign(b"key", Wait(UUID(int=0), "", wait.id))[:-2])
