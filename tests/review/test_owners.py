"""`CODEOWNERS` of the base: whom policies ask by it, and that nobody helps himself by another."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.git.repo import spec
from tests.review.stage import TEAM, Stage, stage
from tests.review.test_commands import plan, said

OWNED = """\
rule("owners-approve", "Who owns a file approves what becomes of it.");
approval("owners-approve", change, group, ["its file is of", group]) if
    group in change.owner_groups;
"""
OWNERS = f"* @bob\n/flows/pay.yaml @{TEAM}\n/flows/free.yaml\n* nobody\n"


@pytest.fixture
def here(tmp_path: Path, database_url: str) -> Iterator[Stage]:
    with stage(tmp_path, database_url) as made:
        made.start({"pay.yaml": spec("pay"), "free.yaml": spec("free"), "policies/a.polar": OWNED,
                    "../.github/CODEOWNERS": OWNERS})  # fmt: skip
        yield made


def test_a_workflow_of_another_team_is_moved_and_the_list_of_owners_goes(here: Stage):
    """
    E07: the owners of the base are asked, those of the file that it was in and of the one that it
    is in; the comment says whose what is, and that another list does not count.
    """
    number = here.open(
        {"mine.yaml": spec("pay", "other")}, gone=("pay.yaml", "../.github/CODEOWNERS"),
        author="eve",
    )  # fmt: skip
    check = here.concluded(here.fork.head)
    (comment,) = here.ours(number)

    assert "action_required" == check["conclusion"]
    assert [{"owners-approve": ["@bob", TEAM]}] == [row[0] for row in here.rows(
        "SELECT asks FROM reviews")]  # fmt: skip
    assert "- `@bob`: `flows/mine.yaml`" in comment
    assert f"- `{TEAM}`: `flows/pay.yaml`" in comment
    assert "This changes `.github/CODEOWNERS`: that of the base counts." in comment
    assert "`.github/CODEOWNERS:4` is passed over: `nobody` is no owner" in comment

    said(here, number, f"/sark approve owners-approve {plan(here)}", "bob")
    assert "action_required" == here.concluded(here.fork.head)["conclusion"]
    said(here, number, f"/sark approve owners-approve {plan(here)}", "ann")
    assert "success" == here.concluded(here.fork.head)["conclusion"]


def test_who_owns_nothing_of_it_does_not_approve(here: Stage):
    """
    One who may write and is none of the owners is refused, in the check; a person who is an owner
    approves by his name.
    """
    number = here.open({"new.yaml": spec("new")}, author="eve")
    here.concluded(here.fork.head)
    refused = said(here, number, f"/sark approve owners-approve {plan(here)}", "ann")
    assert "only a member of `@bob` who may write approves `owners-approve`" in refused

    said(here, number, f"/sark approve owners-approve {plan(here)}", "bob")
    assert "success" == here.concluded(here.fork.head)["conclusion"]


def test_what_nobody_owns_asks_nobody(here: Stage):
    """
    A line without owners takes a file out of what an earlier line says.
    """
    number = here.open({"free.yaml": spec("free", "other")}, author="eve")

    assert "success" == here.concluded(here.fork.head)["conclusion"]
    assert "- nobody: `flows/free.yaml`" in here.ours(number)[0]


def test_a_list_that_cannot_be_used_lets_nothing_through(here: Stage):
    """
    Policies that ask for owners deny while the base's list is too large to be read.
    """
    here.repo.commit({".github/CODEOWNERS": "# " + "x" * 300_000})
    number = here.open({"new.yaml": spec("new")}, author="eve")
    check = here.concluded(here.fork.head)

    assert "failure" == check["conclusion"]
    assert "it is over 256 KiB, and was not read" in here.ours(number)[0]
