"""One repository, two environments: the same workflow with other values and another folder."""

import json
import time
from collections.abc import Iterator

import pytest

from tests.stories.sink import Sink, sinking
from tests.stories.stack import Stack
from tests.stories.test_promotion import CONFIG

WORKFLOW = """\
apiVersion: sark/v1
kind: Workflow
name: report
steps:
  tell:
    uses: http.request@1
    with:
      method: PUT
      url: "{{ variables.URL }}/{{ variables.REGION }}/{{ inputs.n }}"
    if: inputs.n <= variables.LIMIT
inputs:
  n: {type: integer}
"""
SHOP = """\
apiVersion: sark/v1
kind: Connection
name: shop
adapter: http
secrets: [shop_token]
with: {url: https://shop.example, auth: {bearer: "{{ secrets.shop_token }}"}}
---
apiVersion: sark/v1
kind: Workflow
name: stock
inputs:
  n: {type: integer}
steps:
  count:
    uses: http.request@1
    connection: shop
    with: {method: PUT, url: "/stock/{{ inputs.n }}"}
"""
SECRETS = """
[secrets.staging]
shop_token = "env:STORY_SHOP"
[secrets.production]
shop_token = "env:STORY_SHOP"
"""
PLAIN = """\
apiVersion: sark/v1
kind: Workflow
name: plain
steps: {a: {wait: {for: 1s}}}
"""


def environment(name: str, url: str, region: str, limit: int) -> str:
    return (
        f"apiVersion: sark/v1\nkind: Environment\nname: {name}\n"
        f"variables: {{URL: '{url}', REGION: {region}, LIMIT: {limit}}}\n"
        f"connections: {{shop: {{with: {{url: '{url}/shop'}}}}}}\n"
    )


@pytest.fixture(scope="module")
def sinks() -> Iterator[tuple[Sink, Sink]]:
    with sinking() as one, sinking() as other:
        yield one, other


@pytest.fixture(scope="module")
def stack(sinks: tuple[Sink, Sink]) -> Iterator[Stack]:
    staging, production = sinks
    files = {
        "report.yaml": WORKFLOW,
        "plain.yaml": PLAIN,
        "shop.yaml": SHOP,
        "environments/staging.yaml": environment("staging", staging.url, "south", 1),
        "environments/production.yaml": environment("production", production.url, "north", 3),
    }
    hosts = json.dumps([f"127.0.0.1:{each.server_port}" for each in sinks])
    config = f"{CONFIG}\n{SECRETS}\n[adapters.http]\nallow_hosts = {hosts}\n"
    with Stack(files, config, STORY_SHOP="a-secret-of-the-shop") as running:
        yield running


def wait_for(sink: Sink, path: str) -> None:
    """Wait until a call has come, a minute at most."""
    end = time.monotonic() + 60
    while path not in sink.order and time.monotonic() < end:
        time.sleep(0.05)
    assert path in sink.order


def test_a_workflow_runs_with_the_values_of_its_environment(
    stack: Stack, sinks: tuple[Sink, Sink]
) -> None:
    """
    One commit calls the service of staging from staging and that of production from production;
    a variable that changes is a change of the workflow that reads it, and of no other.
    """
    stack.wait_active(stack.git("rev-parse", "HEAD"))
    for source in ("staging", "production"):
        told = stack.sark("run", f"{source}/report", "-i", "n=1", "--wait", "--json")
        assert "succeeded" == json.loads(told.stdout)["status"]

    staging, production = sinks
    wait_for(staging, "/south/1")
    wait_for(production, "/north/1")
    assert (["/south/1"], ["/north/1"]) == (staging.order, production.order)
    skipped = stack.sark("run", "staging/report", "-i", "n=2", "--wait", "--json")
    assert "succeeded" == json.loads(skipped.stdout)["status"]
    stack.sark("run", "production/report", "-i", "n=2", "--wait")
    wait_for(production, "/north/2")
    assert ["/south/1"] == staging.order

    changed = environment("production", production.url, "west", 3)
    stack.commit({"environments/production.yaml": changed})
    review = stack.sark(
        "plan", "HEAD~1..HEAD", "--root", str(stack.repository), "--env", "production"
    ).stdout
    assert "~ report" in review
    assert "north" in review
    assert "west" in review
    assert "plain" not in review
    same = stack.sark(
        "plan", "HEAD~1..HEAD", "--root", str(stack.repository), "--env", "staging"
    ).stdout
    assert "report" not in same


def test_a_step_talks_where_the_connection_of_its_environment_leads(
    stack: Stack, sinks: tuple[Sink, Sink]
) -> None:
    """
    A step names a connection and says its path; host and secret are those of the environment, and
    a change of where it leads is reviewed with the host that it newly reaches.
    """
    staging, production = sinks
    for source in ("staging", "production"):
        told = stack.sark("run", f"{source}/stock", "-i", "n=7", "--wait", "--json")
        assert "succeeded" == json.loads(told.stdout)["status"]

    wait_for(staging, "/shop/stock/7")
    wait_for(production, "/shop/stock/7")
    elsewhere = environment("production", "https://new.example", "north", 3)
    stack.commit({"environments/production.yaml": elsewhere})
    review = stack.sark(
        "plan", "HEAD~1..HEAD", "--root", str(stack.repository), "--env", "production"
    ).stdout
    assert "~ stock" in review
    assert "new.example" in review
