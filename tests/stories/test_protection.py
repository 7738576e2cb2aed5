"""One repository, two environments: what runs at once in staging is held in production."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.stories.sink import Sink, sinking
from tests.stories.stack import Link, Stack
from tests.stories.test_promotion import CONFIG
from tests.stories.test_waits import PEOPLE, TOKENS, asked, decide, kill, sark_as

FILE = "environments/production.yaml"
PRODUCTION = """\
apiVersion: sark/v1
kind: Environment
name: production
variables: {PLACE: production}
protection: {by: ["group:sre"], expires: 1h}
"""
STAGING = """\
apiVersion: sark/v1
kind: Environment
name: staging
variables: {PLACE: staging}
"""
CALL = "uses: http.request@1\n    with: {{method: PUT, url: 'URL/{{{{ variables.PLACE }}}}/{}'}}\n"
DEPLOY = f"""\
apiVersion: sark/v1
kind: Workflow
name: deploy
steps:
  ship:
    {CALL.format("ship")}
  called: {{call: clean}}
  started: {{call: clean, detach: true}}
finally:
  steps:
    last:
      {CALL.format("last").replace("    with", "      with")}
---
apiVersion: sark/v1
kind: Workflow
name: clean
steps:
  sweep:
    {CALL.format("sweep")}
---
apiVersion: sark/v1
kind: WorkflowTest
name: ships
workflow: deploy
clock: 2026-03-29T02:30:00+02:00
mock: {{started: {{outputs: {{run: x}}}}}}
expect: {{order: [ship]}}
"""


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with sinking() as running:
        yield running


@pytest.fixture(scope="module")
def stack(sink: Sink) -> Iterator[Stack]:
    files = {
        "deploy.yaml": DEPLOY.replace("URL", sink.url),
        FILE: PRODUCTION,
        "environments/staging.yaml": STAGING,
    }
    hosts = json.dumps([f"127.0.0.1:{sink.server_port}"])
    config = f"{CONFIG}\n{TOKENS}\n[adapters.http]\nallow_hosts = {hosts}\n"
    with Stack(files, config) as running:
        running.wait_active(running.git("rev-parse", "HEAD"))
        yield running


def start(stack: Stack, source: str) -> str:
    told = stack.sark("run", f"{source}/deploy", "--json")
    return str(json.loads(told.stdout)["id"])


def wait_for(sink: Sink, path: str, times: int) -> None:
    """Wait until so many calls have come, a minute at most."""
    end = time.monotonic() + 60
    while sink.order.count(path) < times and time.monotonic() < end:
        time.sleep(0.05)

    assert times == sink.order.count(path), sink.order


def of_steps(run: dict[str, Any]) -> dict[str, str]:
    return {each["path"]: each["status"] for each in run["steps"]}


def test_a_run_is_let_into_a_protected_environment(stack: Stack, sink: Sink) -> None:
    """
    In staging it goes at once. In production it waits for a person before its first step, over the
    death of the worker; what it calls and what it starts are not asked for again.
    """
    assert "succeeded" == stack.wait_ended(start(stack, "staging"))["status"]
    wait_for(sink, "/staging/sweep", 2)

    run = start(stack, "production")
    approval = asked(stack, run)
    kill(stack, "sark-worker")
    assert ("protection.approve", "Let a run of deploy into production?") == (
        approval["path"],
        approval["show"],
    )
    assert 4 == stack.sark("approve", run, check=False).returncode
    assert [] == [each for each in sink.order if each.startswith("/production/")]
    sark_as(stack, "ann", "approve", run)
    ended = stack.wait_ended(run)

    assert "succeeded" == ended["status"], ended
    wait_for(sink, "/production/sweep", 2)
    assert 1 == sink.order.count("/production/ship")
    listed = stack.link().get("/runs?workflow=clean&namespace=production")["items"]
    [child] = [each["id"] for each in listed]
    assert "skipped" == of_steps(stack.wait_ended(child))["protection"]


def test_a_run_that_is_kept_out_touches_nothing(stack: Stack, sink: Sink) -> None:
    """
    After a no neither a step nor `finally` has run, and the run says who has rejected it.
    """
    before = list(sink.order)
    rejected, cancelled = start(stack, "production"), start(stack, "production")
    approval = asked(stack, rejected)
    asked(stack, cancelled)
    place = f"/runs/{rejected}/approvals/{approval['path']}"
    Link(stack.port, PEOPLE["bob"]).post(
        place, {"decision": "rejected", "asked": approval["asked"]}
    )
    stack.sark("cancel", cancelled)
    told = stack.wait_ended(rejected)

    assert ("failed", "sark.rejected") == (told["status"], told["error"]["type"])
    assert "cancelled" == stack.wait_ended(cancelled)["status"]
    assert before == sink.order
    assert "last" not in "".join(of_steps(told))


def test_a_protection_is_reviewed_like_all_else(stack: Stack) -> None:
    """
    A change of the protection is a change of each workflow there and of none elsewhere; tests need
    no answer for it, and a run on one's own machine asks whoever is there.
    """
    stack.commit({FILE: PRODUCTION.replace("expires: 1h", "expires: 1h, wait: 1s")})
    words = ("plan", "HEAD~1..HEAD", "--root", str(stack.repository), "--env")
    review = stack.sark(*words, "production").stdout
    tested = stack.sark("test", str(stack.repository), "--env", "production").stdout
    here = stack.sark(
        "run", str(stack.repository / "deploy.yaml"), "--env", "production", check=False
    )

    assert "~ deploy" in review
    assert "~ clean" in review
    assert "protection.wait" in review
    assert "deploy" not in stack.sark(*words, "staging").stdout
    assert "ships" in tested, tested
    assert 0 != here.returncode


def test_a_changed_protection_holds_the_next_run(stack: Stack) -> None:
    """
    A pause is waited for beside the question, and two people are two answers.
    """
    protection = PRODUCTION.replace("expires: 1h", "expires: 1h, wait: 1s, min: 2")
    commit = stack.commit({FILE: protection})
    stack.sark("sync", "production")
    end = time.monotonic() + 60
    while active(stack) != commit and time.monotonic() < end:
        time.sleep(0.05)

    run = start(stack, "production")
    approval = asked(stack, run)
    decide(stack, "ann", approval)
    assert {"ann": "approved"} == asked(stack, run)["decided"]
    decide(stack, "bob", approval)

    ended = stack.wait_ended(run)
    assert "succeeded" == ended["status"], ended
    assert "succeeded" == of_steps(ended)["protection.wait"]


def active(stack: Stack) -> str:
    listed = stack.link().get("/sources")["items"]
    return next(str(each["active"]) for each in listed if each["name"] == "production")
