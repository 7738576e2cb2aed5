"""A rollback that Git is told of: a branch that says so, and a pull request of it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.forge import gitea, github, gitlab
from tests.stories.stack import Stack
from tests.stories.test_first_way import HELLO

CONFIG = """
[[sources]]
name = "shop"
namespace = "shop"
url = "REPOSITORY"
root = "shop"

[[sources]]
name = "yard"
namespace = "yard"
environment = "yard"
url = "REPOSITORY"
root = "yard"
"""
Forge: TypeAlias = type[github.FakeGitHub] | type[gitlab.FakeGitLab] | type[gitea.FakeGitea]
FILE = "yard/environments/yard.yaml"
YARD = "apiVersion: sark/v1\nkind: Environment\nname: yard  # the one behind\n"


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    files = {"shop/hello.yaml": HELLO, "yard/hello.yaml": HELLO, FILE: YARD}
    with Stack(files, CONFIG) as running:
        yield running


@pytest.fixture(autouse=True)
def unpinned(stack: Stack) -> Iterator[None]:
    """Let the next test begin with sources that follow their branch."""
    yield
    for name in ("shop", "yard"):
        stack.sark("unpin", name, check=False)


@pytest.fixture
def origin(stack: Stack, tmp_path: Path) -> Iterator[str]:
    """A bare repository that is the `origin`, as far as it goes by now."""
    place = str(tmp_path / "origin.git")
    stack.git("init", "-q", "--bare", place)
    stack.git("remote", "add", "origin", place)
    stack.git("push", "-q", "origin", "main")
    yield place
    stack.git("remote", "remove", "origin")


def said(stack: Stack, *words: str, code: int = 0, **environment: str) -> str:
    """Return what a command prints; it ends with a code."""
    done = stack.sark(*words, check=False, **environment)

    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def back(
    stack: Stack, to: str, *words: str, source: str = "shop", code: int = 0, **environment: str
) -> str:
    """Roll back and tell Git; return what is printed."""
    told = ("rollback", source, "--to", to, "--reason", "greets badly", "--open-pr")
    return said(
        stack, *told, "--path", str(stack.repository), *words, code=code, **environment
    )  # fmt: skip


def seen(stack: Stack, source: str = "shop") -> Any:
    return json.loads(said(stack, "sync", source, "--json"))


def releases(stack: Stack, word: str) -> tuple[str, str]:
    """Make a good release and a bad one, which brings a file and another folder's too."""
    good = stack.commit({"shop/hello.yaml": HELLO.replace("Hello", f"Good {word}")})
    assert good == seen(stack)["active"]
    bad = stack.commit({
        "shop/hello.yaml": HELLO.replace("Hello", f"Bad {word}"),
        "shop/deep/more.yaml": HELLO.replace("name: hello", f"name: more-{word}"),
        "readme": word,
    })  # fmt: skip
    assert bad == seen(stack)["active"]
    return good, bad


def settle(stack: Stack, branch: str) -> str:
    """Merge a branch and unpin the source; return the commit that is live then."""
    stack.git("merge", "-q", "--ff-only", branch)
    if "origin" in stack.git("remote"):
        stack.git("push", "-q", "origin", "main")
    said(stack, "unpin", "shop")
    return str(seen(stack)["active"])


def test_git_says_again_what_is_live(stack: Stack):
    """
    Without a remote the branch is here: on top of main, with the source's folder as it was and all
    else as it is. Asked twice it is the same; merged and unpinned, it is live, and nothing runs
    otherwise than it did.
    """
    good, bad = releases(stack, "day")
    told = back(stack, good)
    branch = f"rollback/shop-{good[:12]}"
    made = stack.git("rev-parse", branch)

    assert f"shop  active {good[:12]}" in told
    assert f"{made[:12]} on {branch}: shop" in told
    assert f"Next: git switch main && git merge {branch}; then `sark unpin shop`." in told
    assert bad == stack.git("rev-parse", f"{branch}~1")
    assert stack.git("rev-parse", f"{good}:shop") == stack.git("rev-parse", f"{branch}:shop")
    assert "day" == stack.git("show", f"{branch}:readme")
    assert "" == stack.git("status", "--porcelain")
    message = stack.git("log", "-1", "--format=%B", branch)
    assert message.startswith(f"Roll back shop to {good[:12]}\n\ngreets badly\n")
    back(stack, good)
    assert made == stack.git("rev-parse", branch)
    assert made == settle(stack, branch)
    assert "Good day, world!" in said(stack, "run", "shop/hello", "--wait")
    assert "there is nothing to revert" in back(stack, good)
    shown = json.loads(back(stack, good, "--json"))
    assert (good, None) == (shown["active"], shown["revert"])
    said(stack, "unpin", "shop")


@pytest.mark.parametrize(
    ("kind", "fake", "token"),
    [
        ("github", github.FakeGitHub, github.TOKEN),
        ("gitlab", gitlab.FakeGitLab, gitlab.TOKEN),
        ("gitea", gitea.FakeGitea, gitea.TOKEN),
    ],
)
def test_a_pull_request_is_opened_and_found_again(
    stack: Stack, origin: str, tmp_path: Path, kind: str, fake: Forge, token: str
):
    """
    The branch is pushed and the pull request opened once, at each forge; asked again, also from
    where nobody has the branch, it is the same one, and nothing is pushed over.
    """
    good, _ = releases(stack, kind)
    stack.git("push", "-q", "origin", "main")
    with fake() as forge:
        api = getattr(forge, "api", forge.url)
        told = f'{{kind = "{kind}", api = "{api}", repository = "{forge.repository}", '
        told += 'token = "env:FORGE_TOKEN"}'
        config = tmp_path / "sark.toml"
        text = CONFIG.replace("REPOSITORY", str(stack.repository))
        config.write_text(text.replace('root = "shop"', f'root = "shop"\nforge = {told}'))
        words = ("--config", str(config), "--server", stack.url, "--json")
        first = json.loads(back(stack, good, *words, FORGE_TOKEN=token))["revert"]
        pushed = stack.git("ls-remote", origin, f"refs/heads/{first['branch']}").split()[0]
        stack.git("update-ref", "-d", f"refs/heads/{first['branch']}")
        again = json.loads(back(stack, good, *words, FORGE_TOKEN=token))["revert"]
        [number] = forge.pulls

    assert (first["made"], True, number) == (pushed, first["pushed"], first["pull"])
    assert (pushed, number) == (again["made"], again["pull"])
    assert pushed == stack.git("ls-remote", origin, f"refs/heads/{first['branch']}").split()[0]
    assert pushed == settle(stack, pushed)


