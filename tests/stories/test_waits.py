"""Runs that wait for people and events, while processes die around them."""

import asyncio
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.core import codec
from engine.core.plan import (
    FORMAT,
    Approve,
    Assignment,
    Await,
    Plan,
    Projection,
    Scope,
    Trigger,
)  # fmt: skip
from engine.core.values import Json
from engine.store import plans
from engine.store.plans import StoredPlan
from engine.store.pool import connect
from tests.core.runs import step
from tests.heart import plan, sealed
from tests.stories.stack import Link, Stack
from tests.stories.test_first_way import HELLO

HOUR = timedelta(hours=1)
PEOPLE = {name: f"the-token-of-{name}-in-this-story" for name in ("ann", "bob")}
TOKENS = "".join(
    f'[[tokens]]\nname = "{name}"\nrole = "approver"\ngroups = ["sre"]\n'
    f'sha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
    for name, token in PEOPLE.items()
)
CONFIG = f"""\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
{TOKENS}
[worker]
lease = "1500ms"
sweep = "300ms"
"""


def by_hand(name: str, root: Scope, outputs: Sequence[str], trigger: Trigger) -> Plan:
    """Return a plan that takes `n` and gives these expressions."""
    told = tuple(Assignment(f"o{i}", each, {}) for i, each in enumerate(outputs))
    inputs: Json = {"type": "object", "properties": {"n": {"type": "integer"}}}
    return sealed(
        Plan(name, f"{name}.yaml", inputs, replace(root, outputs=told), triggers=(trigger,))
    )


def both(minimum: int) -> Plan:
    """Return a plan that waits for people and an event at once."""
    ask = Approve(("group:sre",), HOUR, minimum, show="deploy {{ inputs.n }}?")
    wait = Await(HOUR, "paid", "event.data.n == inputs.n", ("data.n", "inputs.n"))
    root = plan(
        step("ok", verb=ask), step("paid", verb=wait, outputs=(Projection("id", "event.id", {}),))
    ).root
    outputs = ("{{ steps.ok.outputs.by }}", "{{ steps.paid.outputs.id }}")
    return by_hand(f"deploy{minimum}", root, outputs, Trigger("api", "api", {}))


def told() -> Plan:
    """Return a plan that an event starts."""
    trigger = Trigger("paid", "event", {"event": "ordered"}, None, {"n": "{{ event.data.n }}"})
    return by_hand("told", plan(step("a")).root, (), trigger)


async def activate(url: str, made: Sequence[Plan]) -> None:
    """Make plans active beside those of the repository, of no source: nobody mends them."""
    async with await connect(url, "test") as connection, connection.transaction():
        stored = [StoredPlan(each.digest, FORMAT, codec.encode(each)) for each in made]
        await plans.insert(connection, stored)
        for each in made:
            await connection.execute(
                "INSERT INTO workflows (namespace, name, source, commit_sha, plan, file)"
                " VALUES ('local', %s, 'hand', 'c0ffee', %s, %s)",
                (each.name, each.digest, each.file),
            )
        await connection.execute("UPDATE activation SET number = number + 1")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack({"hello.yaml": HELLO}, CONFIG) as running:
        asyncio.run(activate(running.database_url, [both(1), both(2), told()]))
        yield running


def asked(stack: Stack, run: str, patience: float = 60) -> dict[str, Any]:
    """Wait until a run asks people, and return what it asks."""
    limit, link = time.monotonic() + patience, stack.link()
    while not (found := link.get(f"/runs/{run}/approvals")["items"]):
        assert time.monotonic() < limit, f"run {run} asks nobody"
        time.sleep(0.02)
    return dict(found[0])


def decide(stack: Stack, name: str, approval: dict[str, Any]) -> dict[str, Any]:
    place = f"/runs/{approval['run']}/approvals/{approval['path']}"
    body = {"decision": "approved", "asked": approval["asked"]}
    return Link(stack.port, PEOPLE[name]).post(place, body)


