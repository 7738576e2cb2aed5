"""A workflow of a pull request tried out, for those who may ask for it."""

import re
from pathlib import Path

import pytest

from engine.review import previewing
from tests.git.repo import spec
from tests.review.stage import Stage, stage, until

HEAD = "apiVersion: sark/v1\nkind: {kind}\nname: {name}\n"
DEPLOY = (
    HEAD.format(kind="Workflow", name="deploy")
    + """\
inputs: {day: {type: string}}
secrets: [token]
steps:
  build:
    uses: http.request@1
    with:
      method: GET
      url: "https://x.example/{{ inputs.day }}"
      auth: {bearer: "{{ secrets.token }}"}
    outputs: {n: {type: integer, from: body.n}}
  wait: {wait: {for: 5m}, needs: [build]}
  show: {uses: echo.say@1, with: {message: "{{ steps.build.outputs.n }}"}, needs: [wait]}
"""
)
TEST = (
    HEAD.format(kind="WorkflowTest", name="deploys")
    + """\
workflow: deploy
given: {inputs: {day: x}}
mock: {build: {outputs: {n: 4}, takes: 90s}}
expect: {run: {state: succeeded}}
"""
)


@pytest.fixture
def here(tmp_path: Path, database_url: str):
    with stage(tmp_path, database_url) as made:
        made.start({"a.yaml": spec("a")})
        yield made


def opened(here: Stage, text: str = DEPLOY, author: str = "dana", *, fork: bool = False) -> int:
    """Open a pull request with a workflow `deploy`, and wait for its plan."""
    number = here.open({"deploy.yaml": text}, author=author, fork=fork)
    here.concluded(here.fork.head)
    return number


def said(here: Stage, number: int, body: str, login: str = "bob") -> str:
    """Say something, and return what the check says afterwards: its summary, and its text."""
    here.say(number, body, login)
    here.settled()
    told = here.concluded(here.fork.head)["output"]
    return f"{told['summary']}\n{told.get('text', '')}"


def untouched(here: Stage) -> bool:
    """True if there is no run."""
    return not here.rows("SELECT 1 FROM runs LIMIT 1")


def test_a_preview_is_a_timeline_in_the_check(here: Stage):
    """
    A writer asks for a preview and sees in the check which step ends when, with nothing called;
    the comment on the pull request stays one, and there is no run.
    """
    number = opened(here, f"{TEST}---\n{DEPLOY}")
    told = said(here, number, "/sark preview deploy day=2026-01-01")

    assert "### SARK preview of `deploy`: succeeded after 6m30s" in told
    assert "| +1m30s | `build` | `http.request@1` | succeeded, by a mock |" in told
    assert "| +6m30s | `show` | `echo.say@1` | succeeded, by a double |" in told
    assert 1 == len(here.ours(number))
    assert [(here.hub.comments[-1]["id"], "eyes")] == here.hub.reactions
    assert untouched(here)


def test_what_a_preview_lacks_is_said(here: Stage):
    """
    An input that nobody gave, and a workflow that is not there, are named with what to do.
    """
    number = opened(here)

    assert "say `day=VALUE`" in said(here, number, "/sark preview deploy")
    assert "did you mean `deploy`?" in said(here, number, "/sark preview deply day=x")
    assert untouched(here)


@pytest.mark.parametrize(
    ("login", "author", "why"),
    [
        ("mallory", "dana", "who may not write to the repository is not heard"),
        ("eve", "dana", "who may not write to the repository is not heard"),
        ("eve", "eve", "only who may write to the repository says `/sark preview`"),
    ],
)
def test_who_may_not_write_is_not_obeyed(here: Stage, login: str, author: str, why: str):
    """
    A stranger, a reader, and the author of a fork who may only read get a note in the check, and
    no preview.
    """
    number = opened(here, author=author)
    told = said(here, number, "/sark preview deploy day=x", login)

    assert why in told
    assert "SARK preview" not in told
    assert [] == here.hub.reactions
    assert [([],)] == here.rows("SELECT previews FROM reviews")
    assert untouched(here)


