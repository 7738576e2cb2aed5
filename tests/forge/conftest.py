from collections.abc import Iterator

import pytest

from tests.forge.github import FakeGitHub


@pytest.fixture
def hub() -> Iterator[FakeGitHub]:
    """A GitHub of this test's own."""
    with FakeGitHub() as fake:
        yield fake
