"""Where the database of the settings is, whether or not anybody serves it just now."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from shutil import rmtree

from engine.errors import NotFound
from engine.local.holding import hold, is_held
from engine.local.postgres import Postgres
from engine.settings import Settings


@contextmanager
def existing(settings: Settings) -> Iterator[str]:
    """Give the database's URL: the operator's, that of a `sark up`, or of its server, started.

    Raise NotFound where there is none.
    """
    if settings.database_url is not None:
        yield settings.database_url
        return
    state = settings.state
    if not (state / "postgres" / "data" / "PG_VERSION").exists():
        raise NotFound(
            f"there is no database in {state}: name the folder of a `sark up` with --state, or "
            "set SARK_DATABASE_URL to a server"
        )
    if is_held(state):
        yield (state / "database_url").read_text().strip()
        return
    with hold(state, "`sark backup`"), _serving(Postgres(state / "postgres")) as url:
        yield url


@contextmanager
def held(settings: Settings, what: str) -> Iterator[str]:
    """Hold the state folder, and give the URL of the database to write to.

    Without a URL in the settings it is in the state folder; if it was made for this and what is
    done inside fails, it is removed again. Raise Misconfigured if somebody has the folder.
    """
    with hold(settings.state, what):
        if settings.database_url is not None:
            yield settings.database_url
            return
        folder = settings.state / "postgres"
        was_there = folder.exists()
        try:
            with _serving(Postgres(folder)) as url:
                yield url
        except BaseException:
            if not was_there:
                with suppress(OSError):
                    rmtree(folder)
            raise


@contextmanager
def _serving(server: Postgres) -> Iterator[str]:
    try:
        yield server.start()
    finally:
        server.stop()
