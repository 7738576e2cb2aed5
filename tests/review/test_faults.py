"""What goes wrong on the way changes nothing but when it is said."""

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from benchmarks.processes import tree
from engine.settings import Settings
from engine.store import leases
from tests.core.exposed import SECRETS
from tests.git.repo import spec
from tests.review.stage import Stage, leading, stage, until

LEAD = """
import asyncio, pickle, sys
from datetime import timedelta
from engine.review import duty
from engine.store import reviews
from tests.review.stage import lead
reviews._SETTLE, duty._PERIOD = timedelta(seconds=0.2), 0.05
told = pickle.loads(sys.stdin.buffer.read())
asyncio.run(lead(told, "review", duty.ReviewDuty(told)))
"""


@pytest.fixture
def alone(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    """A stage on which nobody leads yet."""
    with stage(tmp_path, database_url, leads=False) as made:
        made.start({"a.yaml": spec("a")})
        yield made


@contextmanager
def leader(told: Settings) -> Iterator["subprocess.Popen[bytes]"]:
    """Lead reviews in a process of its own, which dies with the context."""
    process = subprocess.Popen([sys.executable, "-c", LEAD], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(told))
    process.stdin.close()
    try:
        yield process
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize(
    "lost",
    ["POST .*/check-runs", "POST .*/comments", "PATCH .*/check-runs", "POST .*/access_tokens"],
)
def test_an_answer_that_is_lost_makes_nothing_twice(alone: Stage, lost: str):
    """
    GitHub has done it, and its answer never came: there is one comment and one check all the same.
    """
    alone.hub.drop(on=lost, done=True)
    with leading(alone.settings):
        number = alone.open({"a.yaml": spec("a", "new")})
        alone.concluded(alone.fork.head)

    assert 1 == len(alone.ours(number))
    assert ["success"] == [each["conclusion"] for each in alone.checks()]


@pytest.mark.parametrize("at", ["POST .*/check-runs", "POST .*/comments"])
def test_a_leader_that_is_killed_leaves_one_comment_and_one_check(alone: Stage, at: str):
    """
    It is killed while GitHub's answer is under way; the next one goes on, and makes nothing twice.
    """
    alone.hub.drop(on=at, done=True, times=1)
    number = alone.open({"a.yaml": spec("a", "new")})
    with leader(alone.settings) as process:
        until(lambda: alone.hub.asked(at))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with leading(alone.settings):
        alone.concluded(alone.fork.head)

    assert 1 == len(alone.ours(number))
    assert ["success"] == [each["conclusion"] for each in alone.checks()]


def test_a_forge_that_is_down_is_asked_again(alone: Stage):
    """
    Nothing is lost while GitHub is away, or wants to hear less; it is said once it is back.
    """
    alone.hub.is_down = True
    with leading(alone.settings):
        number = alone.open({"a.yaml": spec("a", "new")})
        until(lambda: alone.rows("SELECT 1 FROM reviews WHERE faults > 0"))
        alone.hub.is_down = False
        alone.hub.fail(429, "slow down", headers={"retry-after": "1"})

        assert "success" == alone.concluded(alone.fork.head)["conclusion"]
    assert 1 == len(alone.ours(number))


def test_a_look_that_postgresql_refuses_for_now_ends_no_lead(
    alone: Stage, monkeypatch: pytest.MonkeyPatch
):
    """
    Somebody keeps a review's row for longer than who looks at it may wait: its leader leads on and
    looks again, the check is concluded, and neither the review nor its source has a fault.
    """
    monkeypatch.setattr(leases, "_BOUNDED", "SET lock_timeout = '100ms'")
    leaders = "SELECT pid FROM pg_stat_activity WHERE application_name ~ 'lead' ORDER BY pid"
    refused = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with leading(alone.settings):
        until(lambda: alone.rows("SELECT 1 FROM sources WHERE active IS NOT NULL"))
        until(lambda: 2 == len(alone.rows(leaders)))
        before = alone.rows(leaders)
        with psycopg.connect(str(alone.settings.database_url)) as other:
            number = alone.open({"a.yaml": spec("a", "new")})
            other.execute("SELECT FROM reviews FOR UPDATE")
            for _ in range(2):
                until(lambda: alone.rows(refused))
                until(lambda: not alone.rows(refused))
        check = alone.concluded(alone.fork.head)

        assert before == alone.rows(leaders)
    assert ["success"] == [each["conclusion"] for each in alone.checks()]
    assert ("success", 1) == (check["conclusion"], len(alone.ours(number)))
    assert [("", 0)] == alone.rows("SELECT fault, faults FROM reviews")
    assert not alone.rows("SELECT 1 FROM sources WHERE conditions::text LIKE '%Defect%'")


def test_deliveries_that_are_lost_or_doubled_change_nothing(alone: Stage):
    """
    What no delivery tells is found by asking; what three tell is said once.
    """
    number = alone.open({"a.yaml": spec("a", "new")}, deliver=False)
    with leading(alone.settings):
        alone.concluded(alone.fork.head)
        before = len(alone.hub.asked("(POST|PATCH) .*(comments|check-runs)"))
        for _ in range(3):
            alone.deliver("pull_request", alone.hub.pull_request("synchronize", number))
        alone.settled()

    assert before == len(alone.hub.asked("(POST|PATCH) .*(comments|check-runs)"))
    assert 1 == len(alone.ours(number))


def test_a_secret_in_a_spec_is_told_and_never_shown(alone: Stage):
    """
    E13: a pull request with a token in it fails, with the line of it; neither the comment nor the
    check nor the page has the token, nor has what is said of the pull request that takes it out.
    """
    secret = SECRETS["a token of GitHub"]
    with leading(alone.settings):
        number = alone.open({"a.yaml": spec("a", secret)})
        check = alone.concluded(alone.fork.head)
        noted = alone.hub.annotations[check["id"]]
        leaked = [*alone.ours(number), f"{check}{noted}{alone.rows('SELECT body FROM reviews')}"]
        alone.merge(number)
        alone.settled()
        after = alone.open({"a.yaml": spec("a", "new")}, number=number + 1)
        clean = alone.concluded(alone.fork.head)
        leaked += [*alone.ours(after), f"{clean}{alone.rows('SELECT body FROM reviews')}"]

    assert "failure" == check["conclusion"]
    assert "secret-in-spec" in leaked[0]
    assert [("flows/a.yaml", 7)] == [(each["path"], each["start_line"]) for each in noted]
    assert "success" == clean["conclusion"]
    assert [] == [each for each in leaked if secret in each or secret[-12:] in each]


def test_names_of_strangers_stay_text(alone: Stage):
    """
    A title, a file and a message that would be Markdown, a mention or a command are none.
    """
    name = "x`@ann|<img src=a>.yaml"
    with leading(alone.settings):
        number = alone.open(
            {name: spec("evil", '"**hi** @ann ![](http://evil.example)"'), "b.yaml": "<<: *a\n"},
            title="`$(id)` <b>\u202e", branch="x`id`", fork=True,
        )  # fmt: skip
        check = alone.concluded(alone.fork.head)
    (told,) = alone.ours(number)
    outside = "".join(told.split("`")[::2])

    assert "failure" == check["conclusion"]
    assert "@ann" not in outside
    assert "<img" not in outside


def test_a_secret_of_ours_is_nowhere_near_what_a_stranger_wrote(
    alone: Stage, monkeypatch: pytest.MonkeyPatch
):
    """
    The process that reads a stranger's files has an environment of two words, none of them ours.
    """
    from engine.review import keeping

    monkeypatch.setenv("SARK_CANARY", "canary-of-the-test")
    monkeypatch.setattr(keeping, "PROGRAM", "tests.review.environment")
    with leading(alone.settings):
        alone.open({"a.yaml": spec("a", "new")})
        check = alone.concluded(alone.fork.head)

    assert ("failure", "LC_ALL PATH") == (check["conclusion"], check["output"]["title"])


def words_of(pid: int) -> bytes:
    """Return the command line of a process, b"" if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def test_a_leader_that_begins_compiles_what_is_live(alone: Stage):
    """
    Who takes over compiles what is live before anybody asks, so that the next look need not wait
    for it.
    """
    with leading(alone.settings):
        until(lambda: alone.rows("SELECT 1 FROM sources WHERE active IS NOT NULL"))
        alone.open({"a.yaml": spec("a", "new")})
        alone.concluded(alone.fork.head)

    def keepers(root: int) -> list[int]:
        return [each for each in tree(root) if b"engine.review.keeper" in words_of(each)]

    with leader(alone.settings) as process:
        assert until(lambda: keepers(process.pid))
        alone.push(482, {"a.yaml": spec("a", "newer")})

        assert "success" == alone.concluded(alone.fork.head)["conclusion"]
