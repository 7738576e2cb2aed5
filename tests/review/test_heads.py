"""Heads and bases that move under a review, and what is said when nothing does."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.core.review.wish import head_ref
from engine.review import duty, reviewer
from engine.review.duty import Desk
from engine.store import reviews
from engine.store.pool import connect
from engine.telemetry import REGISTRY
from tests.git.repo import spec
from tests.review.stage import Stage, stage, until

ROOT = Path(__file__).parents[2]


@pytest.fixture
def here(tmp_path: Path, database_url: str):
    with stage(tmp_path, database_url) as made:
        made.start({"a.yaml": spec("a"), "b.yaml": spec("b")})
        yield made


def test_pushes_that_come_close_together_are_one_look(here: Stage, monkeypatch: pytest.MonkeyPatch):
    """
    Three heads within the time that a head settles: the last one alone gets a check.
    """
    monkeypatch.setattr(reviews, "_SETTLE", reviews._SETTLE * 15)
    number = here.open({"a.yaml": spec("a", "1")})
    heads = [here.fork.head, *(here.push(number, {"a.yaml": spec("a", n)}) for n in "23")]
    here.concluded(heads[-1])

    assert [heads[-1]] == [each["head_sha"] for each in here.checks()]


def test_a_newer_head_cancels_the_look_at_the_older(here: Stage, monkeypatch: pytest.MonkeyPatch):
    """
    A head that is pushed while another is looked at takes its place: the check of the older one
    is cancelled, and only the newer one is told.
    """
    monkeypatch.setattr(reviewer, "_WATCH", 0.05)
    monkeypatch.setattr(duty, "_STEP", 0.0)
    first = here.open({f"w{n}.yaml": spec(f"w{n}") for n in range(3_000)})
    older = here.fork.head
    until(lambda: here.checks(older))
    newer = here.push(first, {}, gone=tuple(f"w{n}.yaml" for n in range(2_999)))

    assert "success" == here.concluded(newer)["conclusion"]
    assert ["cancelled"] == [each["conclusion"] for each in here.checks(older)]
    assert "1 added" in here.ours(first)[0].splitlines()[1]


def test_a_pull_request_that_goes_elsewhere_now_is_let_go(here: Stage):
    """
    Its base is edited to a branch of no source, and back: it is closed for us, then open again.
    """
    number = here.open({"a.yaml": spec("a", "new")})
    here.concluded(here.fork.head)
    told = here.hub.pulls[number]

    def edited(base: str) -> bool:
        was, told["base"]["ref"] = told["base"]["ref"], base
        payload = here.hub.pull_request("edited", number)
        here.deliver("pull_request", {**payload, "changes": {"base": {"ref": {"from": was}}}})
        here.settled()
        return bool(here.rows("SELECT is_open FROM reviews")[0][0])

    assert [False, True] == [edited("other"), edited("main")]


def looks() -> float:
    """Return how many looks were measured; each is at its very end."""
    return REGISTRY.get_sample_value("sark_review_seconds_count") or 0


def test_what_was_said_already_is_not_said_again(here: Stage):
    """
    A look that comes to the same text writes nothing at the forge; how long looks take is counted.
    """
    number = here.open({"a.yaml": spec("a", "new")})
    here.concluded(here.fork.head)
    written = "(POST|PATCH) .*/(check-runs|comments)"
    before = len(here.hub.asked(written))
    already = looks()
    for _ in range(2):
        here.deliver("pull_request", here.hub.pull_request("synchronize", number))
        here.settled()

    assert before == len(here.hub.asked(written))
    until(lambda: looks() > already)


def test_other_pull_requests_that_touch_a_workflow_are_named(here: Stage):
    """
    Two pull requests change one workflow: the later review names the earlier one.
    """
    first = here.open({"a.yaml": spec("a", "first")})
    here.concluded(here.fork.head)
    here.fork.git("reset", "-q", "--hard", "HEAD~1")
    second = here.open({"a.yaml": spec("a", "second"), "b.yaml": spec("b", "second")})
    here.concluded(here.fork.head)

    line = f"Also open and touching the same workflow: #{first} (`a`)."
    assert line in here.ours(second)[0].splitlines()


def activation(here: Stage) -> str:
    """Return what the live commit's activation says."""
    ((history,),) = here.rows("SELECT history FROM commits WHERE state = 'Active'")
    return str(next(each["reason"] for each in history if each["state"] == "Active"))


