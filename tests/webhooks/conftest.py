"""A server for each test file, and one database for it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.webhooks.served import Served, settings


@pytest.fixture(scope="module")
def shared(
    template_url: str, redis_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """One server for all tests of a file that leave nothing behind."""
    place, _, template = template_url.rpartition("/")
    name = f"shared_{uuid4().hex[:12]}"
    with psycopg.connect(f"{place}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        told = settings(tmp_path_factory.mktemp("shared"), f"{place}/{name}", redis_server)
        with Served(told) as served:
            yield served
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def server(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Served]:
    with Served(settings(tmp_path, database_url, redis_url)) as served:
        yield served
