"""Pull requests are told what they would do: one comment, one check, whatever happens."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.git.repo import Repo, broken, spec
from tests.review.stage import Stage, stage, until


@pytest.fixture
def here(tmp_path: Path, database_url: str):
    with stage(tmp_path, database_url) as made:
        yield made


def test_a_pull_request_is_told_what_it_would_do(here: Stage):
    """
    Opened, it gets one comment and one check that say the same; pushed to, the comment is edited.
    """
    here.start({"a.yaml": spec("a"), "b.yaml": spec("b")})
    number = here.open({"a.yaml": spec("a", "other"), "c.yaml": spec("c")}, fork=True)
    head = here.fork.head
    check = here.concluded(head)
    (told,) = here.ours(number)

    assert "success" == check["conclusion"]
    assert "sark / plan" == check["name"]
    assert told.startswith("<!-- sark:plan v1 source=shop -->\n### SARK plan: 1 added, 1 changed")
    assert "`c`" in told
    assert told == check["output"]["summary"]

    newer = here.push(number, {"a.yaml": spec("a")})
    here.concluded(newer)
    (told,) = here.ours(number)

    assert "1 added" in told
    assert "changed" not in told.splitlines()[1]
    assert 2 == len(here.checks())


def test_formatting_is_no_change(here: Stage):
    """
    Comments and formatting alone change no workflow, and the comment says so.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": f"# a word\n{spec('a')}"})
    check = here.concluded(here.fork.head)

    assert "neutral" == check["conclusion"]
    assert "no workflow changes" in here.ours(number)[0]


def test_files_of_no_workflow_are_not_spoken_of(here: Stage):
    """
    Where nothing below the root changes there is a check, for it may be required, and no comment.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"../README.md": "hello"})
    check = here.concluded(here.fork.head)

    assert ("neutral", "no workflow files changed") == (
        check["conclusion"], check["output"]["title"],
    )  # fmt: skip
    assert [] == here.ours(number)


def test_errors_are_told_at_their_lines(here: Stage):
    """
    A misspelt key fails the check, with an annotation where it stands and what was meant; pushed
    again with another, only that one is shown.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": broken("a")})
    check = here.concluded(here.fork.head)
    (told,) = here.hub.annotations[check["id"]]

    assert "failure" == check["conclusion"]
    assert ("flows/a.yaml", 7, "failure") == (
        told["path"], told["start_line"], told["annotation_level"],
    )  # fmt: skip
    assert "1 error" in here.ours(number)[0]

    here.push(number, {"a.yaml": spec("a", "new")})
    check = here.concluded(here.fork.head)

    assert "success" == check["conclusion"]
    assert [] == here.hub.annotations[check["id"]]


def test_a_base_that_moves_is_looked_at_again(here: Stage):
    """
    Two pull requests that are good alone take the same name: once one is merged, the other fails.
    """
    here.start({"a.yaml": spec("a")})
    first = here.open({"c.yaml": spec("c")})
    here.concluded(here.fork.head)
    here.fork.git("reset", "-q", "--hard", "HEAD~1")
    here.open({"d/c.yaml": spec("c", "another")})
    head = here.fork.head
    assert "success" == here.concluded(head)["conclusion"]
    here.merge(first)

    def failed():
        return [each for each in here.checks(head) if each["conclusion"] == "failure"]

    check = until(failed)[0]
    assert "1 error" in check["output"]["title"]


def test_a_base_that_moves_and_does_not_get_live_is_looked_at_again(here: Stage):
    """
    A commit of the base is rejected, and takes a name: who asks for that name is told so, for the
    merge would have both.
    """
    here.start({"a.yaml": spec("a")})
    here.open({"c.yaml": spec("c")})
    head = here.fork.head
    assert "success" == here.concluded(head)["conclusion"]
    here.repo.commit({"flows/d/c.yaml": spec("c", "another"), "flows/x.yaml": broken("x")})

    check = until(lambda: [e for e in here.checks(head) if e["conclusion"] == "failure"])[0]
    assert "2 errors" in check["output"]["title"]


