"""What was tried in staging goes to production, by one line in Git."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.forge.gitea import TOKEN, FakeGitea
from tests.git.repo import ENVIRONMENT
from tests.stories.stack import Stack
from tests.stories.test_first_way import HELLO

CONFIG = """
[[sources]]
name = "staging"
namespace = "staging"
environment = "staging"
url = "REPOSITORY"

[[sources]]
name = "production"
namespace = "production"
environment = "production"
url = "REPOSITORY"
"""
# An environment that is looked after, and that no document describes.
BARE = """
[[sources]]
name = "trial"
namespace = "trial"
environment = "trial"
url = "REPOSITORY"
"""
FILE = "environments/production.yaml"
PRODUCTION = """\
# What customers see.
apiVersion: sark/v1
kind: Environment
name: production   # not prod
promotion: {from: staging, verify: [hello]}

variables:
  REGION:   north
"""
STAGING = "apiVersion: sark/v1\nkind: Environment\nname: staging\n"
BROKEN = HELLO.replace("name: hello", "name: bad").replace("{{ name }}", "{{ name.missing }}")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    described = {FILE: PRODUCTION, "environments/staging.yaml": STAGING}
    with Stack({"hello.yaml": HELLO, **described}, CONFIG + BARE) as running:
        yield running


def promote(stack: Stack, *words: str, code: int = 0) -> str:
    """Return what the command prints; it ends with a code."""
    path = ("--path", str(stack.repository))
    done = stack.sark("promote", "staging", "production", *path, *words, check=False)

    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def active(stack: Stack, source: str) -> str:
    """Look, and return the commit that is live."""
    return str(json.loads(stack.sark("sync", source, "--json").stdout)["active"])


def merge(stack: Stack, branch: str) -> str:
    stack.git("merge", "-q", "--ff-only", branch)
    return stack.git("rev-parse", "HEAD")


def test_a_commit_is_promoted_once_it_was_tried(stack: Stack):
    """
    Refused until a run has succeeded in staging; then one line on a new branch, which is live in
    production when it is merged, while staging goes on. Comments and the work tree stay.
    """
    first = stack.git("rev-parse", "HEAD")
    stack.wait_active(first)
    assert first == active(stack, "production")
    refused = promote(stack, code=3)
    assert "REFUSED  runs   no run has succeeded yet of hello" in refused
    assert "" == stack.git("branch", "--list", "promote/*")
    stack.sark("run", "staging/hello", "--wait")

    told = json.loads(promote(stack, "--json"))
    assert (True, first, FILE) == (told["promoted"], told["commit"], told["file"])
    assert ["route", "soak", "runs", "plans"] == [each["gate"] for each in told["gates"]]
    assert "" == stack.git("status", "--porcelain")
    assert [FILE] == stack.git("diff", "--name-only", f"HEAD..{told['branch']}").split()
    line = f"revision: {first}\n"
    wanted = PRODUCTION.replace("# not prod\n", f"# not prod\n{line}")
    assert wanted.strip() == stack.git("show", f"{told['branch']}:{FILE}")
    assert f"Promote {first[:12]} from staging to production" == stack.git(
        "log", "-1", "--format=%s", told["branch"]
    )
    assert "there is a branch" in promote(stack, code=1)
    merged = merge(stack, told["branch"])
    assert (merged, first) == (active(stack, "staging"), active(stack, "production"))
    why = stack.sark("why", merged).stdout
    assert f"pinned by {FILE} to {first[:12]}" in why
    assert (
        f"Pinned: ByEnvironment: pinned by {FILE} to {first[:12]}" in stack.sark("sources").stdout
    )


def test_a_gate_refuses_and_a_reason_opens_it(stack: Stack):
    """
    Soak time, failed runs and a wrong origin refuse with the reason; --force needs one, and the
    commit tells it with the gates that it has gone past.
    """
    head = stack.commit({"bad.yaml": BROKEN, "hello.yaml": HELLO.replace("Hello", "Good day")})
    assert head == active(stack, "staging")
    stack.sark("run", "staging/hello", "--wait")
    stack.sark("run", "staging/bad", "--wait", check=False)
    soak = promote(stack, "--soak", "9d", code=3)
    assert "REFUSED  soak   live for" in soak
    assert "of the 9d that are asked for" in soak
    assert "not promoted (soak, runs)" in promote(stack, "--soak", "9d", "--verify", "bad", code=3)
    assert "1 of 2 runs have failed: bad (" in promote(stack, "--verify", "bad", code=3)
    assert "wants a reason" in promote(stack, "--verify", "bad", "--force", " ", code=2)

    promote(stack, "--verify", "bad", "--force", "hotfix for 4711", "--branch", "hot")
    message = stack.git("log", "-1", "--format=%B", "hot")
    assert "- runs: REFUSED, 1 of 2 runs have failed" in message
    assert "Forced: hotfix for 4711" in message


def test_a_patch_is_printed_for_whoever_has_no_branch(stack: Stack):
    """
    --print gives on stdout a patch that git applies, and changes nothing.
    """
    path = ("--path", str(stack.repository))
    head = stack.commit({"hello.yaml": HELLO.replace("Hello", "Good night")})
    assert head == active(stack, "staging")
    stack.sark("run", "staging/hello", "--wait")
    done = stack.sark("promote", "staging", "production", *path, "--print")
    subprocess.run(
        ["git", "apply", "--check", "-"], cwd=stack.repository, check=True, text=True,
        input=done.stdout, env={**ENVIRONMENT, "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert f"+revision: {head}" in done.stdout
    assert "ok       plans" in done.stderr


def test_a_pull_request_is_opened_at_the_forge(stack: Stack, tmp_path: Path):
    """
    --open-pr pushes the branch to origin and asks there for it to be merged, with the gates told.
    """
    origin = tmp_path / "origin.git"
    stack.git("init", "-q", "--bare", str(origin))
    stack.git("remote", "add", "origin", str(origin))
    stack.git("push", "-q", "origin", "main")
    with FakeGitea() as forge:
        told = (
            f'{{kind = "gitea", api = "{forge.api}", repository = "{forge.repository}", '
            'token = "env:FORGE_TOKEN"}'
        )
        config = tmp_path / "sark.toml"
        text = CONFIG.replace("REPOSITORY", str(stack.repository))
        config.write_text(f"{text}forge = {told}\n")
        done = stack.sark(
            "promote", "staging", "production", "--path", str(stack.repository), "--open-pr",
            "--branch", "asked", "--config", str(config), "--server", f"http://127.0.0.1:{stack.port}",
            FORGE_TOKEN=TOKEN,
        )  # fmt: skip
        [pull] = forge.pulls.values()

    assert f"pull request {pull['number']}" in done.stdout
    assert ("asked", "main") == (pull["head"]["ref"], pull["base"]["ref"])
    assert stack.git("rev-parse", "asked") == stack.git(
        "ls-remote", str(origin), "refs/heads/asked"
    ).split()[0]  # fmt: skip
    stack.git("remote", "remove", "origin")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("staging", "nowhere"), 1, "no source is bound to nowhere (there are: production, stag"),
        (("staging", "staging"), 1, "not from itself"),
        (("staging", "trial"), 1, "describes the Environment trial"),
        (("staging", "production", "--soak", "soon"), 2, "--soak"),
        (("staging", "production", "--print", "--open-pr"), 2, "leave --branch and --open-pr out"),
        (("staging", "production", "--branch", "a..b"), 1, "no name for a branch"),
        (("staging", "production", "--open-pr"), 2, "has no `forge`"),
    ],
)
def test_a_wrong_word_changes_nothing(stack: Stack, words: tuple[str, ...], code: int, told: str):
    """
    What is wrong is said with what is known, and there is no branch because of it.
    """
    before = stack.git("for-each-ref")
    done = stack.sark("promote", *words, "--path", str(stack.repository), check=False)

    assert code == done.returncode, done.stdout + done.stderr
    assert told in done.stdout + done.stderr
    assert before == stack.git("for-each-ref")
