"""A server for each test file, and one database for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import clone
from tests.webhooks.served import Served, settings


@pytest.fixture(scope="module")
def shared(
    template_url: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One server for all tests of a file that leave nothing behind."""
    folder = tmp_path_factory.mktemp("shared")
    with clone(template_url) as url, Served(settings(folder, url, redis_server)) as served:
        yield served


@pytest.fixture
def server(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Served]:
    with Served(settings(tmp_path, database_url, redis_url)) as served:
        yield served
