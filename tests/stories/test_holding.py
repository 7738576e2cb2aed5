"""A source is held and let go by a person at a terminal."""

import json
from collections.abc import Iterator

import pytest

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
url = "REPOSITORY"
root = "yard"
freeze = [{start = "2026-01-01 00:00", end = "2999-01-01 00:00", reason = "winter"}]
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack({"shop/hello.yaml": HELLO, "yard/hello.yaml": HELLO}, CONFIG) as running:
        yield running


def said(stack: Stack, *words: str, code: int = 0) -> str:
    """Return what a command prints; it ends with a code."""
    done = stack.sark(*words, check=False)

    assert code == done.returncode, done.stdout + done.stderr
    return done.stdout + done.stderr


def greeting(stack: Stack, word: str) -> str:
    return stack.commit({"shop/hello.yaml": HELLO.replace("Hello", word)})


def test_a_suspended_source_waits_and_goes_on(stack: Stack):
    """
    Suspend, commit, and nothing changes; everybody can read why. Resume, and the commit is live.
    """
    live = stack.git("rev-parse", "HEAD")
    told = said(stack, "suspend", "shop", "--reason", "migration", "--for", "2h")
    assert "Suspended: Suspended: suspended by token:admin until" in told
    held = greeting(stack, "Good evening")
    assert "migration" in said(stack, "sync", "shop")
    source = json.loads(said(stack, "sync", "shop", "--json"))
    assert (live, held) == (source["active"], source["observed"])
    assert ["suspend"] == [each["kind"] for each in source["overrides"]]
    assert "Unheld: Suspended" in said(stack, "sources")
    why = said(stack, "why", held)
    assert "held" in why
    assert "migration" in why
    assert "It is looked at again by itself" in why

    assert "ready yes" in said(stack, "resume", "shop")
    stack.wait_active(held)
    assert "no suspend of source shop stands" in said(stack, "resume", "shop", code=1)


def test_a_frozen_source_is_thawed(stack: Stack):
    """
    A window holds a source; who may thaws it for a span, and it freezes again before that is over.
    """
    assert "frozen until Tue 2999-01-01 00:00:00 UTC: winter" in said(stack, "sources")

    assert "ready yes" in said(stack, "thaw", "yard", "--reason", "hotfix", "--for", "1h")
    assert "ready yes" in said(stack, "refreeze", "yard")
    stack.commit({"yard/hello.yaml": HELLO.replace("Hello", "Good evening")})
    assert "Unheld: Freeze: frozen until" in said(stack, "sync", "yard")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("suspend", "shop", "--for", "2h"), 2, "Missing option '--reason'"),
        (("suspend", "shop", "--reason", "x"), 2, "Missing option '--for'"),
        (("suspend", "shop", "--reason", "x", "--for", "31d"), 1, "up to 30d, found '31d'"),
        (("suspend", "none", "--reason", "x", "--for", "1h"), 1, "there is no source none"),
        (("thaw", "shop", "--reason", "x", "--for", "2d"), 1, "up to 1d"),
        (("confirm", "shop"), 2, "expected SOURCE@SHA"),
        (("confirm", "shop@c0ffee"), 1, "the full hash"),
        (("confirm", f"shop@{'f' * 40}"), 1, "no commit is held for what it removes"),
    ],
)
def test_a_wrong_word_changes_nothing(stack: Stack, words: tuple[str, ...], code: int, told: str):
    """
    What is wrong is said, with the documented exit code, and nothing stands because of it.
    """
    assert told in said(stack, *words, code=code)
    assert [] == json.loads(said(stack, "sync", "shop", "--json"))["overrides"]


def test_a_release_is_rolled_back_and_taken_up_again(stack: Stack):
    """
    The release before is live again within a moment and stays, whatever is pushed; unpinned, the
    source goes on. A commit that cannot be gone back to is refused in words.
    """
    good = greeting(stack, "Good day")
    stack.wait_active(good)
    bad = greeting(stack, "Bad day")
    stack.wait_active(bad)
    told = said(stack, "rollback", "shop", "--to", good, "--reason", "greets badly")
    assert f"shop  active {good[:12]}" in told
    assert "pinned to" in told
    assert "Good day, world!" in said(stack, "run", "shop/hello", "--wait")
    fixed = greeting(stack, "Fine day")
    source = json.loads(said(stack, "sync", "shop", "--json"))
    assert (good, good, fixed) == (source["active"], source["pinned"], source["observed"])
    assert "greets badly" in said(stack, "why", fixed)
    none = said(stack, "rollback", "shop", "--to", "f" * 40, "--reason", "x", code=1)
    assert "source shop is not rolled back" in none
    assert f"{'f' * 40} is not in the history of refs/heads/main" in none
    assert good == json.loads(said(stack, "sync", "shop", "--json"))["active"]

    assert f"active {fixed[:12]}" in said(stack, "unpin", "shop")
    assert "no pin of source shop stands" in said(stack, "unpin", "shop", code=1)
    shown = said(stack, "rollback", "shop", "--to", good, "--reason", "x", "--for", "9d", "--json")
    assert good == json.loads(shown)["active"]
    said(stack, "unpin", "shop")
    stack.wait_active(fixed)