def test_a_fork_is_tried_out_once_its_head_is_trusted(here: Stage):
    """
    Of a fork nothing is tried out before a writer trusts its head, and each head anew.
    """
    number = opened(here, author="eve", fork=True)
    first = here.fork.head

    assert f"`/sark ok {first}`" in said(here, number, "/sark preview deploy day=x")
    assert "only who may write" in said(here, number, f"/sark ok {first}", "eve")
    assert [("",)] == here.rows("SELECT trusted FROM reviews")
    said(here, number, f"/sark ok {first}")
    assert "`deploy`: succeeded" in said(here, number, "/sark preview deploy day=x")

    here.push(number, {"deploy.yaml": DEPLOY.replace("5m", "6m")})
    told = said(here, number, "/sark preview deploy day=x")

    assert f"`/sark ok {here.fork.head}`" in told
    assert "SARK preview" not in told
    assert untouched(here)


EVIL = "`|x|<img src=x>@dana [a](https://evil.example)"
MARKUP = (
    HEAD.format(kind="Workflow", name="deploy")
    + f"""\
steps:
  each:
    for_each:
      over: '["{EVIL}"]'
      as: one
      key: one
      max_items: 2
      steps: {{say: {{uses: echo.say@1, with: {{message: hello}}}}}}
  end: {{fail: {{type: my.error, message: '{EVIL}'}}, needs: [each]}}
"""
)


def is_inert(told: str) -> bool:
    """True if what an author has named in markup stands in code alone, in rows that are whole."""
    bare = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", told)
    rows = [line.replace("\\|", "") for line in bare.split("\n") if "|" in line]
    return {4} == {row.count("|") - 1 for row in rows} and not any(
        each in bare for each in ("<img", "@dana", "](", "evil")
    )


def test_names_with_markup_stay_names(here: Stage):
    """
    What an author names in markup, in keys of items and in errors, becomes neither a link, a
    mention nor a row of the table.
    """
    number = opened(here, MARKUP)
    said(here, number, "/sark preview deploy")
    told = here.concluded(here.fork.head)["output"]["text"]

    assert "SARK preview of `deploy`: failed" in told
    assert "<img" in told
    assert is_inert(told)
    assert "this is no command" in said(here, number, "/sark preview <img>")


def test_where_there_are_no_checks_the_comment_tells_it(tmp_path: Path, database_url: str):
    """
    At a forge without checks, the one comment tells the timeline below the plan, with the notes on
    what was refused; a new head takes them away.
    """
    with stage(tmp_path, database_url, is_app=False) as here:
        here.start({"a.yaml": spec("a")})
        number = here.open({"deploy.yaml": MARKUP}, author="dana")
        until(lambda: here.ours(number))
        here.settled()
        here.say(number, "/sark preview deploy", "bob")
        here.settled()
        here.say(number, "/sark preview deploy", "eve")
        here.settled()
        (told,) = here.ours(number)
        plan, _, preview = told.partition("### SARK preview of `deploy`: failed")

        assert plan.startswith("<!-- sark:plan v1 source=shop -->\n### SARK plan: 1 added")
        assert "- `eve`: who may not write to the repository is not heard." in plan
        assert "<img" in preview
        assert is_inert(preview)
        assert {} == here.hub.checks
        assert untouched(here)

        here.push(number, {"deploy.yaml": DEPLOY})
        here.settled()
        assert ["SARK preview" in each for each in here.ours(number)] == [False]


def test_a_preview_that_takes_too_long_is_given_up(here: Stage, monkeypatch: pytest.MonkeyPatch):
    """
    A preview that is not made in its time is ended; the check says so, and the plan stays.
    """
    number = opened(here)
    monkeypatch.setattr(previewing, "_SECONDS", 0.01)
    told = said(here, number, "/sark preview deploy day=x")

    assert "there is none" in told
    assert "and given up" in told
    assert "success" == here.concluded(here.fork.head)["conclusion"]