def test_a_merge_of_what_was_reviewed_is_told_with_the_commit(here: Stage):
    """
    What `sark why` tells of a commit says that its change is one that a review has found good.
    """
    number = here.open({"a.yaml": spec("a", "new")})
    here.concluded(here.fork.head)
    here.merge(number)
    until(lambda: "Live" in here.ours(number)[0])

    assert activation(here).endswith(", as reviewed")


def test_a_merge_that_brings_more_than_was_reviewed_is_told(here: Stage):
    """
    Who merges changes another workflow by the way: the last line says that the plan differs.
    """
    number = here.open({"a.yaml": spec("a", "new")})
    here.concluded(here.fork.head)
    here.repo.git("merge", "-q", "--no-ff", "--no-commit", f"refs/pull/{number}/head")
    merged = here.repo.commit({"flows/b.yaml": spec("b", "sly")}, "Merge, and more")
    here.hub.close(number, merged)
    here.deliver("pull_request", here.hub.pull_request("closed", number))

    line = until(lambda: next((e for e in here.ours(number)[0].splitlines() if "Live" in e), ""))
    assert line.endswith("Plan differs from the reviewed one.")
    assert not activation(here).endswith("as reviewed")


def test_many_looks_begin_the_newest_first(here: Stage, monkeypatch: pytest.MonkeyPatch):
    """
    Of many pull requests that wait, the newest is looked at first, and one begins a step after the
    other.
    """
    begun: list[tuple[int, float]] = []

    async def look(_: Desk, row: reviews.ReviewRow) -> None:
        begun.append((row.number, asyncio.get_running_loop().time()))
        async with await connect(str(here.settings.database_url), "test") as connection:
            await connection.execute("UPDATE reviews SET handled = wanted WHERE number = %s",
                                     (row.number,))  # fmt: skip

    monkeypatch.setattr(Desk, "look", look)

    async def want() -> None:
        url = str(here.settings.database_url)
        async with await connect(url, "test") as connection, connection.transaction():
            for number in range(1, 13):
                await reviews.want(connection, ["shop"], head_ref(number), number)

    asyncio.run(want())
    until(lambda: len({number for number, _ in begun}) == 12)
    times = [at for _, at in begun]

    assert list(range(12, 0, -1)) == list(dict.fromkeys(number for number, _ in begun))
    assert times[-1] - times[0] > 0.9


def test_the_command_tells_what_the_server_tells(here: Stage, tmp_path: Path):
    """
    `sark plan --pr N` in a clone prints the plan that the server shows, line for line, but for what
    only the server knows: the runs in flight, what recorded runs would do, and the names of ends.
    """
    policy = 'rule("few", "No changes.");\ndeny("few", change, "no") if change.kind = "changed";\n'
    here.fork.commit({"flows/policies/a.polar": policy})
    here.repo.git("pull", "-q", here.fork.url, "main")
    number = here.open({"a.yaml": spec("a", "new"), "c.yaml": spec("c")}, gone=("b.yaml",))
    here.concluded(here.fork.head)
    served = here.served.api("GET", f"/reviews/shop/{number}").json["text"]
    clone = tmp_path / "shop"
    here.repo.git("clone", "-q", here.repo.url, str(clone))
    words = [sys.executable, "-m", "engine.cli", "plan", "--pr", str(number)]
    words += ["--root", "flows", "--env", "production"]
    done = subprocess.run(words, cwd=clone, capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip

    assert 1 == done.returncode, done.stderr
    assert own(served) == own(done.stdout)
    assert "Plan " in served


def own(text: str) -> list[str]:
    """Return the lines of a plan that the specs and the policies alone decide."""
    apart = ("Compare ", "Checked ", "in flight ", "history kept", "What if ")
    return [each for each in text.splitlines() if each and not each.strip().startswith(apart)]