def test_a_conflict_is_no_plan(here: Stage):
    """
    What cannot be merged is neutral; it is planned once the conflict is resolved.
    """
    here.start({"a.yaml": spec("a")})
    here.repo.commit({"flows/a.yaml": spec("a", "ours")})
    number = here.open({"a.yaml": spec("a", "theirs")})
    check = here.concluded(here.fork.head)

    assert ("neutral", "merge conflict") == (check["conclusion"], check["output"]["title"])
    assert "merge conflict" in here.ours(number)[0]


def test_what_was_merged_is_said_to_be_live(here: Stage):
    """
    Once the merge is live, the comment says since when, and that it was what was reviewed.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": spec("a", "new")})
    here.concluded(here.fork.head)
    merged = here.merge(number)

    line = until(lambda: next((e for e in here.ours(number)[0].splitlines() if "Live" in e), ""))
    assert f"as `{merged[:7]}`" in line
    assert line.endswith("Plan matched the reviewed one.")


def test_many_removals_must_be_confirmed(here: Stage):
    """
    Removing most workflows needs a word in a commit's message; without it the check waits.
    """
    here.start({f"{name}.yaml": spec(name) for name in "abcdefgh"})
    number = here.open({}, gone=tuple(f"{name}.yaml" for name in "abcdef"))

    assert "action_required" == here.concluded(here.fork.head)["conclusion"]
    assert "Sark-Prune: 6" in here.ours(number)[0]

    here.fork.git("commit", "-q", "--amend", "-m", "Tidy\n\nSark-Prune: 6")
    here.push(number, {})
    here.fork.git("commit", "-q", "--amend", "--allow-empty", "-m", "Tidy\n\nSark-Prune: 6")
    here.show(number)
    here.hub.push(number, here.fork.head)
    here.deliver("pull_request", here.hub.pull_request("synchronize", number))

    assert "success" == here.concluded(here.fork.head)["conclusion"]


def test_a_fork_is_told_that_it_is_one(here: Stage):
    """
    A fork gets the same review, with a line that says that nothing of it was run.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": spec("a", "new")}, fork=True)
    here.concluded(here.fork.head)

    assert "From a fork: checked without running anything" in here.ours(number)[0]


def test_a_merge_queue_gets_the_same_check(here: Stage):
    """
    A group of a merge queue gets its check and no comment; one that goes elsewhere is neutral.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": spec("a", "new")})
    head = here.fork.head
    here.concluded(head)
    here.fork.git("commit", "-q", "--allow-empty", "-m", "merge group")
    group = here.fork.head
    ref = f"refs/heads/gh-readonly-queue/main/pr-{number}-{head}"
    here.repo.git("fetch", "-q", here.fork.url, f"+main:{ref}")
    told = {"head_sha": group, "head_ref": ref, "base_sha": here.repo.head,
            "base_ref": "refs/heads/main"}  # fmt: skip
    known = here.hub.pull_request("opened", number)
    asked = {"action": "checks_requested", "merge_group": told, "repository": known["repository"]}
    here.deliver("merge_group", asked)

    assert "success" == here.concluded(group)["conclusion"]
    assert 1 == len(here.ours(number))

    elsewhere = {
        **told,
        "head_ref": f"{ref}2",
        "base_ref": "refs/heads/other",
        "head_sha": "1" * 40,
    }
    here.deliver("merge_group", {**asked, "merge_group": elsewhere})
    here.settled()

    assert ["neutral"] == [each["conclusion"] for each in here.checks("1" * 40)]

    here.deliver("merge_group", {**asked, "action": "destroyed"})
    here.settled()

    assert [(False,)] == here.rows(f"SELECT is_open FROM reviews WHERE ref = '{ref}'")


def test_a_check_is_run_again_and_a_closed_pull_request_is_not(here: Stage):
    """
    The button at our check says it anew; another's check is nothing to us, nor is what is closed.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": spec("a", "new")})
    check = here.concluded(here.fork.head)
    before = len(here.hub.asked("PATCH .*/check-runs"))
    other = {"action": "rerequested", "check_run": {"id": 999}}
    known = here.hub.check_run("rerequested", check["id"])
    here.deliver("check_run", {**known, **other})
    here.settled()
    assert before == len(here.hub.asked("PATCH .*/check-runs"))

    here.deliver("check_run", known)
    until(lambda: len(here.hub.asked("PATCH .*/check-runs")) > before)
    assert 1 == len(here.checks())

    here.hub.close(number)
    here.deliver("pull_request", here.hub.pull_request("closed", number))
    here.settled()

    assert [(False, "")] == here.rows("SELECT is_open, merged FROM reviews")