def sark_as(
    stack: Stack, name: str, *words: str, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the command line with a person's token."""
    return stack.sark(*words, check=check, SARK_TOKEN=PEOPLE[name])


def kill(stack: Stack, *names: str) -> None:
    """Kill -9 every process of these names, once there is one of each."""
    for name in names:
        limit = time.monotonic() + 60
        while not (found := stack.pids(name)):
            assert time.monotonic() < limit, f"there is no {name}"
            time.sleep(0.02)
        for pid in found:
            os.kill(pid, signal.SIGKILL)


def kinds(stack: Stack, run: str) -> list[str]:
    return [row[0] for row in stack.rows("SELECT kind FROM journal WHERE run_id = %s", run)]


def test_what_is_waited_for_survives_every_process(stack: Stack) -> None:
    """
    Kill -9 the worker and the controller while a run waits for two people and an event: the event
    that is sent meanwhile, twice, is not lost, and two people who decide at once, each twice, are
    two decisions.
    """
    run = stack.link().start("deploy2", n=7)
    approval = asked(stack, run)
    kill(stack, "sark-worker", "sark-controller")
    for _ in range(2):
        stack.sark("emit", "paid", "--data", '{"n": 7}', "--id", "order-7")
    stack.sark("emit", "paid", "--data", '{"n": 8}')
    answers: list[dict[str, Any]] = []
    threads = [
        threading.Thread(target=lambda name=name: answers.append(decide(stack, name, approval)))
        for name in (*PEOPLE, *PEOPLE)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    kill(stack, "sark-worker", "sark-controller")
    ended = stack.wait_ended(run, 60)

    assert "succeeded" == ended["status"], ended
    assert [PEOPLE.keys(), "order-7"] == [set(ended["outputs"]["o0"]), ended["outputs"]["o1"]]
    assert [False, False, True, True] == sorted(each["repeated"] for each in answers)
    assert [2, 1] == [kinds(stack, run).count(each) for each in ("decided", "arrived")]


def test_one_decision_told_twice_is_not_two(stack: Stack) -> None:
    """
    A person who decides, and again after the worker that heard it has died, has one voice: the
    run waits for another.
    """
    run = stack.link().start("deploy2", n=9)
    approval = asked(stack, run)
    decide(stack, "ann", approval)
    kill(stack, "sark-worker")

    assert decide(stack, "ann", approval)["repeated"]
    assert {"ann": "approved"} == asked(stack, run)["decided"]
    assert not decide(stack, "bob", approval)["repeated"]
    stack.sark("emit", "paid", "--data", '{"n": 9}')
    assert "succeeded" == stack.wait_ended(run, 60)["status"]
    assert 2 == kinds(stack, run).count("decided")


def test_an_event_starts_runs_once_whatever_dies(stack: Stack) -> None:
    """
    An event that comes while nobody follows events starts its workflow once, when somebody does.
    """
    kill(stack, "sark-controller")
    for _ in range(3):
        stack.sark("emit", "ordered", "--data", '{"n": 3}', "--id", "once", "-n", "local")
    limit = time.monotonic() + 60
    while not (found := stack.link().get("/runs?workflow=told")["items"]):
        assert time.monotonic() < limit
        time.sleep(0.05)
    stack.wait_ended(found[0]["id"])

    assert [("started",)] == stack.rows("SELECT said FROM decisions WHERE route = 'local:events'")
    assert 1 == len(stack.link().get("/runs?workflow=told")["items"])
    (event,) = json.loads(stack.sark("events", "--type", "ordered", "--json").stdout)["items"]
    assert ["once", "sark-cli", {"n": 3}] == [event["id"], event["source"], event["data"]]


def test_a_person_at_the_command_line(stack: Stack) -> None:
    """
    Who is asked sees what, approves it or rejects it with a reason; the initiator cannot.
    """
    first, second = (stack.link().start("deploy1", n=n) for n in (1, 2))
    for run in (first, second):
        asked(stack, run)
    listed = sark_as(stack, "ann", "approvals").stdout
    shown = sark_as(stack, "ann", "show", first).stdout

    assert "deploy 1?" in listed
    assert "group:sre" in listed
    assert "waits for approval until" in shown
    assert "waits for event paid until" in shown
    assert "deploy 1?" in shown
    assert 4 == stack.sark("approve", first, check=False).returncode
    assert "ok approved by ann\n" == sark_as(stack, "ann", "approve", first, "ok").stdout
    done = sark_as(stack, "ann", "reject", second, "--note", "not on a Friday", "--json")
    assert "rejected" == json.loads(done.stdout)["decision"]
    stack.sark("emit", "paid", "--data", '{"n": 2}')  # what runs beside it ends first
    assert "sark.rejected" == stack.wait_ended(second)["error"]["type"]
    assert 1 == sark_as(stack, "ann", "approve", second, check=False).returncode
    stack.sark("cancel", first)
