"""A GitHub App as the credential of its repository: Git is let in by the same token as the API."""

import asyncio
import threading
import time
from urllib.parse import urlsplit

from engine.errors import Misconfigured, SarkError
from engine.forge.forges import Forges
from engine.settings import Source

# A token of an installation lives for an hour.
_KEPT_SECONDS = 1_800.0
_APIS = {"api.github.com": "github.com"}


def is_by_app(source: Source) -> bool:
    """True if the app that speaks for a source at its forge lets Git in, too.

    It is shown to the host of the forge alone, and for its repository alone; a credential that
    the source names itself comes first.
    """
    told = source.forge
    if told is None or told.app is None or source.token is not None:
        return False
    asked, url = urlsplit(told.url), urlsplit(source.url)
    host = _APIS.get(asked.hostname or "", asked.hostname)
    path = url.path.strip("/").removesuffix(".git").lower()
    is_there = url.hostname == host and path == told.repository.lower()
    return url.scheme == "https" and url.username is None and is_there


class AppHeader:
    """Gives the header of a repository's app, made anew each half hour. Blocks."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._turn = threading.Lock()
        self._header, self._until = "", 0.0

    def __call__(self) -> str:
        """Return the header; raise Misconfigured where GitHub gives no token."""
        with self._turn:
            if time.monotonic() >= self._until:
                self._header = self._asked()
                self._until = time.monotonic() + _KEPT_SECONDS
            return self._header

    def _asked(self) -> str:
        try:
            return f"Authorization: {asyncio.run(self._ask())}"
        except (SarkError, OSError) as error:
            told = f"the app of source {self._source.name!r} gets no token: {error}"
            raise Misconfigured(told) from None

    async def _ask(self) -> str:
        async with Forges([self._source]) as forges:
            forge = forges.of(self._source.name)
            assert forge is not None, "a source with an app has a forge"
            return await forge.authorization()