def test_reviews_are_listed_shown_and_paged(here: Stage):
    """
    The API, the page and the command tell what the comment tells, and only to who may read.
    """
    here.start({"a.yaml": spec("a")})
    number = here.open({"a.yaml": spec("a", "new")}, title="Tune <b>")
    here.concluded(here.fork.head)
    (listed,) = here.served.api("GET", "/reviews").json["items"]
    shown = here.served.api("GET", f"/reviews/shop/{number}").json

    assert ("shop", number, "Tune <b>", True, "success", ["a"]) == tuple(
        listed[key] for key in ("source", "number", "title", "open", "conclusion", "workflows")
    )
    assert "~ a" in shown["text"]
    assert 404 == here.served.api("GET", "/reviews/shop/9999").status
    assert 404 == here.served.api("GET", "/reviews/shop/x").status
    assert 401 == here.served.send("GET", f"/reviews/shop/{number}").status

    login = here.served.send(
        "POST", "/login", f"token={here.served.token}".encode(),
        {"Content-Type": "application/x-www-form-urlencoded",
         "Origin": f"http://127.0.0.1:{here.served.port}"},
    )  # fmt: skip
    session = {"Cookie": login.headers["set-cookie"].partition(";")[0]}
    for page in (f"/reviews/shop/{number}", f"/plans/{listed['plan'][:8]}"):
        told = here.served.send("GET", page, None, session)

        assert 200 == told.status
        assert b"Tune &lt;b&gt;" in told.body
        assert b"~ a" in told.body


def staged(fork: Repo, files: Mapping[str, str]) -> str:
    """Commit files by the index alone, which is fast for very many; return the commit."""
    blobs = {text: fork.write("blob", text.encode()) for text in set(files.values())}
    lines = (f"100644 {blobs[text]}\tflows/{name}\n" for name, text in files.items())
    fork.git("update-index", "--add", "--index-info", data="".join(lines).encode())
    fork.git("commit", "-qm", "many")
    return fork.head


def test_ten_thousand_changed_files_are_one_comment_and_one_check(here: Stage):
    """
    E05: however many files a pull request changes, it gets one comment that GitHub takes, with the
    sum that is right; annotations are the worst 200.
    """
    base = here.start({"a.yaml": spec("a")})
    many = {f"many/{number % 100}/{number}.md": "x" for number in range(9_960)}
    good = {f"good/{number}.yaml": spec(f"good-{number}") for number in range(40)}
    head = staged(here.fork, {**many, **good})
    number = here.hub.pull(head, base, fork=True)
    here.show(number)
    here.deliver("pull_request", here.hub.pull_request("opened", number))
    check = here.concluded(head)
    (told,) = here.ours(number)

    assert "success" == check["conclusion"]
    assert "### SARK plan: 40 added" in told
    assert len(told) <= 65_536
    assert 0 == told.count("```") % 2
    assert told.count("<details>") == told.count("</details>")

    newer = staged(here.fork, {"bad.yaml": "\n".join(["<<: 1"] * 300)})
    here.show(number)
    here.hub.push(number, newer)
    here.deliver("pull_request", here.hub.pull_request("synchronize", number))
    check = here.concluded(newer)
    (told,) = here.ours(number)

    assert "failure" == check["conclusion"]
    assert len(told) <= 65_536
    assert 50 <= len(here.hub.annotations[check["id"]]) <= 200