def test_without_a_token_the_branch_is_pushed(stack: Stack, origin: str, tmp_path: Path):
    """
    Where no configuration at hand knows a forge, or the token is not there, the branch is pushed
    all the same, and how to go on is said.
    """
    good, _ = releases(stack, "week")
    stack.git("push", "-q", "origin", "main")
    branch = f"rollback/shop-{good[:12]}"
    forge = 'forge = {repository = "acme/shop", token = "env:NOT_THERE"}'
    config = tmp_path / "sark.toml"
    text = CONFIG.replace("REPOSITORY", str(stack.repository))
    config.write_text(text.replace('root = "shop"', f'root = "shop"\n{forge}'))
    plain = back(stack, good)
    lacking = back(stack, good, "--config", str(config), "--server", stack.url)

    for told in (plain, lacking):
        assert f"Next: open a pull request of {branch} into main, and merge it" in told
    assert "there is no pull request" not in plain
    assert "sources.shop.forge.token: the variable NOT_THERE is not set" in lacking
    assert stack.git("rev-parse", branch) in stack.git("ls-remote", origin, branch)
    settle(stack, branch)


def test_a_branch_of_somebody_else_s_is_left_alone(stack: Stack, origin: str):
    """
    A branch of this name with another change is not pushed over: the source is rolled back, the
    reason is said, and with another name it goes on. An `origin` that is gone is said, too.
    """
    good, bad = releases(stack, "month")
    stack.git("push", "-q", "origin", "main", f"{good}:refs/heads/mine")
    stack.git("switch", "-q", "--detach")
    other = stack.commit({"theirs": "x"})
    stack.git("push", "-q", "origin", f"{other}:refs/heads/theirs")
    stack.git("switch", "-q", "main")
    stack.git("branch", "ours", other)
    said(stack, "rollback", "shop", "--to", bad, "--reason", "x")
    early = back(stack, good, "--branch", "ours", code=1)
    assert "there is a branch ours already" in early
    assert bad == seen(stack)["active"], "it was said before anything was rolled back"
    late = back(stack, good, "--branch", "theirs", code=1)

    assert good == seen(stack)["active"]
    assert "it is another change; name another with --branch" in late
    assert "Next: git push origin theirs, and merge it into main" in late
    assert other in stack.git("ls-remote", origin, "refs/heads/theirs")
    merged = back(stack, good, "--branch", "mine")
    assert "Next: open a pull request of mine into main" in merged
    assert stack.git("rev-parse", "mine") in stack.git("ls-remote", origin, "refs/heads/mine")
    stack.git("remote", "set-url", "origin", f"{origin}.gone")
    gone = back(stack, good, "--branch", "later", code=1)
    assert "there is no pull request: git ls-remote: " in gone
    stack.git("remote", "set-url", "origin", origin)
    settle(stack, "later")


def test_a_pinned_environment_is_told_by_its_one_line(stack: Stack):
    """
    Where the environment's document names what is live, that line names the earlier commit; the
    rest of the branch is for others to go on with.
    """
    first = stack.git("rev-parse", "HEAD")
    line = f"revision: {first}\n"
    stack.commit({FILE: YARD + line, "yard/hello.yaml": HELLO.replace("Hello", "Better")})
    assert first == seen(stack, "yard")["active"]
    old = stack.git("rev-list", "--max-parents=0", "HEAD")
    told = back(stack, old, source="yard")
    branch = f"rollback/yard-{old[:12]}"

    assert f"on {branch}: {FILE}" in told
    assert [FILE] == stack.git("diff", "--name-only", f"main..{branch}").split()
    assert (YARD + f"revision: {old}").strip() == stack.git("show", f"{branch}:{FILE}")
    stack.git("merge", "-q", "--ff-only", branch)
    said(stack, "unpin", "yard")
    assert old == seen(stack, "yard")["active"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--to", "f" * 40), 1, "the repository has no commit"),
        (("--to", "HEAD"), 1, "is no full hash of a commit"),
        (("--branch", "a..b"), 1, "no name for a branch"),
        (("--path", "/tmp"), 1, "/tmp is in no Git repository"),
    ],
)
def test_what_is_in_the_way_is_said_before(
    stack: Stack, words: tuple[str, ...], code: int, told: str
):
    """
    What this machine can see to be wrong is said first: nothing is rolled back, no branch is made.
    """
    before, active = stack.git("for-each-ref"), seen(stack)["active"]

    assert told in back(stack, active, *words, code=code)
    assert before == stack.git("for-each-ref")
    assert (active, None) == (seen(stack)["active"], seen(stack)["pinned"])


def test_a_branch_is_named_for_a_pull_request_alone(stack: Stack):
    """
    --branch without --open-pr is a word too many.
    """
    words = ("rollback", "shop", "--to", "f" * 40, "--reason", "x", "--branch", "b")

    assert "--branch names the branch of --open-pr" in said(stack, *words, code=2)
