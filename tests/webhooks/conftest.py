"""A server for each test file, and one database for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.served import Served, settings


@pytest.fixture
def server(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Served]:
    with Served(settings(tmp_path, database_url, redis_url)) as served:
        yield served
