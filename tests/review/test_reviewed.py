"""Commits that wait for a review of what they change."""

from pathlib import Path

import pytest

from tests.git.repo import spec
from tests.review.stage import Stage, stage, until


@pytest.fixture
def here(tmp_path: Path, database_url: str):
    with stage(tmp_path, database_url, require_reviewed_plan=True) as made:
        yield made


def active(here: Stage) -> str:
    return "".join(str(row[0]) for row in here.rows("SELECT active FROM sources"))


def test_what_nobody_has_reviewed_is_held(here: Stage):
    """
    A push past the review is held and says so; merged as it was reviewed, a commit is live.
    """
    first = here.start({"a.yaml": spec("a")})
    until(lambda: first == active(here))
    here.repo.commit({"flows/a.yaml": spec("a", "sly")})
    held = until(lambda: here.rows("SELECT reason FROM commits WHERE state = 'Held'"))

    assert "is not one that a review has found good" in held[0][0]
    assert first == active(here)

    here.repo.git("reset", "-q", "--hard", first)
    number = here.open({"a.yaml": spec("a", "new")})
    assert "success" == here.concluded(here.fork.head)["conclusion"]
    merged = here.merge(number)

    assert until(lambda: merged == active(here))
