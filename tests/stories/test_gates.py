"""Events that wait for each other in a whole `sark up`, while what should let them go dies."""

import json
import os
import signal
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.stories.stack import Stack

TOKEN = "a-token-that-the-sender-has"
CONFIG = """\
[[sources]]
name = "local"
namespace = "local"
url = "REPOSITORY"
[secrets.local]
hook = "env:STORY_HOOK"
"""
SAVED = """\
apiVersion: sark/v1
kind: Workflow
name: saved
triggers:
  page:
    type: webhook
    path: saved
    auth: {bearer: hook}
    filter: event.body.page != 'draft'
    batch: {key: "{{ event.body.page }}", max_items: 50, max_wait: 3s}
    with: {page: "{{ event.items[0].body.page }}", count: "{{ event.items | length }}"}
inputs:
  page: {type: string}
  count: {type: integer}
steps:
  say: {uses: echo.say@1, with: {message: "{{ inputs.page }} {{ inputs.count }}"}}
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack({"saved.yaml": SAVED}, CONFIG, STORY_HOOK=TOKEN) as stack:
        limit = time.monotonic() + 60
        while not stack.link().get("/workflows")["items"]:
            assert time.monotonic() < limit
            time.sleep(0.1)
        yield stack


def post(stack: Stack, **body: object) -> int:
    request = urllib.request.Request(
        f"http://127.0.0.1:{stack.port}/hooks/local/saved",
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


def kill_controller(stack: Stack) -> None:
    for pid in stack.pids("sark-controller"):
        os.kill(pid, signal.SIGKILL)


def test_what_waits_goes_once_whatever_dies(stack: Stack) -> None:
    """
    Kill -9 the controller while events wait, twice: their run starts once and reads all of them,
    and the command line says so.
    """
    for number in range(4):
        assert 202 == post(stack, page="home", n=number)
    kill_controller(stack)
    assert 202 == post(stack, page="home", n=4)
    time.sleep(3)
    kill_controller(stack)
    limit = time.monotonic() + 60
    while stack.rows("SELECT 1 FROM held"):
        assert time.monotonic() < limit
        time.sleep(0.1)

    runs = stack.link().get("/runs?workflow=saved")["items"]
    counts = [stack.wait_ended(each["id"])["inputs"]["count"] for each in runs]
    assert 5 == sum(counts)
    told = json.loads(stack.sark("decisions", "--json", "--workflow", "saved").stdout)["items"]
    assert ["started"] * 5 == [each["said"] for each in told]
    assert {each["id"] for each in runs} == {each["run"] for each in told}


def test_what_erred_is_listed(stack: Stack) -> None:
    """
    A filter that has no value is a dead letter that `sark decisions --said error` shows with its
    reason.
    """
    assert 202 == post(stack, title="none")
    shown = stack.sark("decisions", "--said", "error").stdout

    assert "saved/page" in shown
    assert "page" in shown.splitlines()[-1]
    assert "local/saved" in shown
    wrong = stack.sark("decisions", "--said", "odd", check=False)
    assert (2, True) == (wrong.returncode, "'odd' is not one of" in wrong.stderr)
    missing = stack.sark("decisions", "-n", "nowhere", check=False)
    assert "there is no namespace nowhere" in missing.stderr
