"""Real servers for the tests: one PostgreSQL and one Valkey a session, a database a test."""

import gc
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from coverage import Coverage
from hypothesis import HealthCheck, is_hypothesis_test, settings

from engine.local.valkey import Valkey
from tests.cluster import Cluster
from tests.database import another, clone

# Tests run beside others, and traced: how long one example takes says nothing.
settings.register_profile("sark", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sark")


# Files that start whole processes take longest.
_LONG = ("stories", "chaos", "review", "simulation", "mutants")
# So much of what is short comes after the last of them: whoever is last ends alone.
_TAIL = 0.25
# What goes another way each time, or walks over what other tests reach one by one.
_WALKS = ("simulation", "mutants")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without a look for garbage, for there is none, and be traced in one process alone:
    what each of them imports is the same.
    """
    gc.disable()
    try:
        with untraced(os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0"):
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread files that wait among those that compute, so that neither goes beside its like."""
    files = list(dict.fromkeys(each.path for each in items))
    long = [each for each in files if _top(each) in _LONG]
    short = [each for each in files if _top(each) not in _LONG]
    places = {each: n / len(long) * (1 - _TAIL) for n, each in enumerate(long)}
    places |= {each: n / len(short) for n, each in enumerate(short)}
    items.sort(key=lambda each: places[each.path])


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Trace no walk for coverage: it took more than half of its time, and a line that only chance
    reaches is covered by chance.
    """
    file = pyfuncitem.path
    by_name = _top(file) in _WALKS or file.stem.endswith("_walks")
    with untraced(by_name or is_hypothesis_test(pyfuncitem.obj)):
        return (yield)


@contextmanager
def untraced(wanted: bool) -> Iterator[None]:
    """Stop the measurement of coverage, where there is one, until the end of the context."""
    traced = Coverage.current() if wanted else None
    if traced is not None:
        traced.stop()
    try:
        yield
    finally:
        if traced is not None:
            traced.start()


def _top(file: Path) -> str:
    """Return the first folder of a file of tests."""
    return file.relative_to(Path(__file__).parent).parts[0]


@pytest.fixture(scope="module", autouse=True)
def processes_go_unmeasured(request: pytest.FixtureRequest) -> Iterator[None]:
    """What stories start is traced for no coverage: it took a third of their time, and tests
    beside them run the same lines.
    """
    with pytest.MonkeyPatch.context() as patch:
        if _top(request.path) in _LONG:
            patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


@pytest.fixture(scope="session")
def servers() -> Iterator[Path]:
    """A folder for the session's servers."""
    folder = Path(tempfile.mkdtemp(prefix="sark-test-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template_url(servers: Path) -> Iterator[str]:
    """A migrated database that each test's own is cloned from."""
    server = Cluster(servers / "postgres")
    url = server.start()
    with psycopg.connect(url, autocommit=True) as connection:
        # What a process has written outlives its kill; only the end of the machine asks for more,
        # and no test of this server ends the machine.
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    yield url
    server.stop()


@pytest.fixture
def database_url(template_url: str) -> Iterator[str]:
    """An empty, migrated database of this test's own."""
    with clone(template_url) as url:
        yield url


@pytest.fixture
def empty_url(template_url: str) -> Iterator[str]:
    """A database with nothing in it."""
    with another(template_url) as url:
        yield url


@pytest.fixture(scope="session")
def redis_server(servers: Path) -> Iterator[str]:
    server = Valkey(servers / "valkey")
    yield server.start()
    server.stop()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """An empty Redis."""
    from redis import Redis

    with Redis.from_url(redis_server) as redis:
        redis.flushall()
    return redis_server
