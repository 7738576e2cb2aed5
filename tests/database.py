"""A database of a test's own, beside the one that a URL names."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg


@contextmanager
def another(url: str, template: str = "template0") -> Iterator[str]:
    """Give the URL of a new database, a copy of `template`, until the end of the context.

    Its files are copied: that is an eighth of the work of writing each page to the log.
    """
    place, _, _ = url.rpartition("/")
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(f"{place}/postgres", autocommit=True) as connection:
        made = f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy'
        connection.execute(made.encode())
        yield f"{place}/{name}"
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextmanager
def clone(url: str) -> Iterator[str]:
    """Give the URL of a copy of a database that nobody is connected to."""
    with another(url, url.rpartition("/")[2]) as copy:
        yield copy
