"""A repository and its mirror, for the tests of both."""

import pytest

from engine.git.address import parse
from engine.git.mirror import Mirror
from tests.git.repo import Repo


@pytest.fixture
def repo(tmp_path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def mirror(tmp_path, repo) -> Mirror:
    return Mirror(tmp_path / "mirrors", parse(repo.url))
